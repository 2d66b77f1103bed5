"""Pledges against the ledger, project sums against both: every fen of every bucket (I3, I7, I10, I12)."""

from collections.abc import Mapping
from typing import Any

from marketplace.funding.queries.verifying.flows import OUTSIDE, Flows
from marketplace.funding.queries.verifying.reading import Reader
from marketplace.funding.queries.verifying.report import Findings

PLACES = ("open", "paid", "held", "released", "disbursed", "refunding", "refunded", "disputed", "dropped")
COLUMNS = ("amount", *PLACES)
_ACCOUNTS = {"open": "promised", "paid": "paid", "held": "held", "refunding": "refund", "disputed": "disputed"}
_PLEDGES = """
SELECT p.ref, p.kind, p.project_id, f.ref, m.ref, p.is_verbal, p.amount, p.open, p.paid, p.held, p.released,
  p.disbursed, p.refunding, p.refunded, p.disputed, p.dropped
FROM pledge p JOIN funder f ON f.id = p.funder_id LEFT JOIN matching_pool m ON m.id = p.pool_id ORDER BY p.id
"""
_PROJECTS = """
SELECT f.project_id, f.kind, r.ref, f.donors, f.verbal, f.amount, f.open, f.paid, f.held, f.released, f.disbursed,
  f.refunding, f.refunded, f.disputed, f.dropped
FROM funded_project f JOIN project r ON r.id = f.project_id ORDER BY f.id
"""
_COSTS = "SELECT ref, amount, funded FROM cost_line ORDER BY id"
_ON_COSTS = """
SELECT c.ref, sum(p.amount - p.dropped - p.refunded)
FROM pledge p JOIN cost_line c ON c.id = p.cost_line_id WHERE p.kind = 'own' GROUP BY c.ref
"""
_MATCHED_ON_COSTS = """
SELECT c.ref, sum(a.amount - a.returned)
FROM allocation a JOIN pledge p ON p.id = a.pledge_id JOIN cost_line c ON c.id = p.cost_line_id GROUP BY c.ref
"""
Key = tuple[int, str]


class Sums:
    """What the pledges of each project and kind come to: by their rows, and by the ledger."""

    def __init__(self) -> None:
        self.rows: dict[Key, list[int]] = {}          # amount, then the places
        self.books: dict[Key, list[int]] = {}
        self.verbal: dict[Key, int] = {}
        self.live: dict[Key, int] = {}
        self.arrived: dict[int, int] = {}
        self.refunded: dict[int, int] = {}
        self.disbursed: dict[int, int] = {}


def check_pledges(reader: Reader, flows: Flows, findings: Findings, keys: set[str]) -> None:
    """Check every pledge, then what is kept of projects and costs."""
    sums, seen = Sums(), set()
    for row in reader.rows(_PLEDGES):
        seen.add(row[0])
        _pledge(flows, findings, sums, keys, row)
    for ref in flows.pledges.keys() - seen:
        findings.add("I10", "the ledger knows a pledge that is not there", f"pledge {ref}", "a row", None)
    _projects(reader, findings, sums)
    for project, spent in sums.disbursed.items():
        there = sums.arrived.get(project, 0) - sums.refunded.get(project, 0)
        if spent > there:
            findings.add("I7", "more was paid out than arrived and stayed", f"project id {project}", there, spent)
    _costs(reader, findings)


def _pledge(flows: Flows, findings: Findings, sums: Sums, keys: set[str], row: tuple[Any, ...]) -> None:
    """Check one pledge against the ledger and count it among the sums of its project."""
    ref, kind, project, funder, pool, is_verbal, amount, *places = row
    where = f"pledge {ref}"
    if amount != sum(places) or min(places) < 0:
        findings.add("I3", "the places of a pledge do not add up", where, amount, sum(places))
    fen = dict(zip(COLUMNS, (amount, *places), strict=True))
    says = _by_ledger(flows, ref, kind)
    for what in COLUMNS:
        if says[what] != fen[what]:
            findings.add("I3", f"“{what}” is not what the ledger says", where, says[what], fen[what])
    if kind == "own" and f"pledge:{ref}:promise" not in keys:
        findings.add("I10", "a pledge without the journal of its promise", where, f"pledge:{ref}:promise", None)
    faced = flows.funders.get(ref)
    if faced is not None and faced != {funder}:
        findings.add("I10", "promised money came from another funder", where, funder, sorted(faced))
    if flows.sources.get(ref, {pool}) != {pool}:
        findings.add("I10", "matching money came from another pool", where, pool, sorted(flows.sources[ref]))
    _count(sums, (project, kind), fen, says, is_verbal=bool(is_verbal))


