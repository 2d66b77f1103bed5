"""Codes, names, credit facts and ties."""

from dataclasses import dataclass
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.errors import IllegalStep, Invalid
from marketplace.organizations import rules
from marketplace.organizations.rules import Eligibility, Identity, OrganizationKind, Standing, Verification

VALID = (
    "51100000500009247D", "51100000500012681T", "53100000500021676K", "53100000500019795A", "52440300MJL186084F",
    "12100000400009127B", "91110000600037341L", "91440300708461136T",
)
INVALID = ("53100000500020462H", "51100000500000024G", "531000005000074012")


@pytest.mark.parametrize("code", VALID)
def test_a_published_code_is_valid(code: str) -> None:
    assert rules.credit_code_is_valid(code)


@pytest.mark.parametrize("code", INVALID)
def test_a_mistyped_code_is_not_valid(code: str) -> None:
    assert not rules.credit_code_is_valid(code)


@pytest.mark.parametrize("code", ["", "5110000050000924", "I1100000500009247D", "01100000500009247D", "51100000500009247d"])
def test_codes_of_the_wrong_shape_are_not_valid(code: str) -> None:
    assert not rules.credit_code_is_valid(code)


@pytest.mark.parametrize("first", ["N2440606", "A1100000", "Y1110000"])
def test_codes_that_begin_with_a_letter_are_valid(first: str) -> None:
    body = "MF123456"
    start = first + body + rules.body_code_check(body)
    assert rules.credit_code_is_valid(start + rules.credit_code_check(start))


