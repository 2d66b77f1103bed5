"""Reads of purchase lists: by unit and year, merged over the district with totals, for pages and exports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.orm import Session, selectinload

from marketplace.catalogs import policy, rules
from marketplace.catalogs.models import PurchaseList, PurchaseListItem, PurchaseListLine, PurchaseListVersion
from marketplace.catalogs.operations import facts_of
from marketplace.catalogs.queries.catalogs import area_names
from marketplace.catalogs.rules import LIST_COLUMNS, LIST_FIELDS, LineFacts, Progress, VersionState
from marketplace.core.access import Actor, Role, require
from marketplace.core.errors import Denied
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.organizations.models import Organization

TOWN_CODE, DISTRICT_CODE = 9, 6
NO_LIST = N_("没有这个清单，或还没有公布")


def list_by_ref(session: Session, ref: str) -> PurchaseList:
    """Return a list; raises Denied (404) when there is none."""
    found = session.scalar(select(PurchaseList).where(PurchaseList.ref == ref))
    if found is None:
        raise Denied(NO_LIST, hidden=True)
    return found


def list_of(session: Session, unit: Organization, year: int) -> PurchaseList | None:
    """Return the list of a unit and year."""
    return session.scalar(select(PurchaseList).where(PurchaseList.unit_id == unit.id, PurchaseList.year == year))


def unit_of(session: Session, actor: Actor) -> Organization:
    """Return the unit that the actor acts for; 404 when there is none."""
    found = session.get(Organization, actor.organization_id) if actor.organization_id else None
    if found is None:
        raise Denied(N_("您现在没有代表任何单位"), hidden=True)
    return found


def published_version(purchase_list: PurchaseList) -> PurchaseListVersion | None:
    """Return the version in force."""
    return next((v for v in purchase_list.versions if v.state == VersionState.PUBLISHED), None)


def open_version(purchase_list: PurchaseList) -> PurchaseListVersion | None:
    """Return the version that is being written or checked."""
    return next((v for v in purchase_list.versions if v.state in (VersionState.DRAFT, VersionState.SUBMITTED)), None)


def latest_version(purchase_list: PurchaseList) -> PurchaseListVersion:
    """Return the newest version, whatever its state."""
    return purchase_list.versions[-1]


def version_of(session: Session, purchase_list: PurchaseList, *, actor: Actor,
               number: int | None = None) -> PurchaseListVersion:
    """Return the version asked for (None: the one in force, else the open one) if the actor may see it; else 404."""
    found = (next((v for v in purchase_list.versions if v.number == number), None) if number is not None
             else published_version(purchase_list) or open_version(purchase_list))
    if found is None:
        raise Denied(NO_LIST, hidden=True)
    require(policy.may_see_version(actor, found))
    session.scalars(select(PurchaseListItem).where(PurchaseListItem.version_id == found.id)
                    .options(selectinload(PurchaseListItem.line))).all()
    return found


def facts_by_line(version: PurchaseListVersion | None) -> dict[int, LineFacts]:
    """Return line id -> facts of a version, in its order; nothing for no version."""
    return {item.line_id: facts_of(item) for item in version.items} if version else {}


def line_numbers(version: PurchaseListVersion) -> dict[int, int]:
    """Return line id -> running number in the version."""
    return {item.line_id: number for number, item in enumerate(version.items, start=1)}


def progress_of(line: PurchaseListLine) -> Progress:
    """Return what became of a line."""
    return rules.progress(project_ref=line.project_ref, posted_at=line.posted_at, contracted_at=line.contracted_at)


def lists_kept_by(session: Session, actor: Actor) -> Sequence[PurchaseList]:
    """Return the lists of the actor's unit, and those of units below that were handed in or published."""
    if not actor.has(Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN) or actor.organization_id is None:
        return []
    below = select(PurchaseListVersion.purchase_list_id).where(PurchaseListVersion.state != VersionState.DRAFT)
    query = (select(PurchaseList).join(Organization)
             .where(or_(PurchaseList.unit_id == actor.organization_id,
                        Organization.path.startswith(actor.unit_path, autoescape=True) & PurchaseList.id.in_(below)
                        if actor.unit_path else PurchaseList.unit_id == actor.organization_id))
             .options(selectinload(PurchaseList.versions), selectinload(PurchaseList.unit))
             .order_by(PurchaseList.year.desc(), Organization.path, PurchaseList.id))
    return session.scalars(query).all()


