"""Overruling a run: what a person types, what it would change, and the commit with a reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.access import Role, require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import DomainError
from marketplace.core.text import N_
from marketplace.matching.forms.runs import EditForm
from marketplace.matching.models import MatchingRun
from marketplace.matching.operations.edits import commit_edit, confirm_pair
from marketplace.matching.policy import runs as policy
from marketplace.matching.queries import boards
from marketplace.matching.queries.changes import Change, changed
from marketplace.matching.queries.previews import Plan, preview_edit
from marketplace.matching.queries.runs import projects_to_add
from marketplace.matching.rules.difference import Difference
from marketplace.matching.rules.edits import Edit
from marketplace.matching.rules.runs import EDIT_LABELS, EditKind
from marketplace.matching.rules.shortage import CannotHold, Shortage
from marketplace.matching.rules.weights import TENTHS
from marketplace.matching.views.ops import REFUSED, Answer, blueprint, run_of
from marketplace.matching.views.tables import points
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import status_of
from marketplace.web.paging import whole
from marketplace.web.services import services

KIND_NOTES: Mapping[str, str] = {
    EditKind.PIN: N_("这个项目给这个组织；不能违反硬性规则和利益冲突"),
    EditKind.FORBID: N_("这个项目不给这个组织，其他项目不受影响"),
    EditKind.WITHDRAW: N_("只填项目，或只填组织：它不再参加这个方案"),
    EditKind.ADD: N_("把撤出的项目或组织放回来，或加入方案之后发布的项目"),
    EditKind.CAPACITY: N_("这个组织在本方案里能接几个项目，0 是不接"),
    EditKind.WANTED: N_("这个项目要几个组织"),
    EditKind.CONFIRM: N_("双方已经同意：冻结这一对，以后的调整不再动它；方案发布后才能确认"),
    EditKind.RELEASE: N_("解除指定、排除或确认，由系统重新安排"),
}
EXAMPLES = 3
HISTORY = 409


@dataclass(frozen=True)
class Preview:
    """What an edit would change, as the page shows it."""

    difference: Difference
    changes: Sequence[Change]
    warnings: Sequence[str]
    said: str = ""                       # the edit in words: what was typed may have been part of a name


@blueprint.route("/ops/matching/<ref>/edit", methods=["GET", "POST"])
@for_roles(Role.OPERATOR)
def edit(ref: str) -> Answer:
    """Overrule a run: first what would change, then the commit with a reason."""
    run = run_of(ref)
    may_edit = policy.may_edit(current_actor(), run)
    if request.method == "GET":
        require(may_edit)
        asked = {name: request.args.get(name, "")[:200] for name in ("kind", "project", "provider")}
        kind = asked["kind"] if asked["kind"] in set(EditKind) else str(EditKind.PIN)
        return _page(run, EditForm(formdata=None, data={**asked, "kind": kind, "seen": str(run.edits)}))
    form, is_commit = EditForm(), request.form.get("step") == "commit"
    if not may_edit:
        form.form_errors.append(gettext(may_edit.reason))
        return _page(run, form), HISTORY
    lacks_reason = is_commit and not form.reason.data
    wish = _typed(form, run) if form.is_complete(with_reason=False) else None
    if wish is None:
        return _page(run, form), REFUSED
    if lacks_reason:                     # what was previewed stays in sight while the reason is written
        form.is_complete(with_reason=True)
    return _tried(run, form, wish, is_commit=is_commit and not lacks_reason)


def _tried(run: MatchingRun, form: EditForm, wish: Edit, *, is_commit: bool) -> Answer:
    """Preview an edit, or commit it; a refusal keeps the form as it was typed."""
    plan: Plan | None = None
    try:
        plan = preview_edit(db.session(), run, wish, engines=services(), now=utc_now())
        if is_commit:
            return _committed(run, form, plan)
    except CannotHold as refused:
        form.blame(refused)
        return _page(run, form, shortage=refused.shortage), REFUSED
    except DomainError as refused:
        form.blame(refused)
        if plan is not None:             # the page shows what would change by now: that is what he looks at next
            form.seen.data = str(plan.number)
        return _page(run, form, plan=plan), status_of(refused)
    form.seen.data = str(plan.number)
    return _page(run, form, plan=plan), REFUSED if form.errors else 200


def _committed(run: MatchingRun, form: EditForm, plan: Plan) -> Response:
    """Put a previewed edit in force; a confirmation freezes its pair."""
    seen = whole(form.seen.data or "", otherwise=-1)
    reason, now, ref = form.reason.data or "", utc_now(), run.ref
    ready = plan.ready()
    with transaction() as session:
        found = run_of(ref)
        if plan.edit.kind == EditKind.CONFIRM:
            pairing = boards.pairing(session, found, *plan.edit.pair)
            row = confirm_pair(session, actor=current_actor(), pairing=pairing, edits=seen, reason=reason, now=now)
        else:
            row = commit_edit(session, actor=current_actor(), run=found, plan=ready, edits=seen, reason=reason, now=now)
        number = row.number
    flash(gettext("第 %(number)s 次调整已生效，记入调整记录", number=number), "ok")
    return redirect(url_for("matching_ops.run_edits", ref=ref), 303)


def _typed(form: EditForm, run: MatchingRun) -> Edit | None:
    """Return the edit that was typed; None when a name fits nothing or too much, said beside its field."""
    session, kind, typed = db.session(), EditKind(form.kind.data), form.project.data or ""
    projects = boards.projects_like(session, run, typed)
    if kind == EditKind.ADD and not projects:
        projects = projects_to_add(session, run, typed, now=utc_now())
    project = _one(form, "project", projects)
    provider = _one(form, "provider", boards.providers_like(session, form.provider.data or ""))
    if form.errors:
        return None
    value = form.value.data if kind in {EditKind.CAPACITY, EditKind.WANTED} else None
    return Edit(kind, None if kind == EditKind.CAPACITY else project,
                None if kind == EditKind.WANTED else provider, value)


def _one(form: EditForm, name: str, found: Sequence[Project] | Sequence[Organization]) -> int | None:
    """Return the id of the only thing that what was typed can mean; says beside the field why there is none."""
    typed = form[name].data
    if not typed:
        return None
    exact = [one for one in found if typed in _names(one)]
    if len(exact) == 1 or (not exact and len(found) == 1):
        return (exact or list(found))[0].id
    if not found:
        form.tell(name, gettext("方案里没有项目叫“%(typed)s”", typed=typed) if name == "project"
                  else gettext("没有组织叫“%(typed)s”", typed=typed))
    else:
        some = "、".join(_said(one) for one in (exact or found)[:EXAMPLES])
        form.tell(name, gettext("有几个都含“%(typed)s”，请写全名或编号，例如：%(some)s", typed=typed, some=some))
    return None


def _names(one: Project | Organization) -> tuple[str | None, ...]:
    """Return what a thing may be called exactly."""
    return (one.ref, one.number, one.title) if isinstance(one, Project) else (one.ref, one.credit_code, one.name)


def _said(one: Project | Organization) -> str:
    """Return a thing with what tells it from others."""
    if isinstance(one, Project):
        return f"{one.title}（{one.number or one.ref}）"
    return f"{one.name}（{one.credit_code or one.ref}）"


def _page(run: MatchingRun, form: EditForm, *, plan: Plan | None = None, shortage: Shortage | None = None) -> str:
    """Return the page of an edit."""
    session = db.session()
    preview = _shown(plan) if plan is not None else None
    return render_template(
        "matching/run_edit.html", run=run, form=form, shortage=shortage, preview=preview,
        changes=preview.changes if preview else [], kind_notes={key: gettext(word) for key, word in KIND_NOTES.items()},
        projects=boards.projects_like(session, run, "", most=boards.MOST_OFFERED), providers=boards.candidates_of(
            session, run, form.project.data or ""))


def _shown(plan: Plan) -> Preview:
    """Return what an edit would change, with what a person should look at twice."""
    before, found = dict(plan.standing.pairs), plan.difference
    after = {**{pair: total for pair, total in before.items() if pair not in found.gone}, **found.come}
    warnings, least = [], plan.standing.weights.least * TENTHS
    if plan.edit.kind == EditKind.PIN and (total := after.get(plan.edit.pair, least)) < least:
        warnings.append(gettext("指定的这一对匹配度只有 %(total)s 分，低于最低分 %(least)s", total=points(total),
                                least=plan.standing.weights.least))
    return Preview(plan.difference, changed(db.session(), before, after), warnings, _in_words(plan.edit))


def _in_words(edit: Edit) -> str:
    """Return an edit with the full names of what it speaks of."""
    project = db.session().get(Project, edit.project) if edit.project is not None else None
    provider = db.session().get(Organization, edit.provider) if edit.provider is not None else None
    named = [*([_said(project)] if project else []), *([provider.name] if provider else []),
             *([str(edit.value)] if edit.value is not None else [])]
    return gettext(EDIT_LABELS[edit.kind]) + gettext("：") + " → ".join(named)
