"""The editor of a draft: a list of parts, each a page of its own that also saves itself."""

from collections.abc import Mapping
from typing import Any, cast

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.access import Role, require
from marketplace.core.clock import beijing, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Invalid
from marketplace.files.operations import store
from marketplace.files.rules import Purpose
from marketplace.procedures.rules import NEVER_ASKED, SCORING_LABELS
from marketplace.projects import operations, policy, queries, rules
from marketplace.projects.forms import (
    SECTION_FORMS,
    BasicsForm,
    FilesForm,
    NewForm,
    RowsForm,
    SectionForm,
    blame,
)
from marketplace.projects.models import Project
from marketplace.projects.queries import Review
from marketplace.projects.rules import SECTION_LABELS, Section
from marketplace.projects.views.blueprint import blueprint, reloaded, visible
from marketplace.projects.views.page import UNPROCESSABLE, wants_json
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import say
from marketplace.web.names import area_names, category_names
from marketplace.web.security import UPLOAD_LIMIT, limiter
from marketplace.web.services import services

WRITERS = (Role.HANDLER, Role.APPROVER)
CONFLICT = 409
MAX_UPLOAD = 20 * 1024 * 1024


def _editable(ref: str) -> Project:
    """Return a draft that the visitor may edit."""
    project = visible(ref)
    require(policy.may_edit(current_actor(), project))
    return project


def task_list(project: Project, review: Review, here: str = "") -> list[dict[str, object]]:
    """Return the parts of the editor with their state."""
    items: list[dict[str, object]] = []
    for section in Section:
        open_problems = len(review.problems_of(section))
        if section == Section.FILES:
            state = gettext("%(n)s 个", n=len(project.files)) if project.files else gettext("选填")
        else:
            state = gettext("还差 %(n)s 项", n=open_problems) if open_problems else gettext("已完成")
        items.append({"word": gettext(SECTION_LABELS[section]), "state": state, "bad": bool(open_problems),
                      "url": url_for("projects.edit_section", ref=project.ref, section=section),
                      "here": section == here})
    return items


@blueprint.route("/desk/projects/new", methods=["GET", "POST"])
@for_roles(*WRITERS)
def new() -> str | Response | tuple[str, int]:
    """Begin a blank draft."""
    form = NewForm()
    if form.validate_on_submit():
        try:
            with transaction() as session:
                project = operations.draft_project(
                    session, actor=current_actor(), buyer=queries.unit_of(session, current_actor()),
                    title=form.title.data, budget=form.budget.data, now=utc_now())
                ref = project.ref
        except Invalid as refused:
            blame(form, refused)
        else:
            return redirect(url_for("projects.edit", ref=ref), 303)
    body = render_template("projects/new.html", form=form)
    return (body, UNPROCESSABLE) if request.method == "POST" else body


@blueprint.get("/desk/projects/<ref>/edit")
@for_roles(*WRITERS)
def edit(ref: str) -> str:
    """Show the parts of a draft, what is missing, and what a reviewer would stop at."""
    project, now = _editable(ref), utc_now()
    review = queries.review(db.session(), project, now)
    return render_template("projects/edit.html", project=project, review=review, tasks=task_list(project, review),
                           labels=SECTION_LABELS, may_terminate=policy.may_terminate(current_actor(), project))


@blueprint.get("/desk/projects/<ref>/preview")
@for_roles(*WRITERS)
def preview(ref: str) -> str:
    """Show a draft as the public will see it, with what stops it."""
    project, now = visible(ref), utc_now()
    return render_template(
        "projects/preview.html", project=project, now=now, review=queries.review(db.session(), project, now),
        rules=rules, categories=category_names(), areas=area_names(), methods=SCORING_LABELS,
        rule_set=queries.rules_of(db.session(), project, now), may_submit=policy.may_submit(current_actor(), project))


def _section_of(name: str) -> Section:
    """Return the part of the editor that an address names; raises Denied (404) for a strange one."""
    if name not in set(Section):
        require(policy.HIDDEN)
    return Section(name)


def _filled(section: Section, project: Project) -> SectionForm:
    """Return the form of a part: as sent, or filled from the draft."""
    kind = SECTION_FORMS[section]
    form = kind() if request.method == "POST" else kind.of(project)
    if isinstance(form, BasicsForm):
        form.offer(category_names(), area_names())
    return form


def _section_page(project: Project, section: Section, form: SectionForm,
                  theirs: Mapping[str, object] | None = None) -> str:
    """Render one part of the editor; `theirs`: what somebody else has saved meanwhile."""
    review = queries.review(db.session(), project, utc_now())
    order = list(Section)
    following = order[order.index(section) + 1]
    return render_template(
        f"projects/edit_{section}.html", project=project, section=section, form=form, review=review,
        tasks=task_list(project, review, section), labels=SECTION_LABELS, following=following, theirs=theirs,
        rule_set=queries.rules_of(db.session(), project, utc_now()), never_asked=NEVER_ASKED)


@blueprint.route("/desk/projects/<ref>/edit/<section>", methods=["GET", "POST"])
@for_roles(*WRITERS)
def edit_section(ref: str, section: str) -> str | Response | tuple[str | Response, int]:
    """Edit one part; the same address takes autosaves and answers them in JSON."""
    part, project = _section_of(section), _editable(ref)
    if part == Section.FILES:
        return _files_page(project, FilesForm(formdata=None))
    form = _filled(part, project)
    if request.method == "GET":
        return _section_page(project, part, form)
    if "more" in request.form and isinstance(form, RowsForm):
        form.add_rows()
        return _section_page(project, part, form)
    if not form.validate():
        return _refused(form) if wants_json() else (_section_page(project, part, form), UNPROCESSABLE)
    return _save(ref, part, form)


