"""Made-up instances in the size of a fair and of a province, from a seed: for figures and tests. Pure.

SYNTHETIC: sums, earmarks and values are drawn, no real fund or project stands behind them.
"""

from random import Random

from marketplace.fundplans.rules.instance import Asking, Fund, Instance

_CATEGORIES = tuple(f"A{number:02d}" for number in range(1, 13))
_AREAS = tuple(f"440605{number:03d}" for number in range(1, 12))
_BOUND, _PLACED, _CAPPED = 0.8, 0.6, 0.35     # shares of funds with an earmark of trades, of places, with a cap
_SHARES = ((1, 5), (3, 10), (2, 5), (1, 2), (7, 10))


def planted(projects: int, funds: int, *, money: float, seed: int = 1) -> Instance:
    """Return an instance whose funds have `money` times what all projects lack."""
    chance = Random(seed)  # noqa: S311 - test data
    asking = tuple(_project(chance, number) for number in range(projects))
    wanted = sum(one.gap for one in asking)
    weights = [chance.paretovariate(1.3) for _ in range(funds)]
    scale = wanted * money / sum(weights)
    return Instance(asking, tuple(_fund(chance, number, int(weight * scale)) for number, weight in enumerate(weights)))


def _project(chance: Random, number: int) -> Asking:
    """Return one project: 5 to 50 wan yuan, of which 30 to 100 per cent is missing, to the fen."""
    budget = chance.randrange(5_000_000, 50_000_000)
    return Asking(f"p{number:05d}", chance.randrange(450, 1_000), budget, budget * chance.randrange(30, 101) // 100,
                  chance.choice(_CATEGORIES), chance.choice(_AREAS))


def _fund(chance: Random, number: int, left: int) -> Fund:
    """Return one fund: most are bound to trades, many to places; a third caps what one project gets."""
    parts, of = chance.choice(_SHARES)
    trades = tuple(sorted(chance.sample(_CATEGORIES, chance.randrange(1, 6)))) if chance.random() < _BOUND else ()
    places = tuple(sorted(chance.sample(_AREAS, chance.randrange(2, 8)))) if chance.random() < _PLACED else ()
    cap = chance.randrange(3_000_000, 20_000_000) if chance.random() < _CAPPED else None
    return Fund(f"f{number:03d}", parts, of, left, cap, trades, places)
