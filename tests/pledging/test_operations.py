"""Events: footing before anything, the list, the door, two records, reversals, the end, reminders."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from marketplace.core.access import ANONYMOUS, Actor, Role
from marketplace.core.audit import AuditEvent
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.core.outbox import Job
from marketplace.funding import operations as funding
from marketplace.funding.models import FundedProject, Pledge
from marketplace.ledger.queries import balance
from marketplace.ledger.rules import AccountKind, account
from marketplace.pledging import operations
from marketplace.pledging.models import Guest, PaddlePledge, PledgingEvent, SignReminder
from marketplace.pledging.operations import Shown
from marketplace.pledging.queries import ageing, hall, recording
from marketplace.pledging.rules import EventState, Footing, Plan, Reason, Recorder
from tests.factories import NOW
from tests.factories.accounts import actor_of, make_person
from tests.factories.funding import make_funder, make_world
from tests.factories.pledging import facts, invite, key_in, keyed, make_event, make_live
from tests.factories.projects import make_published


def plan_of(evening, *, filed_on=date(2026, 11, 1), url=""):
    return Plan(f"{evening.world.receiver.credit_code}A26001", filed_on, url)


def allow_fundraising(session, evening):
    evening.world.receiver.is_charity = evening.world.receiver.may_fundraise = True
    session.flush()


# ---------- before it begins ----------

def test_an_event_cannot_begin_before_its_footing_is_chosen(session):
    evening = make_event(session)
    invite(session, evening)
    with pytest.raises(Denied, match="还没有选定依据"):
        operations.go_live(session, actor=evening.host, event=evening.event, now=NOW)
    assert evening.event.state == EventState.DRAFT
    operations.choose_footing(session, actor=evening.host, event=evening.event, footing=Footing.GUEST_LIST, now=NOW)
    operations.go_live(session, actor=evening.host, event=evening.event, now=NOW)
    assert (evening.event.state, evening.event.live_at) == (EventState.LIVE, NOW)


def test_the_database_itself_refuses_an_event_without_footing(session):
    evening = make_event(session)
    evening.event.state, evening.event.live_at = EventState.LIVE, NOW
    with pytest.raises(IntegrityError, match="live_has_footing"):
        session.flush()


def test_an_event_cannot_begin_with_an_empty_list(session):
    evening = make_event(session)
    operations.choose_footing(session, actor=evening.host, event=evening.event, footing=Footing.GUEST_LIST, now=NOW)
    with pytest.raises(Denied, match="名单还是空的"):
        operations.go_live(session, actor=evening.host, event=evening.event, now=NOW)


def test_an_event_cannot_begin_with_a_funder_whose_check_was_taken_back(session):
    evening = make_event(session)
    operations.choose_footing(session, actor=evening.host, event=evening.event, footing=Footing.GUEST_LIST, now=NOW)
    guest = invite(session, evening, guests=1)[0]
    guest.funder.verified_at = guest.funder.verified_by = None
    session.flush()
    with pytest.raises(Invalid, match="还不是已核验的资助方"):
        operations.go_live(session, actor=evening.host, event=evening.event, now=NOW)


def test_a_public_event_needs_a_charity_that_may_raise_from_the_public(session):
    evening = make_event(session)
    with pytest.raises(Invalid, match="没有公开募捐资格"):
        operations.choose_footing(session, actor=evening.host, event=evening.event, footing=Footing.FILED_PLAN,
                                  plan=plan_of(evening), now=NOW)
    session.expire_all()
    assert evening.event.footing == ""


def test_nobody_stands_an_event_on_the_plan_of_a_charity_it_does_not_work_for(session):
    evening, other = make_event(session), make_world(session)
    allow_fundraising(session, evening)
    stranger = actor_of(session, make_person(session, name="外人", role=Role.FUNDER, organization_id=other.receiver.id))
    event = operations.create_event(session, actor=stranger, host=other.receiver, account=evening.world.account,
                                    facts=facts(), now=NOW)
    with pytest.raises(Denied, match="只能由备案方案的慈善组织自己办理"):
        operations.choose_footing(session, actor=stranger, event=event, footing=Footing.FILED_PLAN,
                                  plan=plan_of(evening), now=NOW)
    operations.choose_footing(session, actor=evening.host, event=event, footing=Footing.FILED_PLAN,
                              plan=plan_of(evening), now=NOW)
    assert event.plan_number == plan_of(evening).number


def test_a_filed_plan_stands_on_the_event_with_its_target(session):
    evening = make_event(session)
    allow_fundraising(session, evening)
    operations.choose_footing(session, actor=evening.host, event=evening.event, footing=Footing.FILED_PLAN,
                              plan=plan_of(evening, url="https://cishan.chinanpo.gov.cn/x"),
                              target=Money.yuan(1_600_000), now=NOW)
    assert evening.event.plan_number == f"{evening.world.receiver.credit_code}A26001"
    assert evening.event.target == Money.yuan(1_600_000)
    operations.choose_footing(session, actor=evening.host, event=evening.event, footing=Footing.GUEST_LIST,
                              target=Money.yuan(9), now=NOW)
    assert (evening.event.plan_number, evening.event.target) == ("", None)   # no target without a plan


@pytest.mark.parametrize(("change", "words"), [
    ({"number": "123"}, "不是募捐方案备案编号"), ({"number": "53100000500009167KA21008"}, "与接收方的"),
    ({"filed_on": None}, "备案日期"), ({"filed_on": date(2026, 11, 20)}, "十日前"), ({"url": "http://x"}, "https"),
])
def test_a_plan_that_is_wrong_or_late_is_refused(session, change, words):
    evening = make_event(session)
    allow_fundraising(session, evening)
    with pytest.raises(Invalid, match=words):
        operations.choose_footing(session, actor=evening.host, event=evening.event, footing=Footing.FILED_PLAN,
                                  plan=replace(plan_of(evening), **change), now=NOW)


def test_an_evening_moved_before_the_tenth_day_after_filing_is_refused(session):
    evening = make_event(session, starts_at=NOW + timedelta(days=20))
    allow_fundraising(session, evening)
    operations.choose_footing(session, actor=evening.host, event=evening.event, footing=Footing.FILED_PLAN,
                              plan=plan_of(evening, filed_on=date(2026, 11, 23)), now=NOW)
    with pytest.raises(Invalid, match="十日前"):
        operations.change_event(session, actor=evening.host, event=evening.event, account=evening.world.account,
                                facts=facts(starts_at=NOW + timedelta(days=3)), now=NOW)


def test_another_receiving_body_clears_the_plan_of_the_first(session):
    evening, other = make_event(session), make_world(session)
    allow_fundraising(session, evening)
    operations.choose_footing(session, actor=evening.host, event=evening.event, footing=Footing.FILED_PLAN,
                              plan=plan_of(evening), now=NOW)
    operations.change_event(session, actor=evening.host, event=evening.event, account=other.account, facts=facts(),
                            now=NOW)
    assert (evening.event.receiver_id, evening.event.footing, evening.event.plan_number) == (other.receiver.id, "", "")


@pytest.mark.parametrize("wrong", ["unverified", "closed", "body"])
def test_money_goes_only_into_a_checked_account_of_a_verified_body(session, wrong):
    evening = make_event(session)
    account_ = evening.world.account
    if wrong == "unverified":
        account_.verified_at = account_.verified_by = None
    elif wrong == "closed":
        account_.closed_at = NOW
    else:
        evening.world.receiver.verification, evening.world.receiver.verified_at = "returned", None
    session.flush()
    with pytest.raises(Invalid):
        operations.create_event(session, actor=evening.host, host=evening.world.receiver, account=account_,
                                facts=facts(), now=NOW)


def test_an_event_needs_a_name_and_a_host_with_a_desk(session):
    evening = make_event(session)
    with pytest.raises(Invalid, match="名称"):
        operations.create_event(session, actor=evening.host, host=evening.world.receiver, account=evening.world.account,
                                facts=facts(title="  "), now=NOW)
    with pytest.raises(Denied):
        operations.create_event(session, actor=ANONYMOUS, host=evening.world.receiver, account=evening.world.account,
                                facts=facts(), now=NOW)


def test_strangers_can_do_nothing_with_an_event(session):
    evening = make_live(session)
    stranger = actor_of(session, make_person(session, role=Role.FUNDER, organization_id=make_world(session).receiver.id))
    entry = key_in(session, evening, 1)
    for attempt in (
        lambda: operations.record_entry(session, actor=stranger, event=evening.event, recorder=Recorder.FIRST,
                                        keyed=keyed(2), now=NOW),
        lambda: operations.undo_entry(session, actor=stranger, entry=entry, event=evening.event, reason=Reason.TWICE, now=NOW),
        lambda: operations.open_round(session, actor=stranger, event=evening.event, project=evening.world.project,
                                      level=Money.yuan(1), now=NOW),
        lambda: operations.close_round(session, actor=stranger, event=evening.event, now=NOW),
        lambda: operations.close_event(session, actor=stranger, event=evening.event, now=NOW),
        lambda: operations.renew_display_key(session, actor=stranger, event=evening.event, now=NOW),
        lambda: operations.check_in(session, actor=stranger, guest=evening.guests[0], now=NOW),
        lambda: operations.check_name(session, actor=stranger, guest=evening.guests[0], now=NOW),
        lambda: operations.add_guest(session, actor=stranger, event=evening.event, funder=make_funder(session), now=NOW),
    ):
        with pytest.raises(Denied):
            attempt()


# ---------- the list and the door ----------

def test_guests_get_the_next_number_and_their_own_name(session):
    evening = make_event(session)
    first, second = invite(session, evening, guests=2)
    third = operations.add_guest(session, actor=evening.host, event=evening.event, funder=make_funder(session), now=NOW,
                                 shown=Shown(41, "云岭 商会", is_withheld=True))
    fourth = invite(session, evening, guests=1)[-1]
    assert [guest.paddle for guest in (first, second, third, fourth)] == [1, 2, 41, 42]
    assert (first.shown_name, third.shown_name, third.is_name_withheld) == (first.funder.name, "云岭 商会", True)


def test_an_anonymous_paddle_does_not_exist(session):
    evening = make_event(session)
    with pytest.raises(Invalid, match="不是已核验的资助方"):
        operations.add_guest(session, actor=evening.host, event=evening.event, now=NOW,
                             funder=make_funder(session, is_verified=False))
    assert evening.event.guests == []


def test_a_number_or_a_funder_is_given_out_once(session):
    evening = make_event(session)
    guest = invite(session, evening, guests=1)[0]
    with pytest.raises(Invalid, match="1 号牌已经发出"):
        operations.add_guest(session, actor=evening.host, event=evening.event, funder=make_funder(session), now=NOW,
                             shown=Shown(1))
    with pytest.raises(Invalid, match="已经在名单上"):
        operations.add_guest(session, actor=evening.host, event=evening.event, funder=guest.funder, now=NOW)
    with pytest.raises(Invalid, match="最多 30 个字"):
        operations.add_guest(session, actor=evening.host, event=evening.event, funder=make_funder(session), now=NOW,
                             shown=Shown(name="很" * 31))


def test_a_name_is_checked_by_somebody_who_did_not_write_it(session):
    evening = make_event(session)
    guest = invite(session, evening, guests=1)[0]
    with pytest.raises(Denied, match="另一个人"):
        operations.check_name(session, actor=evening.host, guest=guest, now=NOW)
    operations.check_name(session, actor=evening.second, guest=guest, now=NOW)
    assert guest.name_checked_by == evening.second.person_id
    operations.change_guest(session, actor=evening.second, guest=guest, shown=Shown(7, "新名称"), now=NOW)
    assert (guest.paddle, guest.shown_name, guest.name_checked_by) == (7, "新名称", None)
    operator = Actor(person_id=evening.host.person_id, name="何", roles=frozenset({Role.OPERATOR}))
    operations.check_name(session, actor=operator, guest=guest, now=NOW)
    assert guest.name_checked_by == evening.host.person_id


def test_the_database_refuses_a_name_checked_by_its_writer(session):
    guest = invite(session, make_event(session), guests=1)[0]
    guest.name_checked_by = guest.added_by
    with pytest.raises(IntegrityError, match="name_by_two"):
        session.flush()


def test_a_verified_funder_joins_at_the_door_and_is_marked(session):
    evening = make_live(session)
    late = operations.add_guest(session, actor=evening.host, event=evening.event, funder=make_funder(session), now=NOW)
    assert late.was_added_at_door
    assert not evening.guests[0].was_added_at_door
    operations.check_in(session, actor=evening.host, guest=late, now=NOW)
    operations.check_in(session, actor=evening.second, guest=late, now=NOW + timedelta(hours=1))
    assert (late.checked_in_at, late.checked_in_by) == (NOW, evening.host.person_id)


def test_a_paddle_that_was_raised_keeps_its_holder(session):
    evening = make_live(session)
    guest = evening.guests[0]
    key_in(session, evening, guest.paddle)
    for attempt in (
        lambda: operations.remove_guest(session, actor=evening.host, guest=guest, now=NOW),
        lambda: operations.check_out(session, actor=evening.host, guest=guest, now=NOW),
        lambda: operations.change_guest(session, actor=evening.host, guest=guest, shown=Shown(99), now=NOW),
    ):
        with pytest.raises(Conflict, match="已有认捐记录"):
            attempt()
    operations.check_out(session, actor=evening.host, guest=evening.guests[1], now=NOW)
    operations.remove_guest(session, actor=evening.host, guest=evening.guests[1], now=NOW)
    assert session.scalar(select(func.count()).select_from(Guest)) == 2


def test_a_list_is_taken_over_without_those_who_stand_on_it(session):
    evening = make_event(session)
    known = invite(session, evening, guests=1)[0]
    new = operations.add_all(session, actor=evening.host, event=evening.event, now=NOW,
                             rows=[(known.funder, Shown()), (make_funder(session), Shown(8))])
    assert new == 1
    session.refresh(evening.event)
    assert sorted(guest.paddle for guest in evening.event.guests) == [1, 8]


# ---------- rounds ----------

def test_a_new_round_ends_the_one_before_and_levels_go_down(session):
    evening = make_live(session)
    key_in(session, evening, 1)
    with pytest.raises(Invalid, match="档位从高到低"):
        operations.open_round(session, actor=evening.host, event=evening.event, project=evening.world.project,
                              level=Money.yuan(20_000), now=NOW)
    second = operations.open_round(session, actor=evening.host, event=evening.event, project=evening.world.project,
                                   level=Money.yuan(10_000), now=NOW + timedelta(minutes=5))
    assert (second.number, evening.event.round_number) == (2, 2)
    assert evening.round.closed_at == NOW + timedelta(minutes=5)


def test_a_level_typed_too_low_is_put_right_while_nobody_pledged(session):
    evening = make_live(session, level=2_000)
    made = operations.open_round(session, actor=evening.host, event=evening.event, project=evening.world.project,
                                 level=Money.yuan(20_000), now=NOW)
    assert made.level == Money.yuan(20_000)
    with pytest.raises(Invalid, match="大于零"):
        operations.open_round(session, actor=evening.host, event=evening.event, project=evening.world.project,
                              level=Money(0), now=NOW)


def test_no_round_for_a_project_where_no_gift_may_land(session):
    evening = make_live(session, level=None)
    silent = make_published(session, evening.world.desk, title="没有写明接受捐赠的项目")
    with pytest.raises(Invalid, match="没有写明接受捐赠"):
        operations.open_round(session, actor=evening.host, event=evening.event, project=silent, level=Money.yuan(1), now=NOW)
    line = funding.add_cost_line(session, actor=evening.world.desk.handler, project=silent, name="增加的送餐车", amount=Money.yuan(9_000), now=NOW)
    with pytest.raises(Invalid, match="不属于这个项目"):
        operations.open_round(session, actor=evening.host, event=evening.event, project=evening.world.project,
                              level=Money.yuan(1), cost_line=line, now=NOW)


def test_rounds_stand_only_in_a_running_event(session):
    evening = make_event(session)
    with pytest.raises(Denied, match="没有在进行"):
        operations.open_round(session, actor=evening.host, event=evening.event, project=evening.world.project,
                              level=Money.yuan(1), now=NOW)


def test_ending_a_round_that_is_not_open_does_nothing(session):
    evening = make_live(session)
    operations.close_round(session, actor=evening.host, event=evening.event, now=NOW)
    operations.close_round(session, actor=evening.host, event=evening.event, now=NOW)
    assert evening.event.round_number == 0
    with pytest.raises(Invalid, match="没有开轮"):
        key_in(session, evening, 1, round_number=0)


# ---------- recording ----------

def test_the_first_record_makes_a_verbal_pledge_with_its_journal(session):
    evening = make_live(session, sign_days=5)
    entry = key_in(session, evening, 2)
    pledge = entry.pledge
    assert (pledge.amount, pledge.is_verbal, pledge.round_ref) == (Money.yuan(20_000), True, evening.event.ref)
    assert (pledge.funder_id, pledge.receiver_id) == (evening.guests[1].funder_id, evening.world.receiver.id)
    assert pledge.made_by == evening.host.person_id
    assert ageing.days_left(pledge.expires_at, evening.event.starts_at) == 5
    assert balance(session, account(AccountKind.PROMISED, pledge.ref)) == Money.yuan(20_000)
    assert hall.figures(session, evening.event.ref).verbal == Money.yuan(20_000)


def test_the_second_record_only_compares(session):
    evening = make_live(session)
    entry = key_in(session, evening, 2, recorder=Recorder.SECOND)
    assert entry.pledge_id is None
    assert session.scalar(select(func.count()).select_from(Pledge)) == 0
    assert hall.figures(session, evening.event.ref).total == Money(0)


def test_the_same_paddle_tapped_five_times_is_one_pledge(session):
    evening = make_live(session)
    entries = {key_in(session, evening, 1).id for _ in range(5)}
    assert len(entries) == 1
    assert hall.figures(session, evening.event.ref).verbal == Money.yuan(20_000)
    again = key_in(session, evening, 1, is_again=True)
    assert again.repeat == 1
    assert hall.figures(session, evening.event.ref).verbal == Money.yuan(40_000)


def test_the_same_entry_sent_again_is_one_even_when_it_said_again(session):
    evening = make_live(session)
    first = key_in(session, evening, 1, key="device-a-000001", is_again=True)
    assert key_in(session, evening, 1, key="device-a-000001", is_again=True).id == first.id
    assert session.scalar(select(func.count()).select_from(Pledge)) == 1


def test_another_sum_for_the_same_paddle_asks_what_is_meant(session):
    evening = make_live(session)
    key_in(session, evening, 1, 20_000)
    with pytest.raises(Conflict, match=r"1 号牌本轮已记 20,000.00 元"):
        key_in(session, evening, 1, 50_000)


@pytest.mark.parametrize(("paddle", "changes", "words"), [
    (77, {}, "名单里没有 77 号牌"), (0, {}, "没有 0 号牌"), (1, {"round_number": 9}, "没有第 9 轮"),
    (1, {"yuan": 0}, "大于零"), (1, {"key": "x"}, "没有设备编号"),
])
def test_an_entry_that_means_nobody_or_nothing_is_refused(session, paddle, changes, words):
    evening = make_live(session)
    with pytest.raises(Invalid, match=words):
        key_in(session, evening, paddle, **changes)


def test_a_paddle_counts_only_after_the_door(session):
    evening = make_live(session)
    operations.check_out(session, actor=evening.host, guest=evening.guests[0], now=NOW)
    with pytest.raises(Invalid, match="还没有签到"):
        key_in(session, evening, 1)


def test_one_person_cannot_be_both_recorders(session):
    evening = make_live(session)
    key_in(session, evening, 1)
    with pytest.raises(Invalid, match="两个人"):
        operations.record_entry(session, actor=evening.host, event=evening.event, recorder=Recorder.SECOND,
                                keyed=keyed(1), now=NOW)


def test_a_device_key_of_somebody_else_is_refused(session):
    evening = make_live(session)
    key_in(session, evening, 1, key="device-a-000001")
    with pytest.raises(Invalid, match="已用于另一条"):
        operations.record_entry(session, actor=evening.second, event=evening.event, recorder=Recorder.SECOND,
                                keyed=keyed(2, key="device-a-000001"), now=NOW)


def test_what_was_keyed_offline_counts_after_the_round_and_for_a_day_after_the_end(session):
    evening = make_live(session, asks_two_recorders=False)
    typed = NOW + timedelta(minutes=1)
    operations.open_round(session, actor=evening.host, event=evening.event, project=evening.world.project,
                          level=Money.yuan(5_000), now=NOW + timedelta(minutes=2))
    late = key_in(session, evening, 1, now=NOW + timedelta(hours=1), keyed_at=typed)
    assert (late.amount, late.keyed_at, late.recorded_at) == (Money.yuan(20_000), typed, NOW + timedelta(hours=1))
    operations.close_event(session, actor=evening.host, event=evening.event, now=NOW + timedelta(hours=2))
    assert key_in(session, evening, 2, now=NOW + timedelta(hours=25), keyed_at=typed).recorder == "first"
    with pytest.raises(IllegalStep, match="没有在进行"):
        key_in(session, evening, 3, now=NOW + timedelta(hours=27), keyed_at=typed)


# ---------- reversing ----------

def test_undoing_writes_a_reversing_row_and_reverses_the_ledger_once(session):
    evening = make_live(session)
    entry = key_in(session, evening, 1)
    pledge = entry.pledge
    made = operations.undo_entry(session, actor=evening.host, entry=entry, event=evening.event, reason=Reason.MISHEARD, now=NOW)
    again = operations.undo_entry(session, actor=evening.second, entry=entry, event=evening.event, reason=Reason.TWICE, now=NOW)
    assert made.id == again.id
    assert (made.reverses_id, made.amount, made.reason) == (entry.id, entry.amount, Reason.MISHEARD)
    assert (pledge.open, pledge.dropped, pledge.exit) == (Money(0), Money.yuan(20_000), "cancelled")
    assert balance(session, account(AccountKind.PROMISED, pledge.ref)) == Money(0)
    assert hall.figures(session, evening.event.ref).total == Money(0)
    sums = session.scalars(select(FundedProject).where(FundedProject.kind == "own")).one()
    assert (sums.open, sums.verbal) == (Money(0), Money(0))
    with pytest.raises(Invalid, match="更正行本身"):
        operations.undo_entry(session, actor=evening.host, entry=made, event=evening.event, reason=Reason.TWICE, now=NOW)


def test_a_record_is_not_undone_under_a_paper_that_was_signed(session):
    evening = make_live(session)
    entry = key_in(session, evening, 1)
    key_in(session, evening, 1, 5_000, recorder=Recorder.SECOND)
    entry.pledge.is_verbal, entry.pledge.signed_at, entry.pledge.state = False, NOW, "pledged"
    session.flush()
    with pytest.raises(IllegalStep, match="已经签了认捐书"):
        operations.undo_entry(session, actor=evening.host, entry=entry, event=evening.event, reason=Reason.MISHEARD, now=NOW)
    with pytest.raises(IllegalStep, match="已经签了认捐书"):
        operations.settle(session, actor=evening.host, event=evening.event, right=Recorder.SECOND, now=NOW,
                          difference=recording.open_differences(session, evening.event)[0])
    assert (entry.pledge.open, entry.pledge.exit) == (Money.yuan(20_000), None)


def test_a_reversed_paddle_can_be_keyed_anew(session):
    evening = make_live(session)
    wrong = key_in(session, evening, 1, 50_000)
    operations.undo_entry(session, actor=evening.host, entry=wrong, event=evening.event, reason=Reason.MISHEARD, now=NOW)
    right = key_in(session, evening, 1, 20_000)
    assert right.repeat == 1
    assert hall.figures(session, evening.event.ref).verbal == Money.yuan(20_000)
    shown = hall.snapshot(session, evening.event.ref, now=NOW)
    assert [(line.amount, line.is_reversal) for line in shown.last] == [
        (Money.yuan(20_000), False), (Money(-5_000_000), True), (Money.yuan(50_000), False)]


# ---------- two records ----------

def test_differences_are_found_whatever_the_order(session):
    evening = make_live(session)
    key_in(session, evening, 1)
    key_in(session, evening, 2)
    key_in(session, evening, 2, recorder=Recorder.SECOND)
    key_in(session, evening, 1, recorder=Recorder.SECOND)
    assert recording.open_differences(session, evening.event) == []
    key_in(session, evening, 3, 30_000)
    key_in(session, evening, 3, 20_000, recorder=Recorder.SECOND)
    found = recording.open_differences(session, evening.event)
    assert [(each.paddle, each.name) for each in found] == [(3, evening.guests[2].funder.name)]
    with pytest.raises(Conflict, match="1 处不一致"):
        operations.close_event(session, actor=evening.host, event=evening.event, now=NOW)


@pytest.mark.parametrize(("right", "total"), [(Recorder.FIRST, 30_000), (Recorder.SECOND, 20_000)])
def test_settling_brings_both_records_to_the_right_one(session, right, total):
    evening = make_live(session)
    key_in(session, evening, 3, 30_000)
    key_in(session, evening, 3, 20_000, recorder=Recorder.SECOND)
    found = recording.open_differences(session, evening.event)[0]
    operations.settle(session, actor=evening.second, event=evening.event, difference=found, right=right, now=NOW)
    assert recording.open_differences(session, evening.event) == []
    assert hall.figures(session, evening.event.ref).verbal == Money.yuan(total)
    rows = session.scalars(select(PaddlePledge).where(PaddlePledge.reason == Reason.SETTLED)).all()
    assert len(rows) == 2
    assert {row.keyed_by for row in rows} == {evening.second.person_id}
    key_in(session, evening, 1)   # settling made nobody the other recorder


def test_settling_enters_what_one_record_lacks(session):
    evening = make_live(session)
    key_in(session, evening, 1, recorder=Recorder.SECOND)
    found = recording.open_differences(session, evening.event)[0]
    operations.settle(session, actor=evening.host, event=evening.event, difference=found, right=Recorder.SECOND, now=NOW)
    assert hall.figures(session, evening.event.ref).verbal == Money.yuan(20_000)
    settled = recording.differences(session, evening.event)[0]
    assert not settled.is_open
    operations.settle(session, actor=evening.host, event=evening.event, difference=settled, right=Recorder.FIRST, now=NOW)
    assert hall.figures(session, evening.event.ref).verbal == Money.yuan(20_000)


# ---------- the end ----------

def test_the_end_asks_everybody_to_sign_once(session):
    evening = make_live(session, asks_two_recorders=False)
    key_in(session, evening, 1)
    key_in(session, evening, 2)
    assert operations.close_event(session, actor=evening.host, event=evening.event, now=NOW) == 2
    assert (evening.event.state, evening.event.round_number) == (EventState.CLOSED, 0)
    assert session.scalar(select(func.count()).select_from(Job).where(Job.kind == "pledging.sign_due")) == 2
    with pytest.raises(IllegalStep):
        operations.close_event(session, actor=evening.host, event=evening.event, now=NOW)
    assert operations.remind_all(session, event=evening.event, step="closed", now=NOW) == 0


def test_reminders_come_three_days_and_one_day_before_and_when_asked_once_a_day(session):
    evening = make_live(session, asks_two_recorders=False)
    pledge = key_in(session, evening, 1).pledge
    operations.close_event(session, actor=evening.host, event=evening.event, now=NOW)
    assert operations.remind_due(session, now=NOW) == 0
    for days, sent in ((3, 1), (2, 0), (1, 1), (0, 0)):
        at = pledge.expires_at - timedelta(days=days)
        assert operations.remind_due(session, now=at) == sent
        assert operations.remind_due(session, now=at) == 0
    assert operations.remind_due(session, now=pledge.expires_at + timedelta(days=1)) == 0
    operations.remind(session, actor=evening.host, event=evening.event, pledge=pledge, now=NOW)
    with pytest.raises(Invalid, match="今天已经提醒过"):
        operations.remind(session, actor=evening.host, event=evening.event, pledge=pledge, now=NOW)
    assert [each.step for each in session.scalars(select(SignReminder).order_by(SignReminder.id))] == [
        "closed", "days3", "days1", "day2026-11-23"]


def test_nobody_is_reminded_of_what_is_gone(session):
    evening = make_live(session, asks_two_recorders=False)
    entry = key_in(session, evening, 1)
    operations.undo_entry(session, actor=evening.host, entry=entry, event=evening.event, reason=Reason.WITHDRAWN, now=NOW)
    with pytest.raises(Invalid, match="不用再提醒"):
        operations.remind(session, actor=evening.host, event=evening.event, pledge=entry.pledge, now=NOW)
    assert operations.close_event(session, actor=evening.host, event=evening.event, now=NOW) == 0


def test_a_new_display_key_is_another_one(session):
    evening = make_event(session)
    before = evening.event.display_key
    operations.renew_display_key(session, actor=evening.host, event=evening.event, now=NOW)
    assert evening.event.display_key != before


def test_every_step_is_in_the_audit_with_its_person(session):
    evening = make_live(session, asks_two_recorders=False)
    entry = key_in(session, evening, 1)
    operations.undo_entry(session, actor=evening.host, entry=entry, event=evening.event, reason=Reason.MISHEARD, now=NOW, note="口误")
    operations.close_event(session, actor=evening.host, event=evening.event, now=NOW)
    rows = session.scalars(select(AuditEvent).where(AuditEvent.subject_ref == evening.event.ref)).all()
    assert {row.action for row in rows} >= {"pledging.create", "pledging.footing", "pledging.go_live", "pledging.add_guest",
                                           "pledging.check_in", "pledging.open_round", "pledging.entry", "pledging.undo",
                                           "pledging.close"}
    assert {row.actor_id for row in rows} == {evening.host.person_id}
    assert session.scalar(select(PledgingEvent.state)) == "closed"
