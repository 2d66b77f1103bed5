"""After the evening, and while it goes on: where two records differ, the log by minute, what is still to be signed."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from marketplace.core.access import require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Invalid
from marketplace.funding.models import Pledge
from marketplace.funding.rules.buckets import STATE_LABELS, PledgeState
from marketplace.pledging import operations, policy, rules
from marketplace.pledging.forms import SettleForm
from marketplace.pledging.queries import ageing, hall, recording
from marketplace.pledging.rules import REASON_LABELS, RECORDER_LABELS, Reason
from marketplace.pledging.views.blueprint import READERS, UNPROCESSABLE, WORKERS, Answer, blueprint, event_of
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.downloads import spreadsheet
from marketplace.web.errors import say
from marketplace.web.security import EXPORT_LIMIT, limiter


@blueprint.route("/pledging/<ref>/differences", methods=["GET", "POST"])
@for_roles(*READERS)
def differences(ref: str) -> Answer:
    """Show both records side by side; decide where they differ."""
    event, form = event_of(ref), SettleForm()
    failed = ""
    if form.is_submitted():
        which = form.which() if form.validate() else None
        if which is None:
            raise NotFound
        try:
            with transaction() as session:
                event = event_of(ref)
                found = [each for each in recording.differences(session, event)
                         if (each.round.number, each.paddle) == which[:2]]
                if not found:
                    raise NotFound
                operations.settle(session, actor=current_actor(), event=event, difference=found[0], right=which[2],
                                  now=utc_now())
            flash(gettext("已按%(which)s更正", which=gettext(RECORDER_LABELS[which[2]])), "ok")
            return redirect(url_for("pledging.differences", ref=ref), 303)
        except (Conflict, Invalid) as refused:
            failed = say(refused)
            event = event_of(ref)
    rows = recording.differences(db.session(), event)
    return render_template("pledging/differences.html", event=event, rows=rows, failed=failed, labels=RECORDER_LABELS,
                           open=[each for each in rows if each.is_open],
                           may_work=policy.may_work(current_actor(), event)), UNPROCESSABLE if failed else 200


@blueprint.get("/pledging/<ref>/log")
@for_roles(*READERS)
def log(ref: str) -> Answer:
    """Show the evening minute by minute, to be printed and signed."""
    event = event_of(ref)
    lines = recording.log(db.session(), event)
    minutes: dict[str, list[recording.LogLine]] = {}
    for line in lines:
        minutes.setdefault(rules.minute_of(line.entry.recorded_at), []).append(line)
    return render_template("pledging/log.html", event=event, minutes=minutes, recorders=RECORDER_LABELS,
                           reasons=REASON_LABELS, figures=hall.figures(db.session(), event.ref), now=utc_now())


@blueprint.get("/pledging/<ref>/log.csv")
@for_roles(*READERS)
@limiter.limit(EXPORT_LIMIT)
def log_csv(ref: str) -> Response:
    """Hand out the log as a table."""
    event = event_of(ref)
    heads = ("服务器时间", "设备时间", "轮次", "记录人", "牌号", "单位或姓名", "金额（元）", "更正", "录入人", "第一记录累计（元）")
    rows: list[tuple[str, ...]] = [tuple(gettext(head) for head in heads)]
    for line in recording.log(db.session(), event):
        entry = line.entry
        sign = "-" if entry.reverses_id is not None else ""
        reason = gettext(REASON_LABELS[Reason(entry.reason)]) if entry.reason else ""
        rows.append((rules.second_of(entry.recorded_at), rules.second_of(entry.keyed_at), str(entry.round.number),
                     gettext(RECORDER_LABELS[rules.Recorder(entry.recorder)]), str(entry.paddle), line.name,
                     f"{sign}{entry.amount.plain()}", reason,
                     line.by, line.total.plain()))
    return spreadsheet(rows, kind="csv", name=f"{event.title}记录", sheet="log")


@blueprint.get("/pledging/<ref>/pledges")
@for_roles(*READERS)
def pledges(ref: str) -> Answer:
    """Show what is still to be signed, how long there is, and who was reminded."""
    return _pledges(ref)


def _pledges(ref: str, *, failed: str = "") -> Answer:
    """Render the list of what was promised."""
    event, now = event_of(ref), utc_now()
    return render_template(
        "pledging/pledges.html", event=event, rows=ageing.aged(db.session(), event, now=now), now=now, failed=failed,
        figures=hall.figures(db.session(), event.ref), may_work=policy.may_work(current_actor(), event),
        states={str(state): label for state, label in STATE_LABELS.items()}, verbal=str(PledgeState.VERBAL),
    ), UNPROCESSABLE if failed else 200


@blueprint.post("/pledging/<ref>/pledges/<pledge_ref>/remind")
@for_roles(*WORKERS)
def remind(ref: str, pledge_ref: str) -> Answer:
    """Remind one funder to sign."""
    try:
        with transaction() as session:
            event = event_of(ref)
            pledge = session.query(Pledge).filter_by(ref=pledge_ref, round_ref=event.ref).one_or_none()
            if pledge is None:
                require(policy.HIDDEN)
            assert pledge is not None
            operations.remind(session, actor=current_actor(), event=event, pledge=pledge, now=utc_now())
    except Invalid as refused:
        return _pledges(ref, failed=say(refused))
    flash(gettext("已提醒"), "ok")
    return redirect(url_for("pledging.pledges", ref=ref), 303)
