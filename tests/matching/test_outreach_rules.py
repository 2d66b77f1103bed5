"""What each procedure allows, the line, the shares, the draw's digest, what closed projects tell."""

import hashlib

import pytest

from marketplace.core.errors import Invalid
from marketplace.matching.rules import outreach as rules
from marketplace.matching.rules.hard import EVERYWHERE
from marketplace.matching.rules.outreach import OUTREACH, Size, Way
from marketplace.matching.rules.ranking import Ranked


def rows(*totals: int) -> list[Ranked]:
    return [Ranked(key, total, ()) for key, total in enumerate(totals, 1)]


def test_every_procedure_has_its_ways_with_a_source():
    assert set(OUTREACH) == EVERYWHERE
    assert all(one.source and one.sentence for one in OUTREACH.values())


@pytest.mark.parametrize(("procedure", "ways"), [
    ("below_threshold", {Way.TELL}), ("open_tender", {Way.TELL}), ("grant_round", {Way.TELL}), ("adoption", {Way.TELL}),
    ("framework", {Way.TELL}), ("invited_tender", {Way.DRAW}), ("competitive_consultation", {Way.DRAW, Way.RECOMMEND}),
    ("competitive_negotiation", {Way.DRAW, Way.RECOMMEND}), ("request_for_quotations", {Way.DRAW, Way.RECOMMEND}),
    ("single_source", set()), ("nobody_knows", set()),
])
def test_open_procedures_tell_all_and_closed_ones_draw_or_recommend(procedure, ways):
    assert set(rules.outreach_of(procedure).ways) == ways
    assert rules.is_locked(procedure) == bool(ways - {Way.TELL})


def test_everybody_at_or_above_the_line_is_told_and_nobody_below():
    found = rules.check_line(rows(900, 700, 500, 450, 449), 45)
    assert [one.total for one in found] == [900, 700, 500, 450]


@pytest.mark.parametrize(("totals", "line"), [
    ((900, 899, 400, 300), 80),          # two above: a hand-picked few
    ((100, 50), 20), ((), 20),           # nobody above
    ((900, 800, 700), 44), ((900, 800, 700), 0), ((900, 800, 700), 85), ((900, 800, 700), -5),   # no such line
])
def test_a_line_that_picks_a_few_or_nobody_or_is_made_to_measure_is_refused(totals, line):
    with pytest.raises(Invalid) as refused:
        rules.check_line(rows(*totals), line)
    assert refused.value.field == "line"


def test_where_there_are_only_two_at_all_the_lowest_line_tells_both():
    assert len(rules.check_line(rows(300, 250), rules.LINES[0])) == 2


def test_the_counts_before_choosing_are_those_of_the_lines():
    counts = rules.counts_above(rows(805, 800, 455, 450, 10))
    assert (counts[80], counts[45], counts[20]) == (2, 4, 4)
    assert list(counts) == list(rules.LINES)


@pytest.mark.parametrize(("buyer", "expert", "is_lawful"), [(1, 2, True), (2, 2, True), (3, 3, True), (0, 3, True),
                                                            (2, 1, False), (1, 1, False), (4, 3, False)])
def test_the_buyer_recommends_at_most_half_and_there_are_three(buyer, expert, is_lawful):
    if is_lawful:
        assert rules.check_shares(buyer=buyer, expert=expert) is None
    else:
        with pytest.raises(Invalid):
            rules.check_shares(buyer=buyer, expert=expert)


def test_the_digest_commits_to_the_seed():
    assert rules.seed_digest("abc") == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize(("capacity", "size"), [(None, Size.UNKNOWN), (0, Size.ONE), (1, Size.ONE), (2, Size.FEW), (3, Size.FEW),
                                                (4, Size.SOME), (6, Size.SOME), (7, Size.MANY), (40, Size.MANY)])
def test_capacities_are_shown_as_ranges(capacity, size):
    assert rules.size_of(capacity) == size
    assert rules.SIZE_LABELS[size]


def test_of_fewer_than_three_closed_projects_nothing_is_told():
    assert rules.closed_like([3, 4], [1, 2, 3], code="A04") is None
    found = rules.closed_like([3, 5, 4, 9], [1, 2, 3, None, 8], code="A04")
    assert (found.projects, found.least, found.middle, found.most) == (4, 3, 4, 9)
    assert found.sizes == {Size.ONE: 1, Size.FEW: 2, Size.MANY: 1, Size.UNKNOWN: 1}


@pytest.mark.parametrize(("totals", "least", "line"), [
    ((600, 610, 620, 700), 45, 45), ((430, 420, 410, 300), 45, 40), ((300,), 45, 20), ((), 45, 20), ((800, 800, 800), 83, 80)])
def test_the_line_offered_first_is_the_nearest_that_may_be_chosen(totals, least, line):
    assert rules.nearest_line(rules.counts_above(rows(*totals)), least) == line
