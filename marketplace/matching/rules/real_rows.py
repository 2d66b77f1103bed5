"""Rows of real or planted projects and organizations, in the columns of the shared data, as facts of the score. Pure.

Of the projects `service_kind` is never looked at: it is the answer. What an organization says it won (`evidence`) is
hidden where it names the asked project.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from marketplace.matching.rules.facts import NeedFacts, ProviderFacts

Simplify = Callable[[str], str]
_PLACES = ("province", "city", "district")
_TYPED_MARKS = re.compile(r"[、,，;；|/\s]+")
_PARTS = re.compile(r"[;；]+")
_HEAD = re.compile(r"^[^:：“”]{1,12}[:：]")
_ANY = frozenset({"不限", "无", "any", "Any", "ANY"})
_LEAST_TITLE = 4                         # shorter titles name nothing


class MalformedError(ValueError):
    """A file that cannot be read as rows; the message is a sentence for people."""


Row = Mapping[str, str]


def rows_of(lines: Iterable[str], key: str, *, needed: Sequence[str] = ()) -> Iterator[Row]:
    """Yield the rows of a CSV one by one; raises MalformedError for a missing column or id."""
    reader = csv.DictReader(lines)
    if missing := [name for name in (key, *needed) if name not in (reader.fieldnames or ())]:
        raise MalformedError(f"there is no column {', '.join(missing)}")
    for number, row in enumerate(reader, 2):
        plain = {name: value.strip() for name, value in row.items() if isinstance(name, str) and isinstance(value, str)}
        if not plain.get(key):
            raise MalformedError(f"row {number} has no {key}")
        yield plain


def read_rows(lines: Iterable[str], key: str) -> dict[str, Row]:
    """Return the rows of a CSV by their id; raises MalformedError for a missing or repeated id."""
    found: dict[str, Row] = {}
    for row in rows_of(lines, key):
        if row[key] in found:
            raise MalformedError(f"{row[key]} stands there twice")
        found[row[key]] = row
    return found


def area_path(row: Row, simple: Simplify) -> tuple[str, ...]:
    """Return the place of a row as codes made of its names, own first: district, city, province."""
    path: list[str] = []
    for name in _PLACES:
        if not (part := simple(row.get(name, ""))):
            break
        path.append(f"{path[-1]}/{part}" if path else part)
    return tuple(reversed(path))


def need_of(row: Row, key: int, simple: Simplify) -> NeedFacts:
    """Return a project; the names of its own place are taken out of its texts."""
    places = [simple(row[name]) for name in (*_PLACES, "town") if row.get(name)]

    def bare(text: str) -> str:
        text = simple(text)
        for place in places:
            text = text.replace(place, " ")
        return text

    types = frozenset(filter(None, _TYPED_MARKS.split(row.get("needs_type", "")))) - _ANY
    return NeedFacts(
        key=key, ref=row["project_id"],
        texts=tuple(bare(row.get(name, "")) for name in ("title", "target_group", "fact_phrase")),
        category=row.get("service_category", ""), areas=area_path(row, simple),
        budget_fen=_fen(row.get("budget_yuan", "")), required_kinds=types,
        required_certified=_whole(row.get("needs_staff", "")))


def provider_of(row: Row, key: int, simple: Simplify, *, hidden: str = "", are_stated: bool = False) -> ProviderFacts:
    """Return an organization; `hidden`: the title of the asked project. `are_stated`: the row says where it serves."""
    path = area_path(row, simple)
    did = evidence_without(row.get("evidence", ""), hidden, simple)
    return ProviderFacts(
        key=key, ref=row["org_id"], name=simple(row.get("name", "")),
        texts=(simple(row.get("service_areas", "")), simple("；".join(did)), "", simple(row.get("name", ""))),
        categories=tuple(filter(None, _TYPED_MARKS.split(row.get("service_category", "")))),
        areas=frozenset(path[:1]), wider_areas=frozenset(path[1:]), areas_are_stated=are_stated,
        kind=row.get("registration_type", ""), certified=_whole(row.get("staff", "")),
        free=_whole(row.get("capacity", "")), told=len(did))


def evidence_without(text: str, title: str, simple: Simplify) -> list[str]:
    """Return the pieces of evidence, those left out that name `title` or are named in it."""
    asked = _core(simple(title))
    pieces = [piece.strip() for piece in _PARTS.split(_HEAD.sub("", text)) if piece.strip()]
    if len(asked) < _LEAST_TITLE:
        return pieces
    return [piece for piece in pieces if asked not in (own := _core(simple(piece)))
            and not (len(own) >= _LEAST_TITLE and own in asked)]


def _core(text: str) -> str:
    """Return the letters of a text."""
    return re.sub(r"\W", "", text)


def _whole(text: str) -> int | None:
    """Return a whole number, or None."""
    try:
        return int(float(text)) if text else None
    except (ValueError, OverflowError):
        return None


def _fen(text: str) -> int | None:
    """Return yuan as fen."""
    yuan = _whole(text)
    return yuan * 100 if yuan else None
