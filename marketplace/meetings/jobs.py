"""Makes a schedule in the background: reads, computes outside any transaction, keeps the whole result or none of it."""

from marketplace.accounts.queries import load_actor
from marketplace.core.access import SYSTEM, Actor
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, DomainError
from marketplace.meetings import operations
from marketplace.meetings.models import MeetingSchedule
from marketplace.meetings.queries import inputs as queries
from marketplace.meetings.rules import JOB_SCHEDULE_DUE
from marketplace.meetings.rules.solving import solve
from marketplace.web.services import services


def make_schedule(schedule_ref: str) -> None:
    """Make one version; a repeated or cancelled job does nothing, a refusal is noted on the version."""
    with transaction() as session:
        begun = operations.begin_run(session, schedule_ref=schedule_ref)
        if begun is None:
            return
        actor = load_actor(session, begun.started_by) if begun.started_by else SYSTEM
    try:
        _compute(schedule_ref, actor)
    except Conflict:
        return                                               # cancelled: nothing of it is kept
    except DomainError as refused:
        with transaction() as session:
            operations.fail_run(session, actor=actor, schedule_ref=schedule_ref, refused=refused, now=utc_now())


def _compute(schedule_ref: str, actor: Actor) -> None:
    """Read, solve, keep."""
    session = db.session()
    schedule = session.query(MeetingSchedule).filter_by(ref=schedule_ref).one()
    inputs = queries.inputs_of(session, schedule.event)
    before = queries.seats(session, queries.current(session, schedule.event) if schedule.keeps_before else None)
    points = queries.event_points(session, inputs)
    db.session.rollback()                                    # nothing is held while the solver works

    def tell(phase: int) -> None:
        """Note the phase; a cancelled version stops here."""
        with transaction() as writing:
            operations.note_phase(writing, schedule_ref=schedule_ref, phase=phase)

    solution = solve(inputs, points.matrix, services().flows, before=before, tell=tell)
    with transaction() as writing:
        operations.keep_run(writing, actor=actor, schedule_ref=schedule_ref, solution=solution, now=utc_now(),
                            points_from=points.source)


HANDLERS = {JOB_SCHEDULE_DUE: make_schedule}
