"""SearchIndex by Whoosh (BSD-2-Clause, maintained fork whoosh-reloaded): embedded, one writer, thrown away at will.

Whoosh keeps the postings and the facts; integrations/columns.py adds up and sorts. Tokens come ready-made. Posting
blocks are pickles: the folder must be as private as the database.
"""

import contextlib
import itertools
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from whoosh import fields, formats, reading
from whoosh import index as whoosh

from marketplace.core.ports import LateChanges
from marketplace.core.searching import IndexRow, PackedRow, SearchHits, SearchRequest, Zone, plain
from marketplace.integrations import columns
from marketplace.integrations.generations import LOCK_SECONDS, Generations, as_oserror
from marketplace.integrations.whoosh_writing import TermCodec, TermPool

MOST_SEGMENTS = 8                # more of them slow a search down; then the writer merges the smallest
MERGED_AT_ONCE = 6
REBUILT_AT_ONCE = 10_000         # documents of one segment while rebuilding: bounds the writer's memory (about 150 MB)
CACHED_IDS = 16_000_000          # document numbers of postings kept decoded (64 MB)
READ, WRITTEN = "read", "written"
_ATTEMPTS = 5
_TOC = "_MAIN_"                  # how Whoosh begins the names of its tables of contents


class Tokens(fields.FieldType):  # type: ignore[misc]
    """A field of ready-made tokens: only whether a token is there."""

    def __init__(self) -> None:
        super().__init__(formats.Existence(), None)

    def index(self, value: Iterable[str], **_more: object) -> Iterator[tuple[bytes, int, float, bytes]]:
        """Yield the terms as they are."""
        return ((token.encode(), 1, 1.0, b"") for token in value)


def _schema() -> fields.Schema:
    """Return the fields: one of tokens for each zone, the facts."""
    return fields.Schema(facts=fields.STORED, **{zone.value: Tokens() for zone in Zone})


def _fields(row: IndexRow) -> dict[str, object]:
    """Return what is written for one document."""
    tokens = {zone.value: held for zone, held in row.tokens.items() if held}
    return {"facts": columns.facts_of(row), **tokens}


