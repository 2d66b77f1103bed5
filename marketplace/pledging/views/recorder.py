"""The recorders' desk: one line an entry, by keyboard or number pad, with or without a line to the server."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core.access import require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, new_ref, transaction
from marketplace.core.errors import DomainError, Invalid, Unavailable
from marketplace.core.text import N_
from marketplace.pledging import operations, policy, rules
from marketplace.pledging.forms import REASONS, EntryForm, UndoForm
from marketplace.pledging.models import PaddlePledge, PledgingEvent
from marketplace.pledging.queries import recording as queries
from marketplace.pledging.rules import REASON_LABELS, Keyed, Reason, Recorder
from marketplace.pledging.views.blueprint import UNPROCESSABLE, WORKERS, Answer, blueprint, event_of
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import blame, say

MOST_ENTRIES = 50
MOST_BODY = 100_000


@dataclass(frozen=True)
class Item:
    """One item of a device's queue: an entry, or the taking back of one."""

    device_key: str
    line: str = ""
    round_number: int = 0
    keyed_at: datetime | None = None
    undo: str = ""            # the device key of the entry to take back
    reason: str = ""

    @classmethod
    def read(cls, raw: object) -> "Item":
        """Return an item as a device sent it; raises Invalid for what no page of ours sends."""
        if not isinstance(raw, dict) or not all(isinstance(raw.get(name, ""), str) for name in (
                "key", "line", "at", "undo", "reason")) or not isinstance(raw.get("round", 0), int):
            raise Invalid(N_("设备送来的记录看不懂。请刷新本页"))
        try:
            keyed_at = datetime.fromisoformat(raw["at"]) if raw.get("at") else None
        except ValueError:
            keyed_at = None
        if keyed_at is not None and keyed_at.tzinfo is None:
            keyed_at = None
        return cls(raw.get("key", ""), raw.get("line", ""), raw.get("round", 0), keyed_at, raw.get("undo", ""),
                   raw.get("reason", ""))


def _recorder() -> Recorder:
    """Return which of the two recorders this page is for."""
    asked = request.values.get("recorder", "")
    return Recorder(asked) if asked in set(Recorder) else Recorder.FIRST


@blueprint.route("/pledging/<ref>/record", methods=["GET", "POST"])
@for_roles(*WORKERS)
def record(ref: str) -> Answer:
    """Show the desk; without a script, take one line at a time."""
    event = event_of(ref)
    require(policy.may_work(current_actor(), event))
    recorder, form = _recorder(), EntryForm()
    if form.validate_on_submit():
        try:
            number = int(form.round.data) if (form.round.data or "").isdigit() else event.round_number
            line = f"{form.line.data}{'+' if form.is_again.data else ''}"
            item = Item(form.device_key.data or new_ref(), line, number)
            said = _take(ref, recorder, item, utc_now())
            flash(str(said["sentence"]), "ok")
            return redirect(url_for("pledging.record", ref=ref, recorder=recorder), 303)
        except DomainError as refused:
            blame(form, refused)
            event = event_of(ref)
    status = UNPROCESSABLE if form.errors or form.form_errors else 200
    return render_template("pledging/record.html", event=event, form=form, recorder=recorder, recorders=Recorder,
                           labels=rules.RECORDER_LABELS, device_key=new_ref(), undo_form=UndoForm(formdata=None),
                           reasons={str(each): REASON_LABELS[each] for each in REASONS}, seconds=rules.UNDO_SECONDS,
                           state=_state(event, recorder, utc_now()), person=current_actor().person_id), status


@blueprint.get("/pledging/<ref>/record/state")
@for_roles(*WORKERS)
def record_state(ref: str) -> BaseResponse:
    """Say which round is open, what was keyed last, and how many differences there are."""
    event = event_of(ref)
    require(policy.may_work(current_actor(), event))
    return _json(_state(event, _recorder(), utc_now()))


@blueprint.post("/pledging/<ref>/record/queue")
@for_roles(*WORKERS)
def queue(ref: str) -> BaseResponse:
    """Take what a device kept, in its order: one transaction and one answer an entry; sent again it is the same."""
    event = event_of(ref)
    require(policy.may_work(current_actor(), event))
    recorder, now = _recorder(), utc_now()
    answers = []
    for raw in _sent():
        key = str(raw.get("key", ""))[:64] if isinstance(raw, dict) else ""
        try:
            answers.append({"key": key, **_take(ref, recorder, Item.read(raw), now)})
        except Unavailable as later:
            answers.append({"key": key, "state": "waiting", "sentence": say(later)})
        except DomainError as refused:
            db.session.rollback()
            answers.append({"key": key, "state": "refused", "sentence": say(refused)})
    return _json({"answers": answers, **_state(event_of(ref), recorder, now, whole=False)})


