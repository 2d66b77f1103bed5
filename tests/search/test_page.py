"""The search page as a visitor's browser gets it."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from marketplace.awards.models import Notice
from marketplace.awards.rules import NoticeKind
from marketplace.catalogs.models import Area
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.organizations.queries import by_ref
from marketplace.projects.models import Project
from marketplace.search.queries.places import NameBook
from marketplace.web.services import services
from tests.factories.searching import TOWN, WHITE, SearchSite, make_search_site, put_project, reindex, serve


@pytest.fixture
def site(app: Flask, client: FlaskClient) -> SearchSite:
    return make_search_site(app, client)


def titles(page: str) -> list[str]:
    """The titles of the rows, in order, without marks."""
    return [re.sub(r"<[^>]+>", "", unescape(found)) for found in re.findall(r'<a class="title"[^>]*>(.*?)</a>', page)]


def link(page: str, text: str) -> str:
    """The address of the link with this text."""
    found = re.search(rf'<a [^>]*href="([^"]*)"[^>]*>(?:<svg.*?</svg>)?{re.escape(text)}', page)
    assert found, text
    return unescape(found[1])


def tab(page: str, word: str) -> int:
    """The count of a tab."""
    found = re.search(rf">{word} <small>(\d+)</small>", page)
    return int(found[1]) if found else 0


def option(page: str, facet: str, value: str) -> tuple[int, bool]:
    """The count of a value of a facet, and whether it is chosen."""
    found = re.search(rf'id="f-{facet}-{re.escape(value)}"[^>]*?( checked)?><span>[^<]*</span><span>(\d+)</span>', page)
    assert found, (facet, value)
    return int(found[2]), bool(found[1])


def test_words_are_found_in_every_kind_and_drafts_in_none(site: SearchSite) -> None:
    page = site.page("/search?q=助餐")
    assert {"桐浦街道长者助餐服务", "澜川区晨光长者助餐服务中心", "老年助餐服务", "助餐点运营与送餐上门"} <= set(titles(page))
    assert "草稿" not in page
    assert tab(page, "项目") == 1
    assert tab(page, "组织") == 1
    assert tab(page, "全部") == len(titles(page))


def test_a_tab_shows_its_kind_and_keeps_the_counts_of_the_others(site: SearchSite) -> None:
    everything = site.page("/search?q=助餐")
    page = site.page(link(everything, "组织"))
    assert titles(page) == ["澜川区晨光长者助餐服务中心"]
    assert tab(page, "项目") == 1
    assert tab(page, "全部") == tab(everything, "全部")


def test_without_words_the_newest_stand_first_and_everything_is_counted(site: SearchSite) -> None:
    page = site.page("/search?kind=project")
    assert titles(page) == ["桐浦街道长者助餐服务", "白鹭街道独居老人探访", "桐浦街道青少年心理辅导"]
    assert option(page, "status", "open") == (2, False)
    assert option(page, "status", "sealed") == (1, False)
    assert option(page, "category", "A04") == (2, False)
    assert option(page, "area", TOWN) == (2, False)
    assert option(page, "budget", "0-20") == (1, False)
    assert option(page, "fund", "budget") == (3, False)
    assert option(page, "due", "3") == (1, False)
    assert option(page, "due", "7") == (2, False)


def test_a_filter_narrows_and_its_chip_takes_it_away(site: SearchSite) -> None:
    page = site.page(f"/search?kind=project&area={WHITE}&budget=0-20")
    assert titles(page) == ["白鹭街道独居老人探访"]
    assert option(page, "area", WHITE) == (1, True)
    chip = re.search(r'白鹭街道</span><a href="([^"]*)" aria-label="去掉条件', page)
    assert chip
    left = parse_qs(urlsplit(unescape(chip[1])).query)
    assert left == {"kind": ["project"], "budget": ["0-20"]}


def test_deadlines_and_amounts_narrow_too(site: SearchSite) -> None:
    assert titles(site.page("/search?kind=project&due=3")) == ["白鹭街道独居老人探访"]
    page = site.page("/search?kind=project&min=100000&max=400000")
    assert titles(page) == ["桐浦街道长者助餐服务"]
    assert "100,000–400,000 元" in page


@pytest.mark.parametrize(("sort", "first"), [
    ("budget_high", "桐浦街道青少年心理辅导"), ("budget_low", "白鹭街道独居老人探访"), ("closing", "白鹭街道独居老人探访"),
    ("newest", "桐浦街道长者助餐服务"), ("relevance", "桐浦街道长者助餐服务")])
def test_every_order_puts_its_own_first(site: SearchSite, sort: str, first: str) -> None:
    assert titles(site.page(f"/search?kind=project&sort={sort}"))[0] == first


def test_what_was_understood_stands_as_chips_that_can_be_taken_away(site: SearchSite) -> None:
    page = site.page("/search?q=桐浦 助餐 50万以下")
    assert "已理解为" in page
    for word in ("桐浦街道", "助餐"):
        assert re.search(rf'<li class="chip"><span><span>[^<]*</span>[^<]*{word}', page), word
    without = re.search(r'桐浦街道</span><a href="([^"]*)"', page)
    assert without
    assert parse_qs(urlsplit(unescape(without[1])).query)["q"] == ["助餐 50万以下"]


def test_a_question_without_a_word_says_so(site: SearchSite) -> None:
    assert "“！！！”里没有可以查找的词。" in site.page("/search?q=！！！")
    assert "没有可以查找的词" not in site.page("/search?q=助餐")


def test_an_organization_is_shown_with_the_service_that_was_looked_for(site: SearchSite) -> None:
    serve(site, "A040203")
    page = site.page("/search?kind=organization&q=助餐")
    assert "服务类别：老年<mark>助餐服务</mark>" in page
    assert "金额（万元）" not in page
    assert "金额（万元）" in site.page("/search?q=助餐")


def test_found_words_are_marked_and_markup_stays_text(site: SearchSite) -> None:
    with site.app.app_context(), transaction() as session:
        put_project(session, by_ref(session, site.refs["unit"]), "<script>助餐</script>服务", n=9, body="<b>每日助餐</b>" * 40)
    reindex(site.app)
    page = site.page("/search?q=助餐&kind=project")
    assert "&lt;script&gt;<mark>助餐</mark>" in page
    assert "<script>助餐" not in page
    assert "<b>每日" not in page
    assert 'class="sub snippet"' in page


def test_a_traditional_question_finds_and_marks_simplified_text(site: SearchSite) -> None:
    page = site.page("/search?q=長者助餐")
    assert "桐浦街道长者助餐服务" in titles(page)
    assert "<mark>长者助餐" in page


def test_pages_follow_each_other_without_a_gap_or_a_repetition(site: SearchSite) -> None:
    with site.app.app_context(), transaction() as session:
        unit = by_ref(session, site.refs["unit"])
        for n in range(10, 60):
            put_project(session, unit, f"助餐 {n}", n=n)
    reindex(site.app)
    for query in ("q=助餐", "sort=closing", "sort=budget_low"):
        seen: list[str] = []
        address = f"/search?kind=project&{query}"
        page = site.page(address)
        total = int(re.search(r"第 1–20 条，共 (\d+) 条", page)[1])  # type: ignore[index]
        while True:
            seen += re.findall(r'class="title" href="([^"]*)"', page)
            if 'rel="next"' not in page:
                break
            page = site.page(unescape(re.search(r'rel="next" href="([^"]*)"', page)[1]))  # type: ignore[index]
        assert len(seen) == len(set(seen)) == total, query
        assert f"–{total} 条" in page
        assert "回到第一页" in page


def test_a_page_does_not_skip_when_something_before_it_goes_away(site: SearchSite) -> None:
    with site.app.app_context(), transaction() as session:
        unit = by_ref(session, site.refs["unit"])
        refs = [put_project(session, unit, f"项目 {n}", n=n).ref for n in range(10, 60)]
    reindex(site.app)
    first = site.page("/search?kind=project")
    following = re.search(r'rel="next" href="([^"]*)"', first)
    assert following
    before = titles(site.page(unescape(following[1])))
    with site.app.app_context(), transaction() as session:
        session.query(Project).filter(Project.ref.in_(refs[:5])).update({"published_at": None, "state": "draft"})
    reindex(site.app)
    assert titles(site.page(unescape(following[1]))) == before


def test_hits_that_hold_everything_stand_before_the_divider(site: SearchSite) -> None:
    page = site.page("/search?q=桐浦街道长者助餐服务 午餐&kind=project")
    divider = page.find("以下是近似结果")
    assert titles(page)[0] == "桐浦街道长者助餐服务"
    assert divider == -1 or page.find("桐浦街道长者助餐服务</") < divider


def test_only_as_typed_is_a_link_away_and_back(site: SearchSite) -> None:
    page = site.page("/search?q=老人食堂")
    assert "已同时查找" in page
    plain = site.page(link(page, "只查原词"))
    assert "只查了原词" in plain
    assert parse_qs(urlsplit(link(plain, "同时查找意思相近的词")).query) == {"q": ["老人食堂"]}


def test_nothing_found_says_which_condition_to_drop(site: SearchSite) -> None:
    page = site.page("/search?q=量子计算机&kind=project&status=open&budget=100-")
    assert "这些条件下没有结果" in page
    page = site.page(f"/search?kind=project&status=sealed&area={WHITE}")
    assert "这些条件下没有结果" in page
    dropped = site.page(link(page, "不限镇街（白鹭街道）"))
    assert titles(dropped) == ["桐浦街道青少年心理辅导"]
    assert "保存这个搜索" in page
    assert "按服务类别浏览目录" in page


def test_the_towns_are_tiles_with_counts_and_one_click_narrows(site: SearchSite) -> None:
    page = site.page("/search?kind=project&view=map")
    tile = re.search(r'<li class="x2 y2"><a class="t\d" href="([^"]*)">桐浦街道<b>(\d+)</b>', page)
    assert tile
    assert int(tile[2]) == 2
    narrowed = site.page(unescape(tile[1]))
    assert len(titles(narrowed)) == 2
    assert 'aria-current="true">桐浦街道' in narrowed
    assert 'class="tiles towns"' in narrowed, "the way of looking is kept in the address"


def test_cards_are_remembered_in_the_address(site: SearchSite) -> None:
    page = site.page("/search?view=cards&kind=project")
    assert 'class="hitcards"' in page
    assert "<table" not in page
    assert "view=cards" in link(page, "组织")
    assert '<input type="hidden" name="view" value="cards">' in page


def test_without_an_index_titles_answer_and_the_page_says_so(site: SearchSite) -> None:
    with site.app.app_context():
        engine = services().search_index
    site.app.extensions["marketplace.services"].search_index = Broken(engine)
    for address in ("/search?q=助餐", "/search?q=助餐&kind=project", "/search"):
        page = site.page(address)
        assert "搜索暂时受限" in page
        assert "桐浦街道长者助餐服务" in titles(page)
        assert "草稿" not in page
    page = site.page("/search?q=助餐")
    assert "澜川区晨光长者助餐服务中心" in titles(page)
    assert titles(site.page("/search?q=LC-2026-0002")) == ["白鹭街道独居老人探访"]
    assert titles(site.page("/search?q=100%25_")) == []
    assert site.client.get("/search/suggest?q=助&format=json").json == []
    assert site.client.get("/search.atom?q=助餐").status_code == 503
    assert "桐浦街道长者助餐服务" in site.client.get("/search.csv?q=助餐").get_data(as_text=True)


class Broken:
    """An index that cannot be read."""

    def __init__(self, real: object) -> None:
        self._real = real

    def __getattr__(self, name: str) -> object:
        if name in {"search", "frequencies", "size", "label"}:
            return self._fail
        return getattr(self._real, name)

    def _fail(self, *_: object, **__: object) -> None:
        raise OSError("the index is away")


def test_what_left_the_database_after_indexing_is_not_shown(site: SearchSite) -> None:
    with site.app.app_context(), transaction() as session:
        session.query(Project).filter(Project.ref == site.refs["meals"]).update({"state": "draft", "published_at": None})
    assert "桐浦街道长者助餐服务" not in titles(site.page("/search?q=助餐"))


def test_a_deadline_that_passed_after_indexing_shows_as_sealed(site: SearchSite) -> None:
    with site.app.app_context(), transaction() as session:
        session.query(Project).filter(Project.ref == site.refs["meals"]).update({"closes_at": utc_now() - timedelta(minutes=1)})
    page = site.page("/search?q=助餐&kind=project")
    assert "已截止·密封" in page[page.find("<tbody>"):]


def test_the_page_names_its_feeds_and_where_to_save_the_search(site: SearchSite) -> None:
    page = site.page("/search?q=助餐&status=open")
    asked = f"q={quote('助餐')}&amp;status=open"
    assert f'href="/search.atom?{asked}"' in page
    assert f'href="/search.ics?{asked}"' in page
    assert f'href="/my/searches/new?{asked}"' in page
    assert f'href="/search.xlsx?{asked}"' in page


def test_the_page_says_how_far_the_index_is_behind(site: SearchSite) -> None:
    from marketplace.core.publishing import public_changed

    assert "还在进入搜索" not in site.page("/search")
    with site.app.app_context(), transaction() as session:
        public_changed(session, kind="project", ref="x", now=utc_now() - timedelta(seconds=90))
    assert re.search(r"最近 9\d 秒内的新变化还在进入搜索", site.page("/search"))


def test_an_amount_is_bounded_on_both_sides(site: SearchSite) -> None:
    with site.app.app_context(), transaction() as session:
        put_project(session, by_ref(session, site.refs["unit"]), "正好三万", n=30, budget=Money.yuan(30_000))
    reindex(site.app)
    assert titles(site.page("/search?kind=project&max=30000")) == ["正好三万"]
    assert "正好三万" not in titles(site.page("/search?kind=project&min=30001"))


def test_a_notice_is_a_row_of_its_own_with_its_price(site: SearchSite) -> None:
    with site.app.app_context(), transaction() as session:
        project = session.query(Project).filter(Project.ref == site.refs["sealed"]).one()
        session.add(Notice(project_id=project.id, kind=NoticeKind.RESULT, unique_key="x", title="青少年心理辅导结果公告", published_at=utc_now(),
                           facts={"winner": "晨光中心", "price_fen": 99_900_000, "reason": "排名第一"}))
    reindex(site.app)
    page = site.page("/search?kind=notice&q=心理")
    assert titles(page) == ["青少年心理辅导结果公告"]
    assert "99.90" in page
    assert option(page, "status", "result") == (1, False)
    assert titles(site.page("/search?kind=notice&status=result")) == ["青少年心理辅导结果公告"]


def test_help_pages_are_found_too(site: SearchSite) -> None:
    page = site.page("/search?q=核验&kind=help")
    assert titles(page)
    assert 'href="/help' in page


def test_dropping_the_deadline_is_a_way_out(site: SearchSite) -> None:
    page = site.page("/search?kind=project&due=3&budget=100-")
    assert "这些条件下没有结果" in page
    assert titles(site.page(link(page, "不限截止（3 天内）"))) == ["桐浦街道青少年心理辅导"]
    assert titles(site.page(link(page, "不限预算"))) == ["白鹭街道独居老人探访"]


def test_names_are_read_again_after_half_a_minute(site: SearchSite) -> None:
    book, now = NameBook(), utc_now()
    with site.app.app_context():
        assert book.names(db.session(), now).areas[TOWN] == "桐浦街道"
        with transaction() as session:
            session.get_one(Area, TOWN).name = "新桐浦街道"
        assert book.names(db.session(), now + timedelta(seconds=29)).areas[TOWN] == "桐浦街道"
        assert book.names(db.session(), now + timedelta(seconds=31)).areas[TOWN] == "新桐浦街道"
