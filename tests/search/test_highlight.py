"""Marks stand where the words stand, in the script of the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.integrations.opencc import OpenCCConverter
from marketplace.search.rules.highlight import Highlighter, Piece

CONVERTER = OpenCCConverter()


def shorter(text: str) -> str:
    """A converter that changes the length, as conversions by words do."""
    return text.replace("網際網路", "互联网").replace("計程車", "出租汽车").replace("社區", "社区")


def marks(text: str, *forms: str) -> list[str]:
    """The marked stretches of a text."""
    return [piece.text for piece in Highlighter(forms, CONVERTER.to_simplified).pieces(text) if piece.is_marked]


@pytest.mark.parametrize(("text", "forms", "expected"), [
    ("桐浦街道长者助餐服务", ("长者", "助餐"), ["长者助餐"]),
    ("長者助餐與社區照顧", ("长者助餐", "社区"), ["長者助餐", "社區"]),
    ("助餐点、助餐员", ("助餐",), ["助餐", "助餐"]),
    ("ＡＢＣ服务 abc xabc", ("abc",), ["ＡＢＣ", "abc"]),
    ("LC-2026-0001 号", ("lc-2026-0001",), ["LC-2026-0001"]),
    ("长者助餐", ("餐",), ["餐"]),
    ("长者助餐", ("长者", "餐"), ["长者"]),
    ("没有这些", ("助餐",), []),
    ("", ("助餐",), []),
    ("助餐", ("", "  "), []),
    ("①㎡助餐㎡", ("助餐",), ["助餐"]),
])
def test_words_are_marked_as_they_are_written(text: str, forms: tuple[str, ...], expected: list[str]) -> None:
    assert marks(text, *forms) == expected


def test_a_conversion_that_changes_the_length_does_not_move_the_marks() -> None:
    text = "社區的網際網路服務，計程車接送，社區食堂"
    found = Highlighter(["互联网", "出租汽车", "社区"], shorter).pieces(text)
    assert [piece.text for piece in found if piece.is_marked] == ["社區", "網際網路", "計程車", "社區"]
    assert "".join(piece.text for piece in found) == text


def test_a_snippet_shows_where_most_of_the_words_stand() -> None:
    text = "助餐一次。" + "前面的话，" * 60 + "这里有长者助餐和上门送餐。" + "后面的话，" * 60
    pieces = Highlighter(["长者", "助餐", "送餐"], CONVERTER.to_simplified).snippet(text)
    said = "".join(piece.text for piece in pieces)
    assert "长者助餐和上门送餐" in said
    assert said.startswith("…")
    assert said.endswith("…")
    assert len(said) < 100


def test_a_snippet_of_a_traditional_text_is_found_by_simplified_words() -> None:
    text = "前面的話，" * 60 + "這裡有長者服務。" + "後面的話，" * 60
    pieces = Highlighter(["长者"], CONVERTER.to_simplified).snippet(text)
    assert Piece("長者", is_marked=True) in pieces


def test_a_snippet_without_the_words_is_the_beginning() -> None:
    text = "开头的话，" * 60
    pieces = Highlighter(["助餐"], CONVERTER.to_simplified).snippet(text)
    assert "".join(piece.text for piece in pieces).startswith("开头的话")
    assert not Highlighter(["助餐"], CONVERTER.to_simplified).holds(text)
    assert Highlighter(["开头"], CONVERTER.to_simplified).holds(text)


@given(st.text(max_size=80), st.lists(st.text(max_size=6), max_size=5))
def test_the_pieces_of_any_text_are_the_text(text: str, forms: list[str]) -> None:
    for simplify in (CONVERTER.to_simplified, shorter):
        pieces = Highlighter(forms, simplify).pieces(text)
        assert "".join(piece.text for piece in pieces) == text
        assert all(piece.text for piece in pieces)


@given(st.text(alphabet="社區網際路計程車ab。 ", max_size=200), st.lists(st.sampled_from(["互联网", "出租", "社区", "ab", "车"]), max_size=4))
def test_a_snippet_never_fails_and_stays_short(text: str, forms: list[str]) -> None:
    pieces = Highlighter(forms, shorter).snippet(text, 40)
    assert sum(len(piece.text) for piece in pieces) <= 42


def test_a_form_of_which_nothing_is_left_marks_nothing() -> None:
    assert [piece.text for piece in Highlighter(["\u3000", "\u2000 ", ""], str).pieces("社区助餐")] == ["社区助餐"]
