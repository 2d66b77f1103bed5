"""The door finds people; the hall sees sums apart and no name that may not be seen; the log adds up; sheets are read."""

from datetime import timedelta

import pytest
from sqlalchemy import event as sa_event
from sqlalchemy import select

from marketplace.core.errors import Denied, Invalid
from marketplace.core.money import Money
from marketplace.core.ports import SheetCell, SheetTable
from marketplace.pledging import operations
from marketplace.pledging.models import PledgingEvent
from marketplace.pledging.operations import Shown
from marketplace.pledging.queries import events, hall, lists, recording
from marketplace.pledging.rules import Footing, Plan, Reason, Recorder
from marketplace.web.services import services
from tests.factories import NOW
from tests.factories.accounts import actor_of, make_person
from tests.factories.funding import make_funder, make_pool
from tests.factories.organizations import make_organization
from tests.factories.pledging import invite, key_in, make_event, make_live


def find(session, evening, typed):
    return events.at_the_door(session, evening.event, typed, services().romanizer)


def test_the_door_finds_by_paddle_name_pinyin_and_initials(session):
    evening = make_event(session)
    guest = operations.add_guest(session, actor=evening.host, event=evening.event, funder=make_funder(session), now=NOW,
                                 shown=Shown(27, "南岸基金会"))
    invite(session, evening, guests=1)
    for typed in ("27", "南岸", "nanan", "najjh", " NanAn "):
        assert [row.paddle for row in find(session, evening, typed).guests] == [27], typed
    code = guest.funder.organization.credit_code
    assert [row.paddle for row in find(session, evening, f"{code[:6]} {code[6:]}".lower()).guests] == [27]
    assert find(session, evening, "西岸").guests == []
    assert find(session, evening, "  ").guests == ()


def test_the_door_finds_a_verified_funder_outside_the_list_by_its_code_only(session):
    evening, funder = make_live(session), make_funder(session)
    plain = make_organization(session)
    found = find(session, evening, funder.organization.credit_code)
    assert (found.organization, list(found.funders)) == (funder.organization, [funder])
    assert list(find(session, evening, plain.credit_code).funders) == []
    unknown = find(session, evening, "53100000500009167K")
    assert (unknown.organization, unknown.is_code) == (None, True)
    assert find(session, evening, funder.organization.name).guests == []


def test_sums_stand_apart_and_move_from_verbal_to_signed_to_paid(session):
    evening = make_live(session, guests=2)
    make_pool(session, matches_verbal=True)
    first, second = key_in(session, evening, 1).pledge, key_in(session, evening, 2).pledge
    figures = hall.figures(session, evening.event.ref)
    assert (figures.verbal, figures.reserved, figures.signed, figures.paid) == (
        Money.yuan(40_000), Money.yuan(40_000), Money(0), Money(0))
    first.is_verbal, first.signed_at = False, NOW
    session.flush()
    figures = hall.figures(session, evening.event.ref)
    assert (figures.verbal, figures.signed) == (Money.yuan(20_000), Money.yuan(20_000))
    assert figures.total == Money.yuan(80_000)
    assert second.is_verbal
    entry = recording.last_entries(session, evening.event, Recorder.FIRST)[0]
    operations.undo_entry(session, actor=evening.host, entry=entry, event=evening.event, reason=Reason.MISHEARD, now=NOW)
    after = hall.figures(session, evening.event.ref)
    assert (after.verbal, after.reserved) == (Money(0), Money.yuan(20_000))   # the match went back with the pledge


def test_pledges_of_another_event_are_not_shown(session):
    evening, other = make_live(session), make_live(session)
    key_in(session, other, 1)
    assert hall.figures(session, evening.event.ref).total == Money(0)
    assert hall.snapshot(session, evening.event.ref, now=NOW).last == []


def test_the_hall_shows_five_lines_names_only_when_checked_and_counts_who_is_there(session):
    evening = make_live(session, guests=6)
    operations.check_name(session, actor=evening.second, guest=evening.guests[5], now=NOW)
    operations.change_guest(session, actor=evening.host, guest=evening.guests[4], shown=Shown(None, "", is_withheld=True), now=NOW)
    for paddle in range(1, 7):
        key_in(session, evening, paddle)
    shown = hall.snapshot(session, evening.event.ref, now=NOW)
    assert [line.paddle for line in shown.last] == [6, 5, 4, 3, 2]
    assert [line.name for line in shown.last[:3]] == [evening.guests[5].shown_name, "不具名", "{paddle} 号牌"]
    assert (shown.level, shown.project, shown.guests) == (Money.yuan(20_000), evening.world.project.title, 6)
    assert hall.snapshot(session, "nothing22222", now=NOW) is None
    assert hall.display_key(session, "nothing22222") is None


