"""The verbs of judging: draw, declare, score, rank, award, publish, object."""

from marketplace.awards.operations.award import award, revoke
from marketplace.awards.operations.notices import publish_notice
from marketplace.awards.operations.objections import answer_objection, raise_objection
from marketplace.awards.operations.panel import declare, draw_panel, draw_substitutes, enrol_expert
from marketplace.awards.operations.ranking import close_scoring, set_validity
from marketplace.awards.operations.scoring import save_scores, submit_sheet

__all__ = [
    "answer_objection", "award", "close_scoring", "declare", "draw_panel", "draw_substitutes", "enrol_expert",
    "publish_notice", "raise_objection", "revoke", "save_scores", "set_validity", "submit_sheet",
]
