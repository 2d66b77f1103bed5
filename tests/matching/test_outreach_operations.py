"""Telling all above a line, inviting by lot or signed recommendation, following, declining: who may, once, the same to all."""

from contextlib import contextmanager
from datetime import timedelta
from unittest import mock

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from marketplace.accounts.queries import load_actor
from marketplace.awards.rules import draw_order
from marketplace.core.access import ANONYMOUS, Role
from marketplace.core.audit import AuditEvent
from marketplace.core.errors import Conflict, Denied, Invalid
from marketplace.core.outbox import Job
from marketplace.inbox.jobs import matching as letters
from marketplace.inbox.models import Message
from marketplace.matching.models.outreach import (
    Invitation,
    InvitationList,
    ProjectDecline,
    ProjectFollow,
    Telling,
    ToldProvider,
)
from marketplace.matching.operations import outreach
from marketplace.matching.queries import market
from marketplace.matching.queries import outreach as queries
from marketplace.matching.rules.hard import HardRule
from marketplace.matching.rules.outreach import MAX_TEXT, Side, seed_digest
from marketplace.projects.models import Project
from marketplace.projects.policy import is_open
from marketplace.web.services import services
from tests.browser.sides import SAID, make_market, make_provider
from tests.factories import NOW
from tests.factories.accounts import actor_of, make_person
from tests.factories.awards import make_expert
from tests.factories.projects import CLOSES, make_actor, make_desk, make_published

pytestmark = pytest.mark.usefixtures("fresh_market")


@pytest.fixture
def fresh_market():
    """No market of another test: databases are rolled back, the kept one is not."""
    market._kept.clear()


@pytest.fixture
def case(session):
    """A desk, its open project, the market, and a person who reads the messages of two organizations."""
    desk = make_desk(session)
    project = make_published(session, desk)
    bodies = make_market(session, now=NOW)
    readers = {name: make_person(session, role=Role.PROVIDER_ADMIN, organization_id=bodies[name].id) for name in ("near", "words")}
    session.flush()
    return session, desk, project, bodies, {name: actor_of(session, person) for name, person in readers.items()}


def tell(session, desk, project, *, line=30, said=SAID, now=NOW, actor=None):
    return outreach.tell_providers(session, actor=actor or desk.handler, project=project, line=line, text=said,
                                   tools=services(), now=now)


def closed_procedure(session, project, procedure="competitive_consultation"):
    """Projects have only one procedure today: put another on the row, as a later release will."""
    session.execute(update(Project).where(Project.id == project.id).values(procedure=procedure))
    session.refresh(project)
    return project


# ---- telling ----

def test_everybody_above_the_line_is_told_and_nobody_else(case):
    session, desk, project, _, _ = case
    ranking = market.rank_project(session, project, tools=services(), now=NOW, most=1000)
    expected = {row.provider_key for row in ranking.rows if row.total >= 300}
    assert len(expected) >= 3
    made = tell(session, desk, project)
    assert set(queries.told_ids(session, made)) == expected
    assert (made.told, made.line, made.text, made.reached) == (len(expected), 30, SAID, 2)
    assert made.considered == ranking.considered


def test_whoever_a_rule_removes_is_not_told_however_low_the_line(case):
    session, desk, project, bodies, _ = case
    told = set(queries.told_ids(session, tell(session, desk, project, line=20)))
    assert not told & {bodies[name].id for name in ("far", "full", "filed")}


def test_a_telling_is_logged_and_asked_for_once(case):
    session, desk, project, _, _ = case
    made = tell(session, desk, project)
    event = session.scalars(select(AuditEvent).where(AuditEvent.action == "matching.tell")).one()
    assert event.facts["line"] == 30
    jobs = session.scalars(select(Job).where(Job.unique_key == f"told:{made.ref}")).all()
    assert [job.payload for job in jobs] == [{"telling_ref": made.ref}]


def test_the_same_again_on_the_same_day_is_the_same_telling(case):
    session, desk, project, _, _ = case
    first = tell(session, desk, project)
    again = tell(session, desk, project, now=NOW + timedelta(hours=5), actor=desk.approver)
    assert again.id == first.id
    assert session.scalar(select(func.count()).select_from(Telling)) == 1
    assert session.scalar(select(func.count()).select_from(Job).where(Job.unique_key.startswith("told:"))) == 1


@pytest.mark.parametrize("change", [{"line": 25}, {"said": "另一段话"}])
def test_another_text_or_line_on_the_same_day_is_refused(case, change):
    session, desk, project, _, _ = case
    tell(session, desk, project)
    with pytest.raises(Conflict):
        tell(session, desk, project, **change)


