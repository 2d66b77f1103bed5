"""What the sweeping duties look for: promises whose time is over, payers who were paid back."""

from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, aliased

from marketplace.core.money import Money
from marketplace.funding.models import MoneyFlag, Pledge
from marketplace.funding.rules.gaming import FlagKind
from marketplace.payments.models import BankLine, BankLinePart, Charge, PaymentOrderLine


def has_lapsed(session: Session, *, now: datetime) -> bool:
    """Say whether a promise is due to lapse."""
    paying = select(Charge.id).where(Charge.subject_kind == "pledge", Charge.subject_ref == Pledge.ref,
                                     Charge.state.in_(("requested", "open"))).exists()
    return session.scalar(select(Pledge.id).where(
        Pledge.open > Money(0), Pledge.expires_at <= now, Pledge.kind == "own", ~paying).limit(1)) is not None


def as_refund(line: type[BankLine]) -> ColumnElement[bool]:
    """Return the condition that a line that went out is the payment of an ordered refund or return."""
    return (select(BankLinePart.id).join(PaymentOrderLine, PaymentOrderLine.ref == BankLinePart.subject_ref)
            .where(BankLinePart.line_id == line.id, BankLinePart.undone_at.is_(None),
                   PaymentOrderLine.subject_kind.in_(("refund", "return"))).exists())


def paid_back(session: Session, *, limit: int) -> list[str]:
    """Return pledges, not flagged so yet, whose payer's account got money from the same receiving account later."""
    back = aliased(BankLine)
    flagged = select(MoneyFlag.id).where(
        MoneyFlag.pledge_id == Pledge.id, MoneyFlag.kind == FlagKind.ROUND_TRIP).exists()
    return list(session.scalars(
        select(Pledge.ref).distinct()
        .join(BankLinePart, (BankLinePart.subject_ref == Pledge.ref) & (BankLinePart.subject_kind == "pledge"))
        .join(BankLine, BankLinePart.line_id == BankLine.id)
        .join(back, (back.account_id == BankLine.account_id) & (back.payer_account == BankLine.payer_account))
        .where(BankLinePart.undone_at.is_(None), BankLine.direction == "in", BankLine.payer_account != "",
               back.direction == "out", back.booked_on >= BankLine.booked_on, ~flagged, ~as_refund(back))
        .order_by(Pledge.ref).limit(limit)))