def test_the_target_reaches_the_hall_only_with_the_plans_number(session):
    evening = make_event(session)
    evening.world.receiver.is_charity = evening.world.receiver.may_fundraise = True
    session.flush()
    operations.choose_footing(
        session, actor=evening.host, event=evening.event, footing=Footing.FILED_PLAN, target=Money.yuan(100), now=NOW,
        plan=Plan(f"{evening.world.receiver.credit_code}A26001", NOW.date() - timedelta(days=30)))
    shown = hall.snapshot(session, evening.event.ref, now=NOW)
    assert (shown.target, shown.plan_number) == (Money.yuan(100), evening.event.plan_number)
    operations.choose_footing(session, actor=evening.host, event=evening.event, footing=Footing.GUEST_LIST, now=NOW)
    assert hall.snapshot(session, evening.event.ref, now=NOW).target is None


def test_the_log_names_everybody_and_adds_up_over_reversals(session):
    evening = make_live(session)
    wrong = key_in(session, evening, 1, 50_000)
    operations.undo_entry(session, actor=evening.host, entry=wrong, event=evening.event, reason=Reason.MISHEARD, now=NOW)
    key_in(session, evening, 1)
    key_in(session, evening, 1, recorder=Recorder.SECOND)
    lines = recording.log(session, evening.event)
    assert [line.total for line in lines] == [Money.yuan(50_000), Money(0), Money.yuan(20_000), Money.yuan(20_000)]
    assert [line.by for line in lines] == ["沈一", "沈一", "沈一", "方二"]
    assert {line.name for line in lines} == {evening.guests[0].funder.name}


def test_differences_counted_equal_differences_listed(session):
    evening = make_live(session)
    key_in(session, evening, 1)
    key_in(session, evening, 2, recorder=Recorder.SECOND)
    key_in(session, evening, 3)
    key_in(session, evening, 3, recorder=Recorder.SECOND)
    assert recording.count_differences(session, evening.event) == len(recording.open_differences(session, evening.event)) == 2


def test_names_of_funds_and_persons_are_those_on_papers(session):
    evening = make_event(session)
    fund = make_funder(session, kind="named_fund", fund_name="银龄基金")
    person = make_funder(session, kind="person")
    for funder in (fund, person):
        operations.add_guest(session, actor=evening.host, event=evening.event, funder=funder, now=NOW)
    assert recording.names_of(session, evening.event) == {1: fund.name, 2: person.name}
    assert recording.names_of(session, evening.event, [2]) == {2: person.name}


def test_an_answer_to_a_recorder_costs_the_same_however_long_the_evening_is(session):
    evening = make_live(session, guests=8)
    counts = []
    for paddle in (1, 2, 8):
        if paddle == 8:
            for each in range(3, 8):
                key_in(session, evening, each)
        statements = []
        listen = lambda *args, said=statements: said.append(args[2])  # noqa: E731
        sa_event.listen(session.get_bind(), "before_cursor_execute", listen)
        key_in(session, evening, paddle)
        sa_event.remove(session.get_bind(), "before_cursor_execute", listen)
        counts.append(len(statements))
    assert counts[1] == counts[2]


def test_strangers_see_no_event_and_staff_of_both_bodies_do(session):
    evening = make_event(session)
    stranger = actor_of(session, make_person(session, role=evening.host.roles and next(iter(evening.host.roles)),
                                             organization_id=make_organization(session).id))
    with pytest.raises(Denied) as refused:
        events.by_ref(session, evening.event.ref, actor=stranger)
    assert refused.value.hidden
    assert session.scalars(events.events_of(stranger)).all() == []
    assert session.scalars(events.events_of(evening.second)).all() == [evening.event]
    assert session.scalar(select(PledgingEvent)) is evening.event


def sheet(*rows):
    return [SheetTable("名单", [[SheetCell(text) for text in row] for row in rows])]


def test_a_sheet_of_guests_is_read_by_its_heads(session):
    first, second = make_funder(session), make_funder(session)
    read = lists.read_list(session, sheet(
        ["认捐会名单"], ["牌号", "单位", "信用代码", "大屏名称", "不具名"], ["27", first.name, "", "甲", "是"], ["", "", "", "", ""],
        ["28号", "", second.organization.credit_code, "", ""]))
    assert read.problems == []
    assert read.rows == [(first, Shown(27, "甲", is_withheld=True)), (second, Shown(28, "", is_withheld=False))]


def test_a_sheet_says_which_rows_name_nobody(session):
    unverified = make_funder(session, is_verified=False)
    read = lists.read_list(session, sheet(["单位", "牌号"], ["不知名单位", "1"], [unverified.name, "2"], [make_funder(session).name, "x"]))
    assert [str(problem).split("“")[0].split("的")[0] for problem in read.problems] == ["第 2 行", "第 3 行", "第 4 行"]
    with pytest.raises(Invalid, match="没有找到表头"):
        lists.read_list(session, sheet(["甲", "乙"]))


def test_projects_offered_for_a_round_are_those_that_take_gifts(session):
    evening = make_live(session, level=None)
    assert evening.world.project in events.projects_to_ask_for(session, evening.event)
    evening.world.project.takes_matching = False
    session.flush()
    assert events.projects_to_ask_for(session, evening.event) == []
