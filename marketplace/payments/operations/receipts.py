"""Receipts that the paid body issued: their numbers are kept once, void ones stay with the reason."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.clock import beijing_date
from marketplace.core.db import new_ref
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.files.models import StoredFile
from marketplace.organizations.models import Organization
from marketplace.payments import policy
from marketplace.payments.models import Receipt
from marketplace.payments.rules.receipts import ReceiptFacts, ReceiptKind, tidy

MOST_REASON = 300


def receipted(session: Session, *, subject: tuple[str, str], kind: ReceiptKind) -> Money:
    """Return what live receipts of a kind say was received for a subject."""
    amount = session.scalar(select(func.sum(Receipt.amount)).where(
        Receipt.subject_kind == subject[0], Receipt.subject_ref == subject[1], Receipt.kind == kind,
        Receipt.voided_at.is_(None)))
    return amount if isinstance(amount, Money) else Money(int(amount or 0))


def keep_receipt(session: Session, *, actor: Actor, issuer: Organization, facts: ReceiptFacts,
                 subject: tuple[str, str], payer_name: str, limit: Money, now: datetime,
                 file: StoredFile | None = None) -> Receipt:
    """Keep one receipt. `limit`: what the issuer received for the subject; earlier live receipts count against it.

    The caller holds the lock of the subject. Raises Invalid for too much, Conflict for a number that is there.
    """
    require(policy.may_keep(actor, issuer.id))
    if facts.amount.fen <= 0:
        raise Invalid(N_("票据金额应大于零"), field="amount")
    rest = limit - receipted(session, subject=subject, kind=facts.kind)
    if facts.amount > rest:
        raise Invalid(N_("票据只能在收到钱之后开，而且不能超过实收。现在最多还能开 {rest} 元"), field="amount",
                      rest=Money(max(rest.fen, 0)).grouped())
    if facts.issued_on > beijing_date(now):
        raise Invalid(N_("开具日期不能晚于今天"), field="issued_on")
    receipt = Receipt(
        ref=new_ref(), kind=facts.kind, issuer=issuer, code=tidy(facts.code, field="code"),
        number=tidy(facts.number, field="number", required=True), subject_kind=subject[0], subject_ref=subject[1],
        payer_name=payer_name, amount=facts.amount, issued_on=facts.issued_on, file=file, recorded_by=actor.person_id,
        recorded_at=now)
    try:
        with session.begin_nested():
            session.add(receipt)
            session.flush()
    except IntegrityError:
        raise Conflict(N_("这个票据号码已经登记过。作废的票据也保留，号码不能再用")) from None
    record(session, actor=actor, action="payments.keep_receipt", subject=("receipt", receipt.ref), now=now,
           kind=facts.kind, number=receipt.number, fen=facts.amount.fen, to=f"{subject[0]}:{subject[1]}")
    return receipt


def void_receipt(session: Session, *, actor: Actor, receipt: Receipt, reason: str, now: datetime) -> None:
    """Receipt: live -> void, kept with the reason; its number is never used again."""
    require(policy.may_keep(actor, receipt.issuer_id))
    why = " ".join(reason.split())
    if not why or len(why) > MOST_REASON:
        raise Invalid(N_("请写明作废原因，不超过 {most} 字"), field="reason", most=MOST_REASON)
    done = session.execute(
        update(Receipt).where(Receipt.id == receipt.id, Receipt.voided_at.is_(None))
        .values(voided_at=now, void_reason=why).execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这张票据已经作废"))
    session.refresh(receipt)
    record(session, actor=actor, action="payments.void_receipt", subject=("receipt", receipt.ref), now=now, reason=why)
