"""docs/coverage.md is true: every test, route, command and figure that it names exists, and every line names one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "coverage.md"
ROWS = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and not line.startswith(("| part", "| ---"))]
VERBS = {"GET", "POST"}


def proofs(row):
    return re.findall(r"`([^`]+)`", row.rsplit("|", 2)[1])


def exists_test(token):
    name, _, function = token.partition("::")
    path = ROOT / name
    return path.is_file() and (not function or re.search(rf"def {re.escape(function)}\(", path.read_text()))


@pytest.mark.parametrize("row", ROWS, ids=[r.split("|")[1].strip()[:60] for r in ROWS])
def test_what_a_line_names_exists(row, all_sites):
    app = all_sites("sqlite")
    routes = {(verb, rule.rule) for rule in app.url_map.iter_rules() for verb in rule.methods}
    named = proofs(row)
    assert named, "a line must name its proof"
    for token in named:
        word, _, rest = token.partition(" ")
        if token.startswith("tests/"):
            assert exists_test(token), token
        elif word in VERBS:
            assert (word, rest) in routes, token
        elif word == "flask":
            group, *verb = rest.split()
            command = app.cli.commands[group]
            assert not verb or verb[0] in command.commands, token
        elif word == "bench" and rest:
            assert (ROOT / "benchmarks" / f"{rest}.py").is_file(), token
        else:
            assert (ROOT / token).exists(), token


def test_the_page_has_a_line_for_every_heading_of_the_issue():
    assert len(ROWS) > 60


def test_the_walk_of_the_architecture_page_names_files_that_exist():
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = re.findall(r"`((?:[a-z]+/)+[a-z_]*(?:\.py)?/?)`", text)
    assert len(named) > 20
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "marketplace" / name).exists(), name
