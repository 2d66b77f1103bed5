"""Bad input gets a result or a sentence, never a fault: the list of the issue, through HTTP."""

import random

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.urls import iri_to_uri

from marketplace.search.rules.paging import start_of
from tests.factories.searching import SearchSite, make_search_site

QUERIES = [
    "助" * 10_000, "a" * 10_000, "，。！？、；：", "*", "?", '"', "'", '"助餐', '助餐"', "((((((", "[[{{", "助餐)", "😀🎉", "👨‍👩‍👧‍👦 助餐",
    "\x01\x02助餐\x1f", "\u202e助餐\u202d", "\u200f\u200e", "' OR 1=1 --", "'; DROP TABLE project; --", "title:助餐 AND body:*", "助餐~2^10",
    "+助餐 -老人 &&||", "a AND OR NOT", "(a+)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", ".*" * 60, "\\", "%", "_%_", "{{7*7}}", "<script>alert(1)</script>",
    "１００万以下", "99999999999999999999999万以下", "-5万", "0-0万", "2026年13月45日", "1e999", "NaN", "３０—５０万 30-50万 50万以上 10万以下", "不要", "-助餐", "- - -",
    "社區 照顧 軟體", "\ufeff助餐", "助\u0301餐", "ß İ ı ﬁ", "𠮷野家", "\ud7ff", " ".join("助餐老人社区"[i % 6] for i in range(100)), " ".join(["助餐"] * 60),
]
ADDRESSES = [
    "page=10000000", "page=-1", "after=x", "after=1~2", "after=20~-3.5~project:nothing", "after=999999999~9223372036854775807~project:x",
    "after=1~nan~a:b", "after=1~1e999~a:b", "after=%00", "after=" + "9" * 5000, "after=1~-0~project:x%27", "sort=nonsense", "sort=-budget&sort=x",
    "kind=nothing", "kind=project&kind=organization&kind=x", "status=nonsense", "category=%3Cb%3E", "area=../../etc/passwd", "budget=0-1&budget=x",
    "buyer=x&fund=y", "due=5", "due=3&due=7", "min=x&max=-1", "min=99999999999999999999&max=1", "view=nothing", "plain=2", "lang=xx", "q=&q=助餐",
    "&".join(f"area=x{n}" for n in range(200)), "&".join(f"f{n}=x" for n in range(300)), "status=open&" * 150, "q=" + "%E5%8A" * 50,
]


@pytest.fixture
def site(app: Flask, client: FlaskClient) -> SearchSite:
    return make_search_site(app, client)


@pytest.fixture(autouse=True)
def _honest(app: Flask):
    """Faults answer 500 as they do in real life."""
    app.config["SHOW_500"] = True
    yield
    app.config["SHOW_500"] = False


def test_odd_queries_get_a_page(site: SearchSite) -> None:
    for query in QUERIES:
        for more in ({}, {"plain": "1"}, {"kind": "project", "view": "cards"}):
            response = site.client.get("/search", query_string={"q": query, **more})
            assert response.status_code == 200, (query[:40], more)
            assert "<script>alert(1)" not in response.get_data(as_text=True)


def test_odd_queries_get_a_feed_a_calendar_an_export_and_suggestions(site: SearchSite) -> None:
    for query in QUERIES:
        for path in ("/search.atom", "/search.ics", "/search.csv", "/search/suggest"):
            assert site.client.get(path, query_string={"q": query}).status_code == 200, (path, query[:40])


def test_odd_addresses_get_a_page(site: SearchSite) -> None:
    for arguments in ADDRESSES:
        for path in ("/search", "/search.atom", "/search.csv"):
            code = site.client.get(iri_to_uri(f"{path}?{arguments}")).status_code
            assert code == (400 if "%00" in arguments else 200), (path, arguments[:60])


def test_bytes_that_are_no_text_get_a_sentence(site: SearchSite) -> None:
    for path in ("/search", "/search.atom", "/search.csv", "/search/suggest", "/projects"):
        response = site.client.get(path, environ_overrides={"QUERY_STRING": "q=\xd1\xf8\xc0\xcf"})     # 养老 in GBK
        assert response.status_code == 400, path
        assert "<h1" in response.get_data(as_text=True)


def test_a_question_too_long_is_cut_and_the_box_shows_what_was_asked(site: SearchSite) -> None:
    page = site.page(f"/search?q={'助' * 10_000}")
    assert "助" * 200 in page
    assert "助" * 201 not in page


def test_a_page_number_is_no_reason_to_skip_anything(site: SearchSite) -> None:
    assert "桐浦街道长者助餐服务" in site.page("/search?kind=project&page=10000000")


def test_any_mixture_of_odd_pieces_gets_a_page(site: SearchSite) -> None:
    dice = random.Random(20261122)
    letters = "助餐老人桐浦30万以下-~*\"'()[]{}<>&|!:;,.。、\u200f\u202e\x01\U0001f600aZ0年月日不要%\\"
    for _ in range(60):
        query = "".join(dice.choices(letters, k=dice.randrange(1, 80)))
        assert site.client.get("/search", query_string={"q": query}).status_code == 200, query


@pytest.mark.parametrize("text", ["", "x", "1~2", "20~nan~project:x", "20~1e999~project:x", "20~5~project x", "20~5~", "~~", "9" * 400,
                                  "20~9223372036854775808~project:x", "٣~5~project:x"])
def test_a_cursor_that_nobody_gave_is_the_first_page(text: str) -> None:
    assert start_of(text).after is None
    assert start_of(text).skipped == 0
