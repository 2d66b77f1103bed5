"""SearchIndex by tantivy (MIT): the same tokens and sums as the embedded index, for one large machine.

Every sum is made of constants, in 32-bit floats: documents whose scores differ by less count as equal and are ordered
by key. A writer lives as long as one batch, so that several processes can take turns.
"""

import contextlib
import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from pathlib import Path
from typing import Any

import tantivy
from tantivy import FieldType, Order, Query

from marketplace.core.ports import LateChanges
from marketplace.core.searching import (
    NUMBERS,
    Band,
    Cursor,
    Hit,
    IndexRow,
    PackedRow,
    SearchHits,
    SearchRequest,
    Sort,
    Zone,
    order_of,
)
from marketplace.integrations.generations import Generations, as_oserror
from marketplace.integrations.tantivy_query import (
    SCHEMA,
    SLOTS,
    any_of,
    both,
    chosen,
    demanded,
    slot,
    slots,
    spelled,
    term,
    valued,
    words,
)

BATCH_BYTES, REBUILD_BYTES = 32_000_000, 192_000_000     # memory of a writer
MOST_VALUES = 60_000             # different values of one facet (the engine's own limit is 65,000)
MOST_COUNTED = 50_000            # tokens whose frequency is kept for the searcher in use
SPARE_HITS = 80                    # fetched beyond a page, for equal places at its end: each new fetch adds up anew
READ, WRITTEN = "read", "written"
_META = "meta.json"
_ALL, _BAND, _INSIDE = " all", " band ", " in"      # no column is called so
Facets = dict[str, dict[str, int]]
Columns = dict[str, list[str]]       # facet -> the columns that hold its values


def _text(row: IndexRow | PackedRow) -> str:
    """Return what is written for one document, as JSON: the engine reads that faster than objects of Python."""
    if isinstance(row, PackedRow):
        return row.text
    fields: dict[str, Any] = {zone.value: words(held) for zone, held in row.tokens.items() if held}
    fields |= {f"number_{name}": row.numbers[name] for name in NUMBERS if name in row.numbers}
    last = order_of(None, row.key)
    fields |= {f"order_{sort}": row.orders.get(sort, last) for sort in Sort if sort != Sort.RELEVANCE}
    if values := {name: list(dict.fromkeys(given)) for name, given in row.values.items() if given}:
        fields |= {"values": values, "slots": slots(values)}
    return json.dumps({**fields, "key": row.key, "kind": row.kind, "stamp": row.stamp, "prior": _weight(row.prior)},
                      ensure_ascii=False)


def _weight(prior: float) -> float:
    """Return the number by which the engine multiplies a score with `prior`: it takes log2(2 + number)."""
    return float(2.0**prior - 2.0)


