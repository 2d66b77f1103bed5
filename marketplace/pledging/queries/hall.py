"""What the screen of the hall shows at one moment: sums kept apart, the level, the last five. Nothing more is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, case, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from marketplace.core.money import Money
from marketplace.funding.models import Allocation, Pledge
from marketplace.organizations.models import Organization
from marketplace.pledging.models import Guest, PaddlePledge, PledgingEvent, PledgingRound
from marketplace.pledging.rules import LAST_SHOWN, Figures, Recorder, may_show_target, shown_name
from marketplace.projects.models import Project


@dataclass(frozen=True)
class Raised:
    """One line of the last five; a reversal is a line of its own."""

    paddle: int
    name: str                      # a message id with `facts`, or a name
    facts: Mapping[str, object]
    amount: Money
    is_reversal: bool
    reason: str = ""


@dataclass(frozen=True)
class Snapshot:
    """The hall at one moment."""

    ref: str
    title: str
    place: str
    starts_at: datetime
    state: str
    host: str
    receiver: str
    guests: int
    figures: Figures
    at: datetime
    plan_number: str = ""
    plan_url: str = ""
    target: Money | None = None
    level: Money | None = None
    project: str = ""
    last: list[Raised] = field(default_factory=list)


def display_key(session: Session, ref: str) -> str | None:
    """Return the key that opens the screen of an event; None when there is no such event."""
    return session.scalar(select(PledgingEvent.display_key).where(PledgingEvent.ref == ref))


def snapshot(session: Session, ref: str, *, now: datetime) -> Snapshot | None:
    """Return what the hall may see now; a target only behind a filed plan's number."""
    event = session.scalar(select(PledgingEvent).where(PledgingEvent.ref == ref))
    if event is None:
        return None
    target = event.target if may_show_target(event.footing, event.plan_number) else None
    level = session.execute(
        select(PledgingRound.level, Project.title).join(Project, Project.id == PledgingRound.project_id)
        .where(PledgingRound.event_id == event.id, PledgingRound.number == event.round_number)).first()
    guests = session.scalar(select(func.count()).select_from(Guest).where(
        Guest.event_id == event.id, Guest.checked_in_at.is_not(None))) or 0
    return Snapshot(
        ref=event.ref, title=event.title, place=event.place, starts_at=event.starts_at, state=event.state,
        host=_name(session, event.host_id), receiver=_name(session, event.receiver_id), guests=guests,
        figures=figures(session, ref), at=now, plan_number=event.plan_number, plan_url=event.plan_url, target=target,
        level=level[0] if level else None, project=level[1] if level else "", last=_last(session, event))


def figures(session: Session, ref: str) -> Figures:
    """Return the sums of an event: what own pledges promise and brought, and what pools put beside them."""
    own = (Pledge.round_ref == ref, Pledge.kind == "own")
    signed, verbal, paid = session.execute(select(
        _sum(case((Pledge.is_verbal, 0), else_=_fen(Pledge.open))),
        _sum(case((Pledge.is_verbal, _fen(Pledge.open)), else_=0)),
        _sum(_fen(Pledge.paid) + _fen(Pledge.held) + _fen(Pledge.released) + _fen(Pledge.disbursed))).where(*own)).one()
    matched = {state: int(fen) for state, fen in session.execute(
        select(Allocation.state, _sum(_fen(Allocation.amount) - _fen(Allocation.returned)))
        .join(Pledge, Pledge.id == Allocation.pledge_id).where(*own, Allocation.state != "returned")
        .group_by(Allocation.state))}
    return Figures(Money(int(signed)), Money(int(verbal)), Money(matched.get("reserved", 0)),
                   Money(matched.get("captured", 0)), Money(int(paid)))


def _fen(column: InstrumentedAttribute[Money]) -> ColumnElement[int]:
    """Return a column of money as a number the database can add up."""
    return cast(column, BigInteger)


def _sum(value: ColumnElement[int]) -> ColumnElement[int]:
    """Return a sum that is 0 for no rows."""
    return func.coalesce(func.sum(value), 0)


def _name(session: Session, organization_id: int) -> str:
    """Return an organization's name."""
    return session.scalar(select(Organization.name).where(Organization.id == organization_id)) or ""


def _last(session: Session, event: PledgingEvent) -> list[Raised]:
    """Return the last five lines of the first recorder, the newest first."""
    rows = session.execute(
        select(PaddlePledge, Guest).outerjoin(
            Guest, (Guest.event_id == PaddlePledge.event_id) & (Guest.paddle == PaddlePledge.paddle))
        .where(PaddlePledge.event_id == event.id, PaddlePledge.recorder == Recorder.FIRST)
        .order_by(PaddlePledge.id.desc()).limit(LAST_SHOWN))
    lines = []
    for entry, guest in rows:
        name, facts = shown_name(entry.paddle, guest.shown_name if guest else "",
                                 is_withheld=guest is None or guest.is_name_withheld,
                                 is_checked=guest is not None and guest.name_checked_by is not None)
        undone = entry.reverses_id is not None
        lines.append(Raised(entry.paddle, name, facts, Money(-entry.amount.fen) if undone else entry.amount,
                            undone, entry.reason if undone else ""))
    return lines
