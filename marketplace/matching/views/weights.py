"""Weights on the operator's pages: the versions, and a new one with what it would change while it is typed."""

from types import SimpleNamespace

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext

from marketplace.core.access import Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, DomainError, Invalid
from marketplace.core.text import N_
from marketplace.matching.forms.weights import WeightForm
from marketplace.matching.operations.weights import save_weights
from marketplace.matching.policy import runs as policy
from marketplace.matching.queries import boards
from marketplace.matching.queries.reweighing import Effect, effect
from marketplace.matching.rules.metrics import RunMetrics
from marketplace.matching.rules.weights import CRITERION_LABELS, Weights
from marketplace.matching.views.ops import READERS, REFUSED, Answer, blueprint, exports, is_live_size
from marketplace.matching.views.tables import per_cent, points
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import say, status_of
from marketplace.web.services import services

NO_VERSION = N_("没有这一版权重")


@blueprint.get("/ops/matching/weights")
@for_roles(*READERS)
def weights() -> str:
    """Show the weights in force and every version before."""
    return _page(None)


@blueprint.get("/ops/matching/weights/<int:number>")
@for_roles(*READERS)
def weights_version(number: int) -> str:
    """Show one version."""
    return _page(number)


def _page(number: int | None) -> str:
    """Return the page of the versions with one of them opened; the one in force where none is named."""
    versions = list(db.session().scalars(boards.weight_sets()))
    shown = next((one for one in versions if number in {None, one.number}), None)
    if number is not None and shown is None:
        raise Denied(NO_VERSION, hidden=True)
    return render_template(
        "matching/weights.html", versions=versions, shown=shown, latest=versions[0] if versions else None,
        weights=shown.weights if shown else Weights(), may_edit=policy.may_run(current_actor()),
        exports=exports(endpoint="matching_ops.export_all"))


@blueprint.route("/ops/matching/weights/edit", methods=["GET", "POST"])
@for_roles(Role.OPERATOR)
def weights_edit() -> Answer:
    """Set new weights; the button that looks first serves where no script runs."""
    latest = boards.newest_weights(db.session())
    if request.method == "GET":
        return _edit_page(WeightForm.of(latest.weights if latest else Weights()))
    form, is_preview = WeightForm(), request.form.get("step") == "preview"
    is_whole = form.validate()
    if is_preview:
        form.reason.errors = []
        return _edit_page(form)
    if not is_whole:
        return _edit_page(form), REFUSED
    try:
        found = form.to_weights()
        with transaction() as session:
            number = save_weights(session, actor=current_actor(), weights=found, reason=form.reason.data or "",
                                  replaces=form.seen.data, now=utc_now()).number
    except DomainError as refused:
        form.blame(refused)
        return _edit_page(form), status_of(refused)
    flash(gettext("第 %(number)s 版已存下，以后的匹配都用它。已有的方案不变", number=number), "ok")
    return redirect(url_for("matching_ops.weights"), 303)


def _edit_page(form: WeightForm) -> str:
    """Return the page that sets weights."""
    latest = boards.newest_weights(db.session())
    if not form.is_submitted():
        form.seen.data = latest.number if latest else 0
    return render_template("matching/weights_edit.html", form=form, latest=latest, **_preview(form))


@blueprint.post("/ops/matching/weights/preview")
@for_roles(Role.OPERATOR)
def weights_preview() -> str:
    """Answer the form while it is typed in: the sum, and what would change. Nothing is kept."""
    form = WeightForm()
    form.validate()
    return render_template("matching/_weights_preview.html", form=form, is_fragment=True,
                           **_preview(form, is_live=True))


def _preview(form: WeightForm, *, is_live: bool = False) -> dict[str, object]:
    """Return what the preview shows: complaints, or the effect on the newest finished run.

    A large run is solved again only where the button asks for it, not at every key.
    """
    run = boards.newest_done(db.session())
    is_unasked = is_live or request.method == "GET"
    is_large = run is not None and is_unasked and not is_live_size(run)
    found: Effect | None = None
    complaints: list[str] = []
    try:
        asked = form.to_weights()
        if run and not is_large:
            found = effect(db.session(), run, asked, flows=services().flows, now=utc_now())
    except Invalid as refused:
        complaints = [] if refused.field == "points" else [_named(form, refused)]
    return {"effect": _shown(found) if found else None, "no_run": run is None, "is_large": is_large and not complaints,
            "complaints": complaints}


def _named(form: WeightForm, refused: Invalid) -> str:
    """Return a refusal with the name of its field."""
    field = form[refused.field] if refused.field is not None and refused.field in form else None
    return f"{field.label.text}{gettext('：')}{say(refused)}" if field is not None else say(refused)


def _shown(found: Effect) -> SimpleNamespace:
    """Return an effect as the page shows it."""
    pairs = zip(_figures(found.before), _figures(found.after), strict=True)
    return SimpleNamespace(
        run=found.run, changes=found.changes, projects=len(found.changes), changed=found.moved,
        needs=found.before.needs,
        unseen="、".join(gettext(CRITERION_LABELS[one]) for one in found.unseen),
        rows=[SimpleNamespace(word=gettext(word), before=before or "—", after=after or "—")
              for (word, before), (_, after) in pairs])


def _figures(found: RunMetrics) -> list[tuple[str, str]]:
    """Return the figures that other weights may change."""
    return [(N_("总分"), points(found.total)), (N_("配上的名额"), f"{found.given} / {found.units}"),
            (N_("项目平均匹配度"), points(round(found.mean_score))), (N_("新组织得到的份额"), per_cent(found.new_pairs)),
            (N_("最忙的百分之一得到的份额"), per_cent(found.top_share)), (N_("双方都想换的配对"), str(found.blocking_pairs))]
