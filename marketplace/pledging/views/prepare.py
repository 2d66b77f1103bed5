"""The list of events, a new one, its facts and footing, its beginning, its rounds, its end."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.access import require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, DomainError, Invalid
from marketplace.core.text import N_
from marketplace.organizations.models import Organization
from marketplace.payments.models import ReceivingAccount
from marketplace.pledging import operations, policy, rules
from marketplace.pledging.forms import EventForm, FootingForm, RoundForm, choices
from marketplace.pledging.models import PledgingEvent
from marketplace.pledging.queries import ageing, hall, recording
from marketplace.pledging.queries import events as queries
from marketplace.pledging.rules import Footing
from marketplace.pledging.views.blueprint import READERS, UNPROCESSABLE, WORKERS, Answer, blueprint, event_of
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import blame, say
from marketplace.web.paging import page_number, paginate


@blueprint.get("/pledging")
@for_roles(*READERS)
def index() -> Answer:
    """List the events of the own organization: as host or as receiving body."""
    actor = current_actor()
    page = paginate(db.session(), queries.events_of(actor), number=page_number(request.args))
    return render_template("pledging/index.html", page=page, may_host=policy.may_host(actor),
                           labels=rules.STATE_LABELS, looks=rules.STATE_LOOKS)


def _event_form(*, event: PledgingEvent | None = None) -> EventForm:
    """Return the form with the accounts that may receive."""
    form = EventForm(obj=event)
    accounts = queries.accounts_to_receive(db.session(), current_actor())
    form.account.choices = choices(
        ((each.ref, f"{each.organization.name}　{each.bank_name or 'Stripe'} {each.number[-4:]}") for each in accounts),
        first=gettext("请选择"))
    if event is not None and not form.is_submitted():
        form.account.data = next((each.ref for each in accounts if each.id == event.account_id), "")
    return form


def _account(form: EventForm) -> ReceivingAccount:
    """Return the chosen account."""
    accounts = queries.accounts_to_receive(db.session(), current_actor())
    found = [each for each in accounts if each.ref == form.account.data]
    if not found:
        raise Invalid(N_("请选接收方已核验的收款账户"), field="account")
    return found[0]


@blueprint.route("/pledging/new", methods=["GET", "POST"])
@for_roles(*WORKERS)
def new() -> Answer:
    """Prepare an event."""
    require(policy.may_host(current_actor()))
    form = _event_form()
    if form.validate_on_submit():
        try:
            with transaction() as session:
                host = session.get_one(Organization, current_actor().organization_id)
                event = operations.create_event(session, actor=current_actor(), host=host, account=_account(form),
                                                facts=form.facts(), now=utc_now())
                ref = event.ref
            flash(gettext("认捐会已建立。下一步选定办会依据"), "ok")
            return redirect(url_for("pledging.footing", ref=ref), 303)
        except Invalid as refused:
            blame(form, refused)
    status = UNPROCESSABLE if form.errors or form.form_errors else 200
    return render_template("pledging/edit.html", form=form, event=None), status


@blueprint.route("/pledging/<ref>/edit", methods=["GET", "POST"])
@for_roles(*WORKERS)
def edit(ref: str) -> Answer:
    """Change the facts before the beginning."""
    event = event_of(ref)
    require(policy.may_change(current_actor(), event))
    form = _event_form(event=event)
    if form.validate_on_submit():
        try:
            with transaction() as session:
                event = event_of(ref)
                operations.change_event(session, actor=current_actor(), event=event, account=_account(form),
                                        facts=form.facts(event.target), now=utc_now())
            flash(gettext("已保存"), "ok")
            return redirect(url_for("pledging.show", ref=ref), 303)
        except Invalid as refused:
            blame(form, refused)
            event = event_of(ref)
    status = UNPROCESSABLE if form.errors or form.form_errors else 200
    return render_template("pledging/edit.html", form=form, event=event), status


@blueprint.route("/pledging/<ref>/footing", methods=["GET", "POST"])
@for_roles(*WORKERS)
def footing(ref: str) -> Answer:
    """Choose the ground: a closed list, or a filed plan."""
    event = event_of(ref)
    require(policy.may_change(current_actor(), event))
    form = FootingForm(obj=event)
    if form.validate_on_submit():
        try:
            with transaction() as session:
                operations.choose_footing(
                    session, actor=current_actor(), event=event_of(ref), footing=Footing(form.footing.data),
                    plan=form.plan(), target=form.target.data, now=utc_now())
            flash(gettext("办会依据已选定"), "ok")
            return redirect(url_for("pledging.show", ref=ref), 303)
        except Invalid as refused:
            blame(form, refused)
            event = event_of(ref)
    status = UNPROCESSABLE if form.errors or form.form_errors else 200
    return render_template("pledging/footing.html", form=form, event=event, days=rules.PLAN_DAYS), status


@blueprint.get("/pledging/<ref>")
@for_roles(*READERS)
def show(ref: str) -> Answer:
    """Show the event: what is missing before it begins, the open round, the doors to every desk."""
    return _page(ref)


def _page(ref: str, *, form: RoundForm | None = None, failed: DomainError | None = None) -> Answer:
    """Render the event; with a refused step its sentence stands above."""
    session, actor, now = db.session(), current_actor(), utc_now()
    event = event_of(ref)
    refused = say(failed) if failed is not None and form is None else ""
    if failed is not None and form is not None:
        blame(form, failed)
    form = form or _round_form(event, posted=False)
    return render_template(
        "pledging/show.html", event=event, form=form, refused=refused,
        guests=queries.guests_of(session, event), now=now,
        rounds=queries.rounds_of(session, event), round=recording.open_round_of(session, event),
        figures=hall.figures(session, event.ref), differences=recording.count_differences(session, event),
        unsigned=len(ageing.unsigned(session, event)), labels=rules.STATE_LABELS, looks=rules.STATE_LOOKS,
        footings=rules.FOOTING_LABELS, may_work=policy.may_work(actor, event), account=session.get(
            ReceivingAccount, event.account_id), may_change=policy.may_change(actor, event),
        may_go_live=policy.may_go_live(actor, event), may_close=policy.may_close(actor, event),
        may_open_round=policy.may_open_round(actor, event),
    ), UNPROCESSABLE if form.errors or form.form_errors or refused else 200


def _round_form(event: PledgingEvent, *, posted: bool) -> RoundForm:
    """Return the form of a round with the projects that take money and their costs."""
    session = db.session()
    form = RoundForm() if posted else RoundForm(formdata=None)
    projects = queries.projects_to_ask_for(session, event)
    titles = {project.id: project.title for project in projects}
    form.project.choices = choices(((each.ref, f"{each.title}　{each.number or ''}") for each in projects),
                                   first=gettext("请选择"))
    form.cost_line.choices = choices(
        ((line.ref, f"{titles[line.project_id]}：{line.name}") for line in queries.cost_lines_of(session, projects)),
        first=gettext("不指定"))
    if not posted and event.rounds:
        form.project.data = event.rounds[-1].project.ref
    return form


@blueprint.post("/pledging/<ref>/rounds")
@for_roles(*WORKERS)
def open_round(ref: str) -> Answer:
    """Open a round."""
    event = event_of(ref)
    form = _round_form(event, posted=True)
    if not form.validate():
        return _page(ref, form=form)
    try:
        with transaction() as session:
            event = event_of(ref)
            project = queries.project_by_ref(session, form.project.data or "")
            lines = {line.ref: line for line in queries.cost_lines_of(session, [project])}
            made = operations.open_round(session, actor=current_actor(), event=event, project=project, now=utc_now(),
                                         level=form.level.data, cost_line=lines.get(form.cost_line.data or ""))
            number, level = made.number, made.level.grouped()
    except (Invalid, Conflict) as refused:
        return _page(ref, form=_round_form(event_of(ref), posted=True), failed=refused)
    flash(gettext("第 %(number)s 轮开始：%(level)s 元", number=number, level=level), "ok")
    return redirect(url_for("pledging.show", ref=ref), 303)


@blueprint.post("/pledging/<ref>/rounds/close")
@for_roles(*WORKERS)
def close_round(ref: str) -> Response:
    """End the open round."""
    with transaction() as session:
        operations.close_round(session, actor=current_actor(), event=event_of(ref), now=utc_now())
    flash(gettext("本轮已结束"), "ok")
    return redirect(url_for("pledging.show", ref=ref), 303)


@blueprint.post("/pledging/<ref>/live")
@for_roles(*WORKERS)
def live(ref: str) -> Answer:
    """Begin the event."""
    try:
        with transaction() as session:
            operations.go_live(session, actor=current_actor(), event=event_of(ref), now=utc_now())
    except Invalid as refused:
        return _page(ref, failed=refused)
    flash(gettext("认捐会开始"), "ok")
    return redirect(url_for("pledging.show", ref=ref), 303)


@blueprint.post("/pledging/<ref>/close")
@for_roles(*WORKERS)
def close(ref: str) -> Answer:
    """End the event; who promised is asked to sign."""
    try:
        with transaction() as session:
            asked = operations.close_event(session, actor=current_actor(), event=event_of(ref), now=utc_now())
    except (Invalid, Conflict) as refused:
        return _page(ref, failed=refused)
    flash(gettext("认捐会已结束。%(n)s 笔口头认捐待签，已发出提醒", n=asked), "ok")
    return redirect(url_for("pledging.pledges", ref=ref), 303)


@blueprint.post("/pledging/<ref>/key")
@for_roles(*WORKERS)
def renew_key(ref: str) -> Response:
    """Give the screen a new key."""
    with transaction() as session:
        operations.renew_display_key(session, actor=current_actor(), event=event_of(ref), now=utc_now())
    flash(gettext("大屏地址已更换，旧地址不再显示。请在大屏上打开新地址"), "ok")
    return redirect(url_for("pledging.show", ref=ref), 303)