def test_the_next_day_all_may_be_told_again(case):
    session, desk, project, _, _ = case
    tell(session, desk, project)
    tell(session, desk, project, said="补充：答疑已公开", now=NOW + timedelta(days=1))
    assert [one.text for one in queries.tellings_of(session, project.id)] == ["补充：答疑已公开", SAID]


def test_the_database_keeps_one_telling_a_project_and_day(case):
    session, desk, project, _, _ = case
    made = tell(session, desk, project)
    copy = Telling(project_id=project.id, told_on=made.told_on, line=20, text="x", told=1, reached=0, considered=1, told_at=NOW)
    session.add(copy)
    with pytest.raises(IntegrityError):
        session.flush()
    session.rollback()


def test_what_was_told_is_never_changed(case):
    session, desk, project, _, _ = case
    tell(session, desk, project)
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text("UPDATE telling SET told = 99"))


@pytest.mark.parametrize(("change", "field"), [
    ({"said": "   "}, "text"), ({"said": "字" * (MAX_TEXT + 1)}, "text"), ({"line": 33}, "line"), ({"line": 80}, "line"),
])
def test_bad_input_is_refused_at_its_field(case, change, field):
    session, desk, project, _, _ = case
    with pytest.raises(Invalid) as refused:
        tell(session, desk, project, **change)
    assert refused.value.field == field
    assert session.scalar(select(func.count()).select_from(ToldProvider)) == 0


def test_only_the_buyers_handlers_and_approvers_tell_and_only_while_it_is_open(case):
    session, desk, project, _, actors = case
    stranger = make_desk(session)
    for actor in (stranger.handler, actors["near"], ANONYMOUS):
        with pytest.raises(Denied) as refused:
            tell(session, desk, project, actor=actor)
        assert refused.value.hidden
    operator = make_actor(session, None, Role.OPERATOR)
    with pytest.raises(Denied) as refused:
        tell(session, desk, project, actor=operator)
    assert not refused.value.hidden
    with pytest.raises(Denied):
        tell(session, desk, project, now=CLOSES)
    assert not is_open(project, CLOSES)
    tell(session, desk, project, now=CLOSES - timedelta(hours=1), actor=desk.approver)


@pytest.mark.parametrize("procedure", ["invited_tender", "competitive_consultation", "single_source"])
def test_a_closed_procedure_knows_no_telling(case, procedure):
    session, desk, project, _, _ = case
    with pytest.raises(Denied):
        tell(session, desk, closed_procedure(session, project, procedure))


def test_readers_of_every_told_organization_get_the_same_words_once(case):
    session, desk, project, bodies, _ = case
    made = tell(session, desk, project)
    letters_of(session, letters.tell_providers, telling_ref=made.ref)
    letters_of(session, letters.tell_providers, telling_ref=made.ref)
    sent = session.scalars(select(Message).where(Message.unique_key.startswith("told:"))).all()
    assert {one.organization_id for one in sent} == {bodies["near"].id, bodies["words"].id}
    assert len(sent) == 2
    assert len({(one.subject, one.body, str(sorted(one.facts.items())), one.url) for one in sent}) == 1
    assert sent[0].facts["text"] == SAID


def test_after_the_deadline_nothing_goes_out(case, monkeypatch):
    session, desk, project, _, _ = case
    made = tell(session, desk, project)
    letters_of(session, letters.tell_providers, at=CLOSES + timedelta(seconds=1), telling_ref=made.ref)
    assert session.scalars(select(Message)).all() == []


def letters_of(session, handler, *, at=NOW, **facts):
    """Run a handler of the outbox inside the test's own session, at a moment."""
    @contextmanager
    def same():
        yield session
        session.flush()
    with mock.patch.object(letters, "transaction", same), mock.patch.object(letters, "utc_now", return_value=at):
        handler(**facts)


# ---- drawing ----

def test_the_draw_is_among_all_who_qualify_and_can_be_repeated_from_the_seed(case):
    session, desk, project, _, _ = case
    closed_procedure(session, project, "invited_tender")
    ranking = market.rank_project(session, project, tools=services(), now=NOW, most=1000)
    sheet = outreach.draw_invitations(session, actor=desk.approver, project=project, wanted=3, seed="s1", tools=services(), now=NOW)
    refs = {row.ref for row in queries.by_refs(session, sheet.pool)}
    assert len(sheet.pool) == len(ranking.rows) == len(refs)
    assert sheet.pool == draw_order("s1", refs)
    assert [row.organization.ref for row in sheet.rows] == sheet.pool[:3]
    assert sheet.seed_sha256 == seed_digest("s1")
    assert {row.side for row in sheet.rows} == {Side.LOT}
    assert session.scalar(select(func.count()).select_from(Job).where(Job.unique_key == f"invited:{sheet.ref}")) == 1


