"""All hits of a search to take along, as CSV and XLSX."""

from datetime import datetime

from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db
from marketplace.core.text import N_
from marketplace.search.queries.cards import Card
from marketplace.search.queries.languages import finder_of
from marketplace.search.queries.pages import titles_only, walk
from marketplace.search.queries.places import Names
from marketplace.search.rules.question import Question
from marketplace.search.views.present import TABS, category_words, status_word
from marketplace.search.views.shared import asked_now, blueprint, names_now
from marketplace.web.access import public
from marketplace.web.downloads import spreadsheet
from marketplace.web.formats import moment
from marketplace.web.security import EXPORT_LIMIT, limiter
from marketplace.web.services import config, public_sources, services

MOST = 2_000
HEADS = (N_("类型"), N_("编号"), N_("名称"), N_("单位"), N_("服务类别"), N_("地区"), N_("金额（元）"), N_("状态"), N_("发布时间"),
         N_("截止时间"), N_("地址"))


@blueprint.get("/search.<any(csv, xlsx):kind>")
@public
@limiter.limit(EXPORT_LIMIT)
def export(kind: str) -> Response:
    """Hand out the hits in the order of the page, at most 2,000."""
    asked, now = asked_now(), utc_now()
    names = names_now(now)
    rows = [[gettext(head) for head in HEADS], *(_cells(card, names) for card in _cards(asked, now))]
    return spreadsheet(rows, kind=kind, name=f"search-{beijing_date(now):%Y%m%d}", sheet=gettext("搜索结果"))


def _cards(asked: Question, now: datetime) -> list[Card]:
    """Return the hits; by titles while the index is away."""
    session, sources = db.session(), public_sources()
    try:
        return list(walk(session, finder_of(session, services()), asked, now, sources=sources, most=MOST))
    except OSError:
        return [row.card for row in titles_only(session, asked, now, sources=sources).rows]


def _cells(card: Card, names: Names) -> list[str]:
    """Return one line."""
    return [gettext(TABS.get(card.kind, card.kind)), card.number, card.title, card.buyer,
            category_words(card, names), names.areas.get(card.area, card.area),
            card.amount.plain() if card.amount else "", status_word(card),
            moment(card.published_at) if card.published_at else "",
            moment(card.deadline) if card.deadline else "", config().base_url + card.url]
