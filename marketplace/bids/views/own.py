"""What an organization sees of its own bids: the list, a bid, its receipt, taking it back (ux.md O4, O9)."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from marketplace.bids import operations, policy, queries, rules
from marketplace.bids.views.shared import blueprint, for_providers
from marketplace.bids.views.writing import hand_out
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.procedures.queries import rule_set_of
from marketplace.projects.rules import STATUS_LABELS, display_status
from marketplace.web.actor import current_actor
from marketplace.web.services import services


@blueprint.get("/bids")
@for_providers
def mine() -> str:
    """List the projects the organization writes or wrote for."""
    now = utc_now()
    rows = queries.own_projects(db.session(), current_actor())
    shown = [(row, display_status(row.project.state, row.project.published_at, row.project.closes_at, now))
             for row in rows]
    return render_template("bids/mine.html", rows=shown, now=now, status_labels=STATUS_LABELS,
                           state_labels=rules.STATE_LABELS)


@blueprint.get("/bids/<ref>")
@for_providers
def own(ref: str) -> str:
    """Show the organization its own bid in the clear."""
    session, actor, now = db.session(), current_actor(), utc_now()
    bid = queries.own_by_ref(session, actor, ref)
    offer = queries.own_offer(session, actor, bid, sealer=services().sealer)
    return render_template("bids/own.html", bid=bid, project=bid.project, offer=offer, now=now,
                           files=rules.attached(offer.answers), state_labels=rules.STATE_LABELS,
                           versions=queries.own_versions(session, actor, bid.project),
                           may_withdraw=policy.may_withdraw(actor, bid, bid.project, now))


@blueprint.get("/bids/<ref>/files/<sha256>")
@for_providers
def own_file(ref: str, sha256: str) -> Response:
    """Hand out a file of the organization's own bid."""
    session, actor = db.session(), current_actor()
    bid = queries.own_by_ref(session, actor, ref)
    return hand_out(queries.own_offer(session, actor, bid, sealer=services().sealer).answers, sha256)


@blueprint.get("/bids/<ref>/receipt")
@for_providers
def receipt(ref: str) -> str:
    """Show and print the receipt; it never shows the price."""
    session, actor, now = db.session(), current_actor(), utc_now()
    bid = queries.own_by_ref(session, actor, ref)
    project = bid.project
    return render_template("bids/receipt.html", bid=bid, project=project, now=now, state_labels=rules.STATE_LABELS,
                           submitter=queries.submitter_name(session, bid), opens_at=rules.opens_at(project.closes_at),
                           rule_set=rule_set_of(project.rule_set, project.rules_snapshot),
                           may_withdraw=policy.may_withdraw(actor, bid, project, now),
                           may_replace=policy.may_draft(actor, project, now))


@blueprint.route("/bids/<ref>/withdraw", methods=["GET", "POST"])
@for_providers
def withdraw(ref: str) -> str | Response:
    """Ask once more, then take the bid back."""
    form, now, actor = FlaskForm(), utc_now(), current_actor()
    if form.validate_on_submit():
        with transaction() as session:
            bid = operations.withdraw_bid(session, actor=actor, bid=queries.own_by_ref(session, actor, ref), now=now)
            project_ref = bid.project.ref
        flash(gettext("已撤回。草稿还在，截止前可以修改后重新提交"), "ok")
        return redirect(url_for("bids.edit", ref=project_ref), 303)
    bid = queries.own_by_ref(db.session(), actor, ref)
    return render_template("bids/withdraw.html", bid=bid, project=bid.project, now=now, form=form,
                           may_withdraw=policy.may_withdraw(actor, bid, bid.project, now))
