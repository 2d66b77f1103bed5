"""Texts, names, money and dates of the demo world."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from marketplace.core.calendar import WorkCalendar
from marketplace.core.clock import beijing, beijing_date
from marketplace.core.money import Money
from marketplace.demo.rules import names, plan, texts
from marketplace.demo.rules.domain import Domain
from marketplace.demo.rules.texts import DOMAINS, Place
from marketplace.demo.rules.weave import overlap, shingles, weave
from marketplace.organizations.rules import OrganizationKind, check_name, credit_code_is_valid

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
HERE = Place("桐浦街道", "石桥社区")


def dice(seed: int = 1) -> random.Random:
    return random.Random(seed)


def test_a_pattern_is_woven_from_the_inside_out() -> None:
    made = {weave(dice(seed), "{每{周|月}|常年}<2-4>次，<town>", {"town": "桐浦"}) for seed in range(60)}
    assert {one.partition("次")[0][:-1] for one in made} == {"每周", "每月", "常年"}
    assert all(one.endswith("次，桐浦") for one in made)


def test_a_fact_that_is_missing_is_an_error() -> None:
    with pytest.raises(KeyError):
        weave(dice(), "<town>的事")


def test_numbers_come_in_steps() -> None:
    made = {int(weave(dice(seed), "<100-200:50>")) for seed in range(40)}
    assert made == {100, 150, 200}


def test_overlap_is_measured_against_the_shorter_text() -> None:
    short, long = shingles("一二三四五六七八九十"), shingles("一二三四五六七八九十甲乙丙丁戊己庚辛")
    assert overlap(short, long) == 1
    assert overlap(shingles("甲乙丙丁戊己庚辛壬癸"), short) == 0
    assert shingles(" 一 二\n三四五六七八") == {"一二三四五六七八"}


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda one: one.key)
def test_every_field_weaves_every_pattern_without_a_rest(domain: Domain) -> None:
    facts = {"town": "桐浦街道", "place": "石桥社区", "batch": "第一批"}
    for seed in range(4):
        rng = dice(seed)
        for pattern in (*domain.titles, domain.target, *domain.needs, *domain.work, domain.staff):
            text = weave(rng, pattern, facts)
            assert text
            assert not set(text) & set("{}|<>")
        assert len(texts.title(rng, domain, HERE)) <= 60


def test_416_bodies_differ_and_have_the_length_of_real_ones() -> None:
    rng = dice(plan.DEFAULT_SEED)
    library = texts.Library(rng)
    bodies = [library.body(DOMAINS[number % len(DOMAINS)], HERE, 300, 12) for number in range(plan.PROJECTS)]
    assert all(200 <= len(body) <= 800 for body in bodies)
    runs = [shingles(body) for body in bodies]
    worst = max(overlap(runs[one], runs[other]) for one in range(len(runs)) for other in range(one))
    assert worst <= 0.40, worst


def test_a_text_like_an_earlier_one_is_thrown_away() -> None:
    library = texts.Library(dice(3))
    first = library.body(DOMAINS[0], HERE, 300, 12)
    assert not library._is_new(shingles(first))
    assert not library._is_new(shingles(first[:len(first) * 3 // 4]))


def test_indicators_criteria_and_payments_add_up() -> None:
    for seed in range(60):
        rng = dice(seed)
        domain = rng.choice(DOMAINS)
        weight = rng.choice((10, 15, 20))
        made = texts.criteria(rng, domain, weight)
        assert sum(one["weight"] for one in made) + weight == 100
        assert all(one["weight"] >= 1 for one in made)
        assert sum(one["percent"] for one in texts.milestones(rng)) == 100
        assert 3 <= len(texts.indicators(rng, domain)) <= 4


def test_titles_never_repeat() -> None:
    rng, used = dice(), set()
    made = [texts.distinct_title(rng, DOMAINS[0], HERE, used) for _ in range(200)]
    assert len(set(made)) == 200


def test_the_plan_has_the_size_of_the_2016_fair() -> None:
    made = plan.plan(dice(plan.DEFAULT_SEED), now=NOW, calendar=WorkCalendar())
    assert len(made) == 416
    total = sum(one.budget.fen for one in made)
    assert abs(total - Money.yuan(160_000_000).fen) < Money.yuan(500_000).fen
    assert len({one.fair_type for one in made}) == 6
    places = Counter(one.place for one in made)
    assert set(places) == set(range(8))
    assert places[0] == 86
    assert (plan.ASSOCIATIONS, plan.AGENCIES, plan.ASSOCIATIONS + plan.AGENCIES + plan.FILED) == (451, 632, 1663)
    means = {kind: [one.budget.fen for one in made if one.fair_type == kind] for kind in range(6)}
    assert sum(means[0]) / len(means[0]) > sum(means[4]) / len(means[4])


def test_every_fate_is_played() -> None:
    made = plan.plan(dice(), now=NOW, calendar=WorkCalendar())
    assert Counter(one.fate for one in made) == dict(plan.FATES)
    assert sum(count for _, count in plan.FATES) == plan.PROJECTS
    assert set(plan.FATE_WORDS) == {fate for fate, _ in plan.FATES}


@pytest.mark.parametrize("days", range(0, 370, 11))
def test_publishing_moments_and_deadlines_are_lawful_on_any_day(days: int) -> None:
    now, calendar = NOW - timedelta(days=days), WorkCalendar()
    for fate, _ in plan.FATES:
        rng = dice(days)
        at = plan.moment(rng, fate, now=now, calendar=calendar)
        closes = plan.deadline(rng, at, calendar=calendar, fate=fate)
        assert at < now
        assert calendar.is_workday(beijing_date(closes))
        assert calendar.add_workdays(beijing_date(at), 5) <= beijing_date(closes)
        assert beijing(closes).hour == 17
        if fate == "open":
            assert closes > now
        elif fate in plan.ENDED_DAYS or fate in plan.RUNNING_DAYS:
            assert fate == "terminated" or closes < now


def test_the_same_seed_gives_the_same_plan_and_texts() -> None:
    def world(seed: int) -> tuple[object, str]:
        rng = dice(seed)
        return plan.plan(rng, now=NOW, calendar=WorkCalendar()), texts.Library(rng).body(DOMAINS[2], HERE, 100, 12)

    assert world(5) == world(5)
    assert world(5) != world(6)


@pytest.mark.parametrize("kind", [OrganizationKind.ASSOCIATION, OrganizationKind.SERVICE_AGENCY, OrganizationKind.FOUNDATION])
def test_codes_are_valid_and_of_no_real_place(kind: OrganizationKind) -> None:
    codes = {names.credit_code(kind, number) for number in (*range(1, 200), 176_000, 1_000_001)}
    assert len(codes) == 201
    assert all(credit_code_is_valid(code) and code[2:8] == "990106" for code in codes)


@pytest.mark.parametrize("kind", [OrganizationKind.ASSOCIATION, OrganizationKind.SERVICE_AGENCY, OrganizationKind.FILED_GROUP])
def test_organization_names_are_distinct_and_well_formed(kind: OrganizationKind) -> None:
    made = names.organization_names(dice(), kind, ["石桥社区", "杏林社区", "荷塘社区"])
    got = [next(made) for _ in range(700)]
    assert len(set(got)) == 700
    assert all(check_name(one) == one for one in got)


def test_an_organization_works_in_the_field_that_its_name_says() -> None:
    fields = names.fields_of(dice(), "澜川区暖阳养老服务中心")
    assert fields[0].key == "meals"
    assert len({one.key for one in fields}) == len(fields) >= 2


def test_telephones_belong_to_nobody_and_are_distinct() -> None:
    made = {names.mobile(number) for number in range(3_000)}
    assert len(made) == 3_000
    assert all(len(one) == 11 and one.startswith("1990") for one in made)
