"""Plans from making to withdrawal: frozen inputs, what the worker writes, who may do what, nothing that moves money."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy import func, select

from marketplace.core.access import Role
from marketplace.core.audit import AuditEvent
from marketplace.core.errors import Denied, Invalid
from marketplace.core.outbox import Job
from marketplace.funding.models import Commitment, Pledge
from marketplace.funding.operations import pause_pool
from marketplace.fundplans import operations
from marketplace.fundplans.models import FundFollow, FundPlan, FundPlanFund, FundPlanLine, FundPlanProject
from marketplace.fundplans.operations import Stopped
from marketplace.fundplans.operations import plans as plan_operations
from marketplace.fundplans.queries.inputs import instance_of
from marketplace.fundplans.rules import JOB_SOLVE_PLAN, Outcome, Phase, PlanState, Wish
from marketplace.fundplans.rules.solving import solve
from marketplace.integrations.flows import OrtoolsFlows
from marketplace.integrations.programs import HighsPrograms
from tests.fundplans.scene import NOW, SYSTEM, WISH, YUAN, make_market, make_solved, person, publish_pairings, reckon


def make(session, market, **changes):
    return operations.make_plan(session, **{"actor": market.operator, "wish": WISH, "now": NOW, "is_own": False, **changes})


def solution_of(session, plan):
    return solve(instance_of(session, plan), programs=HighsPrograms(), flows=OrtoolsFlows())


def actions(session, plan):
    return set(session.scalars(select(AuditEvent.action).where(AuditEvent.subject_ref == plan.ref)))


def test_a_plan_freezes_pools_and_projects_as_they_stand_and_asks_for_the_reckoning(session):
    market = make_market(session)
    plan = make(session, market)
    rows = {row.project.title: row for row in plan.projects}
    assert set(rows) == {"项目early", "项目dense", "项目lines", "项目unknown"}
    assert (rows["项目early"].gap, rows["项目early"].basis) == (YUAN(85_000), "budget")
    assert (rows["项目lines"].gap, rows["项目lines"].basis) == (YUAN(40_000), "cost_lines")
    assert (rows["项目unknown"].gap, rows["项目unknown"].basis) == (None, "unknown")
    funds = {one.pool.name: one for one in plan.funds}
    assert (funds["银龄池"].parts, funds["银龄池"].whole, funds["银龄池"].available) == (9, 10, YUAN(72_000))
    assert (plan.state, plan.phase, plan.attempt) == (PlanState.DRAFT, Phase.WAITING, 1)
    job = session.scalars(select(Job).where(Job.kind == JOB_SOLVE_PLAN)).one()
    assert job.payload == {"plan_ref": plan.ref, "attempt": 1}
    assert instance_of(session, plan).digest() == plan.inputs_sha256
    assert actions(session, plan) == {"fundplans.make"}


def test_the_worker_writes_lines_reasons_sums_and_what_first_come_would_bring(session):
    market = make_market(session)
    plan = make_solved(session, market)
    assert (plan.state, plan.phase, plan.method) == (PlanState.SOLVED, Phase.DONE, "exact")
    by_title = {row.project.title: row for row in plan.projects}
    assert {title: row.outcome for title, row in by_title.items()} == {
        "项目early": Outcome.USED_UP, "项目dense": Outcome.FUNDED, "项目lines": Outcome.FUNDED, "项目unknown": Outcome.GAP_UNKNOWN}
    assert by_title["项目early"].is_first       # first come would have paid it, and nobody else
    assert not by_title["项目dense"].is_first
    assert (plan.value, plan.first_value) == (1_000, 500)
    assert plan.bound >= plan.value
    sums = {row.project.title: sum(line.amount.fen for line in row.lines) for row in plan.projects}
    assert sums["项目dense"] == YUAN(50_000).fen
    assert sums["项目lines"] == YUAN(40_000).fen
    for one in plan.funds:
        given = session.scalar(select(func.coalesce(func.sum(sa.type_coerce(FundPlanLine.amount, sa.BigInteger)), 0)).where(
            FundPlanLine.fund_row_id == one.id))
        assert one.spent.fen == given <= one.available.fen
        assert one.spent + one.unspent == one.available
    assert actions(session, plan) == {"fundplans.make", "fundplans.solved"}


def test_a_plan_moves_no_money_and_promises_none(session):
    market = make_market(session)
    before = [(one.reserved, one.captured, one.cap) for one in (market.wide, market.narrow, market.withheld)]
    make_solved(session, market)
    session.expire_all()
    assert [(one.reserved, one.captured, one.cap) for one in (market.wide, market.narrow, market.withheld)] == before
    assert session.scalar(select(func.count()).select_from(Pledge)) == 0
    assert session.scalar(select(func.count()).select_from(Commitment)) == 0


def test_the_value_of_a_project_is_its_best_published_pairing(session):
    market = make_market(session)
    publish_pairings(session, {market.projects["early"]: 990, market.projects["dense"]: 0}, number=1)
    plan = make_solved(session, market)
    rows = {row.project.title: row for row in plan.projects}
    assert (rows["项目early"].value, rows["项目early"].is_paired) == (990, True)
    assert (rows["项目dense"].value, rows["项目dense"].is_paired) == (1, True)     # nothing is worth nothing
    assert (rows["项目lines"].value, rows["项目lines"].is_paired) == (500, False)
    assert rows["项目early"].outcome == Outcome.FUNDED
    assert len(plan.runs) == 1


def test_an_organization_plans_with_its_own_pools_only_and_leaves_out_what_they_do_not_cover(session):
    market = make_market(session)
    pause_pool(session, actor=SYSTEM, pool=market.wide, now=NOW)
    plan = make_solved(session, market, actor=market.officer, is_own=True)
    assert plan.organization_id == market.funder.organization_id
    assert [one.pool.name for one in plan.funds] == ["助餐池"]
    assert "项目early" not in {row.project.title for row in plan.projects}       # another category than the pool's
    theirs = make(session, market, actor=market.other_officer, is_own=True)
    assert [one.pool.name for one in theirs.funds] == ["白鹭池"]


def test_nobody_else_makes_plans(session):
    market = make_market(session)
    with pytest.raises(Denied, match="系统管理员"):
        make(session, market, actor=market.officer)
    with pytest.raises(Denied, match="还没有登记为资助方"):
        make(session, market, actor=market.operator, is_own=True)
    market.funder.verified_at = market.funder.verified_by = None
    session.flush()
    with pytest.raises(Denied, match="还没有核验"):
        make(session, market, actor=market.officer, is_own=True)


@pytest.mark.parametrize(("wish", "said"), [
    (Wish("  "), "方案名称"), (Wish("长" * 81), "方案名称"), (Wish("好", 0), "1 到 100"), (Wish("好", 101), "1 到 100")])
def test_a_wish_that_cannot_be_meant_is_refused(session, wish, said):
    market = make_market(session)
    with pytest.raises(Invalid, match=said):
        make(session, market, wish=wish)
    assert session.scalar(select(func.count()).select_from(FundPlan)) == 0


def test_a_plan_of_nothing_says_what_to_do(session, monkeypatch):
    market = make_market(session)
    monkeypatch.setattr(plan_operations, "MOST_FUNDS", 2)
    with pytest.raises(Invalid, match="一次最多"):
        make(session, market)
    monkeypatch.undo()
    for one in market.projects.values():
        one.takes_matching = False
    session.flush()
    with pytest.raises(Invalid, match="没有可以安排的项目"):
        make(session, market)
    for pool in (market.wide, market.narrow, market.withheld):
        pause_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    with pytest.raises(Invalid, match="没有可用的资金池"):
        make(session, market)


def test_a_plan_that_waits_is_cancelled_at_once_and_can_be_reckoned_again(session):
    market = make_market(session)
    plan = make(session, market)
    operations.cancel_plan(session, actor=market.operator, plan=plan, now=NOW)
    assert plan.phase == Phase.CANCELLED
    assert operations.begin_attempt(session, plan_ref=plan.ref, attempt=1, now=NOW) is None
    with pytest.raises(Denied, match="没有在计算"):
        operations.cancel_plan(session, actor=market.operator, plan=plan, now=NOW)
    operations.solve_again(session, actor=market.operator, plan=plan, now=NOW)
    assert (plan.phase, plan.attempt, plan.cancel_asked_at) == (Phase.WAITING, 2, None)
    with pytest.raises(Denied, match="已取消或没有算成"):
        operations.solve_again(session, actor=market.operator, plan=plan, now=NOW)
    assert operations.begin_attempt(session, plan_ref=plan.ref, attempt=1, now=NOW) is None, "a late job does nothing"
    reckon(session, plan)
    assert plan.state == PlanState.SOLVED
    assert operations.begin_attempt(session, plan_ref=plan.ref, attempt=2, now=NOW) is None, "run twice, done once"


def test_a_plan_that_is_being_reckoned_stops_at_the_next_phase_and_keeps_nothing(session):
    market = make_market(session)
    plan = make(session, market)
    operations.begin_attempt(session, plan_ref=plan.ref, attempt=1, now=NOW)
    operations.note_phase(session, plan_ref=plan.ref, attempt=1, phase=Phase.BOUND)
    assert plan.phase == Phase.BOUND
    operations.cancel_plan(session, actor=market.operator, plan=plan, now=NOW)
    assert plan.phase == Phase.BOUND
    with pytest.raises(Stopped):
        operations.note_phase(session, plan_ref=plan.ref, attempt=1, phase=Phase.GREEDY)
    solution = solution_of(session, plan)
    with pytest.raises(Stopped):
        operations.keep_solution(session, plan_ref=plan.ref, attempt=1, solution=solution, now=NOW)
    operations.stop_attempt(session, plan_ref=plan.ref, attempt=1, now=NOW)
    assert (plan.state, plan.phase) == (PlanState.DRAFT, Phase.CANCELLED)
    assert session.scalar(select(func.count()).select_from(FundPlanLine)) == 0
    operations.stop_attempt(session, plan_ref=plan.ref, attempt=1, now=NOW)      # once is enough
    operations.keep_solution(session, plan_ref=plan.ref, attempt=1, solution=solution, now=NOW)
    assert session.scalar(select(func.count()).select_from(FundPlanLine)) == 0
    assert "fundplans.cancelled" in actions(session, plan)


def test_a_failure_is_kept_with_its_reason(session):
    market = make_market(session)
    plan = make(session, market)
    operations.fail_attempt(session, plan_ref=plan.ref, attempt=1, error="条件互相矛盾", now=NOW)
    assert (plan.phase, plan.error) == (Phase.FAILED, "条件互相矛盾")
    operations.fail_attempt(session, plan_ref=plan.ref, attempt=1, error="晚到", now=NOW)
    assert plan.error == "条件互相矛盾"
    operations.solve_again(session, actor=market.operator, plan=plan, now=NOW)
    assert plan.error == ""


def test_a_plan_is_shared_and_withdrawn_by_its_side_only(session):
    market = make_market(session)
    plan = make(session, market)
    with pytest.raises(Denied, match="算出来"):
        operations.share_plan(session, actor=market.operator, plan=plan, now=NOW)
    reckon(session, plan)
    for verb in (operations.share_plan, operations.cancel_plan, operations.solve_again):
        with pytest.raises(Denied, match="作出它的一方"):
            verb(session, actor=market.officer, plan=plan, now=NOW)
    operations.share_plan(session, actor=market.operator, plan=plan, now=NOW)
    assert (plan.state, plan.shared_by) == (PlanState.SHARED, market.operator.person_id)
    with pytest.raises(Denied, match="作出它的一方"):
        operations.withdraw_plan(session, actor=market.officer, plan=plan, reason="不要", now=NOW)
    for reason in ("  ", "长" * 501):
        with pytest.raises(Invalid, match="撤回的原因"):
            operations.withdraw_plan(session, actor=market.operator, plan=plan, reason=reason, now=NOW)
    operations.withdraw_plan(session, actor=market.operator, plan=plan, reason="资金池变了", now=NOW)
    assert (plan.state, plan.withdraw_reason) == (PlanState.WITHDRAWN, "资金池变了")
    with pytest.raises(Denied, match="已经撤回"):
        operations.withdraw_plan(session, actor=market.operator, plan=plan, reason="再撤", now=NOW)


def test_the_database_refuses_to_change_frozen_inputs_and_follows(session):
    market = make_market(session)
    plan = make(session, market)
    operations.follow(session, actor=market.officer, funder=market.funder, project=market.projects["dense"], now=NOW, is_on=True)
    for model, change in ((FundPlan, {"points": 60}), (FundPlanProject, {"gap": YUAN(1)}), (FundPlanFund, {"available": YUAN(1)}),
                          (FundFollow, {"is_on": False})):
        with pytest.raises(sa.exc.DatabaseError, match=r"never changed"), session.begin_nested():
            session.execute(sa.update(model).values(**change))
    with pytest.raises(sa.exc.DatabaseError, match=r"never deleted|never changed or deleted"), session.begin_nested():
        session.execute(sa.delete(FundFollow))
    assert plan.points == 50


def test_following_adds_a_row_and_the_newest_holds(session):
    market = make_market(session)
    project = market.projects["dense"]
    said = {"actor": market.officer, "funder": market.funder, "project": project}
    assert operations.follow(session, **said, now=NOW, is_on=True)
    assert not operations.follow(session, **said, now=NOW, is_on=True)
    assert operations.follow(session, **said, now=NOW + timedelta(hours=1), is_on=False)
    assert operations.follow(session, **said, now=NOW + timedelta(hours=2), is_on=True)
    assert [row.is_on for row in session.scalars(select(FundFollow).order_by(FundFollow.id))] == [True, False, True]
    with pytest.raises(Denied, match="已核验的捐赠方"):
        operations.follow(session, **{**said, "actor": market.operator}, now=NOW, is_on=True)
    project.published_at = None
    with pytest.raises(Denied), session.no_autoflush:
        operations.follow(session, **said, now=NOW, is_on=False)


def test_an_overseer_without_a_mandate_handles_no_plan(session):
    market = make_market(session)
    plan = make_solved(session, market)
    with pytest.raises(Denied):
        operations.share_plan(session, actor=person(session, Role.AUDITOR, None), plan=plan, now=NOW)
    assert plan.state == PlanState.SOLVED


def test_a_price_that_no_column_holds_is_cut(session):
    market = make_market(session)
    plan = make(session, market)
    operations.begin_attempt(session, plan_ref=plan.ref, attempt=1, now=NOW)
    solution = solution_of(session, plan)
    operations.keep_solution(session, plan_ref=plan.ref, attempt=1, now=NOW,
                             solution=replace(solution, prices=np.full(len(plan.funds), 1e12)))
    assert {one.price for one in plan.funds} == {2_000_000_000}
