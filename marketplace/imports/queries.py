"""Reads of imports."""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from marketplace.core.access import Actor, require
from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.imports import policy
from marketplace.imports.models import ImportBatch


def batch_by_ref(session: Session, ref: str, *, actor: Actor) -> ImportBatch:
    """Return the import if the actor may see it; 404 otherwise."""
    found = session.scalar(select(ImportBatch).where(ImportBatch.ref == ref))
    if found is None:
        raise Denied(N_("没有这次导入"), hidden=True)
    require(policy.may_see(actor, found))
    return found


def batches_of(session: Session, actor: Actor, *, most: int = 50) -> Sequence[ImportBatch]:
    """Return the imports of the actor and of those who act for the same organization, newest first."""
    own = ImportBatch.created_by == actor.person_id
    if actor.organization_id is not None:
        own = or_(own, ImportBatch.organization_id == actor.organization_id)
    return session.scalars(select(ImportBatch).where(own).options(selectinload(ImportBatch.file))
                           .order_by(ImportBatch.id.desc()).limit(most)).all()
