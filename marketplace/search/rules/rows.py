"""From a public document to what an engine writes: tokens by zone, exact values, numbers, places in orders. Pure."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime

from marketplace.core.clock import beijing
from marketplace.core.money import Money
from marketplace.core.publishing import PublicDocument
from marketplace.core.searching import NEVER, IndexRow, Sort, Zone, order_of
from marketplace.projects.rules import DisplayStatus, budget_band, display_status
from marketplace.search.rules.analysis import Language

_CATEGORY_LENGTHS = (1, 3, 5)          # codes of the catalogue: a branch is a beginning of this length
_AREA_LENGTHS = (6, 9)                 # district, town
_HALF = NEVER >> 1
_AHEAD: Mapping[str, float] = {"project": 0.03, "organization": 0.03, "catalog_item": 0.02, "purchase_list_item": 0.01}
_YEAR_2000, _YEAR_2060 = 946_684_800, 2_840_140_800


def row_of(document: PublicDocument, language: Language, now: datetime, texts: Iterable[str] = ()) -> IndexRow:
    """Return the row of a document as it is at `now`; `texts` are those of its attachments."""
    texts = tuple(texts)
    title = language.tokens(document.title, singles=True)
    lead = language.tokens("\n".join((document.buyer, *document.words, *document.lead)), singles=True)
    text = language.tokens("\n".join((document.body, document.english, *texts)))
    in_lead = frozenset(title | lead | _place_tokens(document, language) | _year_tokens(document))
    return IndexRow(
        kind=document.kind, ref=document.ref, stamp=stamp_of(document, now, texts),
        tokens={Zone.TITLE: frozenset(title), Zone.LEAD: in_lead, Zone.TEXT: in_lead | text,
                Zone.HEAD: frozenset(language.heads(document.title))},
        values=_values(document, now), numbers=_numbers(document), orders=_orders(document, now),
        prior=_prior(document))


def stamp_of(document: PublicDocument, now: datetime, texts: Iterable[str] = ()) -> str:
    """Return a digest of all that a row is made of: equal when nothing changed."""
    digest = hashlib.sha256(f"{document.fingerprint()} {status_of(document, now)}".encode())
    for text in texts:
        digest.update(b"\0" + text.encode())
    return digest.hexdigest()[:16]


def status_of(document: PublicDocument, now: datetime) -> str:
    """Return the status that a page shows at `now`; empty where there is none."""
    if document.kind == "project" and document.status:
        return str(display_status(document.status, document.published_at, document.deadline_at, now))
    return document.status


def _place_tokens(document: PublicDocument, language: Language) -> set[str]:
    """Return the tokens of the places a document belongs to by its codes, and of those above."""
    return {token for code in document.facets.get("area", (document.area,)) for token in language.place_tokens(code)}


def _year_tokens(document: PublicDocument) -> set[str]:
    """Return the years in which a document was published and closes."""
    return {f"@{beijing(moment).year}" for moment in (document.published_at, document.deadline_at) if moment}


def _with_branches(codes: Iterable[str], lengths: tuple[int, ...]) -> tuple[str, ...]:
    """Return codes with those of the branches above them."""
    found: dict[str, None] = {}
    for code in codes:
        found.update(dict.fromkeys(code[:length] for length in lengths if length < len(code)))
        if code:
            found[code] = None
    return tuple(found)


def _values(document: PublicDocument, now: datetime) -> Mapping[str, tuple[str, ...]]:
    """Return the exact values for filters and counts."""
    values = {("form" if name == "kind" else name): tuple(given) for name, given in document.facets.items()}
    values["kind"] = (document.kind,)
    values["category"] = _with_branches(document.facets.get("category", (document.category,)), _CATEGORY_LENGTHS)
    values["area"] = _with_branches(document.facets.get("area", (document.area,)), _AREA_LENGTHS)
    if status := status_of(document, now):
        values["status"] = (status,)
    if document.amount_fen is not None:
        values["budget"] = (str(budget_band(Money(document.amount_fen))),)
    return {name: found for name, found in values.items() if found}


def _numbers(document: PublicDocument) -> Mapping[str, int]:
    """Return the numbers for ranges: fen, and seconds since 1970."""
    given = {"amount": document.amount_fen, "published": _seconds(document.published_at),
             "deadline": _seconds(document.deadline_at)}
    return {name: number for name, number in given.items() if number is not None}


def _seconds(moment: datetime | None) -> int | None:
    """Return a moment as seconds since 1970."""
    return int(moment.timestamp()) if moment else None


def _orders(document: PublicDocument, now: datetime) -> Mapping[Sort, int]:
    """Return the place in each order. Closing: what is still open by its deadline, then the rest, latest first."""
    key = f"{document.kind}:{document.ref}"
    published, deadline = _seconds(document.published_at), _seconds(document.deadline_at)
    amount = document.amount_fen
    is_open = deadline is not None and document.deadline_at is not None and now < document.deadline_at and (
        document.kind != "project" or status_of(document, now) == DisplayStatus.OPEN)
    closing = deadline if is_open else _late(published if deadline is None else deadline)
    return {
        Sort.NEWEST: order_of(None if published is None else NEVER - 1 - published, key),
        Sort.CLOSING: order_of(closing, key),
        Sort.BUDGET_HIGH: order_of(None if amount is None else NEVER - 1 - amount, key),
        Sort.BUDGET_LOW: order_of(amount, key),
    }


def _late(seconds: int | None) -> int | None:
    """Return a place behind everything that is still open, late moments first."""
    return None if seconds is None else _HALF + max(_HALF - 1 - seconds, 0)


def _prior(document: PublicDocument) -> float:
    """Return 1.00 to 1.04: a thing before the notices about it, newer before older when all else is equal."""
    seconds = _seconds(document.published_at) or _YEAR_2000
    share = (seconds - _YEAR_2000) / (_YEAR_2060 - _YEAR_2000)
    return 1.0 + _AHEAD.get(document.kind, 0.0) + 0.01 * min(max(share, 0.0), 1.0)