@blueprint.post("/pledging/<ref>/record/undo/<entry_ref>")
@for_roles(*WORKERS)
def undo(ref: str, entry_ref: str) -> Answer:
    """Reverse an entry, without a script."""
    form = UndoForm()
    reason = Reason(form.reason.data) if form.reason.data in {str(each) for each in REASONS} else Reason.MISHEARD
    with transaction() as session:
        event = event_of(ref)
        entry = queries.entry_by_ref(session, event, entry_ref)
        if entry is None:
            require(policy.HIDDEN)
        assert entry is not None
        operations.undo_entry(session, actor=current_actor(), entry=entry, event=event, reason=reason, now=utc_now(),
                              note=form.note.data or "")
        recorder = entry.recorder
    flash(gettext("已更正，大屏同时显示更正"), "ok")
    return redirect(url_for("pledging.record", ref=ref, recorder=recorder), 303)


def _sent() -> list[object]:
    """Return the items of a queue as sent; raises Invalid for what no page of ours sends."""
    text = request.form.get("entries", "")
    try:
        items = json.loads(text) if len(text) <= MOST_BODY else None
    except ValueError:
        items = None
    if not isinstance(items, list) or len(items) > MOST_ENTRIES:
        raise Invalid(N_("设备送来的记录看不懂。请刷新本页"))
    return items


def _take(ref: str, recorder: Recorder, item: Item, now: datetime) -> dict[str, object]:
    """Carry out one item in a transaction of its own and say what became of it."""
    if item.undo:
        return _take_back(ref, item, now)
    typed = rules.read_entry(item.line)
    with transaction() as session:
        answer = operations.record_entry(
            session, actor=current_actor(), event=event_of(ref), recorder=recorder, now=now,
            keyed=Keyed(item.device_key, typed.paddle, typed.amount, item.round_number, typed.is_again, item.keyed_at))
        entry, is_new = answer.entry, answer.is_new
        facts = {"paddle": entry.paddle, "amount": entry.amount.grouped()}
        said: dict[str, object] = {"state": "sent" if is_new else "same", "ref": entry.ref, **facts}
    said["sentence"] = (gettext("%(paddle)s 号牌 %(amount)s 元，已记录", **facts) if is_new
                        else gettext("%(paddle)s 号牌 %(amount)s 元已在记录里，没有重复计", **facts))
    return said


def _take_back(ref: str, item: Item, now: datetime) -> dict[str, object]:
    """Reverse the entry that a device made under a key."""
    reason = Reason(item.reason) if item.reason in {str(each) for each in REASONS} else Reason.MISHEARD
    with transaction() as session:
        event = event_of(ref)
        entry = queries.entry_by_key(session, item.undo)
        if entry is None or entry.event_id != event.id:
            raise Invalid(N_("要撤销的那一笔没有记录，不用撤销"))
        operations.undo_entry(session, actor=current_actor(), entry=entry, event=event, reason=reason, now=now)
        facts = {"paddle": entry.paddle, "amount": entry.amount.grouped()}
    return {"state": "sent", **facts, "sentence": gettext("%(paddle)s 号牌 %(amount)s 元，已更正", **facts)}


def _state(event: PledgingEvent, recorder: Recorder, now: datetime, *, whole: bool = True) -> dict[str, object]:
    """Return what a recorder's page must know: the round, the last rows; `whole`: all names and the differences too."""
    session = db.session()
    round_ = queries.open_round_of(session, event)
    entries = queries.last_entries(session, event, recorder)
    names = queries.names_of(session, event, None if whole else {entry.paddle for entry in entries})
    undone = queries.reversed_ids(session, entries)
    state: dict[str, object] = {
        "live": rules.takes_entries(rules.EventState(event.state), event.closed_at, now),
        "round": round_.number if round_ else 0, "level": rules.short(round_.level) if round_ else "",
        "project": round_.project.title if round_ else "",
        "entries": [_row(entry, names, undone, now) for entry in entries],
    }
    if whole:
        state["differences"] = queries.count_differences(session, event) if event.asks_two_recorders else 0
        state["names"] = {str(paddle): name for paddle, name in names.items()}
    return state


def _row(entry: PaddlePledge, names: Mapping[int, str], undone: set[int], now: datetime) -> dict[str, object]:
    """Return one row of the last entries."""
    age = (now - entry.recorded_at).total_seconds()
    is_reversal = entry.reverses_id is not None
    return {
        "key": entry.device_key, "ref": entry.ref, "paddle": entry.paddle, "name": names.get(entry.paddle, ""),
        "amount": f"{'-' if is_reversal else ''}{entry.amount.grouped()}", "round": entry.round.number,
        "time": rules.clock_of(entry.keyed_at), "reversal": is_reversal, "undone": entry.id in undone,
        "reason": gettext(REASON_LABELS[Reason(entry.reason)]) if entry.reason else "",
        "seconds": max(0, round(rules.UNDO_SECONDS - age)),
    }


def _json(body: Mapping[str, object]) -> Response:
    """Return JSON that no cache keeps."""
    made = Response(json.dumps(body, ensure_ascii=False), mimetype="application/json")
    made.headers["Cache-Control"] = "no-store"
    return made
