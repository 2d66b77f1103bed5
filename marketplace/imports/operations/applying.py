"""The second half of an import: apply in repeatable steps or at once; undo while nothing depends on it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.files.rules import ScanState
from marketplace.imports import policy
from marketplace.imports.models import ImportBatch
from marketplace.imports.operations.checking import Checked
from marketplace.imports.rules import JOB_APPLY_IMPORT, LARGE, STEPS, ImportState, ImportTarget, Outcome, Planned


def start_import(session: Session, *, actor: Actor, batch: ImportBatch, target: ImportTarget, checked: Checked,
                 now: datetime, good_rows: bool = False) -> bool:
    """Import: checked -> applying. Small ones are finished at once; large ones by a job. Return whether it is done.

    Raises Invalid while rows have faults, unless only the good rows were asked for.
    """
    require(policy.may_step(actor, batch, target, "start"))
    if checked.plan.faults and not good_rows:
        raise Invalid(N_("还有 {count} 处错误，什么都没有导入。请改好后重新上传，或选择“只导入没有错误的行”"),
                      count=len(checked.plan.faults))
    if batch.file.scan_state == ScanState.INFECTED:
        raise Invalid(N_("这个文件没有通过安全检查，不能导入。请换一个干净的文件"))
    rows = rows_to_apply(checked)
    if not rows:
        raise Invalid(N_("没有需要导入的内容：所有行都和现有内容一样"))
    batch.state = STEPS.after(ImportState(batch.state), "start")
    batch.options = {**batch.options, "good_rows": good_rows}
    batch.total, batch.done, batch.changes = len(rows), 0, []
    session.flush()
    record(session, actor=actor, action="imports.start", subject=("import", batch.ref), now=now, rows=len(rows),
           good_rows=good_rows)
    if len(rows) > LARGE:
        enqueue(session, JOB_APPLY_IMPORT, now=now, batch_ref=batch.ref)
        return False
    apply_chunk(session, actor=actor, batch=batch, target=target, rows=rows, now=now)
    finish_import(session, actor=actor, batch=batch, now=now)
    return True


def rows_to_apply(checked: Checked) -> list[Planned]:
    """Return the rows that change something."""
    faulty = {(f.sheet, f.row) for f in checked.plan.faults}
    return [p for p in checked.plan.rows
            if p.outcome is not Outcome.UNCHANGED and (p.row.sheet, p.row.row) not in faulty]


def apply_chunk(session: Session, *, actor: Actor, batch: ImportBatch, target: ImportTarget, rows: Sequence[Planned],
                now: datetime) -> None:
    """Write some rows and keep what undo needs, in one transaction."""
    if batch.state != ImportState.APPLYING:
        raise Conflict(N_("这次导入已经停止"))
    made = target.apply(session, actor=actor, rows=rows, options=batch.options, now=now)
    batch.changes = [*batch.changes, *made]
    batch.done += len(rows)
    session.flush()


def finish_import(session: Session, *, actor: Actor, batch: ImportBatch, now: datetime) -> None:
    """Import: applying -> applied."""
    batch.state = STEPS.after(ImportState(batch.state), "finish")
    batch.applied_at, batch.message = now, ""
    session.flush()
    record(session, actor=actor, action="imports.apply", subject=("import", batch.ref), now=now, rows=batch.done,
           target=batch.target)


def fail_import(session: Session, *, actor: Actor, batch: ImportBatch, target: ImportTarget, message: str,
                now: datetime) -> None:
    """Import: applying -> failed. What was written already is taken back: all or nothing."""
    if batch.changes:
        target.undo(session, actor=actor, changes=list(batch.changes), options=batch.options, now=now)
    batch.state = STEPS.after(ImportState(batch.state), "fail")
    batch.changes, batch.done, batch.message = [], 0, message
    session.flush()
    record(session, actor=actor, action="imports.fail", subject=("import", batch.ref), now=now, message=message)


def undo_import(session: Session, *, actor: Actor, batch: ImportBatch, target: ImportTarget, now: datetime) -> None:
    """Import: applied -> undone. Raises Conflict, and changes nothing, when something depends on a row by now."""
    require(policy.may_step(actor, batch, target, "undo"))
    target.undo(session, actor=actor, changes=list(batch.changes), options=batch.options, now=now)
    batch.state = STEPS.after(ImportState(batch.state), "undo")
    batch.undone_at = now
    session.flush()
    record(session, actor=actor, action="imports.undo", subject=("import", batch.ref), now=now, rows=batch.done)
