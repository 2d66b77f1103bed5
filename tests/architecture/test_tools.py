"""The machine-checked habits: ruff, mypy strict, djlint."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(program, *words):
    return subprocess.run([Path(sys.executable).with_name(program), *words], cwd=ROOT, capture_output=True, text=True,
                          check=False)


def test_ruff_is_content():
    done = run("ruff", "check", "--no-cache", "--output-format", "concise", ".")
    assert done.returncode == 0, done.stdout[-5000:]


def test_mypy_is_content_in_strict_mode(tmp_path):
    done = run("mypy", "--cache-dir", str(tmp_path))
    assert done.returncode == 0, done.stdout[-5000:]


def test_benchmarks_call_what_is_there(tmp_path):
    """Nothing else imports them: a call that no longer fits would show only when somebody measures."""
    loose = ("union-attr", "index", "arg-type", "call-overload", "return-value", "var-annotated", "misc", "list-item")
    spared = [f"--disable-error-code={code}" for code in loose]
    done = run("mypy", "benchmarks", "--config-file=", "--python-version=3.11", "--check-untyped-defs", "--ignore-missing-imports",
               "--follow-imports=silent", "--cache-dir", str(tmp_path), *spared)
    assert done.returncode == 0, done.stdout[-5000:]


def test_djlint_is_content():
    done = run("djlint", "templates", "--lint", "--quiet")
    assert done.returncode == 0, done.stdout[-5000:]
