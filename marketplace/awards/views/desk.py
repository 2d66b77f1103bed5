"""The buyer's desk of judging: drawing the panel, checking offers, comparing, deciding (ux.md B10, B12, B13)."""

from datetime import datetime

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from marketplace.accounts.queries import people_of
from marketplace.awards import operations, policy, queries
from marketplace.awards.forms import AnswerForm, AwardForm, DrawForm, ReasonForm, ValidityForm, choices
from marketplace.awards.operations.panel import active_seats
from marketplace.awards.queries import Comparison
from marketplace.awards.rules import SEAT_LABELS, committee_is_ok
from marketplace.awards.views.blueprint import UNPROCESSABLE, blame, blueprint
from marketplace.bids.models import SealedBid
from marketplace.bids.queries import attached_bytes
from marketplace.bids.rules import attached
from marketplace.core.access import Role, require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Invalid
from marketplace.procedures.queries import rule_set_of
from marketplace.procedures.rules import SCORING_LABELS, experts_needed
from marketplace.projects import queries as projects
from marketplace.projects.models import Project
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.downloads import attachment
from marketplace.web.errors import say
from marketplace.web.services import services

WRITERS = (Role.HANDLER, Role.APPROVER)
READERS = (*WRITERS, Role.UNIT_ADMIN, Role.AUDITOR)
Answer = str | Response | tuple[str | Response, int]


def _project(ref: str) -> Project:
    """Return the project, whatever its state; the policy of each page asks next."""
    project = projects.by_ref(db.session(), ref)
    if project is None:
        require(policy.HIDDEN)
    assert project is not None
    return project


@blueprint.route("/desk/projects/<ref>/panel", methods=["GET", "POST"])
@for_roles(*READERS)
def panel(ref: str) -> Answer:
    """Show the panel with its draw and states; draw it."""
    now = utc_now()
    project = _project(ref)
    require(policy.may_see_panel(current_actor(), project))
    staff = people_of(db.session(), project.buyer_id, WRITERS)
    form = DrawForm()
    form.representatives.choices = choices((one.ref, one.name) for one in staff)
    if form.validate_on_submit():
        try:
            return _draw(ref, form, now)
        except Invalid as refused:
            blame(form, refused)
            project = _project(ref)
    rules = rule_set_of(project.rule_set, project.rules_snapshot)
    drawn = queries.panel_of(db.session(), project)
    status = UNPROCESSABLE if form.errors or form.form_errors else 200
    return render_template(
        "awards/panel.html", project=project, panel=drawn, form=form, rules=rules, labels=SEAT_LABELS, now=now,
        may_draw=policy.may_draw(current_actor(), project), experts=experts_needed(rules, project.panel_size),
        eligible=len(queries.eligible_experts(db.session(), project, now=now)) if drawn is None else None,
        empty=drawn.size - len(active_seats(drawn)) if drawn else 0), status


def _draw(ref: str, form: DrawForm, now: datetime) -> Response:
    """Draw the panel."""
    chosen = set(form.representatives.data or [])
    with transaction() as session:
        project = _project(ref)
        people = [one for one in people_of(session, project.buyer_id, WRITERS) if one.ref in chosen]
        made = operations.draw_panel(session, actor=current_actor(), project=project, representatives=people, now=now)
        size = made.size
    flash(gettext("已抽取评审小组 %(n)s 人，并通知各位成员声明是否需要回避", n=size), "ok")
    return redirect(url_for("awards.panel", ref=ref), 303)


@blueprint.post("/desk/projects/<ref>/panel/substitutes")
@for_roles(*WRITERS)
def substitutes(ref: str) -> Response:
    """Fill empty seats from the pool."""
    with transaction() as session:
        made = operations.draw_substitutes(session, actor=current_actor(), project=_project(ref), now=utc_now())
        count = len(made)
    flash(gettext("已补抽 %(n)s 人", n=count), "ok")
    return redirect(url_for("awards.panel", ref=ref), 303)


@blueprint.get("/desk/projects/<ref>/award")
@for_roles(*READERS)
def award(ref: str) -> Answer:
    """Show everything that the decision needs: the check, the sheets, the comparison, the objections."""
    return _decision_page(ref)


