"""Rules beside the schedule: states, times of rounds, what is typed, points of the registry, differences, shortages."""

import itertools
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from marketplace.core.errors import IllegalStep, Invalid
from marketplace.integrations.flows import OrtoolsFlows
from marketplace.meetings import rules
from marketplace.meetings.rules import EVENT, EventState
from marketplace.meetings.rules.changes import difference, digest
from marketplace.meetings.rules.edits import Edit, EditKind
from marketplace.meetings.rules.inputs import Inputs, Party, Seat, edited, problem_of
from marketplace.meetings.rules.points import estimate
from marketplace.meetings.rules.solving import solve
from marketplace.projects.rules import ProjectState
from tests.factories.meetings import facts

FLOWS = OrtoolsFlows()


@pytest.mark.parametrize(("state", "action"), list(itertools.product(
    EventState, ("schedule", "publish", "withdraw", "close"))))
def test_every_step_of_an_event_leads_where_the_table_says_and_nowhere_else(state, action):
    leads = {("draft", "schedule"): "scheduled", ("scheduled", "schedule"): "scheduled", ("published", "schedule"): "published",
             ("scheduled", "publish"): "published", ("published", "publish"): "published",
             ("published", "withdraw"): "scheduled", ("published", "close"): "over"}
    if (str(state), action) in leads:
        assert EVENT.after(state, action) == leads[str(state), action]
    else:
        with pytest.raises(IllegalStep):
            EVENT.after(state, action)


def test_rounds_follow_one_another_with_breaks_and_one_longer_pause():
    made = rules.slots(facts(rounds=3, minutes=20, break_minutes=5, pause_after=2, pause_minutes=60))
    first = made[0].starts_at
    assert [(slot.number, slot.starts_at - first, slot.ends_at - first) for slot in made] == [
        (1, timedelta(0), timedelta(minutes=20)), (2, timedelta(minutes=25), timedelta(minutes=45)),
        (3, timedelta(minutes=105), timedelta(minutes=125))]


@pytest.mark.parametrize(("change", "field"), [
    ({"title": " "}, "title"), ({"rounds": 0}, "rounds"), ({"rounds": 41}, "rounds"), ({"minutes": 4}, "minutes"),
    ({"break_minutes": 61}, "break_minutes"), ({"pause_minutes": 241}, "pause_minutes"), ({"pause_after": 4}, "pause_after"),
])
def test_facts_that_make_no_event_are_refused_at_their_field(change, field):
    with pytest.raises(Invalid) as refused:
        rules.check_facts(facts(**change))
    assert refused.value.field == field


@pytest.mark.parametrize(("typed", "rounds"), [
    ("", set()), ("3", {3}), ("1-3, 6", {1, 2, 3, 6}), ("1至3、6", {1, 2, 3, 6}), (" 2 ，2", {2}), ("8-8", {8}),
])
def test_rounds_are_read_as_people_write_them(typed, rounds):
    assert rules.read_rounds(typed, 8) == rounds


@pytest.mark.parametrize("typed", ["9", "0", "3-1", "1-99999999999", "a", "1-", "-2", "１.5"])
def test_rounds_that_are_not_there_are_refused(typed):
    with pytest.raises(Invalid) as refused:
        rules.read_rounds(typed, 8)
    assert refused.value.field == "away"


@pytest.mark.parametrize(("rounds", "written"), [(set(), ""), ({3}, "3"), ({1, 2, 3, 6}, "1-3, 6"), ({1, 3, 4}, "1, 3-4")])
def test_rounds_are_written_as_they_are_read(rounds, written):
    assert rules.written_rounds(rounds) == written
    assert rules.read_rounds(written, 8) == rounds


def test_only_between_notice_and_award_nobody_meets_in_private():
    assert [state for state in ProjectState if rules.is_before_award(state)] == [ProjectState.PUBLISHED, ProjectState.OPENED]


@pytest.mark.parametrize(("serves", "areas", "points"), [
    (["A040203"], ["440605011"], 800), (["A040201"], ["440605"], 680), (["A0401"], ["440605"], 560),
    (["A05"], ["440605011"], 0), ([], [], 400), (["A040203"], ["4401"], 620), ([], ["440605"], 500),
])
def test_the_registry_alone_gives_points_for_category_and_area(serves, areas, points):
    assert estimate("A040203", "440605011", serves=serves, areas=areas) == points


def test_a_project_that_names_nothing_has_middle_points_for_everybody():
    assert estimate(None, None, serves=["A05"], areas=["44"]) == 400


# ---------- inputs and edits ----------

def inputs(**changes):
    made = Inputs(3, (Party(1, "甲项目"), Party(2, "乙项目")), (Party(7, "甲组织"), Party(8, "乙组织")))
    return replace(made, **changes)


POINTS = np.array([[900, 500], [400, 300]], np.int64)


def pairs_of(solution):
    return {(seat.project, seat.organization) for seat in solution.seats}


def test_a_pin_and_a_forbid_undo_one_another():
    pinned = edited(inputs(), Edit(EditKind.PIN, ((1, 7),), round=2))
    assert pinned.pins == {(1, 7): 2}
    forbidden = edited(pinned, Edit(EditKind.FORBID, ((1, 7),)))
    assert (forbidden.pins, forbidden.forbids) == ({}, {(1, 7)})
    assert edited(forbidden, Edit(EditKind.PIN, ((1, 7),))).forbids == frozenset()
    lifted = edited(forbidden, Edit(EditKind.LIFT, ((1, 7),)))
    assert (lifted.pins, lifted.forbids) == ({}, frozenset())


def test_an_edit_of_absences_touches_one_party_only():
    made = edited(inputs(), Edit(EditKind.AWAY, organization=8, away=frozenset({1, 3})))
    assert [party.away for party in made.organizations] == [frozenset(), frozenset({1, 3})]
    assert made.tables == inputs().tables


