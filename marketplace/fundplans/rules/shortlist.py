"""How near a project is to what a funder gives for: points of 100 with parts that sum to the total. Pure.

A part that nobody knows stands at half its points and says so: unknown is never zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from marketplace.core.text import N_
from marketplace.fundplans.rules import TENTHS
from marketplace.fundplans.rules.instance import Asking, Fund

TIE = 3 * TENTHS                   # smaller gaps mean nothing: one group, people choose
_MAIN = 3                          # letters of a main category
_NEAR = 4                          # tenths of the points for a sibling under the same main category
_WHOLE = 1_000                     # full marks of a pairing, in tenths of a point


class Part(StrEnum):
    """What gives points, in the order in which people read them."""

    PURPOSE = "purpose"
    AREA = "area"
    ROOM = "room"
    PAIRING = "pairing"
    DUTY = "duty"
    COMPANY = "company"


POINTS: Mapping[Part, int] = {
    Part.PURPOSE: 35, Part.AREA: 15, Part.ROOM: 20, Part.PAIRING: 15, Part.DUTY: 10, Part.COMPANY: 5,
}
PART_LABELS: Mapping[Part, str] = {
    Part.PURPOSE: N_("用途"), Part.AREA: N_("地区"), Part.ROOM: N_("我们可给"), Part.PAIRING: N_("承接配对"),
    Part.DUTY: N_("年度支出"), Part.COMPANY: N_("共同资助"),
}
PART_NOTES: Mapping[Part, str] = {
    Part.PURPOSE: N_("项目类别在资金池用途里得满分，同一大类得四成，否则为零；没有资金池时看机构主页的服务类别"),
    Part.AREA: N_("项目地区在资金池地区里得满分，否则为零"),
    Part.ROOM: N_("按规则和余额，自己的资金池最多能补缺口的几成"),
    Part.PAIRING: N_("最近发布的匹配方案里，最合适的组织的匹配度"),
    Part.DUTY: N_("今年还要支出的数能补缺口的几成"), Part.COMPANY: N_("已签的认捐和配套占预算的几成"),
}


@dataclass(frozen=True)
class Purpose:
    """What a funder gives for. `funds`: its open pools; without any, the categories and areas of its profile.

    `due`: fen still to be spent this year, None where no rule binds it or its sums are not filled in.
    """

    funds: tuple[Fund, ...] = ()
    categories: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    due: int | None = None

    @property
    def is_known(self) -> bool:
        """Say whether anything is known of it."""
        return bool(self.funds or self.categories or self.areas)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A project as the shortlist sees it; None and empty are unknown. `pairing` in tenths of a point."""

    ref: str
    budget: int | None = None
    gap: int | None = None
    category: str = ""
    area: str = ""
    pairing: int | None = None
    signed: int = 0
    is_off_lottery: bool = False


@dataclass(frozen=True)
class Points:
    """One part: tenths of a point of at most `most`."""

    part: Part
    tenths: int
    most: int
    is_known: bool = True


@dataclass(frozen=True)
class Scored:
    """A project's parts, their sum in tenths, and what the funder's own pools could give it (fen, None: no pool)."""

    ref: str
    parts: tuple[Points, ...]
    room: int | None
    group: int = 1

    @property
    def total(self) -> int:
        """Return the points in tenths."""
        return sum(one.tenths for one in self.parts)


def score(purpose: Purpose, one: Wanted) -> Scored:
    """Return how near one project is."""
    room = room_of(purpose, one)
    shares = {
        Part.PURPOSE: _purpose(purpose, one.category), Part.AREA: _area(purpose, one),
        Part.ROOM: _share(room, one.gap), Part.PAIRING: _share(one.pairing, _WHOLE),
        Part.DUTY: _share(purpose.due, one.gap), Part.COMPANY: _share(one.signed, one.budget),
    }
    parts = []
    for part, share in shares.items():
        most = POINTS[part] * TENTHS
        parts.append(Points(part, most // 2 if share is None else most * share // _WHOLE, most, share is not None))
    return Scored(one.ref, tuple(parts), room)


def room_of(purpose: Purpose, one: Wanted) -> int | None:
    """Return what the funder's pools that take a project could give it together; None without pools or budget."""
    if not purpose.funds or one.budget is None:
        return None
    asking = Asking(one.ref, 0, one.budget, 0, one.category, one.area, is_off_lottery=one.is_off_lottery)
    found = sum(fund.most(one.budget, dict(fund.already).get(one.ref, 0)) for fund in purpose.funds
                if fund.may_pay(asking))
    return found if one.gap is None else min(found, one.gap)


def _share(part: int | None, whole: int | None) -> int | None:
    """Return a part of a whole in thousandths, at most all of it; None where one of them is not known."""
    if part is None or whole is None or whole <= 0:
        return None
    return min(max(part, 0) * _WHOLE // whole, _WHOLE)


def _purpose(purpose: Purpose, category: str) -> int | None:
    """Return how far a category is meant: wholly, its main category only, or not; None where one side does not say."""
    named = [fund.categories for fund in purpose.funds] or ([purpose.categories] if purpose.categories else [])
    if not named or (not category and all(named)):
        return None
    if any(not codes or any(category.startswith(code) for code in codes) for codes in named):
        return _WHOLE
    near = any(code[:_MAIN] == category[:_MAIN] for codes in named for code in codes)
    return _WHOLE * _NEAR // TENTHS if near else 0


def _area(purpose: Purpose, one: Wanted) -> int | None:
    """Return whether an area is meant; None where one side does not say."""
    named = [fund.areas for fund in purpose.funds] or ([purpose.areas] if purpose.areas else [])
    if not named or (not one.area and all(named)):
        return None
    return _WHOLE if any(not codes or any(one.area.startswith(code) for code in codes) for codes in named) else 0


def ranked(purpose: Purpose, wanted: Sequence[Wanted]) -> list[Scored]:
    """Return projects by points, the nearest first; gaps under three points are one group (numbered from 1).

    In a group, and so among equals, the order in which they were given (published) holds.
    """
    found = sorted((score(purpose, one) for one in wanted), key=lambda one: -one.total)
    order = {one.ref: place for place, one in enumerate(wanted)}
    grouped: list[Scored] = []
    group, top = 0, None
    for one in found:
        if top is None or top - one.total >= TIE:
            group, top = group + 1, one.total
        grouped.append(Scored(one.ref, one.parts, one.room, group))
    return sorted(grouped, key=lambda one: (one.group, order[one.ref]))
