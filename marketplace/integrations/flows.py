"""OR-tools behind the port FlowSolver: min-cost flow with integer costs."""

import numpy as np
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from marketplace.core.errors import Invalid
from marketplace.core.ports import Ints
from marketplace.core.text import N_

_NOTHING_FITS = N_("需求与承接能力对不上，没有可行的配对方案")


class OrtoolsFlows:
    """Solves by cost scaling; arcs are handed over as arrays: adding them one by one costs more than solving."""

    def min_cost_flow(self, *, tails: Ints, heads: Ints, capacities: Ints, costs: Ints, supplies: Ints) -> Ints:
        """Return the flow on each arc; raises Invalid when no flow serves the supplies."""
        _check(tails, heads, capacities, costs, supplies)
        if not len(tails):
            if supplies.any():
                raise Invalid(_NOTHING_FITS)
            return np.zeros(0, np.int64)
        solver = SimpleMinCostFlow()
        arcs = solver.add_arcs_with_capacity_and_unit_cost(
            tails.astype(np.int32), heads.astype(np.int32), capacities.astype(np.int64), costs.astype(np.int64))
        solver.set_nodes_supplies(np.arange(len(supplies), dtype=np.int32), supplies.astype(np.int64))
        status = solver.solve()
        if status in (solver.INFEASIBLE, solver.UNBALANCED):
            raise Invalid(_NOTHING_FITS)
        if status != solver.OPTIMAL:
            msg = f"the solver refuses these costs or capacities: {status.name}"
            raise ValueError(msg)
        return np.asarray(solver.flows(arcs), dtype=np.int64)


def _check(tails: Ints, heads: Ints, capacities: Ints, costs: Ints, supplies: Ints) -> None:
    """Refuse arcs that are none: the vendor's code would end the whole process, not raise."""
    if not len(tails) == len(heads) == len(capacities) == len(costs):
        msg = "an arc has a tail, a head, a capacity and a cost"
        raise ValueError(msg)
    ends = np.concatenate([tails, heads])
    if len(ends) and (ends.min() < 0 or ends.max() >= len(supplies)):
        msg = "an arc ends at a node that has no supply"
        raise ValueError(msg)
    if (capacities < 0).any():
        msg = "an arc has a capacity below zero"
        raise ValueError(msg)
