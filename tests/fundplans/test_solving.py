"""What a plan gives: every limit to the fen, the best of all choices on small cases, the same answer every time."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.core.errors import Invalid
from marketplace.core.ports import Program, Solved
from marketplace.fundplans.rules import Method, Outcome, Phase
from marketplace.fundplans.rules.instance import Asking, Fund, Instance, broken
from marketplace.fundplans.rules.planted import planted
from marketplace.fundplans.rules.programs import relaxed
from marketplace.fundplans.rules.rerouting import Grants, first_come, narrow_first
from marketplace.fundplans.rules.solving import (
    LIMITS,
    Limits,
    bound_at,
    by_profit,
    distribute,
    outcomes,
    paid,
    solve,
    value_of,
)
from marketplace.integrations.flows import OrtoolsFlows
from marketplace.integrations.programs import HighsPrograms

GREEDY = Limits(pairs=0)
CODES = ("A01", "A0102", "B02", "")


def found(instance: Instance, limits: Limits = LIMITS, **tell):
    return solve(instance, programs=HighsPrograms(), flows=OrtoolsFlows(), limits=limits, **tell)


@st.composite
def instances(draw, projects: int = 6, funds: int = 4):
    """Small markets with odd sums: shares that do not divide, caps of every kind, earmarks, codes that are not filled in."""
    asking = tuple(Asking(
        f"p{n}", draw(st.integers(1, 1_000)), draw(st.integers(1, 3_000)), draw(st.integers(0, 3_000)),
        draw(st.sampled_from(CODES)), draw(st.sampled_from(("44", "4406", ""))),
        is_off_lottery=draw(st.booleans())) for n in range(draw(st.integers(0, projects))))
    return Instance(asking, tuple(Fund(
        f"f{n}", parts := draw(st.integers(1, 7)), parts + draw(st.integers(0, 6)), draw(st.integers(0, 4_000)),
        draw(st.none() | st.integers(1, 2_000)), draw(st.sampled_from(((), ("A01",), ("A", "B02")))),
        draw(st.sampled_from(((), ("44",), ("4406",)))),
        draw(st.sampled_from(((), (("p0", 100), ("p1", 3_000))))), draw(st.none() | st.integers(1, 2_000)),
        draw(st.none() | st.integers(1, 2_000)), draw(st.sampled_from((True, True, True, False))),
        draw(st.sampled_from((False, False, True)))) for n in range(draw(st.integers(0, funds)))))


def fits(instance: Instance, rows: tuple[int, ...]) -> bool:
    """Hall's condition over funds: what a set of projects needs beyond the funds outside a subset, the subset must have."""
    columns = range(len(instance.funds))
    for size in range(len(instance.funds) + 1):
        for some in combinations(columns, size):
            others = [column for column in columns if column not in some]
            needs = sum(max(int(instance.gaps[row] - instance.room[row, others].sum()), 0) for row in rows)
            if needs > int(instance.lefts[list(some)].sum()):
                return False
    return True


def best_of_all(instance: Instance) -> int:
    """The value of the best choice, by trying every one: an oracle that shares nothing with the solver."""
    rows = [row for row in range(len(instance.projects)) if instance.gaps[row] > 0]
    return max(int(instance.values[list(some)].sum()) for size in range(len(rows) + 1)
               for some in combinations(rows, size) if fits(instance, some))


@settings(max_examples=120, deadline=None)
@given(instances())
def test_the_integer_program_brings_what_the_best_of_all_choices_brings(instance):
    solution = found(instance, Limits(gap=0.0))
    assert broken(instance, solution.given) == []
    assert solution.value == best_of_all(instance) <= solution.bound
    assert solution.value >= solution.first_value == value_of(instance, solution.first)


@settings(max_examples=120, deadline=None)
@given(instances())
def test_without_the_program_every_limit_holds_to_the_fen_and_first_come_is_never_better(instance):
    solution = found(instance, GREEDY)
    assert broken(instance, solution.given) == []
    assert broken(instance, solution.first) == []
    assert solution.first_value <= solution.value <= best_of_all(instance) <= solution.bound


