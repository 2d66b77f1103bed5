"""Finds signs of gamed matching money (套捐), raises flags, and lets a person clear or uphold them."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session, aliased

from marketplace.core.access import SYSTEM, Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict
from marketplace.core.money import Money
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.funding import policy
from marketplace.funding.models import Allocation, Funder, MatchingRule, MoneyFlag, Pledge
from marketplace.funding.queries.suspects import as_refund
from marketplace.funding.rules.gaming import FlagKind, FlagState, Payment, ring
from marketplace.funding.rules.news import JOB_FLAG_DECIDED, JOB_FLAG_RAISED
from marketplace.funding.rules.pledges import check_reason
from marketplace.organizations.models import Organization
from marketplace.organizations.queries import identity_of
from marketplace.organizations.rules import OrganizationKind, tie_between
from marketplace.payments.models import BankLine, BankLinePart

CHARITIES = (OrganizationKind.FOUNDATION, OrganizationKind.CHARITY_FEDERATION)


def raise_flag(session: Session, *, pledge: Pledge, kind: FlagKind, facts: dict[str, object],
               now: datetime) -> MoneyFlag | None:
    """Flag a pledge, so that its matching money waits for a person; None when it is flagged so already.

    What was looked at and cleared is not raised again for the same facts.
    """
    known = session.scalars(select(MoneyFlag).where(MoneyFlag.pledge_id == pledge.id, MoneyFlag.kind == kind)).all()
    if any(flag.state != FlagState.CLEARED or flag.facts == facts for flag in known):
        return None
    flag = MoneyFlag(pledge=pledge, kind=kind, facts=facts, raised_at=now)
    session.add(flag)
    session.flush()
    record(session, actor=SYSTEM, action="funding.raise_flag", subject=("pledge", pledge.ref), now=now, kind=kind,
           flag=flag.ref)
    enqueue(session, JOB_FLAG_RAISED, now=now, flag_ref=flag.ref)
    return flag


def has_open_flag(session: Session, pledge: Pledge) -> bool:
    """Say whether something about a pledge waits to be looked at, or was upheld."""
    return session.scalar(select(MoneyFlag.id).where(
        MoneyFlag.pledge_id == pledge.id, MoneyFlag.state != FlagState.CLEARED).limit(1)) is not None


def look_at(session: Session, *, pledge: Pledge, now: datetime) -> list[MoneyFlag]:
    """Look for every sign at one pledge and return the flags that are new."""
    return [
        *_related(session, pledge, pledge.receiver, now), *_same_payer(session, pledge, now),
        *_round_trip(session, pledge, now), *_split(session, pledge, now)]


def look_again(session: Session, *, pledge_ref: str, now: datetime) -> list[MoneyFlag]:
    """Look for every sign once more at a pledge, by its reference."""
    return look_at(session, pledge=session.scalars(select(Pledge).where(Pledge.ref == pledge_ref)).one(), now=now)


def look_at_provider(session: Session, *, project_id: int, provider: Organization, now: datetime) -> list[MoneyFlag]:
    """Look for donors of a project that are tied to its provider: called when the provider is known."""
    live = session.scalars(select(Pledge).where(
        Pledge.project_id == project_id, Pledge.kind == "own", Pledge.dropped + Pledge.refunded < Pledge.amount)
        .order_by(Pledge.id)).all()
    return [flag for pledge in live for flag in _related(session, pledge, provider, now)]


def _related(session: Session, pledge: Pledge, other: Organization, now: datetime) -> list[MoneyFlag]:
    """Flag a donor that is the other body, shares its identifiers, or is named among its related parties."""
    donor = pledge.funder.organization
    if donor is None:
        reason = _person_tie(pledge.funder.person_name, other)
    elif donor.id == other.id:
        # a charity that receives what it gives to a project of its own keeps one purse; a provider matches itself
        reason = None if donor.kind in CHARITIES else N_("捐赠人就是这个组织自己")
    else:
        reason = tie_between(identity_of(donor), identity_of(other))
    if reason is None:
        return []
    return _flag(session, pledge, FlagKind.RELATED_PARTY, {"with": other.ref, "reason": reason}, now)


def _person_tie(name: str, other: Organization) -> str | None:
    """Return what ties a named person to a body."""
    if name == other.legal_representative or name in {one.name for one in other.related_parties}:
        return N_("捐赠人是这个组织的法定代表人或登记的关联人（姓名相同）")
    return None


def _flag(session: Session, pledge: Pledge, kind: FlagKind, facts: dict[str, object],
          now: datetime) -> list[MoneyFlag]:
    """Raise one flag; an empty list when it is known."""
    flag = raise_flag(session, pledge=pledge, kind=kind, facts=facts, now=now)
    return [flag] if flag else []


def _payments(session: Session, pledges: Iterable[Pledge]) -> list[tuple[Payment, BankLine]]:
    """Return the bank lines by which pledges were paid."""
    by_ref = {pledge.ref: pledge.funder_id for pledge in pledges}
    rows = session.execute(
        select(BankLinePart.subject_ref, BankLine).join(BankLine, BankLinePart.line_id == BankLine.id)
        .where(BankLinePart.subject_kind == "pledge", BankLinePart.subject_ref.in_(list(by_ref)),
               BankLinePart.undone_at.is_(None), BankLine.direction == "in").order_by(BankLinePart.id))
    return [(Payment(by_ref[ref], line.payer_name, line.payer_account), line) for ref, line in rows]


def _same_payer(session: Session, pledge: Pledge, now: datetime) -> list[MoneyFlag]:
    """Flag a pledge whose payer also paid for other donors of the project."""
    others = session.scalars(select(Pledge).where(
        Pledge.project_id == pledge.project_id, Pledge.kind == "own", Pledge.funder_id != pledge.funder_id)).all()
    if not (mine := _payments(session, [pledge])) or not others:
        return []
    paid = [payment for payment, _ in _payments(session, others)]
    for payment, _ in mine:
        if found := ring(payment, paid):
            return _flag(session, pledge, FlagKind.SAME_PAYER, {
                "payer": payment.payer_name, "donors": len({one.funder_id for one in found}) + 1}, now)
    return []


def _round_trip(session: Session, pledge: Pledge, now: datetime) -> list[MoneyFlag]:
    """Flag a pledge whose payer was paid from the receiving body's account afterwards, and not as a refund."""
    for payment, line in _payments(session, [pledge]):
        if not payment.payer_account:
            continue
        back = session.scalars(select(BankLine).where(
            BankLine.account_id == line.account_id, BankLine.direction == "out",
            BankLine.payer_account == payment.payer_account, BankLine.booked_on >= line.booked_on, ~as_refund(BankLine))
            .order_by(BankLine.id)).first()
        if back is not None:
            return _flag(session, pledge, FlagKind.ROUND_TRIP, {
                "line": back.ref, "amount_fen": back.amount.fen}, now)
    return []