def _decision_page(ref: str, *, form: AwardForm | None = None, failed: tuple[str, str] | None = None) -> Answer:
    """Render the page of decision; `failed` is (place, sentence) of a step that was refused."""
    session, actor, now = db.session(), current_actor(), utc_now()
    project = _project(ref)
    found = queries.comparison(session, project, actor=actor, now=now)
    rules = rule_set_of(project.rule_set, project.rules_snapshot)
    shown = form or _award_form(found)
    answer_form = AnswerForm(formdata=None)
    return render_template(
        "awards/award.html", project=project, found=found, rules=rules, form=shown, now=now, failed=failed,
        checks=_rule_checks(found), seat_labels=SEAT_LABELS, scoring_labels=SCORING_LABELS, answer_form=answer_form,
        spread=queries.spread(session, project) if found.may_see_scores else [],
        objections=queries.objections_of(session, project, actor=actor), reason_form=ReasonForm(formdata=None),
        may_check=policy.may_check_offers(actor, project), may_close=policy.may_close_scoring(actor, project),
        may_award=policy.may_award(actor, project), may_revoke=policy.may_revoke(actor, project),
        may_answer=policy.may_decide(actor, project), least=rules.min_bids,
    ), UNPROCESSABLE if form is not None or failed else 200


def _award_form(found: Comparison, *, posted: bool = False) -> AwardForm:
    """Return the form of the decision with the ranked, valid offers to choose from."""
    number = found.project.number or ""
    form = AwardForm(number=number) if posted else AwardForm(formdata=None, number=number)
    form.bid.choices = choices((one.bid.ref, one.bid.organization.name) for one in found.columns
                               if one.place is not None and one.checked.offer.is_valid)
    if not posted and found.first is not None:
        form.bid.data = found.first.bid.ref
    return form


def _rule_checks(found: Comparison) -> list[tuple[str, bool, str]]:
    """Return what the rules ask before a decision: a sentence, whether it holds, the basis."""
    rules = rule_set_of(found.project.rule_set, found.project.rules_snapshot)
    panel_ = found.panel
    seats = active_seats(panel_) if panel_ else []
    size = panel_.size if panel_ else found.project.panel_size
    experts = sum(one.is_expert for one in seats)
    return [
        (gettext("有效响应 %(n)s 家，不少于 %(least)s 家", n=found.valid, least=rules.min_bids),
         found.valid >= rules.min_bids, rules.source("min_bids")),
        (gettext("没有应认定无效而未认定的响应"), not found.barred, "87号令第四十四条"),
        (gettext("评审小组 %(n)s 人，单数，专家 %(experts)s 人", n=size, experts=experts),
         committee_is_ok(size, experts, least=rules.panel_min), rules.source("expert_share")),
        (gettext("评分表已交 %(n)s 份，共 %(size)s 份", n=found.sheets_in, size=size), found.sheets_in == size,
         "政府采购法实施条例第四十一条"),
    ]


@blueprint.post("/desk/projects/<ref>/award")
@for_roles(*WRITERS)
def decide(ref: str) -> Answer:
    """Publish the decision."""
    found = queries.comparison(db.session(), _project(ref), actor=current_actor(), now=utc_now())
    form = _award_form(found, posted=True)
    if not form.validate():
        return _decision_page(ref, form=form)
    try:
        with transaction() as session:
            project = _project(ref)
            bid = queries.own_bid(session, form.bid.data)
            operations.award(session, actor=current_actor(), project=project, bid=bid, reason=form.reason.data or "",
                             now=utc_now())
    except Invalid as refused:
        blame(form, refused)
        return _decision_page(ref, form=form)
    flash(gettext("结果已公布，并已告知每一家响应人"), "ok")
    return redirect(url_for("awards.award", ref=ref), 303)


@blueprint.post("/desk/projects/<ref>/award/close")
@for_roles(*WRITERS)
def close(ref: str) -> Answer:
    """Sum up the sheets."""
    try:
        with transaction() as session:
            rows = operations.close_scoring(session, actor=current_actor(), project=_project(ref), now=utc_now())
            is_ranked = bool(rows)
    except Invalid as refused:
        return _decision_page(ref, failed=("close", say(refused)))
    if is_ranked:
        flash(gettext("评审已汇总"), "ok")
    else:
        flash(gettext("有效响应不足，项目流标，已告知各响应人"), "warn")
    return redirect(url_for("awards.award", ref=ref), 303)


