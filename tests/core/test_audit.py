"""The audit: what verification finds, and what the database refuses."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from marketplace.core import audit
from marketplace.core.access import SYSTEM
from marketplace.core.audit import GENESIS, GUARDS, AuditEvent, chain, heads, own_hash, record, seal_batch, verify
from tests.factories import NOW

SOON = NOW + timedelta(seconds=30)


def write(session, count, start=0):
    for number in range(start, start + count):
        record(session, actor=SYSTEM, action="thing.done", subject=("thing", str(number)), now=NOW, number=number, note="说明")


@pytest.fixture
def sealed(session):
    """Six events in the chain."""
    write(session, 6)
    assert seal_batch(session) == 6
    return session


@pytest.fixture
def unguarded(sealed):
    """Six sealed events, and somebody who may do anything to the table."""
    on = " ON audit_event" if sealed.get_bind().dialect.name == "postgresql" else ""
    second = "audit_event_untruncated" if on else "audit_event_undeleted"
    for trigger in ("audit_event_unchanged", second):
        sealed.execute(sa.text(f"DROP TRIGGER {trigger}{on}"))
    return sealed


def sql(session, text, **values):
    session.execute(sa.text(text), values)
    session.expire_all()


def test_an_untouched_chain_is_ok(sealed):
    report = verify(sealed, now=SOON)
    assert (report.ok, report.events, report.sealed, report.unsealed, report.first_bad) == (True, 6, 6, 0, None)
    assert report.head == heads(sealed)[-1][1]


def test_an_empty_audit_is_ok(session):
    report = verify(session, now=NOW)
    assert (report.ok, report.events, report.head) == (True, 0, GENESIS)
    assert heads(session) == []
    assert seal_batch(session) == 0


def test_the_chain_goes_on_over_batches(session, monkeypatch):
    monkeypatch.setattr(audit, "SEAL_BATCH", 4)
    write(session, 10)
    assert [seal_batch(session) for _ in range(4)] == [4, 4, 2, 0]
    assert verify(session, now=SOON).ok
    rows = session.scalars(sa.select(AuditEvent).order_by(AuditEvent.position)).all()
    head = GENESIS
    for row in rows:
        head = chain(head, row.own_hash)
    assert rows[-1].chain_hash == head


@pytest.mark.parametrize("change", [
    "actor_name = 'somebody'", "action = 'thing.undone'", "subject_ref = '99'", "organization_id = 7", "actor_id = 1", "ref = 'abc'",
])
def test_an_edit_is_found_where_it_is(unguarded, change):
    sql(unguarded, f"UPDATE audit_event SET {change} WHERE position = 3")
    report = verify(unguarded, now=SOON)
    assert (report.ok, report.first_bad) == (False, "3")


def test_an_edit_of_the_facts_or_the_time_is_found(unguarded):
    row = unguarded.scalar(sa.select(AuditEvent).where(AuditEvent.position == 2))
    row.facts = {"number": 2, "note": "另一个"}
    unguarded.flush()
    assert verify(unguarded, now=SOON).first_bad == "2"
    row.facts, row.at = {"number": 1, "note": "说明"}, NOW - timedelta(microseconds=1)
    unguarded.flush()
    assert verify(unguarded, now=SOON).first_bad == "2"


def test_an_edit_with_its_own_hash_made_new_is_found_by_the_chain(unguarded):
    row = unguarded.scalar(sa.select(AuditEvent).where(AuditEvent.position == 4))
    row.action = "thing.undone"
    row.own_hash = own_hash({name: getattr(row, name) for name in (
        "ref", "at", "actor_id", "actor_name", "organization_id", "action", "subject_kind", "subject_ref", "facts")})
    unguarded.flush()
    assert verify(unguarded, now=SOON).first_bad == "4"


def test_a_missing_row_is_found(unguarded):
    sql(unguarded, "DELETE FROM audit_event WHERE position = 3")
    assert verify(unguarded, now=SOON).first_bad == "3"


def test_a_missing_row_closed_up_is_found(unguarded):
    sql(unguarded, "DELETE FROM audit_event WHERE position = 3")
    for position in (4, 5, 6):
        sql(unguarded, "UPDATE audit_event SET position = :new WHERE position = :old", new=position - 1, old=position)
    assert verify(unguarded, now=SOON).first_bad == "3"


def test_two_rows_that_changed_places_are_found(unguarded):
    for old, new in ((2, 100), (5, 2), (100, 5)):
        sql(unguarded, "UPDATE audit_event SET position = :new WHERE position = :old", new=new, old=old)
    assert verify(unguarded, now=SOON).first_bad == "2"


def test_a_cut_tail_is_found_only_against_published_heads(unguarded):
    published = dict(heads(unguarded))
    sql(unguarded, "DELETE FROM audit_event WHERE position > 4")
    assert verify(unguarded, now=SOON).ok, "nothing inside the table can tell"
    report = verify(unguarded, now=SOON, heads=published)
    assert (report.ok, report.first_bad) == (False, "6")


def test_a_whole_chain_made_new_is_found_against_published_heads(unguarded):
    published = dict(heads(unguarded))
    sql(unguarded, "DELETE FROM audit_event")
    write(unguarded, 8, start=50)
    seal_batch(unguarded)
    assert verify(unguarded, now=SOON).ok
    assert verify(unguarded, now=SOON, heads=published).first_bad == "6"


def test_published_heads_of_an_untouched_chain_fit_for_ever(sealed):
    published = dict(heads(sealed))
    write(sealed, 5, start=6)
    seal_batch(sealed)
    assert verify(sealed, now=SOON, heads=published).ok


def test_every_thousandth_head_is_published(session, monkeypatch):
    monkeypatch.setattr(audit, "HEAD_EVERY", 3)
    write(session, 7)
    seal_batch(session)
    assert [position for position, _ in heads(session)] == [3, 6, 7]


def test_the_unsealed_tail_is_reported_and_may_not_grow_old(sealed):
    write(sealed, 2, start=6)
    young = verify(sealed, now=NOW + timedelta(seconds=60))
    assert (young.ok, young.events, young.sealed, young.unsealed) == (True, 8, 6, 2)
    old = verify(sealed, now=NOW + timedelta(seconds=61))
    assert not old.ok
    assert "sealer" in old.note


def test_an_edit_in_the_unsealed_tail_is_found(unguarded):
    write(unguarded, 1, start=6)
    sql(unguarded, "UPDATE audit_event SET action = 'x' WHERE position IS NULL")
    report = verify(unguarded, now=SOON)
    assert not report.ok
    assert report.first_bad == unguarded.scalar(sa.select(AuditEvent.ref).where(AuditEvent.position.is_(None)))


# ---------- what the database refuses ----------

@pytest.mark.parametrize("statement", [
    "UPDATE audit_event SET action = 'x'", "UPDATE audit_event SET facts = '{}'", "UPDATE audit_event SET position = 99 WHERE position = 6",
    "UPDATE audit_event SET chain_hash = 'x' WHERE position = 6", "UPDATE audit_event SET position = NULL, chain_hash = NULL WHERE position = 6",
    "UPDATE audit_event SET actor_id = 7 WHERE position = 1", "DELETE FROM audit_event WHERE position = 6", "DELETE FROM audit_event",
])
def test_the_database_refuses_to_change_or_delete_a_sealed_event(sealed, statement):
    with pytest.raises(sa.exc.DBAPIError, match=r"audit events are never (changed|deleted)"), sealed.begin_nested():
        sealed.execute(sa.text(statement))
    assert verify(sealed, now=SOON).ok


@pytest.mark.parametrize("statement", [
    "UPDATE audit_event SET action = 'x', position = 1, chain_hash = 'y'", "UPDATE audit_event SET position = 1", "UPDATE audit_event SET own_hash = 'x'",
    "UPDATE audit_event SET facts = '{}', position = 1, chain_hash = 'y'", "DELETE FROM audit_event",
])
def test_an_unsealed_event_takes_its_place_in_the_chain_and_nothing_else(session, statement):
    write(session, 1)
    with pytest.raises(sa.exc.DBAPIError, match=r"audit events are never"), session.begin_nested():
        session.execute(sa.text(statement))
    assert seal_batch(session) == 1


def test_the_table_cannot_be_emptied_on_postgresql(sealed):
    if sealed.get_bind().dialect.name != "postgresql":
        assert "truncate" not in " ".join(GUARDS["sqlite"]).lower(), "SQLite knows no TRUNCATE"
        return
    with pytest.raises(sa.exc.DBAPIError, match="never changed or deleted"), sealed.begin_nested():
        sealed.execute(sa.text("TRUNCATE audit_event"))


def test_a_database_made_from_the_models_is_guarded_like_a_migrated_one():
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        AuditEvent.__table__.create(connection)
        names = connection.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all()
    engine.dispose()
    assert sorted(names) == ["audit_event_unchanged", "audit_event_undeleted"]
