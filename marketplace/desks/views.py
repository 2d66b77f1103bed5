"""Pages that show several slices: home (P1), the desks of unit, organization and funder, help, statements."""

from flask import Blueprint, Response, current_app, g, render_template, request

from marketplace.awards.rules import NOTICE_LABELS
from marketplace.core.access import ROLE_LABELS, Actor, Role
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db
from marketplace.core.errors import Denied, Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.desks import queries
from marketplace.desks.rules import OUTCOMES, PIPELINE
from marketplace.desks.rules.help import GLOSSARY, QUESTIONS, THINGS, TOPICS
from marketplace.desks.rules.topics import ROLES
from marketplace.funding.queries import portfolio as funding
from marketplace.funding.queries.public_money import with_figures
from marketplace.funding.rules.buckets import STATE_LABELS
from marketplace.funding.rules.payout import BASE_LABELS
from marketplace.inbox import queries as inbox
from marketplace.inbox.rules import GROUP_LABELS, KIND_ICONS
from marketplace.projects.rules import STATUS_LABELS
from marketplace.web.access import for_roles, public
from marketplace.web.actor import current_actor
from marketplace.web.pages import PROVIDER_ROLES, UNIT_ROLES
from marketplace.web.services import config

blueprint = Blueprint("desks", __name__)
KEPT_SECONDS = 30
CHIEF = tuple(ROLE_LABELS)  # the role named beside a person: the first that he holds, in this order


@blueprint.app_context_processor
def who_acts() -> dict[str, object]:
    """Tell the page frame for which organization, and as what, the person acts; read once a request."""
    actor = current_actor()
    if not actor.is_signed_in:
        return {"acting_for": "", "acting_as": ""}
    if "acting_for" not in g:
        g.acting_for = queries.organization_name(db.session(), actor)
    role = next((role for role in CHIEF if actor.has(role)), None)
    return {"acting_for": g.acting_for, "acting_as": ROLE_LABELS[role] if role else ""}


@blueprint.get("/")
@public
def home() -> str:
    """Show the front page: search, doors, next deadlines, places, kinds, notices."""
    now = utc_now()
    return render_template("desks/home.html", now=now, home=_kept_home(), notice_labels=NOTICE_LABELS)


def _kept_home() -> queries.Home:
    """Return the numbers of the front page, at most half a minute old; the page names their time."""
    now = utc_now()
    kept: queries.Home | None = current_app.extensions.get("desks.home")
    if kept is None or config().testing or not 0 <= (now - kept.taken_at).total_seconds() < KEPT_SECONDS:
        kept = queries.home(db.session(), now=now)
        current_app.extensions["desks.home"] = kept
    return kept


@blueprint.get("/desk")
@for_roles(*UNIT_ROLES)
def unit() -> str:
    """Show the unit's desk (B1): inbox, pipeline, purchase list, units below."""
    now, session, actor = utc_now(), db.session(), current_actor()
    return render_template(
        "desks/unit.html", now=now, desk=queries.unit_desk(session, actor, now=now), pipeline=PIPELINE,
        outcomes=OUTCOMES, statuses=STATUS_LABELS, **_inbox(actor))


@blueprint.get("/org")
@for_roles(*PROVIDER_ROLES)
def provider() -> str:
    """Show the organization's desk (O1): inbox, bids by stage, papers that run out, projects."""
    now, session, actor = utc_now(), db.session(), current_actor()
    desk = queries.provider_desk(session, actor, now=now)
    if desk is None:
        raise Denied(N_("您还没有加入机构。请在“我的账号”切换身份，或请机构管理员邀请您"))
    return render_template("desks/provider.html", now=now, desk=desk, **_inbox(actor))


@blueprint.get("/fund")
@for_roles(Role.FUNDER, Role.PROVIDER_ADMIN, Role.HANDLER, Role.APPROVER)
def fund() -> str:
    """Show the funder's desk (F1): the portfolio, what is due this year, pools, published projects by field."""
    now, actor, field = utc_now(), current_actor(), request.args.get("field", "")[:7]
    session = db.session()
    own = funding.funders_of(session, actor)
    funder = next((one for one in own if one.ref == request.args.get("fund")), own[0] if own else None)
    found = funding.portfolio(session, funder, today=beijing_date(now)) if funder else None
    return render_template(
        "desks/fund.html", now=now, field=field, own=own, funder=funder, portfolio=found, states=STATE_LABELS,
        pools=with_figures(session, funding.pools_of(session, funder)) if funder else [], base_labels=BASE_LABELS,
        outside=_outside(), **_inbox(actor), desk=queries.fund_desk(session, now=now, field=field))


def _outside() -> Money | None:
    """Return what the visitor says was spent outside this platform this year; nothing when it is no amount."""
    try:
        return Money.parse(request.args.get("outside", ""))
    except Invalid:
        return None


def _inbox(actor: Actor) -> dict[str, object]:
    """Return what the inbox part of a desk shows."""
    session, now = db.session(), utc_now()
    return {"groups": inbox.todos(session, actor, now=now), "labels": GROUP_LABELS, "icons": KIND_ICONS,
            "news": inbox.latest_news(session, actor)}


@blueprint.get("/help")
@public
def help_() -> str:
    """Show help (H1): a page for each role and each thing, and the questions asked most."""
    return render_template("desks/help.html", roles=ROLES, things=THINGS, questions=THINGS[QUESTIONS].sections)


@blueprint.get("/help/<topic>")
@public
def help_topic(topic: str) -> str:
    """Show one page of help."""
    if topic not in TOPICS:
        raise Denied(N_("没有这一页帮助"), hidden=True)
    return render_template(
        "desks/help_topic.html", key=topic, topic=TOPICS[topic], roles=ROLES, things=THINGS,
        glossary=queries.glossary() if topic == GLOSSARY else (), place=queries.example_place(db.session()))


@blueprint.get("/accessibility")
@public
def accessibility() -> str:
    """Show the accessibility statement, with the switches for text size and single-key shortcuts."""
    return render_template("desks/accessibility.html")


@blueprint.get("/privacy")
@public
def privacy() -> str:
    """Say what is kept of people, why, how long, and whom to ask."""
    return render_template("desks/privacy.html")


@blueprint.get("/robots.txt")
@public
def robots() -> Response:
    """Tell crawlers what is public."""
    return Response("User-agent: *\nDisallow: /my\nDisallow: /desk\nDisallow: /org\nDisallow: /ops\n"
                    "Disallow: /fund\nDisallow: /money\nDisallow: /bids\nDisallow: /panel\nDisallow: /search\n",
                    mimetype="text/plain")
