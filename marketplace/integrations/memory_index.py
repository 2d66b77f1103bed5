"""SearchIndex in plain Python: the reference that the engines are tested against, and the index of small tests."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager

from marketplace.core.ports import LateChanges
from marketplace.core.searching import (
    Cursor,
    Hit,
    IndexRow,
    PackedRow,
    SearchHits,
    SearchRequest,
    Sort,
    Zone,
    chosen,
    in_band,
    order_of,
    plain,
    said,
    score_of,
)


class MemoryIndex:
    """A dictionary of rows; answers by looking at every one."""

    def __init__(self) -> None:
        self.rows: dict[str, IndexRow] = {}
        self._label = ""
        self._lock = threading.RLock()

    def writing(self) -> AbstractContextManager[object]:
        """Keep other threads out."""
        return self._lock

    def index(self, rows: Iterable[IndexRow], *, deleted: Iterable[tuple[str, str]] = ()) -> None:
        """Write one batch."""
        for kind, ref in deleted:
            self.rows.pop(f"{kind}:{ref}", None)
        for row in rows:
            self.rows[row.key] = row

    def search(self, request: SearchRequest) -> SearchHits:
        """Return one page of hits, the total and the counts."""
        spoken = [row for row in self.rows.values() if said(row, request)]
        found = [(self._place(row, request), row.key, row) for row in spoken if chosen(row, request)]
        found.sort(key=lambda one: one[:2])
        page = [one for one in found if _is_after(one[:2], request.after)][:request.limit]
        return SearchHits(hits=[Hit(row.kind, row.ref, place) for place, _, row in page], total=len(found),
                          facets={facet: self._count(facet, spoken, request) for facet in request.facets},
                          bands=[sum(in_band(row, band) for _, _, row in found) for band in request.bands])

    def _place(self, row: IndexRow, request: SearchRequest) -> float:
        """Return the place of a hit in the order asked for."""
        if request.sort == Sort.RELEVANCE:
            return -score_of(row, request)
        return row.orders[request.sort] if request.sort in row.orders else order_of(None, row.key)

    def _count(self, facet: str, spoken: Sequence[IndexRow], request: SearchRequest) -> dict[str, int]:
        """Count the values of a facet."""
        return dict(Counter(value for row in spoken if chosen(row, request, but=facet)
                            for value in set(row.values.get(facet, ()))))

    def frequencies(self, tokens: Iterable[str]) -> Mapping[str, int]:
        """Return in how many documents each token stands."""
        return {token: sum(token in row.tokens.get(Zone.TEXT, ()) for row in self.rows.values()) for token in tokens}

    def size(self) -> int:
        """Return how many documents there are."""
        return len(self.rows)

    def packed(self, row: IndexRow) -> IndexRow:
        """Return the row."""
        return row

    def rebuild(self, rows: Iterable[IndexRow | PackedRow], *, label: str = "", late: LateChanges | None = None) -> int:
        """Begin anew."""
        self.rows = {row.key: row for row in map(plain, rows)}
        self._label = label
        if late is not None:
            changed, gone = late()
            self.index(changed, deleted=gone)
        return len(self.rows)

    def label(self) -> str:
        """Return what the rows were made with."""
        return self._label

    def clear(self) -> None:
        """Forget everything."""
        self.rebuild((), label=self._label)

    def stamps(self, keys: Iterable[tuple[str, str]] | None = None) -> Mapping[tuple[str, str], str]:
        """Return the fingerprints."""
        wanted = None if keys is None else set(keys)
        return {(row.kind, row.ref): row.stamp for row in self.rows.values()
                if wanted is None or (row.kind, row.ref) in wanted}


def _is_after(place: tuple[float, str], cursor: Cursor | None) -> bool:
    """Say whether a hit comes after the end of the last page."""
    return cursor is None or place > (cursor.place, cursor.key)
