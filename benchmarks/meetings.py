"""Meetings of a fair: 416 tables, 300 organizations, 12 rounds; points against the b-matching bound, and the time it takes."""

import statistics
import sys
import time
from pathlib import Path

import numpy as np

FAIR, SMALL = (416, 300, 12), (40, 30, 6)
KINDS, LIKED = 12, 0.2
AWAY_SHARE, MOST_AWAY = 0.2, 6
EXACT, NEAR, SECONDS = 1.0, 0.999, 2.0
SEEDS = (11, 12, 13, 14, 15)


def run(quick: bool = False) -> list[dict[str, object]]:
    """Return the lowest share of the bound and the median seconds over several synthetic fairs, with and without absences."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    size, seeds = (SMALL, SEEDS[:2]) if quick else (FAIR, SEEDS)
    name = f"{size[0]} x {size[1]} x {size[2]}"
    rows = []
    for words, away, bound in (("everybody there", 0.0, EXACT), ("a fifth away 1-6 rounds", AWAY_SHARE, NEAR)):
        for kind, is_dense in (("pairs of one kind", False), ("all pairs", True)):
            shares, times, apart = zip(*(_one(seed, size, away=away, is_dense=is_dense) for seed in seeds), strict=True)
            rows.append({"name": f"meetings {name}, {words}, {kind}", "value": round(min(shares), 6), "unit": "of the bound",
                         "ratio": round(min(shares) / statistics.mean(apart), 4), "to": "filling round after round",
                         "bound": bound, "met": min(shares) >= bound})
            rows.append({"name": f"meetings {name}, {words}, {kind}: time", "value": round(statistics.median(times), 3),
                         "unit": "s", "bound": SECONDS, "met": max(times) <= SECONDS})
    rows.append(_least(size, seeds))
    return rows


def fair(seed: int, size: tuple[int, int, int], *, away: float, is_dense: bool):
    """Return a synthetic fair: projects of twelve kinds, organizations that do some of them, each with a quality of its own."""
    from marketplace.meetings.rules.problems import Problem

    tables, organizations, rounds = size
    dice = np.random.default_rng(seed)
    kinds = dice.integers(0, KINDS, tables)
    does = dice.random((organizations, KINDS)) < LIKED
    points = dice.integers(150, 450, (tables, organizations)) + 350 * does[:, kinds].T + dice.integers(0, 200, organizations)
    shown = np.ones_like(points, np.bool_) if is_dense else does[:, kinds].T | (dice.random((tables, organizations)) < 0.05)
    left, right = np.nonzero(shown)
    presence = np.ones((tables + organizations, rounds), np.bool_)
    for party in np.flatnonzero(dice.random(tables + organizations) < away):
        presence[party, dice.permutation(rounds)[:dice.integers(1, min(MOST_AWAY, rounds) + 1)]] = False
    return Problem(tables, left, right + tables, points[shown].astype(np.int64), presence,
                   np.zeros(tables + organizations, np.int64))


def _one(seed: int, size: tuple[int, int, int], *, away: float, is_dense: bool) -> tuple[float, float, float]:
    """Return the share of the bound, the seconds, and the share that filling one round after the other reaches."""
    from marketplace.integrations.flows import OrtoolsFlows
    from marketplace.meetings.rules.scheduling import schedule

    made, flows = fair(seed, size, away=away, is_dense=is_dense), OrtoolsFlows()
    begin = time.perf_counter()
    found = schedule(made, flows)
    taken = time.perf_counter() - begin
    _check(made, found)
    return found.total / found.bound, taken, _round_by_round(made, flows) / found.bound


def _check(made, found) -> None:
    """Refuse a schedule with a conflict: a figure of it would be worth nothing."""
    assert len(set(found.pairs.tolist())) == len(found.pairs)
    for ends in (made.left, made.right):
        seats = list(zip(ends[found.pairs].tolist(), found.rounds.tolist(), strict=True))
        assert len(set(seats)) == len(seats)
        assert all(made.presence[seat] for seat in seats)


def _round_by_round(made, flows) -> int:
    """Return the points of the simple way: the best pairs of the first round, then of the second among the others."""
    from marketplace.meetings.rules.bmatching import Limits, solve

    free, total = np.ones(len(made.left), np.bool_), 0
    for place in range(made.rounds):
        there = made.presence[:, place]
        pairs = np.flatnonzero(free & there[made.left] & there[made.right])
        taken = pairs[solve(made, flows, pairs, worth=made.gains[pairs],
                            limits=Limits(there.astype(np.int64), np.zeros(len(there), np.int64)))]
        free[taken] = False
        total += int(made.gains[taken].sum())
    return total


def _least(size: tuple[int, int, int], seeds: tuple[int, ...]) -> dict[str, object]:
    """Return what a least number for every table, a third of the rounds, costs in points."""
    from dataclasses import replace

    from marketplace.integrations.flows import OrtoolsFlows
    from marketplace.meetings.rules.scheduling import schedule

    shares = []
    for seed in seeds:
        made, least = fair(seed, size, away=0.0, is_dense=False), np.zeros(size[0] + size[1], np.int64)
        least[:size[0]] = np.minimum(size[2] // 3, np.bincount(made.left, minlength=size[0]))
        free, asked = schedule(made, OrtoolsFlows()), schedule(replace(made, least=least), OrtoolsFlows())
        assert not asked.short
        shares.append(asked.total / free.total)
    return {"name": f"meetings {size[0]} x {size[1]} x {size[2]}, at least {size[2] // 3} for every table", "value": round(min(shares), 4), "unit": "of the points without",
            "bound": 0.98, "met": min(shares) >= 0.98}
