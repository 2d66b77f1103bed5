"""Building through the operations: every fate reached honestly, on both databases."""

import random
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.accounts.rules import password_fits
from marketplace.awards.models import Award, Notice, Objection, PanelSeat, Score
from marketplace.bids.models import OpenedOffer, SealedBid
from marketplace.catalogs.models import PurchaseListItem, PurchaseListLine
from marketplace.catalogs.queries import work_calendar
from marketplace.contracts.models import Contract
from marketplace.core.clock import at_beijing
from marketplace.core.errors import Conflict
from marketplace.core.outbox import Job
from marketplace.core.publishing import PUBLIC_CHANGED
from marketplace.demo import operations
from marketplace.demo.operations import World
from marketplace.demo.rules.plan import FATES, Planned, plan
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import OrganizationKind
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState
from marketplace.web.services import services
from tests.factories.organizations import make_organization

NOW = at_beijing(date(2026, 11, 23), 10)
STATE_OF_FATE = {
    "contracted": "contracted", "open": "published", "failed": "failed", "terminated": "terminated", "awarded": "awarded",
    "ranked": "opened", "scoring": "opened", "drawn": "opened", "opened": "opened", "draft": "draft",
    "in_review": "in_review", "returned": "draft",
}


def small_world(session: Session, seed: int = 11) -> World:
    world = operations.begin(seed=seed, now=NOW, sealer=services().sealer, calendar=work_calendar(session))
    operations.mark(session, now=NOW, seed=seed)
    operations.found_units(session, world)
    operations.publish_catalog(session, world)
    operations.open_expert_pool(session, world)
    for kind, count in ((OrganizationKind.SERVICE_AGENCY, 8), (OrganizationKind.ASSOCIATION, 6),
                        (OrganizationKind.FILED_GROUP, 6), (OrganizationKind.FOUNDATION, 2)):
        operations.register_bodies(session, world, kind, count)
    return world


def one_of_each(world: World) -> list[Planned]:
    whole = plan(random.Random(4), now=NOW, calendar=world.calendar)
    return [next(one for one in whole if one.fate == fate) for fate, _ in FATES]


@pytest.fixture
def world(session: Session) -> World:
    return small_world(session)


def test_the_tree_of_units_has_a_bureau_towns_offices_and_communities(session: Session, world: World) -> None:
    units = session.scalars(select(Organization).where(Organization.path != "").order_by(Organization.id)).all()
    depths = {one.path.count("/") - 1 for one in units}
    assert depths == {1, 2, 3}
    assert len(world.units) == 17
    assert len([one for one in units if one.is_buyer]) == 17
    assert {one.kind for one in units if not one.is_buyer} == {"unit", "self_gov"}
    assert all(one.path.startswith(units[0].path) for one in units)


def test_every_fate_is_reached_through_the_operations_in_the_past_and_leaves_no_stale_news(session: Session, world: World) -> None:
    planned = one_of_each(world)
    operations.write_texts(world, planned, set())
    operations.publish_lists(session, world, planned)
    operations.play(session, world, planned)
    assert world.fates == {fate: 1 for fate, _ in FATES}
    by_title = dict(session.execute(select(Project.state, func.count()).group_by(Project.state)).all())
    expected: dict[str, int] = {}
    for fate, _ in FATES:
        expected[STATE_OF_FATE[fate]] = expected.get(STATE_OF_FATE[fate], 0) + 1
    assert by_title == expected
    for project in session.scalars(select(Project)):
        assert project.body
        assert project.indicators
        if project.published_at:
            assert project.number
            assert session.scalar(select(Notice.id).where(Notice.project_id == project.id, Notice.kind == "selection"))
    sealed = session.scalars(select(SealedBid).join(Project).where(Project.state == "published")).all()
    assert all(bid.state == "sealed" and bid.offer is None for bid in sealed)
    assert session.scalar(select(func.count()).select_from(OpenedOffer)) >= 15
    assert session.scalar(select(func.count()).select_from(Award)) == 2
    contract = session.scalars(select(Contract)).one()
    assert contract.state == "frozen"
    assert contract.is_demo
    assert contract.frozen_at < NOW
    drawn = session.scalars(select(PanelSeat)).all()
    assert {seat.state for seat in drawn} >= {"seated", "submitted"}
    assert session.scalar(select(func.count()).select_from(Score)) > 30
    lines_know_their_projects(session, world, planned)
    nothing_happens_after_now(session)
    old_news_is_settled_and_papers_wait(session)


