"""What changes money: pools, allocation, pledges, commitments, releases. Every verb is one operation."""

from marketplace.funding.operations.allocation import match_pledge
from marketplace.funding.operations.capturing import capture, captures_due
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
from marketplace.funding.operations.matching_lines import (
    MatchResult,
    identify_line,
    identify_payment,
    identify_unspent,
    judge_line,
    match_lines,
    split_line,
    unmatch_part,
)
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
from marketplace.funding.operations.moving import move_match
from marketplace.funding.operations.paying import (
    approve_order,
    payables,
    prepare_order,
    received,
    record_invoice,
    record_receipt,
)
from marketplace.funding.operations.pledges import cancel, expire_pledges, promise, write_off
from marketplace.funding.operations.pools import (
    change_cap,
    change_rule,
    close_pool,
    open_pool,
    pause_pool,
    start_pool,
)
from marketplace.funding.operations.releases import (
    claw_back,
    confirm_release,
    disburse,
    propose_release,
    refuse_release,
    withdraw_release,
)
from marketplace.funding.operations.returning import (
    expire_reservations,
    lock_matched,
    restore_refunded,
    return_match,
)
from marketplace.payments.operations import void_receipt

__all__ = [
    "MatchResult",
    "add_cost_line",
    "approve_commitment",
    "approve_order",
    "arrive",
    "ask_refund",
    "attach_commitment_paper",
    "attach_signed_copy",
    "cancel",
    "capture",
    "captures_due",
    "change_cap",
    "change_funder",
    "change_rule",
    "claim_contribution",
    "claw_back",
    "clear_flag",
    "close_dispute",
    "close_pool",
    "confirm",
    "confirm_release",
    "decide_contribution",
    "disburse",
    "expire_pledges",
    "expire_reservations",
    "identify_line",
    "identify_payment",
    "identify_unspent",
    "judge_line",
    "lock_matched",
    "look_at",
    "look_at_provider",
    "match_lines",
    "match_pledge",
    "move_match",
    "open_dispute",
    "open_pool",
    "pause_pool",
    "payables",
    "prepare_commitment",
    "prepare_order",
    "promise",
    "propose_release",
    "raise_flag",
    "received",
    "record_invoice",
    "record_receipt",
    "refund_failed",
    "refund_returned",
    "refuse_release",
    "register_funder",
    "restore_refunded",
    "return_commitment",
    "return_match",
    "split_line",
    "start_pool",
    "unarrive",
    "unmatch_part",
    "unverify_funder",
    "uphold_flag",
    "verify_funder",
    "void_receipt",
    "withdraw_release",
    "write_off",
]
