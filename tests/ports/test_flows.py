"""The suite of the FlowSolver port: least cost, supplies served, integers, determinism, what has no flow."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.core.errors import Invalid
from marketplace.integrations.flows import OrtoolsFlows

SOLVER = OrtoolsFlows()


def ints(*values):
    return np.array(values, np.int64)


def solve(tails, heads, capacities, costs, supplies):
    return SOLVER.min_cost_flow(tails=ints(*tails), heads=ints(*heads), capacities=ints(*capacities), costs=ints(*costs),
                                supplies=ints(*supplies))


def residual_has_no_negative_cycle(tails, heads, capacities, costs, flow, *, nodes):
    """Bellman and Ford on what could still be moved: without a cycle that gains, no flow is cheaper."""
    arcs = [(t, h, c) for t, h, c, u, f in zip(tails, heads, costs, capacities, flow, strict=True) if f < u]
    arcs += [(h, t, -c) for t, h, c, f in zip(tails, heads, costs, flow, strict=True) if f > 0]
    far = [0] * nodes
    for _ in range(nodes):
        for t, h, c in arcs:
            far[h] = min(far[h], far[t] + c)
    return all(far[h] <= far[t] + c for t, h, c in arcs)


def test_the_cheaper_way_is_filled_before_the_dearer_one():
    flow = solve([0, 0, 1, 2], [1, 2, 3, 3], [4, 9, 9, 9], [1, 5, 0, 0], [6, 0, 0, -6])
    assert flow.tolist() == [4, 2, 4, 2]


def test_a_negative_cost_draws_flow_that_nobody_must_send():
    flow = solve([0, 0], [1, 1], [5, 3], [0, -7], [5, -5])
    assert flow.tolist() == [2, 3]


def test_the_best_pair_is_given_up_where_two_good_ones_are_more():
    network = assignment(np.array([[10, 9], [9, 1]], np.int64))      # greedy: 10 + 1; best: 9 + 9
    assert -int(SOLVER.min_cost_flow(**network) @ network["costs"]) == 18


def test_no_arcs_and_nothing_to_send_is_an_empty_flow():
    assert solve([], [], [], [], [0, 0]).tolist() == []


@pytest.mark.parametrize(("capacity", "supplies"), [
    (2, [3, -3]),            # the arc is too narrow
    (9, [3, -2]),            # more is given than taken
    (9, [2, -3]),            # more is taken than given
    (9, [-3, 3]),            # the arc leads the other way
])
def test_what_has_no_flow_is_refused_with_a_sentence(capacity, supplies):
    with pytest.raises(Invalid, match="没有可行的配对方案"):
        solve([0], [1], [capacity], [1], supplies)


def test_supplies_without_any_arc_are_refused():
    with pytest.raises(Invalid, match="没有可行的配对方案"):
        solve([], [], [], [], [1, -1])


@pytest.mark.parametrize(("tails", "capacities", "words"), [([-1], [1], "arc"), ([0], [-1], "arc"), ([7], [1], "arc")])
def test_arcs_that_are_none_are_a_fault_of_the_caller(tails, capacities, words):
    with pytest.raises(ValueError, match=words):
        solve(tails, [1], capacities, [1], [0, 0])


def test_costs_that_leave_64_bits_are_a_fault_of_the_caller():
    with pytest.raises(ValueError, match="cost"):
        solve([0, 0], [1, 1], [2**30, 2**30], [2**62, -2**62], [2**30, -2**30])


def test_the_arrays_handed_over_are_left_alone():
    arrays = [ints(0, 0, 1), ints(1, 2, 2), ints(3, 3, 3), ints(4, 9, 2), ints(4, 0, -4)]
    before = [array.copy() for array in arrays]
    SOLVER.min_cost_flow(**dict(zip(("tails", "heads", "capacities", "costs", "supplies"), arrays, strict=True)))
    assert all((a == b).all() for a, b in zip(arrays, before, strict=True))


def assignment(gains):
    """A network in which each row and each column is used at most once."""
    rows, columns = gains.shape
    left, right = np.nonzero(np.ones_like(gains))
    source, sink = rows + columns, rows + columns + 1
    tails = np.concatenate([left, np.full(rows, source), np.arange(rows, rows + columns), [source]])
    heads = np.concatenate([right + rows, np.arange(rows), np.full(columns, sink), [sink]])
    costs = np.concatenate([-gains[left, right], np.zeros(rows + columns + 1, np.int64)])
    supplies = np.zeros(rows + columns + 2, np.int64)
    supplies[source], supplies[sink] = rows, -rows
    capacities = np.ones(len(tails), np.int64)
    capacities[-1] = rows
    return {"tails": tails.astype(np.int64), "heads": heads.astype(np.int64), "capacities": capacities,
                "costs": costs.astype(np.int64), "supplies": supplies}


small = st.integers(1, 4).flatmap(lambda n: st.integers(1, 4).flatmap(lambda m: st.lists(
    st.lists(st.integers(-20, 50), min_size=m, max_size=m), min_size=n, max_size=n)))


@settings(deadline=None, max_examples=80)
@given(small)
def test_an_assignment_has_the_best_total_that_trying_all_finds(rows):
    gains = np.array(rows, np.int64)
    network = assignment(gains)
    flow = SOLVER.min_cost_flow(**network)
    wide = gains if gains.shape[0] <= gains.shape[1] else gains.T
    best = max(sum(max(wide[row, column], 0) for row, column in enumerate(order))
               for order in itertools.permutations(range(wide.shape[1]), wide.shape[0]))
    assert -int(flow @ network["costs"]) == best


networks = st.integers(2, 6).flatmap(lambda nodes: st.tuples(
    st.just(nodes), st.lists(st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1), st.integers(0, 9),
                                       st.integers(-9, 20)).filter(lambda arc: arc[0] < arc[1]), min_size=1, max_size=14),
    st.integers(0, 8)))


@settings(deadline=None, max_examples=120)
@given(networks)
def test_every_flow_is_whole_within_capacity_conserved_and_cannot_be_made_cheaper(made):
    nodes, arcs, sent = made
    tails, heads, capacities, costs = (ints(*column) for column in zip(*arcs, strict=True))
    supplies = np.zeros(nodes, np.int64)
    supplies[0], supplies[nodes - 1] = sent, -sent
    network = {"tails": tails, "heads": heads, "capacities": capacities, "costs": costs, "supplies": supplies}
    try:
        flow = SOLVER.min_cost_flow(**network)
    except Invalid:
        return
    assert flow.dtype == np.int64
    assert ((flow >= 0) & (flow <= capacities)).all()
    net = np.bincount(tails, flow, nodes) - np.bincount(heads, flow, nodes)
    assert net.tolist() == supplies.tolist()
    assert residual_has_no_negative_cycle(tails, heads, capacities, costs, flow, nodes=nodes)
    assert (SOLVER.min_cost_flow(**network) == flow).all()


def test_the_same_network_gives_the_same_flow_where_many_are_as_good():
    network = assignment(np.full((30, 30), 7, np.int64))
    flows = [SOLVER.min_cost_flow(**network) for _ in range(3)]
    assert all((flow == flows[0]).all() for flow in flows)
    assert -int(flows[0] @ network["costs"]) == 210