def years(session: Session) -> list[int]:
    """Return the years with a published list, newest first."""
    return list(session.scalars(
        select(PurchaseList.year).join(PurchaseListVersion).where(PurchaseListVersion.state == VersionState.PUBLISHED)
        .distinct().order_by(PurchaseList.year.desc())))


@dataclass(frozen=True)
class ListTotal:
    """A published list in one row: how many lines and how much, and how far they are."""

    ref: str
    unit: str
    unit_ref: str
    area_code: str
    number: int
    lines: int
    budget: Money
    posted: int
    posted_budget: Money
    contracted: int
    contracted_budget: Money

    @property
    def waiting(self) -> int:
        """Return how many lines are not posted yet."""
        return self.lines - self.posted - self.contracted


def list_totals(session: Session, year: int) -> list[ListTotal]:
    """Return the published lists of a year with their totals, by place and name of the unit."""
    contracted = PurchaseListLine.contracted_at.is_not(None)
    posted = PurchaseListLine.posted_at.is_not(None) & PurchaseListLine.contracted_at.is_(None)
    budget = func.coalesce(PurchaseListItem.budget, 0)

    def total(condition: Any, value: Any) -> Any:
        return func.coalesce(func.sum(case((condition, value), else_=0)), 0)

    rows = session.execute(
        select(PurchaseList.ref, Organization.name, Organization.ref, func.coalesce(Organization.area_code, ""),
               PurchaseListVersion.number, func.count(PurchaseListItem.id), func.coalesce(func.sum(_fen(budget)), 0),
               total(posted, 1), total(posted, _fen(budget)), total(contracted, 1), total(contracted, _fen(budget)))
        .select_from(PurchaseListVersion).join(PurchaseList).join(Organization)
        .join(PurchaseListItem, PurchaseListItem.version_id == PurchaseListVersion.id)
        .join(PurchaseListLine, PurchaseListLine.id == PurchaseListItem.line_id)
        .where(PurchaseListVersion.state == VersionState.PUBLISHED, PurchaseList.year == year)
        .group_by(PurchaseList.ref, Organization.name, Organization.ref, Organization.area_code,
                  PurchaseListVersion.number)
        .order_by(func.coalesce(Organization.area_code, ""), Organization.name)).all()
    return [ListTotal(ref, unit, unit_ref, area, number, lines, Money(int(fen)), int(p), Money(int(p_fen)), int(c),
                      Money(int(c_fen)))
            for ref, unit, unit_ref, area, number, lines, fen, p, p_fen, c, c_fen in rows]


def _fen(column: Any) -> Any:
    """Return a money column as a plain number, for sums in the database."""
    from sqlalchemy import BigInteger, type_coerce

    return type_coerce(column, BigInteger)


@dataclass
class PlaceTotal:
    """A town (or the district's own level) with its lists."""

    code: str
    name: str
    lists: list[ListTotal] = field(default_factory=list)

    @property
    def lines(self) -> int:
        """Return how many lines its lists have."""
        return sum(one.lines for one in self.lists)

    @property
    def budget(self) -> Money:
        """Return the sum of their budgets."""
        return Money(sum(one.budget.fen for one in self.lists))

    @property
    def posted(self) -> int:
        """Return how many lines are posted and not yet contracted."""
        return sum(one.posted for one in self.lists)

    @property
    def contracted(self) -> int:
        """Return how many lines have a contract."""
        return sum(one.contracted for one in self.lists)

    @property
    def waiting(self) -> int:
        """Return how many lines are not posted yet."""
        return sum(one.waiting for one in self.lists)


def place_of(area_code: str | None, names: Mapping[str, str]) -> tuple[str, str]:
    """Return code and name of the town that an area belongs to; the district's own level for the rest."""
    code = (area_code or "")[:TOWN_CODE]
    if len(code) == TOWN_CODE and code in names:
        return code, names[code]
    return (area_code or "")[:DISTRICT_CODE], N_("区本级")


