"""How fast an engine is: an invented corpus, a temporary index and database. Touches nothing of the site."""

import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from marketplace.config import SEARCH_ENGINES
from marketplace.core.clock import utc_now
from marketplace.core.db import Model
from marketplace.core.errors import Unavailable
from marketplace.core.money import Money
from marketplace.core.ports import SearchIndex
from marketplace.core.publishing import PublicDocument
from marketplace.core.searching import IndexRow, Role, SearchRequest
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.search.cli.corpus import Corpus
from marketplace.search.cli.upkeep import group
from marketplace.search.queries.finding import Finder
from marketplace.search.queries.languages import make_language
from marketplace.search.queries.pages import results
from marketplace.search.queries.titles import titles_like
from marketplace.search.rules.dictionary import shipped
from marketplace.search.rules.highlight import Highlighter
from marketplace.search.rules.paging import Start
from marketplace.search.rules.question import FACETS, Question
from marketplace.search.rules.rows import row_of
from marketplace.web.services import config, services

QUERIES, BEST_OF, CHANGES, BATCH = 150, 3, 40, 2_000
BASE = 20                          # of them are asked of the titles in the database, which takes long
MOST = 0.6                         # of the clauses are enough in a soft search
MISSING = 3


@dataclass
class Bench:
    """One engine with a corpus in its index and the same projects in a database."""

    corpus: Corpus
    documents: int
    folder: Path
    index: SearchIndex
    session: Session

    def __post_init__(self) -> None:
        self.language = make_language(shipped(), self.corpus.places, services())
        self.finder = Finder(self.index, self.language)

    def build(self) -> dict[str, float]:
        """Fill index and database; only the index is timed, with the rows that are made for it."""
        began, spent = time.perf_counter(), 0.0

        def rows() -> Iterator[IndexRow]:
            nonlocal spent
            for start in range(0, self.documents, BATCH):
                paused = time.perf_counter()
                batch = [self.corpus.document(number) for number in range(start, min(start + BATCH, self.documents))]
                self._keep(batch)
                spent += time.perf_counter() - paused
                yield from (row_of(document, self.language, self.corpus.now) for document in batch)
                click.echo(f"{start + len(batch)} documents", err=True)

        self.index.rebuild(rows(), label="bench")
        seconds = time.perf_counter() - began - spent
        size = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
        return {"build_per_second": round(self.documents / seconds, 1), "size_mb": round(size / 2**20, 1)}

    def _keep(self, documents: Sequence[PublicDocument]) -> None:
        """Write the projects of a batch into the database."""
        self.session.execute(sa.insert(Project), [{
            "ref": one.ref, "number": one.words[0], "buyer_id": 1, "title": one.title, "summary": one.lead[0],
            "body": one.body, "category_code": one.category, "area_code": one.area, "state": "published",
            "budget": Money(one.amount_fen or 0), "published_at": one.published_at, "closes_at": one.deadline_at,
            "created_at": one.published_at, "changed_at": one.published_at, "version_id": 1, "rule_set": "bench",
        } for one in documents])

    def searches(self) -> dict[str, float]:
        """Return the latencies of searching: tokens of the query, ids, exact counts; then whole pages."""
        asked = list(self.corpus.questions(self.documents, QUERIES))
        parsed = [replace(self.finder.understand(one, self.corpus.now).request, facets=FACETS) for one in asked]
        return {
            "and_ms_p95": self._p95(asked, self._strictly), "soft_and_ms_p95": self._p95(asked, self._softly),
            "page_ms_p95": self._p95(asked, self._page), "engine_and_ms_p95": self._p95(parsed, self.index.search),
            "engine_soft_ms_p95": self._p95([_softened(one) for one in parsed], self.index.search),
            "titles_ms_p95": self._p95(asked[:BASE], lambda one: titles_like(self.session, one.text)),     # no index
        }

    def _strictly(self, question: Question) -> None:
        """Search for what holds everything."""
        request = self.finder.understand(question, self.corpus.now).request
        self.index.search(replace(request, facets=FACETS))

    def _softly(self, question: Question) -> None:
        """Search for what holds most."""
        request = self.finder.understand(question, self.corpus.now).request
        self.index.search(replace(_softened(request), facets=FACETS))

    def _page(self, question: Question) -> None:
        """Find, fetch the rows, mark the words."""
        found = results(self.session, self.finder, question, self.corpus.now, start=Start(), sources={})
        marker = Highlighter(found.understood.marks if found.understood else (), services().converter.to_simplified)
        for row in found.rows:
            marker.pieces(row.card.title)
            marker.snippet(row.card.body)

    def changes(self) -> float:
        """Return how long it takes until a change is found, p95: its row, the batch, the first search that sees it."""
        reader = make_index(self.index, self.folder)
        times = []
        for number in range(CHANGES):
            document = replace(self.corpus.document(number * 7 % self.documents), words=(f"CHANGED-{number}",))
            question = Question(text=f"changed-{number}", plain=True)
            began = time.perf_counter()
            self.index.index([row_of(document, self.language, self.corpus.now)])
            while not Finder(reader, self.language).find(question, self.corpus.now, facets=()).total:
                time.sleep(0.005)
            times.append(time.perf_counter() - began)
        return _p95(times)

    def _p95(self, asked: Sequence[object], work: Callable[..., object]) -> float:
        """Return the p95 over queries of the best of a few runs of each."""
        best = []
        for one in asked:
            runs = []
            for _ in range(BEST_OF):
                began = time.perf_counter()
                work(one)
                runs.append(time.perf_counter() - began)
            best.append(min(runs))
        return _p95(best)