@blueprint.post("/desk/projects/<ref>/award/validity")
@for_roles(*WRITERS)
def validity(ref: str) -> Answer:
    """Record the check of one offer."""
    form = ValidityForm()
    if not form.validate_on_submit():
        sentence = "；".join(str(one) for errors in form.errors.values() for one in errors)
        return _decision_page(ref, failed=(form.bid.data or "", sentence))
    try:
        with transaction() as session:
            bid = _bid_of(ref, form.bid.data)
            assert bid.offer is not None
            operations.set_validity(session, actor=current_actor(), offer=bid.offer, reason=form.reason.data or "",
                                    is_valid=form.is_valid.data == "yes", now=utc_now())
    except Invalid as refused:
        return _decision_page(ref, failed=(form.bid.data or "", say(refused)))
    flash(gettext("审查结论已记录"), "ok")
    return redirect(url_for("awards.award", ref=ref), 303)


def _bid_of(ref: str, bid_ref: str | None) -> SealedBid:
    """Return an opened bid of the project; 404 for any other."""
    found = [one for one in queries.opened_bids(db.session(), _project(ref)) if one.ref == bid_ref]
    if not found:
        raise NotFound
    return found[0]


@blueprint.get("/desk/projects/<ref>/offers/<bid_ref>")
@for_roles(*WRITERS, Role.AUDITOR)
def offer(ref: str, bid_ref: str) -> str:
    """Show one opened offer to the buyer."""
    project = _project(ref)
    require(policy.may_prepare_decision(current_actor(), project))
    bid = _bid_of(ref, bid_ref)
    assert bid.offer is not None
    return render_template("awards/offer.html", project=project, bid=bid, offer=bid.offer,
                           files=attached(bid.offer.answers))


@blueprint.get("/desk/projects/<ref>/offers/<bid_ref>/files/<sha256>")
@for_roles(*WRITERS, Role.AUDITOR)
def desk_file(ref: str, bid_ref: str, sha256: str) -> Response:
    """Hand out an attachment of an opened offer to the buyer."""
    require(policy.may_prepare_decision(current_actor(), _project(ref)))
    bid = _bid_of(ref, bid_ref)
    entries = attached(bid.offer.answers) if bid.offer else ()
    entry = next((one for one in entries if one["sha256"] == sha256), None)
    if entry is None:
        raise NotFound
    data = attached_bytes(entry, sealer=services().sealer, store=services().files)
    return attachment(data, name=str(entry["name"]), media_type="application/pdf")


@blueprint.post("/desk/projects/<ref>/award/revoke")
@for_roles(*WRITERS)
def revoke(ref: str) -> Answer:
    """Take the decision back."""
    form = ReasonForm()
    if not form.validate_on_submit():
        return _decision_page(ref, failed=("revoke", gettext("请写明理由")))
    with transaction() as session:
        live = queries.live_award(session, _project(ref))
        if live is None:
            raise NotFound
        operations.revoke(session, actor=current_actor(), award=live, reason=form.reason.data, now=utc_now())
    flash(gettext("已撤销中选决定并公布更正"), "ok")
    return redirect(url_for("awards.award", ref=ref), 303)


@blueprint.post("/desk/objections/<ref>")
@for_roles(*WRITERS)
def answer_objection(ref: str) -> Answer:
    """Answer an objection."""
    form = AnswerForm()
    project_ref = queries.objection_by_ref(db.session(), ref, actor=current_actor()).project.ref
    if not form.validate_on_submit():
        sentence = "；".join(str(one) for errors in form.errors.values() for one in errors)
        return _decision_page(project_ref, failed=(ref, sentence))
    with transaction() as session:
        objection = queries.objection_by_ref(session, ref, actor=current_actor())
        operations.answer_objection(
            session, actor=current_actor(), objection=objection, upheld=form.outcome.data != "no",
            answer=form.answer.data, ends_project=form.outcome.data == "fail", now=utc_now())
    flash(gettext("已答复，并告知提出异议的组织"), "ok")
    return redirect(url_for("awards.award", ref=project_ref), 303)
