"""Commands that judge the matching: on judged real rows, on planted worlds. They touch neither database nor index."""

import csv
import json
import resource
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import click
from flask.cli import AppGroup

from marketplace.config import ROOT
from marketplace.matching.rules import evaluation, planted, planted_evaluation
from marketplace.matching.rules.grams import Reader
from marketplace.matching.rules.planted_evaluation import PlantedWorld, read_world
from marketplace.matching.rules.real_rows import MalformedError, Row, read_rows
from marketplace.search.rules.dictionary import shipped
from marketplace.web.services import services

BAD_INPUT = 2
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_CATALOG = ROOT / "marketplace" / "catalogs" / "data" / "catalog.csv"
_LEAST_CODE = 5
T = TypeVar("T")

group = AppGroup("matching", help="Judge the matching of projects and providers.")


def _rows(path: Path, key: str) -> dict[str, Row]:
    """Return the rows of a CSV by id."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return read_rows(lines, key)


def _or_stop(what: str, read: Callable[[], T]) -> T:
    """Return what `read` gives; end with 2 and a sentence when the files are no good."""
    try:
        return read()
    except (MalformedError, UnicodeDecodeError, csv.Error, OSError, ValueError) as problem:
        click.echo(f"{what}: {problem}", err=True)
        sys.exit(BAD_INPUT)


def _print(report: dict[str, object], *, as_json: bool) -> None:
    """Print a report for programs or for people."""
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
        return
    for name, value in report.items():
        click.echo(f"{name}: {json.dumps(value, ensure_ascii=False)}")


@group.command("evaluate")
@click.option("--projects", required=True, type=_FILE, help="CSV of projects.")
@click.option("--organizations", required=True, type=_FILE, help="CSV of organizations.")
@click.option("--judgments", required=True, type=_FILE, help="JSON: which organizations suit which project.")
@click.option("--json", "as_json", is_flag=True)
def evaluate(projects: Path, organizations: Path, judgments: Path, as_json: bool) -> None:  # noqa: FBT001
    """Rank organizations for judged projects; print hit@1, NDCG@5, recall@20, with and without known winners."""
    simple = lru_cache(maxsize=None)(services().converter.to_simplified)
    _print(_or_stop("These files cannot be judged with", lambda: evaluation.evaluate(
        _rows(projects, "project_id"), _rows(organizations, "org_id"),
        evaluation.read_judgments(judgments.read_text(encoding="utf-8-sig")), reader=Reader(shipped()),
        simple=simple)), as_json=as_json)


@group.command("plant")
@click.option("--needs", required=True, type=click.IntRange(1, 1_000_000), help="How many projects.")
@click.option("--providers", required=True, type=click.IntRange(1, 1_000_000), help="How many, decoys included.")
@click.option("--seed", required=True, type=int)
@click.option("--out", required=True, type=_FOLDER, help="A folder that does not exist, or is empty.")
@click.option("--regime", type=click.Choice(sorted(planted.SUPPLY)), default="tight")
def plant(needs: int, providers: int, seed: int, out: Path, regime: str) -> None:
    """Write a world whose true pairs are known: needs.csv, providers.csv, truth.csv, world.json."""
    if out.exists() and any(out.iterdir()):
        click.echo(f"{out} holds something already; name a new or empty folder", err=True)
        sys.exit(BAD_INPUT)
    with _CATALOG.open(encoding="utf-8-sig", newline="") as lines:
        categories = [(row["code"], row["name_zh"]) for row in csv.DictReader(lines) if len(row["code"]) >= _LEAST_CODE]
    world = _or_stop("No such world", lambda: planted.plant(
        needs, providers, seed=seed, regime=regime, categories=categories))
    out.mkdir(parents=True, exist_ok=True)
    for name, columns, rows in (("needs", planted.NEED_COLUMNS, world.needs),
                                ("providers", planted.PROVIDER_COLUMNS, world.providers),
                                ("truth", planted.TRUTH_COLUMNS, world.truth)):
        with (out / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    (out / "world.json").write_text(json.dumps(world.parameters, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _world(folder: Path) -> PlantedWorld:
    """Read a planted world, whoever made it."""
    with ExitStack() as stack:
        needs, providers, truth = (stack.enter_context((folder / f"{name}.csv").open(encoding="utf-8-sig", newline=""))
                                   for name in ("needs", "providers", "truth"))
        return read_world(needs, providers, truth)


@group.command("evaluate-planted")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True)
def evaluate_planted(folder: Path, as_json: bool) -> None:  # noqa: FBT001
    """Solve a planted world; print how good the total is and where the true providers stand."""
    began = time.perf_counter()
    world = _or_stop("This folder holds no planted world", lambda: _world(folder))
    report = _or_stop("This world cannot be judged", lambda: planted_evaluation.evaluate(
        world, reader=Reader(shipped()), flows=services().flows, programs=services().programs))
    report["seconds"] = round(time.perf_counter() - began, 2)
    report["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    _print(report, as_json=as_json)
