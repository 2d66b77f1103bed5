"""The receiving body confirms what arrived, many at once: from then on the money is held; matching money follows."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import DomainError
from marketplace.funding import operations, policy
from marketplace.funding.queries.arrived import arrived_at, chosen
from marketplace.funding.rules.pledges import shown_code
from marketplace.funding.views.blueprints import funding
from marketplace.payments.policy import TREASURERS
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import say, status_of
from marketplace.web.paging import page_number, paginate

PER_PAGE = 100


@funding.get("/money/arrived")
@for_roles(*TREASURERS)
def arrived() -> str:
    """List what arrived and waits for the organization's word."""
    return _page()


def _page(failed: str = "", ticked: tuple[str, ...] = ()) -> str:
    """Fill the page; after a refusal what was ticked stays ticked."""
    actor = current_actor()
    page = paginate(db.session(), arrived_at(actor.organization_id), number=page_number(request.args), size=PER_PAGE)
    return render_template("payments/arrived.html", page=page, failed=failed, ticked=ticked, shown_code=shown_code,
                           may_confirm=actor.has(*policy.KEEPERS))


@funding.post("/money/arrived")
@for_roles(*policy.KEEPERS)
def confirm_arrived() -> Response | tuple[str, int]:
    """Confirm all that arrived of the ticked pledges, all or none."""
    actor, now, refs = current_actor(), utc_now(), tuple(request.form.getlist("pledge"))
    if not refs:
        return _page(gettext("请勾选要确认的来款")), 422
    try:
        with transaction() as session:
            count = operations.confirm_all(session, actor=actor, now=now,
                                           pledges=chosen(session, actor.organization_id, refs))
    except DomainError as refused:
        return _page(say(refused), refs), status_of(refused)
    flash(gettext("已确认 %(n)s 笔到账", n=count), "ok")
    return redirect(url_for("funding.arrived"), 303)
