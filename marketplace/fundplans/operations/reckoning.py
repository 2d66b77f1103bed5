"""What the worker writes while it reckons a plan: each call is a transaction of its own, so pages see how far it is."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.access import SYSTEM
from marketplace.core.audit import record
from marketplace.core.money import Money
from marketplace.core.outbox import enqueue
from marketplace.fundplans.models import FundPlan, FundPlanFund, FundPlanLine, FundPlanProject
from marketplace.fundplans.queries.inputs import costs_of, instance_of
from marketplace.fundplans.rules import (
    BUSY,
    FULL_POINTS,
    JOB_PLAN_ENDED,
    PLAN_STEPS,
    TENTHS,
    Outcome,
    Phase,
    PlanState,
    has_left,
)
from marketplace.fundplans.rules.gaps import parts_of
from marketplace.fundplans.rules.instance import Instance
from marketplace.fundplans.rules.solving import Solution, outcomes, paid

MAX_ERROR = 500
_THOUSANDTHS = FULL_POINTS      # of a tenth: a price is kept in thousandths of a point
MOST_PRICE = 2_000_000_000


class Stopped(Exception):  # noqa: N818 - the trade says "stopped"
    """The reckoning ends here: a person asked for it, or another attempt took over."""


def _mine(session: Session, plan_ref: str, attempt: int) -> FundPlan | None:
    """Return the plan, locked, if this attempt is still the one that counts."""
    plan = session.scalar(select(FundPlan).where(FundPlan.ref == plan_ref).with_for_update(of=FundPlan)
                          .execution_options(populate_existing=True))
    if plan is None or plan.attempt != attempt or plan.state != PlanState.DRAFT or plan.phase not in BUSY:
        return None
    return plan


def begin_attempt(session: Session, *, plan_ref: str, attempt: int, now: datetime) -> Instance | None:
    """Return what is to be reckoned, or None when nothing is: done already, cancelled, withdrawn, asked for anew."""
    plan = _mine(session, plan_ref, attempt)
    if plan is None:
        return None
    plan.started_at = now
    session.flush()
    return instance_of(session, plan)


def note_phase(session: Session, *, plan_ref: str, attempt: int, phase: Phase) -> None:
    """Note which phase begins; raises Stopped when somebody asked to cancel, or this attempt no longer counts."""
    plan = _mine(session, plan_ref, attempt)
    if plan is None or plan.cancel_asked_at is not None:
        raise Stopped
    plan.phase = phase
    session.flush()


def stop_attempt(session: Session, *, plan_ref: str, attempt: int, now: datetime) -> None:
    """End a cancelled attempt; the draft and its inputs stay."""
    plan = _mine(session, plan_ref, attempt)
    if plan is None or plan.cancel_asked_at is None:
        return
    plan.phase = Phase.CANCELLED
    session.flush()
    record(session, actor=SYSTEM, action="fundplans.cancelled", subject=("fund_plan", plan.ref), now=now)


def fail_attempt(session: Session, *, plan_ref: str, attempt: int, error: str, now: datetime) -> None:
    """Note why a plan could not be reckoned."""
    plan = _mine(session, plan_ref, attempt)
    if plan is None:
        return
    plan.phase, plan.error = Phase.FAILED, error[:MAX_ERROR] or "?"
    session.flush()
    record(session, actor=SYSTEM, action="fundplans.failed", subject=("fund_plan", plan.ref), now=now, error=plan.error)
    _tell(session, plan, now)


def _lines(plan: FundPlan, asked: Sequence[FundPlanProject], funds: Sequence[FundPlanFund],
           solution: Solution) -> Iterator[FundPlanLine]:
    """Yield the lines of a solution; where the gap is one of named costs, each with the costs that it pays."""
    for row, project in enumerate(asked):
        columns = solution.given[row].nonzero()[0]
        grants, costs = [int(solution.given[row, column]) for column in columns], costs_of(project.costs)
        shares = parts_of([cost.fen for cost in costs], grants)
        for column, grant, share in zip(columns, grants, shares, strict=True):
            yield FundPlanLine(
                plan_id=plan.id, project_row_id=project.id, fund_row_id=funds[column].id, amount=Money(grant),
                parts=[asdict(replace(cost, fen=fen)) for cost, fen in zip(costs, share, strict=True) if fen])


def _tell(session: Session, plan: FundPlan, now: datetime) -> None:
    """Ask that those who may open the plan hear that it ended; not whoever asked for it and looks on."""
    enqueue(session, JOB_PLAN_ENDED, now=now, plan_ref=plan.ref, attempt=plan.attempt,
            tells_asker=has_left(plan.asked_at, now))


def keep_solution(session: Session, *, plan_ref: str, attempt: int, solution: Solution, now: datetime) -> None:
    """FundPlan: draft -> solved, with its lines, what every project gets or why not, and what each fund keeps."""
    plan = _mine(session, plan_ref, attempt)
    if plan is None:
        return
    if plan.cancel_asked_at is not None:
        raise Stopped
    projects = session.scalars(select(FundPlanProject).where(FundPlanProject.plan_id == plan.id)
                               .order_by(FundPlanProject.position)).all()
    funds = session.scalars(select(FundPlanFund).where(FundPlanFund.plan_id == plan.id)
                            .order_by(FundPlanFund.position)).all()
    asked = [row for row in projects if row.gap is not None]
    for row in projects:
        row.outcome = Outcome.GAP_UNKNOWN if row.gap is None else ""
    instance = instance_of(session, plan)
    first = paid(solution.first)
    for place, outcome in enumerate(outcomes(instance, solution.given)):
        asked[place].outcome, asked[place].is_first = outcome, bool(first[place])
    for place, fund in enumerate(funds):
        fund.spent = Money(int(solution.given[:, place].sum()))
        fund.first_spent = Money(int(solution.first[:, place].sum()))
        fund.price = min(round(float(solution.prices[place]) * _THOUSANDTHS), MOST_PRICE)
    session.add_all(_lines(plan, asked, funds, solution))
    plan.state, plan.phase, plan.solved_at = PLAN_STEPS.after(PlanState(plan.state), "solve"), Phase.DONE, now
    plan.method, plan.value, plan.bound = solution.method, solution.value, solution.bound
    plan.first_value = solution.first_value
    session.flush()
    record(session, actor=SYSTEM, action="fundplans.solved", subject=("fund_plan", plan.ref), now=now,
           method=plan.method, points=plan.value / TENTHS, first_points=plan.first_value / TENTHS,
           inputs=plan.inputs_sha256, lines=len(solution.given.nonzero()[0]))
    _tell(session, plan, now)
