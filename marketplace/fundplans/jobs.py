"""Reckons plans outside any transaction; short transactions tell how far it is and ask whether to go on."""

from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.core.errors import DomainError
from marketplace.fundplans import operations, rules
from marketplace.fundplans.operations import Stopped
from marketplace.fundplans.rules import Phase
from marketplace.fundplans.rules.solving import solve
from marketplace.web.services import services


def solve_plan(plan_ref: str, attempt: int) -> None:
    """Reckon one plan; repeated after a crash it begins anew, after a cancellation it does nothing."""
    with transaction() as session:
        instance = operations.begin_attempt(session, plan_ref=plan_ref, attempt=attempt, now=utc_now())
    if instance is None:
        return

    def tell(phase: Phase) -> None:
        with transaction() as session:
            operations.note_phase(session, plan_ref=plan_ref, attempt=attempt, phase=phase)

    try:
        found = solve(instance, programs=services().programs, flows=services().flows, tell=tell)
        with transaction() as session:
            operations.keep_solution(session, plan_ref=plan_ref, attempt=attempt, solution=found, now=utc_now())
    except Stopped:
        with transaction() as session:
            operations.stop_attempt(session, plan_ref=plan_ref, attempt=attempt, now=utc_now())
    except DomainError as error:
        with transaction() as session:
            operations.fail_attempt(session, plan_ref=plan_ref, attempt=attempt, error=str(error), now=utc_now())


HANDLERS = {rules.JOB_SOLVE_PLAN: solve_plan}
