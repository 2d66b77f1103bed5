"""The books of matching money, reckoned from rows alone, for tests: they share no code with what is tested."""

from collections import Counter

from sqlalchemy import text
from sqlalchemy.orm import Session


def check_books(session: Session) -> None:
    """Counters, caps, cost lines and matched pledges equal the live allocations, and the ledger says the same (I1-I4)."""
    session.flush()
    live = session.execute(text(
        "SELECT a.pool_id, a.state, a.amount - a.returned AS left_, p.project_id, p.round_ref, p.cost_line_id, f.ref AS donor, j.ref AS project,"
        " p.ref AS pledge FROM allocation a JOIN pledge p ON p.id = a.pledge_id JOIN funder f ON f.id = p.funder_id"
        " JOIN project j ON j.id = p.project_id WHERE a.state <> 'returned'")).all()
    sums = Counter()
    for row in live:
        sums[row.pool_id, row.state] += row.left_
        for scope, name in (("donor", row.donor), ("project", row.project), ("round", row.round_ref)):
            if name:
                sums[row.pool_id, scope, name] += row.left_
        if row.state == "captured":
            sums["matched", row.pool_id, row.project_id] += row.left_
        if row.cost_line_id:
            sums["cost", row.cost_line_id] += row.left_
    ledger = balances(session)
    for pool in session.execute(text("SELECT p.*, f.ref AS funder FROM matching_pool p JOIN funder f ON f.id = p.funder_id")).all():
        assert pool.reserved == sums[pool.id, "reserved"]
        assert pool.captured == sums[pool.id, "captured"]
        assert 0 <= pool.reserved + pool.captured <= pool.cap
        promised = pool.cap - pool.reserved - pool.captured if pool.state in ("open", "paused") else 0
        assert ledger[f"pool-available:{pool.ref}"] == promised
        assert ledger[f"pool-reserved:{pool.ref}"] == pool.reserved
    for cap in session.execute(text("SELECT * FROM pool_cap")).all():
        assert cap.used == sums.pop((cap.pool_id, cap.scope, cap.subject_ref), 0)
        assert cap.cap is None or cap.used <= cap.cap
    assert not [key for key in sums if len(key) == 3 and key[1] in ("donor", "project", "round") and sums[key]]
    for pledge in session.execute(text("SELECT * FROM pledge")).all():
        if pledge.kind == "matched":
            assert pledge.amount - pledge.refunded == sums["matched", pledge.pool_id, pledge.project_id]
        for bucket, account in (("open", "promised"), ("paid", "paid"), ("held", "held"), ("refunding", "refund")):
            assert ledger[f"{account}:{pledge.ref}"] == getattr(pledge, bucket), (pledge.kind, bucket)
    check_projects(session)
    check_cost_lines(session, sums)


def check_projects(session: Session) -> None:
    """A project's sums are those of its pledges."""
    buckets = ("amount", "open", "paid", "held", "released", "disbursed", "refunding", "refunded", "disputed", "dropped")
    added = ", ".join(f"coalesce(sum(p.{name}), 0) AS {name}" for name in buckets)
    for row in session.execute(text("SELECT * FROM funded_project")).all():
        real = session.execute(text(f"SELECT {added} FROM pledge p WHERE project_id = :project AND kind = :kind"),
                               {"project": row.project_id, "kind": row.kind}).one()
        assert {name: getattr(row, name) for name in buckets} == {name: getattr(real, name) for name in buckets}
        donors = session.execute(text(
            "SELECT count(*) FROM pledge WHERE project_id = :project AND kind = :kind AND amount - refunded - dropped > 0"),
            {"project": row.project_id, "kind": row.kind}).scalar_one()
        assert row.donors == donors


def check_cost_lines(session: Session, sums: Counter) -> None:
    """A cost line is funded by the live parts of its pledges and their matching money, once."""
    for line in session.execute(text("SELECT * FROM cost_line")).all():
        own = session.execute(text(
            "SELECT coalesce(sum(amount - dropped - refunded), 0) FROM pledge WHERE cost_line_id = :id"), {"id": line.id}).scalar_one()
        assert line.funded == own + sums["cost", line.id]


def balances(session: Session) -> Counter:
    """Every account's balance, added up transfer by transfer."""
    found: Counter = Counter()
    for row in session.execute(text("SELECT debit, credit, amount FROM transfer")).all():
        found[row.debit] -= row.amount
        found[row.credit] += row.amount
    assert sum(found.values()) == 0
    return found
