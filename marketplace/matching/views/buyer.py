"""The buyer's pages (ux.md B9): suggested providers, side by side, telling everybody above a line, invitations."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from markupsafe import Markup, escape
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.conflicts.rules import PEER_SOURCE
from marketplace.core.access import Role, require
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import DomainError, Invalid
from marketplace.core.text import N_
from marketplace.matching.forms.outreach import DrawForm, RecommendForm, TellForm
from marketplace.matching.models.outreach import InvitationList
from marketplace.matching.operations import outreach as operations
from marketplace.matching.policy import outreach as policy
from marketplace.matching.queries import market, sides
from marketplace.matching.queries import outreach as queries
from marketplace.matching.rules import outreach as rules
from marketplace.matching.rules.ranking import Ranked
from marketplace.matching.rules.weights import CRITERIA, CRITERION_LABELS, TENTHS, TIE_POINTS
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import KIND_LABELS, OrganizationKind
from marketplace.projects.models import Project
from marketplace.projects.queries import by_ref
from marketplace.search.rules.highlight import Highlighter
from marketplace.web.access import for_roles, public
from marketplace.web.actor import current_actor
from marketplace.web.downloads import spreadsheet
from marketplace.web.errors import blame
from marketplace.web.names import area_names, category_names
from marketplace.web.services import services
from marketplace.web.stepup import step_up, step_up_limit

blueprint = Blueprint("suggestions", __name__)
READERS = (Role.HANDLER, Role.APPROVER, Role.OPERATOR)
UNPROCESSABLE = 422
SNIPPET = 90
MOST_IN_FILE = 5_000
Answer = str | Response | tuple[str | Response, int]


def project_of(ref: str) -> Project:
    """Return the project, whatever its state; the policy of each page asks next."""
    project = by_ref(db.session(), ref)
    if project is None:
        require(policy.HIDDEN)
    assert project is not None
    return project


def _looked_at(ref: str) -> Project:
    """Return a project whose list the visitor may see; 404 otherwise."""
    project = project_of(ref)
    seat = queries.holds_seat(db.session(), current_actor(), project)
    require(policy.may_see_suggestions(current_actor(), project, holds_seat=seat))
    return project


@blueprint.app_context_processor
def said_in_public() -> dict[str, object]:
    """Let the page of a project show whom its buyer told, and whether this visitor may see its list."""
    return {"tellings_of": lambda project: queries.tellings_of(db.session(), project.id),
            "may_see_suggestions": lambda project: policy.may_see_suggestions(
                current_actor(), project, holds_seat=queries.holds_seat(db.session(), current_actor(), project)),
            "may_ask_why": lambda project: policy.may_ask_why(current_actor(), project),
            "may_see_invitations": lambda project: policy.may_see_invitations(
                current_actor(), project, holds_seat=queries.holds_seat(db.session(), current_actor(), project)),
            "may_recommend_here": _may_recommend_here,
            "own_decline": lambda project: queries.standing_decline(
                db.session(), project, current_actor().organization_id)}


def _may_recommend_here(project: Project) -> bool:
    """Say whether the visitor is an expert who may sign a recommendation for a project; few procedures know them."""
    actor, now = current_actor(), utc_now()
    if not actor.has(Role.EXPERT) or rules.Way.RECOMMEND not in rules.outreach_of(project.procedure).ways:
        return False
    session = db.session()
    return bool(policy.may_recommend_as_expert(
        actor, project, now, holds_seat=queries.holds_seat(session, actor, project),
        is_eligible=queries.is_eligible_expert(session, actor, project, now=now)))


def marks_of(rows: Sequence[tuple[Organization, Ranked]]) -> dict[int, Markup]:
    """Return for each organization the part of its own words that holds the most shared ones, these marked."""
    found = {}
    for body, ranked in rows:
        marker = Highlighter(ranked.shared, services().converter.to_simplified)
        pieces = marker.snippet(f"{body.business_scope} {body.about}".strip(), SNIPPET) if ranked.shared else []
        found[body.id] = Markup("").join(
            Markup("<mark>") + escape(one.text) + Markup("</mark>") if one.is_marked else escape(one.text)
            for one in pieces)
    return found


@blueprint.get("/projects/<ref>/suggested-providers")
@for_roles(*READERS)
def suggested(ref: str) -> str:
    """Show the ranked providers of a project with their reasons, and who was ruled out by which rule."""
    project, now, session = _looked_at(ref), utc_now(), db.session()
    found = sides.suggested(session, project, tools=services(), now=now)
    shown = [(one.organization, one.ranked) for one in found.rows]
    nearest = found.rows[:sides.NEAREST] if found.nobody else []
    named = request.args.get("named", "").strip()[:120]
    return render_template(
        "matching/suggested.html", project=project, found=found, nearest=nearest, now=now, marks=marks_of(shown),
        steps={one.organization.id: _best_step(one.ranked) for one in nearest}, labels=CRITERION_LABELS,
        criteria=CRITERIA, tenths=TENTHS, tie=TIE_POINTS, outreach=rules.outreach_of(project.procedure),
        ways=rules.WAY_LABELS, may_tell=policy.may_tell(current_actor(), project, now),
        is_locked=rules.is_locked(project.procedure), kinds=KIND_LABELS,
        beside=sides.barred_beside(session, [body for body, _ in shown], now=now),
        tellings=queries.tellings_of(session, project.id), asked_name=named, asked=_asked(session, project, named, now))


def _asked(session: Session, project: Project, named: str, now: datetime) -> sides.Compared | None:
    """Return how the one organization stands that somebody asked for by name; None when there is no such one."""
    bodies = queries.called(session, named) if named else []
    if len(bodies) != 1 or not bodies[0].public_since:
        return None
    return next(iter(sides.compared(session, project, [bodies[0].ref], tools=services(), now=now)), None)


def _best_step(ranked: Ranked) -> tuple[str, int]:
    """Return the criterion that would add most, and how many tenths."""
    part = max((one for one in ranked.parts if one.criterion in CRITERIA), key=lambda one: one.most - one.tenths)
    return CRITERION_LABELS[part.criterion], part.most - part.tenths


@blueprint.get("/projects/<ref>/suggested-providers.<kind>")
@for_roles(*READERS)
def suggested_file(ref: str, kind: str) -> Response:
    """Hand out the list as CSV or XLSX, every contribution in a column of its own."""
    if kind not in {"csv", "xlsx"}:
        require(policy.HIDDEN)
    project, now = _looked_at(ref), utc_now()
    found = sides.suggested(db.session(), project, tools=services(), now=now, most=MOST_IN_FILE)
    heads = [gettext("并列组"), gettext("组织"), gettext("统一社会信用代码"), gettext("匹配度"),
             *(gettext(CRITERION_LABELS[one]) for one in CRITERIA), gettext("加减分"), gettext("未知，按估计"),
             gettext("来源"), gettext("共同词"), gettext("与本单位签过合同")]
    rows = [heads, *(_line(one) for one in found.rows)]
    return spreadsheet(rows, kind=kind, sheet=gettext("匹配建议"),
                       name=f"suggested-{project.number or project.ref}-{beijing_date(now):%Y%m%d}")


def _line(one: sides.Candidate) -> list[str]:
    """Return one organization as a row of the file."""
    ranked = one.ranked
    by_criterion = {part.criterion: part.tenths for part in ranked.parts}
    extra = sum(tenths for criterion, tenths in by_criterion.items() if criterion not in CRITERIA)
    return [str(ranked.group), one.organization.name, one.organization.credit_code or "", points(ranked.total),
            *(points(by_criterion.get(criterion, 0)) for criterion in CRITERIA), points(extra),
            "、".join(gettext(CRITERION_LABELS[criterion]) for criterion in sides.unknown(ranked)),
            gettext("文字") if ranked.channel == "text" else gettext("类别"), "、".join(ranked.shared), str(one.served)]


def points(tenths: int) -> str:
    """Return tenths of a point as people read them."""
    return f"{tenths / TENTHS:.1f}"


@blueprint.get("/projects/<ref>/suggested-providers/compare")
@for_roles(*READERS)
def compare(ref: str) -> Answer:
    """Show two to four organizations side by side."""
    project, now = _looked_at(ref), utc_now()
    asked = [one for text in request.args.getlist("with")[:20] for one in text.split(",") if one]
    asked = list(dict.fromkeys(asked))
    if len(asked) > rules.MOST_COMPARED:
        flash(gettext("一次最多比较 %(most)s 家，只显示前 %(most)s 家", most=rules.MOST_COMPARED), "warn")
    columns = sides.compared(db.session(), project, asked[:rules.MOST_COMPARED], tools=services(), now=now)
    if not columns:
        flash(gettext("请在列表中勾选要比较的组织，最多 %(most)s 家", most=rules.MOST_COMPARED), "warn")
        return redirect(url_for("suggestions.suggested", ref=ref), 303)
    return render_template(
        "matching/compare.html", project=project, columns=columns, criteria=CRITERIA, labels=CRITERION_LABELS,
        tenths=TENTHS, tie=TIE_POINTS, kinds=KIND_LABELS, kind_of=OrganizationKind, categories=category_names(),
        areas=area_names(), peer_source=PEER_SOURCE,
        ties=sides.tied_to_each_other(db.session(), [one.organization for one in columns], now=now))


@blueprint.route("/projects/<ref>/suggested-providers/tell", methods=["GET", "POST"])
@for_roles(Role.HANDLER, Role.APPROVER)
def tell(ref: str) -> Answer:
    """Choose a line and write a text; everybody above the line gets the same, and the page of the project says so."""
    project, now = _looked_at(ref), utc_now()
    require(policy.may_tell(current_actor(), project, now))
    form = TellForm() if request.method == "POST" else TellForm(formdata=None)
    if form.validate_on_submit():
        try:
            with transaction() as session:
                made = operations.tell_providers(
                    session, actor=current_actor(), project=project_of(ref), line=form.line.data, text=form.text.data,
                    tools=services(), now=now)
                told = made.told
        except DomainError as refused:
            blame(form, refused)
            project = project_of(ref)
        else:
            flash(gettext("已告知 %(n)s 家组织，内容相同，并在项目页公开", n=told), "ok")
            return redirect(url_for("projects.page", ref=ref) + "#told", 303)
    return _tell_page(project, form, now), UNPROCESSABLE if form.errors or form.form_errors else 200


def _tell_page(project: Project, form: TellForm, now: datetime) -> str:
    """Render the form with how many each line reaches, and what was told before."""
    session = db.session()
    ranking = market.rank_project(session, project, tools=services(), now=now, most=operations.EVERYBODY)
    least = market.weights_in_force(session).least
    counts = rules.counts_above(ranking.rows)
    if not form.is_submitted():
        form.line.data = rules.nearest_line(counts, least)
    form.offer(counts)
    return render_template(
        "matching/tell.html", project=project, form=form, counts=counts, considered=ranking.considered, least=least,
        able=len(ranking.rows), tellings=queries.tellings_of(session, project.id), today=beijing_date(now),
        most=rules.MAX_TEXT, least_told=rules.LEAST_TOLD, outreach=rules.outreach_of(project.procedure))


@blueprint.get("/projects/<ref>/invitations")
@public
def invitations(ref: str) -> str:
    """Show how those invited were chosen: to the buyer before the award, to everybody with it."""
    project = project_of(ref)
    session, actor = db.session(), current_actor()
    seat = queries.holds_seat(session, actor, project)
    found = queries.invitations_of(session, project)
    require(policy.may_see_invitations(actor, project, holds_seat=seat))
    if found is None and not actor.acts_for(project.buyer_id, *policy.BUYERS):
        require(policy.HIDDEN)
    return _invitations_page(project, found, DrawForm(formdata=None), RecommendForm(formdata=None))


def _invitations_page(project: Project, found: InvitationList | None, draw_form: DrawForm,
                      recommend_form: RecommendForm) -> str:
    """Render the list with its evidence, or the lawful ways to make one."""
    session, actor, now = db.session(), current_actor(), utc_now()
    seat = queries.holds_seat(session, actor, project)
    may_draw = policy.may_draw(actor, project, now, holds_seat=seat)
    may_recommend = policy.may_recommend(actor, project, now, holds_seat=seat)
    return render_template(
        "matching/invite.html", project=project, found=found, draw_form=draw_form, recommend_form=recommend_form,
        outreach=rules.outreach_of(project.procedure), ways=rules.WAY_LABELS, side_labels=rules.SIDE_LABELS,
        rows=queries.rows_for(actor, project, found), is_decided=project.state in policy.DECIDED, may_draw=may_draw,
        may_recommend=may_recommend, names=_pool_names(session, found), least=rules.LEAST_INVITED,
        signed={one.side for one in found.signatures} if found else set(), most=rules.MOST_INVITED)


def _pool_names(session: Session, found: InvitationList | None) -> Mapping[str, str]:
    """Return the names of the whole draw, for whoever repeats it."""
    return {one.ref: one.name for one in queries.by_refs(session, found.pool)} if found else {}


@blueprint.post("/projects/<ref>/invitations/draw")
@for_roles(Role.APPROVER)
def draw(ref: str) -> Answer:
    """Draw whom to invite by lot."""
    form, now = DrawForm(), utc_now()
    project = _looked_at(ref)
    if form.validate():
        try:
            with transaction() as session:
                operations.draw_invitations(session, actor=current_actor(), project=project_of(ref),
                                            wanted=form.wanted.data, tools=services(), now=now)
        except Invalid as refused:
            blame(form, refused)
            project = project_of(ref)
        else:
            flash(gettext("已抽取并发出邀请。名单在结果公布前不公开"), "ok")
            return redirect(url_for("suggestions.invitations", ref=ref), 303)
    return _invitations_page(project, queries.invitations_of(db.session(), project), form,
                             RecommendForm(formdata=None)), UNPROCESSABLE


@blueprint.route("/projects/<ref>/invitations/recommend", methods=["GET", "POST"])
@for_roles(Role.APPROVER, Role.EXPERT)
@step_up_limit
def recommend(ref: str) -> Answer:
    """Write and sign one side's recommendation; an expert sees only the own form, never the other side's list."""
    project, now = project_of(ref), utc_now()
    _require_side(project, now)
    form = RecommendForm()
    if request.method == "POST" and step_up(form, now=now):
        try:
            with transaction() as session:
                operations.recommend(session, actor=current_actor(), project=project_of(ref),
                                     opinions=_by_ref(session, form.opinions()), tools=services(), now=now)
        except DomainError as refused:
            blame(form, refused)
            project = project_of(ref)
        else:
            flash(gettext("推荐意见已签署。两方都签署后发出邀请"), "ok")
            return redirect(url_for("projects.page", ref=ref), 303)
    return render_template(
        "matching/invite_recommend.html", project=project, form=form, outreach=rules.outreach_of(project.procedure),
        least=rules.LEAST_INVITED), UNPROCESSABLE if form.errors or form.form_errors else 200


def _require_side(project: Project, now: datetime) -> None:
    """Let in who may sign for one of the two sides; 404 for everybody else."""
    session, actor = db.session(), current_actor()
    seat = queries.holds_seat(session, actor, project)
    eligible = queries.is_eligible_expert(session, actor, project, now=now)
    if not policy.may_recommend_as_expert(actor, project, now, holds_seat=seat, is_eligible=eligible):
        require(policy.may_recommend(actor, project, now, holds_seat=seat))


def _by_ref(session: Session, typed: Mapping[str, str]) -> dict[str, str]:
    """Return what was typed by reference; raises Invalid for a name or code that nobody has, or several have."""
    found = {}
    for name, opinion in typed.items():
        bodies = queries.called(session, name)
        if len(bodies) != 1:
            raise Invalid(N_("没有找到“{name}”。请写全称或统一社会信用代码"), field="rows", name=name)
        found[bodies[0].ref] = opinion
    return found