def test_low_points_do_not_keep_anybody_from_the_draw(case):
    session, desk, project, _, _ = case
    weak = make_provider(session, "澜川区刚成立助餐社", now=NOW, scope="助餐", areas=(), capacity_projects=1)
    closed_procedure(session, project, "invited_tender")
    sheet = outreach.draw_invitations(session, actor=desk.approver, project=project, wanted=3, tools=services(), now=NOW)
    assert weak.ref in sheet.pool


@pytest.mark.parametrize(("wanted", "refusal"), [(2, Invalid), (0, Invalid), (21, Invalid), (20, Conflict)])
def test_too_few_too_many_or_more_than_there_are_are_refused(case, wanted, refusal):
    session, desk, project, _, _ = case
    closed_procedure(session, project, "invited_tender")
    with pytest.raises(refusal):
        outreach.draw_invitations(session, actor=desk.approver, project=project, wanted=wanted, tools=services(), now=NOW)
    assert session.scalar(select(func.count()).select_from(InvitationList)) == 0


def test_a_list_is_drawn_once_by_an_approver_of_the_buyer_only(case):
    session, desk, project, _, actors = case
    closed_procedure(session, project, "invited_tender")

    def draw(actor):
        return outreach.draw_invitations(session, actor=actor, project=project, wanted=3, tools=services(), now=NOW)

    for actor in (desk.handler, actors["near"], make_desk(session).approver):
        with pytest.raises(Denied):
            draw(actor)
    draw(desk.approver)
    with pytest.raises(Conflict):
        draw(desk.approver)


def test_an_open_procedure_knows_no_draw(case):
    session, desk, project, _, _ = case
    with pytest.raises(Denied):
        outreach.draw_invitations(session, actor=desk.approver, project=project, wanted=3, tools=services(), now=NOW)


def test_the_invited_hear_of_it_and_not_who_else_was(case):
    session, desk, project, bodies, _ = case
    closed_procedure(session, project, "invited_tender")
    for number in range(40):
        seed = f"s{number}"
        if bodies["near"].ref in draw_order(seed, [one.ref for one in bodies.values()][:5])[:3]:
            break
    sheet = outreach.draw_invitations(session, actor=desk.approver, project=project, wanted=5, seed=seed, tools=services(), now=NOW)
    letters_of(session, letters.invite_providers, list_ref=sheet.ref)
    letters_of(session, letters.invite_providers, list_ref=sheet.ref)
    sent = session.scalars(select(Message).where(Message.unique_key.startswith("invited:"))).all()
    assert {one.organization_id for one in sent} == {bodies["near"].id, bodies["words"].id}
    assert not any(other.name in str(one.facts) for one in sent for other in bodies.values())


# ---- recommending ----

@pytest.fixture
def consultation(case):
    session, desk, project, bodies, _ = case
    closed_procedure(session, project)
    expert = load_actor(session, make_expert(session).id)
    return session, desk, project, bodies, expert


def recommend(session, actor, project, *bodies, opinion="做过同类项目，验收合格"):
    return outreach.recommend(session, actor=actor, project=project, opinions={one.ref: opinion for one in bodies},
                              tools=services(), now=NOW)


def test_two_sides_sign_and_then_the_invitations_go_out(consultation):
    session, desk, project, bodies, expert = consultation
    first = recommend(session, desk.approver, project, bodies["near"])
    assert first.complete_at is None
    assert session.scalar(select(func.count()).select_from(Job).where(Job.unique_key.startswith("invited:"))) == 0
    sheet = recommend(session, expert, project, bodies["tied"], bodies["firm"])
    assert sheet.id == first.id
    assert sheet.complete_at == NOW
    assert [(row.place, row.side) for row in sheet.rows] == [(1, "buyer"), (2, "expert"), (3, "expert")]
    assert {one.side for one in sheet.signatures} == {"buyer", "expert"}
    assert session.scalar(select(func.count()).select_from(Job).where(Job.unique_key.startswith("invited:"))) == 1


def test_the_second_signature_is_refused_when_the_buyer_would_have_more_than_half(consultation):
    session, desk, project, bodies, expert = consultation
    recommend(session, desk.approver, project, bodies["near"], bodies["tied"])
    with pytest.raises(Invalid, match="一半"), session.begin_nested():
        recommend(session, expert, project, bodies["firm"])
    session.expire_all()
    assert session.scalar(select(func.count()).select_from(Invitation)) == 2


