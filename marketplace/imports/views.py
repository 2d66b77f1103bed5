"""The import wizard: upload, match the columns, check, apply, undo."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.core.access import Actor, require
from marketplace.core.clock import beijing, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, DomainError, Invalid
from marketplace.core.money import Money
from marketplace.core.ports import SheetTable
from marketplace.core.sheets import UNITS, Fault, Grid, make_table
from marketplace.core.text import N_
from marketplace.files.operations import store
from marketplace.imports import operations, policy, queries, rules
from marketplace.imports.forms import UploadForm, doubled, read_mapping
from marketplace.imports.models import ImportBatch
from marketplace.imports.operations.checking import Checked
from marketplace.imports.rules import ImportState, ImportTarget, map_from_json, map_to_json
from marketplace.organizations.models import Organization
from marketplace.organizations.queries import units_under
from marketplace.web.access import signed_in
from marketplace.web.actor import current_actor
from marketplace.web.downloads import attachment
from marketplace.web.errors import say, status_of
from marketplace.web.security import EXPORT_LIMIT, UPLOAD_LIMIT, limiter
from marketplace.web.services import services

blueprint = Blueprint("imports", __name__)
PREVIEW_ROWS = 3
PROGRESS_SECONDS = "2"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
UNPROCESSABLE = 422


def _targets() -> dict[str, ImportTarget]:
    """Return every target that the slices offer."""
    made: dict[str, ImportTarget] = current_app.extensions["marketplace.import_targets"]
    return made


def _target(name: str) -> ImportTarget:
    """Return a target that the person may import into; 404 for one that does not exist."""
    if name not in _targets():
        raise Denied(N_("没有这种导入"), hidden=True)
    target = _targets()[name]
    require(policy.may_import(current_actor(), target))
    return target


@blueprint.get("/imports")
@signed_in
def index() -> str:
    """Show the imports of the unit, and what can be imported."""
    actor = current_actor()
    return render_template(
        "imports/index.html", batches=queries.batches_of(db.session(), actor), rules=rules, targets=_targets(),
        open_targets=[t for t in _targets().values() if policy.may_import(actor, t)])


def _units(actor: Actor) -> list[tuple[str, str]]:
    """Return the units whose lists the person may keep: the own one first, then those below."""
    session = db.session()
    own = session.get(Organization, actor.organization_id) if actor.organization_id else None
    if own is None:
        return []
    below = [unit for unit in units_under(session, own.path) if unit.id != own.id] if own.path else []
    return [(unit.ref, unit.name) for unit in (own, *below)]


@blueprint.route("/imports/new", methods=["GET", "POST"])
@signed_in
@limiter.limit(UPLOAD_LIMIT, methods=["POST"])
def new() -> str | Response | tuple[str, int]:
    """Take a workbook."""
    actor, target = current_actor(), _target(request.args.get("target", "purchase_list"))
    year = request.args.get("year", "")
    form = UploadForm(target=target, units=_units(actor), unit=request.args.get("unit"),
                      year=int(year) if year.isdigit() else beijing(utc_now()).year)
    if request.method == "POST" and form.validate_on_submit():
        try:
            return redirect(url_for("imports.batch", ref=_upload(actor, target, form)), 303)
        except Invalid as error:
            field = {f.name: f for f in form}.get(error.field or "", form.file)
            field.errors = [*field.errors, say(error)]
    body = render_template("imports/new.html", form=form, target=target, rules=rules)
    return (body, UNPROCESSABLE) if form.errors else body


def _upload(actor: Actor, target: ImportTarget, form: UploadForm) -> str:
    """Read the workbook outside any transaction, then keep it; return the import's reference."""
    upload = form.file.data
    data, name = upload.read(), upload.filename or ""
    sheets = services().workbook_reader.read(data, filename=name)
    with transaction() as session:
        now = utc_now()
        file = store(session, actor=actor, store=services().files, name=name, data=data, now=now,
                     purpose="import_sheet", organization_id=actor.organization_id)
        session.flush()
        return operations.upload(session, actor=actor, target=target, file=file, sheets=sheets, now=now,
                                 options=form.options()).ref


