"""How good a ranking is, beside what people judged: NDCG, recall, mean reciprocal rank. Pure."""

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from marketplace.core.clock import at_beijing
from marketplace.core.publishing import PublicDocument

KIND = "project"
DEPTH = 100                        # so much of a ranking is looked at for the reciprocal rank
_AT_NDCG, _AT_RECALL = 10, 20
_PLACES = ("province", "city", "district", "town")
_FACTS = ("service_period", "procurement_method")
_MOST_GRADE = 10


class MalformedError(ValueError):
    """A file that cannot be judged with; the message is a sentence for people."""


@dataclass(frozen=True)
class Judged:
    """A query and its judged documents: id -> grade, 0 for not relevant."""

    id: str
    query: str
    grades: Mapping[str, int]


@dataclass(frozen=True)
class Scores:
    """The figures of one query, and its first ten documents."""

    id: str
    ndcg_at_10: float
    recall_at_20: float
    mrr: float
    top: tuple[str, ...]


def read_projects(lines: Iterable[str]) -> list[PublicDocument]:
    """Return the rows of a CSV as documents; columns that would give the answer away are never looked at."""
    reader = csv.DictReader(lines)
    missing = {"project_id", "title"} - set(reader.fieldnames or ())
    if missing:
        raise MalformedError(f"the projects have no column {', '.join(sorted(missing))}")
    found: dict[str, PublicDocument] = {}
    for number, row in enumerate(reader, 2):
        document = _document({name: (value or "").strip() for name, value in row.items() if isinstance(value, str)})
        if not document.ref or not document.title:
            raise MalformedError(f"the project in row {number} has no id or no title")
        if document.ref in found:
            raise MalformedError(f"the project {document.ref} stands there twice")
        found[document.ref] = document
    return list(found.values())


def _document(row: Mapping[str, str]) -> PublicDocument:
    """Return one row as a document: title, buyer, places, target group, facts in short, the rest."""
    lead = [row.get("target_group", ""), row.get("fact_phrase", ""),
            "、".join(row.get(name, "") for name in _PLACES if row.get(name))]
    return PublicDocument(
        kind=KIND, ref=row.get("project_id", ""), title=row.get("title", ""), buyer=row.get("buyer", ""),
        lead=tuple(filter(None, lead)), body="\n".join(filter(None, (row.get(name, "") for name in _FACTS))),
        amount_fen=_fen(row.get("budget_yuan", "")), published_at=_moment(row.get("date", "")))


def _fen(text: str) -> int | None:
    """Return whole yuan as fen."""
    return int(text) * 100 if text.isascii() and text.isdigit() and len(text) < 14 else None  # noqa: PLR2004


def _moment(text: str) -> datetime | None:
    """Return the first moment of a day, a month or a year; None for anything else."""
    parts = text.split("-")
    if not all(part.isascii() and part.isdigit() for part in parts):
        return None
    year, month, day = ([int(part) for part in parts] + [1, 1])[:3]
    try:
        return at_beijing(date(year, month, day))
    except (ValueError, OverflowError):
        return None


def read_queries(text: str) -> list[Judged]:
    """Return the judged queries of a JSON text: [{"id", "query", "judgments": {id: grade}}]."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedError("the queries are no JSON") from None
    if not isinstance(given, list) or not given:
        raise MalformedError("the queries are no list")
    return [_judged(one, number) for number, one in enumerate(given, 1)]


def _judged(given: object, number: int) -> Judged:
    """Return one judged query."""
    if not isinstance(given, dict) or not isinstance(given.get("query"), str):
        raise MalformedError(f"query {number} has no text")
    grades = given.get("judgments")
    if not isinstance(grades, dict) or not all(_is_grade(grade) for grade in grades.values()):
        raise MalformedError(f"query {number} has no judgments, or grades other than 0 to {_MOST_GRADE}")
    return Judged(str(given.get("id", number)), given["query"], grades)


def _is_grade(value: object) -> bool:
    """Say whether a value is a grade."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_GRADE


def scores(judged: Judged, ranking: Sequence[str]) -> Scores:
    """Return the figures of one ranking. Gain 2^grade - 1, ideal over all judged; recall over min(20, relevant)."""
    gains = [2 ** judged.grades.get(ref, 0) - 1 for ref in ranking]
    ideal = _discounted(sorted((2 ** grade - 1 for grade in judged.grades.values()), reverse=True))
    relevant = {ref for ref, grade in judged.grades.items() if grade >= 1}
    first = next((place for place, gain in enumerate(gains, 1) if gain), None)
    return Scores(
        id=judged.id, ndcg_at_10=_discounted(gains) / ideal if ideal else 0.0,
        recall_at_20=len(relevant & set(ranking[:_AT_RECALL])) / min(_AT_RECALL, len(relevant)) if relevant else 0.0,
        mrr=1 / first if first else 0.0, top=tuple(ranking[:_AT_NDCG]))


def _discounted(gains: Sequence[int]) -> float:
    """Return the discounted sum of the first ten gains."""
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains[:_AT_NDCG], 1))


def report(engine: str, found: Sequence[Scores]) -> dict[str, object]:
    """Return the report as programs read it: means over all queries, then each query."""
    def mean(name: str) -> float:
        return round(sum(float(getattr(one, name)) for one in found) / len(found), 4)

    names = ("ndcg_at_10", "recall_at_20", "mrr")
    return {"engine": engine, "total": {**{name: mean(name) for name in names}, "queries": len(found)},
            "queries": [{"id": one.id, **{name: round(float(getattr(one, name)), 4) for name in names},
                         "top": list(one.top)} for one in found]}
