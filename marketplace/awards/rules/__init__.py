"""Panels, scores, ranking, awards, notices, objections: states, formulas, draws and flags. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from marketplace.awards.rules.draw import aliases, draw_order, new_seed
from marketplace.awards.rules.flags import Flag, FlagKind, OfferFacts, abnormally_low, collusion_signals
from marketplace.awards.rules.scoring import (
    Candidate,
    Level,
    Ranked,
    check_points,
    levels,
    mean,
    price_points,
    quality_points,
    rank,
    round_points,
)
from marketplace.core.lifecycle import Lifecycle
from marketplace.core.text import N_

__all__ = [
    "AWARD_LABELS", "FIELD_ROOT", "JOB_AWARD_MADE", "JOB_AWARD_REVOKED", "JOB_OBJECTIONS_OVER",
    "JOB_OBJECTION_ANSWERED", "JOB_OBJECTION_RAISED", "JOB_SEATS_CHANGED", "JOB_SHEETS_IN", "NOTICE_LABELS",
    "RECUSAL_YEARS", "SEAT_LABELS", "SEAT_STEPS", "AwardState", "Candidate", "Flag", "FlagKind", "Level", "NoticeKind",
    "OfferFacts", "Ranked", "SeatState", "abnormally_low", "aliases", "check_points", "collusion_signals",
    "committee_is_ok", "draw_order", "fits_field", "levels", "mean", "new_seed", "objection_is_in_time", "price_points",
    "quality_points", "rank", "round_points",
]

JOB_SEATS_CHANGED = "awards.seats_changed"
JOB_SHEETS_IN = "awards.sheets_in"
JOB_AWARD_MADE = "awards.award_made"
JOB_AWARD_REVOKED = "awards.award_revoked"
JOB_OBJECTIONS_OVER = "awards.objections_over"
JOB_OBJECTION_RAISED = "awards.objection_raised"
JOB_OBJECTION_ANSWERED = "awards.objection_answered"

RECUSAL_YEARS = timedelta(days=3 * 365 + 1)   # employment within three years (GPR 9)
FIELD_ROOT = 3                                # an expert's field is a catalogue code of the second level: A05


class SeatState(StrEnum):
    """Where a member of a panel stands: drawn, seated (no conflict declared), recused, or done."""

    DRAWN = "drawn"
    SEATED = "seated"
    RECUSED = "recused"
    SUBMITTED = "submitted"


SEAT_LABELS: Mapping[SeatState, str] = {
    SeatState.DRAWN: N_("待声明"), SeatState.SEATED: N_("评分中"), SeatState.RECUSED: N_("已回避"),
    SeatState.SUBMITTED: N_("已提交"),
}

SEAT_STEPS = Lifecycle(
    {
        (SeatState.DRAWN, "accept"): SeatState.SEATED,
        (SeatState.DRAWN, "recuse"): SeatState.RECUSED,
        (SeatState.SEATED, "recuse"): SeatState.RECUSED,
        (SeatState.SEATED, "score"): SeatState.SEATED,
        (SeatState.SEATED, "submit"): SeatState.SUBMITTED,
    },
    SEAT_LABELS,
)


class AwardState(StrEnum):
    """An award stands until it is revoked."""

    NOTIFIED = "notified"
    REVOKED = "revoked"


AWARD_LABELS: Mapping[AwardState, str] = {AwardState.NOTIFIED: N_("中选"), AwardState.REVOKED: N_("已撤销")}


class NoticeKind(StrEnum):
    """The official notices of a project, in the order of its life."""

    SELECTION = "selection"
    CHANGE = "change"
    RESULT = "result"
    CORRECTION = "correction"
    FAILURE = "failure"
    TERMINATION = "termination"
    CONTRACT = "contract"


NOTICE_LABELS: Mapping[NoticeKind, str] = {
    NoticeKind.SELECTION: N_("遴选公告"), NoticeKind.CHANGE: N_("变更公告"),
    NoticeKind.RESULT: N_("结果公告"),
    NoticeKind.CORRECTION: N_("结果更正公告"), NoticeKind.FAILURE: N_("流标公告"),
    NoticeKind.TERMINATION: N_("终止公告"), NoticeKind.CONTRACT: N_("合同公告"),
}


def committee_is_ok(size: int, experts: int, *, least: int = 5) -> bool:
    """Say whether a panel is lawful: large enough, odd, two thirds experts (rulebook 2.4: 5 needs 4)."""
    return size >= least and size % 2 == 1 and experts * 3 >= size * 2


def fits_field(category_code: str | None, fields: list[object]) -> bool:
    """Say whether an expert's fields cover the project's category; without fields one covers all."""
    return not fields or not category_code or category_code[:FIELD_ROOT] in fields


def objection_is_in_time(objections_until: datetime, now: datetime) -> bool:
    """Say whether an objection may still be raised; the end is exclusive, the midnight after the last day."""
    return now < objections_until
