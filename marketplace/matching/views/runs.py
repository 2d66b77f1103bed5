"""Runs on the operator's pages: the list with its progress, start and cancel, one run with its parts, publish."""

from datetime import timedelta

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response
from wtforms.fields import SelectChoice

from marketplace.core.access import Role
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import DomainError
from marketplace.core.text import N_
from marketplace.matching.forms.runs import MOST_TITLE, ReasonForm, StartForm
from marketplace.matching.models import MatchingRun
from marketplace.matching.operations import publishing
from marketplace.matching.operations.driving import drive
from marketplace.matching.operations.runs import RunOrder, cancel_run, start_run
from marketplace.matching.policy import runs as policy
from marketplace.matching.queries import boards
from marketplace.matching.queries.changes import changed, pairs_of
from marketplace.matching.queries.computing import size_of
from marketplace.matching.rules.runs import (
    AT_ONCE,
    NEED_LABELS,
    PAIRING_LABELS,
    WHOLE,
    NeedState,
    PairingState,
    Reach,
    RunState,
)
from marketplace.matching.views import figures
from marketplace.matching.views.ops import READERS, REFUSED, Answer, blueprint, code_names, exports, run_of, took
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import say, status_of
from marketplace.web.paging import page_number, paginate, whole
from marketplace.web.services import services

WORKER_WAITS = timedelta(minutes=5)      # so long a small run is left to the page that computes it
BUSY = (RunState.QUEUED, RunState.RUNNING)
PAIR_STATES = (("pinned", N_("人工指定")), *((str(one), PAIRING_LABELS[one]) for one in (
    PairingState.PROPOSED, PairingState.CONFIRMED)))
SHORT_STATES = tuple((str(one), NEED_LABELS[one]) for one in NeedState if one != NeedState.PAIRED)


def scope_name(run: MatchingRun) -> str:
    """Return whose projects a run pairs, in words."""
    if run.scope == WHOLE:
        return gettext("全部单位")
    return boards.unit_name(db.session(), run.scope) or gettext("已撤销的单位")


def start_form(*, filled: bool = False) -> StartForm:
    """Return the form that starts a run, with the units it may be narrowed to."""
    form = StartForm() if filled else StartForm(formdata=None)
    form.scope.choices = [SelectChoice(WHOLE, gettext("全部单位")), *(
        SelectChoice(one.path, one.name) for one in boards.scopes(db.session()))]
    return form


@blueprint.get("/ops/matching")
@for_roles(*READERS)
def index() -> str:
    """List the runs, with the progress of those being computed and the form that starts one."""
    return _index(start_form())


def _index(form: StartForm) -> str:
    """Return the page of runs."""
    session, actor = db.session(), current_actor()
    page = paginate(session, boards.runs(), number=page_number(request.args))
    return render_template(
        "matching/runs.html", form=form, page=page, is_busy=any(run.state in BUSY for run in page.items),
        may_start=policy.may_run(actor), headline=figures.headline, scope_name=scope_name,
        latest=boards.newest_weights(session), exports=exports(endpoint="matching_ops.export_all"),
        open_projects=size_of(session, scope=WHOLE, reach=Reach.OPEN, now=utc_now()))


@blueprint.post("/ops/matching/start")
@for_roles(Role.OPERATOR)
def start() -> Answer:
    """Start a run: a small one is computed at once, a larger one by a job while the page shows how far it is."""
    form, now = start_form(filled=True), utc_now()
    if not form.validate():
        return _index(form), REFUSED
    scope, reach, carries = form.scope.data, Reach(form.reach.data), bool(form.carries.data)
    try:
        is_small = size_of(db.session(), scope=scope, reach=reach, now=now) <= AT_ONCE
        with transaction() as session:
            run = start_run(session, actor=current_actor(), now=now, due_at=now + WORKER_WAITS if is_small else None,
                            order=RunOrder(form.title.data or _title(form), scope, reach, carries))
            ref = run.ref
    except DomainError as refused:
        form.blame(refused)
        return _index(form), status_of(refused)
    if is_small:
        drive(transaction, run_ref=ref, engines=services(), clock=utc_now, carries=carries)
        return redirect(url_for("matching_ops.run", ref=ref), 303)
    flash(gettext("已开始计算，本页显示进度，可以随时取消"), "ok")
    return redirect(url_for("matching_ops.index"), 303)


def _title(form: StartForm) -> str:
    """Return the name of a run that nobody named: the day and whose projects."""
    whose = next(choice.label for choice in form.scope.choices if choice.value == form.scope.data)
    return f"{beijing_date(utc_now()):%m-%d} {whose}"[:MOST_TITLE]


@blueprint.post("/ops/matching/<ref>/cancel")
@for_roles(Role.OPERATOR)
def cancel(ref: str) -> Response:
    """Cancel a run that is queued or being computed; nothing of it is kept."""
    run = run_of(ref)
    try:
        with transaction() as session:
            cancel_run(session, actor=current_actor(), run=run, now=utc_now())
    except DomainError as refused:
        flash(say(refused), "bad")
    else:
        flash(gettext("正在取消，不会留下半个方案"), "ok")
    return redirect(url_for("matching_ops.index"), 303)


