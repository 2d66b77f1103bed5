"""The screen of the hall: public by address, guarded by the event's display key; one look at the database a second."""

import hashlib
import hmac
import json
import threading
from dataclasses import dataclass
from datetime import timedelta

from flask import Response, make_response, render_template, request
from flask_babel import get_locale, gettext
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core.access import require
from marketplace.core.clock import beijing, monotonic, utc_now
from marketplace.core.db import db
from marketplace.core.money import FEN_PER_WAN, Money
from marketplace.pledging import policy, rules
from marketplace.pledging.queries import hall as queries
from marketplace.pledging.queries.hall import Raised, Snapshot
from marketplace.pledging.rules import REASON_LABELS, EventState, Figures, Reason
from marketplace.pledging.views.blueprint import Answer, blueprint
from marketplace.web.access import public
from marketplace.web.actor import treat_as_visitor
from marketplace.web.security import limiter

KEEP_SECONDS = 1.0        # one snapshot serves every watcher of this process for so long
MOST_KEPT = 64
LONG = 1_000 * FEN_PER_WAN          # from here on the total is set smaller, and the parts lose their decimals
WHOLE_TOTAL = 10_000 * FEN_PER_WAN  # from here on the total loses its decimals too: it must not leave its place
GAUGE = 1000              # units of the gauge's width
PARTS = ("signed", "verbal", "matched", "paid")


@dataclass(frozen=True)
class Kept:
    """A snapshot as it is sent: body, its tag without the time, when it was made, and the key that opens it."""

    made: float
    key: str
    clock: str
    tag: str
    body: bytes
    shown: dict[str, object]


