"""Operations on projects, on both databases."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalogs.models import PurchaseList, PurchaseListItem, PurchaseListLine, PurchaseListVersion
from marketplace.core.access import SYSTEM, Role
from marketplace.core.audit import AuditEvent
from marketplace.core.clock import at_beijing
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.core.outbox import Job
from marketplace.files.models import StoredFile
from marketplace.projects import operations, rules
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState
from tests.factories import NOW
from tests.factories.projects import (
    CLOSES,
    Desk,
    facts,
    make_actor,
    make_desk,
    make_draft,
    make_opened,
    make_published,
    make_submitted,
    make_unit,
)


def jobs(session: Session, kind: str) -> list[Job]:
    return list(session.scalars(select(Job).where(Job.kind == kind).order_by(Job.id)))


def actions(session: Session, ref: str) -> list[str]:
    return list(session.scalars(select(AuditEvent.action).where(AuditEvent.subject_ref == ref).order_by(AuditEvent.id)))


def make_line(session: Session, desk: Desk, **changes: object) -> PurchaseListItem:
    """A line of a published purchase list."""
    purchase_list = PurchaseList(unit=desk.unit, year=2026, created_at=NOW)
    version = PurchaseListVersion(purchase_list=purchase_list, number=1, state="published", created_at=NOW, published_at=NOW)
    line = PurchaseListLine(purchase_list=purchase_list)
    values = {"title": "长者助餐服务", "catalog_code": "A040203", "content": "工作日午餐", "budget": Money.yuan(368_000),
              "funding_source": "部门预算", "period": "一年", "method": "公开遴选", "contact": "何老师 0757-8621 0716"}
    item = PurchaseListItem(version=version, line=line, position=1, **{**values, **changes})
    session.add(item)
    session.flush()
    return item


def test_a_published_project_has_number_rules_and_an_opening_a_minute_after_the_deadline(session: Session) -> None:
    project = make_published(session)
    assert project.state == ProjectState.PUBLISHED
    assert project.number == "LC-2026-0001"
    assert project.rule_set == "below_threshold@2026.1"
    assert project.rules_snapshot["min_bids"] == 3
    (opening,) = {(j.due_at, j.payload["project_ref"]) for j in jobs(session, rules.JOB_OPENING_DUE)}
    assert opening == (CLOSES + timedelta(seconds=60), project.ref)
    assert jobs(session, rules.JOB_PROJECT_PUBLISHED)
    assert actions(session, project.ref) == ["projects.draft", "projects.submit", "projects.publish"]


def test_numbers_run_through_the_year(session: Session) -> None:
    desk = make_desk(session)
    assert [make_published(session, desk).number for _ in range(3)] == ["LC-2026-0001", "LC-2026-0002", "LC-2026-0003"]


def test_nobody_publishes_what_he_drafted(session: Session) -> None:
    desk = make_desk(session)
    project = operations.draft_project(session, actor=desk.approver, buyer=desk.unit, now=NOW, **facts())
    operations.submit_for_review(session, actor=desk.handler, project=project, now=NOW)
    with pytest.raises(Denied, match="不能自己批准"):
        operations.publish(session, actor=desk.approver, project=project, closes_at=CLOSES, now=NOW)
    other = make_actor(session, desk.unit, Role.APPROVER, "第二审核人")
    operations.publish(session, actor=other, project=project, closes_at=CLOSES, now=NOW)
    assert project.state == ProjectState.PUBLISHED


def test_nobody_publishes_what_he_submitted(session: Session) -> None:
    desk = make_desk(session)
    project = make_draft(session, desk)
    operations.submit_for_review(session, actor=desk.approver, project=project, now=NOW)
    with pytest.raises(Denied):
        operations.publish(session, actor=desk.approver, project=project, closes_at=CLOSES, now=NOW)


def test_a_unit_with_one_person_may_approve_itself_and_the_audit_says_so(session: Session) -> None:
    desk = make_desk(session)
    unit = make_unit(session)
    alone = make_actor(session, unit, Role.APPROVER, "唯一的人")
    project = make_submitted(session, Desk(unit, alone, alone))
    operations.publish(session, actor=alone, project=project, closes_at=CLOSES, now=NOW)
    event = session.scalars(select(AuditEvent).where(AuditEvent.action == "projects.publish")).one()
    assert event.facts["second_person"] is False
    assert desk.unit.id != unit.id


def test_a_stranger_does_not_learn_that_a_draft_exists(session: Session) -> None:
    project, stranger = make_draft(session), make_desk(session)
    for verb in (
        lambda: operations.save_draft(session, actor=stranger.handler, project=project, changes={"title": "x"}, now=NOW),
        lambda: operations.submit_for_review(session, actor=stranger.handler, project=project, now=NOW),
        lambda: operations.terminate(session, actor=stranger.approver, project=project, reason="x", now=NOW),
    ):
        with pytest.raises(Denied) as refused:
            verb()
        assert refused.value.hidden


def test_an_incomplete_draft_is_not_sent_to_review(session: Session) -> None:
    desk = make_desk(session)
    project = make_draft(session, desk, indicators=[])
    with pytest.raises(Invalid) as refused:
        operations.submit_for_review(session, actor=desk.handler, project=project, now=NOW)
    assert refused.value.field == "indicators"
    assert project.state == ProjectState.DRAFT


def test_weights_that_do_not_total_100_are_refused(session: Session) -> None:
    desk = make_desk(session)
    project = make_draft(session, desk, criteria=[{"name": "方案", "weight": 79}])
    with pytest.raises(Invalid, match="99"):
        operations.submit_for_review(session, actor=desk.handler, project=project, now=NOW)


@pytest.mark.parametrize(("closes_at", "sentence"), [
    (at_beijing(date(2026, 11, 27), 17), "太早"),            # four working days
    (at_beijing(date(2026, 11, 30), 16, 59), "太早"),        # the fifth, before offices close
    (at_beijing(date(2026, 12, 5), 17), "休息日"),           # a Saturday
])
def test_a_deadline_too_early_or_on_a_day_off_is_refused(session: Session, closes_at: object, sentence: str) -> None:
    desk = make_desk(session)
    project = make_submitted(session, desk)
    with pytest.raises(Invalid, match=sentence) as refused:
        operations.publish(session, actor=desk.approver, project=project, closes_at=closes_at, now=NOW)
    assert refused.value.field == "closes_at"
    assert project.number is None


def test_the_fifth_working_day_at_the_close_of_business_is_early_enough(session: Session) -> None:
    project = make_published(session, closes_at=at_beijing(date(2026, 11, 30), 17))
    assert project.state == ProjectState.PUBLISHED


def test_an_unchecked_attachment_stops_the_publishing(session: Session) -> None:
    desk = make_desk(session)
    project = make_draft(session, desk)
    file = StoredFile(name="需求书.pdf", media_type="application/pdf", size=9, sha256="a" * 64,
                      owner_organization_id=desk.unit.id, scan_state="pending", created_at=NOW)
    session.add(file)
    operations.attach(session, actor=desk.handler, project=project, file=file, title="", now=NOW)
    operations.submit_for_review(session, actor=desk.handler, project=project, now=NOW)
    with pytest.raises(Invalid, match="需求书"):
        operations.publish(session, actor=desk.approver, project=project, closes_at=CLOSES, now=NOW)
    session.refresh(project)
    file.scan_state = "clean"
    operations.publish(session, actor=desk.approver, project=project, closes_at=CLOSES, now=NOW)
    assert file.is_public


def test_a_file_of_another_unit_is_not_attached(session: Session) -> None:
    desk, other = make_desk(session), make_desk(session)
    file = StoredFile(name="a.pdf", media_type="application/pdf", size=9, sha256="a" * 64,
                      owner_organization_id=other.unit.id, scan_state="clean", created_at=NOW)
    session.add(file)
    with pytest.raises(Invalid):
        operations.attach(session, actor=desk.handler, project=make_draft(session, desk), file=file, title="", now=NOW)


def test_an_attachment_can_be_taken_off_again(session: Session) -> None:
    desk = make_desk(session)
    project = make_draft(session, desk)
    file = StoredFile(name="a.pdf", media_type="application/pdf", size=9, sha256="a" * 64,
                      owner_organization_id=desk.unit.id, scan_state="clean", created_at=NOW)
    session.add(file)
    attached = operations.attach(session, actor=desk.handler, project=project, file=file, title="需求书", now=NOW)
    operations.detach(session, actor=desk.handler, project=project, file=attached, now=NOW)
    session.refresh(project)
    assert project.files == []


def test_a_returned_draft_says_why_and_can_be_edited_again(session: Session) -> None:
    desk = make_desk(session)
    project = make_submitted(session, desk)
    operations.return_draft(session, actor=desk.approver, project=project, reason=" 预算请核对 ", now=NOW)
    assert (project.state, project.return_reason) == (ProjectState.DRAFT, "预算请核对")
    operations.save_draft(session, actor=desk.handler, project=project, changes={"title": "长者助餐服务（修订）"}, now=NOW)
    operations.submit_for_review(session, actor=desk.handler, project=project, now=NOW)
    assert project.return_reason == ""


def test_a_return_needs_a_reason(session: Session) -> None:
    desk = make_desk(session)
    with pytest.raises(Invalid):
        operations.return_draft(session, actor=desk.approver, project=make_submitted(session, desk), reason=" ", now=NOW)


def test_what_is_in_review_is_not_edited(session: Session) -> None:
    desk = make_desk(session)
    with pytest.raises(Denied, match="草稿"):
        operations.save_draft(session, actor=desk.handler, project=make_submitted(session, desk), changes={"title": "x"}, now=NOW)


def test_saving_over_a_newer_version_loses_nothing(session: Session) -> None:
    desk = make_desk(session)
    project = make_draft(session, desk)
    seen = project.version_id
    operations.save_draft(session, actor=desk.approver, project=project, changes={"place": "甲"}, now=NOW, version=seen)
    with pytest.raises(Conflict):
        operations.save_draft(session, actor=desk.handler, project=project, changes={"place": "乙"}, now=NOW, version=seen)
    session.refresh(project)
    assert project.place == "甲"


@pytest.mark.parametrize(("changes", "field"), [
    ({"title": "  "}, "title"), ({"title": "长" * 121}, "title"), ({"body": "长" * 20_001}, "body"),
    ({"budget": Money(0)}, "budget"), ({"ceiling": Money.yuan(368_001)}, "ceiling"),
    ({"budget": None}, "ceiling"), ({"price_weight": 101}, "price_weight"), ({"beneficiaries": -1}, "beneficiaries"),
    ({"scoring_method": "dice"}, "scoring_method"),
    ({"criteria": [{"name": "方案", "weight": 0}]}, "criteria"), ({"criteria": [{"name": "方案", "weight": None}]}, "criteria"),
    ({"criteria": [{"name": " ", "weight": 10}]}, "criteria"), ({"milestones": [{"title": "首付", "percent": 101}]}, "milestones"),
    ({"indicators": [{"name": "午餐", "target": ""}]}, "indicators"),
    ({"indicators": [{"name": "午餐", "target": "1"}] * 51}, "indicators"),
])
def test_a_draft_refuses_what_could_never_be_right(session: Session, changes: dict[str, object], field: str) -> None:
    desk = make_desk(session)
    project = make_draft(session, desk)
    with pytest.raises(Invalid) as refused:
        operations.save_draft(session, actor=desk.handler, project=project, changes=changes, now=NOW)
    assert refused.value.field == field


def test_an_unknown_field_of_a_draft_is_a_programming_error(session: Session) -> None:
    desk = make_desk(session)
    with pytest.raises(TypeError):
        operations.save_draft(session, actor=desk.handler, project=make_draft(session, desk), changes={"state": "published"}, now=NOW)


def test_a_provider_does_not_draft_and_a_unit_that_does_not_buy_gets_no_project(session: Session) -> None:
    desk = make_desk(session)
    desk.unit.is_buyer = False
    with pytest.raises(Denied, match="不是购买主体"):
        operations.draft_project(session, actor=desk.handler, buyer=desk.unit, title="长者助餐", now=NOW)


def test_one_line_of_the_purchase_list_gives_one_project(session: Session) -> None:
    desk = make_desk(session)
    item = make_line(session, desk)
    first = operations.draft_from_line(session, actor=desk.handler, line=item.line, item=item, now=NOW)
    again = operations.draft_from_line(session, actor=desk.approver, line=item.line, item=item, now=NOW)
    assert first.id == again.id
    assert (first.budget, first.category_code, first.body) == (Money.yuan(368_000), "A040203", "工作日午餐")
    assert (first.contact_name, first.contact_phone) == ("何老师", "0757-8621 0716")
    assert item.line.project_ref == first.ref
    assert item.line.posted_at is None


def test_publishing_marks_the_line_posted_and_a_contract_marks_it_contracted(session: Session) -> None:
    desk = make_desk(session)
    item = make_line(session, desk)
    project = operations.draft_from_line(session, actor=desk.handler, line=item.line, item=item, now=NOW)
    operations.save_draft(session, actor=desk.handler, project=project, changes=facts(), now=NOW)
    operations.submit_for_review(session, actor=desk.handler, project=project, now=NOW)
    operations.publish(session, actor=desk.approver, project=project, closes_at=CLOSES, now=NOW)
    assert item.line.posted_at == NOW
    operations.mark_opened(session, project=project, now=CLOSES)
    operations.mark_awarded(session, project=project, now=CLOSES)
    operations.mark_contracted(session, project=project, now=CLOSES)
    assert item.line.contracted_at == CLOSES


def test_a_line_of_an_unpublished_list_is_not_posted(session: Session) -> None:
    desk = make_desk(session)
    item = make_line(session, desk)
    item.version.state, item.version.published_at = "draft", None
    with pytest.raises(IllegalStep):
        operations.draft_from_line(session, actor=desk.handler, line=item.line, item=item, now=NOW)


def test_discarding_a_draft_frees_its_line(session: Session) -> None:
    desk = make_desk(session)
    item = make_line(session, desk)
    project = operations.draft_from_line(session, actor=desk.handler, line=item.line, item=item, now=NOW)
    operations.terminate(session, actor=desk.handler, project=project, reason="重复", now=NOW)
    assert item.line.project_ref is None
    again = operations.draft_from_line(session, actor=desk.handler, line=item.line, item=item, now=NOW)
    assert again.id != project.id


def test_a_copy_takes_everything_but_the_dates_and_a_failed_project_hands_over_its_line(session: Session) -> None:
    desk = make_desk(session)
    item = make_line(session, desk)
    project = operations.draft_from_line(session, actor=desk.handler, line=item.line, item=item, now=NOW)
    operations.save_draft(session, actor=desk.handler, project=project, changes=facts(), now=NOW)
    operations.submit_for_review(session, actor=desk.handler, project=project, now=NOW)
    operations.publish(session, actor=desk.approver, project=project, closes_at=CLOSES, now=NOW)
    operations.fail(session, actor=SYSTEM, project=project, reason="响应不足三家", now=CLOSES)
    made = operations.duplicate(session, actor=desk.handler, project=project, buyer=desk.unit, now=CLOSES)
    assert [c.weight for c in made.criteria] == [40, 25, 15]
    assert [m.percent for m in made.milestones] == [40, 40, 20]
    assert (made.closes_at, made.state, made.number) == (None, ProjectState.DRAFT, None)
    assert (made.line_id, project.line_id, item.line.project_ref) == (item.line.id, None, made.ref)


def test_an_addendum_moves_the_deadline_and_asks_for_another_opening(session: Session) -> None:
    desk = make_desk(session)
    project = make_published(session, desk)
    later = at_beijing(date(2026, 12, 14), 17)
    made = operations.publish_addendum(session, actor=desk.handler, project=project, text="送餐范围", now=NOW, closes_at=later)
    assert (made.number, made.closes_at_before, made.closes_at_after) == (1, CLOSES, later)
    assert project.closes_at == later
    assert {j.due_at for j in jobs(session, rules.JOB_OPENING_DUE)} == {CLOSES + timedelta(seconds=60), later + timedelta(seconds=60)}
    news = [j.payload for j in jobs(session, rules.JOB_PROJECT_CHANGED) if j.payload["change"] == "addendum"]
    assert news
    assert all(facts_["is_moved"] is True for facts_ in news)
    second = operations.publish_addendum(session, actor=desk.handler, project=project, text="格式", now=NOW)
    assert (second.number, second.closes_at_after) == (2, None)
    assert [a.number for a in project.addenda] == [1, 2]


def test_a_deadline_never_moves_forward(session: Session) -> None:
    desk = make_desk(session)
    project = make_published(session, desk)
    with pytest.raises(Invalid, match="推后"):
        operations.publish_addendum(session, actor=desk.handler, project=project, text="x", now=NOW, closes_at=CLOSES - timedelta(minutes=1))


def test_a_change_shortly_before_the_deadline_must_move_it_but_a_mere_clarification_need_not(session: Session) -> None:
    desk = make_desk(session)
    project = make_published(session, desk)
    late = CLOSES - timedelta(days=1)
    with pytest.raises(Invalid) as refused:
        operations.publish_addendum(session, actor=desk.handler, project=project, text="改指标", now=late)
    assert refused.value.field == "closes_at"
    operations.publish_addendum(session, actor=desk.handler, project=project, text="错字", now=late, affects_offers=False)
    assert project.closes_at == CLOSES


def test_after_the_deadline_there_is_no_addendum(session: Session) -> None:
    desk = make_desk(session)
    project = make_published(session, desk)
    with pytest.raises(Denied):
        operations.publish_addendum(session, actor=desk.handler, project=project, text="x", now=CLOSES)
    with pytest.raises(Invalid):
        operations.publish_addendum(session, actor=desk.handler, project=project, text=" ", now=NOW)


def test_a_question_is_answered_once_for_everybody(session: Session) -> None:
    desk, asker = make_desk(session), make_desk(session)
    project = make_published(session, desk)
    enquiry = operations.ask(session, actor=asker.handler, project=project, question="周末送餐吗？", now=NOW)
    operations.answer(session, actor=desk.handler, enquiry=enquiry, answer="不送", now=NOW)
    assert enquiry.answer == "不送"
    with pytest.raises(Conflict):
        operations.answer(session, actor=desk.approver, enquiry=enquiry, answer="送", now=NOW)
    session.refresh(enquiry)
    assert enquiry.answer == "不送"


def test_questions_end_two_days_before_the_deadline_and_are_limited(session: Session) -> None:
    desk, asker = make_desk(session), make_desk(session)
    project = make_published(session, desk)
    with pytest.raises(Denied, match="截止"):
        operations.ask(session, actor=asker.handler, project=project, question="?", now=CLOSES - timedelta(days=2))
    with pytest.raises(Denied, match="澄清"):
        operations.ask(session, actor=desk.handler, project=project, question="?", now=NOW)
    for bad in ("  ", "长" * 1_001):
        with pytest.raises(Invalid):
            operations.ask(session, actor=asker.handler, project=project, question=bad, now=NOW)
    for number in range(10):
        operations.ask(session, actor=asker.handler, project=project, question=f"问题 {number}", now=NOW)
    with pytest.raises(Invalid, match="10"):
        operations.ask(session, actor=asker.handler, project=project, question="第十一个", now=NOW)


def test_an_empty_answer_is_refused(session: Session) -> None:
    desk, asker = make_desk(session), make_desk(session)
    enquiry = operations.ask(session, actor=asker.handler, project=make_published(session, desk), question="?", now=NOW)
    with pytest.raises(Invalid):
        operations.answer(session, actor=desk.handler, enquiry=enquiry, answer=" ", now=NOW)


def test_nothing_is_opened_before_the_deadline(session: Session) -> None:
    project = make_published(session)
    with pytest.raises(IllegalStep, match="未到"):
        operations.mark_opened(session, project=project, now=CLOSES - timedelta(seconds=1))


def test_an_award_can_be_taken_back_and_an_open_objection_stops_the_contract(session: Session) -> None:
    project = make_opened(session)
    operations.mark_awarded(session, project=project, now=CLOSES)
    operations.reopen_award(session, project=project, now=CLOSES)
    assert (project.state, project.awarded_at) == (ProjectState.OPENED, None)
    operations.mark_awarded(session, project=project, now=CLOSES)
    project.open_objections = 1
    session.flush()
    with pytest.raises(IllegalStep, match="1"):
        operations.mark_contracted(session, project=project, now=CLOSES)


def test_terminating_a_published_project_needs_an_approver_and_a_reason(session: Session) -> None:
    desk = make_desk(session)
    project = make_published(session, desk)
    with pytest.raises(Denied):
        operations.terminate(session, actor=desk.handler, project=project, reason="预算取消", now=NOW)
    with pytest.raises(Invalid):
        operations.terminate(session, actor=desk.approver, project=project, reason="", now=NOW)
    operations.terminate(session, actor=desk.approver, project=project, reason="预算取消", now=NOW)
    assert (project.state, project.end_reason, project.ended_at) == (ProjectState.TERMINATED, "预算取消", NOW)
    with pytest.raises(Denied):
        operations.terminate(session, actor=desk.approver, project=project, reason="再一次", now=NOW)


def test_a_handler_does_not_declare_a_failure_but_an_approver_may(session: Session) -> None:
    desk = make_desk(session)
    project = make_opened(session, desk)
    with pytest.raises(Denied):
        operations.fail(session, actor=desk.handler, project=project, reason="x", now=CLOSES)
    operations.fail(session, actor=desk.approver, project=project, reason="全部无效", now=CLOSES)
    assert project.state == ProjectState.FAILED


def test_a_step_decided_on_an_old_version_loses(session: Session) -> None:
    project = make_published(session)
    session.execute(Project.__table__.update().where(Project.id == project.id).values(version_id=project.version_id + 1))
    with pytest.raises(Conflict):
        operations.mark_opened(session, project=project, now=CLOSES)
