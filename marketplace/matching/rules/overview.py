"""The whole market as one run saw it: coverage by category and area, load. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.rules.edges import Edges

FEW = 3                                  # a project with fewer candidates has hardly a choice


@dataclass(frozen=True)
class Cell:
    """One category in one area: projects, how many have fewer than three candidates or none, how many got nobody."""

    category: str
    area: str
    projects: int
    providers: int
    few: int
    nobody: int
    unmatched: int


def candidates(edges: Edges) -> NDArray[np.int64]:
    """Return how many candidates each project has."""
    return np.bincount(edges.needs, minlength=edges.need_keys.size).astype(np.int64)


def coverage(edges: Edges, categories: Sequence[str], areas: Sequence[str], given: Sequence[int]) -> tuple[Cell, ...]:
    """Return the cells of the market, in the order of category and area.

    `categories`, `areas`: of each project; `given`: how many providers each project got.
    """
    found, groups = candidates(edges), dict[tuple[str, str], list[int]]()
    for place, where in enumerate(zip(categories, areas, strict=True)):
        groups.setdefault(where, []).append(place)
    of_cell = np.zeros(edges.need_keys.size, dtype=np.int64)
    for number, places in enumerate(groups.values()):
        of_cell[places] = number
    pairs = np.unique(np.stack([of_cell[edges.needs], edges.providers.astype(np.int64)]), axis=1)
    distinct = np.bincount(pairs[0], minlength=max(len(groups), 1))
    return tuple(sorted(
        (Cell(category, area, len(places), int(distinct[number]), sum(int(found[one] < FEW) for one in places),
              sum(int(found[one] == 0) for one in places), sum(given[one] == 0 for one in places))
         for number, ((category, area), places) in enumerate(groups.items())),
        key=lambda cell: (cell.category, cell.area)))


@dataclass(frozen=True)
class Load:
    """How pairs are spread over providers that were candidates: how many got any, the most that one got."""

    providers: int
    used: int
    most: int


def load(given: Sequence[int]) -> Load:
    """Return how evenly pairs are spread; `given`: pairs of each provider, zeros too."""
    return Load(len(given), sum(one > 0 for one in given), max(given, default=0))
