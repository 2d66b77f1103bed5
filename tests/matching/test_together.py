"""Tied providers in one project: the repair of an assignment, against trying everything; numbers alone."""

from itertools import chain, combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.integrations.flows import OrtoolsFlows
from marketplace.matching.rules import assignment, bounds, summary, together
from marketplace.matching.rules.edits import Wishes
from marketplace.matching.rules.problem import inputs_sha256, make
from marketplace.matching.rules.weights import Weights
from tests.factories.matching import edges_of

FLOWS = OrtoolsFlows()
PLAIN = Weights(newcomer=0, load=0, switching=5, least=10)


def tie(*pairs):
    found = {}
    for one, other in pairs:
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {key: frozenset(others) for key, others in found.items()}


def solved(values, tied, *, wants=2, wishes=None, free=None, **rest):
    edges = edges_of(values, wants={need: wants for need, _ in values}, free=free)
    return together.solve(make(edges, PLAIN, wishes, **rest), FLOWS, tied)


# ---- the lower one goes ----

def test_the_lower_of_two_tied_ones_makes_room_for_the_next():
    found = solved({(1, 11): 900, (1, 12): 800, (1, 13): 500}, tie((11, 12)))
    assert found.solution.pairs == [(1, 11), (1, 13)]
    assert (found.left_out, found.cost) == ({(1, 12)}, 300)


def test_without_a_tie_nothing_changes_and_one_flow_is_solved():
    values = {(1, 11): 900, (1, 12): 800}
    assert solved(values, {}).solution.pairs == solved(values, tie((11, 13))).solution.pairs == [(1, 11), (1, 12)]
    assert solved(values, {}).left_out == frozenset()


def test_a_provider_left_out_of_one_project_serves_another_one():
    found = solved({(1, 11): 900, (1, 12): 800, (2, 12): 700, (2, 13): 600}, tie((11, 12)))
    assert found.solution.pairs == [(1, 11), (2, 12), (2, 13)]


def test_of_three_in_a_chain_the_two_ends_may_stay():
    found = solved({(1, 11): 900, (1, 12): 800, (1, 13): 700}, tie((11, 12), (12, 13)), wants=3)
    assert found.solution.pairs == [(1, 11), (1, 13)]


@pytest.mark.parametrize("how", ["pins", "confirmed"])
def test_who_is_fixed_stays_and_the_better_one_beside_it_goes(how):
    found = solved({(1, 11): 900, (1, 12): 400, (1, 13): 300}, tie((11, 12)), wishes=Wishes(**{how: frozenset({(1, 12)})}))
    assert found.solution.pairs == [(1, 12), (1, 13)]


def test_two_fixed_ones_stay_for_people_to_look_at():
    both = frozenset({(1, 11), (1, 12)})
    tied = tie((11, 12), (12, 13))
    found = solved({(1, 11): 900, (1, 12): 400, (1, 13): 300}, tied, wishes=Wishes(confirmed=both), wants=3)
    assert found.solution.pairs == [(1, 11), (1, 12)]
    assert together.clashes(found.solution.pairs, tied) == [(1, 11, 12)]


def test_between_equals_what_stands_stays_and_else_the_first_by_key():
    values = {(1, 11): 500, (1, 12): 500}
    assert solved(values, tie((11, 12))).solution.pairs == [(1, 11)]
    assert solved(values, tie((11, 12)), standing=[(1, 12)]).solution.pairs == [(1, 12)]
    close = {(1, 11): 520, (1, 12): 500}
    assert solved(close, tie((11, 12)), standing=[(1, 12)], is_live=True).solution.pairs == [(1, 12)]


def test_a_project_that_lacks_a_second_one_for_a_tie_alone_says_so():
    found = solved({(1, 11): 900, (1, 12): 800}, tie((11, 12))).solution
    row = summary.need_rows(found, bounds.prices(found))[1]
    assert (row["state"], row["reason"], row["given"], row["candidates"]) == ("partly", "tied", 1, 2)


def test_pairs_left_out_are_part_of_the_hash_and_no_hash_of_others_changes():
    edges = edges_of({(1, 11): 900, (1, 12): 800})
    plain = inputs_sha256(edges, PLAIN, Wishes())
    assert inputs_sha256(edges, PLAIN, Wishes(apart=frozenset({(1, 12)}))) != plain
    assert "apart" not in Wishes().as_plain()


