"""Makes static/fonts from the two source fonts: `python tools/fonts.py FOLDER` (see static/fonts/README.md).

A source names its glyphs by numbers (CIDs) that differ from their places in the file. The typesetter writes places,
readers that follow the standard look up numbers, and would show other characters. So every font is renumbered: the
number of a glyph is its place. Outlines and widths stay what they are.
"""

import hashlib
import sys
from io import BytesIO
from pathlib import Path

from fontTools import subset
from fontTools.cffLib import CFFFontSet
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables.DefaultTable import DefaultTable

TARGET = Path(__file__).resolve().parent.parent / "static" / "fonts"
SOURCES = {
    "NotoSerifSC-Regular.otf": ("Fair Song", "e8f396decc1f0963a016a989c3d8852e863d1350996f573860a80767c83a1cd3"),
    "NotoSansSC-Regular.otf": ("Fair Hei", "faa6c9df652116dde789d351359f3d7e5d2285a2b2a1f04a2d7244df706d5ea9"),
}
SIGNS = "·—–‘’“”…‰′″€¥£§°±×÷²³¹½℃№①②③④⑤⑥⑦⑧⑨⑩㎡㎏㎜㎝㎞\u00a0\u2002\u2003\u2009\u200b■□▲△●○★☆√☐☑☒"
FEATURES = ["kern", "halt", "palt", "vert", "locl", "ccmp", "liga", "calt"]
NAME_IDS = {1: "{0}", 3: "{1}-2", 4: "{0}", 6: "{1}", 16: "{0}"}


def gb2312() -> set[int]:
    """Return the code points of ASCII, GB 2312 and a few signs of contracts."""
    points = {*range(0x20, 0x7F), *map(ord, SIGNS)}
    for high in range(0xA1, 0xF8):
        for low in range(0xA1, 0xFF):
            try:
                points.add(ord(bytes((high, low)).decode("gb2312")))
            except UnicodeDecodeError:
                continue
    return points


def small(data: bytes) -> bytes:
    """Return the subset that most papers need."""
    options = subset.Options(
        layout_features=FEATURES, name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14], name_languages=[0x409], notdef_outline=True,
        hinting=False, recalc_timestamp=False)
    font = TTFont(BytesIO(data), recalcTimestamp=False)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=gb2312())
    cutter.subset(font)
    out = BytesIO()
    font.save(out)
    return out.getvalue()


def finish(data: bytes, family: str) -> bytes:
    """Return the font under its own name, each glyph numbered by its place."""
    font, plain = TTFont(BytesIO(data), recalcTimestamp=False), family.replace(" ", "")
    for record in list(font["name"].names):
        if pattern := NAME_IDS.get(record.nameID):
            font["name"].setName(pattern.format(family, plain), record.nameID, record.platformID, record.platEncID,
                                 record.langID)
    outlines = CFFFontSet()
    outlines.decompile(BytesIO(font.reader["CFF "]), font)
    outlines.fontNames, top = [plain], outlines.topDictIndex[0]
    for key in ("FullName", "FamilyName"):
        if hasattr(top, key):
            setattr(top, key, family)
    strings, old = top.CharStrings, list(top.charset)
    top.charset = [".notdef", *(f"cid{place:05d}" for place in range(1, len(old)))]
    top.CIDCount = len(old)
    strings.charStrings = {new: strings.charStrings[name] for name, new in zip(old, top.charset, strict=True)}
    packed = BytesIO()
    outlines.compile(packed, font, isCFF2=False)
    table = DefaultTable("CFF ")
    table.data = packed.getvalue()  # written as it is: every other table refers to places, which did not change
    font.tables["CFF "] = table
    out = BytesIO()
    font.save(out, reorderTables=False)
    return out.getvalue()


def main(folder: Path) -> None:
    """Write the four fonts and their checksums."""
    for name, (family, digest) in SOURCES.items():
        data = (folder / name).read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise SystemExit(f"{name} is not the source that was chosen")
        plain = family.replace(" ", "")
        (TARGET / f"{plain}.otf").write_bytes(finish(data, family))
        (TARGET / f"{plain}GB.otf").write_bytes(finish(small(data), f"{family} GB"))
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
             for path in sorted(TARGET.iterdir()) if path.suffix in {".otf", ".txt"}]
    (TARGET / "SHA256SUMS").write_text("".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