def _sheets(batch: ImportBatch) -> list[SheetTable]:
    """Read the kept workbook again."""
    return services().workbook_reader.read(services().files.get(batch.file.sha256), filename=batch.file.name)


def _load(ref: str) -> tuple[ImportBatch, ImportTarget]:
    """Return the import and its target; 404 where the person may not see it."""
    batch = queries.batch_by_ref(db.session(), ref, actor=current_actor())
    return batch, _targets()[batch.target]


@blueprint.get("/imports/<ref>")
@signed_in
def batch(ref: str) -> str | Response:
    """Show the step at which the import stands."""
    found, target = _load(ref)
    if found.state == ImportState.UPLOADED or (
            "map" in request.args and policy.may_step(current_actor(), found, target, "check")):
        return _mapping_page(found, target)
    response = make_response(_state_page(found, target))
    if found.state == ImportState.APPLYING:
        response.headers["Refresh"] = PROGRESS_SECONDS
    return response


def _mapping_page(batch: ImportBatch, target: ImportTarget, problems: Sequence[str] = (),
                  mapping: dict[str, Any] | None = None) -> str:
    """Render the step in which columns get their meaning."""
    mapping = mapping or dict(batch.mapping)
    grids = {sheet.name: Grid(sheet) for sheet in _sheets(batch)}
    tables = []
    for table in mapping["tables"]:
        grid = grids[table["sheet"]]
        first = table["head_row"] + table["head_rows"] - 1
        rows = [row for row in range(first, min(table["end_row"], grid.height)) if not grid.is_blank(row)]
        tables.append({**table, "samples": [
            [text for row in rows[:PREVIEW_ROWS] if (text := grid.merged_text(row, column))]
            for column in range(len(table["headings"]))]})
    return render_template("imports/mapping.html", batch=batch, target=target, tables=tables, units=UNITS, rules=rules,
                           problems=problems)


def _state_page(batch: ImportBatch, target: ImportTarget, problem: str = "") -> str:
    """Render what was found, how far it is, or what was done."""
    actor = current_actor()
    return render_template(
        "imports/batch.html", batch=batch, target=target, rules=rules, problem=problem,
        labels={f.name: f.label for f in target.fields}, kinds={f.name: f.kind for f in target.fields},
        may_start=policy.may_step(actor, batch, target, "start"),
        may_undo=policy.may_step(actor, batch, target, "undo"),
        may_check=policy.may_step(actor, batch, target, "check"), say_fault=_say_fault,
        result_url=target.result_url(batch.options), money=Money)


def _say_fault(fault: dict[str, Any]) -> str:
    """Return the sentence of a kept fault in the visitor's language."""
    facts = {name: gettext(value) if name == "label" else value for name, value in fault["facts"].items()}
    words = gettext(fault["reason"])
    return words.format(**facts) if facts else words


@blueprint.post("/imports/<ref>/mapping")
@signed_in
def save_mapping(ref: str) -> str | Response | tuple[str, int]:
    """Take the meaning of the columns and check every row; another heading row is guessed anew first."""
    batch, target = _load(ref)
    require(policy.may_step(current_actor(), batch, target, "check"))
    mapping = read_mapping(request.form, batch.mapping)
    sheets = _sheets(batch)
    if any(table["asked_head"] != table["head_row"] for table in mapping["tables"]):
        mapping = _with_other_heads(sheets, target, mapping)
        with transaction():
            _load(ref)[0].mapping = mapping
        return redirect(url_for("imports.batch", ref=ref, map=1), 303)
    if problems := doubled(mapping, target):
        return _mapping_page(batch, target, problems, mapping), UNPROCESSABLE
    try:
        with transaction() as session:
            batch, target = _load(ref)
            operations.check_import(session, actor=current_actor(), batch=batch, target=target, sheets=sheets,
                                    mapping=mapping, now=utc_now())
    except Invalid as error:
        return _mapping_page(_load(ref)[0], target, [say(error)], mapping), UNPROCESSABLE
    return redirect(url_for("imports.batch", ref=ref), 303)


