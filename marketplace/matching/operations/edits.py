"""People overrule a run: an edit they have previewed, a pairing both sides agreed to. Append-only, with reasons."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.db import new_ref
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.matching.models import MatchingRun, Pairing, RunEdit, RunNeed
from marketplace.matching.operations.runs import BLOCK, MOST_REASON, locked
from marketplace.matching.policy import runs as policy
from marketplace.matching.queries.computing import present
from marketplace.matching.queries.previews import Plan
from marketplace.matching.queries.together import check_fixed_apart, new_ones, refusal, tied_among
from marketplace.matching.queries.wishes import barred, check_bars
from marketplace.matching.rules.edits import Edit
from marketplace.matching.rules.runs import JOB_RUN_PUBLISHED, PAIRING_STEPS, EditKind, PairingState, Publication
from marketplace.organizations.models import Organization

_STALE = N_("别人刚刚调整了这个方案。请重新预览，看过变化后再提交")
_NEED_COLUMNS = ("wants", "given", "candidates", "top_rule", "top_rule_count", "state", "reason", "best_provider_id",
                 "best_total", "gap", "rival_id")
_PAIR_COLUMNS = ("total", "contributions", "known", "channel", "price", "is_pinned")


def commit_edit(session: Session, *, actor: Actor, run: MatchingRun, plan: Plan, edits: int, reason: str,
                now: datetime) -> RunEdit:
    """Put a previewed edit in force, with all pairs it changes, in one transaction.

    `edits`: the number of the last edit the person saw when he previewed. Raises Conflict when the run was edited,
    published or withdrawn since, Invalid when a conflict of interest has come up meanwhile.
    """
    run = locked(session, run.ref)
    require(policy.may_edit(actor, run))
    seen = plan.standing
    if not run.edits == edits == plan.number or (seen.ref, seen.publication) != (run.ref, run.publication):
        raise Conflict(_STALE)
    if plan.edit.kind == EditKind.CONFIRM:
        raise Invalid(N_("请在配对旁边确认"), field="kind")
    check_bars(session, plan.edit, now=now)
    new = sorted({provider for _, provider in plan.difference.come})
    if set(new) - present(session, Organization, new):
        raise Conflict(N_("有候选组织刚刚被删除。请重新预览"))
    if barred(session, plan.difference.come, now=now):
        raise Conflict(N_("有候选组织刚刚不能再承接这些项目。请重新预览"))
    _check_apart(session, plan, now=now)
    row = _append(session, run, plan.edit, actor=actor, reason=reason, now=now, plan=plan)
    _apply_pairs(session, run, plan, row.number)
    _apply_needs(session, run, plan)
    run.metrics, run.inputs_sha256 = plan.metrics.as_plain(), plan.sha256
    session.flush()
    _tell(session, run, row, actor, now)
    return row


def _check_apart(session: Session, plan: Plan, *, now: datetime) -> None:
    """Raise when two providers of one project became tied since the preview: the sentence of a pin, or Conflict."""
    before, after = plan.standing.wishes, plan.solution.problem.wishes
    found = tied_among(session, plan.solution.pairs, now=now)
    check_fixed_apart(session, found, plan.edit, before=before, after=after)
    if new_ones(found, before):
        raise Conflict(N_("同一项目的两个组织刚刚登记为关联方。请重新预览"))


def confirm_pair(session: Session, *, actor: Actor, pairing: Pairing, edits: int, reason: str,
                 now: datetime) -> RunEdit:
    """Pairing: proposed -> confirmed: both sides agreed, so nothing changes it until a person releases it.

    `edits`: the number of the last edit the person saw; raises Conflict when the run was changed since.
    """
    run = locked(session, pairing.run.ref)
    require(policy.may_confirm(actor, run))
    if run.edits != edits:
        raise Conflict(_STALE)
    session.refresh(pairing)
    state = PAIRING_STEPS.after(PairingState(pairing.state), "confirm")
    edit = Edit(EditKind.CONFIRM, pairing.project_id, pairing.provider_id)
    check_bars(session, edit, now=now)
    _check_beside(session, pairing, now=now)
    row = _append(session, run, edit, actor=actor, reason=reason, now=now)
    pairing.state, pairing.confirmed_at, pairing.confirmed_by = state, now, actor.person_id
    session.flush()
    _tell(session, run, row, actor, now)
    return row


def _check_beside(session: Session, pairing: Pairing, *, now: datetime) -> None:
    """Raise Invalid when a provider that is tied to this one stands beside it in the project."""
    beside = session.scalars(select(Pairing.provider_id).where(
        Pairing.run_id == pairing.run_id, Pairing.project_id == pairing.project_id,
        Pairing.state != PairingState.REMOVED))
    for _, *both in tied_among(session, [(pairing.project_id, one) for one in beside], now=now):
        if pairing.provider_id in both:
            raise refusal(session, pairing.provider_id, next(one for one in both if one != pairing.provider_id))


def _append(session: Session, run: MatchingRun, edit: Edit, *, actor: Actor, reason: str, now: datetime,
            plan: Plan | None = None) -> RunEdit:
    """Write the edit under the next number; of two at once one wins."""
    if not 0 < len(reason.strip()) <= MOST_REASON:
        raise Invalid(N_("请写明理由，不超过 {most} 个字"), field="reason", most=MOST_REASON)
    total = int(str(run.metrics["total"]))
    row = RunEdit(
        run_id=run.id, number=run.edits + 1, kind=edit.kind, project_id=edit.project, provider_id=edit.provider,
        value=edit.value, candidate=edit.columns, reason=reason.strip(),
        total_before=total, total_after=plan.difference.total_after if plan else total,
        changed=plan.difference.changed if plan else 0, actor_id=actor.person_id, actor_name=actor.name, at=now)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as taken:
        raise Conflict(_STALE) from taken
    run.edits = row.number
    return row


def _apply_pairs(session: Session, run: MatchingRun, plan: Plan, number: int) -> None:
    """Move pairs that go to removed, those that come to proposed, and write totals that changed."""
    stored = {(one.project_id, one.provider_id): one for one in session.execute(select(
        Pairing.id, Pairing.project_id, Pairing.provider_id, Pairing.state, *(
            getattr(Pairing, name) for name in _PAIR_COLUMNS)).where(Pairing.run_id == run.id))}
    confirmed = plan.solution.problem.wishes.confirmed
    changed, added = [], []
    for pair, row in plan.pair_rows.items():
        state = PairingState.CONFIRMED if pair in confirmed else PairingState.PROPOSED
        found = stored.get(pair)
        if found is None:
            added.append({"ref": new_ref(), "run_id": run.id, **row, "state": state, "since_edit": number})
        elif found.state != state or any(getattr(found, name) != row[name] for name in _PAIR_COLUMNS):
            changed.append({"id": found.id, **_columns(row, _PAIR_COLUMNS), **_moved(found.state, state, number)})
    for pair, found in stored.items():
        if pair not in plan.pair_rows and found.state != PairingState.REMOVED:
            changed.append({"id": found.id, "state": PairingState.REMOVED, "since_edit": number, **_UNCONFIRMED})
    _write(session, changed, added)


_UNCONFIRMED: Mapping[str, Any] = {"confirmed_at": None, "confirmed_by": None}


def _moved(before: str, after: PairingState, number: int) -> dict[str, Any]:
    """Return what else changes with the state: since when it stands, and who confirmed it no longer."""
    if before == after:
        return {}
    return {"state": after, "since_edit": number, **_UNCONFIRMED}


def _columns(row: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return some columns of a row."""
    return {name: row[name] for name in names}


