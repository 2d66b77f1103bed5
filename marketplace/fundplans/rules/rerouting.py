"""Grants one project after the other: earlier grants move to other funds where that makes room. Pure.

A project fits when its gap can flow to what funds have left, through grants that may be moved (augmenting paths in the
network of funds). All numbers are whole fen, so nothing is ever rounded.
"""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from marketplace.core.ports import Ints
from marketplace.fundplans.rules.instance import Instance, Mask


class Grants:
    """What each project gets from each fund so far; funds with narrow earmarks are asked first."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.room = instance.room
        self.given = np.zeros_like(self.room)
        self.spare = instance.lefts.copy()
        count = len(instance.funds)
        self._links = np.zeros((count, count), np.int64)     # grants of fund f that could move to fund g
        self._log: list[tuple[int, int, int]] = []
        self._order = narrow_first(instance)

    def place(self, row: int) -> bool:
        """Give a project all of its gap, or nothing; say which. Money of others may move, their sums never change."""
        self._log = []
        missing = int(self.instance.gaps[row])
        if missing <= 0 or int(self.room[row].sum()) < missing:
            return False
        missing = self._directly(row, missing)
        while missing:
            path = self._path(row, missing)
            if path is None:
                self._undo()
                return False
            missing -= self._push(row, path, missing)
        return True

    def place_all(self, rows: Iterable[int]) -> Mask:
        """Place projects in this order; return which of all projects got their money."""
        done = np.zeros(len(self.instance.projects), np.bool_)
        for row in rows:
            done[row] = self.place(row)
        return done

    def _directly(self, row: int, missing: int) -> int:
        """Take what funds have left; return what is still missing."""
        for column in self._order:
            amount = min(missing, int(self.room[row, column]), int(self.spare[column]))
            if amount > 0:
                self._give(row, int(column), amount)
                self.spare[column] -= amount
                self._log.append((-1, int(column), amount))
                missing -= amount
            if not missing:
                break
        return missing

    def _give(self, row: int, column: int, amount: int) -> None:
        """Change one grant, and what could move because of it."""
        self._count(row, -1)
        self.given[row, column] += amount
        self._count(row, 1)
        self._log.append((row, column, amount))

    def _count(self, row: int, sign: int) -> None:
        """Add or take away a project's part of the links: from funds that pay it to funds that could pay more of it."""
        pays = self.given[row] > 0
        if pays.any():
            self._links[np.ix_(pays, self.given[row] < self.room[row])] += sign

    def _path(self, row: int, missing: int) -> list[int] | None:
        """Return funds from one that may pay the project to one with money left; None where too little is reached."""
        seen = self.given[row] < self.room[row]
        layer, before = seen.copy(), np.full(len(self.spare), -1, np.int64)
        rich, end = self.spare > 0, -1
        while layer.any():
            if end < 0 and (layer & rich).any():
                end = int(np.argmax(np.where(layer, self.spare, -1)))
            found = self._links[layer] > 0
            fresh = found.any(axis=0) & ~seen
            before[fresh] = np.flatnonzero(layer)[found[:, fresh].argmax(axis=0)]
            seen |= fresh
            layer = fresh
        if end < 0 or int(self.spare[seen].sum()) < missing:
            return None
        path = [end]
        while before[path[-1]] >= 0:
            path.append(int(before[path[-1]]))
        return path[::-1]

    def _push(self, row: int, path: list[int], missing: int) -> int:
        """Send money along a path; return how much."""
        amount = min(missing, int(self.room[row, path[0]] - self.given[row, path[0]]), int(self.spare[path[-1]]))
        hops = []
        for here, there in pairwise(path):
            movable = np.minimum(self.given[:, here], self.room[:, there] - self.given[:, there])
            mover = int(movable.argmax())
            amount = min(amount, int(movable[mover]))
            hops.append((mover, here, there))
        for mover, here, there in hops:
            self._give(mover, here, -amount)
            self._give(mover, there, amount)
        self._give(row, path[0], amount)
        self.spare[path[-1]] -= amount
        self._log.append((-1, path[-1], amount))
        return amount

    def _undo(self) -> None:
        """Take back everything that the last project moved."""
        log, self._log = self._log[::-1], []
        for row, column, amount in log:
            if row < 0:
                self.spare[column] += amount
            else:
                self._give(row, column, -amount)
        self._log = []


def narrow_first(instance: Instance) -> Ints:
    """Return the funds, those with few possible projects first: broad money is kept for those that nobody else pays."""
    return np.argsort((instance.room > 0).sum(axis=0), kind="stable")


def first_come(instance: Instance) -> Ints:
    """Return the grants if projects were served in the order in which they came, each by the funds in their order.

    Nothing is moved afterwards: that is how it goes without a plan.
    """
    given = np.zeros_like(instance.room)
    spare = instance.lefts.copy()
    for row in np.flatnonzero(instance.can):
        offered = np.minimum(instance.room[row], spare)
        if int(offered.sum()) < int(instance.gaps[row]):
            continue
        before = np.concatenate(([0], np.cumsum(offered)[:-1]))
        given[row] = np.clip(int(instance.gaps[row]) - before, 0, offered)
        spare -= given[row]
    return given
