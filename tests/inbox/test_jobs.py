"""Who hears what, and who does not; every handler may run twice."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.accounts.models import Person
from marketplace.core.access import SYSTEM, Role
from marketplace.core.db import db, transaction
from marketplace.inbox.jobs import HANDLERS, awards, bids, mail, organizations, projects, safety
from marketplace.inbox.models import Message
from marketplace.inbox.rules import Kind, Letter
from marketplace.projects import operations as project_operations
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectChange
from marketplace.web.services import services
from tests.factories import NOW
from tests.factories.accounts import make_person
from tests.factories.bids import an_offer, make_bid, make_bidder, make_opening
from tests.factories.organizations import make_organization
from tests.factories.projects import CLOSES, make_desk, make_draft, make_published, make_submitted


def messages(**wanted):
    found = db.session.scalars(select(Message).filter_by(**wanted).order_by(Message.id)).all()
    return [(m.person_id, m.subject, m.verb, m.done_at is not None) for m in found]


def twice(handler, **payload):
    handler(**payload)
    before = db.session.scalars(select(Message.id)).all()
    handler(**payload)
    assert db.session.scalars(select(Message.id)).all() == before, "the handler sent again"


def test_a_submitted_project_waits_with_the_approver_and_not_with_the_drafter(ctx):
    with transaction() as session:
        desk = make_desk(session)
        project = make_submitted(session, desk)
        ref = project.ref
    twice(projects.tell_of_change, project_ref=ref, change=ProjectChange.SUBMITTED)
    assert messages() == [(desk.approver.person_id, "审核项目“{title}”", "审核", False)]


def test_a_returned_project_goes_back_to_the_drafter_with_the_reason_and_closes_the_review(ctx):
    with transaction() as session:
        desk = make_desk(session)
        project = make_submitted(session, desk)
        ref = project.ref
    projects.tell_of_change(project_ref=ref, change=ProjectChange.SUBMITTED)
    with transaction() as session:
        project = session.scalars(select(Project)).one()
        project_operations.return_draft(session, actor=desk.approver, project=project, reason="预算与清单不符", now=NOW)
    twice(projects.tell_of_change, project_ref=ref, change=ProjectChange.RETURNED)
    assert messages() == [
        (desk.approver.person_id, "审核项目“{title}”", "审核", True),
        (desk.handler.person_id, "修改被退回的项目“{title}”", "修改", False)]
    mend = db.session.scalars(select(Message).where(Message.verb == "修改")).one()
    assert mend.facts["reason"] == "预算与清单不符"
    assert mend.url == f"/desk/projects/{ref}/edit"


def test_publishing_closes_the_review_and_tells_the_drafter(ctx):
    with transaction() as session:
        desk = make_desk(session)
        ref = make_published(session, desk).ref
    twice(projects.tell_of_publication, project_ref=ref)
    assert messages() == [(desk.handler.person_id, "“{title}”已发布，{closes_at} 截止", "", False)]


def test_a_receipt_is_news_for_the_bidder_alone_and_names_no_price(ctx):
    with transaction() as session:
        desk = make_desk(session)
        project = make_published(session, desk)
        bidding, rival = make_bidder(session), make_bidder(session)
        bid = make_bid(session, project, services().sealer, bidding, offer=an_offer())
        ref = bid.ref
    twice(bids.acknowledge_bid, bid_ref=ref)
    assert [person for person, *_ in messages()] == [bidding.actor.person_id]
    told = db.session.scalars(select(Message)).one()
    assert "356" not in str(told.facts) + told.subject + told.body
    assert told.url == f"/bids/{ref}/receipt"
    assert rival.actor.person_id != told.person_id


def test_an_addendum_reaches_those_who_bid_and_nobody_at_the_buyer(ctx):
    with transaction() as session:
        desk = make_desk(session)
        project = make_published(session, desk)
        bidding = make_bidder(session)
        make_bid(session, project, services().sealer, bidding)
        ref = project.ref
    twice(projects.tell_of_change, project_ref=ref, change=ProjectChange.ADDENDUM, number=1, is_moved=False)
    assert messages() == [(bidding.actor.person_id, "“{title}”发布第 {number} 号澄清，截止时间不变", "", False)]


def test_an_opening_asks_the_buyer_for_the_panel_and_tells_every_bidder(ctx):
    with transaction() as session:
        desk = make_desk(session)
        project = make_published(session, desk)
        make_opening(session, project, services().sealer)
        ref = project.ref
    twice(bids.tell_of_opening, project_ref=ref)
    told = messages()
    assert {p for p, _, verb, _ in told if verb == "抽取"} == {desk.handler.person_id, desk.approver.person_id}
    assert sum(subject == "“{title}”已启封，共 {count} 份响应文件" for _, subject, _, _ in told) == 3
    due = db.session.scalars(select(Message.due_at).where(Message.verb == "抽取")).first()
    assert due == CLOSES + timedelta(seconds=60) + bids.DRAW_WITHIN


def test_a_failed_project_tells_both_sides_and_closes_what_was_to_be_done(ctx):
    with transaction() as session:
        desk = make_desk(session)
        project = make_published(session, desk)
        bidding = make_bidder(session)
        make_bid(session, project, services().sealer, bidding)
        project_operations.fail(session, actor=SYSTEM, project=project, reason="响应不足三家", now=CLOSES)
        ref = project.ref
    twice(projects.tell_of_change, project_ref=ref, change=ProjectChange.FAILED)
    assert {(person, subject) for person, subject, *_ in messages()} == {
        (desk.handler.person_id, "“{title}”流标"), (bidding.actor.person_id, "“{title}”流标")}


def test_a_question_is_a_todo_until_it_is_answered(ctx):
    with transaction() as session:
        desk = make_desk(session)
        project = make_published(session, desk)
        bidding = make_bidder(session)
        enquiry = project_operations.ask(session, actor=bidding.actor, project=project, question="周末也送吗？", now=NOW)
        ref, enquiry_ref = project.ref, enquiry.ref
    twice(projects.tell_of_change, project_ref=ref, change=ProjectChange.ASKED, enquiry_ref=enquiry_ref)
    assert messages() == [(desk.handler.person_id, "答复“{title}”的公开提问", "答复", False)]
    with transaction() as session:
        from marketplace.projects import queries

        asked = queries.enquiry_by_ref(session, enquiry_ref)
        project_operations.answer(session, actor=desk.handler, enquiry=asked, answer="只含工作日", now=NOW)
    twice(projects.tell_of_change, project_ref=ref, change=ProjectChange.ANSWERED, enquiry_ref=enquiry_ref)
    assert messages() == [
        (desk.handler.person_id, "答复“{title}”的公开提问", "答复", True),
        (bidding.actor.person_id, "您在“{title}”的提问已公开答复", "", False)]


def test_operators_check_what_was_handed_in(ctx):
    with transaction() as session:
        operator = make_person(session, role=Role.OPERATOR)
        body = make_organization(session, is_verified=False)
        body.verification = "submitted"
        ref, name, operator_id = body.ref, body.name, operator.id
    twice(organizations.ask_for_check, organization_ref=ref, name=name)
    assert messages() == [(operator_id, "核验机构“{name}”", "核验", False)]


def test_an_account_that_is_refused_again_and_again_alarms_once_a_day(ctx):
    with transaction() as session:
        officer_id = make_person(session, role=Role.SECURITY_OFFICER).id
    safety.warn_officers(person_ref="abc", name="张三", count=20)
    safety.warn_officers(person_ref="abc", name="张三", count=30)
    assert [person for person, *_ in messages()] == [officer_id]


def mailed(ctx, locale="zh_Hans_CN"):
    from marketplace.inbox.operations import send

    with transaction() as session:
        person = make_person(session, name="何静")
        person.email, person.locale = "he@example.invalid", locale
        made = send(session, person=person, now=NOW, letter=Letter(
            kind=Kind.PROJECT, subject="审核项目“{title}”", verb="审核", url="/desk/projects/abc/review",
            facts={"title": "长者助餐"}, due_at=CLOSES))
        return made.ref


def test_a_mail_says_what_to_do_by_when_and_where_and_goes_once(ctx):
    ref = mailed(ctx)
    mail.mail_copy(message_ref=ref)
    mail.mail_copy(message_ref=ref)
    [sent] = services().mailer.sent
    assert sent["to"] == "he@example.invalid"
    assert sent["subject"] == "审核项目“长者助餐”"
    assert "2026-12-07 17:00" in sent["text"]
    assert "http://localhost/desk/projects/abc/review" in sent["text"]
    assert sent["message_id"] == f"<{ref}@example.invalid>"


def test_a_mail_is_written_in_the_readers_script(ctx):
    mail.mail_copy(message_ref=mailed(ctx, locale="zh_Hant"))
    assert "長者助餐" in services().mailer.sent[0]["subject"]


def test_a_mail_system_that_is_down_leaves_the_copy_to_the_next_attempt(ctx):
    ref = mailed(ctx)
    services().mailer.broken = True
    with pytest.raises(OSError, match="down"):
        mail.mail_copy(message_ref=ref)
    services().mailer.broken = False
    mail.mail_copy(message_ref=ref)
    assert len(services().mailer.sent) == 1


def test_a_closed_account_gets_no_mail(ctx):
    ref = mailed(ctx)
    with transaction() as session:
        session.scalars(select(Person)).one().is_active = False
    mail.mail_copy(message_ref=ref)
    assert services().mailer.sent == []


def test_news_of_things_that_are_gone_are_let_go(ctx):
    projects.tell_of_publication(project_ref="gone")
    projects.tell_of_change(project_ref="gone", change=ProjectChange.SUBMITTED)
    bids.acknowledge_bid(bid_ref="gone")
    bids.tell_of_opening(project_ref="gone")
    awards.tell_sheets_in(project_ref="gone")
    awards.tell_award(award_ref="gone")
    awards.tell_revocation(award_ref="gone")
    awards.ask_for_answer(objection_ref="gone")
    awards.tell_answer(objection_ref="gone")
    mail.mail_copy(message_ref="gone")
    assert messages() == []


def test_a_draft_alone_is_no_news(ctx):
    with transaction() as session:
        ref = make_draft(session).ref
    projects.tell_of_change(project_ref=ref, change=ProjectChange.SUBMITTED)
    assert messages() == []


def test_every_handler_is_a_function_with_one_name():
    names = [handler.__name__ for handler in HANDLERS.values()]
    assert len(set(names)) == len(names)
