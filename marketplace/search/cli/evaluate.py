"""How well judged queries are answered: a temporary index, the dictionary that comes with the product, no database."""

import csv
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from marketplace.config import SEARCH_ENGINES
from marketplace.core.clock import utc_now
from marketplace.core.errors import Unavailable
from marketplace.core.ports import SearchIndex
from marketplace.core.publishing import PublicDocument
from marketplace.search.cli.upkeep import group
from marketplace.search.queries.finding import Finder
from marketplace.search.queries.languages import make_language
from marketplace.search.rules.dictionary import shipped
from marketplace.search.rules.evaluation import (
    DEPTH,
    Judged,
    MalformedError,
    Scores,
    read_projects,
    read_queries,
    report,
    scores,
)
from marketplace.search.rules.question import Question
from marketplace.search.rules.rows import row_of
from marketplace.web.services import config, search_engine, services

BAD_INPUT, MISSING = 2, 3
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@group.command("evaluate")
@click.option("--projects", required=True, type=_FILE, help="CSV of projects.")
@click.option("--queries", required=True, type=_FILE, help="JSON of judged queries.")
@click.option("--engine", type=click.Choice(SEARCH_ENGINES), help="The engine; without it that of this site.")
@click.option("--json", "as_json", is_flag=True)
def evaluate(projects: Path, queries: Path, engine: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Rank judged queries over projects; print NDCG@10, recall@20 and the mean reciprocal rank."""
    chosen = engine or config().search
    try:
        with projects.open(encoding="utf-8-sig", newline="") as lines:
            documents = read_projects(lines)
        judged = read_queries(queries.read_text(encoding="utf-8-sig"))
    except (MalformedError, UnicodeDecodeError, csv.Error) as problem:
        click.echo(f"These files cannot be judged with: {problem}", err=True)
        sys.exit(BAD_INPUT)
    try:
        with _temporary(chosen) as index:
            found = rank(index, documents, judged)
    except Unavailable as problem:
        click.echo(f"The engine {chosen} is not there: {problem}", err=True)
        sys.exit(MISSING)
    _say(report(chosen, found), as_json=as_json)


@contextmanager
def _temporary(engine: str) -> Iterator[SearchIndex]:
    """Yield an empty index of an engine in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield search_engine(engine, Path(folder))


def rank(index: SearchIndex, documents: Sequence[PublicDocument], judged: Sequence[Judged]) -> list[Scores]:
    """Fill an index with documents and return the figures of every query."""
    now = utc_now()
    language = make_language(shipped(), (), services())
    index.rebuild((row_of(document, language, now) for document in documents), label="evaluate")
    finder = Finder(index, language)
    return [scores(one, [hit.ref for hit in finder.find(
        Question(text=one.query), now, limit=DEPTH, facets=()).hits]) for one in judged]


def _say(found: dict[str, object], *, as_json: bool) -> None:
    """Print a report for people or for programs."""
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    total = found["total"]
    assert isinstance(total, dict)
    click.echo(f"{found['engine']}: {total['queries']} queries, NDCG@10 {total['ndcg_at_10']:.3f}, "
               f"recall@20 {total['recall_at_20']:.3f}, MRR {total['mrr']:.3f}")
