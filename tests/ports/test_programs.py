"""The suite of the ProgramSolver port: best value, prices, integrality, bounds, what fits nothing."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.core.errors import Invalid
from marketplace.core.ports import Program
from marketplace.integrations.programs import HighsPrograms

SOLVER = HighsPrograms()
INF = float("inf")


def program(gains, matrix, low, high, most=None, *, whole=None):
    dense = np.array(matrix, np.float64).reshape(len(low), len(gains))
    rows, columns = np.nonzero(dense)
    return Program(np.array(gains, np.float64), rows.astype(np.int64), columns.astype(np.int64), dense[rows, columns],
                   np.array(low, np.float64), np.array(high, np.float64),
                   np.array([INF] * len(gains) if most is None else most, np.float64),
                   None if whole is None else np.array(whole, np.int64))


def test_a_linear_program_finds_the_corner_and_the_price_of_each_row():
    solved = SOLVER.solve(program([3, 2], [[1, 1], [1, 0]], [-INF, -INF], [4, 3]))
    assert solved.x.tolist() == pytest.approx([3, 1])
    assert (solved.value, solved.bound) == pytest.approx((11, 11))
    assert solved.prices.tolist() == pytest.approx([2, 1])       # one more unit of room gains 2, or 1
    assert solved.is_proven


def test_a_row_with_room_left_costs_nothing():
    solved = SOLVER.solve(program([1], [[1], [1]], [-INF, -INF], [2, 50]))
    assert solved.prices.tolist() == pytest.approx([1, 0])


def test_a_row_that_forces_a_loss_has_a_price_below_zero():
    solved = SOLVER.solve(program([-5, 1], [[1, 0], [0, 1]], [2, -INF], [INF, 3]))
    assert solved.x.tolist() == pytest.approx([2, 3])
    assert solved.prices.tolist() == pytest.approx([-5, 1])      # one more unit asked for loses 5


def test_an_equation_has_one_price():
    solved = SOLVER.solve(program([4, 1], [[1, 1]], [3], [3], most=[2, INF]))
    assert solved.x.tolist() == pytest.approx([2, 1])
    assert solved.prices.tolist() == pytest.approx([1])


def test_rows_of_every_kind_keep_their_order_in_the_prices():
    solved = SOLVER.solve(program([3, 2, 1], [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]],
                                  [-INF, 2, 1, -INF], [4, 2, INF, 10]))
    assert solved.x.tolist() == pytest.approx([4, 2, 4])
    assert solved.prices.tolist() == pytest.approx([2, 1, 0, 1])


def test_a_row_bounded_on_both_sides_has_the_price_of_the_side_that_binds():
    both = SOLVER.solve(program([2], [[1]], [1], [5]))
    assert (both.value, both.prices.tolist()) == (pytest.approx(10), pytest.approx([2]))
    forced = SOLVER.solve(program([-2], [[1]], [1], [5]))
    assert (forced.value, forced.prices.tolist()) == (pytest.approx(-2), pytest.approx([-2]))


def test_several_entries_at_one_place_add_up():
    made = Program(np.ones(1), np.zeros(2, np.int64), np.zeros(2, np.int64), np.ones(2), np.array([-INF]), np.array([6.0]),
                   np.array([INF]))
    assert SOLVER.solve(made).x.tolist() == pytest.approx([3])


@pytest.mark.parametrize("whole", [None, [1]])
def test_a_program_without_rows_goes_to_its_bounds(whole):
    solved = SOLVER.solve(program([2], [], [], [], most=[3], whole=whole))
    assert (solved.value, solved.prices.tolist()) == (pytest.approx(6), [])


@pytest.mark.parametrize("whole", [None, [1, 1]])
def test_what_contradicts_itself_is_refused_with_a_sentence(whole):
    with pytest.raises(Invalid, match="没有可行的方案"):
        SOLVER.solve(program([1, 1], [[1, 1], [1, 1]], [5, -INF], [INF, 4], whole=whole))


@pytest.mark.parametrize("whole", [None, [1]])
def test_what_has_no_end_is_refused_and_not_called_a_solution(whole):
    with pytest.raises(Invalid, match="没有上限"):
        SOLVER.solve(program([1], [[1]], [0], [INF], whole=whole))


@pytest.mark.parametrize("whole", [None, [1]])
def test_no_time_at_all_finds_nothing_or_something_but_proves_only_what_is_proven(whole):
    try:
        solved = SOLVER.solve(program([1], [[1]], [-INF], [5], whole=whole), seconds=0.0)
    except Invalid:
        return
    assert not solved.is_proven or solved.value == pytest.approx(5)


def test_whole_numbers_are_whole_and_the_bound_is_theirs():
    solved = SOLVER.solve(program([5, 4], [[6, 4], [1, 2]], [-INF, -INF], [24, 6], whole=[1, 1]))
    assert solved.x.tolist() == [4, 0]                     # exactly whole, not 3.9999999
    assert (solved.value, solved.bound, solved.is_proven) == (pytest.approx(20), pytest.approx(20), True)
    assert solved.prices.tolist() == [0, 0]


def test_only_what_must_be_whole_is_whole():
    solved = SOLVER.solve(program([1, 1], [[2, 0], [0, 2]], [-INF, -INF], [5, 5], whole=[1, 0]))
    assert solved.x.tolist() == pytest.approx([2, 2.5])


def test_a_wide_gap_may_stop_early_but_never_claims_more_than_it_has():
    items = np.random.default_rng(7).integers(10, 90, (2, 40))
    made = program(items[0], [items[1]], [-INF], [400], most=[1] * 40, whole=[1] * 40)
    exact, loose = SOLVER.solve(made), SOLVER.solve(made, gap=0.2)
    assert loose.value <= exact.value + 1e-6 <= loose.bound + 1e-5
    assert loose.value >= 0.8 * exact.value
    assert items[1] @ loose.x <= 400 + 1e-6


def test_the_same_program_gives_the_same_answer():
    made = program([1] * 8, [[1] * 8], [-INF], [3], most=[1] * 8, whole=[1] * 8)
    answers = [SOLVER.solve(made).x.tolist() for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]


programs = st.tuples(st.integers(1, 3), st.integers(1, 3)).flatmap(lambda size: st.tuples(
    st.lists(st.integers(-5, 9), min_size=size[1], max_size=size[1]),
    st.lists(st.lists(st.integers(0, 5), min_size=size[1], max_size=size[1]), min_size=size[0], max_size=size[0]),
    st.lists(st.integers(0, 12), min_size=size[0], max_size=size[0]),
    st.lists(st.integers(0, 4), min_size=size[1], max_size=size[1])))


@settings(deadline=None, max_examples=80)
@given(programs)
def test_prices_prove_the_value_of_every_linear_program(made):
    """Weak duality holds with equality: prices of rows and of the bounds of x add up to the value."""
    gains, matrix, high, most = made
    solved = SOLVER.solve(program(gains, matrix, [-INF] * len(high), high, most))
    assert (solved.prices >= -1e-9).all()
    left = np.array(gains) - np.array(matrix).T @ solved.prices      # what the rows do not pay, the bounds of x do
    proven = solved.prices @ np.array(high) + np.maximum(left, 0) @ np.array(most)
    assert proven == pytest.approx(solved.value, abs=1e-6)
    room = np.array(high) - np.array(matrix) @ solved.x
    assert np.allclose(solved.prices * room, 0, atol=1e-6)           # complementary slackness


@settings(deadline=None, max_examples=60)
@given(programs)
def test_an_integer_program_is_as_good_as_trying_all(made):
    gains, matrix, high, most = made
    solved = SOLVER.solve(program(gains, matrix, [-INF] * len(high), high, most, whole=[1] * len(gains)))
    best = max(int(np.array(gains) @ x) for x in map(np.array, itertools.product(*(range(m + 1) for m in most)))
               if (np.array(matrix) @ x <= np.array(high)).all())
    assert solved.value == pytest.approx(best)
    assert (solved.x == np.round(solved.x)).all()
