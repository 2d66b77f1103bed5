"""How well a planted world is solved: is the true provider found, is the total the best, who slips through. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from marketplace.core.ports import FlowSolver, ProgramSolver
from marketplace.matching.rules import assignment, bounds
from marketplace.matching.rules.candidates import Wish, candidates
from marketplace.matching.rules.edges import Edges
from marketplace.matching.rules.facts import NeedFacts, ProviderFacts
from marketplace.matching.rules.grams import Reader
from marketplace.matching.rules.market import Market
from marketplace.matching.rules.metrics import evaluate_assignment
from marketplace.matching.rules.planted import PROVIDER_COLUMNS, TRUTH_COLUMNS
from marketplace.matching.rules.problem import make
from marketplace.matching.rules.real_rows import MalformedError, Row, need_of, provider_of, rows_of
from marketplace.matching.rules.weights import TENTHS, Weights

FULL_UP_TO = 1_000                       # projects: so many are also held against all pairs that no rule forbids
LP_UP_TO = 20_000                        # projects: HiGHS takes minutes above; the prices prove the same bound
DEPTHS = (1, 5, 50)
_TOP = 5


@dataclass(frozen=True)
class PlantedWorld:
    """Both sides as facts, keys are places in the files; where each id stands, and the truth about them.

    The texts are Simplified already. Rows are not kept: a large world is read once, row by row.
    """

    needs: list[NeedFacts]
    providers: list[ProviderFacts]
    place_of_need: Mapping[str, int]
    place_of_provider: Mapping[str, int]
    truth: Sequence[Row]


def read_world(needs: Iterable[str], providers: Iterable[str], truth: Iterable[str]) -> PlantedWorld:
    """Return the world in the lines of three CSV files; raises MalformedError."""
    place_of_need: dict[str, int] = {}
    place_of_provider: dict[str, int] = {}
    asked = [need_of(row, _numbered(place_of_need, row["project_id"]), str) for row in rows_of(needs, "project_id")]
    offered = [provider_of(row, _numbered(place_of_provider, row["org_id"]), str, are_stated=True)
               for row in rows_of(providers, "org_id", needed=PROVIDER_COLUMNS[-3:])]
    known = list(rows_of(truth, "project_id", needed=TRUTH_COLUMNS))
    for row in known:
        if row["project_id"] not in place_of_need or row["org_id"] not in place_of_provider:
            raise MalformedError(f"the truth names {row['project_id']} and {row['org_id']}: one of them is not there")
    return PlantedWorld(asked, offered, place_of_need, place_of_provider, known)


def _numbered(places: dict[str, int], ref: str) -> int:
    """Give an id the next place."""
    if ref in places:
        raise MalformedError(f"{ref} stands there twice")
    places[ref] = len(places)
    return places[ref]


def evaluate(world: PlantedWorld, *, reader: Reader, flows: FlowSolver, programs: ProgramSolver,
             weights: Weights | None = None) -> dict[str, object]:
    """Return the figures but for time and memory."""
    used, needs = weights or Weights(), world.needs
    market = Market(world.providers, reader)
    world.providers.clear()              # the market holds what is needed of them
    edges = candidates(market, needs, Wish(used))
    found = evaluate_assignment(edges, used, flows, programs if len(needs) <= LP_UP_TO else None)
    full = None
    if len(needs) <= FULL_UP_TO:
        bound = bounds.lp_bound(make(candidates(market, needs, Wish(used, is_full=True)), used), programs)
        full = round(float(found["objective"] or 0) / bound, 6) if bound else 1.0
    return {"ratio_to_lp": found["ratio_to_lp"], "ratio_to_full_lp": full, "matched_share": found["matched_share"],
            **_ranks(world, edges, used), "blocking_pairs": found["blocking_pairs"], "gini": found["gini"],
            "newcomer_share": found["newcomer_share"], "pairs": len(edges.needs),
            "greedy": greedy_gap(edges, used, flows) if len(needs) <= LP_UP_TO else None}


def greedy_gap(edges: Edges, weights: Weights, flows: FlowSolver) -> dict[str, float]:
    """Return how much more the best assignment gives than the best pair first: of total, of projects (points)."""
    problem = make(edges, weights)
    best, plain = assignment.solve(problem, flows), assignment.greedy(problem)
    sums = [int(one.totals.sum()) for one in (best, plain)]
    share = [float(np.count_nonzero(one.given) / max(len(one.given), 1)) for one in (best, plain)]
    return {"more_total": round(sums[0] / sums[1] - 1, 4) if sums[1] else 0.0,
            "more_matched_points": round(100 * (share[0] - share[1]), 2)}


def _ranks(world: PlantedWorld, edges: Edges, weights: Weights) -> dict[str, object]:
    """Return where the true provider stands, and who of the planted roles is on the lists."""
    total = edges.base() + weights.newcomer * TENTHS * edges.is_new[edges.providers]
    order = np.lexsort((np.arange(len(total)), -total, edges.needs))
    starts = np.searchsorted(edges.needs[order], np.arange(len(edges.need_keys) + 1))
    keys = edges.provider_keys[edges.providers[order]]
    hits, truths = dict.fromkeys(DEPTHS, 0), 0
    roles = {"decoy": 0, "stuffed": 0, "twin": 0}
    for row in world.truth:
        at = world.place_of_need[row["project_id"]]
        place = np.flatnonzero(keys[starts[at]:starts[at + 1]] == world.place_of_provider[row["org_id"]])
        rank = int(place[0]) if len(place) else None
        if row["role"] == "truth":
            truths += 1
            for depth in DEPTHS:
                hits[depth] += rank is not None and rank < depth
        elif row["role"] in roles:
            roles[row["role"]] += rank is not None and (row["role"] == "decoy" or rank < _TOP)
    return {"decoys": roles["decoy"], "stuffed_top5": roles["stuffed"], "twins_top5": roles["twin"],
            **{f"recall_at_{depth}": round(hits[depth] / max(truths, 1), 4) for depth in DEPTHS}}