def lines_know_their_projects(session: Session, world: World, planned: list[Planned]) -> None:
    with_line = [one for one in planned if one.has_line]
    assert with_line
    for one in with_line:
        line_id, item_id = world.lines[one.number]
        line, item = session.get_one(PurchaseListLine, line_id), session.get_one(PurchaseListItem, item_id)
        project = session.scalars(select(Project).where(Project.line_id == line_id)).one()
        assert line.project_ref == project.ref
        assert item.title == project.title
        is_public = project.state not in (ProjectState.DRAFT, ProjectState.IN_REVIEW)
        assert (line.posted_at is not None) == is_public
        assert (line.contracted_at is not None) == (project.state == ProjectState.CONTRACTED)


def nothing_happens_after_now(session: Session) -> None:
    for column in (Project.published_at, Project.opened_at, Project.awarded_at, Project.contracted_at, Project.ended_at,
                   SealedBid.submitted_at, PanelSeat.submitted_at, Notice.published_at, Objection.raised_at,
                   Objection.answered_at, Contract.frozen_at):
        last = session.scalar(select(func.max(column)))
        assert last is None or last <= NOW, column


def old_news_is_settled_and_papers_wait(session: Session) -> None:
    operations.settle_news(session, now=NOW)
    left = session.scalars(select(Job)).all()
    assert not [job for job in left if job.kind == PUBLIC_CHANGED]
    assert not [job for job in left if job.kind == "projects.opening_due" and job.due_at <= NOW]
    assert [job for job in left if job.kind == "projects.opening_due" and job.due_at > NOW]
    assert [job for job in left if job.kind == "contracts.drawn_up"]
    assert all(job.created_at > NOW - timedelta(days=10) or job.due_at > NOW or job.kind == "contracts.drawn_up"
               for job in left)


def test_benchmark_rows_are_public_projects_and_verified_organizations(session: Session, world: World) -> None:
    planned = [one for one in one_of_each(world) if one.fate in ("open", "failed", "terminated")]
    operations.write_texts(world, planned, set())
    operations.play(session, world, planned)
    before = world.organizations
    operations.add_projects(session, world, 40, 416)
    operations.add_organizations(session, world, 60)
    assert session.scalar(select(func.count()).select_from(Project)) == 43
    assert session.scalar(select(func.count(func.distinct(Project.title)))) == 43
    assert set(session.scalars(select(Project.state).distinct())) == {"published", "failed", "terminated"}
    added = session.scalars(select(Organization).order_by(Organization.id.desc()).limit(60)).all()
    assert all(one.verification == "verified" and one.categories and one.areas for one in added)
    assert world.organizations == before + 60
    assert operations.organizations_wanted(416) == 0
    assert operations.organizations_wanted(100_000) == 176_000


def test_one_account_of_each_role_gets_the_printed_password(session: Session, world: World) -> None:
    operations.hand_out_sign_ins(session, world)
    logins = [login for _, login, _ in world.sign_ins]
    assert len(set(logins)) == 10
    people = session.scalars(select(Person).where(Person.login.in_(logins))).all()
    assert len(people) == 10
    assert len({person.password_hash for person in people}) == 1
    assert password_fits(operations.PASSWORD, people[0].password_hash)
    assert not password_fits("another password", people[0].password_hash)
    others = session.scalars(select(Person).where(Person.login.not_in(logins))).all()
    assert all(person.password_hash is None for person in others)


def test_a_database_with_real_data_is_refused_and_a_demo_world_is_not(session: Session) -> None:
    operations.refuse_real_data(session)
    body = make_organization(session)
    with pytest.raises(Conflict, match="正式数据"):
        operations.refuse_real_data(session)
    session.delete(body)
    session.flush()
    operations.mark(session, now=NOW)
    make_organization(session)
    operations.refuse_real_data(session)
