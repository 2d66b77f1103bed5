"""Pledges of a funder: list and export, a new commitment with its estimate, one pledge with all that happened (F4)."""

import re
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.access import require
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied, Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding import operations, policy
from marketplace.funding.forms.pledges import PledgeForm
from marketplace.funding.models import CostLine, Funder, Pledge
from marketplace.funding.queries import pledge_pages as queries
from marketplace.funding.queries.estimates import Imagined, PoolEstimate, estimate
from marketplace.funding.queries.portfolio import state_counts
from marketplace.funding.rules.buckets import STATE_LABELS, PledgeState
from marketplace.funding.rules.landing import LANDING_LABELS, Place, landing_of, refusal
from marketplace.funding.rules.matching import why
from marketplace.funding.rules.pledges import needs_council, shown_code
from marketplace.funding.views.blueprints import funding
from marketplace.funding.views.shared import OFFICERS, REFUSED, blame, my_funder, needed_funder, with_names
from marketplace.payments.models import ReceivingAccount
from marketplace.projects.models import Project
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.downloads import spreadsheet
from marketplace.web.formats import day
from marketplace.web.paging import page_number, paginate
from marketplace.web.security import EXPORT_LIMIT, limiter
from marketplace.web.services import services

LOOKS = {"verbal": "plain", "pledged": "info", "paid": "warn", "held": "ok", "released": "notice", "disbursed": "ok",
         "expired": "plain", "cancelled": "plain", "refunded": "plain", "disputed": "bad", "written_off": "plain"}
MOST_EXPORTED = 20_000
ORIGIN = re.compile(r"[0-9a-z]{12}\.[0-9a-z]{12}")      # two public references


def _wanted() -> dict[str, object]:
    """Return the filters of the list: whose side, which state, which text."""
    funder, actor = my_funder(), current_actor()
    is_received = request.args.get("side") == "received" or funder is None
    state = request.args.get("state", "")
    return {"funder": None if is_received else funder, "receiver_id": actor.organization_id,
            "state": state if state in STATE_LABELS else "", "text": request.args.get("q", "").strip()[:60]}


@funding.get("/fund/pledges")
@for_roles(*OFFICERS)
def pledges() -> str:
    """List the pledges that the organization made, or those that it receives."""
    session, wanted, funder = db.session(), _wanted(), my_funder()
    page = paginate(session, queries.pledges(**wanted), number=page_number(request.args))  # type: ignore[arg-type]
    mine = wanted["funder"] is not None
    return render_template(
        "funding/pledges.html", page=page, funder=funder, mine=mine, state=wanted["state"], text=wanted["text"],
        states=STATE_LABELS, looks=LOOKS, counts=state_counts(session, funder) if mine and funder else {},
        waiting=queries.waiting_commitments(session, funder) if mine and funder else [], shown_code=shown_code,
        may_pledge=policy.may_pledge(current_actor(), funder) if funder else None)


@funding.get("/fund/pledges/export.<any(csv, xlsx):kind>")
@for_roles(*OFFICERS)
@limiter.limit(EXPORT_LIMIT)
def pledges_export(kind: str) -> Response:
    """Download the list as it is filtered."""
    wanted = queries.pledges(**_wanted())  # type: ignore[arg-type]
    found = db.session().scalars(wanted.limit(MOST_EXPORTED)).unique().all()
    heads = (N_("项目编号"), N_("项目"), N_("资助方"), N_("接收单位"), N_("认捐日期"), N_("状态"), N_("金额（元）"), N_("未到账（元）"),
             N_("待确认（元）"), N_("持有（元）"), N_("待拨付（元）"), N_("已拨付（元）"), N_("已退回（元）"), N_("附言码"))
    rows = [[gettext(head) for head in heads]]
    for one in found:
        sums = (one.amount, one.open, one.paid, one.held, one.released, one.disbursed, one.refunded)
        rows.append([one.project.number or "", one.project.title, one.funder.name, one.receiver.name,
                     day(one.pledged_at), gettext(STATE_LABELS[PledgeState(one.state)]),
                     *(sum_.plain() for sum_ in sums), shown_code(one.code)])
    return spreadsheet(rows, kind=kind, name=gettext("认捐"), sheet=gettext("认捐"))


@funding.route("/fund/pledges/new", methods=["GET", "POST"])
@for_roles(*OFFICERS)
def pledge_new() -> Response | str | tuple[str, int]:
    """Choose a listed project, then prepare the commitment; another person approves it."""
    funder = needed_funder()
    require(policy.may_pledge(current_actor(), funder))
    asked = request.args.get("project", "")
    if not asked:
        text = request.args.get("q", "").strip()[:60]
        return render_template("funding/pledge_choose.html", funder=funder, text=text,
                               projects=queries.open_projects(db.session(), text=text))
    return _commit(funder, queries.project_to_fund(db.session(), asked))


def _verbal(funder: Funder) -> Pledge | None:
    """Return the verbal promise that the paper signs for, when ?pledge= names one of this funder."""
    if not (ref := request.args.get("pledge", "")):
        return None
    found = queries.pledge_by_ref(db.session(), ref, actor=current_actor())
    if found.funder_id != funder.id or not found.is_verbal:
        raise Denied(N_("没有这笔口头认捐"), hidden=True)
    return found