def parts_of(run: MatchingRun, tab: str) -> dict[str, object]:
    """Return what the head of every page of a run shows."""
    actor = current_actor()
    return {
        "run": run, "tab": tab, "scope_name": scope_name, "counts": boards.counts(db.session(), run),
        "may_edit": policy.may_edit(actor, run), "may_start": policy.may_run(actor),
        "exports": exports(endpoint="matching_ops.export", ref=run.ref)}


@blueprint.get("/ops/matching/<ref>")
@for_roles(*READERS)
def run(ref: str) -> str:
    """Show one run: how far it is, or its figures in plain words and whether it is published."""
    return _run_page(run_of(ref), ReasonForm(formdata=None))


def _run_page(found: MatchingRun, form: ReasonForm) -> str:
    """Return the page of one run; `form` asks why it is taken back."""
    metrics = figures.metrics_of(found)
    return render_template(
        "matching/run.html", **parts_of(found, "summary"), line=figures.headline(found), took=took(found),
        meanings=figures.meanings(metrics) if metrics else [], live=boards.live(db.session(), found.scope),
        form=form, may_publish=policy.may_publish(current_actor(), found),
        may_unpublish=policy.may_unpublish(current_actor(), found))


def wanted_now() -> boards.Wanted:
    """Return what the address narrows a table to."""
    return boards.Wanted(unit=request.args.get("unit", ""), category=request.args.get("category", ""),
                         words=request.args.get("q", "")[:60].strip(), state=request.args.get("state", ""))


def _filters(run: MatchingRun, states: tuple[tuple[str, str], ...]) -> dict[str, object]:
    """Return what the filter above a table of a run offers."""
    session, (names, _) = db.session(), code_names()
    wanted = wanted_now()
    return {
        "wanted": wanted, "filtered": wanted != boards.Wanted(), "units": boards.units(session, run), "states": states,
        "category_names": names,
        "category_choices": [(code, names.get(code, code)) for code in boards.categories(session, run)]}


@blueprint.get("/ops/matching/<ref>/pairs")
@for_roles(*READERS)
def run_pairs(ref: str) -> str:
    """List the pairs of a run."""
    found = run_of(ref)
    page = paginate(db.session(), boards.pairs(found, wanted_now()), number=page_number(request.args))
    return render_template(
        "matching/run_pairs.html", **parts_of(found, "pairs"), **_filters(found, PAIR_STATES), page=page)


@blueprint.get("/ops/matching/<ref>/unmatched")
@for_roles(*READERS)
def run_short(ref: str) -> str:
    """List the projects that got nobody or too few, with the reason."""
    found = run_of(ref)
    page = paginate(db.session(), boards.short(found, wanted_now()), number=page_number(request.args))
    return render_template(
        "matching/run_short.html", **parts_of(found, "short"), **_filters(found, SHORT_STATES), page=page)


@blueprint.get("/ops/matching/<ref>/edits")
@for_roles(*READERS)
def run_edits(ref: str) -> str:
    """List who overruled what, when and why."""
    found = run_of(ref)
    page = paginate(db.session(), boards.edits(found), number=page_number(request.args))
    return render_template("matching/run_edits.html", **parts_of(found, "edits"), page=page)


def other_of(run: MatchingRun) -> MatchingRun | None:
    """Return the run to compare with: the one that the address names, else the one in force, else the newest."""
    session, asked = db.session(), request.args.get("with", "")
    every = list(session.scalars(boards.others(run)))
    live = boards.live(session, run.scope)
    return next((one for one in every if one.ref == asked), None) or next(
        (one for one in every if live is not None and one.id == live.id), every[0] if every else None)


@blueprint.get("/ops/matching/<ref>/compare")
@for_roles(*READERS)
def compare(ref: str) -> str:
    """Show two runs side by side: figures, and the projects whose providers differ."""
    session, found = db.session(), run_of(ref)
    other = other_of(found)
    return render_template(
        "matching/run_compare.html", **parts_of(found, "compare"), other=other,
        others=session.scalars(boards.others(found)).all(),
        side_table=figures.side_table(found, other) if other else None,
        changes=changed(session, pairs_of(session, other), pairs_of(session, found)) if other else [])


@blueprint.post("/ops/matching/<ref>/publish")
@for_roles(Role.OPERATOR)
def publish(ref: str) -> Response:
    """Put a run in force; the one that the page showed in force is replaced."""
    found, edits = run_of(ref), request.form.get("edits", "")
    try:
        with transaction() as session:
            publishing.publish(session, actor=current_actor(), run=found, now=utc_now(),
                               edits=whole(edits, otherwise=-1),
                               replaces=request.form.get("replaces") or None)
    except DomainError as refused:
        flash(say(refused), "bad")
    else:
        flash(gettext("已发布。单位和组织现在看到这些建议"), "ok")
    return redirect(url_for("matching_ops.run", ref=ref), 303)


@blueprint.post("/ops/matching/<ref>/unpublish")
@for_roles(Role.OPERATOR)
def unpublish(ref: str) -> Answer:
    """Take a run out of force, with the reason."""
    found, form = run_of(ref), ReasonForm()
    if form.validate():
        try:
            with transaction() as session:
                publishing.unpublish(session, actor=current_actor(), run=found, now=utc_now(),
                                     reason=form.reason.data or "")
        except DomainError as refused:
            form.blame(refused)
        else:
            flash(gettext("已撤回。单位和组织不再看到这些建议"), "ok")
            return redirect(url_for("matching_ops.run", ref=ref), 303)
    return _run_page(found, form), REFUSED
