"""The operator's blueprint of matching, who comes in, and what its pages share: names, exports, one run by its ref."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.catalogs.queries import area_names, category_names
from marketplace.core.access import Role, require
from marketplace.core.db import db
from marketplace.core.text import N_
from marketplace.matching.models import MatchingRun
from marketplace.matching.policy import runs as policy
from marketplace.matching.queries import boards
from marketplace.matching.rules import runs as words
from marketplace.matching.rules.hard import RULES, HardRule
from marketplace.matching.rules.weights import CRITERIA, CRITERION_LABELS, Criterion
from marketplace.web.actor import current_actor

blueprint = Blueprint("matching_ops", __name__)
READERS = (Role.OPERATOR, Role.AUDITOR)
REFUSED = 422
TWO_MINUTES = 120
MOST_LIVE = 5_000                        # projects of a run that a page solves again while it is looked at
Answer = str | Response | tuple[str | Response, int]
NOTES: Mapping[Criterion, str] = {
    Criterion.CATEGORY: N_("服务类别与项目相同或相近"), Criterion.TEXT: N_("资料和项目说的是不是一回事"),
    Criterion.AREA: N_("组织自报的服务区域，不看登记地"), Criterion.TRACK: N_("完成过的项目和评价"),
    Criterion.BUDGET: N_("预算和做过的项目是否相近"), Criterion.CAPACITY: N_("还能再接几个项目"),
}
LABELS = {
    "criteria": {one: CRITERION_LABELS[one] for one in CRITERIA}, "notes": NOTES,
    "adjustments": {one: word for one, word in CRITERION_LABELS.items() if one not in CRITERIA},
}


def run_of(ref: str) -> MatchingRun:
    """Return a run that the visitor may see; 404 otherwise."""
    actor = current_actor()
    require(policy.may_see(actor))
    found = boards.run_by_ref(db.session(), ref)
    if found is None:
        require(policy.HIDDEN)
    assert found is not None
    return found


def is_live_size(run: MatchingRun) -> bool:
    """Say whether a run is small enough to be solved again for a page."""
    return int(str(run.metrics.get("needs", 0))) <= MOST_LIVE


def exports(**fixed: str) -> Callable[..., SimpleNamespace]:
    """Return what gives the addresses of a table's files; filters of this page come along."""
    endpoint = fixed.pop("endpoint")

    def addresses(table: str, title: str, **more: str) -> SimpleNamespace:
        asked = {name: value for name, value in request.args.items() if name != "page"}
        arguments: dict[str, Any] = {**asked, **fixed, **more}
        return SimpleNamespace(title=title, **{
            kind: url_for(endpoint, table=table, kind=kind, **arguments) for kind in ("csv", "xlsx")})

    return addresses


def code_names() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the names of categories and of areas by code."""
    session = db.session()
    return category_names(session), area_names(session)


def rule_word(bit: int) -> str:
    """Return how a hard rule is called, in the reader's language."""
    return gettext(RULES[HardRule(bit)].label) if HardRule(bit) in RULES else ""


def took(run: MatchingRun) -> str:
    """Return how long a run took, in words."""
    if run.started_at is None or run.finished_at is None:
        return ""
    return span(run.started_at, run.finished_at)


def span(start: datetime, end: datetime) -> str:
    """Return a short length of time in words."""
    seconds = max(int((end - start).total_seconds()), 0)
    if seconds < 1:
        return gettext("不到 1 秒")
    if seconds < TWO_MINUTES:
        return gettext("%(n)s 秒", n=seconds)
    return gettext("%(n)s 分钟", n=seconds // 60)


@blueprint.context_processor
def _shared() -> dict[str, object]:
    """Give every page of this blueprint its words."""
    return {"words": words, "labels": LABELS, "rule_word": rule_word}
