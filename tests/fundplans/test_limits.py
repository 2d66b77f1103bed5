"""Limits of a pool's rule in a plan: what one promise and one donor may bring, who may receive, what lottery money may
not pay; and that what a plan proposes can be promised afterwards."""

from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from sqlalchemy import select

from marketplace.core.clock import beijing_date
from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.funding import operations as funding
from marketplace.funding.models import CostLine
from marketplace.funding.queries.estimates import terms_of
from marketplace.funding.rules.matching import PledgeFacts, Room, decide, eligible
from marketplace.fundplans.models import FundPlan, FundPlanFund, FundPlanProject
from marketplace.fundplans.queries.inputs import funds_of, instance_of, pools_to_plan, read_inputs
from marketplace.fundplans.queries.plans import changes
from marketplace.fundplans.queries.shortlist import Filters, shortlist
from marketplace.fundplans.rules import Outcome
from marketplace.fundplans.rules.gaps import Cost, is_off_lottery, left_of, parts_of
from marketplace.fundplans.rules.instance import Asking, Fund, Instance
from marketplace.fundplans.rules.planted import planted
from marketplace.fundplans.rules.reach import WHY_LABELS, Why, explained, reach
from marketplace.fundplans.rules.rerouting import first_come
from marketplace.fundplans.rules.solving import Limits
from tests.factories.funding import make_funder, make_pool, officer
from tests.factories.organizations import make_organization
from tests.factories.payments import make_account
from tests.fundplans.scene import NOW, YUAN, make_market, make_solved, money_world, publish_pairings
from tests.fundplans.test_solving import found, instances

TODAY = date(2026, 11, 23)


# ---- the formulas ----

