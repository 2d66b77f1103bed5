"""Where the fen of a pledge are: each stands in exactly one bucket, and moves only along a named step. Pure.

The database holds the sum (CHECK on `pledge`), the ledger holds one account for every bucket (`ACCOUNT_OF`).
"""

from collections.abc import Mapping
from enum import StrEnum

from marketplace.core.text import N_
from marketplace.ledger.rules import AccountKind


class Bucket(StrEnum):
    """The places of a fen of a pledge; also the names of the columns."""

    OPEN = "open"              # promised, not there yet
    PAID = "paid"              # arrived at the receiving body's account, not confirmed by it
    HELD = "held"              # confirmed by the receiving body
    RELEASED = "released"      # released for a milestone, not paid out yet
    DISBURSED = "disbursed"    # paid out to the provider
    REFUNDING = "refunding"    # to be returned, not returned yet
    REFUNDED = "refunded"      # returned to the funder
    DISPUTED = "disputed"      # taken back by a card network while it is disputed
    DROPPED = "dropped"        # never came: expired, cancelled, written off


BUCKETS = tuple(Bucket)
BUCKET_SUM = " + ".join(BUCKETS)

ACCOUNT_OF: Mapping[Bucket, AccountKind] = {   # credit balance of <kind>:<pledge> = the bucket; the rest are flows
    Bucket.OPEN: AccountKind.PROMISED, Bucket.PAID: AccountKind.PAID, Bucket.HELD: AccountKind.HELD,
    Bucket.RELEASED: AccountKind.MILESTONE, Bucket.REFUNDING: AccountKind.REFUND,
    Bucket.DISPUTED: AccountKind.DISPUTED,
}


class Move(StrEnum):
    """The steps of a fen. The operations of funding are built from these and no others."""

    ARRIVE = "arrive"            # money identified on an account
    UNARRIVE = "unarrive"        # it was somebody else's after all
    CONFIRM = "confirm"          # the receiving body confirms that it holds it
    RELEASE = "release"          # two people confirm a milestone
    UNRELEASE = "unrelease"      # a release withdrawn before it was paid out
    DISBURSE = "disburse"        # the bank statement shows the payment
    CLAW_BACK = "claw_back"      # unspent money came back from the provider
    REFUND_PAID = "refund_paid"
    REFUND_HELD = "refund_held"
    UNREFUND = "unrefund"        # a refund that failed
    RETURN = "return"            # returned to the funder
    DISPUTE_PAID = "dispute_paid"
    DISPUTE_HELD = "dispute_held"
    WIN = "win"                  # dispute won: held again
    LOSE = "lose"                # dispute lost: gone back to the payer
    DROP = "drop"                # expired, cancelled or written off


MOVES: Mapping[Move, tuple[Bucket, Bucket]] = {
    Move.ARRIVE: (Bucket.OPEN, Bucket.PAID), Move.UNARRIVE: (Bucket.PAID, Bucket.OPEN),
    Move.CONFIRM: (Bucket.PAID, Bucket.HELD), Move.RELEASE: (Bucket.HELD, Bucket.RELEASED),
    Move.UNRELEASE: (Bucket.RELEASED, Bucket.HELD), Move.DISBURSE: (Bucket.RELEASED, Bucket.DISBURSED),
    Move.CLAW_BACK: (Bucket.DISBURSED, Bucket.HELD), Move.REFUND_PAID: (Bucket.PAID, Bucket.REFUNDING),
    Move.REFUND_HELD: (Bucket.HELD, Bucket.REFUNDING), Move.UNREFUND: (Bucket.REFUNDING, Bucket.HELD),
    Move.RETURN: (Bucket.REFUNDING, Bucket.REFUNDED), Move.DISPUTE_PAID: (Bucket.PAID, Bucket.DISPUTED),
    Move.DISPUTE_HELD: (Bucket.HELD, Bucket.DISPUTED), Move.WIN: (Bucket.DISPUTED, Bucket.HELD),
    Move.LOSE: (Bucket.DISPUTED, Bucket.REFUNDED), Move.DROP: (Bucket.OPEN, Bucket.DROPPED),
}


class PledgeState(StrEnum):
    """What a page says of a pledge: computed from its buckets, kept in a column for lists."""

    VERBAL = "verbal"
    PLEDGED = "pledged"
    PAID = "paid"
    HELD = "held"
    RELEASED = "released"
    DISBURSED = "disbursed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    WRITTEN_OFF = "written_off"


class Exit(StrEnum):
    """Why what was promised never came."""

    EXPIRED = "expired"
    CANCELLED = "cancelled"
    WRITTEN_OFF = "written_off"


STATE_LABELS: Mapping[PledgeState, str] = {
    PledgeState.VERBAL: N_("口头认捐"), PledgeState.PLEDGED: N_("已签认捐书"), PledgeState.PAID: N_("已到账"),
    PledgeState.HELD: N_("接收方已确认"), PledgeState.RELEASED: N_("已批准拨付"), PledgeState.DISBURSED: N_("已拨付"),
    PledgeState.EXPIRED: N_("已过期"), PledgeState.CANCELLED: N_("已取消"), PledgeState.REFUNDED: N_("已退回"),
    PledgeState.DISPUTED: N_("有争议"), PledgeState.WRITTEN_OFF: N_("已核销"),
}
BUCKET_LABELS: Mapping[Bucket, str] = {
    Bucket.OPEN: N_("已承诺未到账"), Bucket.PAID: N_("已到账待确认"), Bucket.HELD: N_("接收方持有"),
    Bucket.RELEASED: N_("已批准待拨付"), Bucket.DISBURSED: N_("已拨付"), Bucket.REFUNDING: N_("待退回"),
    Bucket.REFUNDED: N_("已退回"), Bucket.DISPUTED: N_("争议中"), Bucket.DROPPED: N_("未到账已了结"),
}

# least advanced first: a pledge is as far as its last fen
_STAGES = ((Bucket.DISPUTED, PledgeState.DISPUTED), (Bucket.OPEN, PledgeState.PLEDGED), (Bucket.PAID, PledgeState.PAID),
           (Bucket.HELD, PledgeState.HELD), (Bucket.RELEASED, PledgeState.RELEASED),
           (Bucket.DISBURSED, PledgeState.DISBURSED), (Bucket.REFUNDING, PledgeState.REFUNDED),
           (Bucket.REFUNDED, PledgeState.REFUNDED))


def state_of(fen: Mapping[Bucket, int], *, is_verbal: bool, exit_: Exit | None) -> PledgeState:
    """Return the state of a pledge whose buckets hold `fen`; an exit says why what was dropped never came."""
    for bucket, state in _STAGES:
        if fen.get(bucket, 0):
            return PledgeState.VERBAL if state == PledgeState.PLEDGED and is_verbal else state
    return PledgeState(exit_ or Exit.CANCELLED)