def _save(ref: str, part: Section, form: SectionForm) -> Response | tuple[str | Response, int]:
    """Save one part, and say so in the manner asked for."""
    now = utc_now()
    try:
        with transaction() as session:
            project = reloaded(ref)
            operations.save_draft(session, actor=current_actor(), project=project, changes=form.changes(), now=now,
                                  version=int(form.version.data) if (form.version.data or "").isdigit() else None)
            version = project.version_id
    except Conflict as refused:
        return _both_versions(ref, part, form, refused)
    except Invalid as refused:
        blame(form, refused)
        return _refused(form) if wants_json() else (_section_page(_editable(ref), part, form), UNPROCESSABLE)
    if wants_json():
        return jsonify(saved_at=beijing(now).strftime("%H:%M:%S"), version=version), 200
    flash(gettext("“%(part)s”已保存", part=gettext(SECTION_LABELS[part])), "ok")
    order = list(Section)
    target = (url_for("projects.edit_section", ref=ref, section=order[order.index(part) + 1]) if "then" in request.form
              else url_for("projects.edit", ref=ref))
    return redirect(target, 303)


def _refused(form: SectionForm) -> tuple[Response, int]:
    """Answer an autosave that was refused: the sentences by field."""
    errors = {name: _flat(found) for name, found in form.errors.items() if name}
    if form.form_errors:
        errors["form"] = [str(text) for text in form.form_errors]
    return jsonify(errors=errors), UNPROCESSABLE


def _flat(found: Any) -> list[str]:
    """Return the sentences of a field, of a list's rows too."""
    if isinstance(found, Mapping):
        return [text for part in found.values() for text in _flat(part)]
    if isinstance(found, (list, tuple)):
        return [text for part in found for text in _flat(part)]
    return [str(found)]


def _both_versions(ref: str, part: Section, form: SectionForm, refused: Conflict) -> tuple[str | Response, int]:
    """Show what was typed beside what somebody else saved; nothing is lost, the next save wins knowingly."""
    if wants_json():
        return jsonify(conflict=say(refused)), CONFLICT
    project = _editable(ref)
    theirs = _values(SECTION_FORMS[part].of(project, formdata=None, meta={"csrf": False}))
    form.version.data = str(project.version_id)
    form.version.raw_data = None
    return _section_page(project, part, form, theirs), CONFLICT


def _values(form: SectionForm) -> dict[str, object]:
    """Return labels and shown values of a form, rows joined to lines."""
    shown: dict[str, object] = {}
    for name in form.names:
        field = form[name]
        shown[field.label.text] = field._value() if hasattr(field, "_value") else field.data  # noqa: SLF001 - WTForms
    if isinstance(form, RowsForm):
        lines = [" · ".join(str(row[c].data) for c in form.columns if row[c].data) for row in form.rows]
        shown[gettext("各行")] = "\n".join(line for line in lines if line)
    return shown


def _files_page(project: Project, form: FilesForm) -> str:
    """Render the attachments."""
    review = queries.review(db.session(), project, utc_now())
    return render_template("projects/edit_files.html", project=project, section=Section.FILES, form=form,
                           review=review, tasks=task_list(project, review, Section.FILES), labels=SECTION_LABELS)


@blueprint.post("/desk/projects/<ref>/files")
@for_roles(*WRITERS)
@limiter.limit(UPLOAD_LIMIT)
def upload(ref: str) -> Response | tuple[str, int]:
    """Attach a file."""
    project, form = _editable(ref), FilesForm()
    upload_ = request.files.get("file")
    if upload_ is None or not upload_.filename:
        form.file.errors = [gettext("请选择要上传的文件")]
        return _files_page(project, form), UNPROCESSABLE
    data = upload_.stream.read(MAX_UPLOAD + 1)
    buyer_id, now = project.buyer_id, utc_now()
    try:
        with transaction() as session:
            stored = store(session, actor=current_actor(), store=services().files, name=upload_.filename, data=data,
                           purpose=Purpose.PROJECT_ATTACHMENT, now=now, organization_id=buyer_id)
            operations.attach(session, actor=current_actor(), project=reloaded(ref), file=stored,
                              title=form.title.data or "", now=now)
    except Invalid as refused:
        form.file.errors = [say(refused)]
        return _files_page(_editable(ref), form), UNPROCESSABLE
    flash(gettext("附件已上传，检查通过后可以下载"), "ok")
    return redirect(url_for("projects.edit_section", ref=ref, section=Section.FILES), 303)


@blueprint.post("/desk/projects/<ref>/files/<file_ref>/remove")
@for_roles(*WRITERS)
def remove_file(ref: str, file_ref: str) -> Response:
    """Take an attachment off."""
    with transaction() as session:
        project = reloaded(ref)
        found = next((one for one in project.files if one.file.ref == file_ref), None)
        if found is None:
            require(policy.HIDDEN)
        operations.detach(session, actor=current_actor(), project=project, file=cast("Any", found), now=utc_now())
    flash(gettext("附件已移除"), "ok")
    return redirect(url_for("projects.edit_section", ref=ref, section=Section.FILES), 303)
