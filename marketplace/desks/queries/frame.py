"""What several desks share: whom a person acts for, and sums of money that both databases add alike."""

from sqlalchemy import BigInteger, ColumnElement, func, literal_column, select, type_coerce
from sqlalchemy.orm import Session

from marketplace.core.access import Actor
from marketplace.core.money import Money
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project


def organization_name(session: Session, actor: Actor) -> str:
    """Return the name of the organization that the actor acts for, or nothing."""
    if actor.organization_id is None:
        return ""
    return session.scalar(select(Organization.name).where(Organization.id == actor.organization_id)) or ""


def budget_sum() -> ColumnElement[int]:
    """Return the sum of budgets in fen, zero for none. PostgreSQL gives a numeric: read it with `money`."""
    return func.coalesce(func.sum(type_coerce(Project.budget, BigInteger)), 0)


def money(fen: object) -> Money:
    """Return a summed amount as Money."""
    return Money(int(str(fen)))


def beginning(column: object, length: int) -> ColumnElement[str]:
    """Return the first characters of a code. The length is written out, so that GROUP BY sees the same expression."""
    return func.substr(column, literal_column("1"), literal_column(str(length)))
