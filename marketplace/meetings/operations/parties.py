"""Who comes: tables with their projects, organizations, least numbers of meetings, rounds that somebody misses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, Decision, require
from marketplace.core.audit import record
from marketplace.core.errors import Denied, DomainError, Invalid
from marketplace.core.text import N_
from marketplace.meetings import policy
from marketplace.meetings.models import MeetingAbsence, MeetingEvent, MeetingTable, MeetingVisitor
from marketplace.meetings.operations.events import locked
from marketplace.meetings.rules import MOST_PARTIES, written_rounds
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import Verification
from marketplace.projects.models import Project


@dataclass(frozen=True)
class Terms:
    """What holds for one party: least meetings, rounds that it misses, a number for its table (None: the next one)."""

    least: int = 0
    away: frozenset[int] = frozenset()
    number: int | None = None


NOTHING = Terms()


@dataclass(frozen=True)
class Row:
    """One line of a sheet that names a party."""

    line: int
    party: Project | Organization
    terms: Terms


@dataclass(frozen=True)
class BadRow:
    """One line of a sheet that cannot be taken over: which column, and why."""

    line: int
    column: str
    refused: DomainError


class BadRows(Invalid):
    """A sheet of which nothing was taken over; `problems` names each line."""

    def __init__(self, problems: Sequence[BadRow]) -> None:
        super().__init__(N_("有 {count} 行不能导入，一行也没有导入。请改好后重新上传"), field="file", count=len(problems))
        self.problems = list(problems)


def add_table(session: Session, *, actor: Actor, event: MeetingEvent, project: Project, now: datetime,
              terms: Terms = NOTHING) -> MeetingTable:
    """Give a project a table: each project one, each number once, none between notice and award."""
    event = locked(session, event)
    require(policy.may_add_table(actor, event, project))
    check_terms(terms, event.rounds)
    if session.scalar(select(MeetingTable.id).where(
            MeetingTable.event_id == event.id, MeetingTable.project_id == project.id)):
        raise Invalid(N_("项目“{title}”已经有一张桌子"), field="project", title=project.title)
    number = terms.number or _next_number(session, event)
    if session.scalar(select(MeetingTable.id).where(
            MeetingTable.event_id == event.id, MeetingTable.number == number)):
        raise Invalid(N_("{number} 号桌已经有项目了，请换一个桌号"), field="number", number=number)
    _check_size(session, event)
    made = MeetingTable(event=event, project=project, number=number, least=terms.least, added_by=actor.person_id,
                        added_at=now, absences=_absences(terms))
    session.add(made)
    event.revision += 1
    session.flush()
    record(session, actor=actor, action="meetings.add_table", subject=("meeting_event", event.ref), now=now,
           project=project.ref, number=number, least=terms.least, away=written_rounds(terms.away))
    return made


def add_visitor(session: Session, *, actor: Actor, event: MeetingEvent, organization: Organization, now: datetime,
                terms: Terms = NOTHING) -> MeetingVisitor:
    """Take a verified organization into the list, once."""
    event = locked(session, event)
    require(policy.may_change(actor, event))
    check_terms(terms, event.rounds)
    if organization.verification != Verification.VERIFIED or not organization.is_provider:
        raise Invalid(N_("“{name}”不是已核验的承接主体，不能参加洽谈"), field="organization", name=organization.name)
    if session.scalar(select(MeetingVisitor.id).where(
            MeetingVisitor.event_id == event.id, MeetingVisitor.organization_id == organization.id)):
        raise Invalid(N_("“{name}”已经在名单里"), field="organization", name=organization.name)
    _check_size(session, event)
    made = MeetingVisitor(event=event, organization=organization, least=terms.least, added_by=actor.person_id,
                          added_at=now, absences=_absences(terms))
    session.add(made)
    event.revision += 1
    session.flush()
    record(session, actor=actor, action="meetings.add_visitor", subject=("meeting_event", event.ref), now=now,
           organization=organization.ref, least=terms.least, away=written_rounds(terms.away))
    return made


def add_all(session: Session, *, actor: Actor, event: MeetingEvent, rows: Sequence[Row], now: datetime) -> int:
    """Take over a whole list, or nothing of it: raises BadRows with every row that cannot be taken."""
    problems = []
    for row in rows:
        try:
            if isinstance(row.party, Project):
                add_table(session, actor=actor, event=event, project=row.party, terms=row.terms, now=now)
            else:
                add_visitor(session, actor=actor, event=event, organization=row.party, terms=row.terms, now=now)
        except (Invalid, Denied) as refused:
            problems.append(BadRow(row.line, getattr(refused, "field", None) or "code", refused))
    if problems:
        raise BadRows(problems)
    return len(rows)


def change_party(session: Session, *, actor: Actor, party: MeetingTable | MeetingVisitor, terms: Terms,
                 now: datetime) -> None:
    """Change least number, missed rounds and, of a table, its number."""
    event = locked(session, party.event)
    require(may_change_party(actor, party))
    check_terms(terms, event.rounds)
    if isinstance(party, MeetingTable) and terms.number and terms.number != party.number:
        if any(other.number == terms.number for other in event.tables if other.id != party.id):
            raise Invalid(N_("{number} 号桌已经有项目了，请换一个桌号"), field="number", number=terms.number)
        party.number = terms.number
    party.least = terms.least
    set_away(session, party, terms.away)
    event.revision += 1
    session.flush()
    record(session, actor=actor, action="meetings.change_party", subject=("meeting_event", event.ref), now=now,
           party=party_ref(party), least=terms.least, away=written_rounds(terms.away))


def remove_party(session: Session, *, actor: Actor, party: MeetingTable | MeetingVisitor, now: datetime) -> None:
    """Take a table or an organization off the list; schedules that were made keep what they said."""
    event = locked(session, party.event)
    require(may_change_party(actor, party))
    name = party_ref(party)
    session.delete(party)
    event.revision += 1
    session.flush()
    session.expire(event, ["tables", "visitors"])
    record(session, actor=actor, action="meetings.remove_party", subject=("meeting_event", event.ref), now=now,
           party=name)


def may_change_party(actor: Actor, party: MeetingTable | MeetingVisitor) -> Decision:
    """Say who may change one row: staff, and for a table the unit that brought it."""
    if isinstance(party, MeetingTable):
        return policy.may_remove_table(actor, party.event, party.project)
    return policy.may_change(actor, party.event)


def set_away(session: Session, party: MeetingTable | MeetingVisitor, away: frozenset[int]) -> None:
    """Let a party miss exactly these rounds."""
    here = {absence.round: absence for absence in party.absences}
    for place, absence in here.items():
        if place not in away:
            party.absences.remove(absence)
    session.flush()
    party.absences.extend(MeetingAbsence(round=place) for place in sorted(away - set(here)))


def party_ref(party: MeetingTable | MeetingVisitor) -> str:
    """Return the reference of whom a row stands for."""
    return party.project.ref if isinstance(party, MeetingTable) else party.organization.ref


def check_terms(terms: Terms, rounds: int) -> None:
    """Refuse least numbers that nobody can have: more than the rounds in which the party is there."""
    there = rounds - len([place for place in terms.away if place <= rounds])
    if not 0 <= terms.least <= there:
        raise Invalid(N_("最少场次要在 0 和 {rounds} 之间：每轮最多谈一场，在场 {rounds} 轮"), field="least", rounds=there)
    if terms.number is not None and not 1 <= terms.number <= 9999:  # noqa: PLR2004
        raise Invalid(N_("桌号从 1 到 9999"), field="number")


def _absences(terms: Terms) -> list[MeetingAbsence]:
    """Return the rows of missed rounds."""
    return [MeetingAbsence(round=place) for place in sorted(terms.away)]


def _next_number(session: Session, event: MeetingEvent) -> int:
    """Return the number after the highest."""
    return (session.scalar(select(func.max(MeetingTable.number)).where(MeetingTable.event_id == event.id)) or 0) + 1


def _check_size(session: Session, event: MeetingEvent) -> None:
    """Refuse lists that are too long for one event."""
    count = sum(session.scalar(select(func.count()).select_from(kind).where(kind.event_id == event.id)) or 0
                for kind in (MeetingTable, MeetingVisitor))
    if count >= MOST_PARTIES:
        raise Invalid(N_("一场洽谈会最多 {most} 方。请分成几场"), field="file", most=MOST_PARTIES)
