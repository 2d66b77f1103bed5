"""What funding tells the slices above, as kinds of jobs. Payload: references and plain values only."""

from marketplace.funding.rules.buckets import Move

JOB_COMMITMENT_PREPARED = "funding.commitment_prepared"   # commitment_ref
JOB_COMMITMENT_APPROVED = "funding.commitment_approved"   # commitment_ref
JOB_COMMITMENT_RETURNED = "funding.commitment_returned"   # commitment_ref
JOB_MONEY_MOVED = "funding.money_moved"                   # pledge_ref, move, amount_fen, key
JOB_RELEASE_PROPOSED = "funding.release_proposed"         # release_ref
JOB_RELEASE_DECIDED = "funding.release_decided"           # release_ref
JOB_FLAG_RAISED = "funding.flag_raised"                   # flag_ref
JOB_FLAG_DECIDED = "funding.flag_decided"                 # flag_ref
JOB_SIGN_REMINDER = "funding.sign_reminder"               # pledge_ref, days
JOB_EXPIRY_NEAR = "funding.expiry_near"                   # pledge_ref

# The moves that somebody hears of; releases and their payment have news of their own.
TOLD = frozenset({
    Move.ARRIVE, Move.UNARRIVE, Move.CONFIRM, Move.DISBURSE, Move.CLAW_BACK, Move.RETURN, Move.UNREFUND,
    Move.DISPUTE_PAID, Move.DISPUTE_HELD, Move.WIN, Move.LOSE, Move.DROP,
})
