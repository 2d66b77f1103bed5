"""Who may import whom: the contracts of pyproject hold, and a slice is used only through its domain files."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from marketplace import SLICES

ROOT = Path(__file__).parents[2]
SLICE_FILES = sorted(p for s in SLICES for p in (ROOT / "marketplace" / s).rglob("*.py"))
PRIVATE = {"views", "forms", "jobs", "cli"}


def test_the_import_contracts_hold():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.parametrize("path", SLICE_FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_slice_is_used_only_through_its_domain_files(path):
    own = path.relative_to(ROOT).parts[1]
    for node in ast.walk(ast.parse(path.read_text())):
        modules = []
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
        elif isinstance(node, ast.Import):
            modules = [a.name for a in node.names]
        for module in modules:
            parts = module.split(".")
            if len(parts) > 2 and parts[0] == "marketplace" and parts[1] in SLICES and parts[1] != own:
                assert parts[2] not in PRIVATE, f"{path.relative_to(ROOT)}:{node.lineno} uses {module}"


def test_only_create_app_imports_integrations():
    for path in (ROOT / "marketplace").rglob("*.py"):
        if "integrations" in path.parts or path == ROOT / "marketplace" / "__init__.py":
            continue
        assert "marketplace.integrations" not in path.read_text(), path
        assert "from marketplace import integrations" not in path.read_text(), path


def test_a_database_commit_stands_in_one_file():
    found = [p for p in (ROOT / "marketplace").rglob("*.py") if ".commit(" in p.read_text() and "integrations" not in p.parts]
    assert found == [ROOT / "marketplace" / "core" / "db.py"]
