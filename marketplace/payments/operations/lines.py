"""To whom each part of a bank line belongs. One conditional UPDATE keeps the parts within the line."""

from datetime import datetime

from sqlalchemy import and_, case, literal, update
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.db import new_ref
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.ledger.operations import post
from marketplace.ledger.rules import AccountKind, Posting
from marketplace.ledger.rules import account as code
from marketplace.payments import policy
from marketplace.payments.models import BankLine, BankLinePart
from marketplace.payments.rules.lines import Direction, LineState, MatchedBy, SubjectKind

SEVERAL = "parts"
MOST_REASON = 300


def settle_line(session: Session, *, actor: Actor, line: BankLine, amount: Money, subject: tuple[SubjectKind, str],
                matched_by: MatchedBy, now: datetime) -> BankLinePart:
    """Say that `amount` of a line belongs to `subject`. Line: suspense -> matched when nothing of it is left.

    The caller moves the money in the same transaction. Raises Conflict when the rest no longer suffices.
    """
    require(policy.may_settle(actor, line))
    if amount.fen <= 0:
        raise Invalid(N_("认领的金额应大于零"), field="amount")
    settled = BankLine.settled + literal(amount, BankLine.settled.type)
    is_full = settled == BankLine.amount
    is_whole = and_(is_full, BankLine.settled == Money(0))
    done = session.execute(
        update(BankLine).where(BankLine.id == line.id, BankLine.state == LineState.SUSPENSE, settled <= BankLine.amount)
        .values(settled=settled, state=case((is_full, LineState.MATCHED.value), else_=BankLine.state),
                matched_by=matched_by.value, settled_by=actor.person_id, settled_at=now,
                subject_kind=case((is_whole, subject[0].value), (is_full, SEVERAL), else_=""),
                subject_ref=case((is_whole, subject[1]), else_=""))
        .execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这一笔剩下的不够 {amount} 元，可能别人刚刚认领过。请刷新后再看"), amount=amount.grouped())
    part = BankLinePart(ref=new_ref(), line_id=line.id, subject_kind=subject[0], subject_ref=subject[1], amount=amount,
                        matched_by=matched_by, settled_by=actor.person_id, settled_at=now)
    session.add(part)
    session.flush()
    session.refresh(line)
    record(session, actor=actor, action="payments.settle_line", subject=("bank_line", line.ref), now=now, part=part.ref,
           to=f"{subject[0]}:{subject[1]}", fen=amount.fen, by=matched_by)
    return part


def unsettle_part(session: Session, *, actor: Actor, part: BankLinePart, reason: str, now: datetime) -> None:
    """Take back that a part belongs to somebody: it lies in suspense again. The caller moves the money back."""
    line = part.line
    require(policy.may_use(actor, line.account))
    why = " ".join(reason.split())
    if not why or len(why) > MOST_REASON:
        raise Invalid(N_("请写明撤销认领的原因，不超过 {most} 字"), field="reason", most=MOST_REASON)
    taken = session.execute(
        update(BankLinePart).where(BankLinePart.id == part.id, BankLinePart.undone_at.is_(None))
        .values(undone_at=now, undone_by=actor.person_id, undo_reason=why).execution_options(synchronize_session=False))
    if not taken.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这次认领已经撤销过"))
    done = session.execute(
        update(BankLine).where(BankLine.id == line.id, BankLine.state.in_([LineState.SUSPENSE, LineState.MATCHED]),
                               BankLine.settled >= part.amount)
        .values(settled=BankLine.settled - literal(part.amount, BankLine.settled.type), state=LineState.SUSPENSE,
                subject_kind="", subject_ref="")
        .execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这一笔的余款正在退回，先取消退回再撤销认领"))
    session.refresh(part)
    session.refresh(line)
    record(session, actor=actor, action="payments.unsettle_line", subject=("bank_line", line.ref), now=now,
           part=part.ref, reason=why, fen=part.amount.fen)


def move_rest(session: Session, *, line: BankLine, before: LineState, after: LineState) -> None:
    """Line: suspense <-> returning -> returned, for what is left of it; raises Conflict when it is elsewhere."""
    done = session.execute(update(BankLine).where(BankLine.id == line.id, BankLine.state == before).values(state=after)
                           .execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这一笔来款的情况刚刚变了。请刷新后再看"))
    session.refresh(line)


def book_fee(session: Session, *, actor: Actor, line: BankLine, matched_by: MatchedBy, now: datetime) -> BankLinePart:
    """Book what is left of an outgoing line as a charge of the bank."""
    if line.direction != Direction.OUT:
        raise Invalid(N_("只有支出可以记作银行收费"))
    account, amount = line.account, line.rest
    part = settle_line(session, actor=actor, line=line, amount=amount, subject=(SubjectKind.FEE, account.ref),
                       matched_by=matched_by, now=now)
    post(session, actor=actor, idem_key=f"line-part:{part.ref}", kind="bank.fee", subject=("bank_line", line.ref),
         now=now, postings=[
             Posting(code(AccountKind.FEE, account.ref), code(AccountKind.SUSPENSE, account.ref), amount)])
    return part
