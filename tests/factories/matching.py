"""Candidate pairs made with numbers alone: blocks of providers, projects written from one of them, scores with noise."""

import numpy as np

from marketplace.matching.rules.edges import Edges
from marketplace.matching.rules.hard import RULES
from marketplace.matching.rules.problem import in_order
from marketplace.matching.rules.weights import CRITERIA

SHARES = np.array((25, 25, 15, 15, 10, 10))


def make_edges(needs: int, providers: int, *, seed: int = 1, candidates: int = 50, tightness: float = 1.08,
               new_share: float = 0.08, wants: int = 1, blocks: int | None = None) -> Edges:
    """A market in blocks. `tightness`: places for each place asked for (1.08 tight, 7.5 slack)."""
    rng = np.random.default_rng(seed)
    blocks = blocks or max(1, providers // 100)
    block_of = rng.integers(0, blocks, providers)
    members = [np.flatnonzero(block_of == one) for one in range(blocks)]
    places = np.bincount(rng.integers(0, providers, int(needs * wants * tightness)), minlength=providers)
    quality = rng.normal(0, 60, providers)
    slots = np.repeat(np.arange(providers), places)
    truth = slots[rng.integers(0, len(slots), needs)]
    rows = []
    for need in range(needs):
        around = members[block_of[truth[need]]]
        around = around[places[around] > 0]
        picked = rng.choice(around, min(len(around), candidates), replace=False)
        base = 560 + quality[picked] + rng.normal(0, 90, len(picked)) + np.where(picked == truth[need], 180, 0)
        rows.append((np.full(len(picked), need), picked, np.clip(base, 60, 990).astype(np.int64)))
    need, provider, base = (np.concatenate(column) for column in zip(*rows, strict=True))
    parts = (base[:, None] * SHARES // 100).astype(np.int16)
    parts[:, 0] += (base - parts.sum(axis=1)).astype(np.int16)
    return in_order(Edges(
        need_keys=np.arange(1, needs + 1, dtype=np.int64), provider_keys=np.arange(1, providers + 1, dtype=np.int64),
        needs=need.astype(np.int32), providers=provider.astype(np.int32), parts=parts,
        known=np.full(len(need), 63, np.uint8), channels=(rng.random(len(need)) < 0.05).astype(np.uint8),
        wants=np.full(needs, wants, np.int32),
        ruled_out=rng.integers(0, 50, (needs, len(RULES))).astype(np.int32), is_new=rng.random(providers) < new_share,
        running=rng.integers(0, 2, providers).astype(np.int32), free=places.astype(np.int32)))


def edges_of(values: dict[tuple[int, int], int], *, free: dict[int, int] | None = None,
             wants: dict[int, int] | None = None, new: set[int] = frozenset(),
             running: dict[int, int] | None = None, needs: set[int] = frozenset(),
             providers: set[int] = frozenset()) -> Edges:
    """Candidate pairs from (project, provider) -> tenths; all points stand in the first criterion."""
    need_keys = sorted({need for need, _ in values} | set(needs))
    provider_keys = sorted({provider for _, provider in values} | set(providers))
    parts = np.zeros((len(values), len(CRITERIA)), np.int16)
    parts[:, 0] = list(values.values())
    return in_order(Edges(
        need_keys=np.array(need_keys, np.int64), provider_keys=np.array(provider_keys, np.int64),
        needs=np.array([need_keys.index(need) for need, _ in values], np.int32),
        providers=np.array([provider_keys.index(provider) for _, provider in values], np.int32),
        parts=parts, known=np.full(len(values), 63, np.uint8), channels=np.zeros(len(values), np.uint8),
        wants=np.array([(wants or {}).get(need, 1) for need in need_keys], np.int32),
        ruled_out=np.zeros((len(need_keys), len(RULES)), np.int32),
        is_new=np.array([key in new for key in provider_keys], np.bool_),
        running=np.array([(running or {}).get(key, 0) for key in provider_keys], np.int32),
        free=np.array([(free or {}).get(key, 1) for key in provider_keys], np.int32)))
