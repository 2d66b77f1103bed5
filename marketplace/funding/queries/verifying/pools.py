"""Pools, their caps and what they gave: rows, live allocations and the ledger say the same (I2, I3, I4, I10, I11)."""

from collections.abc import Mapping
from typing import Any

from marketplace.funding.queries.verifying.flows import Flows
from marketplace.funding.queries.verifying.reading import Reader
from marketplace.funding.queries.verifying.report import Findings

_POOLS = """
SELECT m.ref, m.state, m.cap, m.reserved, m.captured, f.ref
FROM matching_pool m JOIN funder f ON f.id = m.funder_id ORDER BY m.id
"""
_ALLOCATIONS = """
SELECT a.ref, a.idem_key, m.ref, a.state, a.amount, a.returned, a.asked, p.ref, f.ref, j.ref, p.round_ref,
  r.per_pledge_cap, r.per_donor_cap, r.per_project_cap, r.per_round_cap
FROM allocation a JOIN matching_pool m ON m.id = a.pool_id JOIN pledge p ON p.id = a.pledge_id
JOIN funder f ON f.id = p.funder_id JOIN project j ON j.id = p.project_id JOIN matching_rule r ON r.id = a.rule_id
ORDER BY a.id
"""
_CAPS = """
SELECT m.ref, c.scope, c.subject_ref, c.cap, c.used
FROM pool_cap c JOIN matching_pool m ON m.id = c.pool_id ORDER BY c.id
"""
_MATCHED = """
SELECT m.ref, sum(p.amount - p.refunded) FROM pledge p JOIN matching_pool m ON m.id = p.pool_id
WHERE p.kind = 'matched' GROUP BY m.ref
"""
_NOTHING = (0, 0)
_SCOPES = ("donor", "project", "round")


class Given:
    """What the allocations of one pool come to."""

    def __init__(self) -> None:
        self.reserved = 0
        self.captured = 0
        self.scopes: dict[tuple[str, str], int] = {}             # (scope, subject) -> fen that live
        self.limits: dict[tuple[str, str], int | None] = {}      # the widest cap of the rules they were made by


def check_pools(reader: Reader, flows: Flows, findings: Findings, claims: Mapping[tuple[str, str], list[int]]) -> None:
    """Check every pool against its allocations, and both against the ledger."""
    given = _allocations(reader, findings, claims)
    matched = {ref: int(fen) for ref, fen in reader.rows(_MATCHED)}
    seen = set()
    for ref, state, cap, reserved, captured, funder in reader.rows(_POOLS):
        seen.add(ref)
        mine, where = given.get(ref, Given()), f"pool {ref}"
        for what, fen in (("its row", reserved + captured), ("its allocations", mine.reserved + mine.captured)):
            if fen > cap:
                findings.add("I2", f"more was given than there is, by {what}", where, cap, fen)
        if reserved < 0 or captured < 0:
            findings.add("I2", "a pool counts less than nothing", where, 0, min(reserved, captured))
        findings.equal("I3", "“reserved” is not what live allocations reserve", where, mine.reserved, reserved)
        findings.equal("I3", "“captured” is not what live allocations confirmed", where, mine.captured, captured)
        findings.equal("I3", "matched pledges are not what was captured", where, captured, matched.get(ref, 0))
        held = flows.balances.get(f"pool-reserved:{ref}", 0)
        findings.equal("I3", "the ledger reserves another sum", where, reserved, held)
        free = cap - reserved - captured if state in {"open", "paused"} else 0
        findings.equal("I11", "what is free is not what the ledger holds available", where, free,
                       flows.balances.get(f"pool-available:{ref}", 0))
        findings.equal("I10", "the pool faced another funder", where, {funder}, flows.funders.get(ref, {funder}))
    for ref in flows.pools.keys() - seen:
        findings.add("I10", "the ledger knows a pool that is not there", f"pool {ref}", "a row", None)
    _caps(reader, findings, given)


def _allocations(reader: Reader, findings: Findings, claims: Mapping[tuple[str, str], list[int]]) -> dict[str, Given]:
    """Add up what lives of every allocation; check each against the journals of its pledge."""
    given: dict[str, Given] = {}
    sums: dict[tuple[str, str], list[int]] = {}
    for row in reader.rows(_ALLOCATIONS):
        ref, _, pool, state, amount, returned, asked, pledge, *_ = row
        left, where = amount - returned, f"allocation {ref}"
        if not 0 <= returned <= amount or (state == "returned") != (left == 0):
            findings.add("I11", "a returned sum that is not all of it", where, f"{state}, of {amount}", returned)
        if amount > asked:
            findings.add("I4", "more was given than the rule asks for", where, asked, amount)
        mine = given.setdefault(pool, Given())
        if state == "reserved":
            mine.reserved += left
        else:
            mine.captured += left
        if left:
            _limit(findings, mine, row, left)
        both = sums.setdefault((pledge, pool), [0, 0])
        both[0] += amount
        both[1] += returned
    for key in sums.keys() | claims.keys():
        given_, back = sums.get(key, _NOTHING)
        given_by_books, back_by_books = claims.get(key, _NOTHING)
        where = f"pledge {key[0]}, pool {key[1]}"
        findings.equal("I10", "what was given is not what the journals say", where, given_by_books, given_)
        findings.equal("I11", "what was returned is not what the journals say", where, back_by_books, back)
    return given


def _limit(findings: Findings, mine: Given, row: tuple[Any, ...], left: int) -> None:
    """Count a live allocation for its donor, project and round; check the cap of a pledge."""
    per_pledge, *caps = row[11:]
    if per_pledge is not None and row[4] > per_pledge:
        findings.add("I4", "more than the cap of a pledge", f"allocation {row[0]}", per_pledge, row[4])
    for scope, subject, cap in zip(_SCOPES, row[8:11], caps, strict=True):
        if not subject:
            continue
        key = (scope, subject)
        mine.scopes[key] = mine.scopes.get(key, 0) + left
        known = mine.limits.get(key, 0)
        mine.limits[key] = None if cap is None or known is None else max(known, cap)


def _caps(reader: Reader, findings: Findings, given: Mapping[str, Given]) -> None:
    """Check the counted caps, and the caps of the rules by which the allocations were made."""
    counted: dict[tuple[str, str, str], int] = {}
    for pool, scope, subject, cap, used in reader.rows(_CAPS):
        where = f"pool {pool}, {scope} {subject}"
        counted[pool, scope, subject] = used
        mine = given.get(pool, Given())
        lives = mine.scopes.get((scope, subject), 0)
        findings.equal("I4", "“used” of a cap is not what live allocations use", where, lives, used)
        if cap is not None and lives > cap and lives > (mine.limits.get((scope, subject)) or lives):
            findings.add("I4", "a cap is exceeded", where, cap, lives)
    for pool, mine in given.items():
        for (scope, subject), fen in mine.scopes.items():
            where, limit = f"pool {pool}, {scope} {subject}", mine.limits[scope, subject]
            if (pool, scope, subject) not in counted:
                findings.add("I4", "a cap that nobody counted", where, fen, None)
            if limit is not None and fen > limit:
                findings.add("I4", "the cap of the rule is exceeded", where, limit, fen)
