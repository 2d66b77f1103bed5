"""A funder's pools: the builder of rules with sentence, example and simulator; opening, pausing, closing, cap (F2)."""

from collections.abc import Callable

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms.fields import SelectChoice

from marketplace.core.access import require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, DomainError, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding import operations, policy
from marketplace.funding.forms.pools import GIFTS, CapForm, PoolForm, RuleForm, rule_data
from marketplace.funding.models import Funder, MatchingPool
from marketplace.funding.queries.estimates import terms_of
from marketplace.funding.queries.portfolio import pools_of
from marketplace.funding.queries.public_money import pool_by_ref, rules_in_force, with_figures
from marketplace.funding.rules.simulate import Gift, Simulation, Used, simulate
from marketplace.funding.rules.terms import RuleTerms
from marketplace.funding.views.blueprints import funding
from marketplace.funding.views.shared import (
    FIGURES,
    OFFICERS,
    REFUSED,
    blame,
    example_of,
    needed_funder,
    sentence_of,
)
from marketplace.payments.models import ReceivingAccount
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import say, status_of
from marketplace.web.names import area_names, category_names
from marketplace.web.stepup import step_up, step_up_limit

MAIN_LEVEL, TOWN_LEVEL = 3, 9
PLENTY = Money.yuan(1_000_000)      # the simulator's pool while no total is typed
STEPS: dict[str, tuple[Callable[..., object], str]] = {
    "start": (operations.start_pool, N_("资金池已开放，之后的认捐按规则配套")),
    "pause": (operations.pause_pool, N_("资金池已暂停，已有的承诺不受影响")),
    "close": (operations.close_pool, N_("资金池已关闭，已有的承诺不受影响")),
}


@funding.get("/fund/pools")
@for_roles(*OFFICERS)
def own_pools() -> str:
    """List this funder's pools with gauge and figures."""
    funder = needed_funder()
    rows = with_figures(db.session(), pools_of(db.session(), funder))
    return render_template("funding/own_pools.html", funder=funder, rows=rows, labels=FIGURES["labels"],
                           may_open=policy.may_open_pool(current_actor(), funder), sentence_of=sentence_of)


def _offer(form: RuleForm) -> None:
    """Give the builder its choices: main categories, the district with its towns, kinds of organizations."""
    form.offer(categories={code: name for code, name in category_names().items() if len(code) == MAIN_LEVEL},
               areas={code: name for code, name in area_names().items() if len(code) <= TOWN_LEVEL},
               translate=gettext, names_of_codes=category_names())


def _accounts(funder: Funder) -> list[ReceivingAccount]:
    """Return the verified bank accounts to which matching money of any pool may go, by holder."""
    return list(db.session().scalars(select(ReceivingAccount).where(
        ReceivingAccount.verified_at.is_not(None), ReceivingAccount.closed_at.is_(None),
        ReceivingAccount.kind == "bank").order_by(ReceivingAccount.organization_id != funder.organization_id,
                                                  ReceivingAccount.holder)))


def _preview(form: RuleForm, *, cap: Money | None, used: Money) -> dict[str, object]:
    """Return sentence, example and simulation of what is typed; or the sentence that says what is wrong with it."""
    broken = next((form[name] for name in (*RuleTerms.__dataclass_fields__, "ratio", *GIFTS)
                   if name in form and form[name].errors), None)
    if broken is not None:
        return {"wrong": f"{broken.label.text}：{broken.errors[0]}"}
    try:
        terms = form.to_terms()
    except Invalid as wrong:
        return {"wrong": say(wrong)}
    return {"wrong": "", "terms": terms, "example": example_of(terms), "simulation": _simulation(
        terms, form.gifts(), cap=cap, used=used)}


def _simulation(terms: RuleTerms, gifts: list[Money], *, cap: Money | None, used: Money) -> Simulation:
    """Return what the typed gifts would get, each from another donor, one after the other."""
    return simulate(terms, cap or PLENTY, [Gift(amount=gift, donor=str(place)) for place, gift in enumerate(gifts)],
                    Used(pool=used.fen), gettext)


@funding.post("/fund/pools/preview")
@for_roles(*OFFICERS)
def pool_preview() -> str:
    """Answer the builder while it is typed in: the sentence, the example, the simulation. Nothing is kept."""
    form = PoolForm()
    _offer(form)
    form.account.choices = []
    form.validate()
    return render_template("funding/_preview.html", form=None, sentence_of=sentence_of, translate=gettext,
                           **_preview(form, cap=form.cap.data, used=Money(0)))


@funding.route("/fund/pools/new", methods=["GET", "POST"])
@for_roles(*OFFICERS)
def pool_new() -> Response | str | tuple[str, int]:
    """Build a pool with its first rule; a preview button serves where no script runs."""
    funder = needed_funder()
    require(policy.may_open_pool(current_actor(), funder))
    usual = rule_data(RuleTerms(numerator=1, denominator=1))
    form = PoolForm(data=usual) if request.method == "GET" else PoolForm()
    _offer(form)
    accounts = _accounts(funder)
    form.account.choices = [SelectChoice("", gettext("以后再定")), *(
        SelectChoice(one.ref, f"{one.holder} · {one.bank_name} · {one.number[-4:]}") for one in accounts)]
    if form.is_submitted() and form.validate() and request.form.get("step") == "save":
        try:
            return _open(form, funder, accounts)
        except (Invalid, Conflict) as refused:
            blame(form, refused, otherwise="name")
    page = render_template(
        "funding/pool_new.html", form=form, funder=funder, sentence_of=sentence_of, translate=gettext,
        **_preview(form, cap=form.cap.data, used=Money(0)))
    return (page, REFUSED) if form.errors else page


