"""Money of a pledge: it arrives, is confirmed, goes back, is disputed. Every step is one `take` with its own key."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.errors import IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.funding import policy
from marketplace.funding.models import Pledge
from marketplace.funding.operations.gaming import look_at
from marketplace.funding.operations.moves import ROW, Step, commitment_of, own, take, was_posted
from marketplace.funding.operations.pledges import give_back_match, standing
from marketplace.funding.operations.returning import lock_matched, restore_refunded
from marketplace.funding.rules.buckets import Move
from marketplace.funding.rules.pledges import check_amount, check_reason
from marketplace.funding.rules.pools import JOB_CAPTURE_DUE
from marketplace.ledger.rules import SEPARATOR, AccountKind, Posting
from marketplace.payments.models import ReceivingAccount
from marketplace.payments.queries import is_ordered

_SOURCES = (AccountKind.SUSPENSE, AccountKind.CASH_STRIPE, AccountKind.CASH_BANK)


def check_account(session: Session, pledge: Pledge, code: str) -> str:
    """Return the ledger account that the money comes from or goes to; it must be one of the receiving body's."""
    kind, _, ref = code.partition(SEPARATOR)
    owner = session.scalar(select(ReceivingAccount.organization_id).where(ReceivingAccount.ref == ref))
    if kind not in _SOURCES or owner is None:
        msg = f"not an account on which money comes or goes: {code}"
        raise ValueError(msg)
    if owner != pledge.receiver_id:
        raise Invalid(N_("这笔钱不在接收方“{name}”的账户上，不能记到这笔认捐"), field="account",
                      name=pledge.receiver.name)
    return code


def arrive(session: Session, *, actor: Actor, pledge: Pledge, amount: Money, from_account: str, idem_key: str,
           now: datetime) -> bool:
    """Book money identified for a pledge. Pledge: open -> paid. False when this key was booked before.

    `from_account` is the ledger account where it waits (suspense:<receiving account>). More than is promised, or a
    promise that nobody signed, raises: the rest stays in suspense.
    """
    require(policy.may_book(actor, pledge))
    check_amount(amount)
    if pledge.is_verbal:
        raise IllegalStep(N_("这笔认捐还没有签认捐书，先不能入账。款项留在待认领里，签好后再办"))
    source = check_account(session, pledge, from_account)
    return take(session, actor=actor, pledge=pledge, now=now, step=Step(
        Move.ARRIVE, amount, idem_key, [
            Posting(source, own(AccountKind.PAID, pledge), amount),
            Posting(own(AccountKind.PROMISED, pledge), commitment_of(pledge), amount)],
        facts={"from": from_account}))


def unarrive(session: Session, *, actor: Actor, pledge: Pledge, amount: Money, from_account: str, idem_key: str,
             now: datetime) -> bool:
    """Take back what was booked for the wrong pledge. Pledge: paid -> open; the money waits in suspense again."""
    require(policy.may_book(actor, pledge))
    source = check_account(session, pledge, from_account)
    return take(session, actor=actor, pledge=pledge, now=now, step=Step(
        Move.UNARRIVE, amount, idem_key, [
            Posting(own(AccountKind.PAID, pledge), source, amount),
            Posting(commitment_of(pledge), own(AccountKind.PROMISED, pledge), amount)],
        facts={"from": from_account}))


def confirm(session: Session, *, actor: Actor, pledge: Pledge, amount: Money, now: datetime, idem_key: str) -> bool:
    """Confirm that the receiving body holds the money. Pledge: paid -> held.

    Then flags are looked for, and the matching money is confirmed where its conditions are met.
    """
    done = _hold(session, actor=actor, pledge=pledge, amount=amount, now=now, idem_key=idem_key)
    if done and pledge.kind == "own":
        capture_match(session, actor=actor, pledge=pledge, now=now)
    return done


