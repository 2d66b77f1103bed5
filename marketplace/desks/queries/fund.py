"""The funder's desk: where public money goes by field of service, and which projects lie in the open now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalogs.queries import category_names
from marketplace.core.money import Money
from marketplace.desks.queries.frame import beginning, budget_sum, money
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState

FIELD_LENGTH = 5        # the catalogue's third level: the field of service
MOST = 12


@dataclass(frozen=True)
class FieldOfService:
    """One field: how many projects were published, are open, came to a contract; their budgets."""

    code: str
    name: str
    projects: int
    open: int
    contracted: int
    budget: Money
    share: float


@dataclass(frozen=True)
class FundDesk:
    """What a foundation's officer sees: published facts only."""

    fields: Sequence[FieldOfService]
    closing: Sequence[Project]
    contracted: Sequence[Project]
    names: Mapping[str, str]


def fund_desk(session: Session, *, now: datetime, field: str = "") -> FundDesk:
    """Return published projects by field of service; `field` narrows the two lists to one field."""
    names = category_names(session)
    code = beginning(Project.category_code, FIELD_LENGTH)
    open_now = and_(Project.state == ProjectState.PUBLISHED, Project.closes_at > now)
    published = and_(Project.published_at.is_not(None), Project.category_code.is_not(None))
    rows = session.execute(
        select(code, func.count(), func.count(case((open_now, 1))),
               func.count(case((Project.state == ProjectState.CONTRACTED, 1))),
               budget_sum())
        .where(published).group_by(code).order_by(func.count().desc(), code)).all()
    most = max((row[1] for row in rows), default=1)
    narrow = and_(published, Project.category_code.startswith(field, autoescape=True)) if field else published
    shown = select(Project).where(narrow).options(joinedload(Project.buyer)).limit(MOST)
    return FundDesk(
        fields=[FieldOfService(str(row[0]), names.get(str(row[0]), str(row[0])), row[1], row[2], row[3],
                               money(row[4]), row[1] / most)
                for row in rows],
        closing=session.scalars(shown.where(open_now).order_by(Project.closes_at)).unique().all(),
        contracted=session.scalars(shown.where(Project.state == ProjectState.CONTRACTED)
                                   .order_by(Project.contracted_at.desc())).unique().all(),
        names=names)