@settings(max_examples=60, deadline=None)
@given(instances(), st.randoms(use_true_random=False))
def test_a_project_finds_room_whenever_earlier_grants_could_be_moved(instance, chance):
    grants, placed = Grants(instance), []
    rows = list(range(len(instance.projects)))
    chance.shuffle(rows)
    for row in rows:
        before = grants.given.copy()
        fitted = instance.gaps[row] > 0 and fits(instance, (*placed, row))
        assert grants.place(row) == fitted
        if fitted:
            placed.append(row)
        else:
            assert (grants.given == before).all(), "a project that does not fit moves nobody's money"
        assert broken(instance, grants.given) == []
        assert (grants.spare == instance.lefts - grants.given.sum(axis=0)).all()


@settings(max_examples=60, deadline=None)
@given(instances(), st.lists(st.floats(0, 1_000_000), min_size=4, max_size=4))
def test_the_bound_holds_at_any_prices(instance, prices):
    assert best_of_all(instance) <= bound_at(instance, np.array(prices[:len(instance.funds)])) + 1e-6


def test_grants_move_to_another_fund_to_make_room():
    instance = Instance((Asking("wide", 10, 100, 100, "A"), Asking("narrow", 10, 100, 100, "B")),
                        (Fund("b-only", 1, 1, 100, None, ("B",)), Fund("any", 1, 1, 100)))
    assert found(instance, GREEDY).value == 20
    grants = Grants(Instance(instance.projects[::-1], instance.funds[::-1]))
    grants._order = np.array([0, 1])     # the broad fund is asked first: the second project needs its money back
    assert grants.place(0)
    assert grants.given[0].tolist() == [100, 0]
    assert grants.place(1)
    assert grants.given.tolist() == [[0, 100], [100, 0]]


def test_a_project_gets_all_of_its_gap_or_nothing():
    instance = Instance((Asking("p", 900, 1_000, 1_000), Asking("q", 100, 300, 300)), (Fund("f", 1, 1, 999),))
    solution = found(instance)
    assert solution.given.tolist() == [[0], [300]]
    assert outcomes(instance, solution.given) == [Outcome.TOO_LARGE, Outcome.FUNDED]


def test_ratio_cap_and_what_was_given_before_hold_exactly():
    project = Asking("p", 500, 1_001, 333)
    assert Fund("third", 1, 3, 10_000).most(1_001) == 333                       # the share is rounded down
    assert Fund("capped", 1, 1, 10_000, 200).most(1_001) == 200
    assert Fund("before", 1, 1, 10_000, 200, already=(("p", 150),)).most(1_001, 150) == 50
    assert Fund("over", 1, 3, 10_000).most(1_001, 9_999) == 0
    assert found(Instance((project,), (Fund("third", 1, 3, 10_000),))).value == 500
    assert found(Instance((project,), (Fund("third", 1, 3, 10_000, None, (), (), (("p", 1),)),))).value == 0


def test_narrow_earmarks_are_used_before_broad_ones():
    instance = Instance((Asking("p", 500, 100, 100, "A"), Asking("q", 400, 900, 900, "B")),
                        (Fund("broad", 1, 1, 500), Fund("narrow", 1, 1, 100, None, ("A",))))
    assert narrow_first(instance).tolist() == [1, 0]
    assert found(instance).given.tolist() == [[0, 100], [0, 0]]


def test_earmarks_cover_codes_below_and_no_project_that_does_not_say():
    fund = Fund("f", 1, 1, 1, None, ("A01",), ("4406",))
    assert fund.takes("A0102", "440605")
    assert not fund.takes("A02", "440605")
    assert not fund.takes("A0102", "44")
    assert not fund.takes("", "440605")
    assert Fund("all", 1, 1, 1).takes("", "")


def test_every_project_without_money_has_its_reason():
    instance = Instance(
        (Asking("funded", 900, 100, 100, "A"), Asking("foreign", 900, 100, 100, "Z"), Asking("large", 900, 900, 900, "A"),
         Asking("late", 100, 100, 100, "A")), (Fund("f", 1, 2, 60, None, ("A",)), Fund("g", 1, 2, 60, None, ("A",))))
    assert outcomes(instance, found(instance).given) == [
        Outcome.FUNDED, Outcome.NO_FUND, Outcome.TOO_LARGE, Outcome.USED_UP]


def test_first_come_takes_what_is_there_and_moves_nothing():
    instance = Instance((Asking("early", 1, 100, 100, "A"), Asking("late", 999, 100, 100, "B")),
                        (Fund("any", 1, 1, 100), Fund("a-only", 1, 1, 100, None, ("A",))))
    given = first_come(instance)
    assert given.tolist() == [[100, 0], [0, 0]]
    solution = found(instance)
    assert (solution.value, solution.first_value) == (1_000, 1)


