"""Events: parties, decisions, versions, publishing whole, what the law stops, what comes too late or twice."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from marketplace.core.access import ANONYMOUS, Actor, Role
from marketplace.core.audit import AuditEvent
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.outbox import Job
from marketplace.meetings import operations, policy
from marketplace.meetings.models import Meeting, MeetingDecision, MeetingSchedule
from marketplace.meetings.operations import BadRows, Row, Terms
from marketplace.meetings.queries import events as event_queries
from marketplace.meetings.queries import inputs as queries
from marketplace.meetings.queries.points import points_of
from marketplace.meetings.rules import NO_PRIVATE_MEETINGS, EventState, RunState
from marketplace.meetings.rules.changes import digest
from marketplace.meetings.rules.edits import Edit, EditKind
from marketplace.meetings.rules.inputs import edited
from marketplace.meetings.rules.solving import solve
from marketplace.projects import operations as projects
from marketplace.projects.models import Project
from tests.factories import NOW
from tests.factories.meetings import FLOWS, compute, facts, make_fair, make_provider, make_public, make_scheduled
from tests.factories.organizations import make_organization, operator
from tests.factories.projects import (
    CLOSES,
    make_actor,
    make_desk,
    make_draft,
    make_opened,
    make_published,
    make_submitted,
)


def stranger(session):
    return make_desk(session).handler


def pair(fair, project=0, organization=0):
    return (fair.projects[project].id, fair.organizations[organization].id)


def solved(session, fair, edit=None):
    inputs = queries.inputs_of(session, fair.event)
    if edit is not None:
        inputs = edited(inputs, edit)
    before = queries.seats(session, queries.current(session, fair.event))
    return solve(inputs, queries.event_points(session, inputs).matrix, FLOWS, before=before)


def commit(session, fair, edit, **changes):
    solution = solved(session, fair, edit)
    return operations.commit_edit(session, actor=fair.host, event=fair.event, edit=edit, now=NOW, solution=solution,
                                  **{"revision": fair.event.revision, "shown": digest(solution.seats), **changes})


# ---------- preparing ----------

def test_units_and_operators_prepare_events_nobody_else(session):
    desk = make_desk(session)
    event = operations.create_event(session, actor=desk.handler, host=desk.unit, facts=facts(), now=NOW)
    assert (event.state, event.host_id, event.created_by) == (EventState.DRAFT, desk.unit.id, desk.handler.person_id)
    platform = make_actor(session, None, Role.OPERATOR)
    assert operations.create_event(session, actor=platform, host=None, facts=facts(), now=NOW).host is None
    provider = make_provider(session)
    member = Actor(person_id=1, organization_id=provider.id, roles=frozenset({Role.PROVIDER_ADMIN}))
    for actor in (member, ANONYMOUS):
        with pytest.raises(Denied, match="只有购买单位"):
            operations.create_event(session, actor=actor, host=None, facts=facts(), now=NOW)


def test_facts_are_changed_by_staff_and_another_number_of_rounds_makes_schedules_old(session):
    fair, made = make_scheduled(session)
    operations.change_event(session, actor=fair.host, event=fair.event, facts=facts(title="新名称"), now=NOW)
    assert (fair.event.title, fair.event.revision) == ("新名称", made.revision)
    operations.change_event(session, actor=fair.host, event=fair.event, facts=facts(rounds=5), now=NOW)
    assert fair.event.revision > made.revision
    with pytest.raises(Denied):
        operations.change_event(session, actor=stranger(session), event=fair.event, facts=facts(), now=NOW)


def test_rounds_cannot_go_below_what_somebody_asked_for(session):
    fair = make_fair(session, terms=Terms(least=3))
    with pytest.raises(Invalid, match="轮次不能少于 3"):
        operations.change_event(session, actor=fair.host, event=fair.event, facts=facts(rounds=2), now=NOW)


# ---------- tables, organizations ----------

def test_a_project_gets_one_table_and_a_table_one_project(session):
    fair = make_fair(session, tables=1)
    with pytest.raises(Invalid, match="已经有一张桌子"):
        operations.add_table(session, actor=fair.host, event=fair.event, project=fair.projects[0], now=NOW)
    other = make_draft(session, fair.desk)
    with pytest.raises(Invalid, match="1 号桌已经有项目"):
        operations.add_table(session, actor=fair.host, event=fair.event, project=other, terms=Terms(number=1), now=NOW)
    made = operations.add_table(session, actor=fair.host, event=fair.event, project=other, terms=Terms(number=9), now=NOW)
    assert made.number == 9


@pytest.mark.parametrize("make", [make_published, make_opened])
def test_a_project_between_notice_and_award_gets_no_table_and_the_law_is_named(session, make):
    fair = make_fair(session)
    project = make(session, fair.desk)
    for actor in (fair.host, operator()):
        with pytest.raises(Denied, match="政府采购法第二十五条、政府采购法实施条例第二十条") as refused:
            operations.add_table(session, actor=actor, event=fair.event, project=project, now=NOW)
        assert refused.value.facts["title"] == project.title


def test_a_project_after_its_award_or_that_failed_may_have_a_table(session):
    fair = make_fair(session, tables=0)
    for number, state in enumerate(("awarded", "contracted", "failed"), 1):
        project = make_opened(session, fair.desk)
        assert not policy.may_meet(project)
        at = {"awarded": {"awarded_at": NOW}, "contracted": {"awarded_at": NOW, "contracted_at": NOW},
              "failed": {"ended_at": NOW, "end_reason": "不足三家"}}[state]
        session.execute(update(Project).where(Project.id == project.id).values(state=state, **at))
        session.expire(project)
        assert operations.add_table(session, actor=fair.host, event=fair.event, project=project, now=NOW).number == number


def test_an_organizer_cannot_put_the_draft_of_another_unit_on_a_table(session):
    fair = make_fair(session)
    draft = make_draft(session, make_desk(session))
    for actor in (fair.host, operator()):
        with pytest.raises(Denied) as refused:
            operations.add_table(session, actor=actor, event=fair.event, project=draft, now=NOW)
        assert refused.value.hidden


def test_a_unit_brings_its_own_project_where_the_event_is_open_to_units(session):
    fair, desk = make_fair(session, is_open_to_units=True), make_desk(session)
    own, submitted = make_draft(session, desk), make_submitted(session, fair.desk)
    row = operations.add_table(session, actor=desk.handler, event=fair.event, project=own, now=NOW)
    with pytest.raises(Denied):
        operations.add_table(session, actor=desk.handler, event=fair.event, project=submitted, now=NOW)
    operations.change_party(session, actor=desk.handler, party=row, terms=Terms(least=1), now=NOW)
    with pytest.raises(Denied):
        operations.remove_party(session, actor=desk.handler, party=fair.event.tables[0], now=NOW)
    operations.remove_party(session, actor=desk.handler, party=row, now=NOW)
    operations.change_event(session, actor=fair.host, event=fair.event, facts=facts(), now=NOW)
    with pytest.raises(Denied):
        operations.add_table(session, actor=desk.handler, event=fair.event, project=own, now=NOW)


def test_only_verified_providers_come_and_each_once(session):
    fair = make_fair(session, organizations=1)
    with pytest.raises(Invalid, match="已经在名单里"):
        operations.add_visitor(session, actor=fair.host, event=fair.event, organization=fair.organizations[0], now=NOW)
    with pytest.raises(Invalid, match="不是已核验的承接主体"):
        operations.add_visitor(session, actor=fair.host, event=fair.event, now=NOW,
                               organization=make_organization(session, is_verified=False))
    with pytest.raises(Denied):
        operations.add_visitor(session, actor=stranger(session), event=fair.event, now=NOW,
                               organization=make_provider(session))


@pytest.mark.parametrize(("terms", "words"), [
    (Terms(least=5), "在场 4 轮"), (Terms(least=3, away=frozenset({1, 2})), "在场 2 轮"), (Terms(least=-1), "最少场次"),
    (Terms(number=10_000), "桌号从 1 到 9999"),
])
def test_least_numbers_above_the_rounds_present_are_refused(session, terms, words):
    fair = make_fair(session)
    with pytest.raises(Invalid, match=words):
        operations.change_party(session, actor=fair.host, party=fair.event.tables[0], terms=terms, now=NOW)


def test_a_party_changes_its_number_its_least_and_its_rounds(session):
    fair = make_fair(session)
    row, other = fair.event.tables[:2]
    operations.change_party(session, actor=fair.host, party=row, terms=Terms(2, frozenset({1, 4}), 30), now=NOW)
    operations.change_party(session, actor=fair.host, party=row, terms=Terms(2, frozenset({3, 4}), 30), now=NOW)
    assert (row.number, row.least, sorted(one.round for one in row.absences)) == (30, 2, [3, 4])
    with pytest.raises(Invalid, match="30 号桌"):
        operations.change_party(session, actor=fair.host, party=other, terms=Terms(number=30), now=NOW)


def test_a_sheet_with_a_wrong_row_is_taken_over_not_at_all(session):
    fair = make_fair(session, tables=1, organizations=1)
    good, bad = make_provider(session), make_organization(session, is_verified=False)
    published = make_published(session, fair.desk)
    rows = [Row(2, good, Terms(least=1)), Row(3, bad, Terms()), Row(5, fair.projects[0], Terms()),
            Row(6, published, Terms()), Row(7, make_provider(session), Terms(least=9))]
    with pytest.raises(BadRows) as refused:
        operations.add_all(session, actor=fair.host, event=fair.event, rows=rows, now=NOW)
    assert [(one.line, one.column) for one in refused.value.problems] == [
        (3, "organization"), (5, "project"), (6, "code"), (7, "least")]
    assert refused.value.problems[2].refused.sentence == NO_PRIVATE_MEETINGS
    session.expire_all()
    fresh = make_fair(session, tables=0, organizations=0)
    assert operations.add_all(session, actor=fresh.host, event=fresh.event, rows=[rows[0]], now=NOW) == 1


# ---------- versions ----------

def test_a_run_makes_a_version_that_waits_to_be_published(session):
    fair, made = make_scheduled(session)
    assert (made.number, made.state, made.meeting_count, made.total, made.bound, made.is_exact) == (
        1, RunState.READY, 12, 9600, 9600, True)
    assert fair.event.state == EventState.SCHEDULED
    rows = session.scalars(select(Meeting)).all()
    assert len({(row.round, row.project_id) for row in rows}) == len({(row.round, row.organization_id) for row in rows}) == 12
    assert session.scalar(select(Job.unique_key).where(Job.kind == "meetings.schedule_due")) == f"meetings:{made.ref}"


def test_the_database_itself_refuses_a_conflict(session):
    _, made = make_scheduled(session)
    one = made.meetings[0]
    session.add(Meeting(schedule=made, round=one.round, table_number=99, project_id=one.project_id,
                        organization_id=one.organization_id, points=1))
    with pytest.raises(IntegrityError):
        session.flush()


def test_one_run_at_a_time(session):
    fair = make_fair(session)
    operations.start_run(session, actor=fair.host, event=fair.event, now=NOW)
    with pytest.raises(Conflict, match="已经有一次排程在进行"):
        operations.start_run(session, actor=fair.host, event=fair.event, now=NOW)
    session.add(MeetingSchedule(event=fair.event, number=7, state=RunState.WAITING, revision=1, started_at=NOW))
    with pytest.raises(IntegrityError):
        session.flush()


def test_a_run_needs_both_sides_and_staff(session):
    fair = make_fair(session, organizations=0)
    with pytest.raises(Invalid, match="名单还不全"):
        operations.start_run(session, actor=fair.host, event=fair.event, now=NOW)
    with pytest.raises(Denied):
        operations.start_run(session, actor=stranger(session), event=fair.event, now=NOW)


def test_a_cancelled_run_keeps_nothing_and_leaves_the_version_before(session):
    fair, before = make_scheduled(session)
    asked = operations.start_run(session, actor=fair.host, event=fair.event, now=NOW)
    operations.begin_run(session, schedule_ref=asked.ref)
    operations.note_phase(session, schedule_ref=asked.ref, phase=2)
    session.refresh(asked)
    assert asked.phase == 2
    operations.cancel_run(session, actor=fair.host, event=fair.event, now=NOW)
    with pytest.raises(Conflict, match="已经取消"):
        operations.note_phase(session, schedule_ref=asked.ref, phase=3)
    with pytest.raises(Conflict, match="已经取消"):
        operations.keep_run(session, actor=fair.host, schedule_ref=asked.ref, solution=solved(session, fair),
                            points_from="", now=NOW)
    assert operations.begin_run(session, schedule_ref=asked.ref) is None
    operations.fail_run(session, actor=fair.host, schedule_ref=asked.ref, refused=Invalid("x"), now=NOW)
    assert (asked.state, before.state) == (RunState.CANCELLED, RunState.READY)
    with pytest.raises(Conflict, match="没有正在进行"):
        operations.cancel_run(session, actor=fair.host, event=fair.event, now=NOW)


def test_a_version_is_not_kept_when_a_party_left_while_it_was_made(session):
    fair = make_fair(session)
    asked = operations.start_run(session, actor=fair.host, event=fair.event, now=NOW)
    operations.begin_run(session, schedule_ref=asked.ref)
    solution = solved(session, fair)
    operations.remove_party(session, actor=fair.host, party=fair.event.visitors[0], now=NOW)
    operations.keep_run(session, actor=fair.host, schedule_ref=asked.ref, solution=solution, points_from="", now=NOW)
    assert asked.state == RunState.FAILED
    assert "有变动" in asked.findings["sentence"]
    assert session.scalar(select(Meeting.id)) is None


def test_a_run_that_a_worker_left_behind_is_taken_up_again_and_kept_once(session):
    fair = make_fair(session)
    asked = operations.start_run(session, actor=fair.host, event=fair.event, now=NOW)
    operations.begin_run(session, schedule_ref=asked.ref)
    made = compute(session, fair, asked)
    assert made.state == RunState.READY
    with pytest.raises(Conflict):
        operations.keep_run(session, actor=fair.host, schedule_ref=asked.ref, solution=solved(session, fair),
                            points_from="", now=NOW)


def test_least_numbers_that_cannot_be_met_fail_the_version_with_everything_that_helps(session):
    fair, made = make_scheduled(session, fair=make_fair(session, tables=3, organizations=2, rounds=1, terms=Terms(least=1)))
    assert made.state == RunState.FAILED
    (short,) = made.findings["shortages"]
    assert (short["side"], short["demand"], short["supply"], short["found"], short["is_proven"]) == ("tables", 3, 2, 2, True)
    assert len(short["rows"]) == 1
    assert fair.event.state == EventState.DRAFT
    assert session.scalar(select(Meeting.id)) is None


def test_who_has_no_partner_is_named_beside_the_version(session):
    fair = make_fair(session)
    other = make_provider(session, category="A0501", name="澜川区救助服务中心")
    operations.add_visitor(session, actor=fair.host, event=fair.event, organization=other, now=NOW)
    _, made = make_scheduled(session, fair)
    assert (made.state, made.findings["lonely"]) == (RunState.READY, ["澜川区救助服务中心"])


# ---------- publishing ----------

def test_a_version_replaces_the_published_one_whole(session):
    fair, first = make_public(session)
    _, second = make_scheduled(session, fair)
    assert (first.state, second.state, fair.event.state) == (RunState.PUBLISHED, RunState.READY, EventState.PUBLISHED)
    later = NOW + timedelta(hours=1)
    operations.publish(session, actor=fair.host, event=fair.event, schedule=second, now=later)
    session.refresh(first)
    assert (first.state, first.replaced_at, second.state, second.published_at) == (
        RunState.REPLACED, later, RunState.PUBLISHED, later)
    with pytest.raises(Conflict, match="不能公布"):
        operations.publish(session, actor=fair.host, event=fair.event, schedule=first, now=later)


def test_the_database_itself_allows_one_published_version(session):
    fair, _ = make_public(session)
    session.add(MeetingSchedule(event=fair.event, number=9, state=RunState.PUBLISHED, revision=1, started_at=NOW,
                                done_at=NOW, published_at=NOW))
    with pytest.raises(IntegrityError):
        session.flush()


def test_a_version_made_before_the_lists_changed_is_not_published(session):
    fair, made = make_scheduled(session)
    operations.add_visitor(session, actor=fair.host, event=fair.event, organization=make_provider(session), now=NOW)
    with pytest.raises(Conflict, match="名单或设置又改过"):
        operations.publish(session, actor=fair.host, event=fair.event, schedule=made, now=NOW)


def test_nothing_is_published_while_a_project_stands_between_notice_and_award(session):
    fair, made = make_scheduled(session)
    project = fair.projects[0]
    projects.submit_for_review(session, actor=fair.desk.handler, project=project, now=NOW)
    projects.publish(session, actor=fair.desk.approver, project=project, closes_at=CLOSES, now=NOW)
    assert event_queries.stopped_by_law(session, fair.event) == [project]
    with pytest.raises(Denied, match="第二十条第一项"):
        operations.publish(session, actor=fair.host, event=fair.event, schedule=made, now=NOW)
    assert fair.event.state == EventState.SCHEDULED


def test_nothing_is_published_with_an_organization_that_lost_its_check(session):
    fair, made = make_scheduled(session)
    gone = fair.organizations[0]
    gone.verification, gone.verified_at = "unverified", None
    session.flush()
    with pytest.raises(Invalid, match="不再是已核验"):
        operations.publish(session, actor=fair.host, event=fair.event, schedule=made, now=NOW)


def test_meetings_of_a_project_whose_notice_came_out_later_are_cancelled_and_the_others_stay(session):
    fair, made = make_public(session)
    project = fair.projects[0]
    projects.submit_for_review(session, actor=fair.desk.handler, project=project, now=NOW)
    projects.publish(session, actor=fair.desk.approver, project=project, closes_at=CLOSES, now=NOW)
    assert event_queries.with_meetings(session, fair.event, [project]) == {project.id}
    with pytest.raises(Denied):
        operations.cancel_meetings(session, actor=stranger(session), event=fair.event, project=project, reason="x", now=NOW)
    with pytest.raises(Invalid, match="理由"):
        operations.cancel_meetings(session, actor=fair.host, event=fair.event, project=project, reason=" ", now=NOW)
    count = operations.cancel_meetings(session, actor=fair.host, event=fair.event, project=project, reason="已发公告", now=NOW)
    assert count == 4
    assert len(queries.seats(session, made)) == 8
    assert event_queries.with_meetings(session, fair.event, [project]) == frozenset()
    with pytest.raises(Conflict, match="没有已公布的洽谈"):
        operations.cancel_meetings(session, actor=fair.host, event=fair.event, project=project, reason="再来", now=NOW)


def test_a_published_schedule_is_withdrawn_and_published_again(session):
    fair, made = make_public(session)
    operations.withdraw(session, actor=fair.host, event=fair.event, now=NOW)
    assert (fair.event.state, made.state, queries.published(session, fair.event)) == (
        EventState.SCHEDULED, RunState.READY, None)
    with pytest.raises(IllegalStep):
        operations.withdraw(session, actor=fair.host, event=fair.event, now=NOW)
    operations.publish(session, actor=fair.host, event=fair.event, schedule=made, now=NOW)
    assert made.state == RunState.PUBLISHED


def test_an_event_ends_after_it_began_and_then_nothing_changes(session):
    fair, _ = make_public(session)
    with pytest.raises(Conflict, match="还没有开始"):
        operations.close_event(session, actor=fair.host, event=fair.event, now=NOW)
    operations.close_event(session, actor=fair.host, event=fair.event, now=NOW + timedelta(days=7))
    assert fair.event.over_at == NOW + timedelta(days=7)
    with pytest.raises(Denied, match="已经结束"):
        operations.change_event(session, actor=fair.host, event=fair.event, facts=facts(), now=NOW)
    with pytest.raises(Denied, match="已经结束"):
        operations.add_table(session, actor=fair.host, event=fair.event, project=make_draft(session, fair.desk), now=NOW)
    with pytest.raises(Denied, match="已经结束"):
        operations.remove_party(session, actor=fair.host, party=fair.event.tables[0], now=NOW)


def test_steps_are_for_staff_and_for_versions_that_exist(session):
    fair, made = make_public(session)
    other = stranger(session)
    for step in (operations.withdraw, operations.cancel_run):
        with pytest.raises(Denied):
            step(session, actor=other, event=fair.event, now=NOW)
    with pytest.raises(Denied):
        operations.close_event(session, actor=other, event=fair.event, now=NOW + timedelta(days=9))
    with pytest.raises(Conflict, match="没有这一版"):
        operations.begin_run(session, schedule_ref="nothing")
    assert made.state == RunState.PUBLISHED


def test_an_event_has_an_upper_size(session, monkeypatch):
    fair = make_fair(session, tables=1, organizations=1)
    monkeypatch.setattr("marketplace.meetings.operations.parties.MOST_PARTIES", 2)
    with pytest.raises(Invalid, match="最多 2 方"):
        operations.add_visitor(session, actor=fair.host, event=fair.event, organization=make_provider(session), now=NOW)


def test_every_step_leaves_a_line_in_the_audit(session):
    fair, _ = make_public(session)
    actions = session.scalars(select(AuditEvent.action).where(AuditEvent.subject_ref == fair.event.ref)).all()
    assert {"meetings.create", "meetings.add_table", "meetings.add_visitor", "meetings.start_run", "meetings.keep_run",
            "meetings.publish"} <= set(actions)


# ---------- edits ----------

def test_a_pin_makes_a_new_version_with_that_meeting_and_says_who_and_why(session):
    fair, before = make_scheduled(session)
    made = commit(session, fair, Edit(EditKind.PIN, (pair(fair),), round=4, reason="上次约好的"))
    (seat,) = [one for one in queries.seats(session, made) if (one.project, one.organization) == pair(fair)]
    assert (made.number, made.state, made.revision, seat.round, seat.is_pinned) == (
        2, RunState.READY, fair.event.revision, 4, True)
    row = session.scalars(select(MeetingDecision)).one()
    assert (row.kind, row.round, row.reason, row.decided_by) == ("pin", 4, "上次约好的", fair.host.person_id)
    assert queries.current(session, fair.event) == made != before


def test_a_forbid_takes_the_meeting_away_and_lifting_it_brings_it_back(session):
    fair, _ = make_scheduled(session)
    made = commit(session, fair, Edit(EditKind.FORBID, (pair(fair),), reason="有过纠纷"))
    assert pair(fair) not in {(one.project, one.organization) for one in queries.seats(session, made)}
    made = commit(session, fair, Edit(EditKind.LIFT, (pair(fair),), reason="已和解"))
    assert pair(fair) in {(one.project, one.organization) for one in queries.seats(session, made)}
    (row,) = queries.decisions_of(session, fair.event, with_lifted=True)
    assert (row.lifted_by, queries.decisions_of(session, fair.event)) == (fair.host.person_id, [])
    with pytest.raises(Conflict, match="已经撤回"):
        commit(session, fair, Edit(EditKind.LIFT, (pair(fair),), reason="再来"))


def test_an_absence_empties_those_rounds(session):
    fair, _ = make_scheduled(session)
    body = fair.organizations[0]
    made = commit(session, fair, Edit(EditKind.AWAY, organization=body.id, away=frozenset({1, 2}), reason="上午有会"))
    assert {one.round for one in queries.seats(session, made) if one.organization == body.id} <= {3, 4}
    made = commit(session, fair, Edit(EditKind.AWAY, project=fair.projects[0].id, away=frozenset({4}), reason="撤桌"))
    assert 4 not in {one.round for one in queries.seats(session, made) if one.project == fair.projects[0].id}
    operations.change_party(session, actor=fair.host, party=fair.event.tables[1], terms=Terms(least=4), now=NOW)
    with pytest.raises(Invalid, match="在场 3 轮"):
        operations.decide(session, actor=fair.host, event=fair.event, now=NOW, edit=Edit(
            EditKind.AWAY, project=fair.projects[1].id, away=frozenset({1}), reason="迟到"))


def test_an_edit_is_refused_when_somebody_was_faster_or_the_points_changed(session):
    fair, _ = make_scheduled(session)
    edit = Edit(EditKind.PIN, (pair(fair),), round=4, reason="约好的")
    with pytest.raises(Conflict, match="请重新预览"):
        commit(session, fair, edit, revision=fair.event.revision - 1)
    with pytest.raises(Conflict, match="请重新预览"):
        commit(session, fair, edit, shown="0" * 64)
    assert session.scalar(select(MeetingDecision.id)) is None


@pytest.mark.parametrize("reason", ["", "  ", "长" * 201])
def test_an_edit_needs_a_reason_of_reasonable_length(session, reason):
    fair = make_fair(session)
    with pytest.raises(Invalid, match="理由"):
        operations.decide(session, actor=fair.host, event=fair.event, now=NOW,
                          edit=Edit(EditKind.FORBID, (pair(fair),), reason=reason))


def test_an_edit_that_leaves_somebody_short_is_not_kept(session):
    fair, _ = make_scheduled(session, fair=make_fair(session, tables=1, organizations=2, rounds=2, terms=Terms(least=2)))
    edit = Edit(EditKind.FORBID, (pair(fair),), reason="x")
    assert solved(session, fair, edit).shortages
    with pytest.raises(Invalid, match="最少场次"):
        commit(session, fair, edit)


def test_a_pin_of_a_project_between_notice_and_award_is_refused(session):
    fair = make_fair(session)
    project = fair.projects[0]
    projects.submit_for_review(session, actor=fair.desk.handler, project=project, now=NOW)
    projects.publish(session, actor=fair.desk.approver, project=project, closes_at=CLOSES, now=NOW)
    with pytest.raises(Denied, match="实施条例"):
        operations.decide(session, actor=fair.host, event=fair.event, now=NOW,
                          edit=Edit(EditKind.PIN, (pair(fair),), reason="约好的"))


def test_decisions_before_the_first_schedule_are_kept_and_obeyed(session):
    fair = make_fair(session)
    operations.decide(session, actor=fair.host, event=fair.event, now=NOW,
                      edit=Edit(EditKind.PIN, (pair(fair),), round=3, reason="约好的"))
    operations.decide(session, actor=fair.host, event=fair.event, now=NOW,
                      edit=Edit(EditKind.PIN, (pair(fair),), round=2, reason="改了时间"))
    _, made = make_scheduled(session, fair)
    assert [one.round for one in queries.seats(session, made) if one.is_pinned] == [2]
    with pytest.raises(Denied):
        operations.decide(session, actor=stranger(session), event=fair.event, now=NOW,
                          edit=Edit(EditKind.FORBID, (pair(fair),), reason="x"))


def test_a_rerun_that_keeps_the_schedule_before_changes_nothing_without_a_cause(session):
    fair, before = make_scheduled(session)
    _, after = make_scheduled(session, fair, keeps_before=True)
    strip = [replace(seat, is_pinned=False) for seat in queries.seats(session, after)]
    assert digest(strip) == digest(queries.seats(session, before))


# ---------- who sees what; points ----------

def test_participants_see_an_event_only_once_it_is_published(session):
    fair, made = make_scheduled(session)
    member = Actor(person_id=1, organization_id=fair.organizations[0].id, roles=frozenset({Role.PROVIDER_MEMBER}))
    outsider = replace(member, organization_id=make_provider(session).id)
    with pytest.raises(Denied) as refused:
        event_queries.by_ref(session, fair.event.ref, actor=member)
    assert refused.value.hidden
    operations.publish(session, actor=fair.host, event=fair.event, schedule=made, now=NOW)
    assert event_queries.by_ref(session, fair.event.ref, actor=member) == fair.event
    assert session.scalars(event_queries.events_of(member)).all() == [fair.event]
    assert not policy.may_see_all(member, fair.event)
    assert session.scalars(event_queries.events_of(outsider)).all() == []
    with pytest.raises(Denied):
        event_queries.by_ref(session, fair.event.ref, actor=outsider)
    with pytest.raises(Denied):
        event_queries.by_ref(session, "nothing", actor=member)


def test_units_see_their_own_events_and_those_open_to_them(session):
    fair = make_fair(session)
    other = stranger(session)
    assert session.scalars(event_queries.events_of(other)).all() == []
    opened = make_fair(session, is_open_to_units=True)
    assert session.scalars(event_queries.events_of(other)).all() == [opened.event]
    assert event_queries.by_ref(session, opened.event.ref, actor=other) == opened.event
    assert set(session.scalars(event_queries.events_of(operator())).all()) == {fair.event, opened.event}


def test_a_body_never_meets_the_project_that_it_buys(session):
    fair = make_fair(session)
    made = points_of(session, [fair.projects[0].id], [fair.organizations[0].id, fair.desk.unit.id])
    assert made.matrix.tolist() == [[800, 0]]
    assert made.source == ""
