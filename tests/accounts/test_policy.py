"""Who may open, grant, print, unlock: every kind of administrator against every kind of place."""

import pytest

from marketplace.accounts import policy
from marketplace.accounts.rules import Place
from marketplace.core.access import ANONYMOUS, SYSTEM, Actor, Role

BUREAU, TOWN, SISTER = Place(1, "b", "区民政局", "/1/"), Place(2, "t", "桐浦街道", "/1/2/"), Place(3, "s", "白鹭街道", "/1/3/")
LONE, PROVIDER, OTHER = Place(10, "l", "邻区民政局", "/10/"), Place(20, "p", "暖邻", ""), Place(21, "o", "别家", "")


def actor(role, place=None, person_id=100):
    return Actor(person_id=person_id, organization_id=place.id if place else None, unit_path=place.path if place else "", roles=frozenset({role}))


TOWN_ADMIN, BUREAU_ADMIN = actor(Role.UNIT_ADMIN, TOWN), actor(Role.UNIT_ADMIN, BUREAU)
PROVIDER_ADMIN, OFFICER = actor(Role.PROVIDER_ADMIN, PROVIDER), actor(Role.SECURITY_OFFICER)


@pytest.mark.parametrize(("who", "allowed"), [
    (SYSTEM, True), (TOWN_ADMIN, True), (PROVIDER_ADMIN, True), (OFFICER, True), (ANONYMOUS, False),
    (actor(Role.HANDLER, TOWN), False), (actor(Role.OPERATOR), False), (actor(Role.AUDITOR), False), (actor(Role.PROVIDER_MEMBER, PROVIDER), False),
])
def test_accounts_are_opened_by_administrators_of_organizations_and_the_security_officer(who, allowed):
    assert bool(policy.may_open_account(who)) is allowed


@pytest.mark.parametrize(("who", "role", "place", "allowed"), [
    (BUREAU_ADMIN, Role.HANDLER, BUREAU, True), (BUREAU_ADMIN, Role.APPROVER, TOWN, True), (BUREAU_ADMIN, Role.UNIT_ADMIN, SISTER, True),
    (TOWN_ADMIN, Role.HANDLER, TOWN, True), (TOWN_ADMIN, Role.HANDLER, BUREAU, False), (TOWN_ADMIN, Role.HANDLER, SISTER, False),
    (BUREAU_ADMIN, Role.HANDLER, LONE, False), (BUREAU_ADMIN, Role.OPERATOR, None, False), (BUREAU_ADMIN, Role.EXPERT, None, False),
    (BUREAU_ADMIN, Role.PROVIDER_ADMIN, PROVIDER, False), (BUREAU_ADMIN, Role.OPERATOR, BUREAU, False),
    (PROVIDER_ADMIN, Role.PROVIDER_MEMBER, PROVIDER, True), (PROVIDER_ADMIN, Role.PROVIDER_ADMIN, PROVIDER, True),
    (PROVIDER_ADMIN, Role.PROVIDER_MEMBER, OTHER, False), (PROVIDER_ADMIN, Role.FUNDER, PROVIDER, False), (PROVIDER_ADMIN, Role.HANDLER, TOWN, False),
    (OFFICER, Role.OPERATOR, None, True), (OFFICER, Role.UNIT_ADMIN, LONE, True), (SYSTEM, Role.SECURITY_OFFICER, None, True),
    (actor(Role.OPERATOR), Role.HANDLER, TOWN, False), (actor(Role.AUDITOR), Role.HANDLER, TOWN, False), (actor(Role.HANDLER, TOWN), Role.HANDLER, TOWN, False),
])
def test_roles_are_given_and_taken_within_reach_only(who, role, place, allowed):
    assert bool(policy.may_change_mandate(who, person_id=1, role=role, place=place)) is allowed


def test_what_is_out_of_reach_does_not_exist_and_what_is_within_is_refused_openly():
    assert policy.may_change_mandate(TOWN_ADMIN, person_id=1, role=Role.HANDLER, place=SISTER).hidden
    assert not policy.may_change_mandate(BUREAU_ADMIN, person_id=1, role=Role.OPERATOR, place=BUREAU).hidden


@pytest.mark.parametrize("who", [BUREAU_ADMIN, PROVIDER_ADMIN, OFFICER])
def test_nobody_changes_his_own_roles(who):
    for place, role in ((BUREAU, Role.HANDLER), (PROVIDER, Role.PROVIDER_MEMBER), (None, Role.EXPERT)):
        assert not policy.may_change_mandate(who, person_id=who.person_id, role=role, place=place)


@pytest.mark.parametrize(("who", "places", "allowed", "hidden"), [
    (BUREAU_ADMIN, [TOWN], True, False), (BUREAU_ADMIN, [TOWN, SISTER], True, False), (TOWN_ADMIN, [TOWN, SISTER], False, False),
    (TOWN_ADMIN, [SISTER], False, True), (TOWN_ADMIN, [TOWN, None], False, False), (BUREAU_ADMIN, [], False, True),
    (PROVIDER_ADMIN, [PROVIDER], True, False), (PROVIDER_ADMIN, [PROVIDER, TOWN], False, False), (OFFICER, [None], True, False),
    (OFFICER, [], True, False), (SYSTEM, [None], True, False), (actor(Role.HANDLER, TOWN), [TOWN], False, False),
])
def test_a_slip_is_printed_by_whoever_runs_every_place_of_the_person(who, places, allowed, hidden):
    decision = policy.may_manage_person(who, person_id=1, places=places)
    assert (bool(decision), decision.hidden) == (allowed, hidden)


def test_nobody_prints_his_own_slip():
    assert not policy.may_manage_person(OFFICER, person_id=OFFICER.person_id, places=[])


def test_accounts_are_closed_by_the_security_officer_and_never_the_own():
    assert policy.may_deactivate(OFFICER, person_id=1)
    assert policy.may_deactivate(SYSTEM, person_id=1)
    assert not policy.may_deactivate(OFFICER, person_id=OFFICER.person_id)
    assert not policy.may_deactivate(BUREAU_ADMIN, person_id=1)


def test_sessions_are_ended_by_their_owner_or_the_security_officer():
    assert policy.may_end_sessions(TOWN_ADMIN, person_id=100)
    assert policy.may_end_sessions(OFFICER, person_id=1)
    assert policy.may_end_sessions(SYSTEM, person_id=1)
    assert not policy.may_end_sessions(TOWN_ADMIN, person_id=1)


def test_the_own_profile_is_the_persons_alone():
    assert policy.may_change_own(TOWN_ADMIN, person_id=100)
    assert not policy.may_change_own(OFFICER, person_id=1)
    assert not policy.may_change_own(ANONYMOUS, person_id=1)


def test_jobs_are_put_back_by_the_operator():
    assert policy.may_run_platform(actor(Role.OPERATOR))
    assert policy.may_run_platform(SYSTEM)
    assert not policy.may_run_platform(OFFICER)
