"""What moved between which kinds of accounts, sorted by whose they are. The steps that may be are written down anew.

A pair (x, y) reads: `x` was debited, `y` was credited: in the books of promises and claims, money goes from x to y.
"""

from collections.abc import Mapping

from marketplace.funding.queries.verifying.books import Books
from marketplace.funding.queries.verifying.report import Findings

Pair = tuple[str, str]
OF_PLEDGE = frozenset({"promised", "paid", "held", "milestone", "refund", "disputed"})
OF_POOL = frozenset({"pool-available", "pool-reserved"})
OF_ACCOUNT = frozenset({"cash-bank", "cash-stripe", "transit", "fee", "suspense"})
_FAMILY = {"commitment": "funder", **dict.fromkeys(OF_PLEDGE, "pledge"), **dict.fromkeys(OF_POOL, "pool"),
           **dict.fromkeys(OF_ACCOUNT, "account")}
OUTSIDE = ("suspense", "cash-stripe", "cash-bank")
_STEPS = frozenset({
    ("commitment", "promised"), ("promised", "commitment"), ("pool-reserved", "promised"),
    ("promised", "pool-available"), ("pool-available", "promised"),
    *((outside, "paid") for outside in OUTSIDE), *(("paid", outside) for outside in OUTSIDE),
    ("paid", "held"), ("held", "milestone"), ("milestone", "held"),
    *(("milestone", outside) for outside in OUTSIDE), *((outside, "held") for outside in OUTSIDE),
    ("paid", "refund"), ("held", "refund"), ("refund", "held"),
    *(("refund", outside) for outside in OUTSIDE),
    ("paid", "disputed"), ("held", "disputed"), ("disputed", "held"),
    *(("disputed", outside) for outside in OUTSIDE),
    ("commitment", "pool-available"), ("pool-available", "commitment"),
    ("pool-available", "pool-reserved"), ("pool-reserved", "pool-available"),
    ("cash-bank", "suspense"), ("suspense", "cash-bank"), ("cash-stripe", "suspense"), ("suspense", "cash-stripe"),
    ("fee", "cash-bank"), ("cash-bank", "fee"), ("fee", "cash-stripe"), ("cash-stripe", "fee"), ("fee", "suspense"),
    ("suspense", "fee"), ("transit", "cash-stripe"), ("cash-stripe", "transit"), ("transit", "suspense"),
    ("suspense", "transit"), ("cash-bank", "transit"), ("transit", "cash-bank"),
})


class Flows:
    """Fen by pair of kinds, for each pledge, pool and account of a receiving body; milestones of pledges apart."""

    def __init__(self) -> None:
        self.balances: dict[str, int] = {}                   # credit minus debit
        self.pledges: dict[str, dict[Pair, int]] = {}
        self.pools: dict[str, dict[Pair, int]] = {}
        self.accounts: dict[str, dict[Pair, int]] = {}
        self.milestones: dict[str, dict[Pair, int]] = {}     # <pledge>:<number>
        self.funders: dict[str, set[str]] = {}               # pledge or pool -> commitments that faced it
        self.sources: dict[str, set[str]] = {}               # pledge -> pools that faced it
        self.known: set[str] = set()

    def net(self, pledge: str, *pairs: Pair) -> int:
        """Return the sum of these movements of one pledge."""
        mine = self.pledges.get(pledge, {})
        return sum(mine.get(pair, 0) for pair in pairs)


def total(moved: Mapping[Pair, int], *, to: str = "", out_of: str = "") -> int:
    """Return what came to a kind of account, or went out of it."""
    return sum(fen for (debit, credit), fen in moved.items() if (to and credit == to) or (out_of and debit == out_of))


def sort_flows(books: Books, findings: Findings) -> Flows:
    """Sort what moved; note every movement that no step makes (I10)."""
    flows = Flows()
    parts: dict[str, tuple[str, str]] = {}
    balances = flows.balances
    for (debit, credit), fen in books.flows.items():
        balances[debit] = balances.get(debit, 0) - fen
        balances[credit] = balances.get(credit, 0) + fen
        for code in (debit, credit):
            if code not in parts:
                kind, _, ref = code.partition(":")
                parts[code] = (kind, ref)
        (from_kind, from_ref), (to_kind, to_ref) = parts[debit], parts[credit]
        pair = (from_kind, to_kind)
        if pair not in _STEPS:
            findings.add("I10", "money moved as no step moves it", f"{debit} -> {credit}", "a known step", fen)
            continue
        _sort(flows, findings, pair, (from_ref, to_ref), fen)
    return flows


def _sort(flows: Flows, findings: Findings, pair: Pair, refs: tuple[str, str], fen: int) -> None:
    """Add one movement to everything that it touches."""
    left, right = pair
    one, other = refs
    if left == "milestone" or right == "milestone":
        one, other = _milestone(flows, pair, refs, fen)
    first, second = _FAMILY[left], _FAMILY[right]
    if first == second:
        if one != other:
            findings.add("I10", f"money moved between two of a {first}", f"{left} -> {right}", one, other)
        second = ""
    owners = {first: one, second: other}
    for family, sums in (("pledge", flows.pledges), ("pool", flows.pools), ("account", flows.accounts)):
        if family in owners:
            _add(sums, owners[family], pair, fen)
    mine = owners.get("pledge") or owners.get("pool") or ""
    if "funder" in owners:
        flows.funders.setdefault(mine, set()).add(owners["funder"])
    elif "pledge" in owners and "pool" in owners:
        flows.sources.setdefault(mine, set()).add(owners["pool"])


def _milestone(flows: Flows, pair: Pair, refs: tuple[str, str], fen: int) -> tuple[str, str]:
    """Count a movement of a milestone; return the references with that of its pledge in its place."""
    at = pair.index("milestone")
    _add(flows.milestones, refs[at], pair, fen)
    pledge = refs[at].partition(":")[0]
    return (pledge, refs[1]) if at == 0 else (refs[0], pledge)


def _add(sums: dict[str, dict[Pair, int]], key: str, pair: Pair, fen: int) -> None:
    """Add up one movement."""
    mine = sums.get(key)
    if mine is None:
        sums[key] = {pair: fen}
    else:
        mine[pair] = mine.get(pair, 0) + fen