def _open(form: PoolForm, funder: Funder, accounts: list[ReceivingAccount]) -> Response:
    """Make the draft of the pool and go to its page."""
    chosen = next((one.id for one in accounts if one.ref == form.account.data), None)
    with transaction() as session:
        pool = operations.open_pool(
            session, actor=current_actor(), funder=session.get_one(Funder, funder.id), name=form.name.data or "",
            cap=form.cap.data, terms=form.to_terms(), now=utc_now(), purpose=form.purpose.data or "",
            receiver_account=session.get_one(ReceivingAccount, chosen) if chosen else None,
            filed_plan_number=form.filed_plan_number.data or "")
        ref = pool.ref
    flash(gettext("资金池已建好，还是草稿。核对后点“开放”，规则才对认捐生效"), "ok")
    return redirect(url_for("funding.pool_edit", ref=ref), 303)


@funding.route("/fund/pools/<ref>/edit", methods=["GET", "POST"])
@for_roles(*OFFICERS)
def pool_edit(ref: str) -> Response | str | tuple[str, int]:
    """Change the rule of a pool: pledges made before keep the version they were made under."""
    pool = pool_by_ref(db.session(), ref)
    require(policy.may_manage_pool(current_actor(), pool))
    rule = rules_in_force(db.session(), [pool]).get(pool.id)
    data = rule_data(terms_of(rule) if rule else RuleTerms(numerator=1, denominator=1))
    form = RuleForm(data=data) if request.method == "GET" else RuleForm()
    _offer(form)
    if form.is_submitted() and form.validate() and request.form.get("step") == "save":
        try:
            with transaction() as session:
                made = operations.change_rule(session, actor=current_actor(), pool=pool_by_ref(session, ref),
                                              terms=form.to_terms(), now=utc_now())
                version = made.version
        except (Invalid, Conflict, IllegalStep) as refused:
            blame(form, refused, otherwise="ratio")
        else:
            flash(gettext("第 %(n)s 版规则已生效，只管以后的认捐；已有的认捐仍按原来的版本", n=version), "ok")
            return redirect(url_for("funding.pool_edit", ref=ref), 303)
    return _edit_page(pool_by_ref(db.session(), ref), form, CapForm(formdata=None, cap=pool.cap))


def _edit_page(pool: MatchingPool, form: RuleForm, cap_form: CapForm) -> str | tuple[str, int]:
    """Return the page of a pool's keeper: rule, simulator from where the pool stands now, steps, cap."""
    session, used = db.session(), pool.reserved + pool.captured
    shown = with_figures(session, [pool])[0]
    page = render_template(
        "funding/pool_edit.html", pool=pool, form=form, cap_form=cap_form, rule=shown.rule, figures=shown.figures,
        sentence_of=sentence_of, translate=gettext, labels=FIGURES["labels"],
        **_preview(form, cap=pool.cap, used=used))
    return (page, REFUSED) if form.errors or cap_form.errors else page


@funding.post("/fund/pools/<ref>/<any(start, pause, close):pool_step>")
@for_roles(*OFFICERS)
def pool_step(ref: str, pool_step: str) -> Response:
    """Open, pause or close a pool."""
    verb, sentence = STEPS[pool_step]
    with transaction() as session:
        verb(session, actor=current_actor(), pool=pool_by_ref(session, ref), now=utc_now())
    flash(gettext(sentence), "ok")
    return redirect(url_for("funding.pool_edit", ref=ref), 303)


@funding.post("/fund/pools/<ref>/cap")
@for_roles(*OFFICERS)
@step_up_limit
def pool_cap(ref: str) -> Response | tuple[str, int]:
    """Change a pool's total, with the password; never below what is reserved and confirmed."""
    pool, now = pool_by_ref(db.session(), ref), utc_now()
    require(policy.may_manage_pool(current_actor(), pool))
    form, status = CapForm(), REFUSED
    if step_up(form, now=now):
        try:
            with transaction() as session:
                operations.change_cap(session, actor=current_actor(), pool=pool_by_ref(session, ref),
                                      cap=form.cap.data, now=now)
        except DomainError as refused:
            blame(form, refused, otherwise="cap")
            status = status_of(refused)
        else:
            flash(gettext("总额已改"), "ok")
            return redirect(url_for("funding.pool_edit", ref=ref), 303)
    pool = pool_by_ref(db.session(), ref)
    rule = rules_in_force(db.session(), [pool]).get(pool.id)
    terms = terms_of(rule) if rule else RuleTerms(numerator=1, denominator=1)
    rule_form = RuleForm(formdata=None, data=rule_data(terms))
    _offer(rule_form)
    page = _edit_page(pool, rule_form, form)
    return page[0] if isinstance(page, tuple) else page, status
