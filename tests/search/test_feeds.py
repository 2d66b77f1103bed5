"""Feeds and calendars of a search, as readers fetch them."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from flask.testing import FlaskClient

from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.organizations.queries import by_ref
from marketplace.projects.models import Project
from tests.factories.searching import SearchSite, make_search_site, put_project, reindex

NS = {"a": "http://www.w3.org/2005/Atom"}


@pytest.fixture
def site(app: Flask, client: FlaskClient) -> SearchSite:
    return make_search_site(app, client)


def feed(site: SearchSite, address: str) -> ET.Element:
    """The feed at an address."""
    response = site.client.get(address)
    assert response.status_code == 200
    assert response.mimetype == "application/atom+xml"
    return ET.fromstring(response.data)


def test_a_feed_holds_what_the_page_finds_newest_first_with_ids_that_stay(site: SearchSite) -> None:
    found = feed(site, "/search.atom?kind=project&sort=budget_low")
    entries = found.findall("a:entry", NS)
    assert [entry.findtext("a:title", "", NS) for entry in entries] == ["桐浦街道长者助餐服务", "白鹭街道独居老人探访", "桐浦街道青少年心理辅导"]
    assert entries[0].findtext("a:id", "", NS) == f"tag:localhost,2026:project/{site.refs['meals']}"
    assert entries[0].find("a:link", NS).get("href") == f"http://localhost/projects/{site.refs['meals']}"  # type: ignore[union-attr]
    assert "截止：" in entries[0].findtext("a:summary", "", NS)
    links = {link.get("rel"): link.get("href") for link in found.findall("a:link", NS)}
    assert links["self"] == "http://localhost/search.atom?kind=project&sort=budget_low"
    assert links["alternate"] == "http://localhost/search?kind=project&sort=budget_low"
    assert found.findtext("a:updated", "", NS) == max(entry.findtext("a:updated", "", NS) for entry in entries)
    for element in (found, *entries):
        assert datetime.fromisoformat(element.findtext("a:updated", "", NS)).tzinfo


def test_a_feed_has_no_drafts_and_only_what_holds_everything(site: SearchSite) -> None:
    found = [entry.findtext("a:title", "", NS) for entry in feed(site, "/search.atom?q=助餐&kind=project").findall("a:entry", NS)]
    assert found == ["桐浦街道长者助餐服务"]
    assert feed(site, "/search.atom?q=量子计算机 助餐").findall("a:entry", NS) == []


def test_a_reader_that_has_the_feed_gets_304_until_something_changes(site: SearchSite) -> None:
    first = site.client.get("/search.atom?kind=project")
    for header in ({"If-None-Match": first.headers["ETag"]}, {"If-Modified-Since": first.headers["Last-Modified"]}):
        again = site.client.get("/search.atom?kind=project", headers=header)
        assert again.status_code == 304, header
        assert again.data == b""
    with site.app.app_context(), transaction() as session:
        put_project(session, by_ref(session, site.refs["unit"]), "新的项目", n=8, published_at=utc_now())
    reindex(site.app)
    assert site.client.get("/search.atom?kind=project", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_older_readers_get_the_same_as_rss(site: SearchSite) -> None:
    response = site.client.get("/search.rss?kind=project")
    assert response.mimetype == "application/rss+xml"
    items = ET.fromstring(response.data).findall("channel/item")
    assert [item.findtext("title") for item in items] == ["桐浦街道长者助餐服务", "白鹭街道独居老人探访", "桐浦街道青少年心理辅导"]
    assert items[0].findtext("guid") == f"tag:localhost,2026:project/{site.refs['meals']}"
    assert parsedate_to_datetime(items[0].findtext("pubDate", "")).tzinfo
    assert site.client.get("/search.rss?kind=project", headers={"If-None-Match": response.headers["ETag"]}).status_code == 304


def test_text_that_xml_does_not_know_does_not_break_a_feed(site: SearchSite) -> None:
    with site.app.app_context(), transaction() as session:
        put_project(session, by_ref(session, site.refs["unit"]), "A & B <c> \x0b]]>\u200f", n=8)
    reindex(site.app)
    assert "A & B <c> ]]>" in [entry.findtext("a:title", "", NS) for entry in feed(site, "/search.atom?kind=project").findall("a:entry", NS)]


def unfolded(data: bytes) -> list[str]:
    """The lines of a calendar, folding undone."""
    return data.decode().replace("\r\n ", "").split("\r\n")


def test_a_calendar_holds_the_deadlines_in_utc_folded_and_escaped(site: SearchSite) -> None:
    closes = datetime(2031, 3, 4, 9, 0, tzinfo=UTC)
    title = "长者助餐,送餐;以及\\很长的名字" * 4
    with site.app.app_context(), transaction() as session:
        ref = put_project(session, by_ref(session, site.refs["unit"]), title, n=8, closes_at=closes).ref
    reindex(site.app)
    response = site.client.get("/search.ics?q=送餐&kind=organization")
    assert response.mimetype == "text/calendar"
    assert all(len(line) <= 75 for line in response.data.split(b"\r\n"))
    lines = unfolded(response.data)
    assert lines[0] == "BEGIN:VCALENDAR"
    assert f"UID:{ref}@localhost" in lines
    assert "DTSTART:20310304T090000Z" in lines
    escaped = title.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
    assert f"SUMMARY:截止：{escaped}" in lines
    assert lines.count("BEGIN:VEVENT") == lines.count("END:VEVENT")


def test_a_calendar_that_did_not_change_answers_304(site: SearchSite) -> None:
    first = site.client.get("/search.ics?kind=project")
    assert unfolded(first.data).count("BEGIN:VEVENT") == 3
    assert site.client.get("/search.ics?kind=project", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    with site.app.app_context(), transaction() as session:
        session.query(Project).filter(Project.ref == site.refs["meals"]).update({"closes_at": utc_now() + timedelta(days=9)})
    reindex(site.app)
    assert site.client.get("/search.ics?kind=project", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200
