"""The scarce rows of matching: caps, pools, cost lines, matched pledges. Each changes by one conditional UPDATE.

Lock order everywhere: pledge < funded_project(own) < cost_line < caps (donor < project < round, by pool) < pools by id
< matched pledge < funded_project(matched). Rows are locked FOR NO KEY UPDATE: a plain FOR UPDATE would fight the KEY
SHARE locks that foreign keys take, and deadlock.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, Table, bindparam, case, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money
from marketplace.funding.models import CostLine, FundedProject, MatchingPool, Pledge, PoolCap
from marketplace.funding.rules.buckets import BUCKETS, Bucket, state_of
from marketplace.funding.rules.pledges import new_code
from marketplace.funding.rules.pools import PoolState

SCOPES = ("donor", "project", "round")     # also their lock order


def table(model: type[Model]) -> Table:
    """Return the bare table: mapped statements cost several times as much, and these run while hot rows are locked."""
    return Model.metadata.tables[model.__tablename__]


POOL, CAP, COST = table(MatchingPool), table(PoolCap), table(CostLine)
PLEDGE, FUNDED = table(Pledge), table(FundedProject)
_INSERTS: Mapping[str, Any] = {"postgresql": postgresql_insert, "sqlite": sqlite_insert}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The pledge that matching money stands beside, as the scarce rows know it."""

    pledge_id: int
    pledge_ref: str
    project_id: int
    donor: str                  # the funder's ref
    project: str
    round: str
    cost_line_id: int | None
    receiver_id: int
    account_id: int | None
    landing: str

    def scopes(self) -> list[tuple[str, str]]:
        """Return (scope, subject) of every cap that counts this pledge, in lock order."""
        named = (self.donor, self.project, self.round)
        return [(scope, name) for scope, name in zip(SCOPES, named, strict=True) if name]


def subject_of(pledge: Pledge) -> Subject:
    """Return what the scarce rows need of a pledge; no query when its project and funder are loaded."""
    return Subject(pledge_id=pledge.id, pledge_ref=pledge.ref, project_id=pledge.project_id, donor=pledge.funder.ref,
                   project=pledge.project.ref, round=pledge.round_ref, cost_line_id=pledge.cost_line_id,
                   receiver_id=pledge.receiver_id, account_id=pledge.account_id, landing=pledge.landing)


def forget(session: Session, model: type[Model], ids: Iterable[int]) -> None:
    """Let objects in this session read their row again: it was changed by a bare statement."""
    for key in ids:
        if (known := session.identity_map.get(session.identity_key(model, key))) is not None:
            session.expire(known)


# ---- cost lines ----

_X: BindParameter[Money] = bindparam("x", type_=COST.c.funded.type)
_ID: BindParameter[int] = bindparam("key")
_CLAIM_COST = update(COST).where(COST.c.id == _ID, COST.c.source == "extra",
                                 COST.c.funded + _X <= COST.c.amount).values(funded=COST.c.funded + _X)
_FREE_COST = update(COST).where(COST.c.id == _ID, COST.c.funded >= _X).values(funded=COST.c.funded - _X)
_COST_LEFT = select(COST.c.amount, COST.c.funded).where(COST.c.id == _ID)


def cost_left(connection: Connection, cost_line_id: int | None, *, lock: bool = False) -> int | None:
    """Return how many fen the cost line can still take; None: the pledge names none."""
    if cost_line_id is None:
        return None
    statement = _COST_LEFT.with_for_update(key_share=True) if lock else _COST_LEFT
    amount, funded = connection.execute(statement, {"key": cost_line_id}).one()
    return int(amount.fen - funded.fen)


def claim_cost(connection: Connection, cost_line_id: int, amount: Money) -> bool:
    """Count matching money towards a cost line; False when it would be paid twice."""
    return bool(connection.execute(_CLAIM_COST, {"key": cost_line_id, "x": amount}).rowcount)


def free_cost(connection: Connection, cost_line_id: int, amount: Money) -> None:
    """Give back what matching money had claimed of a cost line."""
    _must(connection.execute(_FREE_COST, {"key": cost_line_id, "x": amount}).rowcount, "cost_line", cost_line_id)


# ---- caps of a pool for a donor, a project, a round ----

def _counting(maker: Any) -> Any:
    """Return the upsert of a new sum in a cap of the rule in force."""
    added = maker(CAP)
    return added.on_conflict_do_update(
        index_elements=[CAP.c.pool_id, CAP.c.scope, CAP.c.subject_ref],
        set_={"used": CAP.c.used + added.excluded.used, "cap": added.excluded.cap},
        where=or_(added.excluded.cap.is_(None), CAP.c.used + added.excluded.used <= added.excluded.cap),
    ).returning(CAP.c.id)


