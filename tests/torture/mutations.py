"""Takes one guard of the money out of a copy of the code and runs the test that must turn red."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from marketplace.config import ROOT

LEFT_OUT = (".git", ".venv", "instance", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache", ".hypothesis")
KEEP_MONEY = "migrations/versions/2026_11_22_keep_money.py"


@dataclass(frozen=True)
class Mutation:
    """What is taken out, where (file, words, words instead), and the test that must see it."""

    name: str
    changes: tuple[tuple[str, str, str], ...]
    test: str


def _without(words: str) -> tuple[str, str, str]:
    """Return the change that takes a constraint out of the tables."""
    return KEEP_MONEY, words, ""


MUTATIONS = (
    Mutation("the WHERE of the pool's UPDATE", ((
        "marketplace/funding/operations/scarce.py",
        "POOL.c.reserved + POOL.c.captured + _X <= POOL.c.cap).values(reserved=POOL.c.reserved + _X)",
        "POOL.c.id > 0).values(reserved=POOL.c.reserved + _X)"),),
        "tests/races/test_funding_races.py::test_the_last_fen_of_a_pool_is_given_once_to_different_projects[postgresql]"),
    Mutation("the CHECK of the pool", (_without(
        "    sa.CheckConstraint('reserved >= 0 AND captured >= 0 AND reserved + captured <= cap', "
        "name=op.f('ck_matching_pool_no_overspend')),\n"),),
        "tests/funding/test_verifying.py::test_the_database_refuses_by_itself_to_give_more_than_there_is[sqlite]"),
    Mutation("the unique key of Stripe's events", (
        (KEEP_MONEY, "sa.UniqueConstraint('event_id', name=op.f('uq_stripe_event_event_id'))", "sa.CheckConstraint('1 = 1')"),),
        "tests/payments/test_stripe_webhook.py::test_a_thousand_shuffled_and_tripled_webhooks_end_as_once_in_order[sqlite]"),
    Mutation("the idempotency key of journals", (_without("    sa.UniqueConstraint('idem_key', name=op.f('uq_journal_idem_key')),\n"),),
             "tests/ledger/test_operations.py::test_the_same_key_is_posted_once[sqlite]"),
    Mutation("the idempotency key of forms", (_without("    sa.UniqueConstraint('client_key', name=op.f('uq_pledge_client_key')),\n"),),
             "tests/races/test_funding_races.py::test_the_same_form_sent_eight_times_is_one_pledge[postgresql]"),
)


def copy_code(folder: Path) -> Path:
    """Return a copy of the tree without what is installed or made."""
    copy = folder / "tree"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
    return copy


def run(copy: Path, test: str) -> tuple[int, str]:
    """Run one test in the copy; return pytest's answer (0: green, 1: red) and what it said."""
    done = subprocess.run([sys.executable, "-m", "pytest", "-n0", "-p", "no:randomly", "--no-header", test], cwd=copy,
                          capture_output=True, text=True, timeout=600, check=False)
    return done.returncode, (done.stdout + done.stderr)[-3_000:]


def apply(copy: Path, mutation: Mutation) -> None:
    """Take the guard out; stops when the words are not there (the code changed, the proof must follow)."""
    for name, words, instead in mutation.changes:
        path = copy / name
        text = path.read_text(encoding="utf-8")
        if text.count(words) != 1:
            msg = f"{mutation.name}: {text.count(words)} places in {name} say {words!r}"
            raise ValueError(msg)
        path.write_text(text.replace(words, instead), encoding="utf-8")
