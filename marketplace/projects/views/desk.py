"""The unit's desk: its projects, review, questions, addenda, ending."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.accounts.queries import people_of
from marketplace.core.access import ALLOWED, Decision, Role, require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import DomainError, Invalid
from marketplace.procedures.rules import SCORING_LABELS
from marketplace.projects import operations, policy, queries, rules
from marketplace.projects.forms import AddendumForm, AnswerForm, PublishForm, ReasonForm, blame
from marketplace.projects.models import Project
from marketplace.projects.rules import STATUS_LABELS, STATUS_LOOKS, DisplayStatus
from marketplace.projects.views.blueprint import blueprint, reloaded, visible
from marketplace.projects.views.page import UNPROCESSABLE
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import say
from marketplace.web.names import area_names, category_names
from marketplace.web.paging import page_number, paginate

READERS = (Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN)
WRITERS = (Role.HANDLER, Role.APPROVER)


@blueprint.get("/desk/projects")
@for_roles(*READERS)
def desk() -> str:
    """List the unit's projects and what the units below have handed in."""
    actor, now, session = current_actor(), utc_now(), db.session()
    status = request.args.get("status", "")
    chosen = (DisplayStatus(status),) if status in set(DisplayStatus) else ()
    text = request.args.get("q", "").strip()[:60]
    statement = queries.desk_projects(actor, now=now, statuses=chosen, text=text, own_only="own" in request.args)
    return render_template(
        "projects/desk.html", page=paginate(session, statement, number=page_number(request.args)), now=now,
        status=status, text=text, counts=queries.desk_counts(session, actor, now), labels=STATUS_LABELS,
        looks=STATUS_LOOKS, rules=rules, waiting=queries.waiting_enquiries(session, actor),
        may_write=actor.has(*WRITERS))


@blueprint.post("/projects/drafts-from-lines")
@for_roles(*WRITERS)
def draft_from_lines() -> Response:
    """Turn chosen lines of the purchase list (field `line`: refs) into drafts; a line twice gives one draft."""
    refs, now = list(dict.fromkeys(request.form.getlist("line")))[:200], utc_now()
    back = url_for("projects.desk", status=DisplayStatus.DRAFT)
    if not refs:
        flash(gettext("请先勾选清单条目"), "warn")
        return redirect(back, 303)
    with transaction() as session:
        drafts = [_draft(session, ref) for ref in refs]
        made = [(project.ref, project.created_at == now) for project in drafts]
    new = sum(1 for _, is_new in made if is_new)
    flash(ngettext("生成了 %(num)d 个项目草稿", "生成了 %(num)d 个项目草稿", new), "ok")
    if len(made) == 1:
        return redirect(url_for("projects.edit", ref=made[0][0]), 303)
    return redirect(back, 303)


def _draft(session: Session, ref: str) -> Project:
    """Draft from one line, or find what was drafted from it."""
    item = queries.published_item(session, ref)
    require(policy.HIDDEN if item is None else policy.may_draft(current_actor(), item.line.purchase_list.unit))
    assert item is not None
    return operations.draft_from_line(session, actor=current_actor(), line=item.line, item=item, now=utc_now())


def _people(project: Project) -> int:
    """Return how many draft or approve in the project's unit."""
    return len(people_of(db.session(), project.buyer_id, policy.UNIT_ROLES))


def _review_page(project: Project, publish_form: PublishForm, reason_form: ReasonForm) -> str:
    """Render the approver's page."""
    now, actor = utc_now(), current_actor()
    return render_template(
        "projects/review.html", project=project, form=publish_form, reason_form=reason_form, methods=SCORING_LABELS,
        review=queries.review(db.session(), project, now), categories=category_names(), areas=area_names(),
        rule_set=queries.rules_of(db.session(), project, now), may_return=policy.may_review(actor, project),
        may_publish=policy.may_publish(actor, project, people=_people(project)))


@blueprint.get("/desk/projects/<ref>/review")
@for_roles(*READERS)
def review(ref: str) -> str:
    """Show the approver a draft as the public will see it, what is wrong with it, and two decisions."""
    project = visible(ref)
    return _review_page(project, PublishForm(formdata=None, closes_at=project.closes_at), ReasonForm(formdata=None))


@blueprint.post("/desk/projects/<ref>/publish")
@for_roles(Role.APPROVER)
def publish(ref: str) -> Response | tuple[str, int]:
    """Publish a reviewed project."""
    form, now = PublishForm(), utc_now()
    if form.validate():
        try:
            with transaction() as session:
                operations.publish(session, actor=current_actor(), project=reloaded(ref),
                                   closes_at=form.closes_at.data, now=now)
        except Invalid as refused:
            blame(form, refused)
        else:
            flash(gettext("已发布。截止前不显示响应单位和数量"), "ok")
            return redirect(url_for("projects.page", ref=ref), 303)
    return _review_page(visible(ref), form, ReasonForm(formdata=None)), UNPROCESSABLE


@blueprint.post("/desk/projects/<ref>/return")
@for_roles(Role.APPROVER)
def return_draft(ref: str) -> Response | tuple[str, int]:
    """Send a draft back with a reason."""
    form, now = ReasonForm(), utc_now()
    if form.validate():
        with transaction() as session:
            operations.return_draft(session, actor=current_actor(), project=reloaded(ref), reason=form.reason.data,
                                    now=now)
        flash(gettext("已退回经办人"), "ok")
        return redirect(url_for("projects.desk"), 303)
    project = visible(ref)
    return _review_page(project, PublishForm(formdata=None, closes_at=project.closes_at), form), UNPROCESSABLE


