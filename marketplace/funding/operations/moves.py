"""The one way in which a fen of a pledge changes its place: guarded row, project sums, journal, audit, news."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value

from marketplace.core.access import Actor
from marketplace.core.audit import record
from marketplace.core.db import Model
from marketplace.core.errors import Conflict
from marketplace.core.money import Money
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.funding.models import CostLine, FundedProject, Pledge
from marketplace.funding.rules.buckets import BUCKET_LABELS, BUCKETS, MOVES, Bucket, Exit, Move, state_of
from marketplace.funding.rules.news import JOB_MONEY_MOVED, TOLD
from marketplace.funding.rules.pledges import check_amount, is_live
from marketplace.ledger.models import Journal, Transfer
from marketplace.ledger.operations import post
from marketplace.ledger.rules import AccountKind, Posting, account

_ROW = (*(getattr(Pledge, bucket) for bucket in BUCKETS), Pledge.is_verbal, Pledge.exit, Pledge.state)
_GONE = (Bucket.DROPPED, Bucket.REFUNDED)
_NONE = Money(0)
# FOR NO KEY UPDATE: a plain FOR UPDATE would fight the locks that foreign keys take; only of the pledge itself, which
# may have been loaded with its funder (an outer join, whose other side PostgreSQL does not lock)
ROW: dict[str, Any] = {"key_share": True, "of": Pledge}


@dataclass(frozen=True)
class Step:
    """One move of one sum: what changes place, under which key, with which journal.

    `values` are further columns of the pledge that change with it, `facts` go into the audit.
    """

    move: Move
    amount: Money
    idem_key: str
    postings: Sequence[Posting]
    values: Mapping[str, object] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)


def take(session: Session, *, actor: Actor, pledge: Pledge, step: Step, now: datetime) -> bool:
    """Move a sum of a pledge from one bucket to the next; False when the same key did it before.

    Locks, in order: pledge, the project's sums, the cost line. Raises Conflict when the bucket holds less, or the
    key belongs to something else.
    """
    check_amount(step.amount)
    # the row before the key: of two at once, the second sees here what the first has done
    session.execute(select(Pledge.id).where(Pledge.id == pledge.id).with_for_update(key_share=True))
    if _was_done(session, pledge, step):
        return False
    session.flush()
    fen = _shift_pledge(session, pledge, step, now)
    source, target = MOVES[step.move]
    before = {**fen, source: fen[source] + step.amount.fen, target: fen[target] - step.amount.fen}
    _shift_sums(session, pledge, step, ended=is_live(before) and not is_live(fen))
    if target in _GONE and pledge.cost_line_id is not None:
        free_cost(session, cost_line_id=pledge.cost_line_id, amount=step.amount)
    kind = f"pledge.{step.move}"
    post(session, actor=actor, idem_key=step.idem_key, kind=kind, subject=("pledge", pledge.ref),
         postings=step.postings, now=now)
    record(session, actor=actor, action=f"funding.{step.move}", subject=("pledge", pledge.ref), now=now,
           amount_fen=step.amount.fen, **step.facts)
    if step.move in TOLD:
        enqueue(session, JOB_MONEY_MOVED, now=now, pledge_ref=pledge.ref, move=step.move, amount_fen=step.amount.fen,
                key=step.idem_key)
    session.refresh(pledge)
    return True


def _was_done(session: Session, pledge: Pledge, step: Step) -> bool:
    """Say whether this key did this step before; a key that did anything else raises Conflict."""
    found = session.execute(
        select(Journal.kind, Journal.subject_ref, Transfer.amount).join(Transfer, Transfer.journal_id == Journal.id)
        .where(Journal.idem_key == step.idem_key, Transfer.line == 1)).first()
    if found is None:
        return False
    if tuple(found) != (f"pledge.{step.move}", pledge.ref, step.amount):
        raise Conflict(N_("同一个办理编号已经用在另一笔款项上。请刷新页面重新办理"))
    return True


def was_posted(session: Session, *keys: str) -> bool:
    """Say whether a journal has one of these keys: a step of two parts happened whole or not at all."""
    return session.scalar(select(Journal.id).where(Journal.idem_key.in_(keys)).limit(1)) is not None


def _shift_pledge(session: Session, pledge: Pledge, step: Step, now: datetime) -> dict[Bucket, int]:
    """Move the sum on the pledge's own row, if it is there; return what each bucket holds now, in fen."""
    source, target = MOVES[step.move]
    left, right = getattr(Pledge, source), getattr(Pledge, target)
    row = session.execute(
        update(Pledge).where(Pledge.id == pledge.id, left >= step.amount)
        .values({source: left - step.amount, target: right + step.amount, "changed_at": now, **step.values})
        .returning(*_ROW).execution_options(synchronize_session=False)).first()
    if row is None:
        session.refresh(pledge)
        have: Money = getattr(pledge, source)
        raise Conflict(N_("“{place}”现有 {have} 元，办不了 {amount} 元。请刷新页面，看过最新情况再办"),
                       place=BUCKET_LABELS[source], have=have.grouped(), amount=step.amount.grouped())
    fen = {bucket: row[at].fen for at, bucket in enumerate(BUCKETS)}
    exit_ = Exit(row.exit) if row.exit else None
    state = state_of(fen, is_verbal=row.is_verbal, exit_=exit_)
    if state != row.state:
        session.execute(update(Pledge).where(Pledge.id == pledge.id).values(state=state)
                        .execution_options(synchronize_session=False))
    return fen


