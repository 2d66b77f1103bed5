"""The ledger as other programs read it."""

from datetime import date, timedelta

import pytest

from marketplace.core.access import SYSTEM
from marketplace.core.db import transaction
from marketplace.core.money import Money
from marketplace.ledger.operations import post
from marketplace.ledger.rules import AccountKind, Posting, account
from marketplace.ledger.rules.plain_text import Entry, Format, name_of, write
from tests.factories import NOW

ONE = Entry(date(2026, 11, 23), "ref1", 'key"1', "pledge.promise", "pledge:p1", [("commitment:f1", "promised:p1", 12_345)])


def lines(*entries, form=Format.HLEDGER, opening=None, since=None):
    return list(write(iter(entries), opening or {}, form=form, currency="CNY", since=since))


def fill(count=1):
    """Promise, arrive, confirm, release, pay out; a pool that reserves; a fee."""
    with transaction() as session:
        for number in range(count):
            steps = [
                [("commitment:f1", f"promised:p{number}", 90_000)],
                [("pool-available:k1", "pool-reserved:k1", 45_000), ("commitment:f2", "pool-available:k1", 90_000)],
                [("cash-bank:b1", "suspense:b1", 90_000), ("fee:b1", "cash-bank:b1", 120)],
                [("suspense:b1", f"paid:p{number}", 90_000), (f"promised:p{number}", "commitment:f1", 90_000)],
                [(f"paid:p{number}", f"held:p{number}", 90_000)],
                [(f"held:p{number}", account(AccountKind.MILESTONE, f"p{number}", 2), 30_001)],
                [("suspense:b1", "cash-bank:b1", 30_001)], [(account(AccountKind.MILESTONE, f"p{number}", 2), "suspense:b1", 30_001)],
            ]
            for step, postings in enumerate(steps):
                post(session, actor=SYSTEM, idem_key=f"{number}:{step}", kind=f"step.{step}", subject=("pledge", f"p{number}"),
                     now=NOW + timedelta(days=step - number % 3), postings=[Posting(d, c, Money(fen)) for d, c, fen in postings])


def test_every_kind_of_account_has_a_name_in_other_books():
    for kind in AccountKind:
        assert name_of(account(kind, "4b4w9mav6xbk", 2)).endswith(":4B4W9MAV6XBK:2")
    assert len({name_of(account(kind, "x")) for kind in AccountKind}) == len(AccountKind)


def test_a_journal_in_hledgers_words():
    assert lines(ONE) == [
        "commodity 1000.00 CNY", "", "account Assets:Commitment:F1", "account Liabilities:Promised:P1", "",
        '2026-11-23 pledge.promise  ; pledge:p1 ref=ref1 key=key"1', "    Assets:Commitment:F1  123.45 CNY",
        "    Liabilities:Promised:P1  -123.45 CNY", "", "2026-11-23 closing balances",
        "    Assets:Commitment:F1  0.00 CNY = 123.45 CNY", "    Liabilities:Promised:P1  0.00 CNY = -123.45 CNY"]


def test_a_journal_in_beancounts_words():
    assert lines(ONE, form=Format.BEANCOUNT)[2:] == [
        "1970-01-01 open Assets:Commitment:F1 CNY", "1970-01-01 open Liabilities:Promised:P1 CNY", "",
        '2026-11-23 * "pledge.promise" "pledge:p1 ref=ref1 key=key\\"1"', "  Assets:Commitment:F1  123.45 CNY",
        "  Liabilities:Promised:P1  -123.45 CNY", "", "2026-11-24 balance Assets:Commitment:F1  123.45 ~ 0 CNY",
        "2026-11-24 balance Liabilities:Promised:P1  -123.45 ~ 0 CNY"]


def test_an_empty_ledger_asserts_nothing():
    assert lines() == ["commodity 1000.00 CNY", ""]
    assert lines(form=Format.BEANCOUNT) == ['option "operating_currency" "CNY"', "", ""]


def test_from_a_day_on_what_stood_before_opens_the_books():
    made = lines(ONE, opening={"commitment:f1": 700, "promised:p0": -700}, since=date(2026, 11, 20))
    at = made.index("2026-11-20 opening balances")
    assert made[at + 1:at + 3] == ["    Assets:Commitment:F1  7.00 CNY", "    Liabilities:Promised:P0  -7.00 CNY"]
    assert "    Assets:Commitment:F1  0.00 CNY = 130.45 CNY" in made


def export(app, form, *more):
    done = app.test_cli_runner().invoke(args=["ledger", "export", "--format", form, *more])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("since", [(), ("--since", "2026-11-27")])
def test_beancount_reads_the_export_without_an_error_and_comes_to_the_same_balances(fresh_app, since):
    from beancount.core import realization
    from beancount.loader import load_string

    from marketplace.core.db import db
    from marketplace.ledger.queries import balances

    with fresh_app.app_context():
        fill(7)
    entries, errors, _ = load_string(export(fresh_app, "beancount", *since))
    assert errors == []
    root = realization.realize(entries)
    with fresh_app.app_context():
        ours = balances(db.session(), "")
    for code, credit in ours.items():
        theirs = realization.get(root, name_of(code))
        number = theirs.balance.get_currency_units("CNY").number if theirs is not None else 0
        assert int(number * 100) == -credit.fen, code
    assert any(credit.fen for credit in ours.values())


def test_beancount_would_find_a_balance_that_is_not_ours(fresh_app):
    from beancount.loader import load_string

    with fresh_app.app_context():
        fill()
    text = export(fresh_app, "beancount").replace("balance Liabilities:Held:P0  -599.99", "balance Liabilities:Held:P0  -600.00")
    assert "599.99" not in text.rpartition("\n\n")[2], "the assertion was changed"
    assert [type(error).__name__ for error in load_string(text)[1]] == ["BalanceError"]


def test_the_export_needs_a_format_that_it_knows(fresh_app):
    done = fresh_app.test_cli_runner().invoke(args=["ledger", "export", "--format", "excel"])
    assert done.exit_code == 2


# ---------- verify and heads ----------

def test_the_command_checks_the_chain_against_heads_that_were_kept(fresh_app, tmp_path):
    from marketplace.ledger.operations import seal_batch

    run = fresh_app.test_cli_runner()
    with fresh_app.app_context():
        fill()
        with transaction() as session:
            assert seal_batch(session) == 8
    kept = tmp_path / "heads"
    kept.write_text(run.invoke(args=["ledger", "heads"]).output + "\n")
    done = run.invoke(args=["ledger", "verify", "--heads", str(kept)])
    assert (done.exit_code, done.output[:37]) == (0, "ok: 8 journals, 8 sealed, 0 unsealed,")
    kept.write_text("9 " + "0" * 64)
    done = run.invoke(args=["ledger", "verify", "--heads", str(kept)])
    assert done.exit_code == 1
    assert "first journal that does not fit: 9" in done.output
    kept.write_text("no head")
    assert run.invoke(args=["ledger", "verify", "--heads", str(kept)]).exit_code == 2


def test_the_command_says_that_nothing_seals(fresh_app):
    with fresh_app.app_context(), transaction() as session:
        post(session, actor=SYSTEM, idem_key="old", kind="x", subject=("pledge", "p"), now=NOW - timedelta(days=900),
             postings=[Posting("commitment:f", "promised:p", Money(1))])
    done = fresh_app.test_cli_runner().invoke(args=["ledger", "verify"])
    assert done.exit_code == 1
    assert "is a worker running?" in done.output
