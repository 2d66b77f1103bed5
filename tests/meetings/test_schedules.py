"""The schedule as a mathematical thing: free of conflicts, as many points as the bound allows, the same every time."""

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.core.errors import Invalid
from marketplace.integrations.flows import OrtoolsFlows
from marketplace.meetings.rules.problems import FREE, Problem
from marketplace.meetings.rules.scheduling import PHASES, check, schedule

FLOWS = OrtoolsFlows()
FAIR = (416, 300, 12)


def problem(pairs, presence, *, tables, least=None, **more):
    """A problem from (table, organization, points); organizations count from 0."""
    left, right, gains = (np.array(column, np.int64) for column in (zip(*pairs, strict=True) if pairs else ((), (), ())))
    there = np.array(presence, np.bool_)
    return Problem(tables, left, right + tables, gains, there,
                   np.array(least if least is not None else [0] * len(there), np.int64), **more)


def everybody(tables, organizations, rounds):
    return np.ones((tables + organizations, rounds), np.bool_)


def a_fair(seed, size=FAIR, away=0.0):
    """Projects of twelve kinds, organizations with one to four of them and a quality of their own."""
    tables, organizations, rounds = size
    dice = np.random.default_rng(seed)
    kinds = dice.integers(0, 12, tables)
    offers = dice.random((organizations, 12)) < 0.2
    points = dice.integers(150, 450, (tables, organizations)) + 350 * offers[:, kinds].T + dice.integers(0, 200, organizations)
    shown = offers[:, kinds].T | (dice.random((tables, organizations)) < 0.05)
    left, right = np.nonzero(shown)
    presence = everybody(tables, organizations, rounds)
    for party in np.flatnonzero(dice.random(tables + organizations) < away):
        presence[party, dice.permutation(rounds)[:dice.integers(1, min(7, rounds + 1))]] = False
    return Problem(tables, left, right + tables, points[shown].astype(np.int64), presence,
                   np.zeros(tables + organizations, np.int64))


def assert_sound(made, found):
    """Nobody in two places, nobody where he is away, no pair twice, points and counts as said."""
    seen = set()
    assert len(set(found.pairs.tolist())) == len(found.pairs)
    for pair, place in zip(found.pairs.tolist(), found.rounds.tolist(), strict=True):
        for party in (int(made.left[pair]), int(made.right[pair])):
            assert made.presence[party, place]
            assert (party, place) not in seen
            seen.add((party, place))
    assert found.total == int(made.gains[found.pairs].sum())
    assert found.total <= found.bound


def best_of_all(made):
    """The best total that trying every choice of every round finds."""
    pairs = len(made.left)
    per_round = []
    for place in range(made.rounds):
        there = [pair for pair in range(pairs)
                 if made.presence[made.left[pair], place] and made.presence[made.right[pair], place]]
        choices = [0]

        def grow(first, chosen, taken, there=there, choices=choices):
            for at in range(first, len(there)):
                ends = {int(made.left[there[at]]), int(made.right[there[at]])}
                if not ends & taken:
                    choices.append(chosen | 1 << there[at])
                    grow(at + 1, chosen | 1 << there[at], taken | ends)

        grow(0, 0, set())
        per_round.append(choices)
    points = made.gains.tolist()

    @lru_cache(None)
    def best(place, used):
        if place == made.rounds:
            return 0
        return max(sum(points[pair] for pair in range(pairs) if chosen >> pair & 1) + best(place + 1, used | chosen)
                   for chosen in per_round[place] if not chosen & used)

    return best(0, 0)


def degrees(made, found):
    return np.bincount(np.concatenate([made.left[found.pairs], made.right[found.pairs]]), minlength=len(made.least))