def _shift_sums(session: Session, pledge: Pledge, step: Step, *, ended: bool) -> None:
    """Move the same sum among the project's sums of this kind of pledge."""
    source, target = MOVES[step.move]
    left, right = getattr(FundedProject, source), getattr(FundedProject, target)
    values: dict[str, Any] = {source: left - step.amount, target: right + step.amount}
    if pledge.is_verbal and source is Bucket.OPEN:
        values["verbal"] = FundedProject.verbal - step.amount
    if ended:
        values["donors"] = FundedProject.donors - 1
    done = session.execute(
        update(FundedProject)
        .where(FundedProject.project_id == pledge.project_id, FundedProject.kind == pledge.kind, left >= step.amount)
        .values(values).execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        msg = f"the sums of project {pledge.project_id} do not hold what pledge {pledge.ref} holds"
        raise RuntimeError(msg)


def _adding(maker: Any) -> Any:
    """Return the upsert that counts a new pledge among the sums of its project."""
    sums = Model.metadata.tables[FundedProject.__tablename__]
    added = maker(sums)
    return added.on_conflict_do_update(
        index_elements=[sums.c.project_id, sums.c.kind],
        set_={"amount": sums.c.amount + added.excluded.amount, "open": sums.c.open + added.excluded.open,
              "verbal": sums.c.verbal + added.excluded.verbal, "donors": sums.c.donors + 1})


def _inserting(maker: Any) -> Any:
    """Return the insert of a pledge that does nothing when its client key is there."""
    table = Model.metadata.tables[Pledge.__tablename__]
    return maker(table).on_conflict_do_nothing(index_elements=[table.c.client_key]).returning(table.c.id)


# made once: making a statement costs as much as running it, and these run in every promise
_MAKERS: Mapping[str, Any] = {"postgresql": postgresql_insert, "sqlite": sqlite_insert}
_ADD = {name: _adding(maker) for name, maker in _MAKERS.items()}
_INSERT = {name: _inserting(maker) for name, maker in _MAKERS.items()}


def add_to_sums(session: Session, *, pledge: Pledge) -> None:
    """Count a new pledge among the sums of its project: one upsert."""
    connection = session.connection()
    connection.execute(_ADD[connection.dialect.name], {
        "project_id": pledge.project_id, "kind": pledge.kind, "amount": pledge.amount, "donors": 1,
        **{str(bucket): _NONE for bucket in BUCKETS}, "open": pledge.amount,
        "verbal": pledge.amount if pledge.is_verbal else _NONE})


def insert_once(session: Session, row: Mapping[str, object]) -> int | None:
    """Insert a pledge and return its id; None when its client key is there already."""
    connection = session.connection()
    made: int | None = connection.execute(_INSERT[connection.dialect.name], row).scalar()
    return made


def known(session: Session, row: Mapping[str, object], **loaded: object) -> Pledge:
    """Return a pledge that was just inserted without reading it back; `loaded`: what it belongs to."""
    pledge = Pledge(**row)
    make_transient_to_detached(pledge)
    old = session.identity_map.get(session.identity_key(Pledge, pledge.id))
    if old is not None:      # of a transaction that was rolled back: its number was given out again
        session.expunge(old)
    session.add(pledge)
    for name, thing in loaded.items():
        set_committed_value(pledge, name, thing)
    return pledge


def claim_cost(session: Session, *, cost_line_id: int, amount: Money) -> None:
    """Count a sum towards a cost that extra money pays; raises Conflict when it is paid already (no double funding)."""
    done = session.execute(
        update(CostLine)
        .where(CostLine.id == cost_line_id, CostLine.source == "extra", CostLine.funded + amount <= CostLine.amount)
        .values(funded=CostLine.funded + amount).execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这项费用剩下的部分不够这笔金额：同一项费用不能重复资助。请减少金额或换一项费用"))


def free_cost(session: Session, *, cost_line_id: int, amount: Money) -> None:
    """Give back what a sum had claimed of a cost line."""
    session.execute(
        update(CostLine).where(CostLine.id == cost_line_id, CostLine.funded >= amount)
        .values(funded=CostLine.funded - amount).execution_options(synchronize_session=False))


def own(kind: AccountKind, pledge: Pledge) -> str:
    """Return one of the pledge's own accounts."""
    return account(kind, pledge.ref)


def commitment_of(pledge: Pledge) -> str:
    """Return the account of what the pledge's funder has promised and not yet paid."""
    return account(AccountKind.COMMITMENT, pledge.funder.ref)

