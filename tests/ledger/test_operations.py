"""Journals: posted once, reversed once, never changed, sealed into one chain."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from marketplace.core import chain
from marketplace.core.access import SYSTEM
from marketplace.core.money import Money
from marketplace.ledger.models import GUARDS, Journal, Transfer
from marketplace.ledger.operations import post, reverse, seal_batch
from marketplace.ledger.queries import balance, balances, heads, journals_of, verify_chain
from marketplace.ledger.rules import Posting
from tests.factories import NOW

SOON = NOW + timedelta(seconds=30)


def give(session, number, fen=100, **more):
    return post(session, actor=SYSTEM, idem_key=f"give:{number}", kind="pledge.promised", subject=("pledge", f"p{number}"),
                postings=[Posting("commitment:f1", f"promised:p{number}", Money(fen))], now=NOW, **more)


def sql(session, text, **values):
    session.execute(sa.text(text), values)
    session.expire_all()


@pytest.fixture
def sealed(session):
    """Six journals in the chain."""
    for number in range(6):
        give(session, number)
    assert seal_batch(session) == 6
    return session


@pytest.fixture
def unguarded(sealed):
    """Six sealed journals, and somebody who may do anything to the tables."""
    post_ = sealed.get_bind().dialect.name == "postgresql"
    names = [("journal", "unchanged"), ("journal", "undeleted"), ("transfer", "unchanged"), ("transfer", "unsealed")]
    for table, what in names + ([] if post_ else [("transfer", "undeleted")]):
        sealed.execute(sa.text(f"DROP TRIGGER {table}_{what}{f' ON {table}' if post_ else ''}"))
    return sealed


def test_a_journal_moves_money_and_is_found_by_its_subject(session):
    post(session, actor=SYSTEM, idem_key="a", kind="match.reserved", subject=("pledge", "p1"), now=NOW, postings=[
        Posting("pool-available:k1", "pool-reserved:k1", Money(700)), Posting("commitment:f1", "promised:p1", Money(300))])
    assert balance(session, "pool-available:k1") == Money(-700)
    assert balance(session, "pool-reserved:k1") == Money(700)
    assert balance(session, "held:nobody") == Money(0)
    assert balances(session, "pool-") == {"pool-available:k1": Money(-700), "pool-reserved:k1": Money(700)}
    (found,) = journals_of(session, ("pledge", "p1"))
    assert [(t.line, t.debit, t.credit, t.amount.fen) for t in found.transfers] == [
        (1, "pool-available:k1", "pool-reserved:k1", 700), (2, "commitment:f1", "promised:p1", 300)]
    assert journals_of(session, ("pledge", "p2")) == []


def test_balances_adds_both_sides_of_an_account_and_takes_signs_literally(session):
    give(session, 1, 900)
    post(session, actor=SYSTEM, idem_key="b", kind="x", subject=("pledge", "p1"), now=NOW,
         postings=[Posting("promised:p1", "commitment:f1", Money(250)), Posting("held:%_", "paid:p1", Money(5))])
    assert balances(session, "promised:p1") == {"promised:p1": Money(650)}
    assert balances(session, "held:%") == {"held:%_": Money(-5)}
    assert balances(session, "%") == {}


def test_the_same_key_is_posted_once(session):
    give(session, 1)
    with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
        give(session, 1)
    assert session.scalar(sa.select(sa.func.count()).select_from(Journal)) == 1


def test_a_journal_without_postings_is_refused(session):
    with pytest.raises(ValueError, match="moves something"):
        post(session, actor=SYSTEM, idem_key="a", kind="x", subject=("pledge", "p"), postings=[], now=NOW)


def test_a_journal_is_reversed_once(session):
    journal = session.get(Journal, give(session, 1, 4200))
    back = session.get(Journal, reverse(session, actor=SYSTEM, journal=journal, idem_key="back", kind="pledge.dropped", now=SOON))
    assert balance(session, "promised:p1") == balance(session, "commitment:f1") == Money(0)
    assert (back.reverses_id, back.subject_ref) == (journal.id, "p1")
    with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
        reverse(session, actor=SYSTEM, journal=journal, idem_key="again", kind="pledge.dropped", now=SOON)


@pytest.mark.parametrize("values", [
    {"amount": Money(0)}, {"amount": Money(-5)}, {"debit": "promised:p0"}, {"line": 1},
])
def test_the_database_refuses_a_transfer_that_moves_nothing(session, values):
    journal_id = give(session, 0)
    row = {"journal_id": journal_id, "line": 2, "debit": "held:a", "credit": "promised:p0", "amount": Money(1)} | values
    with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
        session.execute(sa.insert(Transfer), [row])


# ---------- the chain ----------

def test_the_chain_goes_on_over_batches_and_is_whole(session):
    for number in range(5):
        give(session, number)
    assert chain.seal(session, Journal.__table__, lock=1, limit=3) == 3
    assert [seal_batch(session), seal_batch(session)] == [2, 0]
    report = verify_chain(session, now=SOON)
    assert (report.ok, report.journals, report.sealed, report.unsealed, report.first_bad) == (True, 5, 5, 0, None)
    rows = session.scalars(sa.select(Journal).order_by(Journal.position)).all()
    head = chain.GENESIS
    for row in rows:
        head = chain.link(head, row.own_hash)
    assert rows[-1].chain_hash == head == report.head == heads(session)[-1][1]


def test_an_empty_ledger_is_whole(session):
    report = verify_chain(session, now=NOW)
    assert (report.ok, report.journals, report.head, heads(session), seal_batch(session)) == (True, 0, chain.GENESIS, [], 0)


def test_reversals_are_part_of_the_chain(session):
    journal = session.get(Journal, give(session, 1))
    reverse(session, actor=SYSTEM, journal=journal, idem_key="back", kind="x", now=SOON)
    seal_batch(session)
    assert verify_chain(session, now=SOON).ok


@pytest.mark.parametrize("change", [
    "UPDATE journal SET kind = 'x' WHERE position = 3", "UPDATE journal SET actor_id = 9 WHERE position = 3",
    "UPDATE journal SET reverses_id = (SELECT min(id) FROM journal) WHERE position = 3",
    "UPDATE transfer SET amount = 101 WHERE journal_id = (SELECT id FROM journal WHERE position = 3)",
    "UPDATE transfer SET credit = 'promised:mine' WHERE journal_id = (SELECT id FROM journal WHERE position = 3)",
    "DELETE FROM transfer WHERE journal_id = (SELECT id FROM journal WHERE position = 3)",
    "INSERT INTO transfer (journal_id, line, debit, credit, amount) SELECT id, 2, 'held:a', 'paid:a', 1 FROM journal WHERE position = 3",
    "UPDATE journal SET own_hash = 'x' WHERE position = 3", "UPDATE journal SET position = 33 WHERE position = 3",
])
def test_an_edit_is_found_where_it_is(unguarded, change):
    sql(unguarded, change)
    report = verify_chain(unguarded, now=SOON)
    assert (report.ok, report.first_bad) == (False, "3")


def test_a_cut_tail_is_found_against_heads_that_were_kept(unguarded):
    kept = dict(heads(unguarded))
    for table, column in (("transfer", "journal_id"), ("journal", "id")):
        sql(unguarded, f"DELETE FROM {table} WHERE {column} IN (SELECT id FROM journal WHERE position > 4)")
    assert verify_chain(unguarded, now=SOON).ok, "nothing inside the table can tell"
    assert verify_chain(unguarded, now=SOON, heads=kept).first_bad == "6"
    assert verify_chain(unguarded, now=SOON, heads={4: "0" * 64}).first_bad == "4"


def test_an_unsealed_tail_is_reported_and_may_not_grow_old(sealed):
    give(sealed, 9)
    young = verify_chain(sealed, now=NOW + chain.UNSEALED_LIMIT)
    assert (young.ok, young.sealed, young.unsealed) == (True, 6, 1)
    old = verify_chain(sealed, now=NOW + chain.UNSEALED_LIMIT + timedelta(seconds=1))
    assert (old.ok, old.is_stale, old.first_bad) == (False, True, None)


def test_an_edit_in_the_unsealed_tail_is_found(unguarded):
    give(unguarded, 9)
    sql(unguarded, "UPDATE transfer SET amount = 1 WHERE credit = 'promised:p9'")
    report = verify_chain(unguarded, now=SOON)
    assert report.first_bad == unguarded.scalar(sa.select(Journal.ref).where(Journal.position.is_(None)))


# ---------- what the database refuses ----------

@pytest.mark.parametrize("statement", [
    "UPDATE journal SET kind = 'x'", "UPDATE journal SET position = 99 WHERE position = 6", "UPDATE journal SET own_hash = 'x'",
    "UPDATE journal SET position = NULL, chain_hash = NULL", "DELETE FROM journal", "DELETE FROM journal WHERE position = 6",
    "UPDATE transfer SET amount = 1", "UPDATE transfer SET line = 9", "DELETE FROM transfer", "UPDATE transfer SET amount = amount",
    "INSERT INTO transfer (journal_id, line, debit, credit, amount) SELECT id, 2, 'held:a', 'paid:a', 1 FROM journal",
])
def test_the_database_refuses_to_change_what_was_posted(sealed, statement):
    with pytest.raises(sa.exc.DBAPIError, match="what was posted is never changed"), sealed.begin_nested():
        sealed.execute(sa.text(statement))
    assert verify_chain(sealed, now=SOON).ok


@pytest.mark.parametrize("statement", [
    "UPDATE journal SET kind = 'x', position = 1, chain_hash = 'y'", "UPDATE journal SET at = '2020-01-01', position = 1, chain_hash = 'y'",
    "DELETE FROM journal", "UPDATE transfer SET amount = 7",
])
def test_an_unsealed_journal_takes_its_place_in_the_chain_and_nothing_else(session, statement):
    give(session, 1)
    with pytest.raises(sa.exc.DBAPIError, match="what was posted is never changed"), session.begin_nested():
        session.execute(sa.text(statement))
    assert seal_batch(session) == 1
    assert verify_chain(session, now=SOON).ok


@pytest.mark.parametrize("table", ["journal", "transfer"])
def test_the_tables_cannot_be_emptied_on_postgresql(sealed, table):
    if sealed.get_bind().dialect.name != "postgresql":
        assert "truncate" not in " ".join(GUARDS["sqlite"]).lower(), "SQLite knows no TRUNCATE"
        return
    with pytest.raises(sa.exc.DBAPIError, match="what was posted is never changed"), sealed.begin_nested():
        sealed.execute(sa.text(f"TRUNCATE {table} CASCADE"))


def test_the_duty_of_the_worker_seals(ctx):
    from marketplace.core.db import db, transaction
    from marketplace.ledger.jobs import PERIODIC

    with transaction() as session:
        give(session, 1)
    seconds, duty = PERIODIC["ledger.seal"]
    assert seconds == 2.0
    duty()
    duty()
    assert verify_chain(db.session(), now=SOON).sealed == 1