def _locking(maker: Any) -> Any:
    """Return the upsert that changes nothing, but locks."""
    return maker(CAP).on_conflict_do_update(
        index_elements=[CAP.c.pool_id, CAP.c.scope, CAP.c.subject_ref], set_={"used": CAP.c.used}).returning(CAP.c.id)


# made once: making a statement costs as much as running it
_CLAIM_CAPS = {name: _counting(maker) for name, maker in _INSERTS.items()}
_LOCK_CAPS = {name: _locking(maker) for name, maker in _INSERTS.items()}


def claim_caps(connection: Connection, rows: Sequence[Mapping[str, object]]) -> bool:
    """Count new sums in their caps, made where they are missing: one statement, rows in lock order.

    `rows`: pool_id, scope, subject_ref, cap (of the rule in force; None: counted, not limited), used (the new sum).
    False when one of them has no room.
    """
    found = connection.execute(_CLAIM_CAPS[connection.dialect.name], list(rows))
    return len(found.all()) == len(rows)


def lock_caps(connection: Connection, keys: Sequence[tuple[int, str, str]]) -> None:
    """Lock caps in the given order (pool_id, scope, subject); a missing one is made, empty and without a limit."""
    connection.execute(_LOCK_CAPS[connection.dialect.name], [
        {"pool_id": pool, "scope": scope, "subject_ref": name, "cap": None, "used": Money(0)}
        for pool, scope, name in keys])


_FREE_CAP = update(CAP).where(
    CAP.c.pool_id == bindparam("pool"), CAP.c.scope == bindparam("in_scope"), CAP.c.subject_ref == bindparam("name"),
    CAP.c.used >= _X).values(used=CAP.c.used - _X)


def free_cap(connection: Connection, pool_id: int, scope: str, name: str, amount: Money) -> None:
    """Give room back to one cap."""
    done = connection.execute(_FREE_CAP, {"pool": pool_id, "in_scope": scope, "name": name, "x": amount})
    _must(done.rowcount, "pool_cap", (pool_id, scope, name))


# ---- the hot row ----

_RESERVE = update(POOL).where(
    POOL.c.id == _ID, POOL.c.state == PoolState.OPEN, POOL.c.rule_version == bindparam("version"),
    POOL.c.reserved + POOL.c.captured + _X <= POOL.c.cap).values(reserved=POOL.c.reserved + _X)
_CONFIRM = update(POOL).where(POOL.c.id == _ID, POOL.c.reserved >= _X).values(
    reserved=POOL.c.reserved - _X, captured=POOL.c.captured + _X)
_FREE_RESERVED = update(POOL).where(POOL.c.id == _ID, POOL.c.reserved >= _X).values(reserved=POOL.c.reserved - _X)
_FREE_CAPTURED = update(POOL).where(POOL.c.id == _ID, POOL.c.captured >= _X).values(captured=POOL.c.captured - _X)
_TAKE_CAPTURED = update(POOL).where(
    POOL.c.id == _ID, POOL.c.state == PoolState.OPEN, POOL.c.rule_version == bindparam("version"),
    POOL.c.reserved + POOL.c.captured + _X <= POOL.c.cap).values(captured=POOL.c.captured + _X)


def reserve(connection: Connection, pool_id: int, version: int, amount: Money, *, captured: bool = False) -> bool:
    """Take a sum from an open pool whose rule is still the one reckoned with; False: no room, or it changed."""
    statement = _TAKE_CAPTURED if captured else _RESERVE
    return bool(connection.execute(statement, {"key": pool_id, "version": version, "x": amount}).rowcount)


def confirm(connection: Connection, pool_id: int, amount: Money) -> None:
    """Turn a reserved sum into a captured one."""
    _must(connection.execute(_CONFIRM, {"key": pool_id, "x": amount}).rowcount, "matching_pool", pool_id)


def free_pool(connection: Connection, pool_id: int, amount: Money, *, captured: bool) -> None:
    """Give a sum back to the pool."""
    done = connection.execute(_FREE_CAPTURED if captured else _FREE_RESERVED, {"key": pool_id, "x": amount})
    _must(done.rowcount, "matching_pool", pool_id)


def lock_pools(connection: Connection, ids: Iterable[int]) -> None:
    """Lock pools by id, in order."""
    connection.execute(select(POOL.c.id).where(POOL.c.id.in_(sorted(ids))).order_by(POOL.c.id)
                       .with_for_update(key_share=True)).all()


# ---- the matched pledge of a pool and a project ----

_ZERO = Money(0)


