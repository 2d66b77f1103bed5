"""Pledges against the ledger, project sums against both: every fen of every bucket (I3, I7, I10, I12)."""

from collections.abc import Mapping, Sequence
from typing import Any

from marketplace.funding.queries.verifying.flows import OUTSIDE, Flows, Pair
from marketplace.funding.queries.verifying.reading import Reader
from marketplace.funding.queries.verifying.report import Findings

COLUMNS = ("amount", "open", "paid", "held", "released", "disbursed", "refunding", "refunded", "disputed", "dropped")
_OPEN, _DISBURSED, _REFUNDED, _DROPPED = (COLUMNS.index(name) for name in ("open", "disbursed", "refunded", "dropped"))
_FIRST = 6                        # of the columns of money in a row of _PLEDGES
_NOTHING: Mapping[Pair, int] = {}
_MEANS: Mapping[Pair, tuple[tuple[str, int], ...]] = {     # what a movement says of a pledge
    ("commitment", "promised"): (("promised", 1),), ("promised", "commitment"): (("fallen", 1),),
    ("pool-reserved", "promised"): (("matched", 1),), ("pool-available", "promised"): (("matched", 1),),
    ("promised", "pool-available"): (("matched", -1),),
    ("held", "milestone"): (("released", 1),), ("milestone", "held"): (("released", -1),),
    **{(outside, "paid"): (("arrived", 1),) for outside in OUTSIDE},
    **{("paid", outside): (("arrived", -1), ("undone", 1)) for outside in OUTSIDE},
    **{(outside, "held"): (("clawed", 1),) for outside in OUTSIDE},
    **{("milestone", outside): (("spent", 1),) for outside in OUTSIDE},
    **{(account, outside): (("gone", 1),) for account in ("refund", "disputed") for outside in OUTSIDE},
}
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
    fen = row[_FIRST:]
    if amount != sum(places) or min(places) < 0:
        findings.add("I3", "the places of a pledge do not add up", f"pledge {ref}", amount, sum(places))
    says, arrived = _by_ledger(flows.pledges.get(ref, _NOTHING), kind)
    if says != fen:
        for what, told, found in zip(COLUMNS, says, fen, strict=True):
            findings.equal("I3", f"“{what}” is not what the ledger says", f"pledge {ref}", told, found)
    if kind == "own" and (key := f"pledge:{ref}:promise") not in keys:
        findings.add("I10", "a pledge without the journal of its promise", f"pledge {ref}", key, None)
    faced = flows.funders.get(ref)
    if faced is not None and (len(faced) > 1 or funder not in faced):
        findings.add("I10", "promised money came from another funder", f"pledge {ref}", funder, sorted(faced))
    if flows.sources.get(ref, {pool}) != {pool}:
        findings.add("I10", "matching money came from another pool", f"pledge {ref}", pool, sorted(flows.sources[ref]))
    _count(sums, (project, kind), fen, says, is_verbal=bool(is_verbal))
    if arrived:
        _count_money(sums, project, arrived, says)


def _by_ledger(moved: Mapping[Pair, int], kind: str) -> tuple[tuple[int, ...], int]:
    """Return what the amount and the places of a pledge are by the ledger alone, and what arrived for it."""
    stands: dict[str, int] = {}
    does: dict[str, int] = {}
    for pair, fen in moved.items():
        debit, credit = pair
        stands[debit] = stands.get(debit, 0) - fen
        stands[credit] = stands.get(credit, 0) + fen
        for what, sign in _MEANS.get(pair, ()):
            does[what] = does.get(what, 0) + sign * fen
    done, there = does.get, stands.get
    arrived, undone, spent = done("arrived", 0), done("undone", 0), done("spent", 0)
    amount = done("promised", 0) - undone if kind == "own" else done("matched", 0)
    return (amount, there("promised", 0), there("paid", 0), there("held", 0), done("released", 0) - spent,
            spent - done("clawed", 0), there("refund", 0), done("gone", 0), there("disputed", 0),
            done("fallen", 0) - arrived - undone), arrived


def _count(sums: Sums, key: Key, fen: Sequence[int], says: Sequence[int], *, is_verbal: bool) -> None:
    """Add one pledge to the sums of its project."""
    for table, row in ((sums.rows, fen), (sums.books, says)):
        mine = table.get(key)
        if mine is None:
            mine = table[key] = [0] * len(COLUMNS)
        for at, value in enumerate(row):
            if value:
                mine[at] += value
    if is_verbal:
        sums.verbal[key] = sums.verbal.get(key, 0) + fen[_OPEN]
    if fen[0] - fen[_REFUNDED] - fen[_DROPPED] > 0:
        sums.live[key] = sums.live.get(key, 0) + 1


def _count_money(sums: Sums, project: int, arrived: int, says: Sequence[int]) -> None:
    """Count money that really came for a project, went back and was paid out."""
    for table, fen in ((sums.arrived, arrived), (sums.refunded, says[_REFUNDED]), (sums.disbursed, says[_DISBURSED])):
        table[project] = table.get(project, 0) + fen


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