def make_index(like: SearchIndex, folder: Path) -> SearchIndex:
    """Return a second reader of the same index, as another process has it."""
    return type(like)(folder)      # type: ignore[call-arg]


def _softened(request: SearchRequest) -> SearchRequest:
    """Return a request that most of its clauses satisfy."""
    counted = sum(clause.role == Role.COUNTED for clause in request.clauses)
    return replace(request, least=max(1, round(counted * MOST)))


def _p95(seconds: Sequence[float]) -> float:
    """Return the 95th percentile in milliseconds."""
    return round(statistics.quantiles(seconds, n=20)[-1] * 1000, 2)


@contextmanager
def _database(folder: Path) -> Iterator[Session]:
    """Yield a session of an empty database in a folder, with one buyer."""
    engine = sa.create_engine(f"sqlite:///{folder / 'bench.sqlite3'}")
    Model.metadata.create_all(engine)
    now = utc_now()
    with Session(engine) as session:
        session.execute(sa.insert(Organization), [{
            "id": 1, "ref": "bench", "name": "镇街办事处", "name_key": "镇街办事处", "kind": "agency", "standing": "government",
            "public_since": now, "created_at": now, "changed_at": now, "version_id": 1}])
        yield session
    engine.dispose()


@group.command("bench")
@click.option("--documents", type=click.IntRange(100, 1_000_000), required=True, help="How many documents.")
@click.option("--engine", type=click.Choice(SEARCH_ENGINES), help="The engine; without it that of this site.")
@click.option("--json", "as_json", is_flag=True)
def bench(documents: int, engine: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Measure an engine with an invented corpus, in a temporary index and database."""
    try:
        found = measure(documents, engine or config().search)
    except Unavailable as problem:
        click.echo(f"The engine {engine} is not there: {problem}", err=True)
        sys.exit(MISSING)
    if as_json:
        click.echo(json.dumps(found))
        return
    for name, value in found.items():
        click.echo(f"{name:20} {value}")


def measure(documents: int, engine: str) -> dict[str, object]:
    """Return the figures of one engine."""
    from marketplace.web.services import search_engine

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        index = search_engine(engine, folder / "index")
        corpus = Corpus(shipped(), services().converter.to_traditional, utc_now())
        with _database(folder) as session:
            made = Bench(corpus, documents, Path(index.folder), index, session)   # type: ignore[attr-defined]
            found: dict[str, object] = {"engine": engine, "documents": documents, **made.build()}
            found |= made.searches()
            found["visible_ms_p95"] = made.changes()
            session.rollback()
    found["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    return found
