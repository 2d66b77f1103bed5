"""From rows to the facts of the score: providers and posted projects, a few statements for all of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select
from sqlalchemy.orm import Session

from marketplace.catalogs.models import Area
from marketplace.catalogs.queries import area_names, category_names
from marketplace.contracts.models import Contract
from marketplace.core.clock import beijing_date
from marketplace.matching.rules.facts import NeedFacts, ProviderFacts
from marketplace.matching.rules.real_rows import Simplify
from marketplace.organizations.models import (
    CreditListing,
    Organization,
    PastProject,
    Rating,
    ServedArea,
    ServiceCategory,
)
from marketplace.organizations.queries import LEGAL_PERSONS
from marketplace.organizations.rules import Standing, Verification, grade_on, is_listed
from marketplace.projects.models import Indicator, Project
from marketplace.projects.rules import ProjectState

LONGEST_ABOUT = 1_000                    # characters of a profile's and a project's own words that are compared
MOST_TITLES = 40                         # past projects whose titles are compared, newest first
PLANNED = (ProjectState.DRAFT, ProjectState.IN_REVIEW)


def is_candidate() -> ColumnElement[bool]:
    """Return the condition of who takes part: known to the public, no government unit."""
    return and_(Organization.standing != Standing.GOVERNMENT,
                or_(Organization.public_since.is_not(None), Organization.is_provider))


def area_parents(session: Session) -> dict[str, tuple[str, ...]]:
    """Return for each area code the codes above it, nearest first."""
    direct = {code: parent for code, parent in session.execute(select(Area.code, Area.parent_code))}  # noqa: C416
    found: dict[str, tuple[str, ...]] = {}
    for code in direct:
        path: list[str] = []
        above = direct.get(code)
        while above and above not in path:
            path.append(above)
            above = direct.get(above)
        found[code] = tuple(path)
    return found


def provider_facts(session: Session, *, simple: Simplify, now: datetime) -> list[ProviderFacts]:
    """Return everybody who takes part, in order of key."""
    today = beijing_date(now)
    names, parents = category_names(session), area_parents(session)
    codes = _grouped(session.execute(select(ServiceCategory.organization_id, ServiceCategory.code)))
    areas = _grouped(session.execute(select(ServedArea.organization_id, ServedArea.area_code)))
    listings = _grouped((row.organization_id, row) for row in session.scalars(select(CreditListing)))
    ratings = _grouped((row.organization_id, row) for row in session.scalars(select(Rating)))
    past = _grouped((row[0], row) for row in session.execute(
        select(PastProject.organization_id, PastProject.title, PastProject.amount, PastProject.is_confirmed)
        .order_by(PastProject.id.desc())))
    work = _grouped((row[0], row) for row in session.execute(
        select(Contract.provider_id, Contract.amount, Project.title, Project.service_to)
        .join(Project, Project.id == Contract.project_id).order_by(Contract.id.desc())))
    found = []
    for row in session.execute(_organizations()):
        mine = codes.get(row.id, ())
        own = areas.get(row.id, ())
        found.append(ProviderFacts(
            key=row.id, ref=row.ref, name=simple(row.name),
            texts=_provider_texts(row, mine, names, past=past.get(row.id, ()), work=work.get(row.id, ()),
                                  simple=simple),
            categories=tuple(sorted(mine)), areas=frozenset(own),
            wider_areas=frozenset(up for code in own for up in parents.get(code, ())) - frozenset(own),
            kind=row.kind, certified=row.staff_certified, grade=grade_on(ratings.get(row.id, ()), today),
            is_legal_person=row.standing in LEGAL_PERSONS, is_verified=row.verification == Verification.VERIFIED,
            is_abnormal=is_listed(listings.get(row.id, ()), "abnormal", today),
            is_serious=is_listed(listings.get(row.id, ()), "serious", today),
            **_work_of(row, past.get(row.id, ()), work.get(row.id, ()), today)))
    return found


def _organizations() -> Any:
    """Return the statement of those who take part, only the columns that are used."""
    one = Organization
    return select(one.id, one.ref, one.name, one.kind, one.standing, one.verification, one.about, one.business_scope,
                  one.staff_certified, one.capacity_projects, one.capacity_money).where(is_candidate()).order_by(one.id)


def _provider_texts(row: Any, codes: Iterable[str], names: Mapping[str, str], *, past: Sequence[Any],
                    work: Sequence[Any], simple: Simplify) -> tuple[str, ...]:
    """Return what is compared: kinds of service, what it did, scope and about, name."""
    did = [one.title for one in (*work, *past)][:MOST_TITLES]
    about = f"{row.business_scope[:LONGEST_ABOUT]}\n{row.about[:LONGEST_ABOUT]}"
    kinds = "、".join(names[code] for code in sorted(codes) if code in names)
    return tuple(map(simple, (kinds, "\n".join(did), about, row.name)))


def _work_of(row: Any, past: Sequence[Any], work: Sequence[Any], today: date) -> dict[str, Any]:
    """Return what it has done and has in hand: contracts of this platform, and what it says itself."""
    running = [one for one in work if one.service_to is None or one.service_to >= today]
    amounts = [one.amount.fen for one in (*work, *past) if one.amount is not None and one.amount.fen > 0]
    finished = len(work) - len(running) + sum(one.is_confirmed for one in past)
    free_fen = None
    if row.capacity_money is not None:
        free_fen = max(row.capacity_money.fen - sum(one.amount.fen for one in running), 0)
    return {
        "running": len(running), "finished": finished, "told": sum(not one.is_confirmed for one in past),
        "free": None if row.capacity_projects is None else max(row.capacity_projects - len(running), 0),
        "free_fen": free_fen, "typical_fen": int(median(amounts)) if amounts else None}


def _grouped(rows: Iterable[Any]) -> dict[int, list[Any]]:
    """Return the second of each pair by the first."""
    found: dict[int, list[Any]] = {}
    for key, value in rows:
        found.setdefault(key, []).append(value)
    return found


def need_facts(session: Session, projects: Iterable[Project], *, simple: Simplify) -> list[NeedFacts]:
    """Return posted or planned projects as the score sees them; one without an area lies in that of its buyer."""
    kept = list(projects)
    parents, places = area_parents(session), area_names(session)
    ids = [one.id for one in kept]
    indicators = _grouped(session.execute(select(Indicator.project_id, Indicator.name).where(
        Indicator.project_id.in_(ids)).order_by(Indicator.position))) if ids else {}
    return [_need(one, parents, places, indicators.get(one.id, ()), simple) for one in kept]


def _need(project: Project, parents: Mapping[str, tuple[str, ...]], places: Mapping[str, str],
          indicators: Iterable[str], simple: Simplify) -> NeedFacts:
    """Return one project; the names of its own place are taken out of its texts, its area says where it is."""
    code = project.area_code or project.buyer.area_code or ""
    areas = (code, *parents.get(code, ())) if code else ()
    names = sorted((places[one] for one in areas if one in places), key=len, reverse=True)

    def bare(text: str) -> str:
        text = simple(text)
        for name in names:
            text = text.replace(name, " ")
        return text

    rest = "\n".join((project.body[:LONGEST_ABOUT], *indicators))
    return NeedFacts(
        key=project.id, ref=project.ref,
        texts=tuple(map(bare, (project.title, project.target_group, project.summary, rest))),
        category=project.category_code or "", areas=areas,
        budget_fen=project.budget.fen if project.budget else None, procedure=project.procedure,
        required_kinds=frozenset(project.qualified_kinds or ()), required_certified=project.certified_min,
        required_grade=project.grade_min, buyer_key=project.buyer_id)


def in_reach(reach: str, *, now: datetime) -> ColumnElement[bool]:
    """Return the condition of the projects that are paired: open (before the deadline), planned, or both."""
    is_open = and_(Project.state == ProjectState.PUBLISHED, Project.closes_at > now)
    planned = Project.state.in_(PLANNED)
    return {"open": is_open, "planned": planned}.get(reach, or_(is_open, planned))


def stamp(session: Session) -> tuple[Row[Any], ...]:
    """Return what changes whenever a fact of a provider may have changed: counts, highest ids, versions."""
    return tuple(session.execute(statement).one() for statement in (
        select(func.count(), func.max(Organization.id), func.sum(Organization.version_id)).select_from(Organization),
        select(func.count(), func.max(ServiceCategory.id)).select_from(ServiceCategory),
        select(func.count(), func.max(ServedArea.id)).select_from(ServedArea),
        select(func.count(), func.max(PastProject.id)).select_from(PastProject),
        select(func.count(), func.max(Rating.id)).select_from(Rating),
        select(func.count(), func.max(CreditListing.id), func.count(CreditListing.removed_on)).select_from(
            CreditListing),
        select(func.count(), func.max(Contract.id)).select_from(Contract)))
