"""Who may bid, withdraw, open and see: each rule, allowed and refused."""

from datetime import timedelta

import pytest

from marketplace.bids import policy
from marketplace.bids.models import SealedBid
from marketplace.bids.policy import Bidder
from marketplace.core.access import ANONYMOUS, SYSTEM, Actor, Role
from marketplace.projects.models import Project
from tests.factories import NOW
from tests.factories.projects import CLOSES

MINE, BUYER, OTHER = 5, 1, 6
OPENS = CLOSES + timedelta(seconds=60)


def actor(organization=MINE, *roles):
    return Actor(person_id=7, organization_id=organization, roles=frozenset(roles or {Role.PROVIDER_MEMBER}))


def project(**changes):
    return Project(**{"buyer_id": BUYER, "state": "published", "published_at": NOW, "closes_at": CLOSES} | changes)


def bidder(**changes):
    return Bidder(**{"organization_id": MINE, "is_provider": True} | changes)


@pytest.mark.parametrize("role", [Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER])
def test_both_provider_roles_write_and_submit(role):
    assert policy.may_draft(actor(MINE, role), project(), NOW)
    assert policy.may_submit(actor(MINE, role), project(), bidder(), NOW)


@pytest.mark.parametrize("who", [ANONYMOUS, SYSTEM, *[actor(MINE, role) for role in Role if "provider" not in role],
                                 Actor(person_id=1, roles=frozenset({Role.PROVIDER_ADMIN}))])
def test_no_other_role_does(who):
    assert not policy.may_draft(who, project(), NOW)
    assert not policy.may_submit(who, project(), bidder(), NOW)


@pytest.mark.parametrize(("changes", "reason"), [
    ({"state": "opened"}, "现在不接收"), ({"state": "failed"}, "现在不接收"), ({"state": "terminated"}, "现在不接收"),
    ({"closes_at": NOW}, "已过截止"), ({"published_at": NOW + timedelta(1)}, "已过截止"), ({"closes_at": None}, "已过截止")])
def test_outside_the_window_nobody_writes(changes, reason):
    decision = policy.may_draft(actor(), project(**changes), NOW)
    assert not decision
    assert reason in decision.reason


def test_an_unpublished_project_does_not_exist_for_bidders():
    assert policy.may_draft(actor(), project(published_at=None), NOW).hidden


def test_the_refusal_after_the_deadline_names_it_in_beijing_time():
    assert policy.may_draft(actor(), project(), CLOSES).facts == {"closes_at": "2026-12-07 17:00"}


def test_the_buyer_does_not_bid_in_its_own_project():
    assert "自己的项目" in policy.may_draft(actor(BUYER), project(), NOW).reason


@pytest.mark.parametrize(("changes", "reason"), [
    ({"is_provider": False}, "承接主体"), ({"organization_id": OTHER}, "承接主体"), ({"bars": ("第一条", "第二条")}, "第一条"),
    ({"is_tied_to_buyer": True}, "关联关系")])
def test_the_gate_names_what_bars_a_bidder(changes, reason):
    decision = policy.may_submit(actor(), project(), bidder(**changes), NOW)
    assert not decision
    assert reason in decision.reason


@pytest.mark.parametrize(("seconds", "allowed"), [(2.0, True), (-2.0, True), (2.001, False), (-2.001, False)])
def test_a_clock_more_than_two_seconds_off_takes_no_bid(seconds, allowed):
    assert bool(policy.may_submit(actor(), project(), bidder(), NOW, timedelta(seconds=seconds))) is allowed


def bid(state="sealed", organization=MINE):
    return SealedBid(organization_id=organization, state=state)


def test_a_bid_is_withdrawn_by_its_own_people_until_the_deadline():
    assert policy.may_withdraw(actor(), bid(), project(), CLOSES - timedelta(microseconds=1))
    assert not policy.may_withdraw(actor(), bid(), project(), CLOSES)
    assert not policy.may_withdraw(actor(), bid(), project(state="opened"), NOW)
    assert not policy.may_withdraw(actor(), bid(), project(closes_at=None), NOW)
    assert policy.may_withdraw(actor(OTHER), bid(), project(), NOW).hidden


@pytest.mark.parametrize("state", ["replaced", "withdrawn", "opened", "unreadable"])
def test_only_a_sealed_bid_is_withdrawn(state):
    assert not policy.may_withdraw(actor(), bid(state), project(), NOW)


@pytest.mark.parametrize("who", [ANONYMOUS, SYSTEM, actor(OTHER), actor(BUYER, Role.APPROVER), actor(MINE, Role.UNIT_ADMIN),
                                 actor(None, Role.OPERATOR), actor(None, Role.AUDITOR), actor(None, Role.EXPERT)])
def test_a_bid_exists_for_its_own_people_only(who):
    assert policy.may_see_own_bid(who, bid()).hidden
    assert policy.may_see_own_bid(actor(), bid())


def test_the_system_opens_a_minute_after_the_deadline_and_nobody_else_ever():
    assert policy.may_open(SYSTEM, project(), OPENS)
    assert not policy.may_open(SYSTEM, project(), OPENS - timedelta(microseconds=1))
    assert not policy.may_open(SYSTEM, project(state="opened"), OPENS)
    for role in Role:
        assert not policy.may_open(actor(BUYER, role), project(), OPENS)


@pytest.mark.parametrize("role", [Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN])
def test_the_buyers_people_see_offers_after_the_opening_only(role):
    assert policy.may_see_offers(actor(BUYER, role), project(opened_at=OPENS))
    assert policy.may_see_offers(actor(BUYER, role), project()).hidden
    assert policy.may_see_offers(actor(OTHER, role), project(opened_at=OPENS)).hidden


def test_operators_and_experts_do_not_see_offers_through_this_door():
    for role in (Role.OPERATOR, Role.EXPERT, Role.SECURITY_OFFICER, Role.AUDITOR, Role.FUNDER):
        assert policy.may_see_offers(actor(BUYER, role), project(opened_at=OPENS)).hidden


def test_names_on_the_record_are_for_bidders_and_the_buyer_until_the_result():
    opened, ids = project(opened_at=OPENS), frozenset({MINE, 9})
    assert policy.may_see_bidders(actor(), opened, ids)
    assert policy.may_see_bidders(actor(BUYER, Role.HANDLER), opened, ids)
    assert policy.may_see_bidders(SYSTEM, opened, ids)
    assert not policy.may_see_bidders(actor(OTHER), opened, ids)
    assert not policy.may_see_bidders(ANONYMOUS, opened, ids)
    assert policy.may_see_bidders(actor(), project(), ids).hidden
