"""Lists of plans, a new one, one plan with its steps; at the operator's desk and at the foundation's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.access import Decision, require
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import DomainError, Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding import policy as funding
from marketplace.fundplans import operations, policy, rules
from marketplace.fundplans.forms import PlanForm, WithdrawForm
from marketplace.fundplans.models import FundPlan, FundPlanFund, FundPlanLine, FundPlanProject
from marketplace.fundplans.queries import plans as queries
from marketplace.fundplans.queries.inputs import Inputs, costs_of, instance_of, read_inputs
from marketplace.fundplans.queries.papers import Paper, papers_of
from marketplace.fundplans.rules.gaps import BASIS_LABELS, Cost
from marketplace.fundplans.rules.reach import WHY_LABELS, WHY_NEXT, explained
from marketplace.fundplans.views.blueprint import (
    FUND,
    OPS,
    READERS,
    UNPROCESSABLE,
    Answer,
    blame,
    blueprint,
    check_desk,
    own_funders,
    plan_of,
)
from marketplace.organizations.rules import KIND_LABELS
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import status_of
from marketplace.web.names import area_names, category_names
from marketplace.web.paging import page_number, paginate

SHOWN = ("lines", "unfunded", "projects")
SAID = {"cancel": N_("已要求停止，正在做的一步完成后停下"), "share": N_("方案已发出，并发消息告诉了对方"), "solve": N_("已重新排队计算")}


@blueprint.get("/ops/fund-plans", defaults={"desk": OPS})
@blueprint.get("/fund/plans", defaults={"desk": FUND})
@for_roles(*READERS)
def index(desk: str) -> str:
    """List plans: those across funders for the operator, an organization's own and those that use its pools for it."""
    check_desk(desk)
    statement = queries.plans_for_all() if desk == OPS else queries.plans_of(current_actor())
    return render_template(
        "fundplans/index.html", desk=desk, page=paginate(db.session(), statement, number=page_number(request.args)),
        may_make=_may_make(desk), words=rules)


def _may_make(desk: str) -> Decision:
    """Say whether the visitor may make a plan at this desk."""
    actor = current_actor()
    return policy.may_plan_for_all(actor) if desk == OPS else policy.may_plan_own(actor, own_funders())


def _now_inputs(desk: str, points: int) -> Inputs:
    """Return what a plan would be reckoned on now."""
    organization_id = None if desk == OPS else current_actor().organization_id
    return read_inputs(db.session(), organization_id=organization_id, points=points, today=beijing_date(utc_now()))


@blueprint.route("/ops/fund-plans/new", methods=["GET", "POST"], defaults={"desk": OPS})
@blueprint.route("/fund/plans/new", methods=["GET", "POST"], defaults={"desk": FUND})
@for_roles(*READERS)
def new(desk: str) -> Answer:
    """Show what a plan would be reckoned on, take its title, have it reckoned."""
    check_desk(desk)
    require(_may_make(desk))
    form = PlanForm()
    if form.validate_on_submit():
        try:
            with transaction() as session:
                ref = operations.make_plan(session, actor=current_actor(), wish=form.to_wish(), now=utc_now(),
                                           is_own=desk == FUND).ref
            return redirect(url_for("fundplans.plan", desk=desk, ref=ref), 303)
        except Invalid as refused:
            blame(form, refused)
    inputs = _now_inputs(desk, form.points.data or rules.USUAL_POINTS)
    known = [one for one in inputs.projects if one.gap.fen]
    page = render_template(
        "fundplans/new.html", desk=desk, form=form, inputs=inputs, known=known,
        unknown=len(inputs.projects) - len(known), wanted=Money(sum(one.gap.fen or 0 for one in known)),
        available=Money(sum(one.fund.left for one in inputs.funds)), kinds=KIND_LABELS,
        paired=sum(one.is_paired for one in inputs.projects), shown_name=_name_of)
    return (page, UNPROCESSABLE) if form.errors else page


def _name_of(fund: FundPlanFund) -> str:
    """Return whose pool it is, in the reader's language where the name is withheld."""
    return gettext(queries.shown_name(fund.pool.funder, current_actor()))


@blueprint.get("/ops/fund-plans/<ref>", defaults={"desk": OPS})
@blueprint.get("/fund/plans/<ref>", defaults={"desk": FUND})
@for_roles(*READERS)
def plan(desk: str, ref: str) -> str:
    """Show one plan: how far it is; then totals, funds, lines, projects without money and why."""
    check_desk(desk)
    return _page(desk, plan_of(ref), WithdrawForm(formdata=None))


