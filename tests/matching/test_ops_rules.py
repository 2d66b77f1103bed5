"""Pure rules behind the operator's pages: other weights, how work is spread, coverage."""

import numpy as np
import pytest

from marketplace.matching.rules.edges import Edges
from marketplace.matching.rules.overview import Load, coverage, load
from marketplace.matching.rules.reweigh import reweighed, unseen
from marketplace.matching.rules.spread import deciles, gini, share
from marketplace.matching.rules.weights import CRITERIA, DEFAULT_POINTS, Criterion


def edges(rows: list[tuple[int, int, list[int]]], *, needs: int, providers: int, is_new: tuple[int, ...] = ()) -> Edges:
    """Candidate pairs from (need, provider, parts)."""
    return Edges(
        need_keys=np.arange(needs) + 100, provider_keys=np.arange(providers) + 500,
        needs=np.array([row[0] for row in rows], np.int32), providers=np.array([row[1] for row in rows], np.int32),
        parts=np.array([row[2] for row in rows], np.int16).reshape(len(rows), 6), known=np.full(len(rows), 63, np.uint8),
        channels=np.zeros(len(rows), np.uint8), wants=np.ones(needs, np.int32), ruled_out=np.zeros((needs, 15), np.int32),
        is_new=np.isin(np.arange(providers), is_new), running=np.zeros(providers, np.int32),
        free=np.full(providers, 1, np.int32))


def points(**changes: int) -> dict[Criterion, int]:
    return {**DEFAULT_POINTS, **{Criterion(name): value for name, value in changes.items()}}


def test_contributions_scale_with_their_weight_and_halves_go_up():
    one = edges([(0, 0, [250, 125, 150, 75, 33, 10])], needs=1, providers=1)
    found = reweighed(one, DEFAULT_POINTS, points(category=20, text=30, budget=5, capacity=15))
    assert found.parts.tolist() == [[200, 150, 150, 75, 17, 15]]
    assert found.known.tolist() == [63]


def test_the_same_weights_change_nothing():
    one = edges([(0, 1, [200, 99, 1, 0, 7, 100]), (0, 0, [100, 99, 1, 0, 7, 100])], needs=1, providers=2)
    found = reweighed(one, DEFAULT_POINTS, DEFAULT_POINTS)
    assert found.parts.tolist() == one.parts.tolist()
    assert found.providers.tolist() == [1, 0]


def test_rows_are_sorted_again_by_the_new_total():
    one = edges([(0, 0, [250, 0, 0, 0, 0, 0]), (0, 1, [0, 200, 0, 0, 0, 0]), (1, 0, [10, 0, 0, 0, 0, 0])],
                needs=2, providers=2)
    found = reweighed(one, DEFAULT_POINTS, points(category=5, text=45))
    assert found.needs.tolist() == [0, 0, 1]
    assert found.providers.tolist() == [1, 0, 0]
    assert found.base().tolist() == [360, 50, 2]


def test_a_criterion_that_had_no_weight_stands_at_its_middle_and_counts_as_unknown():
    old = points(text=35, capacity=0)
    one = edges([(0, 0, [250, 350, 150, 150, 100, 0])], needs=1, providers=1)
    found = reweighed(one, old, DEFAULT_POINTS)
    assert found.parts.tolist() == [[250, 250, 150, 150, 100, 50]]
    assert found.known.tolist() == [63 - 32]
    assert unseen(old, DEFAULT_POINTS) == (Criterion.CAPACITY,)
    assert unseen(DEFAULT_POINTS, old) == ()


def test_no_candidates_stay_no_candidates():
    assert reweighed(edges([], needs=2, providers=1), DEFAULT_POINTS, points(text=26, area=14)).parts.shape == (0, 6)


@pytest.mark.parametrize(("loads", "expected"), [
    ([], 0.0), ([0, 0], 0.0), ([3, 3, 3], 0.0), ([0, 0, 0, 4], 0.75), ([1, 3], 0.25), ([3, 1], 0.25)])
def test_gini(loads, expected):
    assert gini(loads) == pytest.approx(expected)


def test_a_share_of_nothing_is_unknown():
    assert share(0, 0) is None
    assert share(1, 4) == 0.25


def test_deciles_are_of_equal_number_and_lowest_first():
    found = deciles([500 + n for n in range(20)], [n >= 10 for n in range(20)])
    assert [one.decided for one in found] == [2] * 10
    assert [one.rate for one in found] == [0.0] * 5 + [1.0] * 5
    assert (found[0].low, found[-1].high) == (500, 519)
    assert deciles([], []) == ()
    assert [one.decided for one in deciles([700, 600], [True, False])] == [1, 1]


def test_a_cell_counts_projects_providers_few_and_nobody():
    market = edges([(0, 0, [1] * 6), (0, 1, [1] * 6), (0, 2, [1] * 6), (1, 0, [1] * 6), (3, 3, [1] * 6)], needs=4, providers=4)
    cells = coverage(market, ["A", "A", "A", "B"], ["x", "x", "x", "x"], [1, 1, 0, 0])
    assert [(c.category, c.projects, c.providers, c.few, c.nobody, c.unmatched) for c in cells] == [
        ("A", 3, 3, 2, 1, 1), ("B", 1, 1, 1, 0, 1)]
    assert len(CRITERIA) == market.parts.shape[1]
    assert coverage(edges([], needs=1, providers=0), ["A"], [""], [0])[0].nobody == 1
    assert coverage(edges([], needs=0, providers=0), [], [], []) == ()


def test_load_counts_those_with_nothing_too():
    assert load([4, 0, 0, 0]) == Load(4, 1, 4)
    assert load([]) == Load(0, 0, 0)