def _with_other_heads(sheets: Sequence[SheetTable], target: ImportTarget, mapping: dict[str, Any]) -> dict[str, Any]:
    """Return the mapping with tables guessed anew from the heading rows that the person named."""
    grids = {sheet.name: Grid(sheet) for sheet in sheets}
    tables = []
    for table in mapping["tables"]:
        asked, grid = table["asked_head"], grids[table["sheet"]]
        if asked == table["head_row"] or not 1 <= asked <= grid.height:
            tables.append(table)
        else:
            made = make_table(grid, target.fields, (asked - 1, asked - 1), max(table["end_row"], asked))
            tables.append({**map_to_json([made])["tables"][0], "skip": table["skip"]})
    return {**mapping, "tables": tables}


def _check_again(session: Session, batch: ImportBatch, target: ImportTarget, sheets: Sequence[SheetTable]) -> Checked:
    """Compare once more inside the transaction: the database may have moved on since the check."""
    return operations.check_sheets(session, target=target, sheets=sheets, options=batch.options, now=utc_now(),
                                   tables=map_from_json(batch.mapping))


@blueprint.post("/imports/<ref>/apply")
@signed_in
def apply(ref: str) -> str | Response | tuple[str, int]:
    """Import all rows, or (good_rows) those without faults."""
    sheets = _sheets(_load(ref)[0])
    try:
        with transaction() as session:
            batch, target = _load(ref)
            done = operations.start_import(
                session, actor=current_actor(), batch=batch, target=target, now=utc_now(),
                checked=_check_again(session, batch, target, sheets), good_rows="good_rows" in request.form)
            count = batch.done
    except DomainError as error:
        batch, target = _load(ref)
        return _state_page(batch, target, say(error)), status_of(error)
    if done:
        flash(ngettext("已导入 %(num)d 行", "已导入 %(num)d 行", count), "ok")
    return redirect(url_for("imports.batch", ref=ref), 303)


@blueprint.post("/imports/<ref>/undo")
@signed_in
def undo(ref: str) -> str | Response | tuple[str, int]:
    """Take the import back, while nothing depends on it."""
    try:
        with transaction() as session:
            batch, target = _load(ref)
            operations.undo_import(session, actor=current_actor(), batch=batch, target=target, now=utc_now())
    except DomainError as error:
        batch, target = _load(ref)
        return _state_page(batch, target, say(error)), status_of(error)
    flash(gettext("已撤销，内容恢复到导入之前"), "ok")
    return redirect(url_for("imports.batch", ref=ref), 303)


@blueprint.get("/imports/<ref>/errors.xlsx")
@signed_in
@limiter.limit(EXPORT_LIMIT)
def error_workbook(ref: str) -> Response:
    """Hand back the clerk's own sheets with a red note in each wrong cell."""
    batch, target = _load(ref)
    sheets = _sheets(batch)
    checked = _check_again(db.session(), batch, target, sheets)
    notes: dict[tuple[str, int, int], str] = {}
    for fault in checked.plan.faults:
        place = (fault.sheet, fault.row, _column_number(fault.column))
        notes[place] = "\n".join(filter(None, [notes.get(place, ""), _say_fault(_as_json(fault))]))
    data = services().workbook_writer.write({s.name: s.rows for s in sheets if not s.hidden}, comments=notes)
    stem = batch.file.name.rpartition(".")[0]
    return attachment(data, name=f"{stem}-{gettext('待改正')}.xlsx", media_type=XLSX)


def _as_json(fault: Fault) -> dict[str, Any]:
    """Return a fault as it is kept in a batch."""
    return {"reason": fault.reason, "facts": dict(fault.facts)}


def _column_number(letters: str) -> int:
    """Return the number of a column from its letters: A is 1."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