def _page(desk: str, found: FundPlan, form: WithdrawForm) -> str:
    """Return the page of a plan."""
    session, actor = db.session(), current_actor()
    show = request.args.get("show", "")
    show = show if show in SHOWN else SHOWN[0]
    asked = request.args.get("outcome", "")
    facts: dict[str, object] = {}
    if found.phase == rules.Phase.DONE:
        funds = queries.funds(session, found)
        statement = queries.lines(found) if show == SHOWN[0] else queries.projects(
            found, outcome=asked if asked in set(rules.Outcome) else "none" if show == SHOWN[1] else "")
        page = paginate(session, statement, number=page_number(request.args))
        facts = {
            "totals": queries.totals(session, found), "funds": funds, "show": show, "outcome": asked, "page": page,
            "changes": queries.changes(session, found, today=beijing_date(utc_now())), "lost": _lost(found),
            **(_offered(found, funds, page.items) if show == SHOWN[0] else _explained(found, page.items)),
            "mine": {one.pool_id for one in funds if funding.is_officer(actor, one.pool.funder)},
            "seen": {one.pool_id for one in funds if policy.sees_papers(actor, one.pool.funder)},
            "is_verified": all(one.pool.funder.verified_at for one in funds
                               if funding.is_officer(actor, one.pool.funder))}
    return render_template(
        "fundplans/plan.html", desk=desk, plan=found, form=form, words=rules, basis=BASIS_LABELS, name_of=_name_of,
        kinds=KIND_LABELS,
        is_own=policy.is_own(actor, found), may_cancel=policy.may_cancel(actor, found),
        may_share=policy.may_share(actor, found), may_withdraw=policy.may_withdraw(actor, found),
        may_solve=policy.may_solve_again(actor, found, own_funders()), may_make=_may_make(desk),
        categories=category_names(), areas=area_names(), **facts)


@dataclass(frozen=True)
class Offer:
    """One promise that a line proposes: which cost it pays, if one is named, and the paper that it led to."""

    name: str
    cost: str
    amount: Money
    paper: Paper | None


def _offered(found: FundPlan, funds: Sequence[FundPlanFund], lines: Sequence[FundPlanLine]) -> dict[str, object]:
    """Return the promises that lines propose, by line, and from which pools this actor may prepare one.

    Papers are shown to their own funder and to those who oversee.
    """
    actor, papers = current_actor(), papers_of(db.session(), found)
    made: dict[int, list[Offer]] = {}
    for line in lines:
        pool, project_id = line.fund_row.pool, line.project_row.project_id
        own = papers.get((pool.ref, project_id), ()) if policy.sees_papers(actor, pool.funder) else ()
        parts = costs_of(line.parts) or (Cost("", "", line.amount.fen),)
        made[line.id] = [Offer(part.name, part.ref, Money(part.fen), next(
            (one for one in own if one.cost == part.ref or not part.ref), None)) for part in parts]
    return {"offers": made, "draftable": {one.pool_id for one in funds if policy.may_draft(
        actor, found, one.pool.funder)}}


def _explained(found: FundPlan, rows: Sequence[FundPlanProject]) -> dict[str, object]:
    """Return why projects get nothing, by row: what each fund could give alone, and what stands against the others."""
    instance = instance_of(db.session(), found)
    return {"explained": {row.id: explained(instance, row.project.ref) for row in rows
                          if row.outcome != rules.Outcome.FUNDED}, "why": WHY_LABELS, "why_next": WHY_NEXT}


def _lost(found: FundPlan) -> float:
    """Return the share of a plan's value that first come, first served would lose."""
    return 1 - (found.first_value or 0) / found.value if found.value else 0.0


def _step(desk: str, ref: str, verb: Callable[..., None], said: str) -> Response:
    """Do one step in its transaction and come back."""
    check_desk(desk)
    with transaction() as session:
        verb(session, actor=current_actor(), plan=plan_of(ref), now=utc_now())
    flash(gettext(said), "ok")
    return redirect(url_for("fundplans.plan", desk=desk, ref=ref), 303)


@blueprint.post("/ops/fund-plans/<ref>/solve", defaults={"desk": OPS})
@blueprint.post("/fund/plans/<ref>/solve", defaults={"desk": FUND})
@for_roles(*READERS)
def solve(desk: str, ref: str) -> Response:
    """Have a cancelled or failed draft reckoned again."""
    return _step(desk, ref, operations.solve_again, SAID["solve"])


@blueprint.post("/ops/fund-plans/<ref>/cancel", defaults={"desk": OPS})
@blueprint.post("/fund/plans/<ref>/cancel", defaults={"desk": FUND})
@for_roles(*READERS)
def cancel(desk: str, ref: str) -> Response:
    """Stop the reckoning."""
    return _step(desk, ref, operations.cancel_plan, SAID["cancel"])


@blueprint.post("/ops/fund-plans/<ref>/share", defaults={"desk": OPS})
@blueprint.post("/fund/plans/<ref>/share", defaults={"desk": FUND})
@for_roles(*READERS)
def share(desk: str, ref: str) -> Response:
    """Show the plan to the funders whose pools it uses, or an organization's own to the operator."""
    return _step(desk, ref, operations.share_plan, SAID["share"])


@blueprint.post("/ops/fund-plans/<ref>/withdraw", defaults={"desk": OPS})
@blueprint.post("/fund/plans/<ref>/withdraw", defaults={"desk": FUND})
@for_roles(*READERS)
def withdraw(desk: str, ref: str) -> Answer:
    """Withdraw the plan with a reason."""
    check_desk(desk)
    found, form = plan_of(ref), WithdrawForm()
    require(policy.may_withdraw(current_actor(), found))
    if not form.validate_on_submit():
        return _page(desk, found, form), UNPROCESSABLE
    try:
        with transaction() as session:
            operations.withdraw_plan(session, actor=current_actor(), plan=plan_of(ref), reason=form.reason.data or "",
                                     now=utc_now())
    except DomainError as refused:
        blame(form, refused)
        return _page(desk, plan_of(ref), form), status_of(refused)
    flash(gettext("方案已撤回。各方已经签的认捐不受影响"), "ok")
    return redirect(url_for("fundplans.plan", desk=desk, ref=ref), 303)
