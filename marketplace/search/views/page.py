"""The search page (P3): all kinds, facets, tiles, rows; the same address with and without script."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import render_template, request
from flask_babel import gettext
from markupsafe import Markup

from marketplace.core.clock import utc_now
from marketplace.core.db import db
from marketplace.core.searching import Sort
from marketplace.search.queries.cards import Card
from marketplace.search.queries.languages import finder_of
from marketplace.search.queries.pages import Results, Row, Way, results, titles_only, ways_out
from marketplace.search.queries.places import Names
from marketplace.search.queries.upkeep import lag_seconds
from marketplace.search.rules.highlight import Highlighter
from marketplace.search.rules.paging import start_of
from marketplace.search.rules.question import DUE_DAYS, Question
from marketplace.search.views import present
from marketplace.search.views.shared import asked_now, blueprint, highlighter, marked, names_now
from marketplace.web.access import public
from marketplace.web.security import SEARCH_LIMIT, limiter
from marketplace.web.services import public_sources, services

SLOW = 10                          # seconds of lag that are worth a word


@dataclass(frozen=True)
class Line:
    """One row as the template shows it."""

    row: Row
    title: Markup
    sub: str
    snippet: Markup
    status: str
    look: str


@blueprint.get("/search")
@public
@limiter.limit(SEARCH_LIMIT)
def page() -> str:
    """Show what was found."""
    asked, now, view = asked_now(), utc_now(), request.args.get("view", "")
    view = view if view in present.VIEWS else present.VIEWS[0]
    found, ways = _found(asked, now)
    names, marker = names_now(now), highlighter(found.understood, asked)
    return render_template(
        "search/index.html", asked=asked, found=found, view=view, now=now,
        lines=_lines(found, asked, marker, now, view), tabs=present.tabs(asked, found, view),
        facets=present.facets(asked, found, names), due_days=DUE_DAYS,
        understood=present.understood_chips(asked, found.understood, view),
        chosen=present.chosen_chips(asked, names, view), tiles=present.tiles(asked, found, names, view),
        sorts=[sort for sort in Sort if asked.text or sort != Sort.RELEVANCE], sort_words=present.SORTS,
        views=_views(asked, view), to=_addresses(asked, view),
        kept=_kept(asked, view), hidden=_hidden(asked, view), ways=_said(ways, asked, now),
        lag=lag_seconds(db.session(), now), slow=SLOW)


def _addresses(asked: Question, view: str) -> Callable[..., str]:
    """Return what makes the address of this page with something in the question changed, or of its next page."""
    def to(after: str = "", **changes: Any) -> str:
        return present.address(replace(asked, **changes), view, **({"after": after} if after else {}))

    return to


def _found(asked: Question, now: datetime) -> tuple[Results, Sequence[Way]]:
    """Return the hits, and ways out when there are none; by titles while the index is away."""
    session, sources = db.session(), public_sources()
    try:
        search = finder_of(session, services())
        found = results(session, search, asked, now, start=start_of(request.args.get("after", "")), sources=sources)
        return found, () if found.total else ways_out(search, asked, found.understood, now)
    except OSError:
        return titles_only(session, asked, now, sources=sources), ()


def _lines(found: Results, asked: Question, marker: Highlighter, now: datetime, view: str) -> list[Line]:
    """Return the rows with their words marked; a snippet where the text holds some of them."""
    names, lines = names_now(now), []
    for row in found.rows:
        card = row.card
        text = _text(card, names)
        pieces = marker.snippet(text) if text and (asked.text or view == "cards") else []
        shown = view == "cards" or any(piece.is_marked for piece in pieces)
        lines.append(Line(
            row, title=marked(marker.pieces(card.title)), snippet=marked(pieces if shown else ()),
            sub=present.sub_line(card, names, with_kind=len(asked.kinds) != 1), status=present.status_word(card),
            look=present.status_look(card)))
    return lines


def _text(card: Card, names: Names) -> str:
    """Return the text a snippet is taken from: of an organization also what it says it serves."""
    if not card.categories:
        return card.body
    served = gettext("服务类别") + gettext("：") + present.category_words(card, names)
    return f"{card.body}\n{served}" if card.body else served


def _views(asked: Question, view: str) -> list[tuple[str, str, bool]]:
    """Return (word, address, is it this one) of the ways to look at the hits."""
    words = {"table": gettext("列表"), "cards": gettext("卡片"), "map": gettext("镇街图")}
    return [(word, present.address(asked, name), name == view) for name, word in words.items()]


def _kept(asked: Question, view: str) -> list[tuple[str, str]]:
    """Return what the search box keeps of the question: all but its words, their order, and "only as typed"."""
    pairs = [pair for pair in asked.arguments() if pair[0] not in {"q", "sort", "plain"}]
    return pairs + ([("view", view)] if view != present.VIEWS[0] else [])


def _hidden(asked: Question, view: str) -> list[tuple[str, str]]:
    """Return what the form of the facets keeps of the question: what has no field in it."""
    pairs = [pair for pair in asked.arguments() if pair[0] in {"q", "kind", "min", "max", "plain"}]
    return pairs + ([("view", view)] if view != present.VIEWS[0] else [])


def _said(ways: Sequence[Way], asked: Question, now: datetime) -> list[tuple[str, str, int]]:
    """Return (sentence, address, count) of the ways out."""
    names, said = names_now(now), []
    for way in ways:
        word = way.value and present.value_word(way.facet, way.value, asked, names)
        label = gettext(present.FACET_WORDS[way.facet])
        if way.facet == "wider":
            sentence = gettext("放宽到%(place)s", place=word)
        elif way.facet == "q":
            sentence = gettext("不要“%(word)s”", word=word)
        else:
            sentence = gettext("不限%(facet)s", facet=label) + (f"（{word}）" if word else "")
        said.append((sentence, present.address(way.question), way.total))
    return said