@given(st.sampled_from(VALID), st.integers(0, 17), st.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXY"))
def test_one_wrong_character_is_always_found(code: str, place: int, sign: str) -> None:
    altered = code[:place] + sign + code[place + 1:]
    assert rules.credit_code_is_valid(altered) == (altered == code)


def test_the_check_digit_of_the_body_code_is_looked_at_too() -> None:
    start = "52990100" + "MJ000001" + "0"
    assert rules.body_code_check("MJ000001") != "0"
    assert not rules.credit_code_is_valid(start + rules.credit_code_check(start))


def test_a_code_is_read_as_people_type_it() -> None:
    assert rules.check_credit_code(" ５１100000-500009247d ") == "51100000500009247D"
    assert rules.check_credit_code("   ") is None
    assert rules.check_credit_code(None) is None


@pytest.mark.parametrize(("typed", "words"), [
    ("5110000050000924", "16 位"), ("5110000O500009247D", "O"), ("51100000500009247E", "校验位"),
])
def test_a_wrong_code_says_what_is_wrong(typed: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as refusal:
        rules.check_credit_code(typed)
    assert refusal.value.field == "credit_code"


def test_the_type_in_the_code_is_compared_with_the_kind() -> None:
    assert rules.code_fits_kind("51100000500009247D", OrganizationKind.ASSOCIATION)
    assert not rules.code_fits_kind("51100000500009247D", OrganizationKind.FOUNDATION)
    assert rules.code_fits_kind(None, OrganizationKind.FOUNDATION)
    assert rules.code_fits_kind("51100000500009247D", OrganizationKind.OTHER)


@pytest.mark.parametrize(("one", "other"), [
    ("阳光社会工作服务中心", "陽光社會工作服務中心"), ("己任公益中心", "已任公益中心"), ("Hope 中心", "ｈｏｐｅ中心"),
    ("人人公益", "\u2f08人公益"), ("未来社", "末来社"), ("安心\u200b社", "安心社"),
])
def test_names_that_look_alike_share_a_key(one: str, other: str) -> None:
    assert rules.name_key(one) == rules.name_key(other)


def test_different_names_have_different_keys() -> None:
    assert rules.name_key("晨光社会工作服务中心") != rules.name_key("晨曦社会工作服务中心")


@pytest.mark.parametrize(("one", "other", "close"), [
    ("abc", "abc", True), ("abc", "abd", True), ("abc", "abcd", True), ("abcd", "acd", True), ("abc", "acb", False),
    ("abc", "abcde", False), ("", "a", True), ("a", "", True), ("abc", "xbz", False), ("bcd", "abcd", True),
])
def test_keys_are_close_within_one_edit(one: str, other: str, close: bool) -> None:
    assert rules.keys_are_close(one, other) is close


@pytest.mark.parametrize("sign", ["\u200b", "\u202e", "\x07", "\ue000", "\U000e0001"])
def test_invisible_characters_in_a_name_are_refused_by_their_number(sign: str) -> None:
    with pytest.raises(Invalid, match="U\\+"):
        rules.check_name(f"阳光{sign}中心")


@pytest.mark.parametrize("name", ["", "社", "社" * 101])
def test_a_name_has_two_to_a_hundred_characters(name: str) -> None:
    with pytest.raises(Invalid, match="2 到 100"):
        rules.check_name(name)


def test_white_space_in_a_name_is_tidied() -> None:
    assert rules.check_name("  阳光   社工（澜川） ") == "阳光 社工（澜川）"


@dataclass
class Listing:
    kind: str
    listed_on: date
    removed_on: date | None


@dataclass
class Grade:
    grade: int
    issued_on: date
    expires_on: date


@pytest.mark.parametrize(("day", "listed"), [
    (date(2026, 1, 9), False), (date(2026, 1, 10), True), (date(2026, 6, 30), True), (date(2026, 7, 1), False),
])
def test_a_listing_holds_from_its_day_until_before_its_removal(day: date, listed: bool) -> None:
    listings = [Listing("abnormal", date(2026, 1, 10), date(2026, 7, 1))]
    assert rules.is_listed(listings, "abnormal", day) is listed
    assert not rules.is_listed(listings, "serious", day)


def test_a_listing_without_removal_still_holds() -> None:
    assert rules.is_listed([Listing("serious", date(2020, 1, 1), None)], "serious", date(2026, 1, 1))


@pytest.mark.parametrize(("day", "grade"), [
    (date(2020, 1, 1), None), (date(2021, 5, 1), 3), (date(2024, 1, 1), 4), (date(2029, 1, 1), 4), (date(2029, 1, 2), None),
])
def test_the_newest_valid_rating_counts_and_its_last_day_is_included(day: date, grade: int | None) -> None:
    ratings = [Grade(3, date(2021, 5, 1), date(2026, 5, 1)), Grade(4, date(2024, 1, 1), date(2029, 1, 1))]
    assert rules.grade_on(ratings, day) == grade


def test_each_legal_bar_is_a_reason_of_its_own() -> None:
    good = Eligibility(is_verified=True, is_legal_person=True, is_abnormal=False, is_serious=False, grade=None)
    bad = Eligibility(is_verified=False, is_legal_person=False, is_abnormal=True, is_serious=True, grade=5)
    assert good.bars == ()
    assert len(bad.bars) == 4


@pytest.mark.parametrize("state", list(Verification))
@pytest.mark.parametrize("action", ["submit", "verify", "return", "change"])
def test_every_step_of_the_check_is_decided(state: Verification, action: str) -> None:
    legal = {
        ("unverified", "submit"): "submitted", ("returned", "submit"): "submitted", ("unverified", "verify"): "verified",
        ("submitted", "verify"): "verified", ("submitted", "return"): "returned", ("verified", "return"): "returned",
        ("verified", "change"): "unverified",
    }
    expected = legal.get((state.value, action))
    if expected is None:
        with pytest.raises(IllegalStep):
            rules.VERIFICATION_STEPS.after(state, action)
    else:
        assert rules.VERIFICATION_STEPS.after(state, action) == expected


def test_every_kind_has_a_label_and_a_standing() -> None:
    assert set(rules.KIND_LABELS) == set(rules.STANDING_OF_KIND) == set(OrganizationKind)
    assert set(rules.STANDING_LABELS) == set(Standing)
    assert set(rules.VERIFICATION_LABELS) == set(Verification)


def identity(**facts: object) -> Identity:
    plain = {"key": 1, "credit_code": None, "legal_representative": None, "contact_phone": None, "bank_account": None,
             "related_codes": frozenset()}
    return Identity(**{**plain, **facts})


@pytest.mark.parametrize(("one", "other", "words"), [
    ({"credit_code": "A"}, {"related_codes": frozenset({"A"})}, "关联方"),
    ({"related_codes": frozenset({"B"})}, {"credit_code": "B"}, "关联方"),
    ({"legal_representative": "林晓"}, {"legal_representative": "林晓"}, "法定代表人"),
    ({"bank_account": "62"}, {"bank_account": "62"}, "银行"),
    ({"contact_phone": "13"}, {"contact_phone": "13"}, "电话"),
])
def test_a_shared_identifier_ties_two_bidders(one: dict, other: dict, words: str) -> None:
    assert words in (rules.tie_between(identity(**one), identity(**other)) or "")


def test_unknown_identifiers_tie_nobody() -> None:
    assert rules.tie_between(identity(), identity(key=2)) is None
