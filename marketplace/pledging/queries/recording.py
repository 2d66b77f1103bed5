"""What was keyed: entries that still stand, the last ones, where two records differ, the log of the evening."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from marketplace.accounts.models import Person
from marketplace.core.money import Money
from marketplace.funding.models import Funder
from marketplace.organizations.models import Organization
from marketplace.pledging.models import Guest, PaddlePledge, PledgingEvent, PledgingRound
from marketplace.pledging.rules import Recorder
from marketplace.projects.models import Project


@dataclass
class Difference:
    """One paddle in one round where the two records do not say the same."""

    round: PledgingRound
    paddle: int
    name: str = ""
    first: list[PaddlePledge] = field(default_factory=list)
    second: list[PaddlePledge] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Say whether the sums keyed differ, however the entries were ordered."""
        return _sums(self.first) != _sums(self.second)


@dataclass(frozen=True)
class LogLine:
    """One entry in the log with the sum of the first record after it, and who keyed it."""

    entry: PaddlePledge
    name: str
    by: str
    total: Money


def _sums(entries: Sequence[PaddlePledge]) -> list[int]:
    """Return what was keyed, smallest first."""
    return sorted(entry.amount.fen for entry in entries)


def stands() -> ColumnElement[bool]:
    """Return the clause of entries that are no reversal and were not reversed."""
    reversal = aliased(PaddlePledge)
    return PaddlePledge.reverses_id.is_(None) & ~exists().where(reversal.reverses_id == PaddlePledge.id)


def entry_by_key(session: Session, device_key: str) -> PaddlePledge | None:
    """Return the entry that a device made under this key."""
    return session.scalar(select(PaddlePledge).where(PaddlePledge.device_key == device_key))


def entry_by_ref(session: Session, event: PledgingEvent, ref: str) -> PaddlePledge | None:
    """Return one entry of the event."""
    return session.scalar(select(PaddlePledge).where(PaddlePledge.ref == ref, PaddlePledge.event_id == event.id))


def reversal_of(session: Session, entry: PaddlePledge) -> PaddlePledge | None:
    """Return the row that reversed an entry."""
    return session.scalar(select(PaddlePledge).where(PaddlePledge.reverses_id == entry.id))


def standing(session: Session, round_: PledgingRound, recorder: str, paddle: int) -> list[PaddlePledge]:
    """Return what one recorder has keyed for one paddle in one round and that still stands."""
    return list(session.scalars(select(PaddlePledge).where(
        PaddlePledge.round_id == round_.id, PaddlePledge.recorder == recorder, PaddlePledge.paddle == paddle,
        stands()).order_by(PaddlePledge.id)))


def times_keyed(session: Session, round_: PledgingRound, recorder: str, paddle: int) -> int:
    """Return the number the next entry of a paddle in a round gets: one above every entry, reversed ones too."""
    last = session.scalars(select(PaddlePledge.repeat).where(
        PaddlePledge.round_id == round_.id, PaddlePledge.recorder == recorder, PaddlePledge.paddle == paddle,
        PaddlePledge.reverses_id.is_(None)).order_by(PaddlePledge.repeat.desc()).limit(1)).first()
    return 0 if last is None else last + 1


def keyed_as_other(session: Session, event: PledgingEvent, person_id: int, recorder: Recorder) -> bool:
    """Say whether this person already keyed as the other recorder: two records need two people."""
    return session.scalar(select(PaddlePledge.id).where(
        PaddlePledge.event_id == event.id, PaddlePledge.keyed_by == person_id, PaddlePledge.recorder != recorder,
        PaddlePledge.reverses_id.is_(None), PaddlePledge.reason == "").limit(1)) is not None


def round_by_number(session: Session, event: PledgingEvent, number: int) -> PledgingRound | None:
    """Return one round."""
    return session.scalar(select(PledgingRound).where(
        PledgingRound.event_id == event.id, PledgingRound.number == number)
        .options(joinedload(PledgingRound.project)))


def open_round_of(session: Session, event: PledgingEvent) -> PledgingRound | None:
    """Return the round that is open."""
    return round_by_number(session, event, event.round_number) if event.round_number else None


