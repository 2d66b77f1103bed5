"""The figures of judged queries: how they are reckoned, what they are, what the command says to bad files."""

import json
import math
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import opencc
import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.engine import Engine

from marketplace.core.errors import Unavailable
from marketplace.search.queries.finding import Finder
from marketplace.search.rules import evaluation
from marketplace.search.rules.evaluation import Judged, MalformedError, Scores
from marketplace.search.rules.question import Question
from tests.data import DATA
from tests.factories import NOW
from tests.factories.language import finder, full_language

PROJECTS, QUERIES = DATA / "real_projects.csv", DATA / "search_judgments.json"
HELD_OUT = DATA / "search_judgments_held_out.json"
COLUMNS = "project_id,title,buyer,province,city,target_group,fact_phrase,service_kind,winner_org,award_amount,note,date,budget_yuan"


@pytest.fixture(scope="module")
def searching() -> Finder:
    with PROJECTS.open(encoding="utf-8-sig", newline="") as lines:
        return finder(evaluation.read_projects(lines), full_language())


JUDGED = evaluation.read_queries(QUERIES.read_text(encoding="utf-8"))


def figures(searching: Finder, convert: Callable[[str], str] = str, queries: Sequence[Judged] = JUDGED) -> tuple[float, float]:
    """NDCG@10 and recall@20 over all judged queries."""
    found = [evaluation.scores(one, [hit.ref for hit in searching.find(
        Question(text=convert(one.query)), NOW, limit=20, facets=()).hits]) for one in queries]
    total = evaluation.report("memory", found)["total"]
    assert isinstance(total, dict)
    return total["ndcg_at_10"], total["recall_at_20"]


def test_judged_queries_find_what_people_mean(searching: Finder) -> None:
    ndcg, recall = figures(searching)
    assert ndcg >= 0.90
    assert recall >= 0.90


def test_queries_that_nobody_tuned_for_find_what_people_mean(searching: Finder) -> None:
    """Judged by another hand before the ranking was made, and looked at only to report: see tests/data/README.md."""
    ndcg, recall = figures(searching, queries=evaluation.read_queries(HELD_OUT.read_text(encoding="utf-8")))
    assert ndcg >= 0.85
    assert recall >= 0.90


@pytest.mark.parametrize("variant", ["s2t", "s2tw", "s2twp", "s2hk"])
def test_queries_in_traditional_characters_find_the_same(searching: Finder, variant: str) -> None:
    twins, plain = figures(searching, opencc.OpenCC(variant).convert), figures(searching)
    assert all(abs(one - other) <= 0.02 for one, other in zip(twins, plain, strict=True))


def test_gain_discount_and_ideal() -> None:
    judged = Judged("q", "?", {"a": 2, "b": 1, "c": 1, "d": 0})
    found = evaluation.scores(judged, ["x", "b", "a"])
    ideal = 3 + 1 / math.log2(3) + 1 / 2
    assert found.ndcg_at_10 == pytest.approx((1 / math.log2(3) + 3 / 2) / ideal)
    assert found.recall_at_20 == pytest.approx(2 / 3)
    assert found.mrr == 0.5
    assert evaluation.scores(judged, ["a", "b", "c"]).ndcg_at_10 == pytest.approx(1)


def test_only_ten_and_twenty_places_count() -> None:
    judged = Judged("q", "?", {f"r{i}": 1 for i in range(30)})
    ranking = [*(f"x{i}" for i in range(10)), *(f"r{i}" for i in range(30))]
    found = evaluation.scores(judged, ranking)
    assert found.ndcg_at_10 == 0
    assert found.recall_at_20 == 0.5
    assert found.mrr == pytest.approx(1 / 11)
    assert found.top == tuple(f"x{i}" for i in range(10))


def test_nothing_found_or_nothing_relevant_is_zero() -> None:
    assert evaluation.scores(Judged("q", "?", {"a": 1}), []) == Scores("q", 0, 0, 0, ())
    assert evaluation.scores(Judged("q", "?", {"a": 0}), ["a"]).ndcg_at_10 == 0


def test_answers_in_the_file_are_never_looked_at() -> None:
    row = "P1,题名,民政局,广东省,佛山市,老人,每天送餐,答案甲,答案乙,123456,答案丙,2025-03,30000"
    read = evaluation.read_projects([COLUMNS + "\n", row + "\n"])[0]
    assert not [word for word in ("答案", "123456") if word in repr(read)]
    assert read.lead == ("老人", "每天送餐", "广东省、佛山市")
    assert (read.amount_fen, read.published_at and read.published_at.isoformat()) == (3_000_000, "2025-02-28T16:00:00+00:00")


