"""The linear and the integer program of a plan, in 万元 so that numbers are near one. Pure: a port solves them."""

import numpy as np
from numpy.typing import NDArray

from marketplace.core.ports import Program
from marketplace.fundplans.rules.instance import Instance

SCALE = 1_000_000.0     # fen of one 万元
Pair = tuple[NDArray[np.intp], NDArray[np.intp]]


def pairs_of(instance: Instance) -> Pair:
    """Return the possible pairs (project, fund) of projects that are not out of the question."""
    found = np.where(instance.can[:, None], instance.room, 0).nonzero()
    return found[0], found[1]


def relaxed(instance: Instance) -> Program:
    """Return the transport program: a project may get a part of its gap for a part of its value.

    Rows: projects (at most the gap), then funds (at most what is left); the latter have the prices of money.
    """
    rows, columns = pairs_of(instance)
    count, many = len(rows), len(instance.projects)
    numbers = np.arange(count)
    worth = instance.values / np.maximum(instance.gaps, 1) * SCALE
    high = np.concatenate([instance.gaps, instance.lefts]) / SCALE
    return Program(
        gains=worth[rows], rows=np.concatenate([rows, columns + many]), columns=np.concatenate([numbers, numbers]),
        entries=np.ones(2 * count), low=np.full(len(high), -np.inf), high=high,
        most=instance.room[rows, columns] / SCALE)


def whole(instance: Instance) -> Program:
    """Return the integer program: all of a gap or nothing. Columns: pairs, then one switch for each project.

    The last rows say that a switch pulls no more than its share of each pair: they bring the bound near the optimum.
    """
    rows, columns = pairs_of(instance)
    count, many, funds = len(rows), len(instance.projects), len(instance.funds)
    numbers, switches = np.arange(count), count + np.arange(many)
    most = instance.room[rows, columns] / SCALE
    gaps, links = instance.gaps / SCALE, many + funds + np.arange(count)
    low = np.concatenate([np.zeros(many), np.full(funds + count, -np.inf)])
    high = np.concatenate([np.zeros(many), instance.lefts / SCALE, np.zeros(count)])
    return Program(
        gains=np.concatenate([np.zeros(count), instance.values.astype(float)]),
        rows=np.concatenate([rows, np.arange(many), columns + many, links, links]),
        columns=np.concatenate([numbers, switches, numbers, numbers, switches[rows]]),
        entries=np.concatenate([np.ones(count), -gaps, np.ones(count), np.ones(count), -most]),
        low=low, high=high, most=np.concatenate([most, np.where(instance.can, 1.0, 0.0)]),
        whole=np.concatenate([np.zeros(count, np.int64), np.ones(many, np.int64)]))
