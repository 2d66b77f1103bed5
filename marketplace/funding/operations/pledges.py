"""Promises: made once for each client key, taken back, lapsed, given up. Each is matched in the same transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict, Unpack

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from marketplace.core.access import SYSTEM, Actor, require
from marketplace.core.audit import record
from marketplace.core.clock import beijing_date
from marketplace.core.db import new_ref
from marketplace.core.errors import Conflict, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.funding import policy
from marketplace.funding.models import CostLine, Funder, Instalment, Pledge
from marketplace.funding.operations.moves import (
    ROW,
    Step,
    add_to_sums,
    claim_cost,
    commitment_of,
    insert_once,
    known,
    own,
    take,
)
from marketplace.funding.rules import landing as landings
from marketplace.funding.rules import pledges as rules
from marketplace.funding.rules.buckets import Bucket, Exit, Move, PledgeState
from marketplace.funding.rules.funders import FunderKind, check_lottery
from marketplace.funding.rules.news import JOB_EXPIRY_NEAR, JOB_SIGN_REMINDER
from marketplace.funding.rules.pledges import Part
from marketplace.ledger.operations import post
from marketplace.ledger.rules import AccountKind, Posting
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import OrganizationKind, Verification
from marketplace.payments.models import Charge, ReceivingAccount
from marketplace.projects.models import Project

MAX_KEY = 200


class PledgeTerms(TypedDict, total=False):
    """What a promise may say besides who, for what, to whom and how much."""

    is_verbal: bool
    round_ref: str
    landing: str | None
    cost_line: CostLine | None
    instalments: Sequence[Part]
    purpose: str
    lottery_purpose: str
    management_percent: int
    leftover_rule: str
    naming: str
    is_name_withheld: bool


class PledgeFacts(PledgeTerms, total=False):
    """The terms of a promise, with the account to which the money will go."""

    account: ReceivingAccount | None


@dataclass(frozen=True)
class Terms:
    """The checked terms of a promise."""

    is_verbal: bool
    account_id: int | None
    cost_line_id: int | None
    landing: str
    parts: tuple[Part, ...]
    columns: dict[str, object]


def promise(session: Session, *, actor: Actor, funder: Funder, project: Project, receiver: Organization,
            amount: Money, client_key: str, now: datetime, **facts: Unpack[PledgeFacts]) -> Pledge:
    """Write down a promise, match it, and return it; the same `client_key` again returns the same pledge.

    A verbal promise of a pledging event (`round_ref`) is written down by its recorder: the event has checked who that
    is. Any other is made by the funder's own people; at and above the council's line only a commitment will do.
    Facts: account, is_verbal, round_ref, landing, cost_line, instalments (Parts), purpose, lottery_purpose,
    management_percent, leftover_rule (similar, return, project), naming, is_name_withheld.
    """
    is_verbal = facts.get("is_verbal", False)
    _require_speaker(actor, funder, receiver, facts)
    if not is_verbal and rules.needs_council(amount, funder.council_above):
        raise Invalid(N_("这个金额要有理事会决议，请准备认捐书，由第二人批准"), field="amount")
    terms = check_terms(funder=funder, project=project, receiver=receiver, amount=amount, facts=facts, now=now)
    pledge, _ = place(session, actor=actor, parties=(funder, project, receiver), amount=amount, client_key=client_key,
                      terms=terms, now=now)
    return pledge


def _require_speaker(actor: Actor, funder: Funder, receiver: Organization, facts: PledgeFacts) -> None:
    """Require that the actor may write down this promise."""
    if facts.get("is_verbal") and facts.get("round_ref") and (actor.is_signed_in or actor.is_system):
        require(policy.may_be_recorded(funder))
    else:
        require(policy.may_speak_for(actor, funder, receiver.id))


def check_terms(*, funder: Funder, project: Project, receiver: Organization, amount: Money, facts: PledgeFacts,
                now: datetime) -> Terms:
    """Return the terms of a promise, or raise Invalid for the first that may not be."""
    rules.check_amount(amount)
    check_receiver(receiver, facts.get("account"))
    cost_line = facts.get("cost_line")
    if cost_line is not None and cost_line.project_id != project.id:
        raise Invalid(N_("这项费用不属于这个项目"), field="cost_line")
    landing = landings.check(
        landings.Place(project.procedure, project.takes_matching, project.state), facts.get("landing"),
        cost_source=cost_line.source if cost_line is not None else None)
    parts = rules.check_instalments(tuple(facts.get("instalments", ())), amount, today=beijing_date(now))
    columns: dict[str, object] = {
        "purpose": facts.get("purpose", "").strip(), "management_percent": facts.get("management_percent", 0),
        "leftover_rule": facts.get("leftover_rule", "similar"), "naming": facts.get("naming", "").strip()}
    rules.check_terms(**columns)  # type: ignore[arg-type]
    lottery = facts.get("lottery_purpose", "")
    if funder.kind == FunderKind.LOTTERY:
        lottery = check_lottery(lottery, f"{columns['purpose']}\n{cost_line.name if cost_line else ''}")
    account = facts.get("account")
    return Terms(
        is_verbal=facts.get("is_verbal", False), account_id=account.id if account is not None else None,
        cost_line_id=cost_line.id if cost_line is not None else None, landing=landing, parts=parts,
        columns={**columns, "lottery_purpose": lottery, "round_ref": facts.get("round_ref", ""),
                 "is_name_withheld": facts.get("is_name_withheld", funder.is_name_withheld)})


def check_receiver(receiver: Organization, account: ReceivingAccount | None) -> None:
    """Raise Invalid unless the body that receives, and its account, are verified and belong together."""
    if receiver.kind == OrganizationKind.UNIT:
        raise Invalid(N_("接收方要是慈善组织或承接机构，不能是机关单位"), field="receiver")
    if receiver.verification != Verification.VERIFIED:
        raise Invalid(N_("接收方“{name}”还没有通过核验"), field="receiver", name=receiver.name)
    if account is None:
        return
    if account.organization_id != receiver.id:
        raise Invalid(N_("这个收款账户不属于接收方"), field="account")
    if account.verified_at is None or account.closed_at is not None:
        raise Invalid(N_("收款账户还没有核验，或已经停用"), field="account")


def place(session: Session, *, actor: Actor, parties: tuple[Funder, Project, Organization], amount: Money,
          client_key: str, terms: Terms, now: datetime, code: str = "") -> tuple[Pledge, bool]:
    """Insert a checked promise, count it, post it and match it; (the pledge, whether it is new).

    `code`: the reference code if a paper names one already.

    Locks: project and funder for reading, the new row, the project's sums, the cost line, then the pools.
    """
    funder, project, receiver = parties
    if not client_key or len(client_key) > MAX_KEY:
        raise Invalid(N_("页面已经过期，请刷新后重新提交"), field="client_key")
    session.flush()
    _hold_parents(session, funder=funder, project=project)
    state = PledgeState.VERBAL if terms.is_verbal else PledgeState.PLEDGED
    row: dict[str, object] = {
        "ref": new_ref(), "code": code or rules.new_code(), "client_key": client_key, "kind": "own",
        "funder_id": funder.id, "project_id": project.id, "receiver_id": receiver.id, "account_id": terms.account_id,
        "amount": amount, "open": amount, "state": state, "is_verbal": terms.is_verbal, "landing": terms.landing,
        "cost_line_id": terms.cost_line_id, "pledged_at": now, "signed_at": None if terms.is_verbal else now,
        "expires_at": rules.expires_at(is_verbal=terms.is_verbal, parts=terms.parts, now=now),
        "made_by": actor.person_id, "changed_at": now, **terms.columns,
        **{bucket: Money(0) for bucket in Bucket if bucket is not Bucket.OPEN}}
    made = insert_once(session, row)
    if made is None:
        return _same(session, client_key=client_key, parties=parties, amount=amount), False
    pledge = known(session, {"id": made, **row}, funder=funder, project=project, receiver=receiver)
    add_to_sums(session, pledge=pledge)
    if terms.cost_line_id is not None:
        claim_cost(session, cost_line_id=terms.cost_line_id, amount=amount)
    if terms.parts:
        session.execute(insert(Instalment), [
            {"pledge_id": made, "number": number, "due_on": part.due_on, "amount": part.amount}
            for number, part in enumerate(terms.parts, 1)])
    post(session, actor=actor, idem_key=f"pledge:{pledge.ref}:promise", kind="pledge.promise",
         subject=("pledge", pledge.ref), now=now,
         postings=[Posting(commitment_of(pledge), own(AccountKind.PROMISED, pledge), amount)])
    record(session, actor=actor, action="funding.promise", subject=("pledge", pledge.ref), now=now,
           amount_fen=amount.fen, funder=funder.ref, project=project.ref, is_verbal=terms.is_verbal)
    ask_for_reminders(session, pledge=pledge, now=now)
    match(session, actor=actor, pledge=pledge, now=now, is_new=True)
    return pledge, True


def ask_for_reminders(session: Session, *, pledge: Pledge, now: datetime) -> None:
    """Ask for the reminders of a promise: an unsigned one ages, any one lapses. A pledging event reminds of its own."""
    if pledge.is_verbal and pledge.round_ref:
        return
    for days in rules.REMIND_AFTER_DAYS if pledge.is_verbal else ():
        enqueue(session, JOB_SIGN_REMINDER, now=now, due_at=now + timedelta(days=days), pledge_ref=pledge.ref,
                days=days)
    assert pledge.expires_at is not None  # every own promise ends; only matching money has no day of its own
    enqueue(session, JOB_EXPIRY_NEAR, now=now, due_at=pledge.expires_at - rules.EXPIRY_NEAR, pledge_ref=pledge.ref)


_PARENTS = (
    select(Project.state, Project.takes_matching, Funder.verified_at)
    .select_from(Project).join(Funder, Funder.id == bindparam("funder"))
    .where(Project.id == bindparam("project")).with_for_update(read=True))


def _hold_parents(session: Session, *, funder: Funder, project: Project) -> None:
    """Lock project and funder for reading: what was checked of them a moment ago stays so until the end.

    Without it a project that is terminated, or a funder whose verification is taken back, in the same instant could
    still get one pledge. Many pledges hold the two rows together; only a change of them waits.
    """
    row = session.execute(_PARENTS, {"project": project.id, "funder": funder.id}).one()
    if row.verified_at is None:
        session.refresh(funder)
        require(policy.may_be_recorded(funder))
    landings.landing_of(landings.Place(project.procedure, row.takes_matching, row.state))


def _same(session: Session, *, client_key: str, parties: tuple[Funder, Project, Organization],
          amount: Money) -> Pledge:
    """Return the pledge that this key made before; raises Conflict when it was for something else."""
    pledge = session.scalars(select(Pledge).where(Pledge.client_key == client_key)).one()
    known = (pledge.funder_id, pledge.project_id, pledge.receiver_id, pledge.amount)
    if known != (*(party.id for party in parties), amount):
        raise Conflict(N_("这次提交的编号已经用在另一笔认捐上。请刷新页面重新填写"))
    return pledge


def match(session: Session, *, actor: Actor, pledge: Pledge, now: datetime, is_new: bool = False) -> None:
    """Let the pools answer the promise; the pools' rows are locked last."""
    from marketplace.funding.operations import match_pledge

    match_pledge(session, actor=actor, pledge=pledge, now=now, is_new=is_new)