def test_one_side_signs_once_and_both_may_not_name_the_same(consultation):
    session, desk, project, bodies, expert = consultation
    recommend(session, desk.approver, project, bodies["near"])
    with pytest.raises(Conflict):
        recommend(session, desk.approver, project, bodies["tied"])
    second = make_actor(session, desk.unit, Role.APPROVER, "另一位")
    with pytest.raises(Conflict):
        recommend(session, second, project, bodies["tied"])
    with pytest.raises(Invalid, match="另一方已经推荐"):
        recommend(session, expert, project, bodies["near"], bodies["tied"])


@pytest.mark.parametrize("name", ["far", "full", "filed"])
def test_only_who_qualifies_may_be_recommended(consultation, name):
    session, desk, project, bodies, _ = consultation
    with pytest.raises(Invalid, match="符合条件"):
        recommend(session, desk.approver, project, bodies[name])


def test_each_recommendation_needs_its_written_opinion(consultation):
    session, desk, project, bodies, _ = consultation
    with pytest.raises(Invalid, match="推荐意见"):
        recommend(session, desk.approver, project, bodies["near"], opinion=" ")
    with pytest.raises(Invalid, match="至少推荐一家"):
        recommend(session, desk.approver, project)
    with pytest.raises(Invalid):
        outreach.recommend(session, actor=desk.approver, project=project, opinions={"nobody": "好"}, tools=services(), now=NOW)


def test_a_tied_expert_a_handler_or_a_stranger_signs_nothing(consultation):
    session, desk, project, bodies, _ = consultation
    tied = load_actor(session, make_expert(session, organization=desk.unit).id)
    for actor in (tied, desk.handler, make_desk(session).approver):
        with pytest.raises(Denied):
            recommend(session, actor, project, bodies["near"])


def test_tender_by_invitation_knows_no_recommendation(consultation):
    session, desk, project, bodies, _ = consultation
    closed_procedure(session, project, "invited_tender")
    with pytest.raises(Denied):
        recommend(session, desk.approver, project, bodies["near"])


# ---- following and declining ----

def test_following_twice_is_once_and_stopping_twice_is_nothing(case):
    session, _, project, bodies, actors = case
    for _ in range(2):
        outreach.follow(session, actor=actors["near"], project=project, now=NOW)
    assert [one.ref for one in queries.followed_by(session, bodies["near"].id)] == [project.ref]
    for _ in range(2):
        outreach.unfollow(session, actor=actors["near"], project=project, now=NOW)
    assert session.scalar(select(func.count()).select_from(ProjectFollow)) == 0


def test_who_declines_is_ruled_out_until_it_takes_that_back(case):
    session, _, project, bodies, actors = case
    near = bodies["near"]
    first = outreach.decline(session, actor=actors["near"], project=project, reason=" 人手不够 ", now=NOW)
    again = outreach.decline(session, actor=actors["near"], project=project, reason="再说一次", now=NOW)
    assert (again.id, first.reason) == (first.id, "人手不够")
    found = market.explain_pair(session, project, near, tools=services(), now=NOW)
    assert found.bits & HardRule.DECLINED
    assert near.id not in {row.provider_key for row in market.rank_project(session, project, tools=services(), now=NOW).rows}
    outreach.withdraw_decline(session, actor=actors["near"], project=project, now=NOW + timedelta(hours=1))
    outreach.withdraw_decline(session, actor=actors["near"], project=project, now=NOW + timedelta(hours=2))
    assert not market.explain_pair(session, project, near, tools=services(), now=NOW).bits
    outreach.decline(session, actor=actors["near"], project=project, reason="又不承接", now=NOW + timedelta(hours=3))
    assert session.scalar(select(func.count()).select_from(ProjectDecline)) == 2


@pytest.mark.parametrize("reason", ["", "  ", "字" * 301])
def test_a_decline_needs_a_reason_of_some_length(case, reason):
    session, _, project, _, actors = case
    with pytest.raises(Invalid):
        outreach.decline(session, actor=actors["near"], project=project, reason=reason, now=NOW)


def test_buyers_and_visitors_neither_follow_nor_decline_and_nobody_declines_late(case):
    session, desk, project, _, actors = case
    for actor in (desk.handler, ANONYMOUS):
        with pytest.raises(Denied):
            outreach.follow(session, actor=actor, project=project, now=NOW)
        with pytest.raises(Denied):
            outreach.decline(session, actor=actor, project=project, reason="不", now=NOW)
    with pytest.raises(Denied):
        outreach.decline(session, actor=actors["near"], project=project, reason="不", now=CLOSES)


def test_two_standing_declines_of_one_organization_are_impossible(case):
    session, _, project, bodies, actors = case
    outreach.decline(session, actor=actors["near"], project=project, reason="不", now=NOW)
    session.add(ProjectDecline(project_id=project.id, organization_id=bodies["near"].id, reason="x", declined_at=NOW))
    with pytest.raises(IntegrityError):
        session.flush()
    session.rollback()