def _commit(funder: Funder, project: Project) -> Response | str | tuple[str, int]:
    """Show or take the form of a commitment."""
    verbal, session = _verbal(funder), db.session()
    accounts = queries.receiving_accounts(session, pool_ref=_origin().partition(".")[2])
    lines = queries.cost_lines(session, project)
    form = PledgeForm() if request.method == "POST" else PledgeForm(data=_usual(funder, verbal))
    form.offer(accounts=[(one.ref, f"{one.holder} · {one.bank_name} · {one.number[-4:]}") for one in accounts],
               cost_lines=[(one.ref, one.name) for one in lines], none=gettext("请选择"), translate=gettext)
    chosen = (next((one for one in accounts if one.ref == form.account.data), None),
              next((one for one in lines if one.ref == form.cost_line.data), None))
    now, wants_save = utc_now(), request.form.get("step") == "save"
    if form.is_submitted() and form.validate() and wants_save and chosen[0] is not None:
        try:
            return _prepare(form, funder, project, verbal, chosen, now=now)  # type: ignore[arg-type]
        except (Invalid, Conflict) as refused:
            blame(form, refused, otherwise="amount")
    elif form.is_submitted() and not wants_save:
        form.process(request.form)      # a look at the estimate is no reason for errors
    page = _commit_page(form, (funder, project, verbal), chosen, now)
    return (page, REFUSED) if form.errors else page


def _usual(funder: Funder, verbal: Pledge | None) -> dict[str, object]:
    """Return what stands in a fresh form."""
    usual: dict[str, object] = {"management_percent": 0, "leftover_rule": "similar",
                                "is_name_withheld": "y" if funder.is_name_withheld else ""}
    if verbal is None:
        return {**usual, "amount": _suggested(), "cost_line": request.args.get("cost_line", "")}
    return {**usual, "amount": verbal.amount, "purpose": verbal.purpose,
            "account": verbal.account.ref if verbal.account else "",
            "is_name_withheld": "y" if verbal.is_name_withheld else ""}


def _origin() -> str:
    """Return which pool of which funding plan a link comes from; nothing that is no such reference."""
    found = request.args.get("origin", "")
    return found if ORIGIN.fullmatch(found) else ""


def _suggested() -> Money | None:
    """Return the amount that a link suggests (a line of a funding plan); nothing that is no amount."""
    try:
        return Money.parse(request.args["amount"]) if request.args.get("amount") else None
    except Invalid:
        return None


def _commit_page(form: PledgeForm, about: tuple[Funder, Project, Pledge | None],
                 chosen: tuple[ReceivingAccount | None, CostLine | None], now: datetime) -> str:
    """Return the page of a new commitment with the estimate of what is typed."""
    funder, project, verbal = about
    place = Place(project.procedure, project.takes_matching, project.state)
    closed, account, amount = refusal(place), chosen[0], form.amount.data
    lines: list[PoolEstimate] = []
    if not closed and account is not None and amount is not None and amount.fen:
        lines = estimate(db.session(), Imagined(
            funder=funder, project=project, receiver=account.organization, amount=amount, cost_line=chosen[1],
            on=beijing_date(now)))
    return render_template(
        "funding/pledge_new.html", form=form, funder=funder, project=project, verbal=verbal, closed=closed,
        landing=None if closed else LANDING_LABELS[landing_of(place)], lines=lines, why=why, translate=gettext,
        with_names=with_names,
        needs_council=amount is not None and needs_council(amount, funder.council_above),
        council_above=funder.council_above, is_lottery=funder.kind == "lottery")


def _prepare(form: PledgeForm, funder: Funder, project: Project, verbal: Pledge | None,
             chosen: tuple[ReceivingAccount, CostLine | None], *, now: datetime) -> Response:
    """Prepare the commitment and go to it."""
    account, line = chosen
    keys = (funder.id, project.id, account.id, line.id if line else None, verbal.id if verbal else None)
    parts = form.parts()
    with transaction() as session:
        found = session.get_one(ReceivingAccount, keys[2])
        made = operations.prepare_commitment(
            session, actor=current_actor(), funder=session.get_one(Funder, keys[0]),
            project=session.get_one(Project, keys[1]), amount=form.amount.data, receiver=found.organization,
            account=found, now=now, pledge=session.get_one(Pledge, keys[4]) if keys[4] else None,
            council_resolution=form.council_resolution.data or "", missing_glyphs=services().pdf.missing_glyphs,
            cost_line=session.get_one(CostLine, keys[3]) if keys[3] else None, instalments=parts,
            purpose=form.purpose.data or "", lottery_purpose=form.lottery_purpose.data or "",
            management_percent=form.management_percent.data or 0, leftover_rule=form.leftover_rule.data,
            naming=form.naming.data or "", is_name_withheld=bool(form.is_name_withheld.data), origin=_origin())
        ref = made.ref
    flash(gettext("认捐书已准备好，请另一位同事核对后批准"), "ok")
    return redirect(url_for("funding.commitment", ref=ref), 303)
