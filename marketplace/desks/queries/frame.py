"""What the page frame shows of a signed-in person."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.access import Actor
from marketplace.organizations.models import Organization


def organization_name(session: Session, actor: Actor) -> str:
    """Return the name of the organization that the actor acts for, or nothing."""
    if actor.organization_id is None:
        return ""
    return session.scalar(select(Organization.name).where(Organization.id == actor.organization_id)) or ""