def confirm_all(session: Session, *, actor: Actor, pledges: Sequence[Pledge], now: datetime) -> int:
    """Confirm all that arrived of several pledges, all or none; return of how many. Pledge: paid -> held.

    Matching money follows in a job for each: pools are locked after pledges, so two captures in one transaction would
    break the order of locks. Here all pledges are locked first, then their projects' sums, in order.
    """
    rows = session.scalars(select(Pledge).where(Pledge.id.in_([one.id for one in pledges])).order_by(Pledge.id)
                           .with_for_update(**ROW).execution_options(populate_existing=True)).all()
    waiting = sorted((one for one in rows if one.paid.fen), key=lambda one: (one.project_id, one.id))
    for pledge in waiting:
        key = f"confirm:{pledge.ref}:{pledge.held.fen}:{pledge.paid.fen}:{now.isoformat()}"
        _hold(session, actor=actor, pledge=pledge, amount=pledge.paid, now=now, idem_key=key)
        if pledge.kind == "own":
            enqueue(session, JOB_CAPTURE_DUE, now=now, pledge_ref=pledge.ref)
    return len(waiting)


def _hold(session: Session, *, actor: Actor, pledge: Pledge, amount: Money, now: datetime, idem_key: str) -> bool:
    """Take the step from paid to held, and look for flags."""
    require(policy.may_confirm(actor, pledge))
    done = take(session, actor=actor, pledge=pledge, now=now, step=Step(
        Move.CONFIRM, amount, idem_key,
        [Posting(own(AccountKind.PAID, pledge), own(AccountKind.HELD, pledge), amount)]))
    if done and pledge.kind == "own":
        look_at(session, pledge=pledge, now=now)
    return done


def capture_match(session: Session, *, actor: Actor, pledge: Pledge, now: datetime) -> None:
    """Ask the pools to confirm what they reserved for a pledge; they do where every condition is met."""
    from marketplace.funding.operations import capture

    capture(session, actor=actor, pledge=pledge, now=now)


def ask_refund(session: Session, *, actor: Actor, pledge: Pledge, amount: Money, reason: str, now: datetime,
               idem_key: str = "") -> bool:
    """Set money aside to be returned. Pledge: held, then paid -> refunding. It is returned when the bank says so.

    Money not yet confirmed goes first: nothing is planned with it. Raises Invalid beyond what is there.
    """
    require(policy.may_refund(actor, pledge))
    plain = check_reason(reason)
    check_amount(amount)
    session.refresh(pledge, with_for_update=ROW)
    key = idem_key or f"pledge:{pledge.ref}:refund:{pledge.refunding.fen + pledge.refunded.fen}:{now.isoformat()}"
    parts = ((Move.REFUND_PAID, AccountKind.PAID), (Move.REFUND_HELD, AccountKind.HELD))
    if was_posted(session, *(f"{key}:{move}" for move, _ in parts)):
        return False
    if amount > pledge.paid + pledge.held:
        raise Invalid(N_("可以退回的只有 {have} 元（已到账未拨付的部分）"), field="amount",
                      have=(pledge.paid + pledge.held).grouped())
    _set_aside(session, actor=actor, pledge=pledge, amount=amount, parts=parts, to=AccountKind.REFUND, key=key, now=now,
               facts={"reason": plain})
    return True


def _set_aside(session: Session, *, actor: Actor, pledge: Pledge, amount: Money,
               parts: Sequence[tuple[Move, AccountKind]], to: AccountKind, key: str, now: datetime,
               facts: dict[str, object] | None = None) -> None:
    """Move a sum out of what is paid first, then out of what is held."""
    first = min(amount, pledge.paid)
    for (move, source), part in zip(parts, (first, amount - first), strict=True):
        if part.fen:
            take(session, actor=actor, pledge=pledge, now=now, step=Step(
                move, part, f"{key}:{move}", [Posting(own(source, pledge), own(to, pledge), part)], facts=facts or {}))


