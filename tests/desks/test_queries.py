from datetime import date, timedelta

from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.money import Money
from marketplace.desks import queries
from marketplace.organizations import operations as organization_operations
from marketplace.projects import operations as project_operations
from marketplace.projects.rules import DisplayStatus
from marketplace.web.services import services
from tests.factories import NOW
from tests.factories.bids import make_bid, make_bidder, make_opening
from tests.factories.projects import (
    AREA,
    CLOSES,
    make_desk,
    make_draft,
    make_opened,
    make_published,
    make_submitted,
)


def test_the_front_page_counts_what_is_open_and_what_closes_within_a_week(session):
    desk = make_desk(session)
    make_published(session, desk)
    make_published(session, desk, budget=Money.yuan(100_000), ceiling=None)
    make_draft(session, desk)
    shown = queries.home(session, now=NOW)
    assert (shown.open, shown.closing_soon, shown.projects) == (2, 0, 2)
    assert shown.budget == Money.yuan(468_000)
    assert [d.buyer for d in shown.deadlines] == [desk.unit.name] * 2
    assert queries.home(session, now=CLOSES - timedelta(days=7)).closing_soon == 2
    closed = queries.home(session, now=CLOSES)
    assert (closed.open, closed.projects, list(closed.deadlines)) == (0, 2, [])


def test_the_front_page_counts_projects_by_town(session):
    desk = make_desk(session)
    make_published(session, desk)
    make_published(session, desk, area_code=AREA + "001")
    places = {place.code: (place.count, place.cls) for place in queries.home(session, now=NOW).places}
    assert places[AREA] == (2, "t5")
    assert places["440605121"] == (0, "t1")


def test_last_years_projects_are_not_this_years(session):
    make_published(session)
    later = NOW.replace(year=2027, month=2)
    assert queries.home(session, now=later).projects == 0


def test_the_pipeline_shows_count_and_money_of_each_step(session):
    desk = make_desk(session)
    make_draft(session, desk)
    make_submitted(session, desk)
    make_published(session, desk)
    make_opened(session, desk)
    shown = queries.unit_desk(session, desk.handler, now=NOW).pipeline
    assert {status: column.count for status, column in shown.items()} == {
        DisplayStatus.DRAFT: 1, DisplayStatus.IN_REVIEW: 1, DisplayStatus.OPEN: 1, DisplayStatus.SCORING: 1}
    assert shown[DisplayStatus.OPEN].budget == Money.yuan(368_000)
    later = queries.unit_desk(session, desk.handler, now=CLOSES).pipeline
    assert later[DisplayStatus.SEALED].count == 1
    assert DisplayStatus.OPEN not in later


def test_a_parent_sees_what_units_below_handed_in_but_not_their_drafts(session):
    parent = make_desk(session, name="澜川区民政局")
    child = make_desk(session, parent=parent.unit, name="桐浦街道办事处")
    make_draft(session, child)
    make_submitted(session, child)
    make_published(session, child)
    [below] = queries.unit_desk(session, parent.handler, now=NOW).below
    assert (below.name, below.in_review, below.open, below.running, below.contracted) == (child.unit.name, 1, 1, 0, 0)
    assert below.budget == Money.yuan(736_000)
    assert queries.unit_desk(session, child.handler, now=NOW).below == []


def test_a_sibling_is_not_below(session):
    parent = make_desk(session, name="澜川区民政局")
    one = make_desk(session, parent=parent.unit, name="桐浦街道办事处")
    other = make_desk(session, parent=parent.unit, name="白鹭街道办事处")
    make_published(session, other)
    assert queries.unit_desk(session, one.handler, now=NOW).below == []
    assert {b.name: b.open for b in queries.unit_desk(session, parent.handler, now=NOW).below} == {
        "桐浦街道办事处": 0, "白鹭街道办事处": 1}


def test_a_unit_without_a_list_is_told_so(session):
    desk = make_desk(session)
    assert queries.unit_desk(session, desk.handler, now=NOW).progress is None


def test_an_organization_sees_its_own_bids_by_stage(ctx, session):
    project = make_published(session)
    mine, rival = make_bidder(session), make_bidder(session)
    bid = make_bid(session, project, services().sealer, mine)
    make_bid(session, project, services().sealer, rival)
    desk = queries.provider_desk(session, mine.actor, now=NOW)
    assert [(work.stage, work.ref) for work in desk.work] == [("sealed", bid.ref)]
    assert desk.count("sealed") == 1


def test_a_bid_moves_on_with_its_project(ctx, session):
    project = make_published(session)
    mine = make_bidder(session)
    make_bid(session, project, services().sealer, mine)
    make_opening(session, project, services().sealer)
    assert [w.stage for w in queries.provider_desk(session, mine.actor, now=CLOSES).work] == ["opened"]
    project_operations.fail(session, actor=SYSTEM, project=project, reason="无有效响应", now=CLOSES)
    assert [w.stage for w in queries.provider_desk(session, mine.actor, now=CLOSES).work] == ["ended"]


def test_papers_that_run_out_are_shown_two_months_before(session):
    mine = make_bidder(session)
    admin = Actor(person_id=1, name="林晓", organization_id=mine.organization.id, roles=frozenset({Role.PROVIDER_ADMIN}))
    organization_operations.update_profile(
        session, actor=SYSTEM, organization=mine.organization, now=NOW,
        changes={"ratings": [{"grade": 5, "issuer": "澜川区民政局", "issued_on": date(2022, 1, 1), "expires_on": date(2027, 1, 10)},
                             {"grade": 4, "issuer": "省民政厅", "issued_on": date(2022, 1, 1), "expires_on": date(2028, 1, 1)}]})
    session.flush()
    session.expire_all()
    assert [(e.grade, e.expires_on) for e in queries.provider_desk(session, admin, now=NOW).expiring] == [(5, date(2027, 1, 10))]


def test_someone_without_an_organization_has_no_organization_desk(session):
    assert queries.provider_desk(session, Actor(person_id=1, name="周敏"), now=NOW) is None


def test_the_funder_sees_published_projects_by_field(session):
    desk = make_desk(session)
    make_published(session, desk)
    make_draft(session, desk)
    shown = queries.fund_desk(session, now=NOW)
    assert [(f.code, f.projects, f.open, f.budget) for f in shown.fields] == [("A0402", 1, 1, Money.yuan(368_000))]
    assert len(shown.closing) == 1
    assert queries.fund_desk(session, now=NOW, field="A0501").closing == []
