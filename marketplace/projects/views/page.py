"""One project for everybody: its page, calendar entry, questions."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.access import require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Invalid
from marketplace.procedures.rules import SCORING_LABELS
from marketplace.projects import operations, policy, queries, rules
from marketplace.projects.forms import QuestionForm, blame
from marketplace.projects.models import Project
from marketplace.projects.rules import STATUS_LABELS, STATUS_LOOKS, DisplayStatus
from marketplace.projects.views.blueprint import blueprint, reloaded, visible
from marketplace.web.access import public, signed_in
from marketplace.web.actor import current_actor
from marketplace.web.calendars import Event
from marketplace.web.calendars import calendar as calendar_file
from marketplace.web.formats import moment, moment_short
from marketplace.web.names import area_names, category_names
from marketplace.web.services import config

UNPROCESSABLE = 422


@dataclass(frozen=True)
class Step:
    """One step of the line at the top of a project's page."""

    word: str
    state: str
    at: str = ""
    note: str = ""


_LINE = (DisplayStatus.OPEN, DisplayStatus.SEALED, DisplayStatus.SCORING, DisplayStatus.RESULT,
         DisplayStatus.CONTRACTED)


def step_line(project: Project, now: datetime) -> list[Step]:
    """Return where the project stands: what is done, what is now, what comes; an ended one stops where it ended."""
    status = rules.display_status(project.state, project.published_at, project.closes_at, now)
    times = {
        DisplayStatus.OPEN: project.published_at, DisplayStatus.SEALED: project.closes_at,
        DisplayStatus.SCORING: project.opened_at, DisplayStatus.RESULT: project.awarded_at,
        DisplayStatus.CONTRACTED: project.contracted_at,
    }
    if status not in _LINE:
        reached = [step for step in _LINE if (at := times[step]) is not None and at <= (project.ended_at or now)]
        return [*(Step(gettext(STATUS_LABELS[step]), "done", moment_short(times[step])) for step in reached),
                Step(gettext(STATUS_LABELS[status]), "now", moment_short(project.ended_at))]
    here = _LINE.index(status)
    line = []
    for number, step in enumerate(_LINE):
        at = times[step]
        state = "done" if number < here else "now" if number == here else "next"
        shown = moment_short(at) if at is not None and (number <= here or step == DisplayStatus.SEALED) else ""
        line.append(Step(gettext(STATUS_LABELS[step]), state, shown))
    return line


def _show(project: Project, form: QuestionForm, now: datetime) -> str:
    """Render the page of a project."""
    actor, session = current_actor(), db.session()
    status = rules.display_status(project.state, project.published_at, project.closes_at, now)
    return render_template(
        "projects/page.html", project=project, status=status, look=STATUS_LOOKS[status], now=now, form=form,
        labels=STATUS_LABELS, methods=SCORING_LABELS, steps=step_line(project, now), categories=category_names(),
        areas=area_names(), rule_set=queries.rules_of(session, project, now),
        enquiries=queries.enquiries_for(session, project, actor), is_public=policy.is_public(project),
        is_open=policy.is_open(project, now), may_ask=policy.may_ask(actor, project, now),
        may_edit=policy.may_edit(actor, project), may_answer=policy.may_answer(actor, project),
        may_review=policy.may_review(actor, project), may_terminate=policy.may_terminate(actor, project),
        may_add=policy.may_publish_addendum(actor, project, now), is_own=actor.acts_for(
            project.buyer_id, *policy.UNIT_READERS),
        questions_until=rules.questions_close_at(project.closes_at) if project.closes_at else None,
        has=current_app.view_functions.__contains__)


@blueprint.get("/projects/<ref>")
@public
def page(ref: str) -> str:
    """Show one project: where it stands, what is asked, how offers are judged and paid, files and answers."""
    return _show(visible(ref), QuestionForm(formdata=None), utc_now())


@blueprint.post("/projects/<ref>/questions")
@signed_in
def ask(ref: str) -> Response | tuple[str, int]:
    """Take a question asked in the open."""
    form, now = QuestionForm(), utc_now()
    if form.validate():
        try:
            with transaction() as session:
                project = reloaded(ref)
                operations.ask(session, actor=current_actor(), project=project, question=form.question.data, now=now)
        except Invalid as refused:
            blame(form, refused)
        else:
            flash(gettext("问题已提交。购买单位答复后，问题和答复向所有人公开，不显示提问人"), "ok")
            return redirect(url_for("projects.page", ref=ref) + "#qa", 303)
    return _show(visible(ref), form, now), UNPROCESSABLE


@blueprint.get("/projects/<ref>.ics")
@public
def calendar(ref: str) -> Response:
    """Hand out the deadline as a calendar entry."""
    project = visible(ref)
    if project.closes_at is None:
        require(policy.HIDDEN)
    assert project.closes_at is not None
    closes = project.closes_at
    event = Event(
        uid=f"{project.ref}@{config().base_url.partition('://')[2]}", at=closes, stamp=utc_now(),
        sequence=len(project.addenda), title=gettext("截止：%(title)s", title=project.title),
        text=f"{moment(closes)} (UTC+8)", url=f"{config().base_url}/projects/{project.ref}", alarm=timedelta(days=1))
    response = Response(calendar_file([event]), mimetype="text/calendar")
    response.headers["Content-Disposition"] = f'attachment; filename="{project.ref}.ics"'
    return response


def wants_json() -> bool:
    """Say whether the browser's autosave is asking."""
    return "X-Autosave" in request.headers