@blueprint.get("/desk/projects/<ref>/questions")
@for_roles(*READERS)
def questions(ref: str) -> str:
    """Show all questions with room for the answers."""
    return _questions_page(visible(ref), "", AnswerForm(formdata=None))


def _questions_page(project: Project, answering: str, form: AnswerForm) -> str:
    """Render the questions; `answering` is the one whose form came back."""
    require(policy.may_answer(current_actor(), project) if project.state == "published" else _reader(project))
    return render_template(
        "projects/questions.html", project=project, form=form, answering=answering, now=utc_now(),
        enquiries=queries.enquiries_for(db.session(), project, current_actor()),
        may_answer=policy.may_answer(current_actor(), project))


def _reader(project: Project) -> Decision:
    """Say whether the visitor works for the buyer."""
    return ALLOWED if current_actor().acts_for(project.buyer_id, *policy.UNIT_READERS) else policy.HIDDEN


@blueprint.post("/desk/projects/<ref>/questions/<enquiry_ref>")
@for_roles(*WRITERS)
def answer(ref: str, enquiry_ref: str) -> Response | tuple[str, int]:
    """Publish an answer."""
    form, now = AnswerForm(), utc_now()
    if form.validate():
        with transaction() as session:
            enquiry = queries.enquiry_by_ref(session, enquiry_ref)
            if enquiry is None or enquiry.project.ref != ref:
                require(policy.HIDDEN)
            assert enquiry is not None
            operations.answer(session, actor=current_actor(), enquiry=enquiry, answer=form.answer.data, now=now)
        flash(gettext("答复已公开"), "ok")
        return redirect(url_for("projects.questions", ref=ref), 303)
    return _questions_page(visible(ref), enquiry_ref, form), UNPROCESSABLE


@blueprint.route("/desk/projects/<ref>/addendum", methods=["GET", "POST"])
@for_roles(*WRITERS)
def addendum(ref: str) -> str | Response | tuple[str, int]:
    """Write and publish a clarification or correction."""
    project, now = visible(ref), utc_now()
    require(policy.may_publish_addendum(current_actor(), project, now))
    form = AddendumForm()
    if form.validate_on_submit():
        try:
            with transaction() as session:
                operations.publish_addendum(
                    session, actor=current_actor(), project=reloaded(ref), text=form.text.data,
                    closes_at=form.closes_at.data, affects_offers=form.affects_offers.data, now=now)
        except Invalid as refused:
            blame(form, refused)
        else:
            flash(gettext("已发布。准备响应的单位会收到通知"), "ok")
            return redirect(url_for("projects.page", ref=ref) + "#addenda", 303)
    project = visible(ref)
    body = render_template("projects/addendum.html", project=project, form=form, now=now,
                           rule_set=queries.rules_of(db.session(), project, now))
    return (body, UNPROCESSABLE) if request.method == "POST" else body


@blueprint.route("/desk/projects/<ref>/terminate", methods=["GET", "POST"])
@for_roles(*WRITERS)
def terminate(ref: str) -> str | Response | tuple[str, int]:
    """End a project, or discard a draft, with a reason."""
    project, now = visible(ref), utc_now()
    require(policy.may_terminate(current_actor(), project))
    form = ReasonForm()
    if form.validate_on_submit():
        was_public = policy.is_public(project)
        with transaction() as session:
            operations.terminate(session, actor=current_actor(), project=reloaded(ref), reason=form.reason.data,
                                 now=now)
        flash(gettext("项目已终止，理由已公开") if was_public else gettext("草稿已作废"), "ok")
        return redirect(url_for("projects.page", ref=ref) if was_public else url_for("projects.desk"), 303)
    body = render_template("projects/terminate.html", project=project, form=form, is_public=policy.is_public(project))
    return (body, UNPROCESSABLE) if request.method == "POST" else body


@blueprint.post("/desk/projects/<ref>/submit")
@for_roles(*WRITERS)
def submit(ref: str) -> Response:
    """Send a draft to the approver; what is missing is shown in the editor."""
    try:
        with transaction() as session:
            operations.submit_for_review(session, actor=current_actor(), project=reloaded(ref), now=utc_now())
    except Invalid as refused:
        flash(say(refused), "bad")
        return redirect(url_for("projects.edit", ref=ref), 303)
    flash(gettext("已送审。审核人会收到待办"), "ok")
    return redirect(url_for("projects.page", ref=ref), 303)


@blueprint.post("/desk/projects/<ref>/copy")
@for_roles(*WRITERS)
def copy(ref: str) -> Response:
    """Begin a draft with the content of an earlier project."""
    source = visible(ref)
    try:
        with transaction() as session:
            buyer = queries.unit_of(session, current_actor())
            made = operations.duplicate(session, actor=current_actor(), project=reloaded(ref), buyer=buyer,
                                        now=utc_now())
            made_ref = made.ref
    except DomainError as refused:
        flash(say(refused), "bad")
        return redirect(url_for("projects.page", ref=source.ref), 303)
    flash(gettext("已复制为新草稿。请核对时间和金额"), "ok")
    return redirect(url_for("projects.edit", ref=made_ref), 303)