class PostingCache:
    """The documents of the tokens asked for last, of all segments, bounded by their number."""

    def __init__(self, most: int = CACHED_IDS) -> None:
        self._most, self._held = most, 0
        self._kept: OrderedDict[tuple[str, Zone, str], columns.Ids] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, Zone, str], read: Callable[[], columns.Ids]) -> columns.Ids:
        """Return the documents under a key, read now if they are not kept."""
        with self._lock:
            if (found := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return found
        found = read()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = found
                self._held += len(found) + 16        # an entry costs something even when it is empty
            while self._held > self._most:
                self._held -= len(self._kept.popitem(last=False)[1]) + 16
        return found


class Segment:
    """One written part of the index: its columns, and its postings read when they are asked for."""

    def __init__(self, reader: reading.SegmentReader, name: str, cache: PostingCache) -> None:
        self.name = name
        self._reader, self._cache = reader, cache
        self._lock = threading.Lock()       # the file under the reader has one position for all threads
        self.columns = columns.Columns.of([reader.stored_fields(at)["facts"] for at in range(reader.doc_count_all())])
        weakref.finalize(self, reader.close)

    def postings(self, zone: Zone, token: str) -> columns.Ids:
        """Return the documents that hold a token in a zone, deleted ones too."""
        return self._cache.get((self.name, zone, token), lambda: self._read(zone, token))

    def _read(self, zone: Zone, token: str) -> columns.Ids:
        """Decode the postings of a token."""
        with self._lock:
            if (zone.value, token.encode()) not in self._reader:
                return np.empty(0, dtype=np.uint32)
            return np.fromiter(self._reader.postings(zone.value, token.encode()).all_ids(), dtype=np.uint32)


class Snapshot:
    """The index as one commit left it: segments, and which of their documents are still there."""

    def __init__(self, folder: Path, commit: int, parts: list[tuple[Segment, columns.Mask]]) -> None:
        self.folder, self.commit, self.parts = folder, commit, parts

    @classmethod
    def of(cls, folder: Path, before: "Snapshot | None", cache: PostingCache) -> "Snapshot":
        """Open the newest commit; segments known from before are used again. A writer may clear files away then."""
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(FileNotFoundError):
                return cls._of(_open(folder), folder, before, cache)
        return cls._of(_open(folder), folder, before, cache)

    @classmethod
    def _of(cls, opened: whoosh.FileIndex, folder: Path, before: "Snapshot | None", cache: PostingCache) -> "Snapshot":
        """Open what a table of contents names."""
        known = {segment.name: segment for segment, _ in before.parts} if before and before.folder == folder else {}
        commit, parts = opened.latest_generation(), list[tuple[Segment, columns.Mask]]()
        for written in opened._segments():  # noqa: SLF001 - readers of the whole would open known ones again
            name = written.segment_id()
            if (segment := known.get(name)) is None:
                segment = Segment(reading.SegmentReader(opened.storage, _schema(), written), name, cache)
            alive = np.ones(len(segment.columns), dtype=np.bool_)
            alive[list(written.deleted_docs())] = False
            parts.append((segment, alive))
        return cls(folder, commit, parts)

    def is_newest(self, folder: Path | None) -> bool:
        """Say whether nothing was written since."""
        return folder == self.folder and _newest(self.folder) == self.commit

    def delete(self, segments: Iterable[Any], keys: list[tuple[str, str]]) -> None:
        """Mark documents as deleted in the segments of a writer."""
        known = {segment.name: (segment, alive) for segment, alive in self.parts}
        for written in segments:
            segment, alive = known[written.segment_id()]
            for at in segment.columns.places_of(keys, alive):
                written.delete_document(at)


class WhooshIndex:
    """Generations of Whoosh indexes in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._generations = Generations(folder)
        self._lock = threading.Lock()
        self._cache = PostingCache()
        self._snapshot: Snapshot | None = None

    # ---- writing ----

    def writing(self) -> AbstractContextManager[None]:
        """Keep other writers out."""
        return self._generations.writing.held()

    def index(self, rows: Iterable[IndexRow], *, deleted: Iterable[tuple[str, str]] = ()) -> None:
        """Write one batch."""
        with as_oserror(WRITTEN), self.writing():
            if self._generations.current() is None:
                self._begin()
            snapshot = self._newest()
            _write(_open(snapshot.folder), rows, deleted, snapshot)

    def _begin(self) -> None:
        """Make a first, empty generation."""
        with self._generations.building.held():
            self._generations.use(self._make(""))

    def _make(self, label: str) -> Path:
        """Make an empty generation."""
        folder = self._generations.make(label)
        whoosh.create_in(str(folder), _schema()).close()
        return folder

    def packed(self, row: IndexRow) -> IndexRow:
        """Return the row: nothing is saved by writing it another way."""
        return row

    def rebuild(self, rows: Iterable[IndexRow | PackedRow], *, label: str = "", late: LateChanges | None = None) -> int:
        """Build a new generation and switch to it; readers of the old one finish undisturbed."""
        with as_oserror(WRITTEN), self._generations.building.held():
            folder = self._make(label)
            try:
                left = map(plain, rows)
                for first in left:      # row by row: ten thousand at once would be a gigabyte
                    _add(_open(folder), itertools.chain((first,), itertools.islice(left, REBUILT_AT_ONCE - 1)))
                with self._generations.writing.held():
                    if late is not None:
                        _write(_open(folder), *late(), Snapshot.of(folder, None, self._cache))
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
        with as_oserror(READ):
            answers = [columns.answer(segment.columns, alive, segment.postings, request)
                       for segment, alive in self._newest().parts]
            return columns.merged(answers, request)

    def frequencies(self, tokens: Iterable[str]) -> Mapping[str, int]:
        """Return in how many documents each token stands."""
        with as_oserror(READ):
            parts = self._newest().parts
            return {token: sum(int(np.count_nonzero(alive[segment.postings(Zone.TEXT, token)]))
                               for segment, alive in parts) for token in tokens}

    def size(self) -> int:
        """Return how many documents there are."""
        with as_oserror(READ):
            return sum(int(np.count_nonzero(alive)) for _, alive in self._newest().parts)

    def label(self) -> str:
        """Return what the rows in use were made with."""
        with as_oserror(READ):
            return self._generations.label()

    def stamps(self, keys: Iterable[tuple[str, str]] | None = None) -> Mapping[tuple[str, str], str]:
        """Return the fingerprints of what the index holds."""
        wanted = None if keys is None else list(keys)
        with as_oserror(READ):
            return {segment.columns.keys[at]: segment.columns.stamps[at] for segment, alive in self._newest().parts
                    for at in segment.columns.places_of(wanted, alive)}

    def _newest(self) -> Snapshot:
        """Return the index as the last commit of whatever process left it."""
        kept = self._snapshot
        if kept is not None and kept.is_newest(self._generations.current()):
            return kept
        with self._lock:
            kept = self._snapshot
            if kept is None or not kept.is_newest(self._generations.current()):
                kept = self._snapshot = self._opened(kept)
            return kept

    def _opened(self, before: Snapshot | None) -> Snapshot:
        """Open the generation in use; once more when another took its place meanwhile."""
        folder = self._generations.demand()
        try:
            return Snapshot.of(folder, before, self._cache)
        except Exception:
            if self._generations.current() == folder:
                raise
        return Snapshot.of(self._generations.demand(), before, self._cache)


def _open(folder: Path) -> whoosh.FileIndex:
    """Open a generation."""
    return whoosh.open_dir(str(folder), schema=_schema())


def _newest(folder: Path) -> int:
    """Return the number of the last commit, as the names of the files say; -1 when there is none."""
    try:
        names = os.listdir(folder)      # noqa: PTH208 - asked before every search; paths would cost ten times as much
    except FileNotFoundError:           # another generation took over just now
        return -1
    numbers = [name[len(_TOC):-4] for name in names if name.startswith(_TOC) and name.endswith(".toc")]
    return max((int(number) for number in numbers if number.isdigit()), default=-1)


def _write(opened: whoosh.FileIndex, rows: Iterable[IndexRow], deleted: Iterable[tuple[str, str]],
           before: Snapshot) -> None:
    """Write one commit. What `before` holds under the same keys goes."""
    with _writer(opened) as writer:
        latest = {row.key: row for row in rows}
        before.delete(writer.segments, [*((row.kind, row.ref) for row in latest.values()), *deleted])
        for row in latest.values():
            writer.add_document(**_fields(row))
        writer.commit(mergetype=_merge_smallest)


def _add(opened: whoosh.FileIndex, rows: Iterable[IndexRow]) -> None:
    """Write one segment of rows that are not there yet."""
    with _writer(opened) as writer:
        for row in rows:
            writer.add_document(**_fields(row))
        writer.commit(merge=False)


@contextlib.contextmanager
def _writer(opened: whoosh.FileIndex) -> Iterator[Any]:
    """Lend the one writer; an error takes everything back."""
    writer = opened.writer(timeout=LOCK_SECONDS, codec=TermCodec())
    writer.pool = TermPool()
    try:
        yield writer
    except BaseException:
        with contextlib.suppress(Exception):
            writer.cancel()
        with contextlib.suppress(Exception):     # released already unless cancelling failed too, as on a full disk
            writer.writelock.release()
        raise


def _merge_smallest(writer: Any, segments: list[Any]) -> list[Any]:
    """Keep the segments few: merge the smallest, and those of which most is deleted; return those left alone."""
    by_size = sorted(segments, key=lambda one: one.doc_count())
    merged = by_size[:MERGED_AT_ONCE] if len(segments) >= MOST_SEGMENTS else []
    merged += [one for one in by_size if one.doc_count() * 2 < one.doc_count_all() and one not in merged]
    for segment in merged:
        reader = reading.SegmentReader(writer.storage, writer.schema, segment)
        writer.add_reader(reader)
        reader.close()
    return [one for one in segments if one not in merged]
