"""The assignment against trying everything, against the linear program, against its own prices."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.core.errors import Invalid
from marketplace.integrations.flows import OrtoolsFlows
from marketplace.integrations.programs import HighsPrograms
from marketplace.matching.rules import assignment, bounds, metrics, summary
from marketplace.matching.rules.difference import difference
from marketplace.matching.rules.edges import from_bytes
from marketplace.matching.rules.edits import Candidate, Edit, Wishes, candidate_from_plain, fold
from marketplace.matching.rules.hard import HardRule
from marketplace.matching.rules.problem import ASSUMED_FREE, inputs_sha256, make, without
from marketplace.matching.rules.runs import EditKind
from marketplace.matching.rules.shortage import CannotHold, check_fixed, lower_least, shortage
from marketplace.matching.rules.weights import Weights
from tests.factories.matching import edges_of, make_edges

FLOWS, PROGRAMS = OrtoolsFlows(), HighsPrograms()
PLAIN = Weights(newcomer=0, load=0, switching=0, least=0)


@st.composite
def markets(draw):
    """A tiny market with everything in it: several wanted, places unknown, newcomers, load, pairs in force, wishes."""
    needs, providers = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    pairs = draw(st.sets(st.tuples(st.integers(1, needs), st.integers(11, 10 + providers)), min_size=1, max_size=8))
    values = {pair: draw(st.integers(0, 90)) * 10 for pair in sorted(pairs)}
    edges = edges_of(
        values, free={key: draw(st.integers(-1, 3)) for key in range(11, 11 + providers)},
        wants={key: draw(st.integers(1, 2)) for key in range(1, needs + 1)},
        new=draw(st.sets(st.integers(11, 10 + providers))),
        running={key: draw(st.integers(0, 2)) for key in range(11, 11 + providers)})
    weights = Weights(newcomer=draw(st.integers(0, 20)), load=draw(st.integers(0, 10)),
                      switching=draw(st.integers(0, 20)), least=draw(st.integers(0, 60)))
    some = st.sets(st.sampled_from(sorted(pairs)), max_size=2)
    wishes = Wishes(forbids=frozenset(draw(some)), no_projects=frozenset(draw(st.sets(st.integers(1, needs), max_size=1))),
                    no_providers=frozenset(draw(st.sets(st.integers(11, 10 + providers), max_size=1))),
                    wanted=draw(st.dictionaries(st.integers(1, needs), st.integers(1, 2), max_size=1)),
                    capacities=draw(st.dictionaries(st.integers(11, 10 + providers), st.integers(0, 2), max_size=1)))
    held, standing, is_live = frozenset(draw(some)), frozenset(draw(some)), draw(st.booleans())
    return values, make(edges, weights, wishes, held=held, standing=standing, is_live=is_live)


def worth(values, problem, chosen):
    """What a set of pairs is worth by the words of the rules alone; None when it may not be."""
    edges, weights, wishes = problem.edges, problem.weights, problem.wishes
    new = {key for key, is_new in zip(edges.provider_keys, edges.is_new, strict=True) if is_new}
    running = dict(zip(edges.provider_keys.tolist(), edges.running.tolist(), strict=True))
    free = dict(zip(edges.provider_keys.tolist(), edges.free.tolist(), strict=True)) | dict(wishes.capacities)
    wants = dict(zip(edges.need_keys.tolist(), edges.wants.tolist(), strict=True)) | {
        key: value for key, value in wishes.wanted.items() if key in edges.need_keys}
    keys = {(int(n), int(p)): row for row, (n, p) in enumerate(zip(
        edges.need_keys[edges.needs], edges.provider_keys[edges.providers], strict=True))}
    given, taken, total = dict.fromkeys(wants, 0), dict.fromkeys(free, 0), 0
    for need, provider in sorted(chosen):
        if (need, provider) in wishes.forbids or need in wishes.no_projects or provider in wishes.no_providers:
            return None
        total += values[need, provider] + 10 * weights.newcomer * (provider in new)
        total += 10 * weights.switching * bool(problem.is_held[keys[need, provider]])
        total += int(problem.stay[keys[need, provider]])
        total -= 10 * weights.load * (running[provider] + taken[provider])
        given[need] += 1
        taken[provider] += 1
    places = {key: ASSUMED_FREE if one < 0 else one for key, one in free.items()}
    if any(given[key] > wants[key] for key in given) or any(taken[key] > places[key] for key in taken):
        return None
    empty = sum(wants[key] - given[key] for key in wants if key not in wishes.no_projects)
    return total + 10 * weights.least * empty


@settings(max_examples=300, deadline=None)
@given(markets())
def test_the_assignment_is_the_best_of_all_that_there_are(market):
    values, problem = market
    solution = assignment.solve(problem, FLOWS)
    pairs = sorted(values)
    every = (worth(values, problem, {pair for pair, is_in in zip(pairs, picks, strict=True) if is_in})
             for picks in product((False, True), repeat=len(pairs)))
    assert solution.objective == max(one for one in every if one is not None)
    assert solution.objective == worth(values, problem, solution.pairs)


@settings(max_examples=200, deadline=None)
@given(markets())
def test_prices_prove_that_nothing_is_better_and_the_linear_program_agrees(market):
    _, problem = market
    solution = assignment.solve(problem, FLOWS)
    at = bounds.prices(solution)
    assert bounds.certificate(solution, at) == solution.objective
    assert bounds.lp_bound(problem, PROGRAMS) == pytest.approx(solution.objective, abs=1e-5)
    assert (at.worth >= at.last).all()
    assert (at.scarcity >= 0).all()


@settings(max_examples=100, deadline=None)
@given(markets())
def test_what_is_stored_sums_up_and_says_why(market):
    _, problem = market
    solution = assignment.solve(problem, FLOWS)
    at = bounds.prices(solution)
    pairs, needs = summary.pair_rows(solution, at), summary.need_rows(solution, at)
    assert all(summary.sums_up(row) for row in pairs.values())
    assert sum(row["total"] for row in pairs.values()) == int(solution.totals.sum())
    assert sum(row["given"] for row in needs.values()) == len(pairs)
    for row in needs.values():
        assert (row["state"] == "paired") == (row["reason"] == "")
        assert row["gap"] is None or row["gap"] >= 0
        assert (row["gap"] is None) == (row["rival_id"] is None)


@settings(max_examples=100, deadline=None)
@given(markets(), st.data())
def test_a_pin_is_kept_and_costs_no_more_than_it_must(market, data):
    values, problem = market
    pair = data.draw(st.sampled_from(sorted(values)))
    pinned = make(problem.edges, problem.weights, problem.wishes.after(Edit(EditKind.PIN, *pair)))
    if (pinned.fixed > pinned.capacity).any():
        with pytest.raises(CannotHold) as refused:
            check_fixed(pinned)
        assert len(refused.value.shortage.fixes) == 3
        return
    check_fixed(pinned)
    solution = assignment.solve(pinned, FLOWS)
    taking_part = pair[0] not in problem.wishes.no_projects and pair[1] not in problem.wishes.no_providers
    assert (pair in solution.pairs) == taking_part
    at = bounds.prices(solution)
    assert bounds.certificate(solution, at) == solution.objective
    assert bounds.lp_bound(pinned, PROGRAMS) == pytest.approx(solution.objective, abs=1e-5)


@pytest.mark.parametrize("tightness", [1.08, 7.5])
def test_a_middle_market_reaches_the_bound_and_beats_the_simple_ways(tightness):
    problem = make(make_edges(120, 480, tightness=tightness, candidates=12, blocks=12, wants=1), Weights())
    solution = assignment.solve(problem, FLOWS)
    assert bounds.lp_bound(problem, PROGRAMS) == pytest.approx(solution.objective, abs=1e-4)
    assert bounds.certificate(solution, bounds.prices(solution)) == solution.objective
    greedy, first = assignment.greedy(problem), assignment.first_come(problem)
    assert first.objective <= solution.objective
    assert greedy.objective <= solution.objective
    for one in (greedy, first, solution):
        assert (one.taken <= problem.capacity).all()
        assert (one.unassigned >= 0).all()


def test_the_same_inputs_give_the_same_bytes_the_same_hash_and_the_same_pairs():
    one, other = make_edges(60, 200, seed=3), make_edges(60, 200, seed=3)
    assert inputs_sha256(one, Weights()) == inputs_sha256(other, Weights())
    assert inputs_sha256(from_bytes(one.as_bytes()), Weights()) == inputs_sha256(one, Weights())
    assert assignment.solve(make(one, Weights()), FLOWS).pairs == assignment.solve(make(other, Weights()), FLOWS).pairs


@pytest.mark.parametrize("other", [
    {"weights": Weights(least=46)}, {"wishes": Wishes(pins=frozenset({(1, 1)}))}, {"held": {(1, 1)}}, {"standing": {(1, 1)}},
    {"is_live": True}])
def test_every_input_is_part_of_the_hash(other):
    edges = make_edges(10, 20)
    plain = inputs_sha256(edges, Weights())
    weights = other.pop("weights", Weights())
    assert inputs_sha256(edges, weights, other.pop("wishes", None), **other) != plain


def test_a_pair_exactly_at_the_minimum_is_proposed_and_one_below_it_is_not():
    edges = edges_of({(1, 11): 450, (2, 12): 449})
    solution = assignment.solve(make(edges, Weights(newcomer=0, least=45)), FLOWS)
    assert solution.pairs == [(1, 11)]
    assert solution.total == 450 + 450


def test_unknown_places_count_as_one_and_are_said_to_be_assumed():
    problem = make(edges_of({(1, 11): 800, (2, 11): 700}, free={11: -1}), PLAIN)
    solution = assignment.solve(problem, FLOWS)
    assert solution.pairs == [(1, 11)]
    assert problem.is_assumed.tolist() == [True]
    assert metrics.measure(solution, solution.objective).assumed == 1


def test_several_providers_where_a_project_asks_for_them_are_different_ones():
    edges = edges_of({(1, 11): 800, (1, 12): 600, (1, 13): 500}, wants={1: 2}, free={11: 5})
    assert assignment.solve(make(edges, PLAIN), FLOWS).pairs == [(1, 11), (1, 12)]


def test_load_spreads_work_and_the_malus_shows_in_the_totals():
    edges = edges_of({(1, 11): 800, (2, 11): 790, (2, 12): 750}, free={11: 2}, running={11: 0})
    spread = assignment.solve(make(edges, Weights(newcomer=0, load=5, least=0)), FLOWS)
    heaped = assignment.solve(make(edges, Weights(newcomer=0, load=3, least=0)), FLOWS)
    assert spread.pairs == [(1, 11), (2, 12)]
    assert heaped.pairs == [(1, 11), (2, 11)]
    assert heaped.totals.tolist() == [800, 760]


def test_a_pair_that_was_in_force_is_kept_unless_another_is_better_by_more_than_its_bonus():
    edges = edges_of({(1, 11): 700, (1, 12): 730})
    weights = Weights(newcomer=0, load=0, switching=5, least=0)
    kept = assignment.solve(make(edges, weights, held={(1, 11)}), FLOWS)
    assert kept.pairs == [(1, 11)]
    assert kept.totals.tolist() == [750]
    live = assignment.solve(make(edges, weights, standing={(1, 11)}, is_live=True), FLOWS)
    assert live.pairs == [(1, 11)]
    assert live.totals.tolist() == [700]
    assert assignment.solve(make(edges, weights, standing={(1, 11)}), FLOWS).pairs == [(1, 12)]


def test_among_equals_what_stands_stays():
    edges = edges_of({(1, 11): 700, (1, 12): 700, (2, 11): 700, (2, 12): 700})
    for standing in ({(1, 11), (2, 12)}, {(1, 12), (2, 11)}):
        assert set(assignment.solve(make(edges, PLAIN, standing=standing), FLOWS).pairs) == standing


def test_the_price_says_by_how_much_a_place_is_worth_more_to_another_project():
    edges = edges_of({(1, 11): 900, (2, 11): 880, (2, 12): 500, (3, 12): 100}, needs={3})
    solution = assignment.solve(make(edges, PLAIN), FLOWS)
    at = bounds.prices(solution)
    rows = summary.need_rows(solution, at)
    assert solution.pairs == [(1, 11), (2, 12)]
    assert rows[2]["best_provider_id"] == 11
    assert rows[2]["rival_id"] == 1
    assert rows[2]["gap"] == 0 + at.worth[0] - (880 - at.left[1])
    assert int(at.scarcity[0]) == 480
    assert rows[1]["gap"] is None


def test_an_assignment_that_is_not_the_best_has_no_prices():
    problem = make(edges_of({(1, 11): 900, (1, 12): 890, (2, 11): 880, (2, 12): 100}), PLAIN)
    with pytest.raises(ValueError, match="not the best"):
        bounds.prices(assignment.greedy(problem))


def test_a_pin_beyond_the_candidates_adds_its_pair_and_a_new_provider():
    edges = edges_of({(1, 11): 800})
    extra = Candidate(12, (300, 0, 0, 0, 0, 0), known=1, is_new=True, running=1, free=2)
    assert candidate_from_plain(extra.as_plain()) == extra
    wishes = fold([Edit(EditKind.PIN, 1, 12, candidate=extra)])
    problem = make(edges, Weights(newcomer=5, load=1, least=0), wishes)
    solution = assignment.solve(problem, FLOWS)
    assert solution.pairs == [(1, 12)]
    assert solution.totals.tolist() == [300 + 50 - 10]
    assert solution.total == 340


def test_the_last_word_on_a_pair_counts():
    pair = {"project": 1, "provider": 11}
    steps = [Edit(EditKind.PIN, **pair), Edit(EditKind.FORBID, **pair)]
    assert fold(steps).pins == frozenset()
    assert fold(steps).forbids == {(1, 11)}
    assert fold([*steps, Edit(EditKind.PIN, **pair)]).forbids == frozenset()
    assert fold([*steps, Edit(EditKind.RELEASE, **pair)]) == Wishes()
    assert fold([Edit(EditKind.CONFIRM, **pair)]).confirmed == {(1, 11)}
    gone = fold([Edit(EditKind.WITHDRAW, project=1), Edit(EditKind.WITHDRAW, provider=11)])
    assert (gone.no_projects, gone.no_providers) == ({1}, {11})
    back = fold([Edit(EditKind.ADD, project=1), Edit(EditKind.ADD, provider=11)], gone)
    assert (back.no_projects, back.no_providers) == (frozenset(), frozenset())
    numbers = fold([Edit(EditKind.CAPACITY, provider=11, value=3), Edit(EditKind.WANTED, project=1, value=2)])
    assert (numbers.capacities, numbers.wanted) == ({11: 3}, {1: 2})


def test_those_who_are_gone_leave_the_columns_in_order():
    edges = edges_of({(1, 11): 800, (1, 12): 700, (2, 11): 600, (3, 12): 500})
    left = without(edges, [2], [11])
    assert left.need_keys.tolist() == [1, 3]
    assert left.provider_keys.tolist() == [12]
    assert assignment.solve(make(left, PLAIN), FLOWS).pairs == [(1, 12)]


def test_too_many_pins_name_demand_supply_and_three_fixes():
    edges = edges_of({(1, 11): 800, (2, 11): 700}, free={11: 1})
    with pytest.raises(CannotHold) as refused:
        check_fixed(make(edges, PLAIN, Wishes(pins=frozenset({(1, 11), (2, 11)}))))
    assert (refused.value.shortage.demand, refused.value.shortage.supply) == (2, 1)
    assert len(refused.value.shortage.fixes) == 3
    assert isinstance(refused.value, Invalid)
    edges = edges_of({(1, 11): 800, (1, 12): 700})
    with pytest.raises(CannotHold) as refused:
        check_fixed(make(edges, PLAIN, Wishes(pins=frozenset({(1, 11), (1, 12)}))))
    assert (refused.value.shortage.demand, refused.value.shortage.supply) == (1, 2)


def test_a_shortage_names_the_projects_that_compete_the_rule_and_three_fixes():
    edges = edges_of({(1, 11): 800, (2, 11): 700, (3, 12): 600, (4, 12): 500}, free={11: -1, 12: 2}, needs={5})
    edges.ruled_out[:2, 5] = 7
    problem = make(edges, PLAIN)
    found = shortage(problem, FLOWS)
    assert found is not None
    assert (found.demand, found.supply, found.short) == (3, 1, 2)
    assert found.rule == HardRule.AREA
    assert found.rule_sentence is not None
    assert found.rule_sentence.facts["count"] == 14
    assert len(found.fixes) == 3
    assert found.fixes[0].facts["rule"] == "不服务项目所在区域"
    assert found.sentence.text.format(**found.sentence.facts).startswith("有 3 个名额")
    assert 5 in found.keys
    assert shortage(make(edges_of({(1, 11): 100}), PLAIN), FLOWS) is None


def test_a_shortage_without_a_rule_or_a_cause_still_names_three_fixes():
    found = shortage(make(edges_of({(1, 11): 800, (2, 11): 700}, wants={1: 2}), PLAIN), FLOWS)
    assert found is not None
    assert found.rule_sentence is None
    assert len(found.fixes) == 3


def test_a_lower_minimum_is_said_to_fill_so_many_places_more():
    solution = assignment.solve(make(edges_of({(1, 11): 420, (2, 12): 300}), Weights(newcomer=0, least=45)), FLOWS)
    assert lower_least(solution, FLOWS) == 1
    assert lower_least(solution, FLOWS, by=50) == 2


def test_figures_of_a_small_market_are_those_counted_by_hand():
    edges = edges_of({(1, 11): 900, (1, 12): 500, (2, 11): 850, (3, 13): 460}, free={11: 1, 12: 1, 13: 1}, new={13},
                     needs={4})
    edges.ruled_out[3, 0] = 9
    problem = make(edges, Weights(newcomer=0, load=0, switching=0, least=45))
    solution = assignment.solve(problem, FLOWS)
    assert set(solution.pairs) == {(1, 12), (2, 11), (3, 13)}
    found = metrics.measure(solution, solution.objective, before=frozenset({(1, 11), (2, 11)}), overrides=2)
    assert (found.needs, found.units, found.given) == (4, 4, 3)
    assert found.matched_share == 0.75
    assert found.blocking_pairs == 1                    # project 1 and provider 11 would rather have each other
    assert found.blocking_share == 0.25
    assert found.gini == 0.0
    assert found.new_pairs == found.new_places == pytest.approx(1 / 3)
    assert (found.none, found.one, found.few) == (1, 2, 4)
    assert (found.top_rule, found.top_rule_count) == (HardRule.NOT_VERIFIED, 9)
    assert found.changed == 3
    assert found.overrides_per_hundred == pytest.approx(200 / 3)
    assert metrics.from_plain(found.as_plain()) == found
    assert found.mean_score == pytest.approx((500 + 850 + 460 + 0) / 4)
    assert found.min_score == 0


def test_a_market_without_anything_has_figures_too():
    solution = assignment.solve(make(edges_of({}, needs={1}), PLAIN), FLOWS)
    found = metrics.measure(solution, bounds.certificate(solution, bounds.prices(solution)))
    assert (found.given, found.matched_share, found.ratio) == (0, 0.0, 1.0)
    nobody = assignment.solve(make(edges_of({}), PLAIN), FLOWS)
    assert metrics.measure(nobody, 0).matched_share is None
    assert bounds.lp_bound(nobody.problem, PROGRAMS) == 0


def test_the_figures_for_evaluation_reach_the_bound_by_both_proofs():
    edges = make_edges(80, 200, tightness=1.1, candidates=8)
    by_lp, by_prices = (metrics.evaluate_assignment(edges, Weights(), FLOWS, one) for one in (PROGRAMS, None))
    assert by_lp == by_prices
    assert by_lp["ratio_to_lp"] == 1.0
    assert 0 < by_lp["matched_share"] <= 1


def test_a_difference_holds_what_goes_and_comes():
    found = difference({(1, 11): 700, (2, 12): 600}, {(1, 11): 700, (2, 13): 650}, total_before=1300, total_after=1350)
    assert (found.gone, found.come) == ({(2, 12): 600}, {(2, 13): 650})
    assert (found.changed, found.projects) == (2, (2,))


def test_an_edit_in_a_live_run_changes_less_than_one_without_the_bonus():
    edges = make_edges(300, 600, tightness=1.1, candidates=10, seed=5)
    rng = np.random.default_rng(1)
    changed = {}
    for points in (0, 10):
        weights = Weights(switching=points)
        first = assignment.solve(make(edges, weights), FLOWS)
        picked = rng.choice(len(first.pairs), 10, replace=False) if not changed else picked  # noqa: F821
        changed[points] = 0
        for at in picked:
            wishes = Wishes(forbids=frozenset({first.pairs[at]}))
            again = assignment.solve(make(edges, weights, wishes, standing=first.pairs, is_live=True), FLOWS)
            changed[points] += len(set(first.pairs) ^ set(again.pairs))
    assert changed[10] < changed[0]
