"""The organization's pages: projects for us, why not us, follow, decline with a reason."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.access import Role, require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, Invalid
from marketplace.core.text import N_
from marketplace.matching.forms.outreach import DeclineForm
from marketplace.matching.operations import outreach as operations
from marketplace.matching.policy import outreach as policy
from marketplace.matching.queries import sides
from marketplace.matching.rules.outreach import SIZE_LABELS
from marketplace.matching.rules.remedies import FACTS_TO_FILL, WHAT_HELPS
from marketplace.matching.rules.weights import CRITERIA, CRITERION_LABELS, TENTHS
from marketplace.matching.views.buyer import UNPROCESSABLE, Answer, blueprint, marks_of, project_of
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.projects.policy import is_open
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import blame
from marketplace.web.names import area_names, category_names
from marketplace.web.services import services

PROFILE_RULES = {"NOT_VERIFIED", "SCOPE", "AREA", "CERTIFIED_STAFF", "GRADE", "NO_CAPACITY", "OVER_CAPACITY_MONEY"}
PROVIDERS = (Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER)


def _own() -> Organization:
    """Return the organization that the visitor acts for."""
    found = sides.own_organization(db.session(), current_actor().organization_id)
    if found is None:
        raise Denied(N_("您还没有加入机构。请在“我的账号”切换身份，或请机构管理员邀请您"))
    return found


def _asked_about(ref: str) -> Project:
    """Return a published project; 404 for one that is not."""
    project = project_of(ref)
    require(policy.may_ask_why(current_actor(), project))
    return project


@blueprint.get("/org/matches")
@for_roles(*PROVIDERS)
def for_us() -> str:
    """Show open projects that suit the organization, what it follows and declines, what it has not said."""
    now, own = utc_now(), _own()
    found = sides.for_me(db.session(), own, tools=services(), now=now)
    return render_template(
        "matching/for_me.html", found=found, now=now, labels=CRITERION_LABELS, criteria=CRITERIA, tenths=TENTHS,
        facts=FACTS_TO_FILL, is_open=is_open)


@blueprint.get("/projects/<ref>/why-not-me")
@for_roles(*PROVIDERS)
def why_not_us(ref: str) -> str:
    """Show which rules stand against the organization, or what it lacks and what would help most."""
    return _why_page(_asked_about(ref), DeclineForm(formdata=None))


def _why_page(project: Project, form: DeclineForm) -> str:
    """Render how the own organization stands to a project."""
    now, session, own = utc_now(), db.session(), _own()
    found = sides.why_not(session, project, own, tools=services(), now=now)
    ranked = found.explanation.ranked
    return render_template(
        "matching/why.html", project=project, found=found, form=form, now=now, labels=CRITERION_LABELS,
        criteria=CRITERIA, tenths=TENTHS, facts=FACTS_TO_FILL, helps=WHAT_HELPS, sizes=SIZE_LABELS,
        profile_rules=PROFILE_RULES, marks=marks_of([(own, ranked)]) if ranked else {}, categories=category_names(),
        areas=area_names(), is_open=is_open(project, now),
        may_decline=policy.may_decline(current_actor(), project, now))


def _back(ref: str) -> Response:
    """Return to where the button stood: the list, or the page of the project's reasons."""
    if request.form.get("back") == "list":
        return redirect(url_for("suggestions.for_us") + f"#p-{ref}", 303)
    return redirect(url_for("suggestions.why_not_us", ref=ref), 303)


@blueprint.post("/projects/<ref>/follow")
@for_roles(*PROVIDERS)
def follow(ref: str) -> Response:
    """Keep an eye on a project."""
    with transaction() as session:
        operations.follow(session, actor=current_actor(), project=project_of(ref), now=utc_now())
    flash(gettext("已关注。它会列在机构工作台和“适合我们的项目”里"), "ok")
    return _back(ref)


@blueprint.post("/projects/<ref>/unfollow")
@for_roles(*PROVIDERS)
def unfollow(ref: str) -> Response:
    """Stop following a project."""
    with transaction() as session:
        operations.unfollow(session, actor=current_actor(), project=project_of(ref), now=utc_now())
    flash(gettext("已取消关注"), "ok")
    return _back(ref)


@blueprint.post("/projects/<ref>/decline")
@for_roles(*PROVIDERS)
def decline(ref: str) -> Answer:
    """Say that the organization will not take a project, with the reason."""
    project, form = _asked_about(ref), DeclineForm()
    if form.validate():
        try:
            with transaction() as session:
                operations.decline(session, actor=current_actor(), project=project_of(ref), reason=form.reason.data,
                                   now=utc_now())
        except Invalid as refused:
            blame(form, refused)
            project = project_of(ref)
        else:
            flash(gettext("已记下。这个项目不再向购买单位推荐贵机构，截止前可以随时撤回"), "ok")
            return _back(ref)
    return _why_page(project, form), UNPROCESSABLE


@blueprint.post("/projects/<ref>/decline/withdraw")
@for_roles(*PROVIDERS)
def withdraw_decline(ref: str) -> Response:
    """Take that back."""
    with transaction() as session:
        operations.withdraw_decline(session, actor=current_actor(), project=project_of(ref), now=utc_now())
    flash(gettext("已撤回，恢复参加匹配"), "ok")
    return _back(ref)
