"""The blueprint of the search pages, and what they share: the question, names, marks."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from flask import Blueprint, current_app, request
from markupsafe import Markup, escape

from marketplace.core.db import db
from marketplace.search.queries.finding import Understood
from marketplace.search.queries.places import NameBook, Names
from marketplace.search.rules.highlight import Highlighter, Piece
from marketplace.search.rules.question import Question, question_of
from marketplace.web.services import config, services

blueprint = Blueprint("search", __name__)
MOST_ARGUMENTS = 500               # of an address that are looked at


def asked_now() -> Question:
    """Return the question in this address."""
    pairs = ((name, value) for name, values in request.args.lists() for value in values[:MOST_ARGUMENTS])
    return question_of(pairs)


def names_now(now: datetime) -> Names:
    """Return what codes are called; tests roll their database back and read anew each time."""
    book = NameBook() if config().testing else current_app.extensions.setdefault("marketplace.search.names", NameBook())
    found: Names = book.names(db.session(), now)
    return found


def highlighter(understood: Understood | None, asked: Question) -> Highlighter:
    """Return what marks the words that were looked for."""
    forms: Iterable[str] = understood.marks if understood else asked.text.split()
    return Highlighter(forms, services().converter.to_simplified)


def marked(pieces: Sequence[Piece]) -> Markup:
    """Return pieces of a text as markup: found words in <mark>, everything escaped."""
    return Markup("").join(
        Markup("<mark>") + escape(piece.text) + Markup("</mark>") if piece.is_marked else escape(piece.text)
        for piece in pieces)
