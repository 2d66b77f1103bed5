"""HiGHS, as SciPy ships it, behind the port ProgramSolver: linear and mixed-integer programs."""

from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array, vstack

from marketplace.core.errors import Invalid
from marketplace.core.ports import Floats, Program, Solved
from marketplace.core.text import N_

_NOTHING_FITS = N_("条件互相矛盾，没有可行的方案")
_NO_END = N_("方案的总值没有上限：有一项没有受到任何限制")
_NO_TIME = N_("在限定的时间里没有找到方案。请放宽时间，或缩小范围")
_TIMED_OUT, _INFEASIBLE, _UNBOUNDED = 1, 2, 3      # status codes that linprog and milp share


class HighsPrograms:
    """Maximizes by turning the sign of the gains."""

    def solve(self, program: Program, *, seconds: float | None = None, gap: float = 0.0) -> Solved:
        """Return the best found; raises Invalid when nothing fits, or nothing was found in time."""
        matrix = csr_array((program.entries, (program.rows, program.columns)),
                           shape=(len(program.low), len(program.gains)))
        if program.whole is None or not program.whole.any():
            return _linear(program, matrix, seconds)
        return _integer(program, matrix, seconds, gap)


def _linear(program: Program, matrix: Any, seconds: float | None) -> Solved:
    """Solve a linear program; equal bounds become equations, so that each row has one price."""
    equal = program.low == program.high
    upper, lower = ~equal & np.isfinite(program.high), ~equal & np.isfinite(program.low)
    bounded = bool(upper.any() or lower.any())
    left = matrix[np.flatnonzero(upper)], -matrix[np.flatnonzero(lower)]
    found = linprog(-program.gains, A_ub=vstack(left) if bounded else None,
                    b_ub=np.concatenate([program.high[upper], -program.low[lower]]) if bounded else None,
                    A_eq=matrix[np.flatnonzero(equal)] if equal.any() else None,
                    b_eq=program.high[equal] if equal.any() else None,
                    bounds=np.column_stack([np.zeros(len(program.most)), program.most]), method="highs",
                    options={} if seconds is None else {"time_limit": seconds})
    _refuse(found, program)
    is_proven = found.status == 0
    return Solved(found.x, float(-found.fun), float(-found.fun) if is_proven else float("inf"),
                  _prices(found, equal, upper, lower), is_proven=is_proven)


def _refuse(found: Any, program: Program) -> None:
    """Raise Invalid where there is no solution, with the reason."""
    if found.status == _TIMED_OUT and found.x is None:
        raise Invalid(_NO_TIME)
    if found.x is None and found.status != _INFEASIBLE and _may_grow(program):
        raise Invalid(_NO_END)                     # HiGHS may say "infeasible or unbounded" (4) after presolve
    if found.x is None:
        raise Invalid(_NOTHING_FITS)


def _may_grow(program: Program) -> bool:
    """Say whether a gain stands on something without a bound of its own."""
    return bool((np.isinf(program.most) & (program.gains > 0)).any())


def _prices(found: Any, equal: Any, upper: Any, lower: Any) -> Floats:
    """Return the price of each row in the order of the program: what one more unit of room would gain."""
    prices = np.zeros(len(equal))
    if equal.any():
        prices[equal] = -found.eqlin.marginals
    if upper.any() or lower.any():
        marginals, many = found.ineqlin.marginals, int(upper.sum())
        prices[upper] -= marginals[:many]
        prices[lower] += marginals[many:]
    return prices


def _integer(program: Program, matrix: Any, seconds: float | None, gap: float) -> Solved:
    """Solve a mixed-integer program; it has no prices."""
    options: dict[str, float] = {"mip_rel_gap": gap}
    if seconds is not None:
        options["time_limit"] = seconds
    found = milp(-program.gains, constraints=LinearConstraint(matrix, program.low, program.high),
                 bounds=Bounds(np.zeros(len(program.most)), program.most), integrality=program.whole, options=options)
    _refuse(found, program)
    bound = -found.mip_dual_bound if found.mip_dual_bound is not None else float(-found.fun)
    x = np.where(program.whole == 1, np.round(found.x), found.x)     # the vendor gives 0.9999999 for 1
    return Solved(x, float(-found.fun), float(bound), np.zeros(len(program.low)), is_proven=found.status == 0)
