"""Stored candidate pairs at other weights, without asking the market again: what the page of weights shows. Pure.

An estimate, and pages say so: candidates are those found at the old weights, rounding differs by tenths of a point.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from marketplace.matching.rules.edges import Edges
from marketplace.matching.rules.problem import in_order
from marketplace.matching.rules.weights import CRITERIA, TENTHS, Criterion


def unseen(old: Mapping[Criterion, int], new: Mapping[Criterion, int]) -> tuple[Criterion, ...]:
    """Return the criteria that gave nothing before and give points now: the stored pairs know nothing of them."""
    return tuple(one for one in CRITERIA if old[one] == 0 and new[one] > 0)


def reweighed(edges: Edges, old: Mapping[Criterion, int], new: Mapping[Criterion, int]) -> Edges:
    """Return the pairs with contributions at new weights: part / old weight x new weight, halves rounded up.

    A criterion that had no weight stands at half its new points and counts as unknown: unknown is never zero. Rows keep
    their order within a need only by being sorted again: highest total first, then provider.
    """
    parts = np.empty(edges.parts.shape, dtype=np.int16)
    known = edges.known.copy()
    for column, criterion in enumerate(CRITERIA):
        before, after = old[criterion], new[criterion]
        if before:
            parts[:, column] = (2 * edges.parts[:, column].astype(np.int64) * after + before) // (2 * before)
        else:
            parts[:, column] = after * TENTHS // 2
            known &= np.uint8(0xFF ^ (1 << column))
    return in_order(replace(edges, parts=parts, known=known))
