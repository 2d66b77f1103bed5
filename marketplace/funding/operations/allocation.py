"""Puts matching money beside a pledge: several pools by priority, never a fen more than any cap holds.

The fast path reads without a lock, reckons, and writes in a savepoint: one conditional UPDATE per scarce row, the pools
last. When one of them has less room than was read, the savepoint is rolled back and the slow path locks every row in
the fixed order (scarce.py), reckons exactly, and writes the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, and_, bindparam, insert, select, type_coerce, update
from sqlalchemy.orm import Session, make_transient_to_detached

from marketplace.core.access import Actor
from marketplace.core.audit import record
from marketplace.core.clock import beijing_date
from marketplace.core.db import new_ref
from marketplace.core.errors import Conflict
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding.models import Allocation, MatchingPool, MatchingRule, Pledge
from marketplace.funding.operations import scarce
from marketplace.funding.operations.scarce import CAP, POOL, Subject
from marketplace.funding.rules.buckets import Bucket
from marketplace.funding.rules.matching import PledgeFacts, Room, Share, covered, decide, eligible, retell
from marketplace.funding.rules.pools import AllocationState, PoolState
from marketplace.funding.rules.terms import RuleTerms
from marketplace.ledger.operations import post
from marketplace.ledger.rules import AccountKind, Posting, account

ALLOCATION, RULE = scarce.table(Allocation), scarce.table(MatchingRule)
TERMS = tuple(RuleTerms.__dataclass_fields__)
_LISTS = ("categories", "areas", "receiver_kinds")
_USED = {scope: CAP.alias(f"{scope}_cap") for scope in scarce.SCOPES}


@dataclass(frozen=True, kw_only=True)
class Offer:
    """An open pool as it was read: its rule in force and what is left in each scope."""

    pool_id: int
    pool_ref: str
    funder_id: int
    rule_id: int
    version: int
    terms: RuleTerms
    room: Room


@dataclass(frozen=True)
class Taking:
    """What one pool is to give for one pledge."""

    offer: Offer
    share: Share


def terms_of(row: MatchingRule | Row[Any]) -> RuleTerms:
    """Return a stored rule as plain values."""
    values = {name: getattr(row, name) for name in TERMS}
    return RuleTerms(**{**values, **{name: tuple(values[name]) for name in _LISTS}})


def facts_of(pledge: Pledge, now: datetime) -> PledgeFacts:
    """Return what rules look at in a pledge; the day is that of the promise, or of its signature."""
    project = pledge.project
    return PledgeFacts(
        amount=pledge.amount, on=beijing_date(now), category=project.category_code or "", area=project.area_code or "",
        receiver_kind=pledge.receiver.kind, budget=project.budget, is_verbal=pledge.is_verbal)


def _offers_statement() -> Any:
    """Return the query of all open pools with the version of their rule and their three counters for one pledge."""
    joined: Any = POOL
    for scope, cap in _USED.items():
        joined = joined.outerjoin(cap, and_(cap.c.pool_id == POOL.c.id, cap.c.scope == scope,
                                            cap.c.subject_ref == bindparam(f"of_{scope}")))
    # fen as they are stored: a typed column costs a Money for each number of each pool
    fen = {name: type_coerce(POOL.c[name], BigInteger) for name in ("cap", "reserved", "captured")}
    used = {scope: type_coerce(cap.c.used, BigInteger) for scope, cap in _USED.items()}
    return (
        select(POOL.c.id, POOL.c.ref, POOL.c.funder_id, POOL.c.rule_version,
               (fen["cap"] - fen["reserved"] - fen["captured"]).label("left"),
               *(used[scope].label(f"{scope}_used") for scope in used))
        .select_from(joined).where(POOL.c.state == PoolState.OPEN).order_by(POOL.c.id))


_OFFERS = _offers_statement()
_RULES = select(POOL.c.ref, RULE).join(RULE, and_(RULE.c.pool_id == POOL.c.id, RULE.c.version == POOL.c.rule_version)
                                       ).where(POOL.c.id.in_(bindparam("pools", expanding=True)))
_INSERT = insert(ALLOCATION).returning(ALLOCATION.c.id, sort_by_parameter_order=True)

# a version of a rule never changes (a trigger sees to that): it is read once in each process
_known_rules: dict[tuple[str, int], tuple[int, RuleTerms]] = {}
_MOST_KNOWN = 10_000


def offers_for(connection: Connection, subject: Subject) -> list[Offer]:
    """Return the open pools, by priority, then by age, as they are now."""
    values = {"of_donor": subject.donor, "of_project": subject.project, "of_round": subject.round}
    rows = connection.execute(_OFFERS, values).all()
    while unknown := [row.id for row in rows if (row.ref, row.rule_version) not in _known_rules]:
        _learn(connection, unknown)
        rows = connection.execute(_OFFERS, values).all()     # a rule may have changed between the two
    return sorted((_offer(row, has_round=bool(subject.round)) for row in rows), key=lambda offer: offer.terms.priority)


def _learn(connection: Connection, pools: Sequence[int]) -> None:
    """Read the rules in force of pools that this process has not met yet."""
    if not pools:
        return
    if len(_known_rules) >= _MOST_KNOWN:
        _known_rules.clear()
    for row in connection.execute(_RULES, {"pools": list(pools)}):
        _known_rules[row.ref, row.version] = (row.id, terms_of(row))


def _offer(row: Row[Any], *, has_round: bool) -> Offer:
    """Return one pool with what its caps leave."""
    rule_id, terms = _known_rules[row.ref, row.rule_version]
    left = {}
    if terms.per_donor_cap:
        left["donor"] = terms.per_donor_cap.fen - (row.donor_used or 0)
    if terms.per_project_cap:
        left["project"] = terms.per_project_cap.fen - (row.project_used or 0)
    if terms.per_round_cap and has_round:
        left["round"] = terms.per_round_cap.fen - (row.round_used or 0)
    return Offer(pool_id=row.id, pool_ref=row.ref, funder_id=row.funder_id, rule_id=rule_id, version=row.rule_version,
                 terms=terms, room=Room(pool=row.left, **left))


def reckon(offers: Sequence[Offer], facts: PledgeFacts, *, base: Money, cost_left: int | None) -> list[Taking]:
    """Return what each eligible pool gives, by priority: a fen of `base` is matched once, no room is overdrawn."""
    takings = []
    for offer in offers:
        if base.fen <= 0:
            break
        share = decide(offer.terms, facts, replace(offer.room, cost_line=cost_left), base)
        if share.amount.fen <= 0:
            continue
        takings.append(Taking(offer, share))
        base -= covered(offer.terms, share)
        cost_left = None if cost_left is None else cost_left - share.amount.fen
    return takings


@dataclass(frozen=True)
class _Before:
    """What a pledge has had from pools: which hold a live claim, how many fen are covered, how many claims were."""

    pools: frozenset[int] = frozenset()
    covered: int = 0
    claims: int = 0


def match_pledge(session: Session, *, actor: Actor, pledge: Pledge, now: datetime,
                 is_new: bool = False) -> list[Allocation]:
    """Reserve matching money for an own pledge; called by the operations that promise and sign, as their last step.

    A pool gives once to a pledge: what is reserved already stays as it is, with a fresh term. `is_new`: the pledge was
    made in this transaction, so nothing needs to be looked up. Returns the new allocations, possibly none.
    """
    if pledge.kind != "own":
        return []
    session.flush()
    before = _Before() if is_new else _matched_before(session.connection(), pledge, now)
    matching = _Matching(session, actor, pledge, before, now)
    takings = matching.plan()
    if not takings:
        return []
    made = matching.write(takings)
    return matching.write_locked() if made is None else made


def _matched_before(connection: Connection, pledge: Pledge, now: datetime) -> _Before:
    """Return what the pledge has had, and give what is only reserved a fresh term (it was signed, or asked again)."""
    rows = connection.execute(
        select(ALLOCATION, *(RULE.c[name] for name in TERMS)).join(RULE, RULE.c.id == ALLOCATION.c.rule_id)
        .where(ALLOCATION.c.pledge_id == pledge.id)).all()
    live = [row for row in rows if row.state != AllocationState.RETURNED]
    part = 0
    for row in live:
        terms = terms_of(row)
        share = retell(terms, pledged=pledge.amount, base=row.base, asked=row.asked, given=row.amount,
                       limited_by=row.limited_by)
        part += covered(terms, share, Money(row.amount.fen - row.returned.fen)).fen
        if row.expires_at is not None:
            connection.execute(
                update(ALLOCATION).where(ALLOCATION.c.id == row.id, ALLOCATION.c.state == AllocationState.RESERVED)
                .values(expires_at=now + timedelta(days=terms.reserve_days)))
    return _Before(frozenset(row.pool_id for row in live), part, len(rows))


_COUNTING = (Bucket.OPEN, Bucket.PAID, Bucket.HELD, Bucket.RELEASED, Bucket.DISBURSED)   # what of a pledge is matched


_SAVE, _UNDO = "SAVEPOINT matching", "ROLLBACK TO SAVEPOINT matching"


class _NoRoom(Exception):  # noqa: N818 - not an error: the savepoint is rolled back and the exact path begins
    """A row had less room than was read."""


class _Matching:
    """The reckoning and writing for one pledge."""

    def __init__(self, session: Session, actor: Actor, pledge: Pledge, before: _Before, now: datetime) -> None:
        self.session, self.actor, self.now = session, actor, now
        self.connection = session.connection()
        self.subject, self.facts, self.funder_id = scarce.subject_of(pledge), facts_of(pledge, now), pledge.funder_id
        self.before, self.claims = before, before.claims
        self.base = Money(sum(getattr(pledge, bucket).fen for bucket in _COUNTING) - before.covered)

    def _offers(self) -> list[Offer]:
        """Return the open pools that could give, by priority. Nobody matches the own pledge."""
        return [offer for offer in offers_for(self.connection, self.subject)
                if offer.pool_id not in self.before.pools and offer.funder_id != self.funder_id
                and eligible(offer.terms, self.facts)]

    def plan(self) -> list[Taking]:
        """Return what each pool is to give, as things are now."""
        left = scarce.cost_left(self.connection, self.subject.cost_line_id)
        return reckon(self._offers(), self.facts, base=self.base, cost_left=left)

    def write(self, takings: Sequence[Taking]) -> list[Allocation] | None:
        """Write all of it or nothing; None when a row had less room than was read. The hot rows come last.

        The savepoint is not released: the commit that follows ends it, and one round trip less is made while the hot
        row is locked.
        """
        self.connection.exec_driver_sql(_SAVE)
        try:
            made = self._write(takings)
        except BaseException as error:
            self.connection.exec_driver_sql(_UNDO)
            if isinstance(error, _NoRoom):
                return None
            raise
        return self._known(made)

    def _write(self, takings: Sequence[Taking]) -> list[Allocation]:
        """Write inside the savepoint; raises _NoRoom, which rolls it back."""
        if not self._claim(takings):
            raise _NoRoom
        made = self._note(takings)
        for one in sorted(takings, key=lambda taking: taking.offer.pool_id):
            if not scarce.reserve(self.connection, one.offer.pool_id, one.offer.version, one.share.amount):
                raise _NoRoom
        return made

    def write_locked(self) -> list[Allocation]:
        """Lock every row that could give, in the fixed order; reckon again, exactly; write it."""
        scarce.cost_left(self.connection, self.subject.cost_line_id, lock=True)
        ids = sorted(offer.pool_id for offer in self._offers())
        if not ids:
            return []
        scarce.lock_caps(self.connection, [
            (pool, scope, name) for scope, name in self.subject.scopes() for pool in ids])
        scarce.lock_pools(self.connection, ids)
        takings = [taking for taking in self.plan() if taking.offer.pool_id in ids]
        made = self.write(takings) if takings else []
        if made is None:
            raise Conflict(N_("配套资金刚刚被别的认捐用去。请刷新页面再试一次"))
        return made

    def _claim(self, takings: Sequence[Taking]) -> bool:
        """Count the sums in the cost line and the caps."""
        total = Money(sum(taking.share.amount.fen for taking in takings))
        line = self.subject.cost_line_id
        if line is not None and not scarce.claim_cost(self.connection, line, total):
            return False
        by_pool = sorted(takings, key=lambda taking: taking.offer.pool_id)
        return scarce.claim_caps(self.connection, [
            {"pool_id": taking.offer.pool_id, "scope": scope, "subject_ref": name, "used": taking.share.amount,
             "cap": getattr(taking.offer.terms, f"per_{scope}_cap")}
            for scope, name in self.subject.scopes() for taking in by_pool])

    def _note(self, takings: Sequence[Taking]) -> list[Allocation]:
        """Write allocations, journal and audit; return the allocations."""
        rows = [self._row(taking, number) for number, taking in enumerate(takings, self.claims + 1)]
        ids = self.connection.execute(_INSERT, rows)
        for row, found in zip(rows, ids, strict=True):
            row["id"] = found.id
        post(self.session, actor=self.actor, idem_key=f"match:{self.subject.pledge_ref}:{self.claims + 1}",
             kind="match.reserved", subject=("pledge", self.subject.pledge_ref), now=self.now, postings=[
                 Posting(account(AccountKind.POOL_AVAILABLE, taking.offer.pool_ref),
                         account(AccountKind.POOL_RESERVED, taking.offer.pool_ref), taking.share.amount)
                 for taking in takings])
        record(self.session, actor=self.actor, action="funding.match", subject=("pledge", self.subject.pledge_ref),
               now=self.now, shares=[{
                   "pool": taking.offer.pool_ref, "rule": taking.offer.version, "asked_fen": taking.share.asked.fen,
                   "amount_fen": taking.share.amount.fen, "limited_by": taking.share.limited_by or ""}
                   for taking in takings])
        return [_as_read(row) for row in rows]

    def _row(self, taking: Taking, number: int) -> dict[str, object]:
        """Return one allocation as it is stored."""
        offer, share = taking.offer, taking.share
        return {
            "ref": new_ref(), "idem_key": f"match:{self.subject.pledge_ref}:{offer.pool_ref}:{number}",
            "pool_id": offer.pool_id, "rule_id": offer.rule_id, "pledge_id": self.subject.pledge_id, "base": share.base,
            "asked": share.asked, "amount": share.amount, "returned": Money(0), "clawing": Money(0),
            "state": AllocationState.RESERVED, "reason": share.reason, "limited_by": share.limited_by or "",
            "reserved_at": self.now, "expires_at": self.now + timedelta(days=offer.terms.reserve_days),
            "capture_after": None, "captured_at": None, "returned_at": None}

    def _known(self, made: Sequence[Allocation]) -> list[Allocation]:
        """Take the new rows into this session without reading them back: the hot rows are locked by now."""
        for allocation in made:
            old = self.session.identity_map.get(self.session.identity_key(Allocation, allocation.id))
            if old is not None:      # of a transaction that was rolled back: its number was given out again
                self.session.expunge(old)
            self.session.add(allocation)
        scarce.forget(self.session, MatchingPool, (allocation.pool_id for allocation in made))
        return list(made)


def _as_read(row: dict[str, Any]) -> Allocation:
    """Return a row as an object that looks as if it had just been read."""
    allocation = Allocation(**row)
    make_transient_to_detached(allocation)
    return allocation
