"""Reads of people: the actor of a request, who holds which role where, who may sign in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.accounts.models import ORGANIZATIONS, Mandate, Person, SignIn, SignInFailure
from marketplace.accounts.rules import Place, login_key, normal_login, token_hash
from marketplace.core.access import ANONYMOUS, Actor, Role
from marketplace.core.audit import AuditEvent
from marketplace.core.outbox import Job, JobState

LATE_JOB = timedelta(minutes=5)


@dataclass(frozen=True)
class SignedIn:
    """The signed-in person as pages show him, with the start of this session."""

    person_id: int
    ref: str
    name: str
    locale: str
    text_size: str
    started_at: datetime


@dataclass(frozen=True)
class Member:
    """One live mandate on a list of members: who, as what, where."""

    mandate_ref: str
    role: Role
    granted_at: datetime
    person: Person
    place: Place | None


@dataclass(frozen=True)
class Door:
    """What a sign-in attempt needs to know before the password is tried: the stored hash, and the lock."""

    password_hash: str | None
    locked_until: datetime | None


def by_ref(session: Session, ref: str) -> Person | None:
    """Return the person with that public reference."""
    return session.scalar(select(Person).where(Person.ref == ref))


def by_login(session: Session, login: str) -> Person | None:
    """Return the person with that account name, however it was typed."""
    return session.scalar(select(Person).where(Person.login == normal_login(login)))


def place(session: Session, organization_id: int | None) -> Place | None:
    """Return the organization as far as accounts know it."""
    if organization_id is None:
        return None
    return places(session, [organization_id]).get(organization_id)


def places(session: Session, organization_ids: Iterable[int | None]) -> dict[int, Place]:
    """Return organizations by id."""
    wanted = {each for each in organization_ids if each is not None}
    rows = session.execute(select(*ORGANIZATIONS.c).where(ORGANIZATIONS.c.id.in_(wanted))).all() if wanted else []
    return {row.id: Place(row.id, row.ref, row.name, row.path) for row in rows}


def places_run_by(session: Session, actor: Actor) -> list[Place]:
    """Return the organizations whose members the actor administers: the unit and all below, or the provider."""
    query = select(*ORGANIZATIONS.c).order_by(ORGANIZATIONS.c.path, ORGANIZATIONS.c.name)
    if actor.has(Role.UNIT_ADMIN) and actor.unit_path:
        query = query.where(ORGANIZATIONS.c.path.startswith(actor.unit_path, autoescape=True))
    elif actor.has(Role.PROVIDER_ADMIN):
        query = query.where(ORGANIZATIONS.c.id == actor.organization_id)
    else:
        return []
    return [Place(row.id, row.ref, row.name, row.path) for row in session.execute(query)]


def place_by_ref(session: Session, ref: str) -> Place | None:
    """Return the organization with that public reference."""
    row = session.execute(select(*ORGANIZATIONS.c).where(ORGANIZATIONS.c.ref == ref)).first()
    return Place(row.id, row.ref, row.name, row.path) if row else None


def live_mandates(session: Session, person_id: int) -> Sequence[Mandate]:
    """Return what a person may act as now, oldest grant first."""
    return session.scalars(
        select(Mandate).where(Mandate.person_id == person_id, Mandate.revoked_at.is_(None)).order_by(Mandate.id)
    ).all()


def load_actor(session: Session, person_id: int) -> Actor:
    """Return the person acting in the chosen mandate: every role held in that organization, and its place in the tree.

    Without a live chosen mandate the oldest live one counts; a closed account acts as nobody.
    """
    person = session.get(Person, person_id)
    if person is None or not person.is_active:
        return ANONYMOUS
    held = live_mandates(session, person_id)
    current = next((m for m in held if m.id == person.current_mandate_id), held[0] if held else None)
    if current is None:
        return Actor(person_id=person.id, name=person.name)
    found = place(session, current.organization_id)
    roles = frozenset(Role(m.role) for m in held if m.organization_id == current.organization_id)
    return Actor(person_id=person.id, name=person.name, organization_id=current.organization_id,
                 unit_path=found.path if found else "", roles=roles)


def people_of(session: Session, organization_id: int | None, roles: Iterable[Role]) -> list[Person]:
    """Return the active people who hold one of `roles` in that organization (None: on the platform), by id."""
    where = Mandate.organization_id.is_(None) if organization_id is None else Mandate.organization_id == organization_id
    ids = select(Mandate.person_id).where(where, Mandate.revoked_at.is_(None), Mandate.role.in_(list(roles)))
    return list(session.scalars(select(Person).where(Person.id.in_(ids), Person.is_active).order_by(Person.id)))


def members(session: Session, run: Sequence[Place]) -> list[Member]:
    """Return the live mandates in those organizations, by place and grant."""
    by_id = {each.id: each for each in run}
    found = session.scalars(
        select(Mandate).where(Mandate.organization_id.in_(by_id), Mandate.revoked_at.is_(None))
        .options(joinedload(Mandate.person)).order_by(Mandate.id)
    ).all()
    order = {each.id: at for at, each in enumerate(run)}
    return [Member(m.ref, Role(m.role), m.granted_at, m.person, by_id[m.organization_id])
            for m in sorted(found, key=lambda m: (order[m.organization_id or 0], m.id)) if m.organization_id]


def mandates_of(session: Session, people: Sequence[Person]) -> dict[int, list[Member]]:
    """Return the live mandates of each person, with their organizations."""
    ids = [person.id for person in people]
    found = session.scalars(
        select(Mandate).where(Mandate.person_id.in_(ids), Mandate.revoked_at.is_(None))
        .options(joinedload(Mandate.person)).order_by(Mandate.id)
    ).all()
    where = places(session, (m.organization_id for m in found))
    listed: dict[int, list[Member]] = {each: [] for each in ids}
    for m in found:
        listed[m.person_id].append(
            Member(m.ref, Role(m.role), m.granted_at, m.person, where.get(m.organization_id or 0)))
    return listed


def mandate_by_ref(session: Session, ref: str) -> Mandate | None:
    """Return the mandate with that public reference."""
    return session.scalar(select(Mandate).where(Mandate.ref == ref))


def search_people(text: str, *, role: str = "") -> Select[Person]:
    """Return the statement of people whose name, account or organization contains `text`, by id."""
    query = select(Person).order_by(Person.id)
    if text:
        there = (select(Mandate.person_id).join(ORGANIZATIONS, ORGANIZATIONS.c.id == Mandate.organization_id)
                 .where(ORGANIZATIONS.c.name.contains(text, autoescape=True), Mandate.revoked_at.is_(None)))
        query = query.where(or_(Person.name.contains(text, autoescape=True),
                                Person.login.contains(text.lower(), autoescape=True), Person.id.in_(there)))
    if role:
        query = query.where(Person.id.in_(
            select(Mandate.person_id).where(Mandate.role == role, Mandate.revoked_at.is_(None))))
    return query


def door(session: Session, *, login: str, address: str, now: datetime) -> Door:
    """Return what a sign-in attempt from that address meets; the same shape for unknown accounts."""
    person = by_login(session, login)
    usable = person is not None and person.is_active
    return Door(person.password_hash if person and usable else None,
                locked_until(session, login=login, address=address, now=now))


def own_door(session: Session, *, person_id: int, address: str, now: datetime) -> Door:
    """Return what a person meets who is asked for the password again: the stored hash, and the lock."""
    person = session.get(Person, person_id)
    return door(session, login=person.login if person else "", address=address, now=now)


def locked_until(session: Session, *, login: str, address: str, now: datetime) -> datetime | None:
    """Return until when the pair of account name and address is locked, or None."""
    until = session.scalar(select(SignInFailure.locked_until).where(
        SignInFailure.login_key == login_key(login), SignInFailure.address == address))
    return until if until is not None and until > now else None


def locks_of(session: Session, people: Sequence[Person], *, now: datetime) -> dict[int, datetime]:
    """Return the latest end of a lock for each person who has one."""
    keys = {login_key(person.login): person.id for person in people}
    rows = session.execute(select(SignInFailure.login_key, func.max(SignInFailure.locked_until)).where(
        SignInFailure.login_key.in_(keys), SignInFailure.locked_until > now).group_by(SignInFailure.login_key)).all()
    return {keys[key]: until for key, until in rows if until is not None}


def signed_in(session: Session, token: str) -> SignedIn | None:
    """Return who is signed in with that token; None when the session, the account or the epoch has ended."""
    row = session.execute(
        select(Person.id, Person.ref, Person.name, Person.locale, Person.text_size, SignIn.started_at)
        .join(SignIn, SignIn.person_id == Person.id)
        .where(SignIn.token_hash == token_hash(token), SignIn.ended_at.is_(None), Person.is_active,
               SignIn.epoch == Person.session_epoch)
    ).first()
    return SignedIn(*row) if row else None


def sessions_of(session: Session, person_id: int, *, since: datetime) -> Sequence[SignIn]:
    """Return the person's sessions that are still open and began after `since`, newest first."""
    return session.scalars(
        select(SignIn).join(Person, Person.id == SignIn.person_id)
        .where(SignIn.person_id == person_id, SignIn.ended_at.is_(None), SignIn.epoch == Person.session_epoch,
               SignIn.started_at > since).order_by(SignIn.id.desc())
    ).all()