def _write(session: Session, changed: list[dict[str, Any]], added: list[dict[str, Any]]) -> None:
    """Write rows, a block at a time; rows of a block have the same columns. Objects read before are read again."""
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in changed:
        by_columns.setdefault(tuple(sorted(row)), []).append(row)
    for rows in by_columns.values():
        for start in range(0, len(rows), BLOCK):
            session.execute(update(Pairing), rows[start:start + BLOCK])
    for start in range(0, len(added), BLOCK):
        session.execute(insert(Pairing), added[start:start + BLOCK])
    for one in session:
        if isinstance(one, Pairing | RunNeed):
            session.expire(one)


def _apply_needs(session: Session, run: MatchingRun, plan: Plan) -> None:
    """Write what became of the projects that are told otherwise now; one that is new to the run gets its row."""
    stored = session.execute(select(RunNeed.id, RunNeed.project_id, *(
        getattr(RunNeed, name) for name in _NEED_COLUMNS)).where(RunNeed.run_id == run.id)).all()
    changed = []
    for found in stored:
        row = plan.need_rows.get(found.project_id)
        if row is not None and any(getattr(found, name) != row[name] for name in _NEED_COLUMNS):
            changed.append({"id": found.id, **_columns(row, _NEED_COLUMNS)})
    for start in range(0, len(changed), BLOCK):
        session.execute(update(RunNeed), changed[start:start + BLOCK])
    known = {found.project_id for found in stored}
    if new := [{"run_id": run.id, **row} for key, row in plan.need_rows.items() if key not in known]:
        session.execute(insert(RunNeed), new)


def _tell(session: Session, run: MatchingRun, row: RunEdit, actor: Actor, now: datetime) -> None:
    """Record the edit; while the run is in force its parties are told."""
    record(session, actor=actor, action=f"matching.edit_{row.kind}", subject=("matching_run", run.ref), now=now,
           number=row.number, project=row.project_id, provider=row.provider_id, value=row.value, reason=row.reason,
           changed=row.changed, total_before=row.total_before, total_after=row.total_after)
    if run.publication == Publication.PUBLISHED and row.changed:
        enqueue(session, JOB_RUN_PUBLISHED, now=now, run_ref=run.ref, edit=row.number)
