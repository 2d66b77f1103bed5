"""Events that a person works for, their lists and accounts, and who stands at the door."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.core.access import Actor, Role, require
from marketplace.core.errors import Denied, Invalid
from marketplace.core.text import N_
from marketplace.funding.models import CostLine, Funder
from marketplace.organizations.models import Organization
from marketplace.organizations.queries import by_credit_code
from marketplace.organizations.rules import CODE_LENGTH, Verification, tidy_credit_code
from marketplace.payments.models import ReceivingAccount
from marketplace.pledging import policy
from marketplace.pledging.models import Guest, PledgingEvent, PledgingRound
from marketplace.projects.models import Project

MOST_PROJECTS = 60


class Speaker(Protocol):
    """Says how Chinese is spoken (core.ports.Romanizer)."""

    def syllables(self, word: str) -> tuple[str, ...]:
        """Return the syllables of a word without tones."""


@dataclass(frozen=True)
class Found:
    """What a search at the door found: rows of the list, or an organization outside it with its funders."""

    guests: Sequence[Guest]
    organization: Organization | None = None
    funders: Sequence[Funder] = ()
    is_code: bool = False


def by_ref(session: Session, ref: str, *, actor: Actor) -> PledgingEvent:
    """Return an event that the actor may see; raises Denied (404) otherwise."""
    event = session.scalar(select(PledgingEvent).where(PledgingEvent.ref == ref).options(
        joinedload(PledgingEvent.host), joinedload(PledgingEvent.receiver)))
    if event is None:
        require(policy.HIDDEN)
    assert event is not None
    require(policy.may_see(actor, event))
    return event


def events_of(actor: Actor) -> Select[PledgingEvent]:
    """Return the statement of events an actor may see, the newest first."""
    query = select(PledgingEvent).options(joinedload(PledgingEvent.host), joinedload(PledgingEvent.receiver)) \
        .order_by(PledgingEvent.starts_at.desc(), PledgingEvent.id.desc())
    if actor.is_system or actor.has(Role.OPERATOR, Role.AUDITOR):
        return query
    return query.where(or_(PledgingEvent.host_id == actor.organization_id,
                           PledgingEvent.receiver_id == actor.organization_id))


def guest_by_ref(session: Session, ref: str) -> Guest:
    """Return one row of a list; raises Denied (404) when there is none."""
    guest = session.scalar(select(Guest).where(Guest.ref == ref).options(
        selectinload(Guest.event), selectinload(Guest.funder)))
    if guest is None:
        raise Denied(N_("名单里没有这一位"), hidden=True)
    return guest


def guests_of(session: Session, event: PledgingEvent) -> list[Guest]:
    """Return the list of an event by paddle."""
    return list(session.scalars(select(Guest).where(Guest.event_id == event.id).options(
        selectinload(Guest.funder).selectinload(Funder.organization), selectinload(Guest.event))
        .order_by(Guest.paddle)))


def accounts_to_receive(session: Session, actor: Actor) -> list[ReceivingAccount]:
    """Return the checked accounts into which an event's money may go, those of the own organization first."""
    found = session.scalars(
        select(ReceivingAccount).join(Organization, Organization.id == ReceivingAccount.organization_id)
        .where(ReceivingAccount.verified_at.is_not(None), ReceivingAccount.closed_at.is_(None),
               Organization.verification == Verification.VERIFIED)
        .options(selectinload(ReceivingAccount.organization)).order_by(Organization.name, ReceivingAccount.id)).all()
    return sorted(found, key=lambda account: account.organization_id != actor.organization_id)


def funders_to_invite(session: Session, event: PledgingEvent) -> list[Funder]:
    """Return the verified funders that are not on the list yet, by name."""
    taken = select(Guest.funder_id).where(Guest.event_id == event.id)
    found = session.scalars(select(Funder).where(Funder.verified_at.is_not(None), Funder.id.not_in(taken))
                            .options(selectinload(Funder.organization)))
    return sorted(found, key=lambda funder: funder.name)


