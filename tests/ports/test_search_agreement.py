"""The engines agree: random documents, changes and requests give the same hits, counts, order and scores as the reference."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.core.searching import (
    NUMBERS,
    Alternative,
    Clause,
    IndexRow,
    Role,
    SearchHits,
    SearchRequest,
    Sort,
    Zone,
    order_of,
)
from marketplace.integrations.memory_index import MemoryIndex
from marketplace.integrations.tantivy import TantivyIndex
from marketplace.integrations.whoosh import WhooshIndex

TOKENS = ("助餐", "=老人", "~人群", "送餐", "a", "b")
VALUES = {"area": ("4406", "440601"), "status": ("open", "sealed")}
SORTS = tuple(sort for sort in Sort if sort != Sort.RELEVANCE)

tokens = st.frozensets(st.sampled_from(TOKENS), max_size=4)


@st.composite
def rows(draw: st.DrawFn) -> IndexRow:
    kind, ref = draw(st.sampled_from(("project", "organization"))), draw(st.sampled_from([f"r{n}" for n in range(12)]))
    title, lead, text = draw(tokens), draw(tokens), draw(tokens)
    return IndexRow(
        kind=kind, ref=ref, stamp=draw(st.sampled_from("xyz")), prior=1 + draw(st.integers(0, 3)) / 400,
        tokens={Zone.TITLE: title, Zone.LEAD: title | lead, Zone.TEXT: title | lead | text, Zone.HEAD: draw(tokens)},
        values={facet: tuple(draw(st.lists(st.sampled_from(values), max_size=2))) for facet, values in VALUES.items()},
        numbers={name: draw(st.integers(0, 4)) for name in NUMBERS if draw(st.booleans())},
        orders={sort: order_of(draw(st.none() | st.integers(0, 2)), draw(st.sampled_from(("x", f"{kind}:{ref}"))))
                for sort in SORTS if draw(st.integers(0, 4))})


@st.composite
def clauses(draw: st.DrawFn) -> Clause:
    alternatives = st.builds(Alternative, st.lists(st.sampled_from(TOKENS), min_size=1, max_size=2).map(tuple), st.sampled_from((0.5, 1.0, 0.0)))
    zones = st.sampled_from(((Zone.TITLE, Zone.LEAD, Zone.TEXT), (Zone.TITLE,), (Zone.HEAD,), (Zone.LEAD, Zone.TEXT)))
    return Clause(tuple(draw(st.lists(alternatives, max_size=3))), draw(st.sampled_from((0.3, 1.0, 2.5))),
                  draw(st.sampled_from((Role.COUNTED, Role.COUNTED, Role.MUST, Role.BONUS, Role.NOT))), draw(zones))


@st.composite
def requests(draw: st.DrawFn) -> SearchRequest:
    some = st.sets
    bounds = st.tuples(st.none() | st.integers(0, 5), st.none() | st.integers(0, 5))
    return SearchRequest(
        clauses=tuple(draw(st.lists(clauses(), max_size=4))), least=draw(st.integers(0, 3)),
        kinds=tuple(draw(some(st.sampled_from(("project", "organization", "help")), max_size=2))),
        filters={facet: tuple(draw(some(st.sampled_from((*values, "none")), max_size=2))) for facet, values in VALUES.items() if draw(st.booleans())},
        ranges=draw(st.dictionaries(st.sampled_from(NUMBERS), bounds, max_size=2)), facets=("area", "status", "fund"),
        bands=tuple(draw(st.lists(st.tuples(st.sampled_from((*NUMBERS, "none")), st.none() | st.integers(0, 5), st.none() | st.integers(0, 5)), max_size=3))),
        sort=draw(st.sampled_from(Sort)), limit=draw(st.integers(0, 7)))


changes = st.lists(st.tuples(st.lists(rows(), max_size=8), st.lists(st.tuples(st.just("project"), st.sampled_from(("r1", "r2", "r99"))), max_size=2),
                             st.booleans()), min_size=1, max_size=4)


@pytest.fixture(params=[WhooshIndex, TantivyIndex], ids=["whoosh", "tantivy"])
def kind_of_engine(request: pytest.FixtureRequest) -> type[WhooshIndex] | type[TantivyIndex]:
    return request.param


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(history=changes, asked=st.lists(requests(), min_size=1, max_size=6))
def test_an_engine_answers_as_the_reference(kind_of_engine: type[WhooshIndex] | type[TantivyIndex], history: list, asked: list[SearchRequest]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        engine, reference = kind_of_engine(folder), MemoryIndex()
        for written, deleted, is_rebuilt in history:
            for one in (engine, reference):
                one.index(written, deleted=deleted)
            if is_rebuilt:
                engine.rebuild(list(reference.rows.values()))
        assert engine.stamps() == reference.stamps()
        assert engine.frequencies(TOKENS) == reference.frequencies(TOKENS)
        for request in asked:
            agree(engine.search(request), reference.search(request), request, reference)
            agree_on_pages(engine, reference, request)
    finally:
        shutil.rmtree(folder)


def agree(found: SearchHits, expected: SearchHits, request: SearchRequest, reference: MemoryIndex) -> None:
    """The same totals and counts; the same order, or under relevance the same scores for hits that really have them."""
    assert (found.total, found.facets, list(found.bands)) == (expected.total, expected.facets, list(expected.bands))
    if request.sort != Sort.RELEVANCE:
        assert list(found.hits) == list(expected.hits)
        return
    assert [hit.place for hit in found.hits] == pytest.approx([hit.place for hit in expected.hits], rel=1e-5)
    places = {(hit.kind, hit.ref): hit.place for hit in reference.search(replace(request, limit=1000, after=None)).hits}
    assert [hit.place for hit in found.hits] == pytest.approx([places[at] for at in found.refs], rel=1e-5)


def agree_on_pages(engine: WhooshIndex | TantivyIndex, reference: MemoryIndex, request: SearchRequest) -> None:
    """Page after page gives every hit once."""
    whole = reference.search(replace(request, limit=1000))
    walked = [hit for page in pages(engine, replace(request, limit=3)) for hit in (hit.cursor.key for hit in page.hits)]
    assert sorted(walked) == sorted(hit.cursor.key for hit in whole.hits)
    if request.sort != Sort.RELEVANCE:
        assert walked == [hit.cursor.key for hit in whole.hits]


def pages(engine: WhooshIndex | TantivyIndex, request: SearchRequest) -> Iterator[SearchHits]:
    while (page := engine.search(request)).hits:
        yield page
        request = replace(request, after=page.hits[-1].cursor)
