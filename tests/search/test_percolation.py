"""One document against many saved searches: the same answer as asking the reference engine each of them."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.publishing import News, PublicDocument
from marketplace.core.searching import Alternative, Clause, IndexRow, Role, SearchRequest, Sort, Zone, holds
from marketplace.integrations.memory_index import MemoryIndex
from marketplace.search.operations import saved
from marketplace.search.queries.alerts import Watch, anybody_watches
from marketplace.search.rules.percolation import Percolator, signs_of
from marketplace.search.rules.saved import COMMITS
from tests.factories import NOW
from tests.factories.saved import make_reader, make_search

TOKENS = st.sampled_from(["助餐", "长者", "服务", "=助餐", "~养老", "a", "b", "c"])
SETS = st.frozensets(TOKENS, max_size=5)
ALTERNATIVES = st.builds(Alternative, tokens=st.lists(TOKENS, max_size=2).map(tuple),
                         factor=st.sampled_from([1.0, 0.5]))
CLAUSES = st.builds(
    Clause, alternatives=st.lists(ALTERNATIVES, max_size=3).map(tuple), weight=st.sampled_from([1.0, 0.15]),
    role=st.sampled_from(list(Role)),
    zones=st.sampled_from([(Zone.TITLE, Zone.LEAD, Zone.TEXT), (Zone.TITLE,), (Zone.HEAD,), (Zone.LEAD, Zone.TEXT)]))
BOUNDS = st.tuples(st.none() | st.integers(0, 5), st.none() | st.integers(0, 5))
REQUESTS = st.builds(
    SearchRequest, clauses=st.lists(CLAUSES, max_size=4).map(tuple), least=st.integers(0, 4),
    kinds=st.lists(st.sampled_from(["project", "notice"]), max_size=2).map(tuple),
    filters=st.dictionaries(st.sampled_from(["area", "kind"]), st.lists(st.sampled_from(["x", "y"]), max_size=2).map(tuple)),
    ranges=st.dictionaries(st.sampled_from(["amount", "published"]), BOUNDS), sort=st.just(Sort.NEWEST), limit=st.just(1000))


@st.composite
def rows(draw):
    title, lead, text = draw(SETS), draw(SETS), draw(SETS)
    key = f"{draw(st.sampled_from(['project', 'notice']))}:{draw(st.integers(0, 999))}"
    kind, ref = key.split(":")
    return IndexRow(
        kind, ref, "s",
        {Zone.TITLE: title, Zone.LEAD: title | lead, Zone.TEXT: title | lead | text, Zone.HEAD: draw(SETS)},
        values=draw(st.dictionaries(st.sampled_from(["area", "kind"]), st.lists(st.sampled_from(["x", "y"]), max_size=2).map(tuple))),
        numbers=draw(st.dictionaries(st.sampled_from(["amount", "published"]), st.integers(0, 5))),
        orders=dict.fromkeys(Sort, 1))


@settings(max_examples=400, deadline=None)
@given(documents=st.lists(rows(), min_size=1, max_size=8, unique_by=lambda row: row.key),
       requests=st.lists(REQUESTS, min_size=1, max_size=12))
def test_percolation_finds_what_the_reference_engine_finds(documents, requests):
    index, percolator = MemoryIndex(), Percolator(dict(enumerate(requests)))
    index.rebuild(documents)
    found = {row.key: set(percolator.match(row)) for row in documents}
    for number, request in enumerate(requests):
        hits = {hit.cursor.key for hit in index.search(request).hits}
        assert hits == {key for key, numbers in found.items() if number in numbers}


@settings(max_examples=200, deadline=None)
@given(row=rows(), requests=st.lists(REQUESTS, max_size=8), gone=st.sets(st.integers(0, 7)))
def test_what_was_forgotten_or_replaced_is_not_found(row, requests, gone):
    percolator = Percolator(dict(enumerate(requests)))
    for number in gone:
        percolator.remove(number)
    assert len(percolator) == len([n for n in range(len(requests)) if n not in gone])
    assert set(percolator.match(row)) == {n for n, one in enumerate(requests) if n not in gone and holds(row, one)}
    for number, request in enumerate(requests):
        percolator.add(number, requests[0] if number else request)
    assert len(percolator.match(row)) in {0, len(requests)}


def clause(*tokens, role=Role.COUNTED):
    return Clause(tuple(Alternative((token,)) for token in tokens), role=role)


def test_a_request_is_filed_under_the_fewest_signs_that_it_allows():
    both = (clause("服务", "项目", "活动"), clause("助餐"))
    assert signs_of(SearchRequest(clauses=both, least=2)) == {("token", "助餐")}
    assert signs_of(SearchRequest(clauses=both, least=1)) == {("token", t) for t in ("服务", "项目", "活动", "助餐")}
    assert signs_of(SearchRequest(clauses=(clause("a", role=Role.MUST), *both), least=2)) == {("token", "a")}
    assert signs_of(SearchRequest(filters={"area": ("x", "y"), "kind": ("project",)})) == {("value:kind", "project")}
    assert signs_of(SearchRequest(clauses=(clause("a", role=Role.NOT),), kinds=("project",))) == {("kind", "project")}
    assert signs_of(SearchRequest(clauses=both, least=3)) == frozenset(), "more than there is: never"
    assert signs_of(SearchRequest(ranges={"amount": (1, 2)})) == {("", "")}, "wakes for everything"


def watch(session, compiled):
    """A watch that counts what it compiles."""
    def compile_(question):
        compiled.append(question.text)
        return SearchRequest(clauses=(clause(question.text),), least=1)

    made = Watch()

    def refresh(language="one", now=NOW):
        session.flush()
        made.refresh(session, compile_, language=language, now=now)
        return made

    return refresh


def news(at, **more):
    return PublicDocument(**{"kind": "project", "ref": "p", "title": "长者助餐", **more}, news=(News("new", at),))


def versions(watch, at=NOW):
    return {search_id: one.version for search_id, one in watch.match(ROW, news(at)).items()}


ROW = IndexRow("project", "p", "s", dict.fromkeys((Zone.TITLE, Zone.LEAD, Zone.TEXT), frozenset({"助餐", "长者"})))


def test_a_watch_compiles_a_question_once_however_many_ask_it(session):
    for number in range(3):
        make_search(session, make_reader(session, name=f"读者{number}"))
    compiled: list[str] = []
    refresh = watch(session, compiled)
    assert len(refresh().match(ROW, news(NOW))) == 3
    refresh()
    assert compiled == ["助餐"]
    assert len(refresh(language="another").match(ROW, news(NOW))) == 3
    assert compiled == ["助餐", "助餐"], "another dictionary: compiled anew"


def test_a_watch_sees_each_change_and_leaves_the_rest_alone(session):
    person = make_reader(session)
    first, second = make_search(session, person), make_search(session, person, "q=长者", name="长者")
    compiled: list[str] = []
    refresh = watch(session, compiled)
    assert set(refresh().match(ROW, news(NOW))) == {first.id, second.id}
    from tests.factories.accounts import actor_of

    actor = actor_of(session, person)
    saved.pause_search(session, actor=actor, search=first, now=NOW)
    assert versions(refresh()) == {second.id: 1}
    saved.resume_search(session, actor=actor, search=first, now=NOW)
    assert versions(refresh(), NOW + timedelta(seconds=1)) == {first.id: 3, second.id: 1}
    assert versions(refresh(), NOW - COMMITS) == {second.id: 1}, "news older than the search are not told"
    saved.end_search(session, actor=actor, search=second, now=NOW)
    assert versions(refresh(), NOW - COMMITS) == {}
    assert anybody_watches(session, NOW + timedelta(seconds=1))
    assert not anybody_watches(session, NOW - COMMITS), "the one that is left was resumed at NOW"
    assert compiled == ["助餐", "长者", "助餐"]


def test_a_notice_that_repeats_its_project_is_told_to_those_who_ask_for_notices(session):
    person = make_reader(session)
    everything, notices = make_search(session, person), make_search(session, person, "q=助餐&kind=notice", name="公告")
    refresh = watch(session, [])
    echo, result = news(NOW, kind="notice", status="selection"), news(NOW, kind="notice", status="result")
    assert set(refresh().match(ROW, echo)) == {notices.id}
    assert set(refresh().match(ROW, result)) == {everything.id, notices.id}


def test_questions_bound_to_the_day_are_read_anew_each_day(session):
    make_search(session, make_reader(session), "q=本周")
    days: list[object] = []
    made = Watch()

    def compile_(question):
        days.append(question.text)
        return SearchRequest(ranges={"published": (0, 10)})

    for now in (NOW, NOW + timedelta(hours=1), NOW + timedelta(days=1)):
        made.refresh(session, compile_, language="one", now=now)
    assert days == ["本周", "本周"]


@pytest.mark.parametrize("count", [40])
def test_through_the_real_language_the_engine_of_the_site_says_the_same(ctx, count):
    """Published projects and saved questions of all kinds: percolation, MemoryIndex and the site's engine agree."""
    from marketplace.search.queries.languages import language_of
    from marketplace.search.queries.upkeep import all_documents
    from marketplace.search.rules.rows import row_of
    from marketplace.search.rules.saved import question_at, watched
    from marketplace.web.services import public_sources, services
    from tests.factories.projects import make_desk, make_published

    titles = ("长者助餐服务", "困难家庭探访", "青少年托管", "社区调解与普法", "残障人士康复", "志愿者培力")
    with transaction() as session:
        desk = make_desk(session)
        for number in range(count):
            make_published(session, desk, title=f"{titles[number % len(titles)]}{number}", body=titles[number % 5])
    now = utc_now()
    language = language_of(db.session(), services(), "")
    documents = [d for d in all_documents(db.session(), public_sources()) if d.kind == "project"]
    index = [row_of(document, language, now) for document in documents]
    reference, engine = MemoryIndex(), services().search_index
    reference.rebuild(index)
    engine.rebuild(index)
    questions = ["q=助餐", "q=老人食堂", "q=长者 -助餐", "q=%22困难家庭%22", "q=助餐 50万以下", "q=調解", "q=托管&kind=project", "area=440605",
                 "category=A04", "max=400000", "min=400000", "q=服务", "q=上海 助餐", "q=zhucan", "kind=notice", "q=2026年"]
    requests = {one: watched(question_at(one), language, now) for one in questions}
    percolator = Percolator(requests)
    found = {row.key: set(percolator.match(row)) for row in index}
    counts = {}
    for one, request in requests.items():
        wide = SearchRequest(**{**request.__dict__, "limit": 1000})
        expected = {key for key, names in found.items() if one in names}
        assert {hit.cursor.key for hit in reference.search(wide).hits} == expected, one
        assert {hit.cursor.key for hit in engine.search(wide).hits} == expected, one
        counts[one] = len(expected)
    assert counts["q=助餐"] > 0
    assert counts["max=400000"] == count
    assert counts["min=400000"] == counts["q=上海 助餐"] == 0