# ---- against trying everything ----

@st.composite
def markets(draw):
    """A tiny market of projects that ask for two or three, with ties, wishes and a run before."""
    needs, providers = draw(st.integers(1, 2)), draw(st.integers(2, 4))
    keys = range(11, 11 + providers)
    every = [(need, provider) for need in range(1, needs + 1) for provider in keys]
    pairs = sorted(draw(st.sets(st.sampled_from(every), min_size=1, max_size=7)))
    values = {pair: draw(st.integers(0, 90)) * 10 for pair in pairs}
    edges = edges_of(values, free={key: draw(st.integers(1, 2)) for key in keys},
                     wants={need: draw(st.integers(1, 3)) for need in range(1, needs + 1)})
    some = st.sets(st.sampled_from(pairs), max_size=1)
    wishes = Wishes(pins=frozenset(draw(some)), confirmed=frozenset(draw(some)))
    tied = tie(*draw(st.sets(st.sampled_from(list(combinations(keys, 2))), max_size=3)))
    weights = Weights(newcomer=0, load=draw(st.integers(0, 5)), switching=5, least=draw(st.integers(0, 50)))
    return make(edges, weights, wishes, standing=draw(some), is_live=draw(st.booleans())), tied


@settings(max_examples=400, deadline=None)
@given(markets())
def test_no_two_tied_ones_share_a_project_and_the_certificate_judges_the_last_flow(market):
    problem, tied = market
    found = together.solve(problem, FLOWS, tied)
    fixed = {pair for pair, is_fixed in zip(zip(
        problem.edges.need_keys[problem.edges.needs].tolist(),
        problem.edges.provider_keys[problem.edges.providers].tolist(), strict=True), problem.is_fixed, strict=True) if is_fixed}
    assert all(set(clash.pairs) <= fixed for clash in together.clashes(found.solution.pairs, tied))
    assert fixed <= set(found.solution.pairs)
    assert not found.left_out & {*fixed, *found.solution.pairs}
    assert bounds.certificate(found.solution, bounds.prices(found.solution)) == found.solution.objective
    again = together.solve(problem, FLOWS, tied)
    assert (again.solution.pairs, again.left_out) == (found.solution.pairs, found.left_out)
    best = best_apart(problem, tied, fixed)
    assert best is None or found.solution.objective <= best <= found.solution.objective + found.cost


def best_apart(problem, tied, fixed):
    """The most that any assignment without tied pairs is worth; None where the fixed ones are tied to each other."""
    rows = [row for row in range(len(problem.edges.needs)) if problem.is_open[row]]
    if together.clashes(fixed, tied):
        return None
    worths = []
    for some in chain.from_iterable(combinations(rows, many) for many in range(len(rows) + 1)):
        chosen = problem.is_fixed.copy()
        chosen[list(some)] = True
        made = assignment.Solution(problem, chosen)
        if (made.unassigned >= 0).all() and (made.taken <= problem.fixed + problem.places).all() \
                and not together.clashes(made.pairs, tied):
            worths.append(made.objective)
    return max(worths)


def test_a_star_of_many_tied_ones_ends():
    values = {(1, key): 900 - key for key in range(11, 51)}
    tied = tie(*combinations(range(11, 51), 2))
    found = solved(values, tied, wants=5)
    assert found.solution.pairs == [(1, 11)]
    assert len(found.left_out) == 39


def test_only_projects_that_may_get_several_are_looked_at():
    edges = edges_of({(1, 11): 900, (1, 12): 800, (2, 13): 700, (2, 14): 700}, wants={1: 2, 2: 1})
    assert together.candidates(make(edges, PLAIN)) == [11, 12]
    assert together.candidates(make(edges, PLAIN, Wishes(wanted={1: 1}))) == []
    assert together.candidates(make(edges, PLAIN, Wishes(wanted={1: 1}, confirmed=frozenset({(2, 13), (2, 14)})))) == [13, 14]
    assert together.candidates(make(edges, PLAIN, Wishes(no_projects=frozenset({1})))) == []