def _split(session: Session, pledge: Pledge, now: datetime) -> list[MoneyFlag]:
    """Flag a donor that got more from one pool than its cap per donor, by giving in several shapes.

    Shapes of one donor: funds of the same body. Each has a cap of its own in the pool; the body would have one.
    """
    if pledge.funder.organization_id is None:
        return []
    other = aliased(Funder)
    rows = session.execute(
        select(Allocation.pool_id, MatchingRule.per_donor_cap, Allocation.amount, Allocation.returned, Pledge.funder_id)
        .join(MatchingRule, Allocation.rule_id == MatchingRule.id).join(Pledge, Allocation.pledge_id == Pledge.id)
        .join(other, Pledge.funder_id == other.id)
        .where(other.organization_id == pledge.funder.organization_id, MatchingRule.per_donor_cap.is_not(None))).all()
    for pool_id in sorted({row.pool_id for row in rows if row.funder_id == pledge.funder_id}):
        inside = [row for row in rows if row.pool_id == pool_id]
        total = Money(sum((row.amount - row.returned).fen for row in inside))
        shapes = {row.funder_id for row in inside}
        if len(shapes) > 1 and total > min(row.per_donor_cap for row in inside):
            return _flag(session, pledge, FlagKind.DONOR_CAP_SPLIT, {
                "shapes": len(shapes), "matched_fen": total.fen}, now)
    return []


def clear_flag(session: Session, *, actor: Actor, flag: MoneyFlag, note: str, now: datetime) -> None:
    """Clear a flag, with what was looked at. Flag: open -> cleared; matching money that waited is confirmed if due."""
    from marketplace.funding.operations import capture

    _close(session, actor=actor, flag=flag, state=FlagState.CLEARED, note=note, now=now)
    if not has_open_flag(session, flag.pledge):
        capture(session, actor=actor, pledge=flag.pledge, now=now)


def uphold_flag(session: Session, *, actor: Actor, flag: MoneyFlag, note: str, now: datetime) -> Money:
    """Uphold a flag, with the reason. Flag: open -> upheld; all matching money of the pledge returns to its pools."""
    from marketplace.funding.operations import return_match

    _close(session, actor=actor, flag=flag, state=FlagState.UPHELD, note=note, now=now)
    whole = flag.pledge.amount
    return return_match(session, actor=actor, pledge=flag.pledge, dropped=whole, of=whole, now=now, reason="upheld")


def _close(session: Session, *, actor: Actor, flag: MoneyFlag, state: FlagState, note: str, now: datetime) -> None:
    """Decide a flag once; the second decision raises Conflict."""
    require(policy.may_decide_flag(actor, flag))
    plain = check_reason(note)
    done = session.execute(
        update(MoneyFlag).where(MoneyFlag.id == flag.id, MoneyFlag.state == FlagState.OPEN)
        .values(state=state, note=plain, decided_by=actor.person_id, decided_at=now)
        .execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这条提示刚刚被别人处理过。请刷新页面"))
    session.refresh(flag)
    record(session, actor=actor, action=f"funding.flag_{state}", subject=("pledge", flag.pledge.ref), now=now,
           flag=flag.ref, kind=flag.kind, note=plain)
    enqueue(session, JOB_FLAG_DECIDED, now=now, flag_ref=flag.ref)
