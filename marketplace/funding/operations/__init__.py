"""What changes money: pools, allocation, pledges, commitments, releases. Every verb is one operation."""

from marketplace.funding.operations.allocation import match_pledge
from marketplace.funding.operations.commitments import (
    approve_commitment,
    attach_commitment_paper,
    attach_signed_copy,
    prepare_commitment,
    return_commitment,
)
from marketplace.funding.operations.contributions import claim_contribution, decide_contribution
from marketplace.funding.operations.funders import (
    add_cost_line,
    change_funder,
    register_funder,
    unverify_funder,
    verify_funder,
)
from marketplace.funding.operations.gaming import clear_flag, look_at, look_at_provider, raise_flag, uphold_flag
from marketplace.funding.operations.money import (
    arrive,
    ask_refund,
    close_dispute,
    confirm,
    open_dispute,
    refund_failed,
    refund_returned,
    unarrive,
)
from marketplace.funding.operations.pledges import cancel, expire_pledges, promise, write_off
from marketplace.funding.operations.releases import (
    claw_back,
    confirm_release,
    disburse,
    propose_release,
    refuse_release,
    withdraw_release,
)

__all__ = [
    "add_cost_line", "approve_commitment", "arrive", "ask_refund", "attach_commitment_paper", "attach_signed_copy",
    "cancel", "change_funder", "claim_contribution", "claw_back", "clear_flag", "close_dispute", "confirm",
    "confirm_release", "decide_contribution", "disburse", "expire_pledges", "look_at", "look_at_provider",
    "match_pledge", "open_dispute", "prepare_commitment", "promise", "propose_release", "raise_flag",
    "refund_failed", "refund_returned", "refuse_release", "register_funder", "return_commitment", "unarrive",
    "unverify_funder", "uphold_flag", "verify_funder", "withdraw_release", "write_off",
]
