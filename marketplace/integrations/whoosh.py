"""SearchIndex by Whoosh (BSD-2-Clause, maintained fork whoosh-reloaded): embedded, one writer, thrown away at will.

Tokens are made here, not by Whoosh: NFKC, lower case, Simplified, then pairs of neighbouring Chinese characters and
whole Latin words. Posting blocks are pickles: the folder must be as private as the database.
"""

import contextlib
import os
import re
import shutil
import threading
import unicodedata
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from whoosh import fields, query
from whoosh import index as whoosh
from whoosh.analysis import SpaceSeparatedTokenizer

from marketplace.core.ports import SearchHits
from marketplace.core.publishing import PublicDocument

LOCK_SECONDS = 30.0
MOST_SEGMENTS = 8                # more small ones slow a search down; then the writer merges
MOST_TOKENS = 40                 # of a query
SOFT_FROM = 3                    # from so many tokens on, most of them are enough when all together find nothing
SOFT_SHARE = 0.6
TITLE_WEIGHT = 3.0
_RUN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+|[0-9a-z]+")
_POINTER = "current"


def _schema() -> fields.Schema:
    """Return the fields: keys, fingerprint, and two token fields without positions."""
    tokens = SpaceSeparatedTokenizer()
    return fields.Schema(
        key=fields.ID(unique=True, stored=True), kind=fields.ID(stored=True), ref=fields.STORED,
        stamp=fields.STORED, title=fields.TEXT(analyzer=tokens, phrase=False),
        text=fields.TEXT(analyzer=tokens, phrase=False))


class WhooshIndex:
    """A folder of generations; `current` names the one in use, so a rebuilt index takes over in one rename."""

    def __init__(self, folder: Path, *, simplify: Callable[[str], str] = str) -> None:
        self.folder = folder
        self._simplify = simplify
        self._lock = threading.Lock()
        self._opened: dict[Path, whoosh.FileIndex] = {}
        self._searchers: list[Any] = []
        self._local = threading.local()
        self._finalizer = weakref.finalize(self, _close, self._opened, self._searchers)

    # ---- tokens ----

    def tokens(self, text: str) -> list[str]:
        """Return the tokens of a text, in order."""
        found: list[str] = []
        for run in _RUN.findall(self._simplify(unicodedata.normalize("NFKC", text)).lower()):
            if run[0].isascii() or len(run) == 1:
                found.append(run)
            else:
                found += [run[at:at + 2] for at in range(len(run) - 1)]
                found.append(run[-1])     # so that one character finds the last one too
        return found

    def _row(self, document: PublicDocument) -> dict[str, str]:
        """Return what is written for one document."""
        title = self.tokens(document.title)
        rest = self.tokens("\n".join((document.body, document.buyer, *document.words)))
        return {"key": _key(document.kind, document.ref), "kind": document.kind, "ref": document.ref,
                "stamp": document.fingerprint(), "title": " ".join(title), "text": " ".join([*title, *rest])}

    # ---- writing ----

    def index(self, documents: Iterable[PublicDocument], *, deleted: Iterable[tuple[str, str]] = ()) -> None:
        """Write one batch; makes the index where there is none. Another writer is waited for."""
        with self._lock:
            folder = self._current() or self._new_generation()
            with _oserror():
                opened = self._open(folder)
            with _writer(opened) as writer:
                for kind, ref in deleted:
                    writer.delete_by_term("key", _key(kind, ref))
                for document in documents:
                    writer.update_document(**self._row(document))
                writer.commit(merge=len(opened._segments()) > MOST_SEGMENTS)  # noqa: SLF001 - no public count

    def rebuild(self, documents: Iterable[PublicDocument]) -> int:
        """Build a new generation and switch to it; readers of the old one finish undisturbed."""
        with self._lock:
            old = self._current()
            folder = self._make_folder()
            count = 0
            made = whoosh.create_in(str(folder), _schema())
            try:
                with _writer(made) as writer:
                    for document in documents:
                        writer.add_document(**self._row(document))
                        count += 1
                    writer.commit(optimize=True)
            finally:
                made.close()
            self._point_to(folder)
            if old is not None:
                self._forget(old)
            return count

    def clear(self) -> None:
        """Switch to an empty generation."""
        self.rebuild(())

    # ---- reading ----

    def search(self, text: str, *, kinds: Sequence[str] = (), limit: int = 1_000) -> SearchHits:
        """Return documents that hold every token, best first; where none does, those with most of them."""
        tokens = list(dict.fromkeys(self._query_tokens(text)))[:MOST_TOKENS]
        with self._searching() as searcher:
            if not tokens:
                return SearchHits(refs=[], total=0)
            only = query.Or([query.Term("kind", kind) for kind in kinds]) if kinds else None
            terms = [_term("text", token) for token in tokens]
            wanted = query.And(terms)
            in_title = query.Or([_term("title", token, boost=TITLE_WEIGHT) for token in tokens])
            hits = searcher.search(query.AndMaybe(wanted, in_title), limit=limit, filter=only)
            if not len(hits) and len(tokens) >= SOFT_FROM:
                return _with_most(searcher.search(query.Or(terms), limit=limit, filter=only, terms=True), len(terms))
            return SearchHits(refs=[(hit["kind"], hit["ref"]) for hit in hits], total=len(hits))

    def _query_tokens(self, text: str) -> list[str]:
        """Return the tokens to look for: the lone last character of a longer run says nothing more."""
        found: list[str] = []
        for run in _RUN.findall(self._simplify(unicodedata.normalize("NFKC", text)).lower()):
            found += [run] if run[0].isascii() or len(run) == 1 else self.tokens(run)[:-1]
        return found

    def stamps(self) -> Mapping[tuple[str, str], str]:
        """Return what the index holds."""
        with self._searching() as searcher:
            return {(row["kind"], row["ref"]): row["stamp"] for row in searcher.documents()}

    # ---- generations ----

    def _current(self) -> Path | None:
        """Return the folder in use, if there is a whole one."""
        with contextlib.suppress(FileNotFoundError):
            name = (self.folder / _POINTER).read_text().strip()
            folder = self.folder / name
            if re.fullmatch(r"generation-\d+", name) and any(folder.glob("*.toc")):
                return folder
        return None

    def _make_folder(self) -> Path:
        """Make the folder of the next generation."""
        self.folder.mkdir(parents=True, exist_ok=True)
        number = max((int(path.name.rpartition("-")[2]) for path in self.folder.glob("generation-*")), default=0) + 1
        made = self.folder / f"generation-{number}"
        made.mkdir()
        return made

    def _new_generation(self) -> Path:
        """Make an empty generation and point to it."""
        folder = self._make_folder()
        whoosh.create_in(str(folder), _schema()).close()
        self._point_to(folder)
        return folder

    def _point_to(self, folder: Path) -> None:
        """Switch to a generation in one rename."""
        temporary = self.folder / f"{_POINTER}.{os.getpid()}"
        temporary.write_text(folder.name)
        temporary.replace(self.folder / _POINTER)

    def _forget(self, folder: Path) -> None:
        """Throw an old generation away."""
        if opened := self._opened.pop(folder, None):
            opened.close()
        shutil.rmtree(folder, ignore_errors=True)

    def _open(self, folder: Path) -> whoosh.FileIndex:
        """Open a generation once."""
        if folder not in self._opened:
            self._opened[folder] = whoosh.open_dir(str(folder))
        return self._opened[folder]

    @contextlib.contextmanager
    def _searching(self) -> Iterator[Any]:
        """Lend this thread's searcher, refreshed; whatever a broken index raises becomes OSError."""
        with _oserror():
            try:
                yield self._searcher()
            except BaseException:
                self._drop()
                raise

    def _searcher(self) -> Any:
        """Return a searcher that sees the newest commit."""
        folder = self._current()
        if folder is None:
            msg = "there is no search index"
            raise FileNotFoundError(msg)
        kept = getattr(self._local, "searcher", None)
        if kept is not None and self._local.folder == folder and kept.up_to_date():
            return kept
        self._drop()
        with self._lock:
            made = self._open(folder).searcher()
        self._local.searcher, self._local.folder = made, folder
        self._searchers.append(made)
        return made

    def _drop(self) -> None:
        """Close this thread's searcher."""
        if (kept := getattr(self._local, "searcher", None)) is not None:
            self._local.searcher = None
            with contextlib.suppress(ValueError):
                self._searchers.remove(kept)
            kept.close()