@pytest.mark.parametrize(("text", "iso"), [
    ("2025", "2024-12-31T16:00:00+00:00"), ("2025-13", None), ("2025-02-30", None), ("", None), ("去年", None), ("2025-1-2-3-4", "2025-01-01T16:00:00+00:00"),
    ("0-0-0", None), ("99999", None)])
def test_days_that_are_none_are_left_out(text: str, iso: str | None) -> None:
    read = evaluation.read_projects(["project_id,title,date\n", f"P,题,{text}\n"])[0]
    assert (read.published_at and read.published_at.isoformat()) == iso


@pytest.mark.parametrize("lines", [[], ["title\n"], ["project_id,title\n", "P1\n"], ["project_id,title\n", ",题\n"],
                                   ["project_id,title\n", "P1,一\n", "P1,二\n"]])
def test_projects_that_cannot_be_judged_with(lines: list[str]) -> None:
    with pytest.raises(MalformedError):
        evaluation.read_projects(lines)


@pytest.mark.parametrize("text", [
    "", "{", "{}", "[]", "[1]", '[{"query": 1}]', '[{"query": "x"}]', '[{"query": "x", "judgments": [1]}]', '[{"query": "x", "judgments": {"a": "2"}}]',
    '[{"query": "x", "judgments": {"a": -1}}]', '[{"query": "x", "judgments": {"a": true}}]', '[{"query": "x", "judgments": {"a": 99}}]', "[" * 100_000])
def test_queries_that_cannot_be_judged_with(text: str) -> None:
    with pytest.raises(MalformedError):
        evaluation.read_queries(text)


def run(app: Flask, *arguments: str | Path) -> tuple[int, str, str]:
    result = app.test_cli_runner().invoke(args=["search", "evaluate", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("chosen", ["whoosh", "tantivy"])
def test_every_engine_gives_the_same_figures(app: Flask, searching: Finder, chosen: str) -> None:
    code, out, _ = run(app, "--projects", PROJECTS, "--queries", QUERIES, "--engine", chosen, "--json")
    report = json.loads(out)
    assert code == 0
    assert report["engine"] == chosen
    assert report["total"]["queries"] == len(report["queries"]) == len(JUDGED)
    assert set(report["queries"][0]) == {"id", "ndcg_at_10", "recall_at_20", "mrr", "top"}
    ndcg, recall = figures(searching)
    assert abs(report["total"]["ndcg_at_10"] - ndcg) <= 0.005
    assert abs(report["total"]["recall_at_20"] - recall) <= 0.005


def test_the_site_is_left_alone(app: Flask) -> None:
    asked: list[str] = []
    here = threading.get_ident()

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if threading.get_ident() == here:          # a site of another test may be at work in its own thread
            asked.append(statement)

    before = sorted(str(path) for path in Path(app.instance_path).rglob("*"))
    event.listen(Engine, "before_cursor_execute", note)
    try:
        code, out, _ = run(app, "--projects", PROJECTS, "--queries", QUERIES)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert (code, out.split(":")[0], asked) == (0, "whoosh", [])
    assert sorted(str(path) for path in Path(app.instance_path).rglob("*")) == before


@pytest.mark.parametrize(("projects", "queries"), [
    (b"nothing", QUERIES.read_bytes()), (PROJECTS.read_bytes(), b"[]"), ("project_id,title\nP,题".encode("gb18030"), QUERIES.read_bytes()),
    (b"", b""), (b"project_id,title\nP," + b"x" * 200_000, b"[]"), (PROJECTS.read_bytes(), b"\xff\xfe")])
def test_files_that_cannot_be_judged_with_get_a_sentence(app: Flask, tmp_path: Path, projects: bytes, queries: bytes) -> None:
    (tmp_path / "p.csv").write_bytes(projects)
    (tmp_path / "q.json").write_bytes(queries)
    code, out, err = run(app, "--projects", tmp_path / "p.csv", "--queries", tmp_path / "q.json")
    assert (code, out) == (2, "")
    assert err.startswith("These files cannot be judged with: ")


def test_what_is_missing_is_said(app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run(app, "--projects", tmp_path / "none.csv", "--queries", QUERIES)[0] == 2
    assert run(app, "--projects", PROJECTS, "--queries", QUERIES, "--engine", "lucene")[0] == 2

    def away(*_: object) -> None:
        raise Unavailable("tantivy is not installed")

    monkeypatch.setitem(app.extensions, "marketplace.search_engine", away)
    assert run(app, "--projects", PROJECTS, "--queries", QUERIES, "--engine", "tantivy")[0] == 3