def refund_failed(session: Session, *, actor: Actor, pledge: Pledge, amount: Money, idem_key: str,
                  now: datetime) -> bool:
    """Put money back that could not be returned. Pledge: refunding -> held.

    Nobody does so while a payment order lists it; what the card network says (the system) is true at once.
    """
    require(policy.may_refund(actor, pledge))
    if not actor.is_system and is_ordered(session, kind="refund", ref=pledge.ref):
        raise IllegalStep(N_("这笔退款已经列入付款单。请先撤销付款单"))
    return take(session, actor=actor, pledge=pledge, now=now, step=Step(
        Move.UNREFUND, amount, idem_key,
        [Posting(own(AccountKind.REFUND, pledge), own(AccountKind.HELD, pledge), amount)]))


def refund_returned(session: Session, *, actor: Actor, pledge: Pledge, amount: Money, from_account: str, idem_key: str,
                    now: datetime) -> bool:
    """Book that money is back with the payer. Pledge: refunding -> refunded; matching money goes back in proportion."""
    require(policy.may_refund(actor, pledge))
    target = check_account(session, pledge, from_account)
    return _gone(session, actor=actor, pledge=pledge, now=now, reason="refunded", step=Step(
        Move.RETURN, amount, idem_key, [Posting(own(AccountKind.REFUND, pledge), target, amount)]))


def _gone(session: Session, *, actor: Actor, pledge: Pledge, step: Step, reason: str, now: datetime) -> bool:
    """Take a step by which money leaves a pledge for good, and return the matching money in proportion.

    What leaves a pledge of matching money is room of its pool again.
    """
    if pledge.kind == "matched":     # pools are locked before matched pledges, everywhere
        lock_matched(session, pledge=pledge, amount=step.amount)
    session.refresh(pledge, with_for_update=ROW)
    before = standing(pledge)
    done = take(session, actor=actor, pledge=pledge, step=step, now=now)
    if done and pledge.kind == "matched":
        restore_refunded(session, actor=actor, pledge=pledge, amount=step.amount, now=now)
    elif done:
        give_back_match(session, actor=actor, pledge=pledge, dropped=step.amount, of=before, now=now, reason=reason)
    return done


def open_dispute(session: Session, *, actor: Actor, pledge: Pledge, amount: Money, idem_key: str,
                 now: datetime) -> bool:
    """Set aside what a payer's bank disputes. Pledge: paid, then held -> disputed; no matching money is confirmed.

    What was released or paid out by then cannot be set aside: that much raises Conflict, and people must act.
    """
    require(policy.may_book(actor, pledge))
    check_amount(amount)
    session.refresh(pledge, with_for_update=ROW)
    parts = ((Move.DISPUTE_PAID, AccountKind.PAID), (Move.DISPUTE_HELD, AccountKind.HELD))
    if was_posted(session, *(f"{idem_key}:{move}" for move, _ in parts)):
        return False
    _set_aside(session, actor=actor, pledge=pledge, amount=amount, parts=parts, to=AccountKind.DISPUTED, key=idem_key,
               now=now)
    return True


def close_dispute(session: Session, *, actor: Actor, pledge: Pledge, amount: Money, won: bool, from_account: str,
                  idem_key: str, now: datetime) -> bool:
    """End a dispute. Won: disputed -> held. Lost: disputed -> refunded, out of `from_account` (cash-stripe:...)."""
    require(policy.may_book(actor, pledge))
    if won:
        return take(session, actor=actor, pledge=pledge, now=now, step=Step(
            Move.WIN, amount, idem_key,
            [Posting(own(AccountKind.DISPUTED, pledge), own(AccountKind.HELD, pledge), amount)]))
    target = check_account(session, pledge, from_account)
    return _gone(session, actor=actor, pledge=pledge, now=now, reason="disputed", step=Step(
        Move.LOSE, amount, idem_key, [Posting(own(AccountKind.DISPUTED, pledge), target, amount)]))
