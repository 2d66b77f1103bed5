"""The journals of a pledge in words: what each step was. Pure."""

from collections.abc import Mapping

from marketplace.core.text import N_
from marketplace.funding.rules.buckets import Move

MOVE_LABELS: Mapping[Move, str] = {
    Move.ARRIVE: N_("到账"), Move.UNARRIVE: N_("撤回认款"), Move.CONFIRM: N_("接收方确认"), Move.RELEASE: N_("批准拨付"),
    Move.UNRELEASE: N_("撤回拨付"), Move.DISBURSE: N_("拨付给承接单位"), Move.CLAW_BACK: N_("未用完退回"),
    Move.REFUND_PAID: N_("转为待退回"), Move.REFUND_HELD: N_("转为待退回"), Move.UNREFUND: N_("退回未成功"),
    Move.RETURN: N_("退回捐赠人"), Move.DISPUTE_PAID: N_("付款有争议"), Move.DISPUTE_HELD: N_("付款有争议"),
    Move.WIN: N_("争议了结，款项保留"), Move.LOSE: N_("争议了结，款项退回付款人"), Move.DROP: N_("未到账部分了结"),
}
OTHER_LABELS: Mapping[str, str] = {
    "pledge.promise": N_("作出认捐"), "match.captured": N_("配套确认"), "match.reserved": N_("预留配套"),
    "match.returned": N_("配套退回资金池"), "match.moved": N_("配套转到另一个资金池"),
}


def label_of(kind: str) -> str:
    """Return the words for a journal's kind; an unknown kind stands for itself."""
    tail = kind.rpartition(".")[2]
    return OTHER_LABELS.get(kind) or next((label for move, label in MOVE_LABELS.items() if move == tail), kind)