@st.composite
def problems(draw, most=9, rounds=6, *, absences=True):
    tables, organizations = draw(st.integers(1, most)), draw(st.integers(1, most))
    count = draw(st.integers(1, rounds))
    cells = st.lists(st.integers(0, 99), min_size=tables * organizations, max_size=tables * organizations)
    gains = np.array(draw(cells)).reshape(tables, organizations)
    pairs = [(t, o, int(gains[t, o])) for t, o in zip(*np.nonzero(gains > 20), strict=True)]
    presence = everybody(tables, organizations, count)
    if absences:
        for party, place in draw(st.lists(st.tuples(st.integers(0, tables + organizations - 1), st.integers(0, count - 1)),
                                          max_size=20)):
            presence[party, place] = False
    return problem(pairs, presence, tables=tables)


# ---------- everybody is there ----------

@settings(deadline=None, max_examples=150)
@given(problems(absences=False))
def test_with_everybody_there_the_schedule_has_all_points_of_the_bound(made):
    found = schedule(made, FLOWS)
    assert_sound(made, found)
    assert found.total == found.bound
    assert (degrees(made, found) <= made.degrees).all()


@settings(deadline=None, max_examples=60)
@given(problems(most=3, rounds=3, absences=False))
def test_with_everybody_there_trying_all_finds_nothing_better(made):
    assert schedule(made, FLOWS).total == best_of_all(made)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_fair_of_416_tables_and_300_organizations_reaches_the_bound(seed):
    made = a_fair(seed)
    found = schedule(made, FLOWS)
    assert_sound(made, found)
    assert found.total == found.bound > 0
    assert len(found.pairs) > 3500


# ---------- somebody is away ----------

@settings(deadline=None, max_examples=150)
@given(problems())
def test_with_absences_nobody_is_called_while_away_and_the_bound_holds(made):
    assert_sound(made, schedule(made, FLOWS))


@settings(deadline=None, max_examples=100)
@given(problems(most=3, rounds=3))
def test_with_absences_no_schedule_is_better_than_trying_all_and_none_can_simply_be_extended(made):
    found = schedule(made, FLOWS)
    assert found.total <= best_of_all(made) <= found.bound
    busy = {(int(end), place) for pair, place in zip(found.pairs.tolist(), found.rounds.tolist(), strict=True)
            for end in (made.left[pair], made.right[pair])}
    for pair in set(range(len(made.left))) - set(found.pairs.tolist()):
        ends = int(made.left[pair]), int(made.right[pair])
        assert not [place for place in range(made.rounds)
                    if all(made.presence[end, place] and (end, place) not in busy for end in ends)]


@pytest.mark.parametrize("seed", range(400, 480))
def test_tiny_cases_with_absences_reach_what_trying_all_reaches(seed):
    made = a_fair(seed, size=(3, 3, 3), away=0.6)
    assert schedule(made, FLOWS).total == best_of_all(made)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_fair_with_a_fifth_away_comes_within_a_thousandth_of_the_bound(seed):
    made = a_fair(seed, away=0.2)
    found = schedule(made, FLOWS)
    assert_sound(made, found)
    assert found.ratio >= 0.999


def test_meetings_are_exchanged_along_a_chain_to_seat_one_more():
    """Organizations 0 and 1 have two rounds each; table 0 leaves early: greedy seating blocks its only round."""
    presence = everybody(2, 2, 2)
    presence[0, 1] = False
    made = problem([(0, 0, 50), (1, 0, 90), (1, 1, 80)], presence, tables=2)
    found = schedule(made, FLOWS)
    assert_sound(made, found)
    assert found.total == 220


@pytest.mark.parametrize("sweeps", [0, 1])
def test_sweeps_come_to_an_end_even_while_they_gain(monkeypatch, sweeps):
    monkeypatch.setattr("marketplace.meetings.rules.refilling.MOST_SWEEPS", sweeps)
    made = a_fair(9, (30, 30, 8), away=0.5)
    assert_sound(made, schedule(made, FLOWS))


# ---------- the same every time ----------

