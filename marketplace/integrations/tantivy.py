"""SearchIndex by tantivy (MIT): the same tokens and sums as the embedded index, for one large machine.

Every sum is made of constants, in 32-bit floats: documents whose scores differ by less count as equal and are ordered
by key. A writer lives as long as one batch, so that several processes can take turns.
"""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from itertools import groupby
from pathlib import Path
from typing import Any

import tantivy
from tantivy import Document, FieldType, Occur, Order, Query

from marketplace.core.ports import LateChanges
from marketplace.core.searching import (
    NUMBERS,
    ZONE_WEIGHTS,
    Clause,
    Cursor,
    Hit,
    IndexRow,
    Role,
    SearchHits,
    SearchRequest,
    Sort,
    Zone,
    order_of,
)
from marketplace.integrations.generations import Generations, as_oserror

BATCH_BYTES, REBUILD_BYTES = 32_000_000, 128_000_000     # memory of a writer
MOST_VALUES = 60_000             # different values of one facet (the engine's own limit is 65,000)
SPARE_HITS = 16                  # fetched beyond a page, for equal places at its end
READ, WRITTEN = "read", "written"
_META = "meta.json"
Subqueries = list[tuple[Occur, Query]]


def _schema() -> tantivy.Schema:
    """Return the fields: keys, tokens by zone, exact values as paths of one object, numbers, places, prior."""
    builder = tantivy.SchemaBuilder()
    for name in ("key", "kind", *Zone):
        builder.add_text_field(str(name), stored=name == "key", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("stamp", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_json_field("values", tokenizer_name="raw", index_option="basic", fast=True)
    for name in NUMBERS:
        builder.add_integer_field(f"number_{name}", indexed=True, fast=True)
    for sort in Sort:
        builder.add_integer_field(f"order_{sort}", indexed=True, fast=True)
    builder.add_float_field("prior", fast=True)
    return builder.build()


SCHEMA = _schema()


def _document(row: IndexRow) -> Document:
    """Return what is written for one document."""
    fields: dict[str, Any] = {zone.value: list(held) for zone, held in row.tokens.items() if held}
    fields |= {f"number_{name}": row.numbers[name] for name in NUMBERS if name in row.numbers}
    last = order_of(None, row.key)
    fields |= {f"order_{sort}": row.orders.get(sort, last) for sort in Sort if sort != Sort.RELEVANCE}
    if values := {name: list(dict.fromkeys(given)) for name, given in row.values.items() if given}:
        fields["values"] = values
    made = Document()
    made.extend({**fields, "key": row.key, "kind": row.kind, "stamp": row.stamp, "prior": _weight(row.prior)}, SCHEMA)
    return made


def _weight(prior: float) -> float:
    """Return the number by which the engine multiplies a score with `prior`: it takes log2(2 + number)."""
    return float(2.0**prior - 2.0)


class TantivyIndex:
    """Generations of tantivy indexes in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._generations = Generations(folder)
        self._lock = threading.Lock()
        self._opened: tuple[Path, tuple[int, int, int], tantivy.Index, tantivy.Searcher] | None = None

    # ---- writing ----

    def writing(self) -> AbstractContextManager[None]:
        """Keep other writers out."""
        return self._generations.writing.held()

    def index(self, rows: Iterable[IndexRow], *, deleted: Iterable[tuple[str, str]] = ()) -> None:
        """Write one batch."""
        with _as_oserror(WRITTEN), self.writing():
            _write(self._generations.current() or self._begin(), rows, deleted)

    def _begin(self) -> Path:
        """Make a first, empty generation."""
        with self._generations.building.held():
            folder = self._make("")
            self._generations.use(folder)
            return folder

    def _make(self, label: str) -> Path:
        """Make an empty generation."""
        folder = self._generations.make(label)
        tantivy.Index(SCHEMA, path=str(folder))
        return folder

    def rebuild(self, rows: Iterable[IndexRow], *, label: str = "", late: LateChanges | None = None) -> int:
        """Build a new generation and switch to it; readers of the old one finish undisturbed."""
        with _as_oserror(WRITTEN), self._generations.building.held():
            folder = self._make(label)
            try:
                _write(folder, rows, (), memory=REBUILD_BYTES, fresh=True)
                with self._generations.writing.held():
                    if late is not None:
                        _write(folder, *late())
                    self._generations.use(folder)
            except BaseException:
                self._generations.forget(folder)
                raise
        return self.size()

    def clear(self) -> None:
        """Switch to an empty generation."""
        label = ""
        with contextlib.suppress(OSError):
            label = self.label()
        self.rebuild((), label=label)

    # ---- reading ----

    def search(self, request: SearchRequest) -> SearchHits:
        """Return one page of hits, the exact total, the exact counts."""
        with _as_oserror(READ):
            searcher = self._newest()
            spoken, chosen = _spoken(request), _chosen(request)
            query = _both(spoken, chosen.values())
            total = _count(searcher, query)
            hits = _page(searcher, query, request) if total and request.limit > 0 else []
            return SearchHits(hits, total, _facets(searcher, spoken, chosen, request))

    def frequencies(self, tokens: Iterable[str]) -> Mapping[str, int]:
        """Return in how many documents each token stands."""
        with _as_oserror(READ):
            searcher = self._newest()
            return {token: _count(searcher, _term(Zone.TEXT, token)) for token in tokens}

    def size(self) -> int:
        """Return how many documents there are."""
        with _as_oserror(READ):
            return self._newest().num_docs

    def label(self) -> str:
        """Return what the rows in use were made with."""
        with _as_oserror(READ):
            return self._generations.label()

    def stamps(self, keys: Iterable[tuple[str, str]] | None = None) -> Mapping[tuple[str, str], str]:
        """Return the fingerprints of what the index holds."""
        query = Query.all_query() if keys is None else _any_of("key", (f"{kind}:{ref}" for kind, ref in keys))
        with _as_oserror(READ):
            searcher = self._newest()
            if not searcher.num_docs:
                return {}
            found = (searcher.doc(at) for _, at in searcher.search(query, limit=searcher.num_docs, count=False).hits)
            return {_apart(document["key"][0]): document["stamp"][0] for document in found}

    def _newest(self) -> tantivy.Searcher:
        """Return a searcher of the index as the last commit of whatever process left it.

        Once more when another generation took the place of the one in use meanwhile.
        """
        folder = self._generations.demand()
        try:
            return self._searcher(folder)
        except Exception:
            if self._generations.current() == folder:
                raise
        return self._searcher(self._generations.demand())

    def _searcher(self, folder: Path) -> tantivy.Searcher:
        """Return a searcher of the last commit in a generation."""
        stat = (folder / _META).stat()
        commit = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        kept = self._opened
        if kept is not None and kept[:2] == (folder, commit):
            return kept[3]
        with self._lock:
            kept = self._opened
            if kept is None or kept[:2] != (folder, commit):
                kept = self._opened = (folder, commit, *self._open(folder, kept))
            return kept[3]

    def _open(self, folder: Path, kept: tuple[Any, ...] | None) -> tuple[tantivy.Index, tantivy.Searcher]:
        """Open a generation, or the newest commit of the one that is open."""
        if kept is not None and kept[0] == folder:
            opened: tantivy.Index = kept[2]
        else:
            opened = tantivy.Index.open(str(folder))
            opened.config_reader("manual")
        opened.reload()
        return opened, opened.searcher()


def _write(folder: Path, rows: Iterable[IndexRow], deleted: Iterable[tuple[str, str]], *,
           memory: int = BATCH_BYTES, fresh: bool = False) -> None:
    """Write one commit: what was there under the same keys goes. `fresh`: nothing is there yet."""
    writer = tantivy.Index.open(str(folder)).writer(memory, 1)
    try:
        for kind, ref in deleted:
            writer.delete_documents_by_term("key", f"{kind}:{ref}")
        for row in rows:
            if not fresh:
                writer.delete_documents_by_term("key", row.key)
            writer.add_document(_document(row))
        writer.commit()
    except BaseException:
        with contextlib.suppress(Exception):
            writer.rollback()
        raise
    finally:
        writer.wait_merging_threads()


def _apart(key: str) -> tuple[str, str]:
    """Return kind and ref of a key."""
    kind, _, ref = key.partition(":")
    return kind, ref


# ---- queries ----


def _term(field: str, value: str) -> Query:
    """Return the query for one token or value."""
    return Query.term_query(SCHEMA, str(field), value, index_option="basic")


def _silent(query: Query) -> Query:
    """Return a query that only lets through and adds nothing."""
    return Query.const_score_query(query, 0.0)


def _clause(clause: Clause) -> Query | None:
    """Return a clause as the best of its constants; None when nothing could satisfy it."""
    found = []
    for alternative in clause.alternatives:
        terms = dict.fromkeys(alternative.tokens)
        for zone in clause.zones:
            value = clause.weight * (alternative.factor * ZONE_WEIGHTS.get(zone, 1.0))
            if terms and value > 0:
                parts: Subqueries = [(Occur.Must, _term(zone, token)) for token in terms]
                whole = parts[0][1] if len(parts) == 1 else Query.boolean_query(parts)
                found.append(Query.const_score_query(whole, value))
    return Query.disjunction_max_query(found) if len(found) > 1 else found[0] if found else None


def _spoken(request: SearchRequest) -> Query:
    """Return what the clauses demand and are worth."""
    parts: Subqueries = [(Occur.Must, _silent(Query.all_query()))]
    counted: Subqueries = []
    for clause in request.clauses:
        if (query := _clause(clause)) is None:
            if clause.role == Role.MUST:
                return Query.empty_query()
        elif clause.role == Role.COUNTED and request.least > 0:
            counted.append((Occur.Should, query))
        else:
            parts.append((_OCCURS[clause.role], query))
    if request.least > len(counted):
        return Query.empty_query()
    if counted:
        parts[0] = (Occur.Must, Query.boolean_query(counted, minimum_number_should_match=request.least))
    return Query.boolean_query(parts)


_OCCURS: Mapping[Role, Occur] = {Role.MUST: Occur.Must, Role.NOT: Occur.MustNot, Role.BONUS: Occur.Should,
                                 Role.COUNTED: Occur.Should}


def _chosen(request: SearchRequest) -> dict[str, Query]:
    """Return the filters by facet; kinds and ranges together under no name."""
    rest = [_any_of("kind", request.kinds)] if request.kinds else []
    rest += [_within(name, *bounds) for name, bounds in request.ranges.items() if bounds != (None, None)]
    found = {f: _any_of(f"values.{f}", values) for f, values in request.filters.items() if values}
    return {**found, "": Query.boolean_query([(Occur.Must, one) for one in rest])} if rest else found


def _any_of(field: str, values: Iterable[str]) -> Query:
    """Return the query for any of some values."""
    return Query.term_set_query(SCHEMA, field, list(values))


def _within(name: str, start: int | None, end: int | None) -> Query:
    """Return the query for a number in [start, end)."""
    if name not in NUMBERS:
        return Query.empty_query()
    return Query.range_query(SCHEMA, f"number_{name}", FieldType.Integer, lower_bound=start, upper_bound=end,
                             include_upper=end is None)


def _both(spoken: Query, filters: Iterable[Query]) -> Query:
    """Return a query narrowed by filters."""
    parts: Subqueries = [(Occur.Must, _silent(one)) for one in filters]
    return Query.boolean_query([(Occur.Must, spoken), *parts]) if parts else spoken


# ---- answers ----


def _count(searcher: tantivy.Searcher, query: Query) -> int:
    """Count the hits."""
    anything = f"order_{Sort.NEWEST}"       # any order but by score: nothing is added up then
    found = searcher.search(query, limit=1, order_by_field=anything)
    return int(found.count)  # type: ignore[attr-defined] # the stubs forget it


def _facets(searcher: tantivy.Searcher, spoken: Query, chosen: Mapping[str, Query],
            request: SearchRequest) -> dict[str, dict[str, int]]:
    """Count the values of each facet, leaving out what was chosen in it."""
    free = [name for name in request.facets if name not in chosen]
    counts = _counts(searcher, _both(spoken, chosen.values()), free)
    for name in request.facets:
        if name in chosen:
            counts |= _counts(searcher, _both(spoken, (one for key, one in chosen.items() if key != name)), [name])
    return {name: counts[name] for name in request.facets}


def _counts(searcher: tantivy.Searcher, query: Query, names: Iterable[str]) -> dict[str, dict[str, int]]:
    """Count the values of some facets under one query."""
    asked = {name: {"terms": {"field": f"values.{name}", "size": MOST_VALUES}} for name in names}
    found = searcher.aggregate(query, asked) if asked else {}
    return {name: {one["key"]: one["doc_count"] for one in found[name]["buckets"]} for name in asked}


def _page(searcher: tantivy.Searcher, query: Query, request: SearchRequest) -> list[Hit]:
    """Return the first hits after the cursor; fetches more while equal places reach over the end of what it has."""
    most = request.limit + SPARE_HITS
    while True:
        found = _fetch(searcher, query, request, min(most, searcher.num_docs))
        is_all = len(found) < most
        sure = found if is_all else [one for one in found if one[0] < found[-1][0]]
        hits = _in_order(searcher, sure, request.after, request.limit)
        if is_all or len(hits) == request.limit:
            return hits
        most *= 4


def _fetch(searcher: tantivy.Searcher, query: Query, request: SearchRequest, most: int) -> list[tuple[float, Any]]:
    """Return (place, address) of the first hits, by place."""
    if request.sort == Sort.RELEVANCE:
        return [(-score, at) for score, at in searcher.search(query, most, count=False, weight_by_field="prior").hits]
    name = f"order_{request.sort}"
    if request.after is not None:
        query = _both(query, [Query.range_query(SCHEMA, name, FieldType.Integer, lower_bound=int(request.after.place))])
    return searcher.search(query, most, count=False, order_by_field=name, order=Order.Asc).hits


def _in_order(searcher: tantivy.Searcher, found: list[tuple[float, Any]], after: Cursor | None,
              limit: int) -> list[Hit]:
    """Return the first hits after the cursor, those with equal places by key."""
    hits: list[Hit] = []
    for place, equal in groupby(found, key=lambda one: one[0]):
        if after is not None and place < after.place:
            continue
        keys = sorted(searcher.doc(at)["key"][0] for _, at in equal)
        hits += [Hit(*_apart(key), place) for key in keys if after is None or (place, key) > (after.place, after.key)]
        if len(hits) >= limit:
            break
    return hits[:limit]


@contextlib.contextmanager
def _as_oserror(doing: str) -> Iterator[None]:
    """Turn the engine's errors and panics (they are no Exception) into OSError with a sentence."""
    with as_oserror(doing):
        try:
            yield
        except BaseException as broken:
            if type(broken).__name__ == "PanicException":
                raise RuntimeError(str(broken)) from broken
            raise