def by_place(session: Session, totals: Sequence[ListTotal]) -> list[PlaceTotal]:
    """Merge the lists of a year by town, the district's own level first."""
    names = area_names(session)
    made: dict[str, PlaceTotal] = {}
    for one in totals:
        code, name = place_of(one.area_code, names)
        made.setdefault(code, PlaceTotal(code, name)).lists.append(one)
    return [made[code] for code in sorted(made, key=lambda c: (len(c), c))]


@dataclass(frozen=True)
class MergedLine:
    """One line of the district's merged list."""

    place: str
    unit: str
    list_ref: str
    item: PurchaseListItem
    progress: Progress


def merged_statement(year: int, *, place: str = "", text: str = "", progress: str = "") -> Select[Any]:
    """Return the query of published lines of a year: by town code, words in the title, and progress."""
    query = (select(PurchaseListItem).join(PurchaseListVersion).join(PurchaseList).join(Organization)
             .join(PurchaseListLine, PurchaseListLine.id == PurchaseListItem.line_id)
             .where(PurchaseListVersion.state == VersionState.PUBLISHED, PurchaseList.year == year)
             .options(selectinload(PurchaseListItem.line), selectinload(PurchaseListItem.version)
                      .selectinload(PurchaseListVersion.purchase_list).selectinload(PurchaseList.unit))
             .order_by(func.coalesce(Organization.area_code, ""), Organization.name, PurchaseListItem.position))
    if place:
        same = Organization.area_code.startswith(place, autoescape=True)
        query = query.where(same if len(place) == TOWN_CODE else Organization.area_code == place)
    if text:
        query = query.where(PurchaseListItem.title.contains(text, autoescape=True))
    conditions = {
        Progress.CONTRACTED: PurchaseListLine.contracted_at.is_not(None),
        Progress.POSTED: PurchaseListLine.posted_at.is_not(None) & PurchaseListLine.contracted_at.is_(None),
        Progress.NOT_POSTED: PurchaseListLine.posted_at.is_(None),
    }
    return query.where(conditions[Progress(progress)]) if progress in conditions else query


def merged_lines(session: Session, items: Sequence[PurchaseListItem]) -> list[MergedLine]:
    """Return what the merged page shows of each line."""
    names = area_names(session)
    return [MergedLine(place_of(item.version.purchase_list.unit.area_code, names)[1],
                       item.version.purchase_list.unit.name, item.version.purchase_list.ref, item,
                       progress_of(item.line)) for item in items]


@dataclass(frozen=True)
class Board:
    """A version for its page: numbered lines with progress, and the totals."""

    lines: Sequence[tuple[int, PurchaseListItem, Progress]]
    budget: Money
    counts: Mapping[Progress, tuple[int, Money]]
    unknown: int                            # lines without an amount


def board(version: PurchaseListVersion) -> Board:
    """Return a version's lines with what became of them."""
    lines = [(number, item, progress_of(item.line)) for number, item in enumerate(version.items, start=1)]
    counts = {}
    for state in Progress:
        amounts = [item.budget.fen if item.budget else 0 for _, item, progress in lines if progress is state]
        counts[state] = (len(amounts), Money(sum(amounts)))
    return Board(lines, Money(sum(item.budget.fen for item in version.items if item.budget)), counts,
                 sum(item.budget is None for item in version.items))


def export_rows(items: Sequence[PurchaseListItem], *, labels: Mapping[str, str] | None = None,
                with_unit: bool = False) -> list[list[object]]:
    """Return lines in the usual columns for Excel: importing them again changes nothing. Amounts in yuan."""
    names = labels or {f.name: f.label for f in LIST_FIELDS}
    heads = [N_("预算金额（元）") if name == "budget" else names[name] for name in LIST_COLUMNS]
    rows: list[list[object]] = [[N_("序号"), *([N_("清单单位")] if with_unit else []), *heads]]
    for number, item in enumerate(items, start=1):
        unit = [item.version.purchase_list.unit.name] if with_unit else []
        rows.append([number, *unit, *(getattr(item, name) or "" if name != "budget" else item.budget
                                      for name in LIST_COLUMNS)])
    return rows
