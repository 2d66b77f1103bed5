"""docs/law.md names only files, names and tests that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "docs" / "law.md").read_text(encoding="utf-8").splitlines()
ROWS = [line for line in LINES if line.startswith("| ") and "`marketplace/" in line]


def names_in(path):
    """The functions, classes and constants that a file, or a package's own files, defines at the top."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    found = set()
    for file in files:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def test_the_page_has_rows_to_check():
    assert len(ROWS) > 40


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:60])
def test_every_file_and_name_of_a_row_exists(row):
    where = row.split("|")[3]
    names = set()
    for part in re.findall(r"`([^`]+)`", where):
        if part.startswith("marketplace/"):
            path = ROOT / part
            if not path.exists():
                path = path.with_suffix("")  # the module became a package of the same name
            assert path.exists(), part
            names = names_in(path)
        else:
            assert part in names, f"{part} is not defined in the file before it"


@pytest.mark.parametrize("test", sorted({m for line in LINES for m in re.findall(r"tests/[\w/]+\.py::\w+", line)}))
def test_every_named_test_exists(test):
    path, _, name = test.partition("::")
    assert name in names_in(ROOT / path), test


def test_every_lint_of_the_code_is_on_the_page():
    from marketplace.procedures.rules import _LINTS

    page = "\n".join(LINES)
    assert [code for code, *_ in _LINTS if f"`{code}`" not in page] == []
