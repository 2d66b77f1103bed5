"""What everybody may read: results and notices. And what a bidder alone reads: its own result (ux.md P2, O10)."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from flask import render_template, request
from werkzeug.exceptions import NotFound

from marketplace.awards import policy, queries
from marketplace.awards.rules import NOTICE_LABELS, NoticeKind, objection_is_in_time
from marketplace.awards.views.blueprint import blueprint, visible_project
from marketplace.core.clock import utc_now
from marketplace.core.db import db
from marketplace.core.money import Money
from marketplace.procedures.queries import rule_set_of
from marketplace.procedures.rules import SCORING_LABELS, rule_set
from marketplace.web.access import for_roles, public
from marketplace.web.actor import current_actor
from marketplace.web.names import category_names
from marketplace.web.paging import page_number, paginate


@blueprint.get("/projects/<ref>/result")
@public
def result(ref: str) -> str:
    """Show the published result of a project with the clock of the objection period."""
    session, actor, now = db.session(), current_actor(), utc_now()
    project = visible_project(session, ref)
    award = queries.live_award(session, project)
    notices = queries.notices_of(session, project)
    notice = queries.result_notice(session, project)
    may_object = policy.may_object(actor, project, award=award, now=now,
                                   is_participant=queries.took_part(session, project, actor))
    return render_template(
        "awards/result.html", project=project, award=award, notice=notice, facts=typed(notice.facts) if notice else {},
        notices=notices, labels=NOTICE_LABELS, now=now, may_object=may_object,
        my_bid=queries.my_bid(session, project, actor), scoring_labels=SCORING_LABELS,
        rule_title=_rule_title(project.rule_set),
        is_in_time=award is not None and objection_is_in_time(award.objections_until, now))


@blueprint.get("/bids/<ref>/result")
@for_roles(*policy.BIDDER_ROLES)
def own_result(ref: str) -> str:
    """Show a bidder its own scores, place and remarks."""
    session, actor, now = db.session(), current_actor(), utc_now()
    bid = queries.own_bid(session, ref)
    found = queries.own_result(session, bid, actor=actor)
    project = bid.project
    may_object = policy.may_object(actor, project, award=found.award, now=now, is_participant=True)
    return render_template("awards/own_result.html", found=found, bid=bid, project=project, now=now,
                           may_object=may_object, rules=rule_set_of(project.rule_set, project.rules_snapshot))


@blueprint.get("/notices")
@public
def notices() -> str:
    """List the official notices, newest first, by kind."""
    kind = request.args.get("kind", "")
    if kind and kind not in tuple(NoticeKind):
        raise NotFound
    page = paginate(db.session(), queries.notices(kind), number=page_number(request.args))
    return render_template("awards/notices.html", page=page, kind=kind, labels=NOTICE_LABELS)


@blueprint.get("/notices/<ref>")
@public
def notice(ref: str) -> str:
    """Show one notice as it was published."""
    session = db.session()
    found = queries.notice_by_ref(session, ref)
    others = [one for one in queries.notices_of(session, found.project) if one.id != found.id]
    return render_template("awards/notice.html", notice=found, project=found.project, facts=typed(found.facts),
                           others=others, labels=NOTICE_LABELS, scoring_labels=SCORING_LABELS,
                           categories=category_names(), rule_title=_rule_title(found.project.rule_set))


def typed(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return a notice's plain facts with amounts as Money and times as moments, for the filters of the page."""
    shown = dict(facts)
    for name in ("price_fen", "budget_fen", "ceiling_fen"):
        amount = facts.get(name)
        shown[name.removesuffix("_fen")] = Money(amount) if isinstance(amount, int) else None
    for name in ("closes_at", "objections_until"):
        shown[name] = datetime.fromisoformat(facts[name]) if facts.get(name) else None
    service = facts.get("service") or {}
    shown["service"] = {**service, **{end: date.fromisoformat(service[end]) if service.get(end) else None
                                      for end in ("from", "to")}}
    return shown


def _rule_title(name: str) -> str:
    """Return the title of the rule set that governed a project."""
    try:
        return rule_set(name).title
    except KeyError:
        return name
