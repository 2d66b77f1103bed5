"""What a newcomer finds of the matching view in the demo world: a fair, plans of money, interests, a telling, two runs."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import create_app
from marketplace.accounts.models import Mandate, Person
from marketplace.conflicts import queries as conflicts
from marketplace.conflicts.models import ConflictDeclaration, ConflictSettlement, DeclaredRelation
from marketplace.conflicts.rules import Clearing, Ground
from marketplace.core import audit
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db
from marketplace.demo.operations import PASSWORD, reaching
from marketplace.demo.operations.reaching import line_of
from marketplace.fundplans.models import FundFollow, FundPlan, FundPlanFund, FundPlanLine, FundPlanProject
from marketplace.matching.models import MatchingRun, Pairing
from marketplace.matching.models.outreach import ProjectDecline, ProjectFollow, Telling, ToldProvider
from marketplace.matching.queries.runs import compare
from marketplace.matching.rules.ranking import Ranked
from marketplace.meetings.models import Meeting, MeetingEvent, MeetingSchedule
from marketplace.meetings.rules import BEFORE_AWARD
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from tests.conftest import make_config
from tests.conftest import test_services as services_for

SIZE = 60


@dataclass(frozen=True)
class Site:
    """A site with a demo world on one engine."""

    app: Flask
    sign_ins: str

    def as_(self, login: str):
        """A client signed in by the form with the printed password."""
        client = self.app.test_client()
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/sign-in").text)
        answer = client.post("/sign-in", data={"login": f"{login}@demo.example", "password": PASSWORD,
                                               "csrf_token": token[1] if token else ""})
        assert answer.status_code == 303, answer.text
        return client

    def refs(self, *columns, **where):
        """Values read in a context of their own."""
        with self.app.app_context():
            return db.session.execute(select(*columns).filter_by(**where)).all()


def make_site(folder: Path, url: str, *words: str) -> Site:
    config = make_config(folder, url)
    app = create_app(config, services_for(config))
    answer = app.test_cli_runner().invoke(args=["demo", "build", "--no-index", "--size", str(SIZE), *words])
    assert answer.exit_code == 0, answer.output
    return Site(app, (folder / "demo-sign-ins.txt").read_text())


def close(site: Site) -> None:
    with site.app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="module")
def sites(all_databases, tmp_path_factory) -> Iterator[Callable[[str], Site]]:
    """One world an engine for all tests of this file: they only read."""
    made: dict[str, Site] = {}

    def of(engine: str) -> Site:
        if engine not in made:
            made[engine] = make_site(tmp_path_factory.mktemp("demo"), all_databases(engine).new())
        return made[engine]

    yield of
    for site in made.values():
        close(site)


@pytest.fixture
def site(engine: str, sites: Callable[[str], Site]) -> Site:
    return sites(engine)


@pytest.fixture
def reading(site: Site) -> Iterator[Session]:
    with site.app.app_context():
        yield db.session()
        db.session.remove()


def own_id(session: Session, login: str) -> int:
    """The organization of a printed account."""
    return session.scalars(select(Mandate.organization_id).join(Person, Person.id == Mandate.person_id)
                           .where(Person.login == f"{login}@demo.example")).one()


def test_a_fair_to_come_has_a_published_timetable_with_absences_and_a_meeting_set_by_hand(reading: Session) -> None:
    event = reading.scalars(select(MeetingEvent)).one()
    version = reading.scalars(select(MeetingSchedule)).one()
    assert event.state == version.state == "published"
    assert event.starts_at > utc_now()
    assert event.is_open_to_units
    rows = reading.scalars(select(Meeting).where(Meeting.schedule_id == version.id)).all()
    assert len(rows) == version.meeting_count >= 4 * len(event.tables)
    away = {one.project_id: {gone.round for gone in one.absences} for one in event.tables}
    gone = {one.organization_id: {each.round for each in one.absences} for one in event.visitors}
    assert any(away.values()) or any(gone.values())
    assert not [row for row in rows if row.round in away[row.project_id] | gone[row.organization_id]]
    assert [(row.organization_id, row.project.buyer_id) for row in rows if row.is_pinned] == [
        (own_id(reading, "provider-admin"), own_id(reading, "handler"))]
    assert version.points_from == reading.scalars(select(MatchingRun.ref).where(MatchingRun.reach == "all")).one()


def test_projects_between_notice_and_award_stay_out_of_the_fair_and_each_unit_brings_its_own(reading: Session) -> None:
    tables = reading.scalars(select(MeetingEvent)).one().tables
    assert len(tables) >= 4
    assert not {table.project.state for table in tables} & set(BEFORE_AWARD)
    assert {"draft", "awarded"} <= {table.project.state for table in tables}
    for table in tables:
        assert table.added_by in set(reading.scalars(select(Mandate.person_id).where(
            Mandate.organization_id == table.project.buyer_id, Mandate.role == "handler")))


def test_a_foundation_has_a_finished_plan_of_its_own_and_the_operator_sent_one_across_funders(reading: Session) -> None:
    own, common = reading.scalars(select(FundPlan).order_by(FundPlan.id)).all()
    assert (own.organization_id, common.organization_id) == (own_id(reading, "funder"), None)
    assert (own.state, common.state, own.phase, common.phase) == ("solved", "shared", "done", "done")
    for plan in (own, common):
        paid = reading.scalars(select(FundPlanProject).where(FundPlanProject.plan_id == plan.id,
                                                             FundPlanProject.outcome == "funded")).all()
        lines = reading.scalars(select(FundPlanLine).join(
            FundPlanProject, FundPlanProject.id == FundPlanLine.project_row_id).where(FundPlanProject.plan_id == plan.id))
        assert paid
        assert sum(one.amount.fen for one in lines) == sum(one.gap.fen for one in paid)
        assert 0 <= plan.first_value <= plan.value <= plan.bound
        assert plan.runs == reading.scalars(select(MatchingRun.ref).where(MatchingRun.publication == "published")).all()
    funders = reading.scalars(select(FundPlanFund).where(FundPlanFund.plan_id == common.id)).all()
    assert len({one.pool.funder_id for one in funders}) == 3
    assert reading.scalar(select(func.count()).select_from(FundFollow).where(FundFollow.is_on)) == 5


def test_what_the_handler_declared_bars_every_pair_of_the_unit(reading: Session) -> None:
    own = own_id(reading, "handler")
    relation = reading.scalars(select(DeclaredRelation).join(ConflictDeclaration).where(
        ConflictDeclaration.declarer == "staff", DeclaredRelation.body_code.is_not(None))).one()
    barred = reading.scalars(select(Organization).where(Organization.credit_code == relation.body_code)).one()
    open_ = reading.scalars(select(Project).where(Project.buyer_id == own, Project.state == "published")).all()
    assert open_
    bits = conflicts.conflict_bits(reading, [one.id for one in open_], [barred.id], today=beijing_date(utc_now()))
    assert {pair for pair, bit in bits.pairs.items() if Ground.STAFF_DECLARED in bit.grounds} == {
        (one.id, barred.id) for one in open_}
    assert not reading.scalars(select(Pairing.id).where(Pairing.provider_id == barred.id, Pairing.project_id.in_(
        [one.id for one in open_]))).all()


def test_one_flag_is_cleared_by_the_operator_one_waits_and_some_declare_nothing(reading: Session) -> None:
    settled = reading.scalars(select(ConflictSettlement)).one()
    assert (settled.ground, settled.outcome) == ("provider_unsure", "cleared")
    assert settled.settler.login == "operator@demo.example"
    assert settled.provider_id == own_id(reading, "provider-admin")
    waiting = conflicts.waiting(reading, clearing=Clearing.LOOK, today=beijing_date(utc_now()))
    grounds = {one.tie.ground: one.needs_declaration for one in waiting}
    assert grounds[Ground.PROVIDER_UNSURE] is False           # declared: the operator can find at once
    assert grounds[Ground.STAFF_UNSURE] is True               # named without its code: the provider declares first
    says_none = reading.scalars(select(ConflictDeclaration.declarer).where(ConflictDeclaration.says_none)).all()
    assert sorted(says_none) == ["provider", "provider", "staff"]


def test_a_buyer_told_everybody_above_a_line_and_organizations_follow_or_decline(reading: Session) -> None:
    telling = reading.scalars(select(Telling)).one()
    project = telling.project
    assert project.state == "published"
    assert project.buyer_id == own_id(reading, "handler")
    told = reading.scalars(select(ToldProvider).where(ToldProvider.telling_id == telling.id)).all()
    assert len(told) == telling.told >= 3
    assert all(one.total >= telling.line * 10 for one in told)
    own = own_id(reading, "provider-admin")
    followers = reading.scalars(select(ProjectFollow.organization_id).where(ProjectFollow.project_id == project.id)).all()
    assert len(followers) == reaching.FOLLOWERS
    assert own in followers
    declined = reading.scalars(select(ProjectDecline)).one()
    assert (declined.organization_id, declined.reason) == (own, reaching.DECLINED)
    assert not reading.scalars(select(Pairing.id).where(
        Pairing.project_id == declined.project_id, Pairing.provider_id == own)).all()


def test_the_lowest_line_is_taken_only_where_nobody_reaches_a_higher_one() -> None:
    def rows(*totals: int) -> list[Ranked]:
        return [Ranked(number, total, ()) for number, total in enumerate(totals)]

    assert line_of(rows(*[700] * 9, *[620] * 3)) == 60        # ten reach 60, nine 70
    assert line_of(rows(700, 690, 660, 300)) == 65            # nowhere ten: the highest that reaches three
    assert line_of(rows(700)) == 20
    assert line_of([]) is None


def test_one_run_is_in_force_and_a_wider_one_waits_to_be_compared(reading: Session) -> None:
    live, trial = reading.scalars(select(MatchingRun).order_by(MatchingRun.number)).all()
    assert (live.reach, live.state, live.publication) == ("open", "done", "published")
    assert (trial.reach, trial.state, trial.publication) == ("all", "done", "draft")
    found = compare(reading, live, trial)
    assert found.right.needs > found.left.needs
    assert found.difference.come
    assert audit.verify(reading, now=utc_now()).first_bad is None


OF_EVENT = {
    "operator": ("/meetings/{event}", "/meetings/{event}/schedule", "/meetings/{event}/schedule?by=table",
                 "/meetings/{event}/schedule?by=organization", "/meetings/{event}/edits"),
    "auditor": ("/meetings/{event}/schedule",), "handler": ("/meetings/{event}/mine", "/meetings/{event}/tables"),
    "provider-admin": ("/meetings/{event}/mine", "/meetings/{event}/mine.ics"),
    "provider-member": ("/meetings/{event}/mine",),
}


@pytest.mark.parametrize("login", list(OF_EVENT))
def test_the_fair_opens_for_the_printed_accounts(site: Site, login: str) -> None:
    (event, title), = site.refs(MeetingEvent.ref, MeetingEvent.title)
    client = site.as_(login)
    assert title in client.get("/meetings").text
    for path in OF_EVENT[login]:
        answer = client.get(path.format(event=event))
        assert answer.status_code == 200, path
        assert title in answer.text


def test_the_timetable_of_each_side_names_the_other(site: Site) -> None:
    (event,), = site.refs(MeetingEvent.ref)
    with site.app.app_context():
        own = own_id(db.session(), "provider-admin")
        mine = db.session.scalars(select(Meeting).where(Meeting.organization_id == own)).all()
        projects, buyer = {row.project.title for row in mine}, own_id(db.session(), "handler")
        guests = {row.organization.name for row in db.session.scalars(select(Meeting).join(
            Project, Project.id == Meeting.project_id).where(Project.buyer_id == buyer))}
    assert projects
    assert guests
    page = site.as_("provider-admin").get(f"/meetings/{event}/mine").text
    assert all(title in page for title in projects)
    page = site.as_("handler").get(f"/meetings/{event}/mine").text
    assert all(name in page for name in guests)


def test_the_plan_opens_for_the_foundation_and_the_common_one_for_all_who_take_part_or_oversee(site: Site) -> None:
    plans = dict(site.refs(FundPlan.title, FundPlan.ref))
    (own_title, own), (common_title, common) = plans.items()
    officer = site.as_("funder")
    page = officer.get(f"/fund/plans/{own}").text
    assert own_title in page
    assert "先到先得" in page
    assert officer.get(f"/fund/plans/{own}?show=unfunded").status_code == 200
    assert common_title in officer.get(f"/fund/plans/{common}").text
    shortlist = officer.get("/fund/shortlist?followed=1").text
    assert shortlist.count("/unfollow") == 5
    for login in ("operator", "auditor"):
        client = site.as_(login)
        assert common_title in client.get(f"/ops/fund-plans/{common}").text
        assert client.get(f"/ops/fund-plans/{own}").status_code == 404      # nobody else's until it is sent


def test_declarations_and_findings_open_for_who_made_them_and_the_operator(site: Site) -> None:
    with site.app.app_context():
        named = {one.body_name for one in db.session.scalars(select(DeclaredRelation))}
        provider = db.session.scalars(select(ConflictSettlement)).one().provider.name
    pages = {login: site.as_(login).get(path).text for login, path in (
        ("handler", "/desk/conflicts"), ("approver", "/desk/conflicts"), ("provider-admin", "/org/conflicts"))}
    assert all(any(name in page for name in named) for page in pages.values())
    operator = site.as_("operator")
    for show in ("open", "withdrawal", "settled"):
        answer = operator.get(f"/ops/conflicts?show={show}")
        assert answer.status_code == 200
        assert (provider in answer.text) == (show == "settled")
    assert site.as_("handler").get("/ops/conflicts").status_code == 403


def test_the_telling_is_public_and_the_pages_of_buyer_and_provider_are_alive(site: Site) -> None:
    with site.app.app_context():
        telling = db.session.scalars(select(Telling)).one()
        ref, text = telling.project.ref, telling.text
    assert text[:20] in site.app.test_client().get(f"/projects/{ref}").text
    suggested = site.as_("handler").get(f"/projects/{ref}/suggested-providers")
    assert suggested.status_code == 200
    provider = site.as_("provider-admin")
    mine = provider.get("/org/matches").text
    assert reaching.DECLINED in mine
    assert f"/projects/{ref}" in mine
    assert provider.get(f"/projects/{ref}/why-not-me").status_code == 200


def test_the_operator_compares_the_two_runs_and_sees_the_market(site: Site) -> None:
    titles = dict(site.refs(MatchingRun.title, MatchingRun.ref))
    operator = site.as_("operator")
    listed = operator.get("/ops/matching").text
    assert all(title in listed for title in titles)
    trial = list(titles.values())[1]
    assert operator.get(f"/ops/matching/{trial}/compare").status_code == 200
    assert operator.get("/ops/matching/market").status_code == 200


def content(app: Flask) -> list[object]:
    """What must be the same in two worlds of one seed: nothing of it is a random reference."""
    with app.app_context():
        session = db.session()
        found = [
            session.execute(select(Meeting.round, Meeting.table_number, Project.title, Organization.name, Meeting.points)
                            .join(Project, Project.id == Meeting.project_id)
                            .join(Organization, Organization.id == Meeting.organization_id)
                            .order_by(Meeting.round, Meeting.table_number)).all(),
            session.execute(select(FundPlanProject.plan_id, Project.title, FundPlanProject.outcome, FundPlanProject.gap)
                            .join(Project, Project.id == FundPlanProject.project_id).order_by(FundPlanProject.id)).all(),
            session.execute(select(DeclaredRelation.body_name, DeclaredRelation.relation).order_by(DeclaredRelation.id)).all(),
            session.execute(select(Project.title, Telling.line, Telling.told).join(
                Telling, Telling.project_id == Project.id)).all(),
            session.execute(select(Organization.name, Project.title).select_from(ProjectFollow)
                            .join(Organization, Organization.id == ProjectFollow.organization_id)
                            .join(Project, Project.id == ProjectFollow.project_id).order_by(ProjectFollow.id)).all(),
            session.execute(select(Project.title, Organization.name, Pairing.total).join(Project, Project.id == Pairing.project_id)
                            .join(Organization, Organization.id == Pairing.provider_id)
                            .order_by(Pairing.run_id, Project.id, Organization.id)).all(),
        ]
        db.session.remove()
    return [[tuple(row) for row in rows] for rows in found]


def test_the_same_seed_at_the_same_moment_gives_the_same_fair_plans_and_declarations(
        fresh_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    now = utc_now()
    for module in ("build", "matching"):
        monkeypatch.setattr(import_module(f"marketplace.demo.cli.{module}"), "utc_now", lambda: now)
    made = []
    for _ in range(2):
        answer = fresh_app.test_cli_runner().invoke(args=["demo", "build", "--size", "20", "--no-index", "--seed", "5"])
        assert answer.exit_code == 0, answer.output
        made.append(content(fresh_app))
    first, second = made
    assert all(first)
    assert first == second
