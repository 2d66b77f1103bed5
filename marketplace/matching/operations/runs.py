"""A run from its order to its stored result: started once, watched, cancelled, stored whole or not at all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.core.access import SYSTEM, Actor, require
from marketplace.core.audit import record
from marketplace.core.db import new_ref
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.matching.models import MatchingRun, Pairing, RunEdit, RunInput, RunNeed
from marketplace.matching.operations.weights import weights_to_use
from marketplace.matching.policy import runs as policy
from marketplace.matching.queries.computing import Outcome, present
from marketplace.matching.queries.orders import Order, order_of
from marketplace.matching.rules import summary
from marketplace.matching.rules.edits import Pair
from marketplace.matching.rules.runs import (
    JOB_RUN_STARTED,
    RUN_STEPS,
    WHOLE,
    PairingState,
    Phase,
    Reach,
    RunState,
)
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

BLOCK = 500                              # rows a statement writes or asks for
_BUSY = (RunState.QUEUED, RunState.RUNNING)
_SUBJECT = "matching_run"
MOST_TITLE = 80
MOST_REASON = 500
_TAKEN_OVER = N_("沿用第 {number} 号方案：{reason}")
SILENT = timedelta(minutes=4)            # a worker not heard of for so long is taken for dead; a job's lease is 5


class Lost(Exception):  # noqa: N818 - it says what happened
    """Another worker computes this run now, or it has ended: what this one found is thrown away."""


class CancelAsked(Exception):  # noqa: N818
    """A person asked to cancel: the work stops between two blocks."""


@dataclass(frozen=True)
class RunOrder:
    """What a person asks for: a name, a unit with all below it (empty: everybody), which projects.

    `carries`: pins and forbids of the run in force are to hold in the new one too, where they still may.
    """

    title: str
    scope: str = WHOLE
    reach: Reach = Reach.OPEN
    carries: bool = False


@dataclass(frozen=True)
class Gone:
    """Projects and providers that were deleted while a run was computed."""

    projects: tuple[int, ...]
    providers: tuple[int, ...]


def start_run(session: Session, *, actor: Actor, order: RunOrder, now: datetime,
              due_at: datetime | None = None) -> MatchingRun:
    """MatchingRun: -> queued, with the weights in force; a worker computes it from `due_at` on, a page before.

    Raises Conflict while a run of the same scope, reach and weights is queued or running: the database holds that.
    """
    require(policy.may_run(actor))
    title = order.title.strip()
    if not 0 < len(title) <= MOST_TITLE:
        raise Invalid(N_("请给方案起一个名字，不超过 {most} 个字"), field="title", most=MOST_TITLE)
    if order.scope and session.scalar(select(Organization.id).where(Organization.path == order.scope)) is None:
        raise Invalid(N_("没有这个单位"), field="scope")
    weights = weights_to_use(session, now=now)
    run = _add(session, MatchingRun(
        title=title, scope=order.scope, reach=order.reach, weight_set_id=weights.id, state=RunState.QUEUED,
        created_by=actor.person_id, created_at=now))
    record(session, actor=actor, action="matching.start", subject=(_SUBJECT, run.ref), now=now, number=run.number,
           title=title, scope=order.scope, reach=str(order.reach), weights=weights.number, carries=order.carries)
    enqueue(session, JOB_RUN_STARTED, now=now, due_at=due_at, unique_key=run.ref, run_ref=run.ref,
            carries=order.carries)
    return run


def _add(session: Session, run: MatchingRun) -> MatchingRun:
    """Add a run under the next number; of two with the same inputs at once one is told about the other."""
    while True:
        busy = session.scalar(select(MatchingRun.number).where(
            MatchingRun.scope == run.scope, MatchingRun.reach == run.reach, MatchingRun.state.in_(_BUSY),
            MatchingRun.weight_set_id == run.weight_set_id))
        if busy is not None:
            raise Conflict(N_("同样的匹配（第 {number} 号方案）正在计算，请等它完成；也可以先取消它"), number=busy)
        run.number = (session.scalar(select(func.max(MatchingRun.number))) or 0) + 1
        try:
            with session.begin_nested():
                session.add(run)
        except IntegrityError:               # somebody took the number, or started the same run: look again
            continue
        return run


def cancel_run(session: Session, *, actor: Actor, run: MatchingRun, now: datetime) -> MatchingRun:
    """MatchingRun: queued -> cancelled at once; a running one is asked to stop and ends within one block of work.

    One whose worker has not been heard of for some minutes is cancelled at once too.
    """
    run = locked(session, run.ref)
    require(policy.may_cancel(actor, run))
    run.cancel_asked_at = run.cancel_asked_at or now
    if run.state == RunState.QUEUED or not _is_worked_on(run, now):
        _end(run, "cancel", now)
    session.flush()
    record(session, actor=actor, action="matching.cancel", subject=(_SUBJECT, run.ref), now=now, phase=run.phase)
    return run


def begin_run(session: Session, *, run_ref: str, worker: str, now: datetime, carries: bool = False) -> Order | None:
    """MatchingRun: queued -> running, in the name of one worker; a second one takes over what the first left behind.

    Returns what to compute; None when nothing is to be done (it has ended, or was cancelled). Raises Conflict while
    another worker is at it: whoever asked comes back later, in case that one dies.
    """
    run = locked(session, run_ref)
    if not RUN_STEPS.allows(RunState(run.state), "begin"):
        return None
    if run.cancel_asked_at is not None:
        _end(run, "cancel", now)
        session.flush()
        return None
    if run.state == RunState.RUNNING and _is_worked_on(run, now):
        raise Conflict(N_("这个方案正在计算，请稍候"))
    run.state, run.worker, run.started_at = RunState.RUNNING, worker, run.started_at or now
    run.worked_at = now
    run.phase, run.progress = Phase.WAITING, 0
    session.flush()
    return order_of(session, run, carries=carries)


def _is_worked_on(run: MatchingRun, now: datetime) -> bool:
    """Say whether the worker of a run was heard of lately."""
    return run.worked_at is not None and now - run.worked_at < SILENT


def note_progress(session: Session, *, run_id: int, worker: str, at: tuple[Phase, int], now: datetime) -> None:
    """Write how far the work is (phase, per cent).

    Raises Lost when another worker has it, CancelAsked when a person wants it to stop.
    """
    mine = session.execute(update(MatchingRun).where(
        MatchingRun.id == run_id, MatchingRun.worker == worker, MatchingRun.state == RunState.RUNNING)
        .values(phase=at[0], progress=at[1], worked_at=now))
    if not mine.rowcount:  # type: ignore[attr-defined]
        raise Lost
    if session.scalar(select(MatchingRun.cancel_asked_at).where(MatchingRun.id == run_id)) is not None:
        raise CancelAsked


def end_cancelled(session: Session, *, run_ref: str, worker: str, now: datetime) -> None:
    """MatchingRun: running -> cancelled; nothing of what was found is kept."""
    run = locked(session, run_ref)
    if run.worker == worker and run.state == RunState.RUNNING:
        _end(run, "cancel", now)
        session.flush()


def fail_run(session: Session, *, run_ref: str, worker: str, reason: str, now: datetime) -> None:
    """MatchingRun: running -> failed, with one line why; nothing of what was found is kept."""
    run = locked(session, run_ref)
    if run.worker == worker and run.state == RunState.RUNNING:
        _end(run, "fail", now)
        run.error = reason[:500] or "?"
        session.flush()
        record(session, actor=SYSTEM, action="matching.fail", subject=(_SUBJECT, run.ref), now=now, reason=run.error)


def _end(run: MatchingRun, action: str, now: datetime) -> None:
    """Move a run to an end."""
    run.state, run.finished_at, run.worker = RUN_STEPS.after(RunState(run.state), action), now, None


def store_outcome(session: Session, *, worker: str, outcome: Outcome, now: datetime) -> Gone | None:
    """MatchingRun: running -> done, with everything it found, in one transaction.

    Returns those who are gone since they were read, and stores nothing: it must be solved again without them. Raises
    Lost or CancelAsked as `note_progress`.
    """
    order = outcome.order
    note_progress(session, run_id=order.run_id, worker=worker, at=(Phase.STORING, 100), now=now)
    if gone := _gone(session, outcome):
        return gone
    session.add(RunInput(run_id=order.run_id, edges=outcome.edges.as_bytes(), held=sorted(map(list, order.held))))
    session.flush()
    needs = summary.need_rows(outcome.solution, outcome.prices)
    pairs = summary.pair_rows(outcome.solution, outcome.prices)
    _insert(session, RunNeed, ({"run_id": order.run_id, **row} for row in needs.values()))
    _insert(session, Pairing, (_pairing(order, pair, row) for pair, row in pairs.items()))
    run = locked(session, order.ref)
    _end(run, "finish", now)
    run.inputs_sha256, run.metrics = outcome.sha256, outcome.metrics.as_plain()
    run.notes = [note.as_plain() for note in outcome.notes]
    _carry(session, run, order, total=outcome.metrics.total, now=now)
    session.flush()
    record(session, actor=SYSTEM, action="matching.finish", subject=(_SUBJECT, run.ref), now=now, pairs=len(pairs),
           inputs_sha256=outcome.sha256, total=outcome.metrics.total)
    return None


def _carry(session: Session, run: MatchingRun, order: Order, *, total: int, now: datetime) -> None:
    """Write the pins and forbids taken over as edits of the run, by who started it; they change no pair of it."""
    for number, one in enumerate(order.overruled, 1):
        reason = _TAKEN_OVER.format(number=order.live_number, reason=one.reason)
        session.add(RunEdit(
            run_id=run.id, number=number, kind=one.edit.kind, project_id=one.edit.project,
            provider_id=one.edit.provider, reason=reason[:MOST_REASON], total_before=total, total_after=total,
            changed=0, actor_id=run.created_by, actor_name=run.person.name if run.person else SYSTEM.name, at=now))
    run.edits = len(order.overruled)
    if run.edits:
        record(session, actor=SYSTEM, action="matching.carry_edits", subject=(_SUBJECT, run.ref), now=now,
               count=run.edits, from_run=order.live_number, asked_by=run.created_by)


def _pairing(order: Order, pair: Pair, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a pairing; a confirmed one stays confirmed."""
    frozen = order.confirmed.get(pair)
    return {"ref": new_ref(), "run_id": order.run_id, "since_edit": 0, **row,
            "state": PairingState.CONFIRMED if frozen else PairingState.PROPOSED,
            "confirmed_at": frozen.at if frozen else None, "confirmed_by": frozen.by if frozen else None}


def _insert(session: Session, model: type[RunNeed | Pairing], rows: Iterable[dict[str, Any]]) -> None:
    """Insert many rows, a block at a time."""
    every = list(rows)
    for start in range(0, len(every), BLOCK):
        session.execute(insert(model), every[start:start + BLOCK])


def _gone(session: Session, outcome: Outcome) -> Gone | None:
    """Return the projects and providers that no longer exist; None when all do."""
    projects, providers = outcome.edges.need_keys.tolist(), outcome.edges.provider_keys.tolist()
    missing = Gone(tuple(sorted(set(projects) - present(session, Project, projects))),
                   tuple(sorted(set(providers) - present(session, Organization, providers))))
    return missing if missing.projects or missing.providers else None


def locked(session: Session, run_ref: str) -> MatchingRun:
    """Return the run with its row locked and read again: steps of one run come one after the other."""
    found = session.scalar(select(MatchingRun).where(MatchingRun.ref == run_ref)
                           .with_for_update(of=MatchingRun).execution_options(populate_existing=True))
    if found is None:
        raise Invalid(N_("没有这个匹配方案"))
    return found
