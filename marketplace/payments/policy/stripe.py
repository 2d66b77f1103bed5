"""Who may have a card payment opened, give money back, link a Stripe account, read the daily comparison. Pure."""

from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_
from marketplace.organizations.models import Organization
from marketplace.payments.models import ReceivingAccount
from marketplace.payments.policy.bank import OVERSEERS, TREASURERS, may_keep


def may_link_stripe(actor: Actor, organization: Organization) -> Decision:
    """Allow the operator to link a verified receiving body's own Stripe account."""
    if not actor.has(Role.OPERATOR):
        return denied(N_("接入 Stripe 账户由平台管理员办理"))
    if organization.verification != "verified":
        return denied(N_("这个接收方还没有核验，不能接入收款账户"))
    return ALLOWED


def may_take_charge(actor: Actor, account: ReceivingAccount) -> Decision:
    """Allow somebody signed in to open a card payment to a verified Stripe account in use.

    Whose money it is for is decided above: a signer of the funder, from its own signed pledge.
    """
    if not actor.is_signed_in:
        return denied(N_("请先登录。这里没有公开的付款链接"))
    if account.kind != "stripe" or account.verified_at is None or account.closed_at is not None:
        return denied(N_("接收方没有可用的 Stripe 账户。请用银行转账"))
    return ALLOWED


def may_refund_charge(actor: Actor, account: ReceivingAccount) -> Decision:
    """Allow the receiving body to give its own money back; the platform never does."""
    return may_keep(actor, account.organization_id)


def may_read_reconciliation(actor: Actor) -> Decision:
    """Allow people of receiving bodies (each its own accounts), the operator and the auditor (all)."""
    if actor.has(*TREASURERS, *OVERSEERS):
        return ALLOWED
    return denied(N_("对账由接收方和平台管理员查看"))
