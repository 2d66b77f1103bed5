"""Releases of held money to a milestone by two people, their payment, and what comes back unspent."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.db import new_ref
from marketplace.core.errors import Conflict, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.files.models import StoredFile
from marketplace.funding import policy
from marketplace.funding.models import Pledge, Release
from marketplace.funding.operations.gaming import look_at_provider
from marketplace.funding.operations.money import check_account
from marketplace.funding.operations.moves import ROW, Step, own, take
from marketplace.funding.rules.buckets import Move
from marketplace.funding.rules.news import JOB_RELEASE_DECIDED, JOB_RELEASE_PROPOSED
from marketplace.funding.rules.pledges import check_amount, check_reason
from marketplace.ledger.rules import AccountKind, Posting, account
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import Verification
from marketplace.payments.queries import is_ordered
from marketplace.projects.models import PlannedMilestone

MAX_EVIDENCE = 2_000
_MOVED_ON = N_("这笔拨付刚刚被别人办理过。请刷新页面，看过最新情况再办")


def propose_release(session: Session, *, actor: Actor, pledge: Pledge, milestone: int, amount: Money,
                    payee: Organization, evidence: str, now: datetime,
                    evidence_file: StoredFile | None = None) -> Release:
    """Propose to release held money for a milestone of the project's plan, with what shows that it is reached.

    Nothing moves yet. The sum may not exceed what is held beyond other proposals. `milestone` counts from 1.
    """
    require(policy.may_propose_release(actor, pledge))
    check_amount(amount)
    plain = (evidence or "").strip()
    if not plain or len(plain) > MAX_EVIDENCE:
        raise Invalid(N_("请写明哪些材料说明节点已经完成（最多 {most} 个字）"), field="evidence", most=MAX_EVIDENCE)
    _check_milestone(session, pledge, milestone)
    if payee.verification != Verification.VERIFIED:
        raise Invalid(N_("收款的承接方“{name}”还没有通过核验"), field="payee", name=payee.name)
    session.refresh(pledge, with_for_update=ROW)      # two proposals at once must not promise the same fen
    left = pledge.held - _proposed(session, pledge)
    if amount > left:
        raise Invalid(N_("可以拨付的只有 {have} 元（已持有、没有其他拨付申请的部分）"), field="amount", have=left.grouped())
    release = Release(
        idem_key=f"release:{new_ref()}", pledge=pledge, milestone=milestone, amount=amount, payee_id=payee.id,
        payee_account=payee.bank_account or "", evidence=plain, evidence_file=evidence_file,
        proposed_by=actor.person_id, proposed_at=now)
    session.add(release)
    session.flush()
    record(session, actor=actor, action="funding.propose_release", subject=("pledge", pledge.ref), now=now,
           release=release.ref, milestone=milestone, amount_fen=amount.fen, payee=payee.ref)
    look_at_provider(session, project_id=pledge.project_id, provider=payee, now=now)
    enqueue(session, JOB_RELEASE_PROPOSED, now=now, release_ref=release.ref)
    return release


def _check_milestone(session: Session, pledge: Pledge, milestone: int) -> None:
    """Raise Invalid for a milestone that the project's plan does not have (a project without a plan has one)."""
    planned = session.scalar(select(func.count()).select_from(PlannedMilestone)
                             .where(PlannedMilestone.project_id == pledge.project_id)) or 1
    if not 1 <= milestone <= planned:
        raise Invalid(N_("这个项目只有 {count} 个付款节点"), field="milestone", count=planned)


def _proposed(session: Session, pledge: Pledge) -> Money:
    """Return the sum of the proposals of a pledge that nobody decided yet."""
    found = session.scalar(select(func.sum(Release.amount)).where(
        Release.pledge_id == pledge.id, Release.state == "proposed"))
    return found if isinstance(found, Money) else Money(int(found or 0))