def test_the_same_event_gives_the_same_schedule_and_the_same_fingerprint():
    one, two = a_fair(5, (60, 40, 6), away=0.3), a_fair(5, (60, 40, 6), away=0.3)
    first, second = schedule(one, FLOWS), schedule(two, FLOWS)
    assert one.fingerprint() == two.fingerprint()
    assert (first.pairs.tolist(), first.rounds.tolist()) == (second.pairs.tolist(), second.rounds.tolist())
    two.presence[0, 0] ^= True
    assert one.fingerprint() != two.fingerprint()


def test_every_phase_is_told_once_and_in_order():
    heard = []
    schedule(a_fair(5, (10, 10, 3)), FLOWS, tell=heard.append)
    assert heard == list(range(len(PHASES)))


def test_nobody_to_meet_is_an_empty_schedule():
    found = schedule(problem([], everybody(2, 2, 2), tables=2), FLOWS)
    assert (len(found.pairs), found.total, found.bound, found.ratio) == (0, 0, 0, 1.0)


def test_somebody_away_all_the_time_meets_nobody():
    presence = everybody(1, 2, 2)
    presence[1] = False
    found = schedule(problem([(0, 0, 90), (0, 1, 10)], presence, tables=1), FLOWS)
    assert found.pairs.tolist() == [1]


# ---------- least numbers ----------

def test_least_numbers_come_before_points():
    made = problem([(0, 0, 90), (1, 0, 10)], everybody(2, 1, 1), tables=2, least=[0, 1, 0])
    found = schedule(made, FLOWS)
    assert found.pairs.tolist() == [1]
    assert (found.short, found.total, found.bound) == ((), 10, 10)


def test_a_least_number_that_no_schedule_can_meet_is_told_and_proven():
    made = problem([(0, 0, 50), (1, 0, 60)], everybody(2, 1, 1), tables=2, least=[1, 1, 0])
    found = schedule(made, FLOWS)
    assert found.is_proven_short
    assert [(one.party, one.least, one.found, one.partners, one.rounds) for one in found.short] == [(0, 1, 0, 1, 1)]


@settings(deadline=None, max_examples=100)
@given(problems(absences=False), st.integers(0, 3))
def test_as_many_least_numbers_are_met_as_can_be(made, least):
    wanted = np.minimum(np.full(len(made.least), least, np.int64), made.degrees)
    asked = Problem(made.tables, made.left, made.right, made.gains, made.presence, wanted)
    found = schedule(asked, FLOWS)
    assert_sound(asked, found)
    had = degrees(asked, found)
    assert sorted(one.party for one in found.short) == np.flatnonzero(had < wanted).tolist()
    assert found.total == found.bound
    if not (degrees(made, schedule(made, FLOWS)) < wanted).any():
        assert not found.short


@pytest.mark.parametrize("least", [4, 8])
def test_a_fair_gives_every_table_its_least_number(least):
    made = a_fair(3)
    wanted = made.least.copy()
    wanted[:made.tables] = np.minimum(least, np.bincount(made.left, minlength=made.tables))
    asked = Problem(made.tables, made.left, made.right, made.gains, made.presence, wanted)
    found = schedule(asked, FLOWS)
    assert not found.short
    assert found.total == found.bound <= schedule(made, FLOWS).total


def test_least_numbers_hold_with_absences_too():
    made = a_fair(4, (60, 40, 8), away=0.3)
    wanted = made.least.copy()
    wanted[:60] = np.minimum(2, np.bincount(made.left, minlength=100)[:60])
    found = schedule(Problem(made.tables, made.left, made.right, made.gains, made.presence, wanted), FLOWS)
    assert not found.short


# ---------- pins ----------

@settings(deadline=None, max_examples=120)
@given(problems(), st.data())
def test_a_pin_that_can_be_met_is_met_in_its_round(made, data):
    if not len(made.left):
        return
    pair = data.draw(st.integers(0, len(made.left) - 1))
    common = np.flatnonzero(made.presence[made.left[pair]] & made.presence[made.right[pair]]).tolist()
    if not common:
        return
    place = data.draw(st.sampled_from([FREE, *common]))
    asked = Problem(made.tables, made.left, made.right, made.gains, made.presence, made.least, {pair: place})
    found = schedule(asked, FLOWS)
    assert_sound(asked, found)
    assert found.unplaced == ()
    seated = dict(zip(found.pairs.tolist(), found.rounds.tolist(), strict=True))
    assert pair in seated
    assert place in (FREE, seated[pair])