def _by_ledger(flows: Flows, ref: str, kind: str) -> dict[str, int]:
    """Return what the amount and the places of a pledge are by the ledger alone."""
    mine = flows.pledges.get(ref, {})
    get, balance = mine.get, flows.balances.get
    arrived = sum(get((outside, "paid"), 0) - get(("paid", outside), 0) for outside in OUTSIDE)
    clawed = sum(get((outside, "held"), 0) for outside in OUTSIDE)
    spent = sum(get(("milestone", outside), 0) for outside in OUTSIDE)
    gone = sum(get(("refund", outside), 0) + get(("disputed", outside), 0) for outside in OUTSIDE)
    back_to_promise = sum(get(("paid", outside), 0) for outside in OUTSIDE)
    promises, fallen = get(("commitment", "promised"), 0), get(("promised", "commitment"), 0)
    if kind == "own":
        amount = promises - back_to_promise
    else:
        amount = (get(("pool-reserved", "promised"), 0) + get(("pool-available", "promised"), 0)
                  - get(("promised", "pool-available"), 0))
    says = {place: balance(f"{account}:{ref}", 0) for place, account in _ACCOUNTS.items()}
    released = get(("held", "milestone"), 0) - get(("milestone", "held"), 0) - spent
    return {"amount": amount, "arrived": arrived, **says, "released": released, "disbursed": spent - clawed,
            "refunded": gone, "dropped": fallen - arrived - back_to_promise}


def _count(sums: Sums, key: Key, fen: Mapping[str, int], says: Mapping[str, int], *, is_verbal: bool) -> None:
    """Add one pledge to the sums of its project."""
    for table, by in ((sums.rows, fen), (sums.books, says)):
        mine = table.get(key)
        if mine is None:
            mine = table[key] = [0] * len(COLUMNS)
        for at, column in enumerate(COLUMNS):
            if value := by[column]:
                mine[at] += value
    if is_verbal:
        sums.verbal[key] = sums.verbal.get(key, 0) + fen["open"]
    if fen["amount"] - fen["dropped"] - fen["refunded"] > 0:
        sums.live[key] = sums.live.get(key, 0) + 1
    project, arrived = key[0], says["arrived"]
    if arrived:
        sums.arrived[project] = sums.arrived.get(project, 0) + arrived
        sums.refunded[project] = sums.refunded.get(project, 0) + says["refunded"]
        sums.disbursed[project] = sums.disbursed.get(project, 0) + says["disbursed"]


def _projects(reader: Reader, findings: Findings, sums: Sums) -> None:
    """Check what is kept of each project, and shown to the public, against its pledges and against the ledger."""
    left = dict(sums.rows)
    nothing = [0] * len(COLUMNS)
    for project, kind, ref, donors, verbal, *kept in reader.rows(_PROJECTS):
        key, where = (project, kind), f"project {ref} ({kind})"
        left.pop(key, None)
        for at, what in enumerate(COLUMNS):
            findings.equal("I3", f"“{what}” of a project is not the sum of its pledges", where,
                           sums.rows.get(key, nothing)[at], kept[at])
            findings.equal("I12", f"“{what}” shown of a project is not what the ledger says", where,
                           sums.books.get(key, nothing)[at], kept[at])
        findings.equal("I3", "“verbal” of a project is not the sum of its pledges", where,
                       sums.verbal.get(key, 0), verbal)
        findings.equal("I3", "“donors” of a project is not the number of its live pledges", where,
                       sums.live.get(key, 0), donors)
    for (project, kind), row in left.items():
        findings.add("I3", "pledges without the sums of their project", f"project id {project} ({kind})",
                     row[0], None)


def _costs(reader: Reader, findings: Findings) -> None:
    """Check that a cost is paid once: what its line counts is what live pledges and their matching money bring."""
    brought = {ref: int(fen) for ref, fen in reader.rows(_ON_COSTS)}
    for ref, fen in reader.rows(_MATCHED_ON_COSTS):
        brought[ref] = brought.get(ref, 0) + int(fen)
    for ref, amount, funded in reader.rows(_COSTS):
        findings.equal("I3", "“funded” of a cost is not what its pledges bring", f"cost line {ref}",
                       brought.get(ref, 0), funded)
        if brought.get(ref, 0) > amount:
            findings.add("I2", "a cost is paid twice", f"cost line {ref}", amount, brought[ref])
