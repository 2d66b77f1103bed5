"""Names, passwords, codes and the separation of administrators, without a database."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.accounts import rules
from marketplace.accounts.rules import Place
from marketplace.core.access import Role
from marketplace.core.errors import Conflict, Invalid

UNIT = Place(1, "u", "区民政局", "/1/")
PROVIDER = Place(2, "p", "暖邻社工中心", "")


@pytest.mark.parametrize(("typed", "login"), [
    ("13800000001", "13800000001"), (" 138 0000 0001 ", "13800000001"), ("１３８００００００００１"[:11], "13800000000"), ("+86 138-0000-0001", "13800000001"),
    ("Fang.Jing@Example.CN", "fang.jing@example.cn"),
])
def test_an_account_name_is_a_mobile_number_or_an_e_mail(typed, login):
    assert rules.check_login(typed) == login


@pytest.mark.parametrize("typed", ["", "12800000001", "1380000000", "138000000011", "方静", "a@b", "@b.cn", "a b@c.cn", "a@b.cn\u200b@", "a@@b.cn"])
def test_anything_else_is_no_account_name(typed):
    with pytest.raises(Invalid, match="手机号或电子邮箱"):
        rules.check_login(typed)


@given(st.text(max_size=40))
def test_reading_an_account_name_twice_changes_nothing(typed):
    once = rules.normal_login(typed)
    assert rules.normal_login(once) == once
    assert rules.login_key(typed) == rules.login_key(once)


def test_a_name_is_trimmed_and_composed():
    assert rules.check_name("  阿依古丽·买买提 ") == "阿依古丽·买买提"
    assert rules.check_name("Jose\u0301") == "José"


@pytest.mark.parametrize("typed", ["", "  ", "长" * 61, "周\u202e敏", "周\u200b敏", "周\x00敏"])
def test_a_name_has_no_invisible_characters_and_a_limit(typed):
    with pytest.raises(Invalid):
        rules.check_name(typed)


@pytest.mark.parametrize("password", ["three plain words", "一句只有我知道的话", "8个字符就够了哦", "long " * 51 + "x", "tr0ub4dor&3", "        a "])
def test_a_password_needs_length_and_nothing_else(password):
    assert rules.check_password(password, login="13800000001", name="周敏")


@pytest.mark.parametrize("password", [
    "1234567", "x" * 257, "password", "PASSWORD123", "woaini1314", "aaaaaaaa", "abababab", "abcabcabc", "12345678", "87654321", "34567890",
    "13800000001", "13800000001a", "周敏周敏周敏周敏",
])
def test_short_common_repeated_and_own_name_passwords_are_refused(password):
    with pytest.raises(Invalid) as refused:
        rules.check_password(password, login="13800000001", name="周敏")
    assert refused.value.field == "password"


def test_the_local_part_of_an_e_mail_is_no_password():
    with pytest.raises(Invalid):
        rules.check_password("fangjing1", login="fangjing@example.cn")
    assert rules.check_password("fangjing likes tea", login="fangjing@example.cn")


def test_the_list_of_common_passwords_holds_only_what_could_be_typed():
    assert len(rules.common_passwords()) >= 300
    assert all(len(each) >= rules.MIN_PASSWORD and each == each.lower() for each in rules.common_passwords())


@pytest.mark.usefixtures("slow_hasher")
def test_a_password_is_kept_as_argon2id_and_fits_only_itself():
    stored = rules.hash_password("three plain words")
    assert stored.startswith("$argon2id$v=19$m=32768,t=2,p=1$")
    assert rules.password_fits("three plain words", stored)
    assert not rules.password_fits("three plain word", stored)
    assert not rules.password_fits("three plain words", None)
    assert not rules.password_fits("three plain words", "no hash")


def test_composed_and_decomposed_typing_is_the_same_password():
    assert rules.password_fits("cafe\u0301 au lait", rules.hash_password("café au lait"))


def test_slip_codes_are_readable_and_forgive_how_they_are_typed():
    codes = {rules.new_slip_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(len(code) == 14 and not set(code) & set("0OI1L") for code in codes)
    code = codes.pop()
    assert rules.slip_hash(code) == rules.slip_hash(f" {code.replace('-', ' ').lower()} ")
    assert rules.slip_hash(code) != rules.slip_hash(codes.pop())


def test_tokens_differ_and_are_kept_as_hashes():
    token = rules.new_token()
    assert len(token) == 43
    assert token not in rules.token_hash(token)
    assert rules.new_token() != token


@pytest.mark.parametrize(("roles", "minutes"), [
    ({Role.PROVIDER_MEMBER}, 120), ({Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER}, 120), ({Role.PROVIDER_ADMIN, Role.EXPERT}, 30),
    ({Role.HANDLER}, 30), ({Role.FUNDER}, 30), (set(), 30),
])
def test_only_providers_may_rest_two_hours(roles, minutes):
    assert rules.idle_limit(roles) == timedelta(minutes=minutes)


@pytest.mark.parametrize("held", list(rules.ADMINISTRATIVE))
@pytest.mark.parametrize("role", list(Role))
def test_nobody_is_two_of_the_three_administrators(held, role):
    if role in rules.ADMINISTRATIVE and role is not held:
        with pytest.raises(Conflict, match="兼任"):
            rules.check_separation({held}, role)
    else:
        rules.check_separation({held}, role)


@pytest.mark.parametrize("role", list(Role))
def test_each_role_has_its_kind_of_place(role):
    fits = {None: role in rules.PLATFORM_ROLES, UNIT: role in rules.UNIT_ROLES,
            PROVIDER: role in rules.PROVIDER_ROLES | {Role.FUNDER}}
    assert sum(fits.values()) == 1
    for place, right in fits.items():
        if right:
            rules.check_place(role, place)
        else:
            with pytest.raises(Invalid):
                rules.check_place(role, place)
