"""Suggestions: public words only, by characters, pinyin and initials."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from marketplace.core.db import db
from marketplace.search.queries.languages import finder_of
from marketplace.search.rules.analysis import Language
from marketplace.web.services import services
from tests.factories.searching import SearchSite, make_search_site


@pytest.fixture
def site(app: Flask, client: FlaskClient) -> SearchSite:
    return make_search_site(app, client)


def finder_language(site: SearchSite) -> Language:
    """The language of the index."""
    with site.app.app_context():
        return finder_of(db.session(), services()).language


def texts(site: SearchSite, typed: str) -> list[str]:
    """What is suggested."""
    response = site.client.get("/search/suggest", query_string={"q": typed, "format": "json"})
    assert response.status_code == 200
    return [one["text"] for one in response.json]


@pytest.mark.parametrize("typed", ["桐浦街道长", "长者助餐服", "長者助餐", "zhangzhezhucan", "tpjdzz", "ｚhangzhezhu", "TPJDZZ"])
def test_a_title_is_suggested_by_any_of_its_beginnings(site: SearchSite, typed: str) -> None:
    assert "桐浦街道长者助餐服务" in texts(site, typed)


def test_drafts_are_never_suggested(site: SearchSite) -> None:
    assert not [text for text in texts(site, "桐浦街道长者助餐服务（草") + texts(site, "桐浦") if "草稿" in text]


def test_words_of_the_dictionary_are_suggested_only_when_a_document_holds_them(site: SearchSite) -> None:
    found = site.client.get("/search/suggest?q=助&format=json").json
    words = [one["text"] for one in found if not one["url"]]
    assert "助餐" in words
    assert all(word.startswith("助") for word in words)
    language = finder_language(site)
    assert len({language.terms.concepts[word] for word in words}) == len(words), "one word of each meaning"
    for word in words:
        assert "共 0 条" not in site.page(f"/search?q={word}")


def test_at_most_eight_each_with_its_kind_and_page(site: SearchSite) -> None:
    found = site.client.get("/search/suggest?q=桐&format=json").json
    assert 0 < len(found) <= 8
    projects = {one["text"]: one for one in found if one["kind"] == "项目"}
    assert projects["桐浦街道长者助餐服务"]["url"] == f"/projects/{site.refs['meals']}"


def test_a_script_gets_json_and_a_page_gets_a_list(site: SearchSite) -> None:
    assert site.client.get("/search/suggest?q=桐", headers={"Accept": "application/json"}).is_json
    page = site.client.get("/search/suggest?q=桐", headers={"Accept": "text/html"}).get_data(as_text=True)
    assert 'role="listbox"' in page
    assert f'href="/projects/{site.refs["meals"]}"' in page


@pytest.mark.parametrize("typed", ["", "  ", "x" * 10_000, "<script>", "\u200f", "没有这样的开头", "'\"--", "*"])
def test_odd_beginnings_get_an_empty_list(site: SearchSite, typed: str) -> None:
    assert texts(site, typed) == []