def test_nothing_to_plan_is_an_empty_plan():
    solution = found(Instance((Asking("p", 500, 100, 100),), ()))
    assert (solution.value, solution.bound, solution.first_value, solution.method) == (0, 0, 0, Method.EXACT)
    assert found(Instance((), (Fund("f", 1, 1, 100),))).given.shape == (0, 1)


def test_the_same_inputs_give_the_same_plan_and_digest():
    first, second = planted(60, 8, money=0.5, seed=7), planted(60, 8, money=0.5, seed=7)
    assert first.digest() == second.digest() != planted(60, 8, money=0.5, seed=8).digest()
    assert (found(first).given == found(second).given).all()


@pytest.mark.parametrize(("seed", "money"), [(1, 0.6), (2, 0.3), (3, 0.9)])
def test_at_the_size_of_a_fair_the_plan_is_within_a_hundredth_of_the_bound(seed, money):
    instance = planted(416, 30, money=money, seed=seed)
    solution = found(instance)
    assert broken(instance, solution.given) == []
    assert solution.value >= 0.99 * solution.bound
    assert solution.method is Method.EXACT
    assert solution.first_value < solution.value


def test_phases_are_told_in_order_and_what_is_raised_ends_the_work():
    told: list[Phase] = []
    found(planted(20, 4, money=0.5), tell=told.append)
    assert told == [Phase.BOUND, Phase.GREEDY, Phase.EXACT, Phase.LINES]

    def stop(phase: Phase) -> None:
        if phase is Phase.GREEDY:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        found(planted(20, 4, money=0.5), tell=stop)


class _Late:
    """A solver that finds nothing in time for the integer program, and gives prices of nought for the relaxed one."""

    def solve(self, program: Program, *, seconds: float | None = None, gap: float = 0.0) -> Solved:
        if program.whole is not None:
            raise Invalid("late")
        return Solved(np.zeros(len(program.gains)), 1e9, 1e9, np.zeros(len(program.low)), is_proven=False)


def test_a_program_that_finds_nothing_in_time_leaves_the_other_way_and_its_bound():
    instance = Instance((Asking("dense", 500, 100, 100), Asking("early", 900, 1_000, 1_000)), (Fund("f", 1, 1, 1_000),))
    solution = solve(instance, programs=_Late(), flows=OrtoolsFlows())
    assert (solution.method, solution.value) == (Method.GREEDY, 500)
    assert solution.bound == 1_400
    assert Instance(instance.projects[::-1], instance.funds).digest() != instance.digest()


def test_what_comes_first_is_kept_where_it_happens_to_be_better():
    instance = Instance((Asking("early", 900, 1_000, 1_000), Asking("dense", 500, 100, 100)), (Fund("f", 1, 1, 1_000),))
    solution = solve(instance, programs=_Late(), flows=OrtoolsFlows())
    assert solution.value == solution.first_value == 900
    assert solution.given.tolist() == [[1_000], [0]]


class _Wrong(OrtoolsFlows):
    """A flow that gives everything everywhere."""

    def min_cost_flow(self, *, capacities, **_rest):
        return capacities + 1


def test_a_flow_that_breaks_a_limit_is_refused():
    instance = Instance((Asking("p", 500, 100, 100),), (Fund("f", 1, 1, 100),))
    with pytest.raises(Invalid, match="没有采用"):
        distribute(instance, instance.can, _Wrong())
    with pytest.raises(Invalid):
        distribute(Instance(instance.projects * 2, instance.funds), np.array([True, True]), OrtoolsFlows())


def test_what_is_broken_is_named():
    instance = Instance((Asking("p", 500, 100, 100, "A"),), (Fund("f", 1, 2, 40), Fund("g", 1, 1, 100, None, ("B",))))
    assert broken(instance, np.array([[-1, 0]])) == ["a negative grant", "a project gets a part of its gap"]
    assert broken(instance, np.array([[50, 50]])) == ["a ratio, cap, earmark or receiver", "a fund gives more than it has"]
    assert paid(np.array([[0, 0], [1, 0]])).tolist() == [False, True]


def test_projects_out_of_the_question_take_no_part_in_the_programs():
    instance = Instance((Asking("p", 500, 100, 100), Asking("big", 900, 999, 999)), (Fund("f", 1, 1, 100),))
    assert len(relaxed(instance).gains) == 1
    assert by_profit(instance, np.zeros(1)).tolist() == [0]
