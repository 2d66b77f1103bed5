"""What people decided for an event, as plain values: who comes, when, with whom by all means, with whom never. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from marketplace.core.errors import Invalid
from marketplace.core.text import N_
from marketplace.meetings.rules.edits import Edit, EditKind
from marketplace.meetings.rules.problems import FREE, Ints, Problem, Schedule

KEEPING = 50                     # tenths of a point that a pair of the schedule before counts more
Pair = tuple[int, int]           # key of the project, key of the organization


@dataclass(frozen=True)
class Party:
    """A project at its table, or an organization: `away` holds the rounds, from 1, in which it is not there."""

    key: int
    name: str
    least: int = 0
    away: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Seat:
    """One meeting: project and organization by key, the round from 1, points in tenths."""

    project: int
    organization: int
    round: int
    points: int
    is_pinned: bool = False


@dataclass(frozen=True)
class Inputs:
    """All that decides a schedule but the points. `pins`: pair -> round from 1, None for any round."""

    rounds: int
    tables: tuple[Party, ...]
    organizations: tuple[Party, ...]
    pins: Mapping[Pair, int | None] = field(default_factory=dict)
    forbids: frozenset[Pair] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all parties in the order of the problem."""
        return tuple(party.name for party in (*self.tables, *self.organizations))


def problem_of(inputs: Inputs, points: Ints, *, before: tuple[Seat, ...] = ()) -> Problem:
    """Return the problem. `points`: (tables, organizations) in tenths, 0 where the two have nothing to talk about.

    Two that are never there in the same round are no pair. A pin is a pair even without points. `before`: the
    schedule that should change as little as possible; its meetings in rounds that somebody now misses do not count.
    """
    rows = {party.key: row for row, party in enumerate(inputs.tables)}
    columns = {party.key: column for column, party in enumerate(inputs.organizations)}
    gains = points.astype(np.int64, copy=True)
    for project, organization in inputs.forbids:
        if project in rows and organization in columns:
            gains[rows[project], columns[organization]] = 0
    pins = {(rows[project], columns[organization]): place for (project, organization), place in inputs.pins.items()
            if project in rows and organization in columns}
    for at in pins:
        gains[at] = max(gains[at], 1)
    parties = (*inputs.tables, *inputs.organizations)
    presence = np.ones((len(parties), inputs.rounds), np.bool_)
    for row, party in enumerate(parties):
        presence[row, [place - 1 for place in party.away if place <= inputs.rounds]] = False
    meet = presence[:len(rows)].astype(np.int64) @ presence[len(rows):].astype(np.int64).T > 0
    for at in pins:
        meet[at] = True                                  # refused by name where they never meet, not forgotten
    left, right = np.nonzero((gains > 0) & meet)
    ends = zip(left.tolist(), right.tolist(), strict=True) if pins or before else ()
    number = {at: pair for pair, at in enumerate(ends)}
    kept = {number[at]: seat.round - 1 for seat in before
            if (at := (rows.get(seat.project, FREE), columns.get(seat.organization, FREE))) in number
            and seat.round <= inputs.rounds and presence[[at[0], len(rows) + at[1]], seat.round - 1].all()}
    return Problem(
        tables=len(inputs.tables), left=left.astype(np.int64), right=(right + len(inputs.tables)).astype(np.int64),
        gains=gains[left, right], presence=presence, least=np.array([party.least for party in parties], np.int64),
        pins={number[at]: FREE if place is None else place - 1 for at, place in pins.items()},
        kept=kept, keeping=KEEPING if kept else 0)


def seats_of(inputs: Inputs, problem: Problem, found: Schedule) -> tuple[Seat, ...]:
    """Return the meetings of a result, by round and table."""
    tables = len(inputs.tables)
    made = [Seat(inputs.tables[problem.left[pair]].key, inputs.organizations[problem.right[pair] - tables].key,
                 place + 1, int(problem.gains[pair]), pair in problem.pins)
            for pair, place in zip(found.pairs.tolist(), found.rounds.tolist(), strict=True)]
    order = {party.key: row for row, party in enumerate(inputs.tables)}
    return tuple(sorted(made, key=lambda seat: (seat.round, order[seat.project])))


def edited(inputs: Inputs, edit: Edit) -> Inputs:
    """Return the inputs after an edit; raises Invalid where it names somebody who is not there, or undoes itself."""
    tables = {party.key for party in inputs.tables}
    organizations = {party.key for party in inputs.organizations}
    for project, organization in edit.pairs:
        if project not in tables or organization not in organizations:
            raise Invalid(N_("这一方已经不在名单里。请刷新页面"))
    if edit.round is not None and not 1 <= edit.round <= inputs.rounds:
        raise Invalid(N_("没有第 {round} 轮，本场共 {rounds} 轮"), field="round", round=edit.round, rounds=inputs.rounds)
    if edit.kind == EditKind.FORBID:
        pins = {pair: place for pair, place in inputs.pins.items() if pair not in edit.pairs}
        return replace(inputs, forbids=inputs.forbids.union(edit.pairs), pins=pins)
    if edit.kind in (EditKind.PIN, EditKind.SWAP):
        return replace(inputs, forbids=inputs.forbids.difference(edit.pairs),
                       pins={**inputs.pins, **dict.fromkeys(edit.pairs, edit.round)})
    if edit.kind == EditKind.LIFT:
        return replace(inputs, forbids=inputs.forbids.difference(edit.pairs),
                       pins={pair: place for pair, place in inputs.pins.items() if pair not in edit.pairs})
    return replace(inputs, tables=tuple(_away(party, edit.project, edit) for party in inputs.tables),
                   organizations=tuple(_away(party, edit.organization, edit) for party in inputs.organizations))


def _away(party: Party, key: int | None, edit: Edit) -> Party:
    """Return a party with the rounds of the edit as those it misses, if it is the one."""
    return replace(party, away=edit.away) if party.key == key else party
