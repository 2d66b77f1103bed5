"""From facts to frozen terms: money plan, months, the canonical form and its hash. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from marketplace.contracts.rules.clauses import clauses
from marketplace.core.money import Money

FORM = "service-contract@2026.1"   # the wording; a change of any clause gives it a new name
MONTHS_A_YEAR = 12
PAY_DAYS = 30                      # where the plan names none (regulation on payments to small enterprises, art. 9)


def payment_plan(price: Money, steps: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """Return the instalments; their amounts add up to the price to the fen.

    Each step has title, percent (they total 100), condition and days_after; no step means one payment at the end.
    """
    steps = steps or ({"title": "期末验收", "percent": 100, "condition": "期末验收合格", "days_after": PAY_DAYS},)
    parts = price.split([int(step["percent"]) for step in steps])
    return [
        {"title": step["title"], "percent": step["percent"], "condition": step["condition"],
         "days": step["days_after"], "fen": part.fen, "figures": part.grouped()}
        for step, part in zip(steps, parts, strict=True)
    ]


def months_between(start: date, end: date) -> int:
    """Return the months of a service period whose last day is `end`, begun months counting whole."""
    months = (end.year - start.year) * MONTHS_A_YEAR + end.month - start.month
    return months + (end.day >= start.day)


def price_facts(price: Money) -> dict[str, object]:
    """Return the price in fen, figures and Chinese capitals."""
    return {"fen": price.fen, "figures": price.grouped(), "capitals": price.capitals()}


def freeze(facts: Mapping[str, Any]) -> dict[str, object]:
    """Return the terms: the facts, and every clause as it will be printed."""
    return {"document_number": facts["number"], "form": FORM, "facts": dict(facts),
            "clauses": [clause.plain() for clause in clauses(facts)]}


def terms_bytes(terms: Mapping[str, Any]) -> bytes:
    """Return the canonical JSON of terms: what is hashed, and what stands in the PDF as contract.json."""
    return json.dumps(terms, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def terms_sha256(terms: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the terms in hex."""
    return hashlib.sha256(terms_bytes(terms)).hexdigest()


def printed_text(terms: Mapping[str, Any]) -> str:
    """Return every text that the paper shows, for the check that each character can be printed."""
    found: list[str] = []

    def walk(value: object) -> None:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, Mapping):
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    walk(terms)
    return "\n".join(found)