def give_back_match(session: Session, *, actor: Actor, pledge: Pledge, dropped: Money, of: Money, now: datetime,
                    reason: str) -> None:
    """Return matching money in proportion to what falls away of a pledge; the pools' rows are locked last."""
    from marketplace.funding.operations import return_match

    return_match(session, actor=actor, pledge=pledge, dropped=dropped, of=of, now=now, reason=reason)


def standing(pledge: Pledge) -> Money:
    """Return what of a pledge still counts: its amount without what was dropped or returned."""
    return pledge.amount - pledge.dropped - pledge.refunded


def drop(session: Session, *, actor: Actor, pledge: Pledge, exit_: Exit, reason: str, now: datetime) -> None:
    """Let go of what is promised and not there. Pledge: verbal, pledged -> expired, cancelled, written off.

    Matching money goes back in proportion. Raises IllegalStep when nothing is open.
    """
    session.refresh(pledge, with_for_update=ROW)
    amount, before = pledge.open, standing(pledge)
    if not amount.fen:
        raise IllegalStep(N_("这笔认捐没有未到账的部分，不用再办"))
    take(session, actor=actor, pledge=pledge, now=now, step=Step(
        Move.DROP, amount, f"pledge:{pledge.ref}:{exit_}:{pledge.dropped.fen}",
        [Posting(own(AccountKind.PROMISED, pledge), commitment_of(pledge), amount)],
        values={"exit": exit_, "exit_reason": reason}, facts={"exit": exit_, "reason": reason}))
    give_back_match(session, actor=actor, pledge=pledge, dropped=amount, of=before, now=now, reason=exit_)


