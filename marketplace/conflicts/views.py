"""Pages of conflicts: a provider's declaration, that of those who buy, the operator's queue and its cases."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.conflicts import operations, policy, queries
from marketplace.conflicts.forms import NONE, DeclarationForm, SettleForm
from marketplace.conflicts.models import ConflictDeclaration
from marketplace.conflicts.rules import (
    GROUNDS,
    LOOK_BACK_YEARS,
    OUTCOME_LABELS,
    RELATION_LABELS,
    STATEMENT,
    Clearing,
    Declarer,
    Ground,
    Outcome,
)
from marketplace.core.access import Role, require
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied, Invalid
from marketplace.core.text import N_
from marketplace.organizations.models import Organization
from marketplace.organizations.queries import by_ref
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import say
from marketplace.web.paging import Page, page_number, paginate

blueprint = Blueprint("conflicts", __name__)
UNPROCESSABLE, CONFLICT = 422, 409
Answer = str | Response | tuple[str | Response, int]
SHOWN = {"open": N_("待核对"), "withdrawal": N_("可因回避解除"), "settled": N_("已有结论")}
SIZE = 50
OF_STAFF = (Ground.STAFF_DECLARED, Ground.STAFF_UNSURE)


@blueprint.get("/org/conflicts")
@for_roles(*policy.PROVIDERS)
def provider() -> Answer:
    """Show what stands against the provider, its declaration in force, the form, the history."""
    return _provider_page(None)


def _own_organization() -> Organization:
    """Return the provider that the actor acts for."""
    actor = current_actor()
    organization = db.session().get(Organization, actor.organization_id or 0)
    if organization is None:
        raise Denied(N_("您还没有加入机构。请在“我的账号”切换身份，或请机构管理员邀请您"))
    require(policy.may_read(actor, organization))
    return organization


def _provider_page(form: DeclarationForm | None, status: int = 200) -> Answer:
    """Return the provider's page; without a form the one that the declaration in force fills."""
    organization, session = _own_organization(), db.session()
    made = queries.declarations_of(session, organization)
    return render_template(
        "conflicts/provider.html", organization=organization, made=made, labels=RELATION_LABELS,
        form=form or DeclarationForm.of(_newest(made), Declarer.PROVIDER), statement=STATEMENT[Declarer.PROVIDER],
        may=policy.may_declare(current_actor(), organization), years=LOOK_BACK_YEARS,
        against=queries.against(session, organization, today=beijing_date(utc_now()))), status


def _newest(made: list[ConflictDeclaration]) -> ConflictDeclaration | None:
    """Return the declaration in force."""
    return made[0] if made else None


@blueprint.post("/org/conflicts")
@for_roles(Role.PROVIDER_ADMIN)
def declare() -> Answer:
    """Keep the provider's declaration, or give it one more row."""
    form = DeclarationForm.of(None, Declarer.PROVIDER)
    if request.form.get("more"):
        form.add_row(Declarer.PROVIDER)
        return _provider_page(form)
    if form.validate_on_submit():
        try:
            with transaction() as session:
                operations.declare(session, actor=current_actor(), organization=_own_organization(),
                                   stated=form.stated(), says_none=form.answer.data == NONE,
                                   words=form.words.data or "", now=utc_now())
        except Invalid as refused:
            form.blame(refused)
        else:
            flash(gettext("声明已提交，以这一份为准"), "ok")
            return redirect(url_for("conflicts.provider"), 303)
    return _provider_page(form, UNPROCESSABLE)


@blueprint.get("/desk/conflicts")
@for_roles(*policy.BUYERS)
def own() -> Answer:
    """Show the declaration of a person who buys, with its history."""
    return _own_page(None)


def _own_page(form: DeclarationForm | None, status: int = 200) -> Answer:
    """Return the page of the actor's own relations."""
    actor = current_actor()
    made = queries.declarations_by(db.session(), actor.person_id or 0)
    return render_template(
        "conflicts/own.html", made=made, labels=RELATION_LABELS, statement=STATEMENT[Declarer.STAFF],
        years=LOOK_BACK_YEARS, form=form or DeclarationForm.of(_newest(made), Declarer.STAFF)), status