def taken_levels(session: Session, event: PledgingEvent, project: Project) -> list[Money]:
    """Return the levels of this project's rounds in which an entry of the first recorder stands."""
    return list(session.scalars(select(PledgingRound.level).distinct().join(
        PaddlePledge, PaddlePledge.round_id == PledgingRound.id).where(
        PledgingRound.event_id == event.id, PledgingRound.project_id == project.id,
        PaddlePledge.recorder == Recorder.FIRST, stands())))


def last_entries(session: Session, event: PledgingEvent, recorder: str, *, limit: int = 12) -> list[PaddlePledge]:
    """Return the last rows of one recorder, reversals too, the newest first."""
    return list(session.scalars(
        select(PaddlePledge).where(PaddlePledge.event_id == event.id, PaddlePledge.recorder == recorder)
        .options(joinedload(PaddlePledge.round)).order_by(PaddlePledge.id.desc()).limit(limit)))


def reversed_ids(session: Session, entries: Sequence[PaddlePledge]) -> set[int]:
    """Return the ids of those entries that were reversed."""
    return {each for each in session.scalars(select(PaddlePledge.reverses_id).where(
        PaddlePledge.reverses_id.in_([entry.id for entry in entries]))) if each is not None}


def names_of(session: Session, event: PledgingEvent, paddles: Iterable[int] | None = None) -> dict[int, str]:
    """Return who stands behind each paddle (or each of `paddles`), for staff: one statement, no objects."""
    rows = select(Guest.paddle, Funder.person_name, Funder.fund_name, Organization.name).join(
        Funder, Funder.id == Guest.funder_id).outerjoin(Organization, Organization.id == Funder.organization_id).where(
        Guest.event_id == event.id)
    if paddles is not None:
        rows = rows.where(Guest.paddle.in_(set(paddles)))
    return {paddle: "·".join(part for part in (body, fund) if part) or person
            for paddle, person, fund, body in session.execute(rows)}


def count_differences(session: Session, event: PledgingEvent) -> int:
    """Return in how many places the two records differ, without loading what was keyed."""
    found: dict[tuple[int, int], tuple[list[int], list[int]]] = {}
    for round_id, paddle, recorder, amount in session.execute(
            select(PaddlePledge.round_id, PaddlePledge.paddle, PaddlePledge.recorder, PaddlePledge.amount)
            .where(PaddlePledge.event_id == event.id, stands())):
        first, second = found.setdefault((round_id, paddle), ([], []))
        (first if recorder == Recorder.FIRST else second).append(amount.fen)
    return sum(sorted(first) != sorted(second) for first, second in found.values())


def differences(session: Session, event: PledgingEvent) -> list[Difference]:
    """Return every paddle in every round as both recorders have it, by round and paddle."""
    names = names_of(session, event)
    found: dict[tuple[int, int], Difference] = {}
    for entry in session.scalars(
            select(PaddlePledge).where(PaddlePledge.event_id == event.id, stands())
            .options(selectinload(PaddlePledge.round).selectinload(PledgingRound.project)).order_by(PaddlePledge.id)):
        key = (entry.round.number, entry.paddle)
        place = found.setdefault(key, Difference(entry.round, entry.paddle, names.get(entry.paddle, "")))
        (place.first if entry.recorder == Recorder.FIRST else place.second).append(entry)
    return [found[key] for key in sorted(found)]


def open_differences(session: Session, event: PledgingEvent) -> list[Difference]:
    """Return where the two records differ."""
    return [each for each in differences(session, event) if each.is_open]


def log(session: Session, event: PledgingEvent) -> list[LogLine]:
    """Return everything that was keyed in the order in which the server had it, with the running sum."""
    names = names_of(session, event)
    people: dict[int, str] = dict(session.execute(select(Person.id, Person.name).where(Person.id.in_(
        select(PaddlePledge.keyed_by).where(PaddlePledge.event_id == event.id)))).all())
    total, lines = 0, []
    for entry in session.scalars(select(PaddlePledge).where(PaddlePledge.event_id == event.id)
                                 .options(selectinload(PaddlePledge.round)).order_by(PaddlePledge.id)):
        if entry.recorder == Recorder.FIRST:
            total += entry.amount.fen if entry.reverses_id is None else -entry.amount.fen
        lines.append(LogLine(entry, names.get(entry.paddle, ""), people.get(entry.keyed_by, ""), Money(total)))
    return lines