def funder_by_ref(session: Session, ref: str) -> Funder:
    """Return one funder; raises Invalid when there is none."""
    funder = session.scalar(select(Funder).where(Funder.ref == ref))
    if funder is None:
        raise Invalid(N_("没有这个资助方。请从名册里选，或用统一社会信用代码查找"), field="funder")
    return funder


def project_by_ref(session: Session, ref: str) -> Project:
    """Return one project; raises Invalid when there is none."""
    project = session.scalar(select(Project).where(Project.ref == ref))
    if project is None:
        raise Invalid(N_("没有这个项目"), field="project")
    return project


def projects_to_ask_for(session: Session, event: PledgingEvent) -> list[Project]:
    """Return projects for which money may be asked: those asked for before, then the newest that take money."""
    asked = select(PledgingRound.project_id).where(PledgingRound.event_id == event.id)
    before = list(session.scalars(select(Project).where(Project.id.in_(asked)).order_by(Project.title)))
    newest = session.scalars(
        select(Project).where(Project.published_at.is_not(None), Project.id.not_in(asked), or_(
            Project.takes_matching & Project.state.in_(("published", "opened", "awarded", "contracted")),
            Project.id.in_(select(CostLine.project_id).where(CostLine.source == "extra"))))
        .order_by(Project.published_at.desc(), Project.id).limit(MOST_PROJECTS))
    return [*before, *newest]


def cost_lines_of(session: Session, projects: Sequence[Project]) -> list[CostLine]:
    """Return what extra money may pay for in those projects."""
    return list(session.scalars(select(CostLine).where(
        CostLine.project_id.in_([project.id for project in projects]), CostLine.source == "extra")
        .order_by(CostLine.project_id, CostLine.id)))


def rounds_of(session: Session, event: PledgingEvent) -> list[PledgingRound]:
    """Return the rounds of an event, the newest first."""
    return list(session.scalars(select(PledgingRound).where(PledgingRound.event_id == event.id).options(
        selectinload(PledgingRound.project)).order_by(PledgingRound.number.desc())))


def at_the_door(session: Session, event: PledgingEvent, typed: str, speaker: Speaker) -> Found:
    """Find by paddle, name, pinyin or initials in the list; by credit code also outside it."""
    wanted = " ".join(typed.split())
    if not wanted:
        return Found(())
    guests = guests_of(session, event)
    if wanted.isdigit() and len(wanted) < CODE_LENGTH:
        return Found([guest for guest in guests if guest.paddle == int(wanted)])
    code = tidy_credit_code(wanted) or ""
    if len(code) == CODE_LENGTH and code.isascii():
        listed = [guest for guest in guests
                  if guest.funder.organization is not None and guest.funder.organization.credit_code == code]
        return Found(listed, is_code=True) if listed else _outside(session, code)
    return Found([guest for guest in guests if _sounds_like(guest, wanted.lower(), speaker)])


def _outside(session: Session, code: str) -> Found:
    """Return the organization with that code and its verified funders."""
    organization = by_credit_code(session, code)
    if organization is None:
        return Found((), is_code=True)
    funders = session.scalars(select(Funder).where(
        Funder.organization_id == organization.id, Funder.verified_at.is_not(None)).order_by(Funder.id)).all()
    return Found((), organization, funders, is_code=True)


def _sounds_like(guest: Guest, wanted: str, speaker: Speaker) -> bool:
    """Say whether a guest's names hold what was typed, in characters, in pinyin, or by initials."""
    names = {guest.shown_name, guest.funder.name}
    if any(wanted in name.lower() for name in names):
        return True
    if not wanted.replace(" ", "").isascii():
        return False
    letters = wanted.replace(" ", "")
    for name in names:
        syllables = [syllable for sign in name for syllable in speaker.syllables(sign)[:1]]
        if letters in "".join(syllables) or letters in "".join(each[:1] for each in syllables):
            return True
    return False
