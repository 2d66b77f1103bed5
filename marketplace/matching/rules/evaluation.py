"""How good the ranking is beside what people judged: hit@1, NDCG@5, recall@20, "nobody" said rightly. Pure."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marketplace.matching.rules import lists
from marketplace.matching.rules.facts import NeedFacts, ProviderFacts
from marketplace.matching.rules.grams import Reader
from marketplace.matching.rules.market import Market
from marketplace.matching.rules.ranking import Ranking
from marketplace.matching.rules.real_rows import MalformedError, Row, Simplify, need_of, provider_of
from marketplace.matching.rules.weights import Weights

AT_NDCG, AT_RECALL = 5, 20
_MOST_GRADE = 10


@dataclass(frozen=True)
class Judged:
    """A project and its judged organizations: id -> grade, unlisted ones 0."""

    project: str
    grades: Mapping[str, int]
    winners: frozenset[str]


def read_judgments(text: str) -> list[Judged]:
    """Return the judgments of a JSON text; raises MalformedError."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedError("the judgments are no JSON") from None
    if not isinstance(given, list) or not given:
        raise MalformedError("the judgments are no list")
    return [_judged(one, number) for number, one in enumerate(given, 1)]


def _judged(one: object, number: int) -> Judged:
    """Return one judged project."""
    if not isinstance(one, dict) or not isinstance(one.get("project_id"), str):
        raise MalformedError(f"judgment {number} names no project")
    grades, winners = one.get("judgments"), one.get("known_winner_ids", [])
    if not isinstance(grades, dict) or not isinstance(winners, list):
        raise MalformedError(f"judgment {number} has no grades, or winners that are no list")
    if not all(isinstance(grade, int) and 0 <= grade <= _MOST_GRADE for grade in grades.values()):
        raise MalformedError(f"judgment {number} has grades other than 0 to {_MOST_GRADE}")
    return Judged(one["project_id"], grades, frozenset(map(str, winners)))


def evaluate(projects: Mapping[str, Row], organizations: Mapping[str, Row], judged: Sequence[Judged], *,
             reader: Reader, simple: Simplify, weights: Weights | None = None) -> dict[str, object]:
    """Return the report as programs read it. Projects without a relevant row stay out of the means."""
    unknown = sorted({one.project for one in judged} - set(projects))
    if unknown:
        raise MalformedError(f"judged projects that are not in the file: {', '.join(unknown[:5])}")
    used = weights or Weights()
    everybody: list[_Figures] = []
    others: list[_Figures] = []
    nobody = {"right": 0, "of": 0, "wrong": 0}
    for one in judged:
        row = projects[one.project]
        need = need_of(row, 0, simple)
        known = {org: provider_of(given, key, simple, hidden=row.get("title", ""))
                 for key, (org, given) in enumerate(sorted(organizations.items()))}
        ranking = _rank(need, known, used, reader)
        has_answer = any(grade >= 1 for grade in one.grades.values())
        nobody["of"] += not has_answer
        nobody["right" if not has_answer else "wrong"] += ranking.nobody
        everybody += _figures(ranking, known, one.grades)
        left = {org: facts for org, facts in known.items() if org not in one.winners}
        others += _figures(_rank(need, left, used, reader), left,
                           {org: grade for org, grade in one.grades.items() if org not in one.winners})
    return {"all": _mean(everybody), "without_winners": _mean(others), "nobody": nobody}


def _rank(need: NeedFacts, known: Mapping[str, ProviderFacts], weights: Weights, reader: Reader) -> Ranking:
    """Rank one project over some organizations."""
    return lists.rank(Market(known.values(), reader), need, weights, most=max(len(known), 1))


@dataclass(frozen=True)
class _Figures:
    hit: float
    ndcg: float
    recall: float


def _figures(ranking: Ranking, known: Mapping[str, ProviderFacts], grades: Mapping[str, int]) -> list[_Figures]:
    """Return the figures of one ranking, none where nothing is relevant. Gain 2^grade - 1, ideal over all judged."""
    relevant = {org for org, grade in grades.items() if grade >= 1}
    if not relevant:
        return []
    names = {facts.key: org for org, facts in known.items()}
    order = [names[row.provider_key] for row in ranking.rows]
    gains = [2 ** grades.get(org, 0) - 1 for org in order]
    ideal = _discounted(sorted((2 ** grade - 1 for grade in grades.values()), reverse=True))
    return [_Figures(float(bool(gains) and gains[0] > 0), _discounted(gains) / ideal,
                     len(relevant & set(order[:AT_RECALL])) / min(AT_RECALL, len(relevant)))]


def _discounted(gains: Sequence[int]) -> float:
    """Return the discounted sum of the first AT_NDCG gains."""
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains[:AT_NDCG], 1))


def _mean(found: Sequence[_Figures]) -> dict[str, float | int]:
    """Return the means over the projects that have a relevant row."""
    many = max(len(found), 1)
    return {"hit_at_1": round(sum(one.hit for one in found) / many, 4),
            "ndcg_at_5": round(sum(one.ndcg for one in found) / many, 4),
            "recall_at_20": round(sum(one.recall for one in found) / many, 4), "projects": len(found)}
