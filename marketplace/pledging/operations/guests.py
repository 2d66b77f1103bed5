"""The list of an event: who may raise a paddle, under which number and name, and who came in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.text import N_
from marketplace.funding.models import Funder
from marketplace.pledging import policy, rules
from marketplace.pledging.models import Guest, PaddlePledge, PledgingEvent
from marketplace.pledging.rules import EventState

MOST_NAME = 30       # more does not fit into one line of the hall's screen


@dataclass(frozen=True)
class Shown:
    """How a guest stands in the hall: number, name on the screen, and whether the name is withheld."""

    paddle: int | None = None
    name: str = ""
    is_withheld: bool = False


def add_guest(session: Session, *, actor: Actor, event: PledgingEvent, funder: Funder, now: datetime,
              shown: Shown | None = None) -> Guest:
    """Put a verified funder on the list; without a number it gets the next one. After the beginning: through the door.

    Raises Invalid for a funder that nobody verified: there are no anonymous paddles.
    """
    require(policy.may_add_guests(actor, event))
    if funder.verified_at is None:
        raise Invalid(N_("“{name}”还不是已核验的资助方，不能领牌。请先在资助方名册里核验"), field="funder", name=funder.name)
    shown = shown or Shown()
    last = session.scalar(select(func.max(Guest.paddle)).where(Guest.event_id == event.id)) or 0
    guest = Guest(
        event_id=event.id, funder=funder, paddle=rules.check_paddle(shown.paddle or last + 1),
        shown_name=_name(shown.name or funder.name), is_name_withheld=shown.is_withheld or funder.is_name_withheld,
        was_added_at_door=event.state == EventState.LIVE, added_by=actor.person_id, added_at=now)
    _write(session, guest)
    session.expire(event, ["guests"])
    record(session, actor=actor, action="pledging.add_guest", subject=("pledging_event", event.ref), now=now,
           guest=guest.ref, funder=funder.ref, paddle=guest.paddle, at_door=guest.was_added_at_door)
    return guest


def add_all(session: Session, *, actor: Actor, event: PledgingEvent, rows: Sequence[tuple[Funder, Shown]],
            now: datetime) -> int:
    """Put many on the list, leaving out who stands there already; return how many are new."""
    known = set(session.scalars(select(Guest.funder_id).where(Guest.event_id == event.id)))
    new = [(funder, shown) for funder, shown in rows if funder.id not in known]
    for funder, shown in new:
        add_guest(session, actor=actor, event=event, funder=funder, shown=shown, now=now)
    return len(new)


def change_guest(session: Session, *, actor: Actor, guest: Guest, shown: Shown, now: datetime) -> None:
    """Change number, name or withholding. Another name is to be checked again; the number stays once it was raised."""
    require(policy.may_add_guests(actor, guest.event))
    name = _name(shown.name or guest.funder.name)
    if shown.paddle and shown.paddle != guest.paddle:
        if _was_raised(session, guest):
            raise Conflict(N_("{paddle} 号牌已有认捐记录，不能换号"), paddle=guest.paddle)
        guest.paddle = rules.check_paddle(shown.paddle)
    if name != guest.shown_name:
        guest.shown_name, guest.name_checked_by, guest.added_by = name, None, actor.person_id
    guest.is_name_withheld = shown.is_withheld
    _write(session, guest)
    record(session, actor=actor, action="pledging.change_guest", subject=("pledging_event", guest.event.ref), now=now,
           guest=guest.ref, paddle=guest.paddle, withheld=guest.is_name_withheld)


def remove_guest(session: Session, *, actor: Actor, guest: Guest, now: datetime) -> None:
    """Take somebody off the list whose paddle was never raised."""
    require(policy.may_add_guests(actor, guest.event))
    if _was_raised(session, guest):
        raise Conflict(N_("{paddle} 号牌已有认捐记录，不能从名单移除"), paddle=guest.paddle)
    record(session, actor=actor, action="pledging.remove_guest", subject=("pledging_event", guest.event.ref), now=now,
           guest=guest.ref, funder=guest.funder.ref, paddle=guest.paddle)
    session.delete(guest)
    session.flush()


def check_name(session: Session, *, actor: Actor, guest: Guest, now: datetime) -> None:
    """Let the hall see the name: decided by somebody who did not write it."""
    require(policy.may_check_name(actor, guest))
    if actor.person_id is not None and guest.name_checked_by is None:
        guest.name_checked_by = actor.person_id
        session.flush()
        record(session, actor=actor, action="pledging.check_name", subject=("pledging_event", guest.event.ref),
               now=now, guest=guest.ref, name=guest.shown_name)


def check_in(session: Session, *, actor: Actor, guest: Guest, now: datetime) -> None:
    """Hand out the paddle at the door; a second time changes nothing."""
    require(policy.may_add_guests(actor, guest.event))
    if guest.checked_in_at is not None:
        return
    if actor.person_id is None:
        raise Invalid(N_("签到要由在门口的工作人员办理"))
    guest.checked_in_at, guest.checked_in_by = now, actor.person_id
    session.flush()
    record(session, actor=actor, action="pledging.check_in", subject=("pledging_event", guest.event.ref), now=now,
           guest=guest.ref, paddle=guest.paddle)


def check_out(session: Session, *, actor: Actor, guest: Guest, now: datetime) -> None:
    """Take a check-in back that was the wrong row's, as long as the paddle was not raised."""
    require(policy.may_add_guests(actor, guest.event))
    if _was_raised(session, guest):
        raise Conflict(N_("{paddle} 号牌已有认捐记录，不能取消签到"), paddle=guest.paddle)
    guest.checked_in_at = guest.checked_in_by = None
    session.flush()
    record(session, actor=actor, action="pledging.check_out", subject=("pledging_event", guest.event.ref), now=now,
           guest=guest.ref, paddle=guest.paddle)


def _name(typed: str) -> str:
    """Return the name for the screen, short enough for one line."""
    name = " ".join(typed.split())
    if len(name) > MOST_NAME:
        raise Invalid(N_("大屏名称最多 {most} 个字，现在是 {now} 个。请写简称"), field="name", most=MOST_NAME, now=len(name))
    return name


def _was_raised(session: Session, guest: Guest) -> bool:
    """Say whether any recorder ever keyed this paddle."""
    return session.scalar(select(PaddlePledge.id).where(
        PaddlePledge.event_id == guest.event_id, PaddlePledge.paddle == guest.paddle).limit(1)) is not None


def _write(session: Session, guest: Guest) -> None:
    """Write the row; a number or a funder that is taken becomes a sentence."""
    paddle, name = guest.paddle, guest.funder.name
    try:
        with session.begin_nested():
            session.add(guest)
            session.flush()
    except IntegrityError as taken:
        if "paddle" in str(taken.orig):
            raise Invalid(N_("{paddle} 号牌已经发出。请换一个号"), field="paddle", paddle=paddle) from None
        raise Invalid(N_("“{name}”已经在名单上"), field="funder", name=name) from None
