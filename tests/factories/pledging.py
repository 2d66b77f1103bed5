"""Pledging events at every stage, made by the real operations."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from sqlalchemy.orm import Session

from marketplace.core.access import Actor, Role
from marketplace.core.money import Money
from marketplace.pledging import operations
from marketplace.pledging.models import Guest, PaddlePledge, PledgingEvent, PledgingRound
from marketplace.pledging.rules import EventFacts, Footing, Keyed, Recorder
from tests.factories import NOW
from tests.factories.accounts import actor_of, make_person
from tests.factories.funding import World, make_funder, make_world

_keys = count(1)


@dataclass
class Evening:
    """An event of a foundation for one project, its people, its guests."""

    world: World
    event: PledgingEvent
    host: Actor            # prepares, stands at the door, records first
    second: Actor          # records second, checks names
    guests: list[Guest] = field(default_factory=list)
    round: PledgingRound | None = None


def facts(**changes: object) -> EventFacts:
    """What a host says of an evening."""
    return EventFacts(**{"title": "银龄共餐认捐会", "starts_at": NOW + timedelta(days=1), "place": "区社会组织服务中心",
                         "sign_days": 7, **changes})  # type: ignore[arg-type]


def make_event(session: Session, *, now: datetime = NOW, **changes: object) -> Evening:
    """A draft of the receiving foundation's own event, without a footing."""
    world = make_world(session)
    people = [actor_of(session, make_person(session, name=name, role=Role.FUNDER, organization_id=world.receiver.id))
              for name in ("沈一", "方二")]
    event = operations.create_event(session, actor=people[0], host=world.receiver, account=world.account,
                                    facts=facts(**changes), now=now)
    return Evening(world, event, *people)


def invite(session: Session, evening: Evening, *, guests: int = 3, now: datetime = NOW) -> list[Guest]:
    """Verified funders on the list."""
    for _ in range(guests):
        evening.guests.append(operations.add_guest(
            session, actor=evening.host, event=evening.event, funder=make_funder(session), now=now))
    return evening.guests


def make_live(session: Session, *, guests: int = 3, now: datetime = NOW, level: int | None = 20_000,
              **changes: object) -> Evening:
    """A running event on a closed list, everybody checked in, and one round open."""
    evening = make_event(session, now=now, **changes)
    operations.choose_footing(session, actor=evening.host, event=evening.event, footing=Footing.GUEST_LIST, now=now)
    invite(session, evening, guests=guests, now=now)
    operations.go_live(session, actor=evening.host, event=evening.event, now=now)
    for guest in evening.guests:
        operations.check_in(session, actor=evening.host, guest=guest, now=now)
    if level is not None:
        evening.round = operations.open_round(session, actor=evening.host, event=evening.event, now=now,
                                              project=evening.world.project, level=Money.yuan(level))
    return evening


def keyed(paddle: int, yuan: int | None = None, *, round_number: int = 1, key: str = "", **changes: object) -> Keyed:
    """An entry as a device makes it."""
    return Keyed(key or f"device-{next(_keys):06d}", paddle, Money.yuan(yuan) if yuan is not None else None,
                 round_number, **changes)  # type: ignore[arg-type]


def key_in(session: Session, evening: Evening, paddle: int, yuan: int | None = None, *,
           recorder: Recorder = Recorder.FIRST, now: datetime = NOW, **changes: object) -> PaddlePledge:
    """One entry of the first or second recorder."""
    return operations.record_entry(
        session, actor=evening.host if recorder == Recorder.FIRST else evening.second, event=evening.event,
        recorder=recorder, keyed=keyed(paddle, yuan, **changes), now=now).entry