def by_hand(fund: Fund, one: Asking) -> int:
    """The most of one grant, read from the rule, sharing nothing with the product."""
    named = (fund.categories, one.category), (fund.areas, one.area)
    if any(codes and not [code for code in codes if said[:len(code)] == code] for codes, said in named):
        return 0
    if not fund.has_receiver or (fund.is_lottery and one.is_off_lottery):
        return 0
    before = sum(fen for ref, fen in fund.already if ref == one.ref)
    caps = [one.gap, fund.left, one.budget * fund.parts // fund.of - before]
    caps += [cap for cap in (fund.pledge_cap, fund.donor_cap) if cap is not None]
    caps += [fund.cap - before] if fund.cap is not None else []
    return max(min(caps), 0)


@settings(max_examples=150, deadline=None)
@given(instances())
def test_what_a_fund_may_give_is_the_least_of_all_limits_and_the_page_names_one_that_binds(instance):
    for row, one in enumerate(instance.projects):
        told = explained(instance, one.ref)
        for column, fund in enumerate(instance.funds):
            fen, why = reach(fund, one)
            assert instance.room[row, column] == fen == by_hand(fund, one)
            assert (fen == 0) == (why in (Why.RECEIVER, Why.LOTTERY, Why.SPENT, Why.CATEGORY, Why.AREA))
        assert told.most.fen == instance.room[row].sum()
        assert sum(told.barred.values()) + len(told.giving) == len(instance.funds)
    assert explained(instance, "nobody") is None


@pytest.mark.parametrize(("change", "fen", "why"), [
    ({}, 400, Why.GAP), ({"pledge_cap": 90}, 90, Why.PLEDGE), ({"donor_cap": 80, "pledge_cap": 90}, 80, Why.DONOR),
    ({"cap": 70}, 70, Why.PROJECT), ({"parts": 1, "of": 10}, 100, Why.SHARE), ({"left": 60}, 60, Why.LEFT),
    ({"has_receiver": False}, 0, Why.RECEIVER), ({"is_lottery": True}, 0, Why.LOTTERY), ({"categories": ("B",)}, 0, Why.CATEGORY),
    ({"areas": ("31",)}, 0, Why.AREA), ({"cap": 70, "already": (("p", 70),)}, 0, Why.SPENT),
])
def test_each_limit_is_named_where_it_binds(change, fen, why):
    fund = replace(Fund("f", 1, 1, 900), **change)
    assert reach(fund, Asking("p", 500, 1_000, 400, "A01", "44", is_off_lottery=True)) == (fen, why)


def test_every_reason_has_its_words():
    assert set(WHY_LABELS) == set(Why)


@pytest.mark.parametrize("limits", [Limits(), Limits(pairs=0)])
def test_no_grant_of_any_method_is_above_the_caps_of_one_promise(limits):
    plain = planted(60, 8, money=0.8, seed=3)
    capped = Instance(plain.projects, tuple(replace(
        fund, pledge_cap=4_000_000 + place * 100_001, donor_cap=None if place % 2 else 3_000_001, has_receiver=place != 5)
        for place, fund in enumerate(plain.funds)))
    solution = found(capped, limits)
    for grants in (solution.given, solution.first, first_come(capped)):
        assert not grants[:, 5].any()
        for place, fund in enumerate(capped.funds):
            assert grants[:, place].max() <= min(cap for cap in (fund.pledge_cap, fund.donor_cap) if cap)
    assert solution.value <= solution.bound
    assert found(plain, limits).value > solution.value > 0


def test_plans_of_before_keep_their_digest():
    plain = Instance((Asking("p", 500, 1_000, 400),), (Fund("f", 1, 1, 900),))
    assert plain.digest() == "6fb668bc5a1a3bafb546c214815c61e69b9b049cda7b194c8efb8195e5c570ea"
    assert Instance(plain.projects, (replace(plain.funds[0], pledge_cap=10),)).digest() != plain.digest()
    assert Instance((replace(plain.projects[0], costs=(("c", 400),)),), plain.funds).digest() != plain.digest()


def test_grants_are_shared_out_over_named_costs_each_paid_once():
    assert parts_of([30, 25], [40, 15]) == [[30, 10], [0, 15]]
    assert parts_of([10, 20, 30], [60]) == [[10, 20, 30]]
    assert parts_of([10], [4, 6]) == [[4], [6]]
    assert parts_of([], [70]) == [[]]


def test_drafts_close_the_cost_that_they_name_and_others_the_first_ones():
    costs = (Cost("a", "甲", 30), Cost("b", "乙", 20), Cost("c", "丙", 0))
    assert left_of(costs, ()) == costs[:2]
    assert left_of(costs, [("b", 20)]) == (costs[0],)
    assert left_of(costs, [("", 10), ("b", 5)]) == (replace(costs[0], fen=20), replace(costs[1], fen=15))
    assert left_of(costs, [("gone", 45)]) == (replace(costs[1], fen=5),)
    assert left_of(costs, [("a", 99)]) == (costs[1],)


def test_costs_that_lottery_money_may_not_pay_are_known_by_their_words():
    assert is_off_lottery([Cost("a", "送餐", 1), Cost("b", "行政运行费", 1)])
    assert not is_off_lottery([Cost("a", "周末加餐", 1)])
    assert not is_off_lottery([])


# ---- from pools to lines ----

def fund_named(session, name):
    pools = pools_to_plan(session, organization_id=None, today=TODAY)
    return next(one.fund for one in funds_of(session, pools) if one.pool.name == name)


def change_rule(session, market, pool, **terms):
    rule = next(one for one in pool.rules if one.version == pool.rule_version)
    funding.change_rule(session, actor=market.officer, pool=pool, now=NOW, terms=replace(terms_of(rule), **terms))
    session.expire(pool)


def test_the_caps_of_a_rule_are_frozen_and_no_line_is_above_them(session):
    market = make_market(session)
    change_rule(session, market, market.wide, per_pledge_cap=YUAN(30_000), per_donor_cap=YUAN(25_000))
    plan = make_solved(session, market)
    wide = next(one for one in plan.funds if one.pool is market.wide)
    assert (wide.pledge_cap, wide.donor_cap) == (YUAN(30_000), YUAN(25_000))
    assert instance_of(session, plan).digest() == plan.inputs_sha256
    assert max((line.amount for line in plan.lines if line.fund_row is wide), default=Money(0)) <= YUAN(25_000)
    early = next(row for row in plan.projects if row.project is market.projects["early"])
    assert early.outcome == Outcome.TOO_LARGE
    told = explained(instance_of(session, plan), market.projects["early"].ref)
    assert [(one.fen, one.why) for one in told.giving] == [(YUAN(30_000).fen, Why.LEFT), (YUAN(25_000).fen, Why.DONOR)]


def test_a_pool_gives_only_where_somebody_whom_its_rule_names_can_receive(session):
    market = make_market(session)
    change_rule(session, market, market.narrow, receiver_kinds=("association",))
    change_rule(session, market, market.wide, receiver_kinds=("foundation",))
    assert not fund_named(session, "助餐池").has_receiver
    assert not fund_named(session, "银龄池").has_receiver, "a funder is no receiver of its own money"
    own = session.get_one(type(market.desk.unit), market.funder.organization_id)
    make_account(session, own)
    assert not fund_named(session, "银龄池").has_receiver
    money_world(session, market, "dense")
    assert fund_named(session, "银龄池").has_receiver
    assert fund_named(session, "白鹭池").has_receiver, "a rule that names nobody lets everybody receive"
    plan = make_solved(session, market)
    assert {line.fund_row.pool.name for line in plan.lines} == {"银龄池"}
    frozen = next(one for one in plan.funds if one.pool is market.narrow)
    assert (frozen.receiver_kinds, frozen.has_receiver) == (["association"], False)
    club = make_organization(session, kind="association", legal_representative="柳会长", contact_phone="13900001111")
    session.flush()
    make_account(session, club)
    assert fund_named(session, "助餐池").has_receiver


def test_a_project_that_only_such_pools_could_pay_says_so(session):
    market = make_market(session)
    for pool in (market.wide, market.narrow):
        change_rule(session, market, pool, receiver_kinds=("association",))
    plan = make_solved(session, market, actor=market.officer, is_own=True)
    assert {row.outcome for row in plan.projects} == {Outcome.NO_FUND, Outcome.GAP_UNKNOWN}
    told = explained(instance_of(session, plan), market.projects["dense"].ref)
    assert (told.headline, told.barred) == (Why.RECEIVER, {Why.RECEIVER: 2})
    assert shortlist(session, market.funder, filters=Filters(), today=TODAY).rows[0].room == Money(0)


def test_lottery_money_is_not_planned_for_costs_that_it_may_not_pay(session):
    market = make_market(session)
    market.desk.unit.verification, market.desk.unit.verified_at = "verified", NOW
    bureau = make_funder(session, kind="lottery", organization=market.desk.unit)
    make_pool(session, funder=bureau, name="公益金", cap=YUAN(90_000), ratio=(9, 1))
    line = session.scalars(select(CostLine)).one()
    session.add(CostLine(project_id=line.project_id, name="行政运行补贴", amount=YUAN(3_000), created_at=NOW))
    session.flush()
    plan = make_solved(session, market)
    row = next(one for one in plan.projects if one.project is market.projects["lines"])
    assert "公益金" not in {one.fund_row.pool.name for one in row.lines}
    told = explained(instance_of(session, plan), row.project.ref)
    assert told.barred[Why.LOTTERY] == 1
    assert fund_named(session, "公益金").is_lottery


# ---- what is planned can be promised ----

@pytest.fixture
def ready(session):
    """A market whose funders may give to foundations only, with a foundation that receives; a project under the
    procurement law with two named costs, and caps for one promise."""
    market = make_market(session)
    world = money_world(session, market, "unknown")
    project = market.projects["unknown"]
    for name, yuan in (("助浴椅", 12_000), ("护理培训", 9_000)):
        session.add(CostLine(project_id=project.id, name=name, amount=YUAN(yuan), created_at=NOW))
    session.flush()
    publish_pairings(session, {project: 900, market.projects["dense"]: 800})
    change_rule(session, market, market.wide, receiver_kinds=("foundation",), per_pledge_cap=YUAN(25_000), per_donor_cap=YUAN(26_000))
    return market, world


def drafts(session, market, world, plan, *, by):
    """Prepare a paper for every line of a plan, as the links on its page do: each part with its cost."""
    made = []
    for line in plan.lines:
        pool = line.fund_row.pool
        for part in line.parts or [{"ref": "", "fen": line.amount.fen}]:
            cost = session.scalar(select(CostLine).where(CostLine.ref == part["ref"])) if part["ref"] else None
            made.append(funding.prepare_commitment(
                session, actor=by[pool.funder_id], funder=pool.funder, project=line.project_row.project, amount=Money(part["fen"]),
                receiver=world.receiver, account=world.account, now=NOW, cost_line=cost, origin=f"{plan.ref}.{pool.ref}"))
    return made


def test_every_planned_amount_can_be_promised_and_signed_without_refusal(session, ready):
    market, world = ready
    plan = make_solved(session, market)
    row = next(one for one in plan.projects if one.project is market.projects["unknown"])
    assert row.outcome == Outcome.FUNDED
    assert {part["name"] for line in row.lines for part in line.parts} == {"助浴椅", "护理培训"}
    by = {market.funder.id: market.officer, market.other.id: market.other_officer}
    seconds = {one.id: officer(session, one, name="复核") for one in (market.funder, market.other)}
    papers = drafts(session, market, world, plan, by=by)
    assert len(papers) > len(plan.lines), "a line that pays two costs is two promises"
    for paper in papers:
        pledge = funding.approve_commitment(session, actor=seconds[paper.funder_id], commitment=paper, now=NOW)
        assert (pledge.state, pledge.amount) == ("pledged", paper.amount)
    assert sum(paper.amount.fen for paper in papers) == sum(line.amount.fen for line in plan.lines)
    assert all(one.funded == one.amount for one in session.scalars(select(CostLine).where(
        CostLine.project_id == market.projects["unknown"].id)))


def test_no_rule_would_cut_a_planned_amount(session, ready):
    market, world = ready
    plan = make_solved(session, market)
    assert plan.lines
    for line in plan.lines:
        fund, project = line.fund_row, line.project_row.project
        terms = terms_of(next(rule for rule in fund.pool.rules if rule.version == fund.rule_version))
        base = Money(-(-line.amount.fen * terms.denominator // terms.numerator))
        facts = PledgeFacts(amount=base, on=beijing_date(NOW), category=project.category_code, area=project.area_code,
                            receiver_kind=world.receiver.kind, budget=project.budget)
        assert eligible(terms, facts)
        share = decide(terms, facts, Room(
            pool=fund.available.fen, donor=terms.per_donor_cap.fen if terms.per_donor_cap else None,
            project=terms.per_project_cap.fen if terms.per_project_cap else None))
        assert share.amount.fen >= line.amount.fen
        assert share.limited_by is None or share.amount >= line.amount


def test_without_the_caps_the_same_plan_would_have_been_cut(session, ready):
    market, _ = ready
    limited = make_solved(session, market)
    change_rule(session, market, market.wide, per_pledge_cap=None, per_donor_cap=None, receiver_kinds=())
    free = make_solved(session, market)
    largest = {plan.ref: max(line.amount for line in plan.lines if line.fund_row.pool is market.wide) for plan in (limited, free)}
    assert largest[limited.ref] <= YUAN(25_000) < largest[free.ref]


# ---- drafts are not planned twice ----

@pytest.fixture
def drafted(session, ready):
    """A plan of the foundation's own pools whose lines were all drafted."""
    market, world = ready
    plan = make_solved(session, market, actor=market.officer, is_own=True)
    papers = drafts(session, market, world, plan, by={market.funder.id: market.officer})
    return market, world, plan, papers


def inputs(session):
    return read_inputs(session, organization_id=None, points=50, today=TODAY)


def lefts(session):
    return {one.pool.name: one.fund.left for one in inputs(session).funds}


def test_what_was_drafted_from_a_plan_is_neither_in_the_pool_nor_in_the_gap_of_the_next(session, drafted):
    market, _, plan, papers = drafted
    spent = {one.pool.name: one.spent.fen for one in plan.funds}
    seen = inputs(session)
    assert seen.drafted.fen == sum(one.amount.fen for one in papers) == sum(spent.values())
    for one in (*seen.funds, *seen.spent):
        assert one.fund.left == (one.pool.cap.fen - spent.get(one.pool.name, 0))
        assert one.drafted == spent.get(one.pool.name, 0)
    funded = {row.project.title for row in plan.projects if row.outcome == Outcome.FUNDED}
    assert funded
    assert not funded & {one.project.title for one in seen.projects}, "their gaps are closed by papers that wait"
    following = make_solved(session, market)
    frozen = {one.pool.name: (one.drafted.fen, one.available.fen) for one in following.funds}
    assert frozen["银龄池"] == (spent["银龄池"], YUAN(72_000).fen - spent["银龄池"])


def test_a_returned_draft_frees_its_money_and_its_gap(session, drafted):
    market, _, plan, papers = drafted
    for paper in papers:
        funding.return_commitment(session, actor=market.officer, commitment=paper, reason="重做", now=NOW)
    seen = inputs(session)
    assert (seen.drafted, seen.signed) == (Money(0), Money(0))
    assert lefts(session)["银龄池"] == YUAN(72_000).fen
    assert {row.project.title for row in plan.projects} <= {one.project.title for one in seen.projects}


def test_a_signed_one_holds_the_pool_until_its_total_is_lowered(session, drafted):
    market, _, plan, papers = drafted
    second = officer(session, market.funder, name="复核")
    for paper in papers:
        funding.approve_commitment(session, actor=second, commitment=paper, now=NOW)
    seen = inputs(session)
    wide = next(one.spent for one in plan.funds if one.pool is market.wide)
    assert seen.drafted == Money(0)
    assert seen.signed.fen == sum(one.amount.fen for one in papers)
    assert lefts(session)["银龄池"] == YUAN(72_000).fen - wide.fen
    later = NOW.replace(hour=NOW.hour + 1)
    funding.change_cap(session, actor=market.officer, pool=market.wide, cap=YUAN(72_000) - wide, now=later)
    assert lefts(session)["银龄池"] == YUAN(72_000).fen - wide.fen, "taken off once, not twice"
    assert next(one.signed for one in inputs(session).funds if one.pool is market.wide) == 0


def test_drafts_make_other_plans_stale_but_not_the_one_they_came_from(session, ready):
    market, world = ready
    other = make_solved(session, market)
    plan = make_solved(session, market, actor=market.officer, is_own=True)
    drafts(session, market, world, plan, by={market.funder.id: market.officer})
    assert not changes(session, plan, today=TODAY).is_stale
    found_ = changes(session, other, today=TODAY)
    assert "银龄池" in found_.pools
    assert found_.project_count > 0


@pytest.mark.parametrize("origin", ["", "planplanplan.poolpoolpool", "{plan}.{foreign}", "{plan}"])
def test_a_paper_that_came_from_no_plan_or_names_another_funders_pool_holds_nothing(session, ready, origin):
    market, world = ready
    plan = make_solved(session, market)
    funding.prepare_commitment(
        session, actor=market.officer, funder=market.funder, project=market.projects["dense"], amount=YUAN(5_000),
        receiver=world.receiver, account=world.account, now=NOW, origin=origin.format(plan=plan.ref, foreign=market.withheld.ref))
    seen = inputs(session)
    assert seen.drafted == Money(0)
    assert {one.project.title: one.gap.fen for one in seen.projects}["项目dense"] == YUAN(50_000).fen


def test_a_pool_that_is_spoken_for_whole_takes_no_part_and_a_plan_of_nothing_says_why(session, ready):
    market, world = ready
    plan = make_solved(session, market)
    for pool in (market.wide, market.narrow):
        funding.prepare_commitment(
            session, actor=market.officer, funder=market.funder, project=market.projects["early"], amount=pool.cap,
            receiver=world.receiver, account=world.account, now=NOW, origin=f"{plan.ref}.{pool.ref}")
    seen = inputs(session)
    assert [one.pool.name for one in seen.spent] == ["银龄池", "助餐池"]
    assert [one.pool.name for one in seen.funds] == ["白鹭池"]
    with pytest.raises(Invalid, match="都已按方案起草或签了认捐书"):
        make_solved(session, market, actor=market.officer, is_own=True)
    assert session.scalars(select(FundPlan)).all() == [plan]


def test_the_limits_of_a_plan_are_frozen_by_the_database(session, ready):
    make_solved(session, ready[0])
    for model, change in ((FundPlanFund, {"has_receiver": False}), (FundPlanFund, {"pledge_cap": YUAN(1)}),
                          (FundPlanFund, {"drafted": YUAN(1)}), (FundPlanProject, {"costs": [{"ref": "x", "name": "y", "fen": 1}]})):
        with pytest.raises(sa.exc.DatabaseError, match="never changed"), session.begin_nested():
            session.execute(sa.update(model).values(**change))