class TantivyIndex:
    """Generations of tantivy indexes in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._generations = Generations(folder)
        self._lock = threading.Lock()
        self._counted: tuple[tantivy.Searcher | None, dict[str, int]] = (None, {})
        self._held: tuple[tantivy.Searcher | None, Columns] = (None, {})
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

    def packed(self, row: IndexRow) -> PackedRow:
        """Return a row as it is written."""
        return PackedRow(_text(row))

    def rebuild(self, rows: Iterable[IndexRow | PackedRow], *, label: str = "", late: LateChanges | None = None) -> int:
        """Build a new generation and switch to it; readers of the old one finish undisturbed."""
        with _as_oserror(WRITTEN), self._generations.building.held():
            folder = self._make(label)
            try:
                _fill(folder, rows)
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
        self.rebuild((), label=self._generations.known_label())

    # ---- reading ----

    def search(self, request: SearchRequest) -> SearchHits:
        """Return one page of hits, the exact total, the exact counts."""
        with _as_oserror(READ):
            searcher = self._newest()
            wish, filters = demanded(request), chosen(request)
            total, facets, bands = _counted(searcher, wish, filters, request, self._columns(searcher, request.facets))
            if not total or request.limit < 1:
                return SearchHits([], total, facets, bands)
            is_ranked = request.sort == Sort.RELEVANCE
            query = valued(request, filters.values()) if is_ranked else both(wish, filters.values())
            return SearchHits(_page(searcher, query, request), total, facets, bands)

    def frequencies(self, tokens: Iterable[str]) -> Mapping[str, int]:
        """Return in how many documents each token stands."""
        with _as_oserror(READ):
            searcher = self._newest()
            return {token: self._frequency(searcher, token) for token in tokens}

    def _frequency(self, searcher: tantivy.Searcher, token: str) -> int:
        """Return in how many documents a token stands; common ones are asked for again and again."""
        kept, counts = self._counted
        if kept is not searcher or len(counts) > MOST_COUNTED:
            counts = {}
            self._counted = (searcher, counts)
        if token not in counts:
            counts[token] = _count(searcher, term(Zone.TEXT, token))
        return counts[token]

    def _columns(self, searcher: tantivy.Searcher, facets: Iterable[str]) -> Columns:
        """Return the columns that hold values of some facets; looked for once in each state of the index."""
        kept, columns = self._held
        if kept is not searcher:
            columns = {}
            self._held = (searcher, columns)
        for name in facets:
            if name not in columns:
                asked = {slot(name, number): {"value_count": {"field": f"slots.{slot(name, number)}"}}
                         for number in range(SLOTS)}
                found = searcher.aggregate(Query.all_query(), asked)
                columns[name] = [one for one in asked if found[one]["value"]]
        return columns

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
        query = Query.all_query() if keys is None else any_of("key", (f"{kind}:{ref}" for kind, ref in keys))
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
            opened = _index_in(folder)
            opened.config_reader("manual")
        opened.reload()
        return opened, opened.searcher()


def _write(folder: Path, rows: Iterable[IndexRow], deleted: Iterable[tuple[str, str]]) -> None:
    """Write one commit: what was there under the same keys goes."""
    with _writer(folder, BATCH_BYTES) as writer:
        for kind, ref in deleted:
            writer.delete_documents_by_term("key", f"{kind}:{ref}")
        for row in rows:
            writer.delete_documents_by_term("key", row.key)
            writer.add_json(_text(row))


def _fill(folder: Path, rows: Iterable[IndexRow | PackedRow]) -> None:
    """Write the first commit of an empty generation."""
    with _writer(folder, REBUILD_BYTES) as writer:
        for row in rows:
            writer.add_json(_text(row))


@contextlib.contextmanager
def _writer(folder: Path, memory: int) -> Iterator[tantivy.IndexWriter]:
    """Yield a writer of a generation; commits at the end."""
    writer = _index_in(folder).writer(memory, 1)
    try:
        yield writer
        writer.commit()
    except BaseException:
        with contextlib.suppress(Exception):
            writer.rollback()
        raise
    finally:
        writer.wait_merging_threads()


def _index_in(folder: Path) -> tantivy.Index:
    """Open a generation; raises ValueError with a sentence for one that an older version of this product wrote."""
    opened = tantivy.Index.open(str(folder))
    if opened.schema != SCHEMA:
        msg = "an older version wrote it; `flask search rebuild` makes it anew"
        raise ValueError(msg)
    return opened


def _apart(key: str) -> tuple[str, str]:
    """Return kind and ref of a key."""
    kind, _, ref = key.partition(":")
    return kind, ref


def _count(searcher: tantivy.Searcher, query: Query) -> int:
    """Count the hits."""
    found = searcher.search(query, limit=1, order_by_field=f"order_{Sort.NEWEST}")   # no score: no sums
    return int(found.count)  # type: ignore[attr-defined] # the stubs forget it


def _counted(searcher: tantivy.Searcher, wish: Query, filters: Mapping[str, Query], request: SearchRequest,
             columns: Columns) -> tuple[int, Facets, list[int]]:
    """Count all hits, the values of each facet, leaving out what was chosen in it, and the hits in each band.

    One walk: where something was chosen in a facet, along what holds the words, with the choices looked at beside.
    """
    chosen_in = [name for name in request.facets if name in filters]
    inner = _wanted([name for name in request.facets if name not in filters], columns, request.bands)
    if not chosen_in:
        counted = {_ALL: searcher.aggregate(both(wish, filters.values()), inner)}
    else:
        told = {name: spelled(name, request.filters[name]) for name in filters if name}
        asked = {name: _where((one for key, one in told.items() if key != name), _wanted([name], columns))
                 for name in chosen_in} | {_ALL: _where(told.values(), inner)}
        found = searcher.aggregate(both(wish, (one for name, one in filters.items() if not name)), asked)
        counted = {name: _inside(one) for name, one in found.items()}
    buckets = {name: one["buckets"] for found in counted.values() for name, one in found.items() if "buckets" in one}
    bands = [sum(one["doc_count"] for one in buckets.get(_BAND + str(number), ())
                 if _bounds(one.get("from"), one.get("to")) == _bounds(*bounds))
             for number, (_, *bounds) in enumerate(request.bands)]
    facets = {name: _added(buckets[column] for column in columns[name]) for name in request.facets}
    return int(counted[_ALL][_ALL]["value"]), facets, bands


def _wanted(facets: Iterable[str], columns: Columns, bands: Sequence[Band] = ()) -> dict[str, Any]:
    """Return how to count hits, the values of some facets in them, and those in some bands."""
    asked: dict[str, Any] = {column: {"terms": {"field": f"slots.{column}", "size": MOST_VALUES}}
                             for name in facets for column in columns[name]}
    asked |= {_BAND + str(number): {"range": {"field": f"number_{name}", "ranges": [_bounds(*bounds)]}}
              for number, (name, *bounds) in enumerate(bands) if name in NUMBERS}
    return {**asked, _ALL: {"value_count": {"field": f"order_{Sort.NEWEST}"}}}       # every document has one


def _where(conditions: Iterable[str], asked: dict[str, Any]) -> dict[str, Any]:
    """Return how to count where some conditions hold, one inside the other: quicker than all at once."""
    wrapped = {"filter": "*", "aggs": asked}
    for condition in conditions:
        wrapped = {"filter": condition, "aggs": asked if wrapped["filter"] == "*" else {_INSIDE: wrapped}}
    return wrapped


def _inside(found: dict[str, Any]) -> dict[str, Any]:
    """Return what was counted where all conditions hold."""
    while _INSIDE in found:
        found = found[_INSIDE]
    return {name: one for name, one in found.items() if isinstance(one, dict)}


def _bounds(start: float | None, end: float | None) -> dict[str, float]:
    """Return a range as the engine knows it; it answers with what lies before and after, too."""
    return {name: bound for name, bound in (("from", start), ("to", end)) if bound is not None}


def _added(columns: Iterable[Sequence[Mapping[str, Any]]]) -> dict[str, int]:
    """Add up the counts of a facet's columns; each value of a document stands in one of them."""
    counts: dict[str, int] = {}
    for column in columns:
        for one in column:
            counts[one["key"]] = counts.get(one["key"], 0) + one["doc_count"]
    return counts


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
        query = both(query, [Query.range_query(SCHEMA, name, FieldType.Integer, lower_bound=int(request.after.place))])
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
