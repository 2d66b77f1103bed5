"""States, gaps, points of the shortlist: formulas without a database."""

from datetime import timedelta

import pytest

from marketplace.core.errors import IllegalStep
from marketplace.core.money import Money
from marketplace.funding.rules.landing import Place
from marketplace.fundplans.rules import (
    BUSY,
    FULL_POINTS,
    LOOKS_FOR,
    METHOD_LABELS,
    OUTCOME_LABELS,
    OUTCOME_NEXT,
    PHASE_LABELS,
    PHASE_STARTS,
    PLAN_LABELS,
    PLAN_LOOKS,
    PLAN_STEPS,
    Method,
    Outcome,
    Phase,
    PlanState,
    has_left,
)
from marketplace.fundplans.rules.gaps import BASIS_LABELS, Basis, Committed, Cost, Gap, gap_of
from marketplace.fundplans.rules.instance import Fund
from marketplace.fundplans.rules.shortlist import (
    PART_LABELS,
    PART_NOTES,
    POINTS,
    TIE,
    Part,
    Purpose,
    Wanted,
    ranked,
    score,
)
from tests.factories import NOW

LEGAL = {("draft", "solve"): "solved", ("solved", "share"): "shared", ("draft", "withdraw"): "withdrawn",
         ("solved", "withdraw"): "withdrawn", ("shared", "withdraw"): "withdrawn"}
NOTICED = Place("below_threshold", takes_matching=True, state="published")


@pytest.mark.parametrize(("asked", "waited", "left"), [
    (NOW, LOOKS_FOR, False), (NOW, LOOKS_FOR + timedelta(microseconds=1), True), (NOW, timedelta(0), False),
    (None, timedelta(0), True)])
def test_who_asked_is_taken_to_look_on_for_a_minute(asked, waited, left):
    assert has_left(asked, NOW + waited) == left


@pytest.mark.parametrize("state", list(PlanState))
@pytest.mark.parametrize("action", ["solve", "share", "withdraw"])
def test_every_step_of_a_plan_is_legal_or_refused_as_the_table_says(state, action):
    if (state, action) in LEGAL:
        assert PLAN_STEPS.after(state, action) == LEGAL[state, action]
    else:
        with pytest.raises(IllegalStep):
            PLAN_STEPS.after(state, action)


def test_every_word_has_its_label():
    assert set(PLAN_LABELS) == set(PLAN_LOOKS) == set(PlanState)
    assert set(PHASE_LABELS) == set(Phase)
    assert set(PHASE_STARTS) == {*BUSY, Phase.DONE}
    assert set(OUTCOME_LABELS) == set(Outcome) == {*OUTCOME_NEXT, Outcome.FUNDED}
    assert set(METHOD_LABELS) == set(Method)
    assert set(BASIS_LABELS) == set(Basis)
    assert set(PART_LABELS) == set(PART_NOTES) == set(POINTS) == set(Part)
    assert sum(POINTS.values()) == FULL_POINTS


# ---- gaps ----

MEALS = Cost("meals", "周末加餐", 80)


@pytest.mark.parametrize(("place", "known", "found"), [
    (NOTICED, Committed(budget=1_000, signed=300, own=200), Gap(500, Basis.BUDGET)),
    (NOTICED, Committed(budget=1_000, signed=1_300), Gap(0, Basis.BUDGET)),              # over-promised is no negative gap
    (NOTICED, Committed(budget=1_000, signed=300, lines=(MEALS,)), Gap(80, Basis.COST_LINES, (MEALS,))),   # named costs come first
    (NOTICED, Committed(budget=1_000, lines=()), Gap(0, Basis.COST_LINES)),
    (NOTICED, Committed(budget=None), Gap(None, Basis.UNKNOWN)),                            # unknown is not zero
    (Place("grant_round", takes_matching=False, state="published"), Committed(budget=900), Gap(900, Basis.BUDGET)),
    (Place("open_tender", takes_matching=False, state="awarded"), Committed(budget=900), Gap(None, Basis.UNKNOWN)),
    (Place("open_tender@2026.1", takes_matching=True, state="contracted"), Committed(budget=900, lines=(MEALS,)), Gap(80, Basis.COST_LINES, (MEALS,))),
    (Place("open_tender", takes_matching=True, state="published"), Committed(budget=900, lines=(MEALS,)), None),
    (Place("below_threshold", takes_matching=False, state="published"), Committed(budget=900), None),
    (Place("grant_round", takes_matching=True, state="terminated"), Committed(budget=900), None),
])
def test_a_gap_is_what_nobody_has_promised_where_money_may_land_at_all(place, known, found):
    assert gap_of(place, known) == found