def _with_most(hits: Any, asked: int) -> SearchHits:
    """Return the hits that hold most of the tokens, those with more of them first."""
    least = max(2, round(asked * SOFT_SHARE))
    ranked = sorted(((len(hit.matched_terms()), hit) for hit in hits), key=lambda one: -one[0])
    refs = [(hit["kind"], hit["ref"]) for held, hit in ranked if held >= least]
    return SearchHits(refs=refs, total=len(refs))


def _key(kind: str, ref: str) -> str:
    """Return the unique key of a document."""
    return f"{kind}:{ref}"


def _term(field: str, token: str, boost: float = 1.0) -> query.Query:
    """Return the query for a token; one lone Chinese character finds every pair that begins with it."""
    if len(token) == 1 and not token.isascii():
        return query.Prefix(field, token, boost=boost)
    return query.Term(field, token, boost=boost)


@contextlib.contextmanager
def _oserror() -> Iterator[None]:
    """Turn whatever a broken index raises (Whoosh raises a dozen kinds) into OSError."""
    try:
        yield
    except OSError:
        raise
    except Exception as broken:
        msg = f"the search index cannot be read: {type(broken).__name__}"
        raise OSError(msg) from broken


@contextlib.contextmanager
def _writer(opened: whoosh.FileIndex) -> Iterator[Any]:
    """Lend the one writer; an error takes everything back."""
    writer = opened.writer(timeout=LOCK_SECONDS)
    try:
        yield writer
    except BaseException:
        writer.cancel()
        raise


def _close(opened: dict[Path, whoosh.FileIndex], searchers: list[Any]) -> None:
    """Close what is open when the index object goes."""
    for one in (*searchers, *opened.values()):
        with contextlib.suppress(Exception):
            one.close()
