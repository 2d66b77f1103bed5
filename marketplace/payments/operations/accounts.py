"""Receiving accounts: added with proof, verified by the operator, closed. The platform has none of its own."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.db import new_ref
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.text import N_
from marketplace.files.models import StoredFile
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import Verification
from marketplace.payments import policy
from marketplace.payments.models import BankLine, PaymentOrder, PaymentOrderLine, ReceivingAccount
from marketplace.payments.rules.accounts import check_holder, masked, tidy_number
from marketplace.payments.rules.lines import LineState
from marketplace.payments.rules.orders import OrderLineState

MOST_BANK_NAME = 80


def add_account(session: Session, *, actor: Actor, organization: Organization, now: datetime, bank_name: str,
                number: str, holder: str = "", proof_file: StoredFile | None = None) -> ReceivingAccount:
    """Add a bank account in the organization's own name; it is used once the operator has verified it.

    Raises Invalid for a holder who is not the organization, a number that is none, or one that is there already.
    """
    require(policy.may_keep(actor, organization.id))
    bank = " ".join(bank_name.split())
    if not bank or len(bank) > MOST_BANK_NAME:
        raise Invalid(N_("请填写开户银行全称，例如 澜川农商银行桐浦支行"), field="bank_name")
    digits = tidy_number(number)
    known = session.scalar(select(ReceivingAccount).where(
        ReceivingAccount.organization_id == organization.id, ReceivingAccount.number == digits))
    if known is not None:
        raise Invalid(N_("这个账号已经登记过"), field="number")
    account = ReceivingAccount(
        ref=new_ref(), organization=organization, kind="bank", bank_name=bank, number=digits,
        holder=check_holder(holder, organization.name), proof_file=proof_file, created_at=now)
    session.add(account)
    session.flush()
    record(session, actor=actor, action="payments.add_account", subject=("receiving_account", account.ref), now=now,
           organization=organization.ref, number=masked(digits))
    return account


def attach_proof(session: Session, *, actor: Actor, account: ReceivingAccount, proof_file: StoredFile,
                 now: datetime) -> None:
    """Put the bank's proof to an account that waits for its verification."""
    require(policy.may_keep(actor, account.organization_id))
    if account.verified_at is not None:
        raise Conflict(N_("账户已经核验，证明不能再换"))
    account.proof_file = proof_file
    session.flush()
    record(session, actor=actor, action="payments.attach_proof", subject=("receiving_account", account.ref), now=now,
           file=proof_file.ref)


def verify_account(session: Session, *, actor: Actor, account: ReceivingAccount, now: datetime) -> None:
    """Account: added -> verified, by the operator who has looked at the proof; the body must be verified as well."""
    require(policy.may_verify(actor, account))
    if account.organization.verification != Verification.VERIFIED:
        raise Conflict(N_("“{name}”还没有通过核验，先核验机构再核验账户"), name=account.organization.name)
    check_holder(account.holder, account.organization.name)
    done = session.execute(
        update(ReceivingAccount).where(ReceivingAccount.id == account.id, ReceivingAccount.verified_at.is_(None),
                                       ReceivingAccount.closed_at.is_(None))
        .values(verified_at=now, verified_by=actor.person_id).execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("账户已经核验过"))
    session.refresh(account)
    record(session, actor=actor, action="payments.verify_account", subject=("receiving_account", account.ref), now=now,
           organization=account.organization.ref)


def close_account(session: Session, *, actor: Actor, account: ReceivingAccount, now: datetime) -> None:
    """Account: -> closed. What it received stays in the books; new promises no longer name it.

    Raises Conflict while lines of it wait in suspense or payments are ordered: nobody could settle them afterwards.
    """
    require(policy.may_keep(actor, account.organization_id))
    if account.closed_at is not None:
        raise Conflict(N_("账户已停用"))
    # an import holds this row too; a refresh with a lock would lock its outer joins, which PostgreSQL refuses
    session.execute(select(ReceivingAccount.id).where(ReceivingAccount.id == account.id).with_for_update())
    session.refresh(account)
    waiting = session.scalar(select(func.count()).select_from(BankLine).where(
        BankLine.account_id == account.id, BankLine.state.in_([LineState.SUSPENSE, LineState.RETURNING]))) or 0
    ordered = session.scalar(select(func.count()).select_from(PaymentOrderLine).join(PaymentOrderLine.order).where(
        PaymentOrder.account_id == account.id, PaymentOrderLine.state == OrderLineState.ORDERED)) or 0
    if waiting or ordered:
        raise Conflict(N_("还有 {waiting} 笔待认领或待退回的明细、{ordered} 笔待付的付款。办完以后才能停用这个账户"),
                       waiting=waiting, ordered=ordered)
    account.closed_at = now
    session.flush()
    record(session, actor=actor, action="payments.close_account", subject=("receiving_account", account.ref), now=now)