def test_a_poor_pair_that_is_pinned_takes_the_place_of_a_good_one():
    made = problem([(0, 0, 90), (0, 1, 1)], everybody(1, 2, 1), tables=1, pins={1: FREE})
    assert schedule(made, FLOWS).pairs.tolist() == [1]


def test_a_pin_that_finds_no_round_is_told():
    """Both pins of the organization can only be in round 0."""
    presence = everybody(2, 1, 2)
    presence[:2, 1] = False
    made = problem([(0, 0, 5), (1, 0, 5)], presence, tables=2, pins={0: FREE, 1: FREE})
    found = schedule(made, FLOWS)
    assert len(found.unplaced) == 1
    assert_sound(made, found)


@pytest.mark.parametrize(("pins", "least", "words"), [
    ({}, [4, 0, 0], "“甲桌”要求至少 4 场，但只有 3 轮在场"),
    ({0: 1}, [0, 0, 0], "“甲组织”第 2 轮不在场"),
    ({0: 0, 1: 0}, [0, 0, 0], "“甲桌”第 1 轮被指定了两场"),
])
def test_what_cannot_be_scheduled_is_refused_with_the_name(pins, least, words):
    presence = everybody(1, 2, 3)
    presence[1, 1] = False
    made = problem([(0, 0, 5), (0, 1, 5)], presence, tables=1, least=least, pins=pins)
    with pytest.raises(Invalid, match=words):
        check(made, ("甲桌", "甲组织", "乙组织"))


def test_more_pins_than_rounds_are_refused():
    made = problem([(0, 0, 5), (0, 1, 5)], everybody(1, 2, 1), tables=1, pins={0: FREE, 1: FREE})
    with pytest.raises(Invalid, match="被指定了 2 场，但只有 1 轮在场"):
        check(made, ("甲桌", "甲组织", "乙组织"))


def test_a_pin_of_two_who_are_never_there_together_is_refused():
    made = problem([(0, 0, 5)], [[True, False], [False, True]], tables=1, pins={0: FREE})
    with pytest.raises(Invalid, match="没有一轮同时在场"):
        check(made, ("甲桌", "甲组织"))


# ---------- a schedule before ----------

def test_a_small_edit_changes_little_and_says_what_it_costs():
    made = a_fair(6, (80, 60, 8))
    before = schedule(made, FLOWS)
    kept = dict(zip(before.pairs.tolist(), before.rounds.tolist(), strict=True))
    presence = made.presence.copy()
    presence[80] = False                                  # one organization stays at home
    edited = Problem(made.tables, made.left, made.right, made.gains, presence, made.least)
    anew = schedule(edited, FLOWS)
    gentle = schedule(Problem(made.tables, made.left, made.right, made.gains, presence, made.least, {}, kept, 50), FLOWS)
    assert_sound(edited, gentle)

    def changed(found):
        return len(set(zip(found.pairs.tolist(), found.rounds.tolist(), strict=True)) ^ set(kept.items()))

    assert changed(gentle) < changed(anew)
    assert gentle.bound == anew.bound == anew.total >= gentle.total
    assert gentle.ratio > 0.98


def test_without_an_edit_the_schedule_stays_as_it_is():
    made = a_fair(7, (40, 30, 6), away=0.2)
    before = schedule(made, FLOWS)
    kept = dict(zip(before.pairs.tolist(), before.rounds.tolist(), strict=True))
    again = schedule(Problem(made.tables, made.left, made.right, made.gains, made.presence, made.least, {}, kept, 50), FLOWS)
    assert dict(zip(again.pairs.tolist(), again.rounds.tolist(), strict=True)) == kept
