"""Keying paddles: the first recorder makes verbal pledges, the second is kept to compare; what is wrong is reversed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.db import new_ref
from marketplace.core.errors import Conflict, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding import operations as funding
from marketplace.funding.models import CostLine, Pledge
from marketplace.payments.models import ReceivingAccount
from marketplace.pledging import policy, rules
from marketplace.pledging.models import Guest, PaddlePledge, PledgingEvent, PledgingRound
from marketplace.pledging.queries import recording as queries
from marketplace.pledging.queries.recording import Difference
from marketplace.pledging.rules import REASON_LABELS, EventState, Keyed, Reason, Recorder

TRIES = 3
_BUSY = N_("{paddle} 号牌正由另一台设备记录。请稍后再试")


@dataclass(frozen=True)
class Answer:
    """What became of an entry: the row, and whether it is new or stood there already."""

    entry: PaddlePledge
    is_new: bool


@dataclass(frozen=True)
class _Desk:
    """Who keys what at which event, and when: what every step below needs."""

    session: Session
    actor: Actor
    event: PledgingEvent
    recorder: Recorder
    now: datetime


def record_entry(session: Session, *, actor: Actor, event: PledgingEvent, recorder: Recorder, keyed: Keyed,
                 now: datetime) -> Answer:
    """Take one entry of a recorder. The same device key, or the same paddle and sum in a round, is the same entry.

    First recorder: a verbal pledge of the guest to the receiving body. Raises Invalid for a paddle that nobody holds,
    Conflict where the paddle stands in this round with another sum, IllegalStep when the event takes no more.
    """
    require(policy.may_work(actor, event))
    rules.check_key(keyed.device_key)
    desk = _Desk(session, actor, event, recorder, now)
    if (known := queries.entry_by_key(session, keyed.device_key)) is not None:
        return _same_device(desk, known)
    round_ = _round(desk, keyed)
    guest = _guest(session, event, keyed.paddle)
    amount = rules.read_amount(keyed.amount.plain()) if keyed.amount is not None else round_.level
    for _ in range(TRIES):
        standing = queries.standing(session, round_, recorder, guest.paddle)
        if standing and not keyed.is_again:
            return Answer(_agreeing(standing, amount), is_new=False)
        made = _entry(desk, round_, keyed, amount)
        if _insert(session, made):
            return Answer(_follow(desk, guest, made), is_new=True)
        if (known := queries.entry_by_key(session, keyed.device_key)) is not None:
            return _same_device(desk, known)
    raise Conflict(_BUSY, paddle=keyed.paddle)


def undo_entry(session: Session, *, actor: Actor, entry: PaddlePledge, event: PledgingEvent, reason: Reason,
               now: datetime, note: str = "") -> PaddlePledge:
    """Reverse an entry by another row and let go of its pledge with all that was matched; twice is once.

    Raises what funding raises when the pledge was signed or paid meanwhile: then it is no recorder's to take back.
    """
    require(policy.may_work(actor, event))
    if entry.reverses_id is not None:
        raise Invalid(N_("更正行本身不能再撤销。请重新记录"))
    if (known := queries.reversal_of(session, entry)) is not None:
        return known
    if actor.person_id is None:
        raise Invalid(N_("撤销要由记录人办理"))
    pledge = _still_verbal(session, entry)
    made = PaddlePledge(
        ref=new_ref(), device_key=f"undo-{entry.ref}", event_id=event.id, round_id=entry.round_id,
        recorder=entry.recorder, paddle=entry.paddle, amount=entry.amount, repeat=entry.repeat, reverses_id=entry.id,
        reason=reason, keyed_by=actor.person_id, keyed_at=now, recorded_at=now)
    if not _insert(session, made):
        found = queries.reversal_of(session, entry)
        assert found is not None
        return found
    if pledge is not None:
        funding.cancel(session, actor=_speaking(actor), pledge=pledge, now=now,
                       reason=f"举牌记录更正：{REASON_LABELS[reason]}{'；' + note if note else ''}")
    record(session, actor=actor, action="pledging.undo", subject=("pledging_event", event.ref), now=now,
           entry=entry.ref, paddle=entry.paddle, amount=entry.amount.fen, reason=str(reason), note=note)
    return made


def _still_verbal(session: Session, entry: PaddlePledge) -> Pledge | None:
    """Return the pledge of an entry with its row locked; raises IllegalStep for one that was signed.

    Letting go of it we speak as the system, whom funding does not stop: so it is looked at here.
    """
    if entry.pledge_id is None:
        return None
    pledge = session.get_one(Pledge, entry.pledge_id)
    session.refresh(pledge, with_for_update={"key_share": True, "of": Pledge})
    if not pledge.is_verbal:
        raise IllegalStep(N_("{paddle} 号牌的这笔认捐已经签了认捐书，记录不能再撤销。要解除请由接收方在认捐页办理"),
                          paddle=entry.paddle)
    return pledge


def settle(session: Session, *, actor: Actor, event: PledgingEvent, difference: Difference, right: Recorder,
           now: datetime) -> None:
    """Bring both records of one paddle in one round into line with the one that is right, by rows that say so.

    The other record's entries are reversed; what it lacks is entered in the name of whoever settles.
    """
    require(policy.may_work(actor, event))
    if not difference.is_open:
        return
    is_first = right == Recorder.FIRST
    good, other = (difference.first, difference.second) if is_first else (difference.second, difference.first)
    wanted = [entry.amount for entry in good]
    for entry in other:
        if entry.amount in wanted:
            wanted.remove(entry.amount)
        else:
            undo_entry(session, actor=actor, entry=entry, event=event, reason=Reason.SETTLED, now=now)
    desk = _Desk(session, actor, event, Recorder.SECOND if is_first else Recorder.FIRST, now)
    for amount in wanted:
        _enter_settled(desk, difference, amount)
    record(session, actor=actor, action="pledging.settle", subject=("pledging_event", event.ref), now=now,
           round=difference.round.number, paddle=difference.paddle, right=str(right))


def _enter_settled(desk: _Desk, difference: Difference, amount: Money) -> None:
    """Enter what a record lacks after two records were compared."""
    keyed = Keyed(f"settle-{new_ref()}", difference.paddle, amount, difference.round.number, is_again=True)
    made = _entry(desk, difference.round, keyed, amount)
    made.reason = Reason.SETTLED
    if not _insert(desk.session, made):
        raise Conflict(_BUSY, paddle=difference.paddle)
    _follow(desk, _guest(desk.session, desk.event, difference.paddle), made)


def _round(desk: _Desk, keyed: Keyed) -> PledgingRound:
    """Return the round of an entry, or raise what the recorder can act on."""
    if not rules.takes_entries(EventState(desk.event.state), desk.event.closed_at, desk.now):
        raise IllegalStep(N_("认捐会没有在进行，这条记录没有保存"))
    person_id = desk.actor.person_id
    if person_id is None or queries.keyed_as_other(desk.session, desk.event, person_id, desk.recorder):
        raise Invalid(N_("两份记录要由两个人分别完成。您在这场活动里已是另一位记录人"))
    if not keyed.round_number:
        raise Invalid(N_("现在没有开轮。请先在认捐会页面选项目和档位"))
    round_ = queries.round_by_number(desk.session, desk.event, keyed.round_number)
    if round_ is None:
        raise Invalid(N_("这场认捐会没有第 {number} 轮"), number=keyed.round_number)
    return round_


def _guest(session: Session, event: PledgingEvent, paddle: int) -> Guest:
    """Return who holds a paddle; raises Invalid when nobody does: no anonymous pledges."""
    rules.check_paddle(paddle)
    guest = session.scalar(select(Guest).where(Guest.event_id == event.id, Guest.paddle == paddle))
    if guest is None:
        raise Invalid(N_("名单里没有 {paddle} 号牌。请看清牌号"), field="paddle", paddle=paddle)
    if guest.checked_in_at is None:
        raise Invalid(N_("{paddle} 号牌（{name}）还没有签到。请门口先办签到"), field="paddle", paddle=paddle,
                      name=guest.funder.name)
    return guest


def _same_device(desk: _Desk, known: PaddlePledge) -> Answer:
    """Return the entry that this device sent before; a key of another event or person is refused."""
    if known.event_id != desk.event.id or known.keyed_by != desk.actor.person_id:
        raise Invalid(N_("这个设备编号已用于另一条记录。请刷新本页后重新输入"))
    return Answer(known, is_new=False)


def _agreeing(standing: Sequence[PaddlePledge], amount: Money) -> PaddlePledge:
    """Return the entry that says the same; raises Conflict where the paddle stands with another sum only."""
    for entry in standing:
        if entry.amount == amount:
            return entry
    raise Conflict(N_("{paddle} 号牌本轮已记 {known} 元。记错了请先撤销；确实再认捐一笔，请在末尾加“+”"),
                   paddle=standing[0].paddle, known=standing[-1].amount.grouped())


def _entry(desk: _Desk, round_: PledgingRound, keyed: Keyed, amount: Money) -> PaddlePledge:
    """Return the row of an entry, not written yet."""
    assert desk.actor.person_id is not None
    return PaddlePledge(
        ref=new_ref(), device_key=keyed.device_key, event_id=desk.event.id, round_id=round_.id, amount=amount,
        recorder=desk.recorder, paddle=keyed.paddle, keyed_by=desk.actor.person_id, recorded_at=desk.now,
        repeat=queries.times_keyed(desk.session, round_, desk.recorder, keyed.paddle),
        keyed_at=rules.keyed_moment(keyed.keyed_at, desk.now))


def _insert(session: Session, made: PaddlePledge) -> bool:
    """Write a row; False when another device was first with this key, this paddle or this reversal."""
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError:
        return False
    return True


def _follow(desk: _Desk, guest: Guest, made: PaddlePledge) -> PaddlePledge:
    """Make the pledge of a first entry, and note what was keyed."""
    session, event, round_ = desk.session, desk.event, made.round
    if made.recorder == Recorder.FIRST:
        made.pledge = funding.promise(
            session, actor=_speaking(desk.actor), funder=guest.funder, project=round_.project, amount=made.amount,
            receiver=event.receiver, account=session.get(ReceivingAccount, event.account_id), now=desk.now,
            client_key=f"paddle:{made.ref}", is_verbal=True, round_ref=event.ref,
            cost_line=session.get(CostLine, round_.cost_line_id) if round_.cost_line_id else None,
            is_name_withheld=guest.is_name_withheld)
        made.pledge.expires_at = rules.sign_by(event.starts_at, event.sign_days, desk.now)
        session.flush()
    record(session, actor=desk.actor, action="pledging.entry", subject=("pledging_event", event.ref), now=desk.now,
           entry=made.ref, recorder=made.recorder, round=round_.number, paddle=made.paddle, amount=made.amount.fen)
    return made


def _speaking(actor: Actor) -> Actor:
    """Return the recorder as somebody who may write down what a guest said in the hall.

    Funding lets only a funder's own people promise. Here the guest was verified, invited and checked in, and the
    policy of the event let this person record; the audit still names who it was.
    """
    return replace(actor, is_system=True)
