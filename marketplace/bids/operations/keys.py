"""The wrapped data keys of organizations and projects, made when first needed."""

from datetime import datetime
from typing import Any

from sqlalchemy import Insert, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from marketplace.bids.models import OrganizationKey, ProjectKey
from marketplace.core.ports import Sealer


def organization_key(session: Session, organization_id: int, *, sealer: Sealer, now: datetime) -> bytes:
    """Return the wrapped key of an organization's drafts and own copies; made on first use."""
    known = select(OrganizationKey.wrapped_key).where(OrganizationKey.organization_id == organization_id)
    found = session.scalar(known)
    if found is None:
        made = sealer.new_key(f"organization:{organization_id}", is_first=_nothing_sealed(session))
        session.execute(_insert_once(session, OrganizationKey, organization_id=organization_id, wrapped_key=made,
                                     created_at=now))
        found = session.scalars(known).one()
    return found


def project_key(session: Session, project_id: int, *, sealer: Sealer, now: datetime) -> bytes:
    """Return the wrapped key of a project's bids; made with the first bid."""
    known = select(ProjectKey.wrapped_key).where(ProjectKey.project_id == project_id)
    found = session.scalar(known)
    if found is None:
        made = sealer.new_key(f"project:{project_id}", is_first=_nothing_sealed(session))
        session.execute(_insert_once(session, ProjectKey, project_id=project_id, wrapped_key=made,
                                     mode="single_key", created_at=now))
        found = session.scalars(known).one()
    return found


def both_keys(session: Session, project_id: int, organization_id: int, *, sealer: Sealer,
              now: datetime) -> tuple[bytes, bytes]:
    """Return the wrapped keys of a project and an organization; in one question when both are there."""
    known = session.execute(_BOTH, {"of_project": project_id, "of_organization": organization_id}).one()
    return (known[0] or project_key(session, project_id, sealer=sealer, now=now),
            known[1] or organization_key(session, organization_id, sealer=sealer, now=now))


_BOTH = select(
    select(ProjectKey.wrapped_key).where(ProjectKey.project_id == bindparam("of_project")).scalar_subquery(),
    select(OrganizationKey.wrapped_key).where(OrganizationKey.organization_id == bindparam("of_organization"))
    .scalar_subquery(),
)


def _nothing_sealed(session: Session) -> bool:
    """Say whether no key was ever wrapped here, so that a missing outside key may be made."""
    return (session.scalar(select(OrganizationKey.organization_id).limit(1)) is None
            and session.scalar(select(ProjectKey.project_id).limit(1)) is None)


def _insert_once(session: Session, model: type[Any], **values: object) -> Insert:
    """Return an INSERT that leaves a row alone that another transaction made first."""
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert(model) if dialect == "postgresql" else sqlite.insert(model)
    return insert.values(**values).on_conflict_do_nothing()