@dataclass(frozen=True, kw_only=True)
class Growth:
    """A sum of confirmed matching money for the one pledge of its pool and project, and what a new one needs."""

    pool_id: int
    funder_id: int
    amount: Money
    receiver_id: int
    account_id: int | None


def _all_open(amount: Money) -> dict[str, object]:
    """Return every bucket of a sum that is promised only."""
    return {bucket.value: amount if bucket is Bucket.OPEN else _ZERO for bucket in BUCKETS}


def grow_matched(connection: Connection, subject: Subject, growth: Growth, now: datetime) -> tuple[int, str]:
    """Add confirmed matching money to the pool's pledge for the project, made if missing; return its id and ref.

    The pool's row is locked by now, so two of them are never made at once.
    """
    ref, amount = new_ref(), growth.amount
    added = _INSERTS[connection.dialect.name](PLEDGE)
    row = connection.execute(added.on_conflict_do_update(
        index_elements=[PLEDGE.c.pool_id, PLEDGE.c.project_id], index_where=PLEDGE.c.kind == "matched",
        set_={"amount": PLEDGE.c.amount + added.excluded.amount, "open": PLEDGE.c.open + added.excluded.open,
              "state": case((PLEDGE.c.disputed > _ZERO, "disputed"), else_="pledged"), "changed_at": now},
    ).returning(PLEDGE.c.id, PLEDGE.c.ref, PLEDGE.c.amount, PLEDGE.c.refunded, PLEDGE.c.dropped), {
        "ref": ref, "code": new_code(), "client_key": f"matched:{ref}", "kind": "matched", "pool_id": growth.pool_id,
        "project_id": subject.project_id, "funder_id": growth.funder_id, "receiver_id": growth.receiver_id,
        "account_id": growth.account_id, "amount": amount, "state": "pledged", "is_verbal": False, "exit_reason": "",
        "landing": subject.landing, "round_ref": "", "purpose": "", "lottery_purpose": "", "management_percent": 0,
        "leftover_rule": "return", "naming": "", "is_name_withheld": False, "pledged_at": now, "signed_at": now,
        "changed_at": now, **_all_open(amount),
    }).one()
    was_live = row.amount.fen - amount.fen - row.refunded.fen - row.dropped.fen > 0
    _grow_sums(connection, subject.project_id, amount, donors=0 if was_live else 1)
    return row.id, row.ref


def _grow_sums(connection: Connection, project_id: int, amount: Money, *, donors: int) -> None:
    """Count the same sum among the project's sums of matching money."""
    added = _INSERTS[connection.dialect.name](FUNDED)
    connection.execute(added.on_conflict_do_update(
        index_elements=[FUNDED.c.project_id, FUNDED.c.kind],
        set_={"amount": FUNDED.c.amount + added.excluded.amount, "open": FUNDED.c.open + added.excluded.open,
              "donors": FUNDED.c.donors + added.excluded.donors}), {
        "project_id": project_id, "kind": "matched", "amount": amount, "verbal": _ZERO, "donors": donors,
        **_all_open(amount)})


def shrink_matched(connection: Connection, pledge_id: int, amount: Money, now: datetime) -> None:
    """Take confirmed matching money that is not paid yet from the pool's pledge for the project, and from its sums."""
    rows = connection.execute(
        update(PLEDGE).where(PLEDGE.c.id == pledge_id, PLEDGE.c.kind == "matched", PLEDGE.c.open >= amount)
        .values(amount=PLEDGE.c.amount - amount, open=PLEDGE.c.open - amount, changed_at=now)
        .returning(PLEDGE.c.project_id, PLEDGE.c.state, *(PLEDGE.c[bucket] for bucket in BUCKETS))).all()
    _must(len(rows), "pledge", pledge_id)
    row = rows[0]
    fen = {bucket: getattr(row, bucket).fen for bucket in BUCKETS}
    if (state := state_of(fen, is_verbal=False, exit_=None)) != row.state:
        connection.execute(update(PLEDGE).where(PLEDGE.c.id == pledge_id).values(state=state))
    ended = not any(left for bucket, left in fen.items() if bucket not in (Bucket.REFUNDED, Bucket.DROPPED))
    done = connection.execute(
        update(FUNDED).where(FUNDED.c.project_id == row.project_id, FUNDED.c.kind == "matched", FUNDED.c.open >= amount)
        .values(amount=FUNDED.c.amount - amount, open=FUNDED.c.open - amount,
                donors=FUNDED.c.donors - (1 if ended else 0)))
    _must(done.rowcount, "funded_project", row.project_id)


def _must(rows: int, name: str, key: object) -> None:
    """Stop everything when a row does not hold what an allocation says it holds: the books disagree."""
    if not rows:
        msg = f"{name} {key} does not hold what its allocations hold"
        raise RuntimeError(msg)