def place_named(session: Session, name: str) -> Place | None:
    """Return the one organization of exactly that name; None for none, or for several."""
    rows = session.execute(select(*ORGANIZATIONS.c).where(ORGANIZATIONS.c.name == name.strip()).limit(2)).all()
    return Place(rows[0].id, rows[0].ref, rows[0].name, rows[0].path) if len(rows) == 1 else None


def audit_events(*, action: str = "", actor_name: str = "", subject: str = "", since: datetime | None = None,
                 until: datetime | None = None) -> Select[AuditEvent]:
    """Return the statement of the audit events that fit, newest first; `action` is a beginning, `until` excluded."""
    query = select(AuditEvent).order_by(AuditEvent.id.desc())
    if action:
        query = query.where(AuditEvent.action.startswith(action, autoescape=True))
    if actor_name:
        query = query.where(AuditEvent.actor_name == actor_name)
    if subject:
        query = query.where(AuditEvent.subject_ref == subject)
    if since:
        query = query.where(AuditEvent.at >= since)
    if until:
        query = query.where(AuditEvent.at < until)
    return query


def jobs_to_look_at(*, now: datetime) -> Select[Job]:
    """Return the statement of parked jobs and of those overdue by more than five minutes, parked ones first."""
    late = (Job.state == JobState.WAITING) & (Job.due_at < now - LATE_JOB)
    return select(Job).where(or_(Job.state == JobState.PARKED, late)).order_by(Job.state, Job.due_at, Job.id)


def job_counts() -> Select[str, int]:
    """Return the statement that counts jobs by state."""
    return select(Job.state, func.count()).group_by(Job.state)


def refusals_since(session: Session, person_id: int, since: datetime) -> int:
    """Return how often this person was refused since then."""
    return session.scalar(select(func.count()).select_from(AuditEvent).where(
        AuditEvent.actor_id == person_id, AuditEvent.action == "access.refused", AuditEvent.at >= since)) or 0
