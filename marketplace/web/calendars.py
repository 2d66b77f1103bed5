"""Calendar files (RFC 5545): deadlines as events, in UTC, escaped and folded."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

LINE = 75                          # octets of a line
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Event:
    """A deadline: a moment with a name. `uid` never changes; `sequence` grows when the moment moves."""

    uid: str
    at: datetime
    title: str
    text: str
    url: str
    stamp: datetime
    sequence: int = 0
    alarm: timedelta | None = None
    until: datetime | None = None      # of a meeting; a deadline has no length
    place: str = ""


def calendar(events: Iterable[Event], *, name: str = "") -> bytes:
    """Return a calendar file."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//marketplace//projects//ZH", "CALSCALE:GREGORIAN"]
    if name:
        lines += [f"NAME:{_escaped(name)}", f"X-WR-CALNAME:{_escaped(name)}"]
    for event in events:
        lines += _event(event)
    return "\r\n".join(_folded(line) for line in (*lines, "END:VCALENDAR", "")).encode()


def _event(event: Event) -> list[str]:
    """Return the lines of one event."""
    at = event.at.strftime(_STAMP)
    alarm = [] if event.alarm is None else [
        "BEGIN:VALARM", f"TRIGGER:-PT{int(event.alarm.total_seconds()) // 60}M", "ACTION:DISPLAY",
        f"DESCRIPTION:{_escaped(event.title)}", "END:VALARM"]
    place = [f"LOCATION:{_escaped(event.place)}"] if event.place else []
    return ["BEGIN:VEVENT", f"UID:{event.uid}", f"DTSTAMP:{event.stamp.strftime(_STAMP)}", f"DTSTART:{at}",
            f"DTEND:{(event.until or event.at).strftime(_STAMP)}", f"SEQUENCE:{event.sequence}",
            f"SUMMARY:{_escaped(event.title)}", f"DESCRIPTION:{_escaped(event.text)}", f"URL:{event.url}",
            *place, *alarm, "END:VEVENT"]


def _escaped(text: str) -> str:
    """Return text as RFC 5545 wants it: special characters escaped, control characters gone."""
    clean = "".join(letter for letter in text.replace("\r\n", "\n").replace("\t", " ")
                    if letter == "\n" or letter.isprintable())
    return clean.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> str:
    """Return a line folded at 75 octets, never inside a character."""
    parts, size = [""], 0
    for letter in line:
        width = len(letter.encode())
        if size + width > LINE:
            parts.append(" ")
            size = 1
        parts[-1] += letter
        size += width
    return "\r\n".join(parts)