def cancel(session: Session, *, actor: Actor, pledge: Pledge, reason: str, now: datetime) -> None:
    """Take back what is promised and not there, with the reason. Pledge: verbal, pledged -> cancelled."""
    require(policy.may_cancel(actor, pledge))
    drop(session, actor=actor, pledge=pledge, exit_=Exit.CANCELLED, reason=rules.check_reason(reason), now=now)


def write_off(session: Session, *, actor: Actor, pledge: Pledge, reason: str, now: datetime) -> None:
    """Give up what was signed and never came, with the reason. Pledge: pledged -> written off."""
    require(policy.may_write_off(actor, pledge))
    drop(session, actor=actor, pledge=pledge, exit_=Exit.WRITTEN_OFF, reason=rules.check_reason(reason), now=now)


def expire_pledges(session: Session, *, now: datetime, limit: int = 100) -> int:
    """Let promises lapse that nobody signed or paid in time; return how many. Safe twice and in parallel.

    A payment page that is open keeps its promise alive: what was paid is never dropped under the payer's hands.
    """
    paying = select(Charge.id).where(Charge.subject_kind == "pledge", Charge.subject_ref == Pledge.ref,
                                     Charge.state.in_(("requested", "open"))).exists()
    due = session.scalars(
        select(Pledge).where(Pledge.open > Money(0), Pledge.expires_at <= now, Pledge.kind == "own", ~paying)
        .order_by(Pledge.id).limit(limit).with_for_update(of=Pledge, skip_locked=True, key_share=True)).all()
    for pledge in due:
        drop(session, actor=SYSTEM, pledge=pledge, exit_=Exit.EXPIRED,
             reason=N_("到期没有签认捐书") if pledge.is_verbal else N_("到期没有到账"), now=now)
    return len(due)
