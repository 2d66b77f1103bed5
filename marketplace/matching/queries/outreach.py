"""Who was told or invited, what an organization follows or has declined, who sits on a panel."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.accounts.models import Mandate, Person
from marketplace.awards.models import Panel, PanelSeat
from marketplace.awards.queries import eligible_experts
from marketplace.core.access import Actor, Role
from marketplace.matching.models.outreach import (
    Invitation,
    InvitationList,
    InvitationSignature,
    ProjectDecline,
    ProjectFollow,
    Telling,
    ToldProvider,
)
from marketplace.matching.policy.outreach import BUYERS, PROVIDERS
from marketplace.matching.rules.outreach import Side
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

CHUNK = 500


def holds_seat(session: Session, actor: Actor, project: Project) -> bool:
    """Say whether the person has, or had, a seat on the panel of this project."""
    if actor.person_id is None:
        return False
    found = select(PanelSeat.id).join(Panel, Panel.id == PanelSeat.panel_id).where(
        Panel.project_id == project.id, PanelSeat.person_id == actor.person_id)
    return session.scalar(found.limit(1)) is not None


def is_eligible_expert(session: Session, actor: Actor, project: Project, *, now: datetime) -> bool:
    """Say whether the person is an available expert without ties to the buyer or a bidder (GPR 9)."""
    if not actor.has(Role.EXPERT):
        return False
    return any(person.id == actor.person_id for person in eligible_experts(session, project, now=now))


def tellings_of(session: Session, project_id: int) -> list[Telling]:
    """Return what the buyer told whom about a project, newest first; public."""
    return list(session.scalars(select(Telling).where(Telling.project_id == project_id)
                                .order_by(Telling.told_at.desc(), Telling.id.desc())))


def telling_by_ref(session: Session, ref: str) -> Telling | None:
    """Return a telling with its project."""
    return session.scalar(select(Telling).where(Telling.ref == ref).options(
        joinedload(Telling.project).joinedload(Project.buyer)))


def told_ids(session: Session, telling: Telling) -> list[int]:
    """Return the organizations that a telling reached, in order."""
    return list(session.scalars(select(ToldProvider.organization_id).where(
        ToldProvider.telling_id == telling.id).order_by(ToldProvider.organization_id)))


def with_accounts(session: Session, organization_ids: Iterable[int]) -> set[int]:
    """Return which of these organizations have somebody who reads messages here."""
    wanted = sorted(organization_ids)
    found: set[int | None] = set()
    for at in range(0, len(wanted), CHUNK):
        found.update(session.scalars(
            select(Mandate.organization_id).join(Person, Person.id == Mandate.person_id).where(
                Mandate.organization_id.in_(wanted[at:at + CHUNK]), Mandate.role.in_(PROVIDERS),
                Mandate.revoked_at.is_(None), Person.is_active)))
    return {one for one in found if one is not None}


def invitations_of(session: Session, project: Project) -> InvitationList | None:
    """Return the list of invitations of a project with its rows and signatures."""
    return session.scalar(select(InvitationList).where(InvitationList.project_id == project.id).options(
        selectinload(InvitationList.rows).joinedload(Invitation.organization),
        selectinload(InvitationList.signatures).joinedload(InvitationSignature.person)))


def rows_for(actor: Actor, project: Project, found: InvitationList | None) -> list[Invitation]:
    """Return the rows that the actor may read. Until both sides have signed, neither reads the other's."""
    if found is None:
        return []
    if found.complete_at is not None or actor.has(Role.AUDITOR):
        return list(found.rows)
    own = actor.acts_for(project.buyer_id, *BUYERS)
    return [row for row in found.rows if own and row.side == Side.BUYER]


def invitations_by_ref(session: Session, ref: str) -> InvitationList | None:
    """Return a list of invitations with its project."""
    return session.scalar(select(InvitationList).where(InvitationList.ref == ref).options(
        selectinload(InvitationList.rows), joinedload(InvitationList.project)))


def by_refs(session: Session, refs: Sequence[str]) -> list[Organization]:
    """Return organizations in the order in which they were named; unknown references are left out."""
    found = {one.ref: one for one in session.scalars(select(Organization).where(Organization.ref.in_(refs)))}
    return [found[ref] for ref in dict.fromkeys(refs) if ref in found]


def standing_decline(session: Session, project: Project, organization_id: int | None) -> ProjectDecline | None:
    """Return what an organization said against taking a project, unless it took that back."""
    return session.scalar(select(ProjectDecline).where(
        ProjectDecline.project_id == project.id, ProjectDecline.organization_id == organization_id,
        ProjectDecline.withdrawn_at.is_(None)))


def declines_of(session: Session, organization_id: int) -> list[ProjectDecline]:
    """Return what an organization declines now, newest first."""
    return list(session.scalars(
        select(ProjectDecline).where(ProjectDecline.organization_id == organization_id,
                                     ProjectDecline.withdrawn_at.is_(None))
        .options(joinedload(ProjectDecline.project).joinedload(Project.buyer))
        .order_by(ProjectDecline.declined_at.desc())))


def is_followed(session: Session, project: Project, organization_id: int | None) -> bool:
    """Say whether an organization follows a project."""
    return session.scalar(select(ProjectFollow.id).where(
        ProjectFollow.project_id == project.id, ProjectFollow.organization_id == organization_id)) is not None


def followed_by(session: Session, organization_id: int) -> list[Project]:
    """Return the projects an organization follows, next deadline first; those that ended last."""
    return list(session.scalars(
        select(Project).join(ProjectFollow, ProjectFollow.project_id == Project.id)
        .where(ProjectFollow.organization_id == organization_id).options(joinedload(Project.buyer))
        .order_by(Project.closes_at.desc(), Project.id)).unique())


def called(session: Session, text: str) -> list[Organization]:
    """Return the organizations with exactly this name or unified code."""
    return list(session.scalars(select(Organization).where(or_(
        Organization.name == text, Organization.credit_code == text.upper())).limit(2)))