@blueprint.post("/desk/conflicts")
@for_roles(*policy.BUYERS)
def declare_own() -> Answer:
    """Keep the declaration of a person who buys, or give it one more row."""
    form = DeclarationForm.of(None, Declarer.STAFF)
    if request.form.get("more"):
        form.add_row(Declarer.STAFF)
        return _own_page(form)
    if form.validate_on_submit():
        try:
            with transaction() as session:
                operations.declare_own(session, actor=current_actor(), stated=form.stated(),
                                       says_none=form.answer.data == NONE, words=form.words.data or "", now=utc_now())
        except Invalid as refused:
            form.blame(refused)
        else:
            flash(gettext("声明已提交，以这一份为准"), "ok")
            return redirect(url_for("conflicts.own"), 303)
    return _own_page(form, UNPROCESSABLE)


@blueprint.get("/ops/conflicts")
@for_roles(Role.OPERATOR)
def queue() -> str:
    """List the ties that wait for a look, those that a withdrawal lifts, and what was settled."""
    shown = request.args.get("show", "open")
    shown = shown if shown in SHOWN else "open"
    session, today, number = db.session(), beijing_date(utc_now()), page_number(request.args)
    if shown == "settled":
        page: Page[object] = paginate(session, queries.settled(), number=number).map(lambda one: one)
    else:
        clearing = Clearing.LOOK if shown == "open" else Clearing.WITHDRAWAL
        cases = queries.waiting(session, clearing=clearing, today=today)
        page = Page(cases[(number - 1) * SIZE:number * SIZE], len(cases), number, SIZE)
    return render_template("conflicts/queue.html", page=page, shown=shown, tabs=SHOWN, grounds=GROUNDS,
                           ground=Ground, outcomes=OUTCOME_LABELS)


@blueprint.route("/ops/conflicts/<ref>/<tie>", methods=["GET", "POST"])
@for_roles(Role.OPERATOR)
def case(ref: str, tie: str) -> Answer:
    """Show one tie: both sides, who declared what, the projects it touches, what was found; keep a new finding."""
    reading, status = db.session(), 200
    found = queries.case(reading, by_ref(reading, ref), tie, today=beijing_date(utc_now()))
    form = SettleForm.of(found.tie.ground)
    if form.validate_on_submit():
        try:
            with transaction() as session:
                operations.settle(session, actor=current_actor(), provider=by_ref(session, ref), tie_key=tie,
                                  outcome=Outcome(form.outcome.data), reason=form.reason.data or "", now=utc_now())
        except Invalid as refused:
            form.reason.errors = [*form.reason.errors, say(refused)]
        except Conflict as refused:
            form.form_errors.append(say(refused))
            status = CONFLICT
        else:
            flash(gettext("核对结论已记录，配对以后按它计算"), "ok")
            return redirect(url_for("conflicts.queue"), 303)
    if status != CONFLICT and (form.errors or form.form_errors):
        status = UNPROCESSABLE
    return _case_page(ref, found, form), status


def _case_page(ref: str, found: queries.Case, form: SettleForm) -> str:
    """Return the page of one tie."""
    session = db.session()
    organization = by_ref(session, ref)
    return render_template(
        "conflicts/case.html", one=found, organization=organization, form=form, text=GROUNDS[found.tie.ground],
        may=policy.may_settle(current_actor(), organization), history=queries.history(session, found.tie.key),
        made=queries.declarations_of(session, organization), projects=queries.touched(session, found),
        staff=queries.declarations_naming(session, organization) if found.tie.ground in OF_STAFF else [],
        by_withdrawal=GROUNDS[found.tie.ground].clearing is Clearing.WITHDRAWAL,
        labels=RELATION_LABELS, outcomes=OUTCOME_LABELS)