def test_an_unknown_gap_is_no_money():
    assert Gap(None, Basis.UNKNOWN).money is None
    assert Gap(0, Basis.BUDGET).money == Money(0)


# ---- the shortlist ----

ELDERLY = Fund("pool", 1, 2, 40_000, None, ("A04",), ("440605",))


def parts(purpose: Purpose, **wanted: object) -> dict[str, tuple[int, bool]]:
    found = score(purpose, Wanted(**{"ref": "p", "budget": 100_000, "gap": 50_000, "category": "A0402", "area": "440605011", **wanted}))
    assert found.total == sum(one.tenths for one in found.parts)
    assert all(0 <= one.tenths <= one.most == POINTS[one.part] * 10 for one in found.parts)
    return {str(one.part): (one.tenths, one.is_known) for one in found.parts}


def test_a_project_within_the_purpose_gets_its_points():
    found = parts(Purpose((ELDERLY,), due=25_000), pairing=800, signed=10_000)
    assert found == {"purpose": (350, True), "area": (150, True), "room": (160, True), "pairing": (120, True),
                     "duty": (50, True), "company": (5, True)}


def test_what_is_not_known_stands_at_half_and_says_so():
    assert parts(Purpose()) == {"purpose": (175, False), "area": (75, False), "room": (100, False), "pairing": (75, False),
                                "duty": (50, False), "company": (0, True)}
    found = parts(Purpose((ELDERLY,), due=0), gap=None, category="", area="", budget=None)
    assert (found["purpose"], found["area"], found["room"]) == ((175, False), (75, False), (100, False))
    assert (found["duty"], found["company"]) == ((50, False), (25, False))


def test_a_known_nought_is_a_nought():
    found = parts(Purpose((ELDERLY,), due=0), category="B01", area="4406", pairing=0)
    assert found == {"purpose": (0, True), "area": (0, True), "room": (0, True), "pairing": (0, True), "duty": (0, True),
                     "company": (0, True)}


def test_a_sibling_category_counts_in_part_and_a_pool_for_all_wholly():
    assert parts(Purpose((ELDERLY,)), category="A0411")["purpose"] == (350, True)
    assert parts(Purpose((Fund("f", 1, 1, 1, None, ("A0402",)),)), category="A0411")["purpose"] == (140, True)
    assert parts(Purpose((ELDERLY, Fund("any", 1, 1, 1))), category="", area="")["purpose"] == (350, True)
    assert parts(Purpose((ELDERLY, Fund("any", 1, 1, 1))), category="", area="")["area"] == (150, True)


def test_without_pools_the_profile_says_what_a_funder_is_for():
    profile = Purpose((), ("A04",), ("440605",))
    assert profile.is_known
    assert not Purpose(due=5).is_known
    found = parts(profile)
    assert (found["purpose"], found["area"], found["room"]) == ((350, True), (150, True), (100, False))
    assert parts(profile, category="B01", area="4401")["purpose"] == (0, True)


def test_what_pools_could_give_counts_ratio_rest_and_earlier_grants():
    purpose = Purpose((ELDERLY, Fund("second", 1, 10, 90_000, 8_000, (), (), (("p", 3_000),)), Fund("not", 1, 1, 99, None, ("Z",))))
    wanted = Wanted(ref="p", budget=100_000, gap=50_000, category="A0402", area="440605011")
    assert score(purpose, wanted).room == 40_000 + 5_000
    assert score(purpose, Wanted(ref="p", budget=100_000, gap=42_000, category="A0402", area="440605011")).room == 42_000
    assert score(Purpose(), wanted).room is None
    assert score(purpose, Wanted(ref="p", category="A0402", area="440605011")).room is None


def test_gaps_under_three_points_are_one_group_in_the_order_of_publication():
    purpose = Purpose((ELDERLY,))
    made = [Wanted(ref=ref, budget=1_000, gap=500, category="A0402", area="440605011", pairing=pairing)
            for ref, pairing in (("low", 100), ("near", 900), ("best", 1_000), ("next", 750))]
    found = ranked(purpose, made)
    assert [(one.ref, one.group) for one in found] == [("near", 1), ("best", 1), ("next", 2), ("low", 3)]
    best = {one.ref: one.total for one in found}
    assert best["best"] - best["near"] < TIE <= best["best"] - best["next"]
    assert ranked(purpose, []) == []