def _decide(session: Session, release: Release, *, was: str, values: dict[str, object], now: datetime) -> None:
    """Change a release only if it still stands where it was decided on; else raise Conflict."""
    done = session.execute(update(Release).where(Release.id == release.id, Release.state == was).values(values)
                           .execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(_MOVED_ON)
    session.refresh(release)
    enqueue(session, JOB_RELEASE_DECIDED, now=now, release_ref=release.ref)


def _milestone_account(release: Release) -> str:
    """Return the ledger account of the release's milestone."""
    return account(AccountKind.MILESTONE, release.pledge.ref, release.milestone)


def confirm_release(session: Session, *, actor: Actor, release: Release, now: datetime) -> bool:
    """Release the money: a second person confirms. Release: proposed -> confirmed. Pledge: held -> released."""
    require(policy.may_confirm_release(actor, release))
    pledge = release.pledge
    held = own(AccountKind.HELD, pledge)
    done = take(session, actor=actor, pledge=pledge, now=now, step=Step(
        Move.RELEASE, release.amount, f"{release.idem_key}:confirm",
        [Posting(held, _milestone_account(release), release.amount)],
        facts={"release": release.ref, "milestone": release.milestone}))
    _decide(session, release, was="proposed", now=now,
            values={"state": "confirmed", "decided_by": actor.person_id, "decided_at": now})
    return done


def refuse_release(session: Session, *, actor: Actor, release: Release, reason: str, now: datetime) -> None:
    """Refuse a proposal, with the reason. Release: proposed -> refused; the money stays held."""
    require(policy.may_confirm_release(actor, release))
    plain = check_reason(reason)
    _decide(session, release, was="proposed", now=now, values={
        "state": "refused", "decided_by": actor.person_id, "decided_at": now, "note": plain})
    record(session, actor=actor, action="funding.refuse_release", subject=("pledge", release.pledge.ref), now=now,
           release=release.ref, reason=plain)


def withdraw_release(session: Session, *, actor: Actor, release: Release, reason: str, now: datetime) -> None:
    """Withdraw a release that is not paid out, with the reason. Pledge: released -> held, if it was confirmed."""
    require(policy.may_withdraw_release(actor, release))
    plain, was = check_reason(reason), release.state
    pledge = release.pledge
    if is_ordered(session, kind="release", ref=release.ref):
        raise IllegalStep(N_("这笔拨付已经列入付款单。请先撤销付款单"))
    if was == "confirmed":
        take(session, actor=actor, pledge=pledge, now=now, step=Step(
            Move.UNRELEASE, release.amount, f"{release.idem_key}:withdraw",
            [Posting(_milestone_account(release), own(AccountKind.HELD, pledge), release.amount)],
            facts={"release": release.ref, "reason": plain}))
    values: dict[str, object] = {"state": "withdrawn", "note": plain}
    if was == "proposed":
        values["decided_at"] = now
    _decide(session, release, was=was, values=values, now=now)
    if was == "proposed":
        record(session, actor=actor, action="funding.withdraw_release", subject=("pledge", pledge.ref), now=now,
               release=release.ref, reason=plain)


def disburse(session: Session, *, actor: Actor, release: Release, from_account: str, idem_key: str,
             now: datetime) -> bool:
    """Book that the bank paid a release. Release: confirmed -> disbursed. Pledge: released -> disbursed.

    False when this key was booked before. `from_account`: suspense of the account the payment left.
    """
    pledge = release.pledge
    require(policy.may_book(actor, pledge))
    source = check_account(session, pledge, from_account)
    done = take(session, actor=actor, pledge=pledge, now=now, step=Step(
        Move.DISBURSE, release.amount, idem_key, [Posting(_milestone_account(release), source, release.amount)],
        facts={"release": release.ref, "from": from_account}))
    if done:
        _decide(session, release, was="confirmed", values={"state": "disbursed", "disbursed_at": now}, now=now)
    return done


def claw_back(session: Session, *, actor: Actor, pledge: Pledge, amount: Money, from_account: str, idem_key: str,
              now: datetime) -> bool:
    """Book unspent money that came back from the provider. Pledge: disbursed -> held; it may be released anew."""
    require(policy.may_book(actor, pledge))
    source = check_account(session, pledge, from_account)
    return take(session, actor=actor, pledge=pledge, now=now, step=Step(
        Move.CLAW_BACK, amount, idem_key, [Posting(source, own(AccountKind.HELD, pledge), amount)],
        facts={"from": from_account}))
