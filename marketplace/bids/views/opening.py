"""The record of an opening, in public: when, how many, and that every seal was intact."""

from flask import render_template

from marketplace.bids import policy, queries, rules
from marketplace.bids.views.shared import blueprint, load_project
from marketplace.core.clock import utc_now
from marketplace.core.db import db
from marketplace.procedures.queries import rule_set_of
from marketplace.web.access import public
from marketplace.web.actor import current_actor


@blueprint.get("/projects/<ref>/opening")
@public
def opening(ref: str) -> str:
    """Show the opening record. Before it: when it will be, and nothing of what came in."""
    session, actor, now = db.session(), current_actor(), utc_now()
    project = load_project(session, ref)
    record = queries.opening_of(session, project)
    lines = queries.record_lines(record)
    sees_names = policy.may_see_bidders(actor, project, frozenset(line.organization_id for line in lines))
    prices = {}
    if record is not None and sees_names:
        prices = {offer.bid.receipt_number: offer.price for offer in queries.offers_of(session, project)}
    return render_template("bids/opening.html", project=project, opening=record, lines=lines, sees_names=sees_names,
                           prices=prices, now=now, verdict_labels=rules.VERDICT_LABELS,
                           opens_at=rules.opens_at(project.closes_at),
                           rule_set=rule_set_of(project.rule_set, project.rules_snapshot) if project.rule_set else None)
