"""Who may keep, verify and use a receiving account, who may settle its lines, pay from it, record receipts. Pure."""

from collections.abc import Sequence

from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_
from marketplace.payments.models import BankLine, PaymentOrder, ReceivingAccount
from marketplace.payments.rules.lines import LineState
from marketplace.payments.rules.orders import OrderState

TREASURERS: Sequence[Role] = (Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER, Role.FUNDER)
OVERSEERS: Sequence[Role] = (Role.OPERATOR, Role.AUDITOR)
HIDDEN = denied(N_("没有这个账户，或您不能查看"), hidden=True)


def may_keep(actor: Actor, organization_id: int | None) -> Decision:
    """Allow the people of the receiving organization to keep its accounts and receipts."""
    if actor.is_system or actor.acts_for(organization_id, *TREASURERS):
        return ALLOWED
    return denied(N_("只有接收机构自己的人员可以管理它的账户"))


def may_view(actor: Actor, account: ReceivingAccount) -> Decision:
    """Show an account to its organization, the operator and the auditor; to nobody else."""
    if may_keep(actor, account.organization_id) or actor.has(*OVERSEERS):
        return ALLOWED
    return HIDDEN


def may_verify(actor: Actor, account: ReceivingAccount) -> Decision:
    """Allow the operator to verify an account once, after looking at its proof."""
    if not actor.has(Role.OPERATOR):
        return denied(N_("账户由平台管理员核验"))
    if account.closed_at is not None:
        return denied(N_("账户已停用"))
    if account.verified_at is not None:
        return denied(N_("账户已经核验过"))
    if account.kind == "bank" and account.proof_file_id is None:
        return denied(N_("还没有上传开户证明，不能核验"))
    return ALLOWED


def _own(actor: Actor, account: ReceivingAccount) -> Decision:
    """Allow the account's own people; strangers do not learn that it exists."""
    return ALLOWED if may_keep(actor, account.organization_id) else HIDDEN


def may_use(actor: Actor, account: ReceivingAccount) -> Decision:
    """Allow the organization's people to import statements and settle lines of a verified, live account."""
    if not (own := _own(actor, account)):
        return own
    if account.closed_at is not None:
        return denied(N_("账户已停用"))
    if account.verified_at is None:
        return denied(N_("账户还没有核验。平台管理员核验后才能导入对账单和付款"))
    return ALLOWED


def may_settle(actor: Actor, line: BankLine) -> Decision:
    """Allow the organization's people to say whose a line is while some of it lies in suspense."""
    if not (use := may_use(actor, line.account)):
        return use
    if line.state != LineState.SUSPENSE:
        return denied(N_("这一笔已经全部认领或正在退回"))
    return ALLOWED


def may_approve_order(actor: Actor, order: PaymentOrder) -> Decision:
    """Allow another person of the organization than the one who prepared the order."""
    if not (use := may_use(actor, order.account)):
        return use
    if order.state != OrderState.PREPARED:
        return denied(N_("这张付款单已经复核或作废"))
    if actor.person_id == order.prepared_by:
        return denied(N_("付款单由一人制单、另一人复核。您是制单人，请本机构另一位人员复核"))
    return ALLOWED


def may_cancel_order(actor: Actor, order: PaymentOrder) -> Decision:
    """Allow the organization's people to cancel an order that nobody approved."""
    if not (use := may_use(actor, order.account)):
        return use
    if order.state != OrderState.PREPARED:
        return denied(N_("只有还没复核的付款单可以作废"))
    return ALLOWED
