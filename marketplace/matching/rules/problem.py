"""The problem that is solved: candidate pairs with their values, places, wishes; hashed, so it can be named. Pure."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.rules.edges import Edges, Ints32
from marketplace.matching.rules.edits import Added, Candidate, Pair, Wishes
from marketplace.matching.rules.weights import CRITERIA, TENTHS, Weights

ASSUMED_FREE = 1                         # places of a provider that has not said how many it has; pages say so
Mask = NDArray[np.bool_]
Ints64 = NDArray[np.int64]


@dataclass(frozen=True)
class Problem:
    """Pairs and places as the solver sees them; points are integers in tenths.

    Of each pair: `values` (points, newcomer bonus, bonus of a pair that was in force), `stay` (what keeping it is worth
    to the solver beyond that), `stands` (stands now: it wins ties), `is_open` (may be chosen), `is_fixed` (must be
    kept: pinned or confirmed), `is_held` (was in force). Of each need: `units` still to be given beyond the fixed
    pairs, `takes_part`. Of each provider: `places` left beyond the fixed pairs, `capacity` before them, `fixed` pairs,
    `is_assumed` (it has not said).
    """

    edges: Edges
    weights: Weights
    wishes: Wishes
    values: Ints64
    stay: Ints64
    stands: Mask
    is_open: Mask
    is_fixed: Mask
    is_held: Mask
    units: Ints64
    takes_part: Mask
    capacity: Ints64
    places: Ints64
    fixed: Ints64
    is_assumed: Mask

    @property
    def least(self) -> int:
        """Return the total under which nobody is proposed, in tenths."""
        return self.weights.least * TENTHS

    @property
    def load(self) -> int:
        """Return the malus per project in hand or given beyond the first, in tenths."""
        return self.weights.load * TENTHS

    @property
    def wanted(self) -> Ints64:
        """Return how many providers each need that takes part asks for, the fixed ones included."""
        return self.units + np.bincount(self.edges.needs[self.is_fixed], minlength=len(self.units))

    @property
    def is_apart(self) -> Mask:
        """Return which pairs may not be chosen because their provider is tied to another of the project."""
        return _marked(self.edges, self.wishes.apart)

    def malus(self, providers: Ints32, ranks: Ints64) -> Ints64:
        """Return the load malus of the pair that is number `rank` (from 0) of its provider."""
        found: Ints64 = self.load * (self.edges.running[providers].astype(np.int64) + ranks)
        return found


def make(edges: Edges, weights: Weights, wishes: Wishes | None = None, *, held: Iterable[Pair] = (),
         standing: Iterable[Pair] = (), is_live: bool = False) -> Problem:
    """Return the problem of stored pairs with the wishes applied.

    `held`: pairs of the published run when this run began; their bonus shows among the contributions. `standing`: the
    pairs of this run now: they win ties, and while it is published (`is_live`) their bonus steers the solver, so that
    changes are few.
    """
    wishes = wishes or Wishes()
    edges = with_candidates(with_needs(edges, wishes.added), wishes.brought)
    bonus = weights.switching * TENTHS
    is_held, stands = _marked(edges, held), _marked(edges, standing)
    values = edges.base().astype(np.int64) + np.where(edges.is_new[edges.providers], weights.newcomer * TENTHS, 0) \
        + np.where(is_held, bonus, 0)
    takes_part = ~np.isin(edges.need_keys, _ints(wishes.no_projects))
    serves = ~np.isin(edges.provider_keys, _ints(wishes.no_providers))
    is_fixed = _marked(edges, wishes.fixed)
    wants = _changed(edges.need_keys, edges.wants, wishes.wanted)
    free = _changed(edges.provider_keys, edges.free, wishes.capacities)
    is_assumed = free < 0
    capacity = np.where(serves, np.where(is_assumed, ASSUMED_FREE, free), 0).astype(np.int64)
    fixed = np.bincount(edges.providers[is_fixed], minlength=len(capacity)).astype(np.int64)
    given = np.bincount(edges.needs[is_fixed], minlength=len(wants))
    units = np.where(takes_part, np.maximum(wants - given, 0), 0).astype(np.int64)
    places = np.maximum(capacity - fixed, 0)
    is_open = (units > 0)[edges.needs] & (places > 0)[edges.providers] & ~is_fixed \
        & ~_marked(edges, wishes.forbids | wishes.apart)
    stay = np.where(stands & ~is_held & is_live, bonus, 0).astype(np.int64)
    return Problem(edges, weights, wishes, values, stay, stands, is_open, is_fixed, is_held, units, takes_part,
                   capacity, places, fixed, is_assumed & serves)


def with_needs(edges: Edges, added: Mapping[int, Added]) -> Edges:
    """Return the columns with projects added that were posted later; their pairs are added by `with_candidates`."""
    known = set(edges.need_keys.tolist())
    new = [(key, one) for key, one in sorted(added.items()) if key not in known]
    if not new:
        return edges
    return replace(
        edges, need_keys=np.concatenate([edges.need_keys, np.array([key for key, _ in new], np.int64)]),
        wants=np.concatenate([edges.wants, np.array([one.wants for _, one in new], np.int32)]),
        ruled_out=np.concatenate([edges.ruled_out, np.array([one.ruled_out for _, one in new], np.int32)]))


def with_candidates(edges: Edges, candidates: Mapping[Pair, Candidate]) -> Edges:
    """Return the pairs with those added that people asked for although they were no candidates."""
    known_needs = set(edges.need_keys.tolist())
    present = set(pairs_of(edges, _marked(edges, candidates)))
    extra = [(pair, one) for pair, one in sorted(candidates.items())
             if pair not in present and pair[0] in known_needs]
    if not extra:
        return edges
    new = {one.provider: one for _, one in extra if one.provider not in set(edges.provider_keys.tolist())}
    providers = np.concatenate([edges.provider_keys, np.array(sorted(new), np.int64)])
    added = [new[key] for key in sorted(new)]
    grown = replace(
        edges, provider_keys=providers,
        is_new=np.concatenate([edges.is_new, np.array([one.is_new for one in added], np.bool_)]),
        running=np.concatenate([edges.running, np.array([one.running for one in added], np.int32)]),
        free=np.concatenate([edges.free, np.array([one.free for one in added], np.int32)]),
        needs=np.concatenate([edges.needs, _places(edges.need_keys, [pair[0] for pair, _ in extra])]),
        providers=np.concatenate([edges.providers, _places(providers, [pair[1] for pair, _ in extra])]),
        parts=np.concatenate([edges.parts, np.array([one.parts for _, one in extra], np.int16)]),
        known=np.concatenate([edges.known, np.array([one.known for _, one in extra], np.uint8)]),
        channels=np.concatenate([edges.channels, np.array([one.channel for _, one in extra], np.uint8)]))
    return in_order(grown)


def without(edges: Edges, projects: Iterable[int], providers: Iterable[int]) -> Edges:
    """Return the pairs without some projects and providers: those that are gone."""
    needs_stay = ~np.isin(edges.need_keys, _ints(projects))
    providers_stay = ~np.isin(edges.provider_keys, _ints(providers))
    rows = needs_stay[edges.needs] & providers_stay[edges.providers]
    need_at, provider_at = np.cumsum(needs_stay) - 1, np.cumsum(providers_stay) - 1
    return Edges(
        need_keys=edges.need_keys[needs_stay], provider_keys=edges.provider_keys[providers_stay],
        needs=need_at[edges.needs[rows]].astype(np.int32),
        providers=provider_at[edges.providers[rows]].astype(np.int32),
        parts=edges.parts[rows], known=edges.known[rows], channels=edges.channels[rows], wants=edges.wants[needs_stay],
        ruled_out=edges.ruled_out[needs_stay], is_new=edges.is_new[providers_stay],
        running=edges.running[providers_stay], free=edges.free[providers_stay])


def without_pairs(edges: Edges, pairs: Iterable[Pair]) -> Edges:
    """Return the pairs without some of them: those that a rule has come to stand against."""
    stay = ~_marked(edges, frozenset(pairs))
    return replace(edges, needs=edges.needs[stay], providers=edges.providers[stay], parts=edges.parts[stay],
                   known=edges.known[stay], channels=edges.channels[stay])


def closed(problem: Problem, pairs: frozenset[Pair]) -> Problem:
    """Return the problem in which some pairs may not be chosen: their providers are tied to another of the project."""
    return replace(problem, wishes=replace(problem.wishes, apart=problem.wishes.apart | pairs),
                   is_open=problem.is_open & ~_marked(problem.edges, pairs))


def in_order(edges: Edges) -> Edges:
    """Return the pairs by need, then total (highest first), then provider key: the order every run keeps."""
    order = np.lexsort((edges.provider_keys[edges.providers], -edges.base(), edges.needs))
    return replace(edges, needs=edges.needs[order], providers=edges.providers[order], parts=edges.parts[order],
                   known=edges.known[order], channels=edges.channels[order])


def pairs_of(edges: Edges, chosen: Mask | Ints64) -> list[Pair]:
    """Return the keys of the chosen pairs."""
    return list(zip(edges.need_keys[edges.needs[chosen]].tolist(),
                    edges.provider_keys[edges.providers[chosen]].tolist(), strict=True))


def inputs_sha256(edges: Edges, weights: Weights, wishes: Wishes | None = None, *, held: Iterable[Pair] = (),
                  standing: Iterable[Pair] = (), is_live: bool = False) -> str:
    """Return the SHA-256 over the canonical bytes of all that decides the outcome; the same inputs, the same hash."""
    made = hashlib.sha256()
    for one in fields(edges):
        column = np.ascontiguousarray(getattr(edges, one.name))
        made.update(f"{one.name}:{column.dtype.str}:{column.shape};".encode())
        made.update(column.tobytes())
    rest = {"weights": weights.as_plain(), "wishes": (wishes or Wishes()).as_plain(), "held": sorted(held),
            "standing": sorted(standing), "is_live": is_live,
            "criteria": [str(one) for one in CRITERIA], "assumed": ASSUMED_FREE}
    made.update(json.dumps(rest, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode())
    return made.hexdigest()


def _ints(keys: Iterable[int]) -> Ints64:
    """Return keys as a sorted array."""
    return np.array(sorted(keys), np.int64)


def _places(keys: Ints64, wanted: list[int]) -> Ints32:
    """Return where keys stand."""
    order = np.argsort(keys, kind="stable")
    found: Ints32 = order[np.searchsorted(keys, np.array(wanted, np.int64), sorter=order)].astype(np.int32)
    return found


def _marked(edges: Edges, pairs: Iterable[Pair]) -> Mask:
    """Return which candidate pairs are among `pairs`; unknown ones are passed over."""
    wanted = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    mask = np.zeros(len(edges.needs), np.bool_)
    if not len(wanted):
        return mask
    among = np.isin(edges.need_keys, wanted[:, 0])[edges.needs]
    rows = np.flatnonzero(among)
    needs, providers = edges.need_keys[edges.needs[rows]], edges.provider_keys[edges.providers[rows]]
    keys = np.unique(np.concatenate([wanted[:, 1], providers]))
    codes = needs * len(keys) + np.searchsorted(keys, providers)
    asked = wanted[:, 0] * len(keys) + np.searchsorted(keys, wanted[:, 1])
    mask[rows] = np.isin(codes, asked)
    return mask


def _changed(keys: Ints64, column: Ints32, changes: Mapping[int, int]) -> Ints64:
    """Return a column with the numbers that people gave instead."""
    made = column.astype(np.int64)
    known = set(keys.tolist()) if changes else set()
    for key, value in sorted(changes.items()):
        if key in known:
            made[_places(keys, [key])] = value
    return made
