"""Money: parsing as people type, splitting to the fen, capitals of rulebook 6.4."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.errors import Invalid
from marketplace.core.money import Money


@pytest.mark.parametrize(("text", "fen"), [
    ("368000", 36_800_000), ("36.8万", 36_800_000), ("３６.８万元", 36_800_000), ("￥1,200.50", 120_050),
    ("0.01", 1), ("1.2亿", 12_000_000_000), ("5千", 500_000), (" 1 000 元", 100_000), ("0", 0),
])
def test_amounts_are_read_as_people_type_them(text, fen):
    assert Money.parse(text).fen == fen


def test_a_column_headed_in_wan_gives_its_unit_to_bare_numbers():
    assert Money.parse("36.8", unit="万元") == Money(36_800_000)
    assert Money.parse("368000元", unit="万元") == Money(36_800_000)


@pytest.mark.parametrize("text", ["", "-1", "abc", "1e30", "0.001", "1.2.3", "NaN", "∞", "12,3a", "9" * 17, "９９９９９９９９亿"])
def test_what_is_not_an_amount_is_refused_with_a_sentence(text):
    with pytest.raises(Invalid) as refusal:
        Money.parse(text)
    assert "。" in str(refusal.value)


@given(st.integers(0, 10**12), st.lists(st.integers(0, 1000), min_size=1, max_size=8).filter(any))
def test_parts_always_add_up_and_differ_from_the_exact_share_by_less_than_a_fen(fen, weights):
    parts = Money(fen).split(weights)
    assert sum(p.fen for p in parts) == fen
    assert all(abs(p.fen * sum(weights) - fen * w) < sum(weights) for p, w in zip(parts, weights, strict=True))


@pytest.mark.parametrize(("text", "fen"), [
    ("1,200", 120_000), ("1,234,567.89", 123_456_789), ("12,0000", 12_000_000), ("１，２００元", 120_000), ("1,200万", 1_200_000_000)])
def test_commas_part_thousands_or_wan(text, fen):
    assert Money.parse(text) == Money(fen)


@pytest.mark.parametrize("text", ["12,00", "3,5万", "1,2", "12，5", "1,23,456", ",500", "1,200.50,1", "1,20000", "500,", "1.5,000"])
def test_a_comma_that_may_be_a_decimal_point_is_asked_about(text):
    with pytest.raises(Invalid) as refused:
        Money.parse(text, field="budget")
    assert refused.value.field == "budget"
    assert "逗号" in str(refused.value.sentence)


@pytest.mark.parametrize(("fen", "words"), [
    (123_456_780, "壹佰贰拾叁万肆仟伍佰陆拾柒元捌角"), (36_000_000, "叁拾陆万元整"), (1_000_506, "壹万零伍元零陆分"),
    (0, "零元整"), (10_000_000_000, "壹亿元整"), (100_000_100, "壹佰万零壹元整"), (10, "壹角"), (1, "壹分"),
    (1_010_000_000_000, "壹佰零壹亿元整"), (1_000_000_010_000, "壹佰亿零壹佰元整"),
])
def test_capitals_follow_the_rules_for_cheques_and_contracts(fen, words):
    assert Money(fen).capitals() == words


@given(st.integers(1, 10**14))
def test_capitals_never_double_a_zero_nor_begin_or_end_with_one(fen):
    words = Money(fen).capitals()
    assert "零零" not in words
    assert not words.startswith("零")
    assert words.endswith(("整", "角", "分"))


def test_wan_is_rounded_half_up():
    assert Money(36_805_000).wan() == "36.81"
    assert Money(36_804_999).wan() == "36.80"


def test_money_refuses_anything_but_whole_fen():
    for bad in (1.0, "1", True):
        with pytest.raises(TypeError):
            Money(bad)
