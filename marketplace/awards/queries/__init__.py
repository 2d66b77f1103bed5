"""Reads of judging, each as much as the reader may know."""

from marketplace.awards.queries.notices import notice_by_ref, notices, notices_of, public_documents
from marketplace.awards.queries.pool import bidders, eligible_experts, expert_pool
from marketplace.awards.queries.qualification import Checked, checked_offers, hard_problems
from marketplace.awards.queries.result import (
    Comparison,
    OwnResult,
    award_by_ref,
    comparison,
    first_of,
    live_award,
    my_bid,
    objection_by_ref,
    objections_of,
    own_bid,
    own_result,
    ranking_of,
    result_notice,
    spread,
    took_part,
)
from marketplace.awards.queries.sheet import (
    Sheet,
    SheetRow,
    letters,
    missing_scores,
    opened_bids,
    panel_of,
    seat_by_ref,
    seats_of,
    sheet,
)

__all__ = [
    "Checked", "Comparison", "OwnResult", "Sheet", "SheetRow", "award_by_ref", "bidders", "checked_offers",
    "comparison", "eligible_experts", "expert_pool", "first_of", "hard_problems", "letters", "live_award",
    "missing_scores",
    "my_bid", "notice_by_ref", "notices", "notices_of", "objection_by_ref", "objections_of", "opened_bids",
    "own_bid", "own_result", "panel_of", "public_documents", "ranking_of", "result_notice", "seat_by_ref",
    "seats_of", "sheet", "spread", "took_part",
]
