"""The plan of the demo world: how many of what, what becomes of each project, and when. Sizes follow the 2016 fair."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from marketplace.core.calendar import WorkCalendar
from marketplace.core.clock import at_beijing, beijing_date
from marketplace.core.money import Money
from marketplace.core.text import N_

PROJECTS = 416
ASSOCIATIONS, AGENCIES, FILED, FOUNDATIONS = 451, 632, 580, 30
TOTAL = Money.yuan(160_000_000)
EXPERTS = 60
BIDDERS = 64                 # organizations that have people and bid
DEFAULT_SEED = 2016

# calibration.md section 1: the six types of 2017 (projects, mean in 10,000 yuan), the seven towns and the district
TYPE_COUNTS = (110, 15, 53, 52, 175, 36)
TYPE_MEANS = (61.8, 53.0, 37.8, 29.5, 24.6, 24.3)
PLACE_COUNTS = (91, 73, 39, 38, 34, 32, 31, 103)   # towns by size, the district last

# What becomes of projects, of 416. Every state of the day, each reached by the operations.
FATES: tuple[tuple[str, int], ...] = (
    ("contracted", 44), ("open", 202), ("failed", 40), ("terminated", 34), ("awarded", 18), ("ranked", 6),
    ("scoring", 8), ("drawn", 6), ("opened", 8), ("draft", 26), ("in_review", 14), ("returned", 10),
)
FATE_WORDS = {
    "contracted": N_("已签约"), "open": N_("公开征集"), "failed": N_("流标"), "terminated": N_("终止"), "awarded": N_("结果公示"),
    "ranked": N_("待定标"), "scoring": N_("评分中"), "drawn": N_("已抽评委"), "opened": N_("已启封"), "draft": N_("草稿"),
    "in_review": N_("内部审核"), "returned": N_("退回修改"),
}
# Published so many working days ago: a procedure takes about eleven, holidays do not count.
ENDED_DAYS = {"contracted": (14, 190), "failed": (8, 170), "terminated": (6, 160)}
RUNNING_DAYS = {"awarded": (10, 10), "ranked": (9, 14), "scoring": (9, 13), "drawn": (9, 12), "opened": (8, 10)}


@dataclass(frozen=True)
class Planned:
    """One project to be: its place in the tables above, its money, its fate, and when it is published."""

    number: int
    fair_type: int
    place: int               # 0 to 6 a town, 7 the district
    budget: Money
    fate: str
    published_at: datetime
    has_line: bool


def share(counts: Sequence[int], total: int) -> list[int]:
    """Divide `total` things by weights, largest remainder first, so that they add up."""
    return [part.fen for part in Money(total).split(counts)]


def spread(rng: random.Random, counts: Sequence[int], total: int) -> list[int]:
    """Return `total` indexes, each as often as its share, in random order."""
    made = [index for index, count in enumerate(share(counts, total)) for _ in range(count)]
    rng.shuffle(made)
    return made


def budgets(rng: random.Random, types: Sequence[int], total: Money) -> list[Money]:
    """Return a budget for each project, in whole hundreds of yuan: usual sizes of its type, together near `total`."""
    rough = [TYPE_MEANS[kind] * rng.lognormvariate(0, 0.55) for kind in types]
    scale = total.fen / 100 / sum(rough)
    return [Money.yuan(max(30_000, round(one * scale / 100) * 100)) for one in rough]


def plan(rng: random.Random, *, now: datetime, calendar: WorkCalendar, projects: int = PROJECTS) -> list[Planned]:
    """Return the projects of the world in the order in which they are published."""
    types = spread(rng, TYPE_COUNTS, projects)
    places = spread(rng, PLACE_COUNTS, projects)
    fates = spread(rng, [count for _, count in FATES], projects)
    money = budgets(rng, types, Money(TOTAL.fen * projects // PROJECTS))
    made = [
        Planned(number, types[number], places[number], money[number], fate := FATES[fates[number]][0],
                moment(rng, fate, now=now, calendar=calendar), rng.random() < 0.7)  # noqa: PLR2004
        for number in range(projects)
    ]
    return sorted(made, key=lambda one: (one.published_at, one.number))


def moment(rng: random.Random, fate: str, *, now: datetime, calendar: WorkCalendar) -> datetime:
    """Return when a project of that fate is (or, for drafts, would be) published: a working day, office hours."""
    least, most = {**ENDED_DAYS, **RUNNING_DAYS}.get(fate, (0, 3))
    day = workday_before(calendar, beijing_date(now), rng.randint(least, most))
    made = at_beijing(day, rng.randint(9, 16), rng.randrange(0, 60, 5))
    return min(made, now - timedelta(minutes=rng.randint(20, 90)))


def workday_before(calendar: WorkCalendar, day: date, days: int) -> date:
    """Return the `days`-th working day before the last working day up to `day`; 0 gives that day itself."""
    while not calendar.is_workday(day):
        day -= timedelta(days=1)
    while days > 0:
        day -= timedelta(days=1)
        days -= calendar.is_workday(day)
    return day


def deadline(rng: random.Random, published_at: datetime, *, calendar: WorkCalendar, fate: str) -> datetime:
    """Return a lawful deadline: at least five working days later, 17:00."""
    days = rng.choice((5, 5, 6)) if fate != "open" else rng.choice((5, 6, 7, 8, 10, 12, 15))
    return at_beijing(calendar.add_workdays(beijing_date(published_at), days), 17)


def price(rng: random.Random, ceiling: Money) -> Money:
    """Return an offer from 84 to 99.6 per cent of the ceiling, in whole yuan."""
    return Money(ceiling.fen * rng.randrange(840, 997) // 1000 // 100 * 100)
