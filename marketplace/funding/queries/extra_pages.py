"""What stands beside a project's contract: costs that gifts may pay, and what the provider adds itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.access import Actor
from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.funding import policy
from marketplace.funding.models import CostLine, OwnContribution
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project


@dataclass(frozen=True)
class Extras:
    """A project with its cost lines and claims; `body`: the organization that may claim here, if the actor's may."""

    project: Project
    lines: Sequence[CostLine]
    claims: Sequence[OwnContribution]
    body: Organization | None
    is_buyer: bool


def extras(session: Session, ref: str, *, actor: Actor) -> Extras:
    """Return what this actor works on here: the buyer everything, a provider its own claims. Others: Denied(hidden)."""
    project = session.scalar(select(Project).where(Project.ref == ref, Project.published_at.is_not(None)))
    body = session.get(Organization, actor.organization_id) if actor.organization_id else None
    is_buyer = project is not None and bool(policy.may_add_cost_line(actor, project))
    may_claim = body is not None and body.is_provider and bool(policy.may_claim(actor, body))
    if project is None or not (is_buyer or may_claim):
        raise Denied(N_("没有这个页面，或您不能查看"), hidden=True)
    claims = select(OwnContribution).where(OwnContribution.project_id == project.id).options(
        joinedload(OwnContribution.organization), joinedload(OwnContribution.proof_file)).order_by(OwnContribution.id)
    if not is_buyer:
        claims = claims.where(OwnContribution.organization_id == actor.organization_id)
    lines = session.scalars(select(CostLine).where(CostLine.project_id == project.id).order_by(CostLine.id)).all()
    return Extras(project, lines if is_buyer else (), session.scalars(claims).all(), body if may_claim else None,
                  is_buyer)


def claim_by_ref(session: Session, ref: str, *, actor: Actor) -> OwnContribution:
    """Return a claim that this actor decides on or made; raises Denied(hidden) for any other."""
    found = session.scalar(select(OwnContribution).where(OwnContribution.ref == ref))
    if found is None or not (
            policy.may_add_cost_line(actor, found.project) or policy.may_claim(actor, found.organization)):
        raise Denied(N_("没有这个页面，或您不能查看"), hidden=True)
    return found
