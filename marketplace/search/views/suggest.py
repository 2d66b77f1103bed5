"""Suggestions while typing: public words only, as JSON and as a fragment of HTML."""

from collections.abc import Sequence

from flask import jsonify, render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.clock import utc_now
from marketplace.core.db import db
from marketplace.search.queries.languages import finder_of
from marketplace.search.queries.suggestions import Suggestion, suggestions
from marketplace.search.rules.question import MOST_TEXT
from marketplace.search.views.present import TABS
from marketplace.search.views.shared import blueprint
from marketplace.web.access import public
from marketplace.web.security import SUGGEST_LIMIT, limiter
from marketplace.web.services import public_sources, services


@blueprint.get("/search/suggest")
@public
@limiter.limit(SUGGEST_LIMIT)
def suggest() -> str | Response:
    """Answer with at most eight words and titles; with none while the index is away."""
    found = _found(request.args.get("q", "")[:MOST_TEXT])
    words = [(one, gettext(TABS[one.kind]) if one.kind in TABS else gettext("词语")) for one in found]
    if request.args.get("format") == "json" or request.accept_mimetypes.best == "application/json":
        return jsonify([{"text": one.text, "kind": word, "url": one.url} for one, word in words])
    return render_template("search/_suggestions.html", words=words)


def _found(text: str) -> Sequence[Suggestion]:
    """Return the suggestions for a text."""
    session, engine = db.session(), services().search_index
    try:
        language = finder_of(session, services()).language
        return suggestions(session, engine, language, text, utc_now(), sources=public_sources())
    except OSError:
        return []
