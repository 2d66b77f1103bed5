"""A search to subscribe to: the newest hits as Atom and RSS, deadlines as a calendar. All answer 304 when unchanged."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from flask import request
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.clock import utc_now
from marketplace.core.db import db
from marketplace.core.errors import Unavailable
from marketplace.core.publishing import PublicDocument
from marketplace.core.searching import Sort
from marketplace.core.text import N_
from marketplace.search.queries.languages import finder_of
from marketplace.search.queries.pages import PROJECT, exact_keys
from marketplace.search.queries.upkeep import documents_of
from marketplace.search.rules.question import Question
from marketplace.search.views.present import address
from marketplace.search.views.shared import asked_now, blueprint
from marketplace.web.access import public
from marketplace.web.calendars import Event, calendar
from marketplace.web.formats import moment
from marketplace.web.security import SEARCH_LIMIT, limiter
from marketplace.web.services import config, public_sources, services

ENTRIES, DEADLINES = 50, 200
ATOM = "http://www.w3.org/2005/Atom"
SUMMARY = 300
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@blueprint.get("/search.atom")
@public
@limiter.limit(SEARCH_LIMIT)
def atom() -> Response:
    """Hand out the newest fifty hits that hold everything asked for."""
    asked = asked_now()
    documents = _newest(asked)
    feed = ET.Element("feed", {"xmlns": ATOM, "xml:lang": "zh-Hans"})
    site, me = config().base_url, config().base_url + request.full_path.rstrip("?")
    _add(feed, "id", f"{site}/search.atom?{asked.address()}")
    _add(feed, "title", _title(asked))
    _add(feed, "updated", max(map(_updated, documents), default=_LONG_AGO).isoformat())
    ET.SubElement(feed, "link", {"rel": "self", "type": "application/atom+xml", "href": me})
    ET.SubElement(feed, "link", {"rel": "alternate", "type": "text/html", "href": site + address(asked)})
    _add(ET.SubElement(feed, "author"), "name", config().site_name)
    for document in documents:
        _entry(feed, document, site)
    return _answer(ET.tostring(feed, encoding="utf-8", xml_declaration=True), "application/atom+xml", documents)


def _entry(feed: ET.Element, document: PublicDocument, site: str) -> None:
    """Add one entry. Its id never changes; it counts as updated with its latest news."""
    entry = ET.SubElement(feed, "entry")
    _add(entry, "id", _id(document, site))
    _add(entry, "title", document.title)
    if document.published_at:
        _add(entry, "published", document.published_at.isoformat())
    _add(entry, "updated", _updated(document).isoformat())
    ET.SubElement(entry, "link", {"rel": "alternate", "type": "text/html", "href": site + document.url})
    if document.buyer:
        _add(ET.SubElement(entry, "author"), "name", document.buyer)
    _add(entry, "summary", _summary(document))


@blueprint.get("/search.rss")
@public
@limiter.limit(SEARCH_LIMIT)
def rss() -> Response:
    """Hand out the same as RSS 2.0, for readers that know nothing newer."""
    asked, site = asked_now(), config().base_url
    documents = _newest(asked)
    feed = ET.Element("rss", {"version": "2.0", "xmlns:atom": ATOM})
    channel = ET.SubElement(feed, "channel")
    _add(channel, "title", _title(asked))
    _add(channel, "link", site + address(asked))
    _add(channel, "description", gettext("这个搜索的最新内容"))
    _add(channel, "lastBuildDate", format_datetime(max(map(_updated, documents), default=_LONG_AGO)))
    me = site + request.full_path.rstrip("?")
    ET.SubElement(channel, "atom:link", {"rel": "self", "type": "application/rss+xml", "href": me})
    for document in documents:
        item = ET.SubElement(channel, "item")
        _add(item, "title", document.title)
        _add(item, "link", site + document.url)
        ET.SubElement(item, "guid", {"isPermaLink": "false"}).text = _id(document, site)
        _add(item, "pubDate", format_datetime(document.published_at or _LONG_AGO))
        _add(item, "description", _summary(document))
    return _answer(ET.tostring(feed, encoding="utf-8", xml_declaration=True), "application/rss+xml", documents)


def _newest(asked: Question) -> Sequence[PublicDocument]:
    """Return the newest hits, the newest first."""
    return sorted(_documents(replace(asked, sort=Sort.NEWEST), ENTRIES),
                  key=lambda one: (one.published_at or _LONG_AGO, one.ref), reverse=True)


def _id(document: PublicDocument, site: str) -> str:
    """Return the name of a document in feeds: it never changes."""
    return f"tag:{urlsplit(site).hostname},2026:{document.kind}/{document.ref}"


def _summary(document: PublicDocument) -> str:
    """Return the deadline, the latest news, and what it is about."""
    due = gettext("截止：%(at)s（北京时间）", at=moment(document.deadline_at)) if document.deadline_at else ""
    news = document.news[-1].text if document.news else ""
    about = "\n".join(part for part in (*document.lead[:1], document.body) if part)
    return "\n".join(part for part in (due, news[:SUMMARY], about[:SUMMARY]) if part)


@blueprint.get("/search.ics")
@public
@limiter.limit(SEARCH_LIMIT)
def deadlines() -> Response:
    """Hand out the deadlines of the projects found, at most two hundred."""
    asked, site = asked_now(), config().base_url
    found = _documents(replace(asked, kinds=(PROJECT,), sort=Sort.CLOSING), DEADLINES)
    host = site.partition("://")[2]
    events = [
        Event(uid=f"{one.ref}@{host}", at=one.deadline_at, stamp=_updated(one), url=site + one.url,
              sequence=sum(news.key != "new" for news in one.news),
              title=gettext("截止：%(title)s", title=one.title),
              text=f"{one.buyer}\n{moment(one.deadline_at)} (UTC+8)")
        for one in found if one.deadline_at]
    response = _answer(calendar(events, name=_title(asked)), "text/calendar", found)
    response.headers["Content-Disposition"] = 'attachment; filename="search.ics"'
    return response


def _documents(asked: Question, limit: int) -> Sequence[PublicDocument]:
    """Return the public documents that hold everything asked for, in its order; 503 while the index is away."""
    session = db.session()
    try:
        keys = exact_keys(finder_of(session, services()), asked, utc_now(), limit=limit)
    except OSError as away:
        raise Unavailable(N_("搜索暂时受限，订阅稍后会恢复")) from away
    found = documents_of(session, public_sources(), keys)
    return [found[key] for key in keys if key in found]


def _updated(document: PublicDocument) -> datetime:
    """Return when something last happened to a document."""
    return max((one.at for one in document.news), default=document.published_at or _LONG_AGO)


def _title(asked: Question) -> str:
    """Return what a subscription is called."""
    what = asked.text or gettext("全部")
    return gettext("%(site)s搜索：%(what)s", site=config().site_name, what=what)


def _add(parent: ET.Element, name: str, text: str) -> None:
    """Add an element with a text; characters that XML does not know are left out."""
    ET.SubElement(parent, name).text = "".join(letter for letter in text if letter in "\n\t" or letter.isprintable())


def _answer(data: bytes, media_type: str, documents: Sequence[PublicDocument]) -> Response:
    """Return a file that readers fetch again and again."""
    response = Response(data, mimetype=media_type)
    response.last_modified = max(map(_updated, documents), default=_LONG_AGO)
    return response
