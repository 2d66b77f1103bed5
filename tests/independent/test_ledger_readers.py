"""hledger reads the exported ledger, and its own arithmetic comes to every balance."""

import subprocess
from datetime import timedelta

import pytest

from marketplace.core.access import SYSTEM
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.ledger.operations import post
from marketplace.ledger.queries import balances
from marketplace.ledger.rules import Posting
from marketplace.ledger.rules.plain_text import name_of
from tests.factories import NOW

pytestmark = pytest.mark.documents


def hledger(text, *words):
    return subprocess.run(["hledger", "-f", "-", *words], input=text, capture_output=True, text=True, check=False)


@pytest.fixture
def exported(fresh_app):
    with fresh_app.app_context():
        with transaction() as session:
            for number in range(40):
                for step, (debit, credit) in enumerate((
                        ("commitment:f1", f"promised:p{number}"), ("cash-bank:b1", "suspense:b1"),
                        ("suspense:b1", f"paid:p{number}"), (f"promised:p{number}", "commitment:f1"), (f"paid:p{number}", f"held:p{number}"))):
                    post(session, actor=SYSTEM, idem_key=f"{number}:{step}", kind=f"step.{step}", subject=("pledge", f"p{number}"),
                         now=NOW + timedelta(days=number % 7), postings=[Posting(debit, credit, Money(10_000 + number))])
        ours = {name_of(code): -credit.fen for code, credit in balances(db.session(), "").items()}
    done = fresh_app.test_cli_runner().invoke(args=["ledger", "export", "--format", "hledger"])
    assert done.exit_code == 0
    return done.output, ours


def test_hledger_accepts_the_export_in_its_strictest_reading(exported):
    done = hledger(exported[0], "check", "--strict", "assertions", "accounts", "commodities")
    assert (done.returncode, done.stderr) == (0, "")


def test_hledger_comes_to_the_same_balances(exported):
    text, ours = exported
    done = hledger(text, "balance", "--flat", "--no-total", "--empty", "-O", "csv")
    theirs = {}
    for line in done.stdout.splitlines()[1:]:
        name, amount = line.replace('"', "").split(",", 1)
        theirs[name] = round(float(amount.removesuffix(" CNY").replace(",", "")) * 100)
    assert theirs == ours


def test_hledger_refuses_an_export_in_which_one_fen_was_changed(exported):
    text, _ = exported
    changed = text.replace("  Liabilities:Held:P7  -100.07 CNY", "  Liabilities:Held:P7  -100.06 CNY", 1)
    assert changed != text
    assert hledger(changed, "check").returncode != 0
