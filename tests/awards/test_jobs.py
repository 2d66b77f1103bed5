"""Official notices follow a project's life, each once, with the facts of the day; and what may be indexed."""

from datetime import date

import pytest
from sqlalchemy import select

from marketplace.awards import jobs, queries
from marketplace.awards.models import Notice
from marketplace.core.clock import at_beijing
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied
from marketplace.projects import operations
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectChange
from marketplace.web.services import services
from tests.factories import NOW, awards
from tests.factories.projects import make_desk, make_published


@pytest.fixture
def published(ctx):
    """The reference of a published project and its approver."""
    with transaction() as session:
        desk = make_desk(session)
        return make_published(session, desk).ref, desk


def notices(kind):
    return list(db.session().scalars(select(Notice).where(Notice.kind == kind).order_by(Notice.id)))


def test_a_published_project_has_one_selection_notice_with_its_facts(published):
    ref, _ = published
    for _ in range(2):
        jobs.announce_selection(ref)
    (notice,) = notices("selection")
    assert notice.published_at == NOW
    assert notice.facts["budget_fen"] == 36_800_000
    assert notice.facts["criteria"] == [["服务方案", 40], ["团队配备", 25], ["以往经验", 15]]
    assert notice.facts["contact_phone"] == "0000-86210716"


def test_each_addendum_is_a_change_notice_of_its_own(published):
    ref, desk = published
    later = at_beijing(date(2026, 12, 14), 17)
    for text, closes_at in (("助餐点增加一处", later), ("联系电话更正", None)):
        with transaction() as session:
            project = session.scalars(select(Project).where(Project.ref == ref)).one()
            operations.publish_addendum(session, actor=desk.handler, project=project, text=text, now=NOW, closes_at=closes_at)
    for number in (1, 2, 2, 3):
        jobs.announce_change(ref, ProjectChange.ADDENDUM, number=number)
    first, second = notices("change")
    assert (first.facts["text"], first.facts["closes_at"]) == ("助餐点增加一处", later.isoformat())
    assert (second.facts["text"], second.facts["closes_at"]) == ("联系电话更正", None)


@pytest.mark.parametrize(("end", "kind", "change"), [
    ("fail", "failure", ProjectChange.FAILED), ("terminate", "termination", ProjectChange.TERMINATED)])
def test_an_end_without_a_result_is_announced_with_its_reason(published, end, kind, change):
    ref, desk = published
    with transaction() as session:
        project = session.scalars(select(Project).where(Project.ref == ref)).one()
        getattr(operations, end)(session, actor=desk.approver, project=project, reason="需求发生重大变化", now=NOW)
    jobs.announce_change(ref, change, reason="需求发生重大变化")
    jobs.announce_change(ref, change)
    assert [notice.facts["reason"] for notice in notices(kind)] == ["需求发生重大变化"]


def test_news_that_is_no_event_for_the_public_makes_no_notice(published):
    ref, _ = published
    jobs.announce_change(ref, ProjectChange.ASKED, enquiry_ref="x")
    jobs.announce_change(ref, ProjectChange.FAILED)
    assert db.session().scalars(select(Notice)).all() == []


def test_a_draft_is_not_announced(ctx):
    from tests.factories.projects import make_draft

    with transaction() as session:
        ref = make_draft(session).ref
    jobs.announce_selection(ref)
    assert notices("selection") == []


def test_a_notice_is_indexed_with_what_the_public_may_find(session):
    case = awards.make_ranked(session, services().sealer)
    award = awards.make_award(session, case)
    notice = queries.notices_of(session, case.project)[-1]
    (document,) = queries.public_documents(session, [notice.ref])
    assert (document.kind, document.url, document.status) == ("notice", f"/notices/{notice.ref}", "result")
    assert document.amount_fen == award.price.fen
    assert award.bid.organization.name in document.lead
    loser = queries.ranking_of(session, case.project)[1].bid.organization
    assert loser.name not in repr(document)
    assert list(queries.public_documents(session, [])) == []
    assert document in queries.public_documents(session)


def test_an_unknown_notice_is_not_there(session):
    with pytest.raises(Denied) as refused:
        queries.notice_by_ref(session, "nothing")
    assert refused.value.hidden