class Snapshots:
    """Keeps the last snapshot of each event; however many watch, it is made once a second in each process."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Kept] = {}
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._guard = threading.Lock()
        self.made = 0

    def of(self, ref: str) -> Kept | None:
        """Return the snapshot of an event, at most a second old; while it is made anew, others get the one before."""
        place = (ref, str(get_locale()))
        kept = self._kept.get(place)
        if kept is not None and monotonic() - kept.made < KEEP_SECONDS:
            return kept
        with self._guard:
            lock = self._locks.setdefault(place, threading.Lock())
        if not lock.acquire(blocking=kept is None or monotonic() - kept.made > 2 * KEEP_SECONDS):
            return kept
        try:
            kept = self._kept.get(place)
            if kept is None or monotonic() - kept.made >= KEEP_SECONDS:
                kept = self._make(place)
            return kept
        finally:
            lock.release()

    def _make(self, place: tuple[str, str]) -> Kept | None:
        """Look at the database and keep what is to be sent."""
        begun, now = monotonic(), utc_now()
        key = queries.display_key(db.session(), place[0])
        found = queries.snapshot(db.session(), place[0], now=now)
        if found is None or key is None:
            return None
        shown = describe(found)
        clock = beijing(now).strftime("%H:%M:%S")
        content = json.dumps(shown, ensure_ascii=False, sort_keys=True)
        body = json.dumps({**shown, "clock": clock}, ensure_ascii=False).encode()
        made = Kept(begun, key, clock, hashlib.sha256(content.encode()).hexdigest()[:20], body, shown)
        with self._guard:
            if len(self._kept) >= MOST_KEPT and place not in self._kept:
                self._kept.clear()
            self._kept[place] = made
        self.made += 1
        return made

    def forget(self) -> None:
        """Forget everything (a site that begins anew in the same process)."""
        with self._guard:
            self._kept.clear()


snapshots = Snapshots()


def describe(found: Snapshot) -> dict[str, object]:
    """Return a snapshot in the words and numbers of the screen; amounts in 万元 except single pledges."""
    figures, target = found.figures, found.target
    return {
        "title": found.title, "state": found.state, "total": rules.board(figures.total, whole_from=WHOLE_TOTAL),
        "fen": figures.total.fen, "own_fen": (figures.total - figures.matched).fen, "long": figures.total.fen >= LONG,
        "parts": {name: rules.board(getattr(figures, name), whole_from=LONG) for name in PARTS},
        "confirmed": rules.board(figures.confirmed, whole_from=LONG), "target": target.wan() if target else "",
        "gauge": gauge(figures, target) if target else [], "level": rules.short(found.level) if found.level else "",
        "project": found.project, "guests": found.guests, "last": [_line(line) for line in found.last],
        "ended": found.state == EventState.CLOSED, "plan": found.plan_number,
    }


def _line(line: Raised) -> dict[str, object]:
    """Return one of the last five: a reversal says why, never whose slip it was."""
    reason = gettext(REASON_LABELS[Reason(line.reason)]) if line.reason else ""
    name = gettext("更正：%(reason)s", reason=reason) if line.is_reversal else gettext(line.name).format(**line.facts)
    amount = rules.short(Money(abs(line.amount.fen)))
    return {"paddle": f"{line.paddle:02d}", "name": name, "void": line.is_reversal,
            "amount": f"−{amount}" if line.is_reversal else amount}


def gauge(figures: Figures, target: Money) -> list[dict[str, int]]:
    """Return where each part of the gauge begins and how wide it is, in thousandths of the larger: target or total."""
    whole, place, bars = max(target.fen, figures.total.fen), 0, []
    for name in PARTS:
        width = getattr(figures, name).fen * GAUGE // whole
        bars.append({"x": place, "width": width})
        place += width
    return bars


def _guarded(ref: str) -> Kept:
    """Return the snapshot for whoever holds the display key; 404 for everybody else."""
    treat_as_visitor()
    kept = snapshots.of(ref)
    asked = request.args.get("key", "")
    if kept is None or not hmac.compare_digest(asked.encode(), kept.key.encode()):
        require(policy.HIDDEN)
    assert kept is not None
    return kept


@blueprint.get("/live/paddle/<ref>")
@public
@limiter.exempt
def screen(ref: str) -> Answer:
    """Show the screen; `test=1` shows the test card instead of the evening."""
    kept = _guarded(ref)
    event = queries.snapshot(db.session(), ref, now=utc_now())
    assert event is not None
    is_test = request.args.get("test") == "1"
    made = make_response(render_template(
        "pledging/screen.html", event=event, shown=test_card() if is_test else kept.shown, clock=kept.clock,
        parts=PARTS,
        key=kept.key, is_test=is_test, stale=rules.STALE_SECONDS))
    made.headers["Cache-Control"] = "no-store"
    return made


@blueprint.get("/live/paddle/<ref>/data")
@public
@limiter.exempt
def screen_data(ref: str) -> BaseResponse:
    """Answer a watcher: what changed, or 304 with the time of the data. Five hundred may stand behind one address."""
    kept = _guarded(ref)
    if request.headers.get("If-None-Match", "").strip('W/"') == kept.tag:
        made = Response(status=304)
    else:
        made = Response(kept.body, mimetype="application/json")
    made.set_etag(kept.tag)
    made.headers["Cache-Control"] = "no-cache"
    made.headers["X-Data-Time"] = kept.clock
    return made


def test_card() -> dict[str, object]:
    """Return what fills the screen to its limits: the largest numbers, the longest names, every state."""
    figures = Figures(signed=Money.yuan(52_000_000), verbal=Money.yuan(38_600_000), reserved=Money.yuan(30_000_000),
                      confirmed=Money.yuan(8_000_000), paid=Money.yuan(12_345_600))
    last = [Raised(9999, "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十", {}, Money.yuan(10_000_000), is_reversal=False),
            Raised(8, "不具名", {}, Money.yuan(20_000), is_reversal=False),
            Raised(14, "", {}, Money.yuan(-50_000), is_reversal=True, reason=Reason.MISHEARD),
            Raised(14, "恒屿建设", {}, Money.yuan(20_000), is_reversal=False),
            Raised(41, "云岭商会", {}, Money.yuan(500), is_reversal=False)]
    now = utc_now()
    return describe(Snapshot(
        ref="", title=gettext("测试卡：名称写满一行时也不能压到安全边"), place="",
        starts_at=now - timedelta(hours=1), state="live", host="",
        receiver="", guests=500, figures=figures, at=now, target=Money.yuan(160_000_000), level=Money.yuan(10_000_000),
        project=gettext("项目名称写满两行时的样子：长者助餐与居家探访服务"), last=last))