@pytest.mark.parametrize("edit", [Edit(EditKind.PIN, ((9, 7),)), Edit(EditKind.FORBID, ((1, 9),)),
                                  Edit(EditKind.PIN, ((1, 7),), round=4)])
def test_an_edit_of_somebody_or_a_round_that_is_not_there_is_refused(edit):
    with pytest.raises(Invalid):
        edited(inputs(), edit)


def test_a_forbidden_pair_never_meets_and_a_pinned_one_always():
    made = solve(inputs(forbids=frozenset({(1, 7)}), pins={(2, 8): 3}), POINTS, FLOWS)
    assert (1, 7) not in pairs_of(made)
    assert Seat(2, 8, 3, 300, is_pinned=True) in made.seats


def test_a_pin_makes_a_pair_where_there_were_no_points():
    made = solve(inputs(pins={(1, 7): None}), np.array([[0, 500], [400, 0]], np.int64), FLOWS)
    assert pairs_of(made) == {(1, 7), (1, 8), (2, 7)}


def test_a_pair_that_is_never_there_together_is_no_pair_and_no_part_of_the_bound():
    away = inputs(tables=(Party(1, "甲项目", away=frozenset({1, 2})),), organizations=(Party(7, "甲组织", away=frozenset({3})),))
    made = problem_of(away, np.array([[900]], np.int64))
    assert len(made.left) == 0


def test_decisions_about_somebody_who_left_are_passed_over():
    made = solve(inputs(pins={(99, 7): 1}, forbids=frozenset({(1, 99)})), POINTS, FLOWS)
    assert len(made.seats) == 4


def test_absences_beyond_the_last_round_do_not_matter():
    made = solve(inputs(tables=(Party(1, "甲项目", away=frozenset({9})), Party(2, "乙项目"))), POINTS, FLOWS)
    assert len(made.seats) == 4


@pytest.mark.parametrize("empty", ["tables", "organizations"])
def test_an_event_with_one_side_only_is_refused(empty):
    with pytest.raises(Invalid, match="名单还不全"):
        solve(inputs(**{empty: ()}), POINTS, FLOWS)


def test_an_event_without_any_pair_says_why():
    with pytest.raises(Invalid, match="没有一对可以洽谈"):
        solve(inputs(), np.zeros((2, 2), np.int64), FLOWS)


def test_who_has_nobody_to_meet_is_named():
    made = solve(inputs(), np.array([[900, 0], [400, 0]], np.int64), FLOWS)
    assert made.lonely == ("乙组织",)
    assert made.findings()["lonely"] == ["乙组织"]


def test_pins_that_cannot_both_be_seated_name_the_pair():
    away = frozenset({2, 3})
    both = inputs(tables=(Party(1, "甲项目", away=away), Party(2, "乙项目", away=away)), pins={(1, 7): None, (2, 7): None})
    with pytest.raises(Invalid, match=r"指定的“.项目”和“甲组织”排不进任何一轮"):
        solve(both, POINTS, FLOWS)


def test_an_absence_moves_few_even_where_every_pair_is_as_good_as_every_other():
    everybody = Inputs(6, tuple(Party(n, f"项目{n}") for n in range(30)), tuple(Party(100 + n, f"组织{n}") for n in range(20)))
    points = np.full((30, 20), 700, np.int64)
    before = solve(everybody, points, FLOWS).seats
    away = edited(everybody, Edit(EditKind.AWAY, organization=103, away=frozenset({1, 2})))
    after = solve(away, points, FLOWS, before=before)
    assert len(difference(before, after.seats).changes) == 2          # its two meetings, and nobody else's
    assert len(after.seats) == len(before) - 2


# ---------- shortages ----------

def test_a_shortage_says_demand_supply_and_who_is_short():
    tight = Inputs(1, (Party(1, "甲项目", least=1), Party(2, "乙项目", least=1)), (Party(7, "甲组织"),))
    made = solve(tight, np.array([[900], [400]], np.int64), FLOWS)
    (short,) = made.shortages
    assert (short.side, short.demand, short.supply, short.found, short.is_proven) == ("tables", 2, 1, 1, True)
    assert short.rows == (("乙项目", 1, 0, 1, 1),)
    assert short.more_rounds == 1
    assert short.as_facts()["rows"] == (("乙项目", 1, 0, 1, 1),)


def test_organizations_can_be_short_too():
    tight = Inputs(2, (Party(1, "甲项目"),), (Party(7, "甲组织", least=1), Party(8, "乙组织", least=2)))
    made = solve(tight, np.array([[900, 400]], np.int64), FLOWS)
    assert [(one.side, [row[0] for row in one.rows]) for one in made.shortages] == [("organizations", ["乙组织"])]


# ---------- differences ----------

def test_a_difference_names_new_gone_and_moved_pairs_and_the_points_of_both():
    before = [Seat(1, 7, 1, 900), Seat(1, 8, 2, 500), Seat(2, 7, 2, 400)]
    after = [Seat(1, 7, 3, 900), Seat(1, 8, 2, 500), Seat(2, 8, 1, 300)]
    found = difference(before, after)
    assert [(one.project, one.organization, one.before, one.after) for one in found.changes] == [
        (2, 8, None, 1), (1, 7, 1, 3), (2, 7, 2, None)]
    assert (found.points_before, found.points_after, found.tables, found.organizations) == (1800, 1700, 2, 2)


def test_the_digest_is_of_the_meetings_whatever_their_order():
    seats = [Seat(1, 7, 1, 900), Seat(1, 8, 2, 500)]
    assert digest(seats) == digest(reversed(seats))
    assert digest(seats) != digest([replace(seats[0], round=2), seats[1]])
