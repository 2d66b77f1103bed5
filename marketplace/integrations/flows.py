"""OR-tools behind the port FlowSolver: min-cost flow with integer costs."""

import numpy as np
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from marketplace.core.errors import Invalid
from marketplace.core.ports import Ints
from marketplace.core.text import N_


class OrtoolsFlows:
    """Solves by cost scaling; the arcs are handed over as arrays, since adding them one by one costs more than solving."""

    def min_cost_flow(self, *, tails: Ints, heads: Ints, capacities: Ints, costs: Ints, supplies: Ints) -> Ints:
        """Return the flow on each arc; raises Invalid when no flow serves the supplies."""
        if not len(tails):
            if supplies.any():
                raise Invalid(N_("需求与承接能力对不上，没有可行的配对方案"))
            return np.zeros(0, np.int64)
        solver = SimpleMinCostFlow()
        arcs = solver.add_arcs_with_capacity_and_unit_cost(
            tails.astype(np.int32), heads.astype(np.int32), capacities.astype(np.int64), costs.astype(np.int64))
        solver.set_nodes_supplies(np.arange(len(supplies), dtype=np.int32), supplies.astype(np.int64))
        status = solver.solve()
        if status != solver.OPTIMAL:
            raise Invalid(N_("需求与承接能力对不上，没有可行的配对方案"))
        return np.asarray(solver.flows(arcs), dtype=np.int64)
