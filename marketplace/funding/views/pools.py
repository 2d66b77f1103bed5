"""What anybody may see: pools with their rule and four figures, and a project's money. Never a gap (rulebook 4.2)."""

from flask import render_template, request
from sqlalchemy import select

from marketplace.core.access import Actor
from marketplace.core.db import db
from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.funding import policy
from marketplace.funding.models import MatchingPool, MatchingRule
from marketplace.funding.queries import public_money
from marketplace.funding.queries.portfolio import funders_of
from marketplace.funding.queries.verifying import latest
from marketplace.funding.rules.landing import LANDING_LABELS
from marketplace.funding.rules.matching import LIMIT_LABELS
from marketplace.funding.views.blueprints import funding
from marketplace.funding.views.shared import FIGURES, example_of, sentence_of
from marketplace.web.access import public
from marketplace.web.actor import current_actor
from marketplace.web.paging import Page, page_number, paginate


@funding.get("/pools")
@public
def pools() -> str:
    """List the pools that were opened, with rule and figures; no cap, nothing remaining (P12)."""
    found = paginate(db.session(), public_money.public_pools(), number=page_number(request.args))
    rows = public_money.with_figures(db.session(), found.items)
    page = Page(rows, found.total, found.number, found.size)
    return render_template("funding/pools.html", page=page, check=latest(db.session()), sentence_of=sentence_of,
                           labels=FIGURES["labels"])


def sees_gap(actor: Actor, pool: MatchingPool) -> bool:
    """Say whether this visitor may see what a pool has left."""
    return any(policy.may_see_gap(actor, funder, pool=pool)
               for funder in (None, *funders_of(db.session(), actor)))


@funding.get("/pools/<ref>")
@public
def pool(ref: str) -> str:
    """Show one pool: rule, worked example, versions, figures, confirmed allocations by key (P12)."""
    session, actor = db.session(), current_actor()
    found = public_money.pool_by_ref(session, ref)
    may_manage = policy.may_manage_pool(actor, found)
    if found.state == "draft" and not may_manage:
        raise Denied(N_("没有这个配套资金池"), hidden=True)
    shown, after = public_money.with_figures(session, [found])[0], request.args.get("after", "")[:12]
    rules = session.scalars(select(MatchingRule).where(MatchingRule.pool_id == found.id)
                            .order_by(MatchingRule.version)).all()
    return render_template(
        "funding/pool.html", pool=found, rule=shown.rule, rules=rules, figures=shown.figures, projects=shown.projects,
        example=example_of(shown.rule) if shown.rule else [], check=latest(session), is_later=bool(after),
        matches=public_money.confirmed_matches(session, found, after=after), sees_gap=sees_gap(actor, found),
        may_manage=may_manage, sentence_of=sentence_of, limits=LIMIT_LABELS, **FIGURES)


@funding.get("/projects/<ref>/money")
@public
def project_money(ref: str) -> str:
    """Show a project's money: confirmed, paid, held, disbursed; own and matched apart; never what is missing."""
    found = public_money.project_money(db.session(), ref)
    return render_template(
        "funding/project_money.html", project=found.project, own=found.own, matched=found.matched,
        contributed=found.contributed, landings=found.landings, landing_labels=LANDING_LABELS,
        changed_at=found.changed_at, check=latest(db.session()),
        may_add_costs=bool(policy.may_add_cost_line(current_actor(), found.project)), **FIGURES)
