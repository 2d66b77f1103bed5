"""The fonts that travel with the site are the ones that were chosen, and the subsets draw what their sources draw."""

import hashlib
from pathlib import Path

import pytest
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont

FONTS = Path(__file__).resolve().parents[2] / "static" / "fonts"
SOURCES = {"FairSongGB.otf": "FairSong.otf", "FairHeiGB.otf": "FairHei.otf"}
EMBEDDABLE = 0


def test_every_font_has_the_recorded_hash_and_its_licence() -> None:
    recorded = dict(reversed(line.split()) for line in (FONTS / "SHA256SUMS").read_text().splitlines())
    there = {path.name for path in FONTS.iterdir() if path.suffix in {".otf", ".ttf", ".txt"}}
    assert set(recorded) == there
    for name, digest in recorded.items():
        assert hashlib.sha256((FONTS / name).read_bytes()).hexdigest() == digest, name
    assert "SIL OPEN FONT LICENSE Version 1.1" in (FONTS / "OFL.txt").read_text()


def test_all_fonts_together_stay_small_enough_to_travel() -> None:
    assert sum(path.stat().st_size for path in FONTS.glob("*.otf")) < 25_000_000


@pytest.mark.parametrize("name", [*SOURCES, *SOURCES.values()])
def test_the_number_of_every_glyph_is_its_place_so_that_all_readers_show_the_same(name: str) -> None:
    with TTFont(FONTS / name, lazy=True) as font:
        charset = font["CFF "].cff.topDictIndex[0].charset
    assert charset[1:] == [f"cid{place:05d}" for place in range(1, len(charset))]


def test_the_full_fonts_cover_every_unified_ideograph_of_the_first_two_blocks() -> None:
    covered: set[int] = set()
    for name in SOURCES.values():
        with TTFont(FONTS / name, lazy=True) as font:
            covered.update(font.getBestCmap())
    assert set(range(0x4E00, 0x9FFD)) <= covered
    assert set(range(0x3400, 0x4DC0)) <= covered


@pytest.mark.parametrize("name", SOURCES)
def test_a_subset_covers_gb2312_bears_its_own_name_and_may_be_embedded(name: str) -> None:
    with TTFont(FONTS / name) as font:
        covered = set(font.getBestCmap())
        names = {record.toUnicode() for record in font["name"].names if record.nameID in {1, 4, 6}}
        assert font["OS/2"].fsType == EMBEDDABLE
    wanted = set(range(0x20, 0x7F))
    for high in range(0xB0, 0xF8):
        for low in range(0xA1, 0xFF):
            try:
                wanted.add(ord(bytes((high, low)).decode("gb2312")))
            except UnicodeDecodeError:
                continue
    assert len(wanted) > 6_763
    assert wanted <= covered
    assert not [one for one in names if "noto" in one.lower() or "source" in one.lower()]


@pytest.mark.parametrize(("name", "source"), SOURCES.items())
def test_a_subset_draws_each_character_exactly_as_its_source(name: str, source: str) -> None:
    with TTFont(FONTS / name) as small, TTFont(FONTS / source, lazy=True) as large:
        for character in "合同甲乙方人民币零壹贰叁肆伍陆柒捌玖拾佰仟万元整，。（）0123456789ABCxyz%":
            drawn = []
            for font in (small, large):
                glyphs = font.getGlyphSet()
                pen = DecomposingRecordingPen(glyphs)
                glyph = glyphs[font.getBestCmap()[ord(character)]]
                glyph.draw(pen)
                drawn.append((pen.value, glyph.width))
            assert drawn[0] == drawn[1], character
