"""Reads of card payments: accounts, charges of a thing, the daily comparison."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, func, literal, select
from sqlalchemy.orm import Session, joinedload

from marketplace.config import StripeAccount
from marketplace.core.access import Actor
from marketplace.ledger.models import Journal
from marketplace.payments.models import Charge, Dispute, ReceivingAccount, Reconciliation, Refund, StripeEvent
from marketplace.payments.operations.days import Watched
from marketplace.payments.policy import OVERSEERS
from marketplace.payments.rules.stripe import ChargeState

DAYS = 31
LIMIT = 100


def stripe_account_of(session: Session, organization_id: int) -> ReceivingAccount | None:
    """Return the Stripe account in use of a receiving body."""
    return session.scalar(
        select(ReceivingAccount).where(
            ReceivingAccount.organization_id == organization_id, ReceivingAccount.kind == "stripe",
            ReceivingAccount.verified_at.is_not(None), ReceivingAccount.closed_at.is_(None)).limit(1))


def account_by_label(session: Session, label: str) -> ReceivingAccount | None:
    """Return the receiving account that a label of the configuration was given to."""
    return session.scalar(select(ReceivingAccount).where(ReceivingAccount.stripe_label == label))


def watched(session: Session, accounts: Sequence[StripeAccount], currency: str, *,
            without: date | None = None) -> list[Watched]:
    """Return the configured accounts that a receiving body has, oldest first; not those compared for `without`."""
    is_live = {account.label: account.is_live for account in accounts}
    query = select(ReceivingAccount.id, ReceivingAccount.stripe_label).where(ReceivingAccount.stripe_label.in_(is_live))
    if without is not None:
        done = select(Reconciliation.account_id).where(Reconciliation.day == without)
        query = query.where(ReceivingAccount.id.not_in(done))
    return [Watched(row.id, row.stripe_label, is_live[row.stripe_label], currency)
            for row in session.execute(query.order_by(ReceivingAccount.id))]


def charge_by_ref(session: Session, ref: str) -> Charge | None:
    """Return a charge with its account."""
    return session.scalar(select(Charge).where(Charge.ref == ref).options(joinedload(Charge.account)))


def charges_of(session: Session, subject: tuple[str, str]) -> list[Charge]:
    """Return the charges asked for one thing, newest first."""
    return list(session.scalars(
        select(Charge).where(Charge.subject_kind == subject[0], Charge.subject_ref == subject[1])
        .options(joinedload(Charge.account)).order_by(Charge.id.desc())))


def has_arrived(session: Session, key: str) -> bool:
    """Say whether a charge's money was given to what it was paid for (`key`: rules.arrival_key)."""
    return session.scalar(select(Journal.id).where(Journal.idem_key == key)) is not None


def free_labels(session: Session, labels: Sequence[str]) -> list[str]:
    """Return the configured accounts that no receiving body has yet."""
    taken = set(session.scalars(select(ReceivingAccount.stripe_label).where(ReceivingAccount.stripe_label.in_(labels))))
    return [label for label in labels if label not in taken]


def refunds_of(session: Session, charge: Charge) -> list[Refund]:
    """Return the refunds of a charge, oldest first."""
    return list(session.scalars(select(Refund).where(Refund.charge_id == charge.id).order_by(Refund.id)))


def disputes_of(session: Session, charge: Charge) -> list[Dispute]:
    """Return the disputes of a charge, oldest first."""
    return list(session.scalars(select(Dispute).where(Dispute.charge_id == charge.id).order_by(Dispute.id)))


@dataclass(frozen=True)
class AccountDays:
    """One Stripe account on the page of the comparison."""

    account: ReceivingAccount
    days: Sequence[Reconciliation]
    unsettled: Sequence[Charge]
    disputed: Sequence[Dispute]
    waiting: int

    @property
    def differences(self) -> int:
        """Return how many differences the days shown hold."""
        return sum(len(day.differences) for day in self.days)


def account_days(session: Session, actor: Actor) -> list[AccountDays]:
    """Return the Stripe accounts that an actor may read, each with its last days and what needs a person."""
    wanted = select(ReceivingAccount).where(ReceivingAccount.kind == "stripe").order_by(ReceivingAccount.id)
    if not actor.has(*OVERSEERS):
        wanted = wanted.where(ReceivingAccount.organization_id == (actor.organization_id or 0))
    return [_days(session, account)
            for account in session.scalars(wanted.options(joinedload(ReceivingAccount.organization)))]


def last_days(session: Session, account_ids: Sequence[int]) -> dict[int, date]:
    """Return the newest day of each account that was compared."""
    rows = session.execute(
        select(Reconciliation.account_id, func.max(Reconciliation.day))
        .where(Reconciliation.account_id.in_(account_ids)).group_by(Reconciliation.account_id))
    return {row[0]: row[1] for row in rows}


def unsettled(account: ReceivingAccount) -> Select[Charge]:
    """Return the query of paid charges whose money was given to nothing: it stands in suspense until a person acts."""
    arrived = (literal("charge:") + Charge.ref + literal(":arrived"))
    return select(Charge).where(
        Charge.account_id == account.id, Charge.state == ChargeState.SUCCEEDED, Charge.refunded < Charge.received,
        ~select(Journal.id).where(Journal.idem_key == arrived).exists()).order_by(Charge.id)


def _days(session: Session, account: ReceivingAccount) -> AccountDays:
    """Return one account with its days, newest first."""
    days = session.scalars(select(Reconciliation).where(Reconciliation.account_id == account.id)
                           .order_by(Reconciliation.day.desc()).limit(DAYS)).all()
    disputed = session.scalars(select(Dispute).join(Charge).where(Charge.account_id == account.id,
                                                                  Dispute.state == "open")
                               .options(joinedload(Dispute.charge)).order_by(Dispute.id).limit(LIMIT)).all()
    waiting = session.scalar(select(func.count()).where(StripeEvent.account_id == account.id,
                                                        StripeEvent.state == "waiting"))
    return AccountDays(account, days, session.scalars(unsettled(account).limit(LIMIT)).all(), disputed, waiting or 0)


def refund_by_ref(session: Session, ref: str) -> Refund | None:
    """Return a refund with its charge and account."""
    return session.scalar(select(Refund).where(Refund.ref == ref)
                          .options(joinedload(Refund.charge).joinedload(Charge.account)))
