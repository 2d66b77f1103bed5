"""flask search bench measures in a folder and a database of its own."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from marketplace.core.clock import utc_now
from marketplace.core.errors import Unavailable
from marketplace.core.text import N_
from marketplace.search.cli.corpus import LENGTH, Corpus
from marketplace.search.rules.dictionary import shipped
from marketplace.web.services import config, services

FIGURES = {"build_per_second", "size_mb", "visible_ms_p95", "and_ms_p95", "soft_and_ms_p95", "page_ms_p95", "peak_mb"}


@pytest.mark.on_sqlite(reason="no database of the site is looked at")
@pytest.mark.parametrize("search", ["whoosh", "tantivy"])
def test_the_figures_are_measured_and_the_site_is_not_touched(app: Flask, search: str) -> None:
    result = app.test_cli_runner().invoke(args=["search", "bench", "--documents", "150", "--engine", search, "--json"])
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found.keys() >= FIGURES
    assert all(found[name] > 0 for name in FIGURES)
    with app.app_context():
        assert not list(Path(config().instance).glob("index*"))


@pytest.mark.on_sqlite(reason="no database is looked at")
def test_an_engine_that_is_not_there_ends_the_command_with_3(app: Flask) -> None:
    def gone(_engine: str, _folder: Path) -> None:
        raise Unavailable(N_("搜索引擎 tantivy 没有安装"))

    before: Callable[..., object] = app.extensions["marketplace.search_engine"]
    app.extensions["marketplace.search_engine"] = gone
    try:
        result = app.test_cli_runner().invoke(args=["search", "bench", "--documents", "150", "--engine", "tantivy"])
    finally:
        app.extensions["marketplace.search_engine"] = before
    assert (result.exit_code, "tantivy" in result.stderr) == (3, True)


@pytest.mark.on_sqlite(reason="no database is looked at")
def test_the_corpus_is_the_same_every_time_and_as_long_as_it_says(ctx: Flask) -> None:
    now = utc_now()
    first, again = (Corpus(shipped(), services().converter.to_traditional, now) for _ in range(2))
    documents = [first.document(number) for number in range(200)]
    assert documents == [again.document(number) for number in range(200)]
    assert LENGTH < sum(len(one.body) for one in documents) / 200 < LENGTH + 60
    simple = services().converter.to_simplified
    assert 10 < sum(simple(one.body) != one.body for one in documents) < 60, "about 15% are Traditional"
    asked = list(first.questions(200, 100))
    assert asked == list(again.questions(200, 100))
    assert 50 < sum(bool(one.filters) for one in asked) < 90
