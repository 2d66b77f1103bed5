"""What plans are reckoned on and what pages read: gaps after gifts, staleness, co-funders, what funders follow."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from marketplace.core.errors import Denied
from marketplace.core.money import Money
from marketplace.funding.operations import change_cap, change_rule, pause_pool
from marketplace.funding.rules.terms import RuleTerms
from marketplace.fundplans import operations
from marketplace.fundplans.queries import plans as queries
from marketplace.fundplans.queries.gaps import asking, best_pairings, gaps_of
from marketplace.fundplans.queries.inputs import funds_of, pools_to_plan, read_inputs
from marketplace.fundplans.queries.shortlist import Filters, follows, project_by_ref, purpose_of, shortlist
from marketplace.organizations.models import ServedArea, ServiceCategory
from tests.factories.funding import held, make_funder, make_pledge, make_pool
from tests.fundplans.scene import (
    NOW,
    SYSTEM,
    YUAN,
    make_market,
    make_solved,
    money_world,
    publish_pairings,
)

TODAY = date(2026, 11, 23)


def seen(session, market, **filters):
    return shortlist(session, market.funder, filters=Filters(**filters), today=TODAY)


def names(found):
    return [row.project.title.removeprefix("项目") for row in found.rows]


# ---- gaps ----

def test_only_projects_on_which_money_may_land_ask_for_it(session):
    market = make_market(session)
    found = {project.title: gap.money for project, gap in asking(session)}
    assert found == {"项目early": YUAN(85_000), "项目dense": YUAN(50_000), "项目lines": YUAN(40_000), "项目unknown": None}
    market.projects["early"].state, market.projects["early"].ended_at = "terminated", NOW
    assert gaps_of(session, [market.projects["early"]]) == {}
    assert gaps_of(session, []) == {}


def test_signed_gifts_reserved_and_confirmed_matching_money_close_a_gap_and_words_do_not(session):
    market = make_market(session)
    pause_pool(session, actor=SYSTEM, pool=market.wide, now=NOW)
    world = money_world(session, market, "dense")
    make_pledge(session, world, amount=YUAN(4_000), is_verbal=True)
    assert gaps_of(session, [world.project])[world.project.id].money == YUAN(50_000)
    pledge = make_pledge(session, world, amount=YUAN(6_000))          # 1:1 of the meal pool is reserved at once
    assert gaps_of(session, [world.project])[world.project.id].money == YUAN(38_000)
    held(session, world, pledge)                                      # ... and confirmed: the same gap
    assert gaps_of(session, [world.project])[world.project.id].money == YUAN(38_000)


def test_what_a_pool_gave_counts_towards_its_rest_its_ratio_and_its_cap(session):
    market = make_market(session)
    pause_pool(session, actor=SYSTEM, pool=market.wide, now=NOW)
    world = money_world(session, market, "dense")
    make_pledge(session, world, amount=YUAN(6_000))
    fund = next(one.fund for one in funds_of(session, pools_to_plan(session, organization_id=None, today=TODAY))
                if one.pool.name == "助餐池")
    assert fund.left == YUAN(14_000).fen
    assert fund.already == ((world.project.ref, YUAN(6_000).fen),)
    assert fund.most(YUAN(50_000).fen, YUAN(6_000).fen) == YUAN(14_000).fen


def test_pools_take_part_while_they_are_open_verified_not_empty_and_in_time(session):
    market = make_market(session)
    make_pool(session, funder=market.other, name="去年的", ends_on=date(2026, 11, 22))
    make_pool(session, funder=market.other, name="明年的", starts_on=date(2027, 1, 1))
    make_pool(session, funder=market.other, name="今天止", ends_on=TODAY, starts_on=TODAY)
    make_pool(session, funder=market.other, name="草稿", is_open=False)
    doubtful = make_funder(session)
    make_pool(session, funder=doubtful, name="撤了核验的")
    doubtful.verified_at = doubtful.verified_by = None
    market.narrow.reserved = market.narrow.cap
    session.flush()
    found = [pool.name for pool, _ in pools_to_plan(session, organization_id=None, today=TODAY)]
    assert found == ["银龄池", "白鹭池", "今天止"]


def test_the_newest_published_run_that_has_a_project_gives_its_value(session):
    market = make_market(session)
    dense, early = market.projects["dense"], market.projects["early"]
    older = publish_pairings(session, {dense: 700, early: 300}, number=1)
    newer = publish_pairings(session, {dense: 650}, number=2)
    newer.published_at = NOW + timedelta(hours=1)
    session.flush()
    best, runs = best_pairings(session)
    assert best == {dense.id: 650, early.id: 300}
    assert set(runs) == {older.ref, newer.ref}
    newer.publication, newer.unpublished_at = "unpublished", NOW
    session.flush()
    assert best_pairings(session) == ({dense.id: 700, early.id: 300}, (older.ref,))


def test_inputs_are_the_same_whoever_reads_them_and_differ_with_what_is_unknown(session):
    market = make_market(session)
    said = {"organization_id": None, "points": 50, "today": TODAY}
    digest = read_inputs(session, **said).instance.digest()
    assert digest == read_inputs(session, **said).instance.digest()
    assert digest != read_inputs(session, **{**said, "points": 51}).instance.digest()
    market.projects["unknown"].state = "terminated"
    market.projects["unknown"].ended_at = NOW
    session.flush()
    assert digest != read_inputs(session, **said).instance.digest()


# ---- plans ----

def test_a_fresh_plan_is_not_stale_and_each_change_makes_it_so(session):
    market = make_market(session)
    plan = make_solved(session, market)
    assert not queries.changes(session, plan, today=TODAY).is_stale
    change_cap(session, actor=market.officer, pool=market.wide, cap=YUAN(80_000), now=NOW)
    found = queries.changes(session, plan, today=TODAY)
    assert (found.pools, found.pool_count, found.is_stale) == (["银龄池"], 1, True)
    change_rule(session, actor=market.officer, pool=market.narrow, terms=RuleTerms(numerator=1, denominator=2), now=NOW)
    pause_pool(session, actor=SYSTEM, pool=market.withheld, now=NOW)
    assert queries.changes(session, plan, today=TODAY).pool_count == 3
    assert queries.changes(session, plan, today=TODAY).project_count == 0
    publish_pairings(session, {market.projects["early"]: 900})
    assert queries.changes(session, plan, today=TODAY).has_newer_run
    make_pledge(session, money_world(session, market, "dense"), amount=YUAN(1_000))
    assert queries.changes(session, plan, today=TODAY).projects == ["项目dense"]


def test_totals_add_up(session):
    plan = make_solved(session, make_market(session))
    found = queries.totals(session, plan)
    assert found.counts == {"funded": 2, "used_up": 1, "gap_unknown": 1}
    assert found.unfunded == 2
    assert found.spent == YUAN(90_000)
    assert found.available == YUAN(122_000)
    assert (found.first_projects, found.first_spent, found.wanted) == (1, YUAN(85_000), YUAN(175_000))
    lines = session.scalars(queries.lines(plan)).all()
    assert found.lines == len(lines)
    assert sum(one.amount.fen for one in lines) == found.spent.fen
    assert [row.project.title for row in session.scalars(queries.projects(plan, outcome="none"))] == ["项目early", "项目unknown"]
    assert [row.project.title for row in session.scalars(queries.projects(plan, outcome="used_up"))] == ["项目early"]


def test_each_side_lists_its_plans(session):
    market = make_market(session)
    wide = make_solved(session, market)
    own = make_solved(session, market, actor=market.officer, is_own=True)

    def listed(statement):
        return {one.ref for one in session.scalars(statement)}

    assert listed(queries.plans_for_all()) == {wide.ref}
    assert listed(queries.plans_of(market.officer)) == {own.ref}
    operations.share_plan(session, actor=market.operator, plan=wide, now=NOW)
    operations.share_plan(session, actor=market.officer, plan=own, now=NOW)
    assert listed(queries.plans_for_all()) == {wide.ref, own.ref}
    assert listed(queries.plans_of(market.officer)) == {wide.ref, own.ref}
    assert listed(queries.plans_of(market.other_officer)) == {wide.ref}
    assert listed(queries.plans_of(replace(market.other_officer, organization_id=None))) == set()
    assert queries.plan_by_ref(session, wide.ref, actor=market.other_officer) is wide
    for ref, actor in ((own.ref, market.other_officer), ("nothing22222", market.operator)):
        with pytest.raises(Denied) as refused:
            queries.plan_by_ref(session, ref, actor=actor)
        assert refused.value.hidden


def test_a_funder_that_asked_not_to_be_named_is_not_named_to_others(session):
    market = make_market(session)
    assert queries.shown_name(market.other, market.officer) == "未公开名称的资助方"
    assert queries.shown_name(market.other, market.other_officer) == market.other.name
    assert queries.shown_name(market.funder, market.other_officer) == market.funder.name


# ---- the shortlist ----

def test_projects_stand_in_the_order_of_their_points_and_unknown_is_not_zero(session):
    market = make_market(session)
    found = seen(session, market)
    assert set(names(found)) == {"early", "dense", "lines", "unknown"}
    rows = {row.project.title.removeprefix("项目"): row for row in found.rows}
    assert rows["unknown"].gap.money is None
    room = {one.part: one for one in rows["unknown"].scored.parts}["room"]
    assert (room.tenths, room.is_known) == (100, False)
    assert rows["lines"].room == YUAN(40_000)
    assert rows["early"].room == YUAN(72_000)
    assert found.payout is not None
    assert found.purpose.due == found.payout.due.fen == YUAN(540_000).fen
    assert [row.scored.group for row in found.rows] == sorted(row.scored.group for row in found.rows)


@pytest.mark.parametrize(("filters", "left"), [
    ({"category": "A05"}, {"early"}), ({"area": "440605011"}, {"dense", "lines", "unknown"}), ({"is_known": True}, {"early", "dense", "lines"}),
    ({"text": "项目de"}, {"dense"}), ({"text": "没有"}, set()), ({"is_followed": True}, {"lines"}), ({}, {"early", "dense", "lines", "unknown"}),
])
def test_filters_narrow_the_list_and_say_how_many_there_are(session, filters, left):
    market = make_market(session)
    operations.follow(session, actor=market.officer, funder=market.funder, project=market.projects["lines"], now=NOW, is_on=True)
    found = seen(session, market, **filters)
    assert set(names(found)) == left
    assert found.total == 4


def test_a_shared_list_holds_only_what_it_names(session):
    market = make_market(session)
    ref = market.projects["dense"].ref
    assert names(seen(session, market, only=frozenset({ref, "unknownref"}))) == ["dense"]
    assert names(seen(session, market, text=market.projects["early"].number)) == ["early"]


def test_co_funders_are_named_only_where_they_let_themselves_be_named(session):
    market = make_market(session)
    pause_pool(session, actor=SYSTEM, pool=market.wide, now=NOW)
    pause_pool(session, actor=SYSTEM, pool=market.narrow, now=NOW)
    world = money_world(session, market, "dense")
    open_giver, shy_giver, shy_once = make_funder(session), market.other, make_funder(session)
    make_pledge(session, world, funder=open_giver, amount=YUAN(1_000))
    make_pledge(session, world, funder=shy_giver, amount=YUAN(2_000))
    make_pledge(session, world, funder=shy_once, amount=YUAN(3_000), is_name_withheld=True)
    make_pledge(session, world, funder=market.funder, amount=YUAN(500))
    make_pledge(session, world, funder=make_funder(session), amount=YUAN(700), is_verbal=True)
    row = next(one for one in seen(session, market).rows if one.project is world.project)
    assert list(row.co_funders) == [open_giver.name]
    assert row.co_count == 3
    assert row.signed == YUAN(6_500)


def test_the_newest_follow_holds_and_belongs_to_one_funder(session):
    market = make_market(session)
    dense, lines = market.projects["dense"], market.projects["lines"]
    for project, is_on in ((dense, True), (lines, True), (dense, False)):
        operations.follow(session, actor=market.officer, funder=market.funder, project=project, now=NOW, is_on=is_on)
    assert follows(session, market.funder) == {lines.id}
    assert follows(session, market.other) == set()


def test_a_purpose_is_that_of_the_funders_own_pools_or_of_its_profile(session):
    market = make_market(session)
    purpose, _ = purpose_of(session, market.funder, today=TODAY)
    assert [fund.ref for fund in purpose.funds] == [market.wide.ref, market.narrow.ref]
    bare = make_funder(session)
    session.add_all([ServiceCategory(organization_id=bare.organization_id, code="A04"),
                     ServedArea(organization_id=bare.organization_id, area_code="440605")])
    session.flush()
    purpose, payout = purpose_of(session, bare, today=TODAY)
    assert (purpose.funds, purpose.categories, purpose.areas, purpose.due, payout) == ((), ("A04",), ("440605",), None, None)


def test_a_project_that_is_not_published_is_none(session):
    market = make_market(session)
    assert project_by_ref(session, market.projects["dense"].ref) is market.projects["dense"]
    with pytest.raises(Denied):
        project_by_ref(session, "nothing22222")
    assert Money(0) == YUAN(0)
