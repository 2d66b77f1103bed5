"""News of money: what waits for a second person, what was signed, what arrived, what lapses, what must be looked at."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.accounts.queries import people_of
from marketplace.core.access import Role
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import transaction
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding.models import Commitment, MoneyFlag, Pledge, Release
from marketplace.funding.rules.buckets import Move
from marketplace.funding.rules.gaming import FLAG_LABELS, FlagKind
from marketplace.inbox.jobs.audience import people_by_id
from marketplace.inbox.operations import finish, send
from marketplace.inbox.rules import Kind, Letter

SIGNERS = (Role.FUNDER, Role.PROVIDER_ADMIN, Role.HANDLER, Role.APPROVER)
KEEPERS = (Role.PROVIDER_ADMIN, Role.FUNDER)

TOLD_TO_FUNDER = {
    Move.ARRIVE: N_("“{title}”的认捐 {code} 到账 {amount} 元"),
    Move.UNARRIVE: N_("“{title}”的认捐 {code} 有 {amount} 元认错了款，已改回未到账"),
    Move.CONFIRM: N_("接收方已确认“{title}”的认捐 {code} 到账 {amount} 元"),
    Move.DISBURSE: N_("“{title}”的认捐 {code} 已拨付 {amount} 元"),
    Move.CLAW_BACK: N_("“{title}”的认捐 {code} 追回未用款 {amount} 元"),
    Move.RETURN: N_("“{title}”的认捐 {code} 已退回 {amount} 元"),
    Move.LOSE: N_("“{title}”的认捐 {code} 有 {amount} 元被付款银行收回"),
    Move.DROP: N_("“{title}”的认捐 {code} 有 {amount} 元没有到账，已经了结"),
}
TOLD_TO_RECEIVER = {
    Move.UNREFUND: N_("“{title}”的认捐 {code} 退款 {amount} 元没有成功，请核对账户后再退"),
    Move.DISPUTE_PAID: N_("“{title}”的认捐 {code} 有 {amount} 元被付款人争议，请按时举证"),
    Move.DISPUTE_HELD: N_("“{title}”的认捐 {code} 有 {amount} 元被付款人争议，请按时举证"),
    Move.WIN: N_("“{title}”的认捐 {code} 的争议 {amount} 元已经胜出"),
    Move.LOSE: N_("“{title}”的认捐 {code} 的争议 {amount} 元败诉，款项已被收回"),
    Move.DROP: N_("“{title}”的认捐 {code} 有 {amount} 元没有到账，已经了结"),
}


def ask_for_approval(commitment_ref: str) -> None:
    """Ask the funder's other people to approve a commitment; on paper, the receiving body's to register the scan."""
    now = utc_now()
    with transaction() as session:
        found = session.scalar(select(Commitment).where(Commitment.ref == commitment_ref))
        if found is None or found.state != "prepared":
            return
        body = found.receiver_id if found.is_on_paper else found.funder.organization_id or found.receiver_id
        people = people_of(session, body, KEEPERS if found.is_on_paper else SIGNERS)
        others = [person for person in people if person.id != found.prepared_by] or people
        verb = N_("登记扫描件") if found.is_on_paper else N_("批准")
        subject = (N_("登记“{funder}”签字的认捐书 {number}") if found.is_on_paper
                   else N_("批准“{title}”认捐书 {number}，{amount} 元"))
        for person in others:
            send(session, person=person, now=now, letter=Letter(
                kind=Kind.MONEY, subject=subject, facts=_paper_facts(found), verb=verb, url=_paper_url(found),
                todo_key=f"commitment:{found.ref}", organization_id=body))


def tell_signed(commitment_ref: str) -> None:
    """Close the asking; tell the preparer, and the receiving body that a promise is signed."""
    now = utc_now()
    with transaction() as session:
        finish(session, todo_key=f"commitment:{commitment_ref}", now=now)
        found = session.scalar(select(Commitment).where(Commitment.ref == commitment_ref))
        if found is None or found.pledge is None:
            return
        letter = Letter(
            kind=Kind.MONEY, subject=N_("“{funder}”签署了“{title}”的认捐书 {number}，{amount} 元"),
            facts=_paper_facts(found), url=_pledge_url(found.pledge), unique_key=f"signed:{found.ref}")
        people = [*people_by_id(session, [found.prepared_by]), *people_of(session, found.receiver_id, KEEPERS)]
        _send_all(session, people, letter, now)


def tell_returned(commitment_ref: str) -> None:
    """Close the asking; tell the preparer why it came back."""
    now = utc_now()
    with transaction() as session:
        finish(session, todo_key=f"commitment:{commitment_ref}", now=now)
        found = session.scalar(select(Commitment).where(Commitment.ref == commitment_ref))
        if found is None:
            return
        _send_all(session, people_by_id(session, [found.prepared_by]), Letter(
            kind=Kind.MONEY, subject=N_("“{title}”认捐书 {number} 被退回"), body=N_("原因：{reason}"),
            facts={**_paper_facts(found), "reason": found.return_reason}, url=_paper_url(found),
            unique_key=f"returned:{found.ref}"), now)


def tell_move(pledge_ref: str, move: str, amount_fen: int, key: str) -> None:
    """Tell funder and receiver of a step of the money; ask the receiver to confirm what arrived."""
    now, step = utc_now(), Move(move)
    with transaction() as session:
        pledge = session.scalar(select(Pledge).where(Pledge.ref == pledge_ref))
        if pledge is None:
            return
        facts = {**_facts(pledge), "amount": Money(amount_fen).grouped()}
        if not pledge.paid.fen:
            finish(session, todo_key=f"confirm-money:{pledge.ref}", now=now)
        elif step is Move.ARRIVE:
            for person in people_of(session, pledge.receiver_id, KEEPERS):
                send(session, person=person, now=now, letter=Letter(
                    kind=Kind.MONEY, subject=N_("确认“{title}”的认捐 {code} 到账"), facts=facts, verb=N_("确认到账"),
                    url=_pledge_url(pledge), todo_key=f"confirm-money:{pledge.ref}",
                    organization_id=pledge.receiver_id))
        for body, roles, sentences in ((pledge.funder.organization_id, SIGNERS, TOLD_TO_FUNDER),
                                       (pledge.receiver_id, KEEPERS, TOLD_TO_RECEIVER)):
            if body is not None and step in sentences:
                _send_all(session, people_of(session, body, roles), Letter(
                    kind=Kind.MONEY, subject=sentences[step], facts=facts, url=_pledge_url(pledge),
                    unique_key=f"money:{key}:{step}", organization_id=body), now)


def ask_for_release(release_ref: str) -> None:
    """Ask the funder's officers and the buyer's approvers for the second yes; never who proposed it."""
    now = utc_now()
    with transaction() as session:
        release = session.scalar(select(Release).where(Release.ref == release_ref))
        if release is None or release.state != "proposed":
            return
        pledge = release.pledge
        audience = [(pledge.project.buyer_id, person)
                    for person in people_of(session, pledge.project.buyer_id, (Role.APPROVER,))]
        if pledge.funder.organization_id is not None:
            audience += [(pledge.funder.organization_id, person)
                         for person in people_of(session, pledge.funder.organization_id, SIGNERS)]
        for body, person in audience:
            if person.id != release.proposed_by:
                send(session, person=person, now=now, letter=Letter(
                    kind=Kind.MONEY, subject=N_("确认“{title}”第 {milestone} 个节点拨付 {amount} 元"),
                    facts=_release_facts(release), verb=N_("确认拨付"), url=f"/fund/payouts/{release.ref}",
                    todo_key=f"release:{release.ref}", organization_id=body))


def tell_release(release_ref: str) -> None:
    """Close the asking; tell who proposed it how it ended."""
    now = utc_now()
    with transaction() as session:
        finish(session, todo_key=f"release:{release_ref}", now=now)
        release = session.scalar(select(Release).where(Release.ref == release_ref))
        sentences = {"confirmed": N_("“{title}”第 {milestone} 个节点拨付 {amount} 元已确认"),
                     "refused": N_("“{title}”第 {milestone} 个节点拨付 {amount} 元没有同意"),
                     "disbursed": N_("“{title}”第 {milestone} 个节点已付款 {amount} 元")}
        if release is not None and release.state in sentences:
            _send_all(session, people_by_id(session, [release.proposed_by]), Letter(
                kind=Kind.MONEY, subject=sentences[release.state], facts=_release_facts(release),
                url=f"/fund/payouts/{release.ref}", unique_key=f"release:{release.ref}:{release.state}"), now)


def ask_to_look(flag_ref: str) -> None:
    """Ask the operators to look at a sign of gamed matching money."""
    now = utc_now()
    with transaction() as session:
        flag = session.scalar(select(MoneyFlag).where(MoneyFlag.ref == flag_ref))
        if flag is None or flag.state != "open":
            return
        for person in people_of(session, None, (Role.OPERATOR,)):
            send(session, person=person, now=now, letter=Letter(
                kind=Kind.MONEY, subject=N_("核查“{title}”的认捐 {code}：{flag}"),
                facts={**_facts(flag.pledge), "flag": FLAG_LABELS[FlagKind(flag.kind)]}, verb=N_("核查"),
                url="/ops/money-flags", todo_key=f"flag:{flag.ref}"))


def close_flag(flag_ref: str) -> None:
    """Close the asking."""
    with transaction() as session:
        finish(session, todo_key=f"flag:{flag_ref}", now=utc_now())


def remind_to_sign(pledge_ref: str, days: int) -> None:
    """Remind the funder of a promise that is some days old and not signed."""
    now = utc_now()
    with transaction() as session:
        pledge = session.scalar(select(Pledge).where(Pledge.ref == pledge_ref))
        if pledge is None or not pledge.is_verbal or not pledge.open.fen or pledge.funder.organization_id is None:
            return
        _send_all(session, people_of(session, pledge.funder.organization_id, SIGNERS), Letter(
            kind=Kind.MONEY, subject=N_("{days} 天前口头认捐“{title}” {amount} 元，还没有签认捐书"),
            facts={**_facts(pledge), "days": days}, url=_pledge_url(pledge), due_at=pledge.expires_at,
            unique_key=f"sign:{pledge.ref}:{days}", organization_id=pledge.funder.organization_id), now)


def warn_of_expiry(pledge_ref: str) -> None:
    """Tell the funder, and for a signed promise the receiver, that it lapses soon."""
    now = utc_now()
    with transaction() as session:
        pledge = session.scalar(select(Pledge).where(Pledge.ref == pledge_ref))
        if pledge is None or not pledge.open.fen or pledge.expires_at is None or pledge.expires_at <= now:
            return
        subject = (N_("“{title}”的口头认捐 {amount} 元将在 {day} 失效，请签认捐书") if pledge.is_verbal
                   else N_("“{title}”的认捐还有 {amount} 元没有到账，{day} 到期"))
        bodies: list[tuple[int | None, tuple[Role, ...]]] = [(pledge.funder.organization_id, SIGNERS)]
        if not pledge.is_verbal:
            bodies.append((pledge.receiver_id, KEEPERS))
        for body, roles in bodies:
            if body is not None:
                _send_all(session, people_of(session, body, roles), Letter(
                    kind=Kind.MONEY, subject=subject, url=_pledge_url(pledge), organization_id=body,
                    facts={**_facts(pledge), "day": str(beijing_date(pledge.expires_at))},
                    unique_key=f"expiry:{pledge.ref}:{pledge.expires_at.isoformat()}:{body}"), now)


def _send_all(session: Session, people: Iterable[Person], letter: Letter, now: datetime) -> None:
    """Send one letter to several people."""
    for person in people:
        send(session, person=person, letter=letter, now=now)


def _facts(pledge: Pledge) -> dict[str, object]:
    """Return what the sentences name of a pledge."""
    return {"title": pledge.project.title, "code": pledge.code, "amount": pledge.open.grouped()}


def _paper_facts(commitment: Commitment) -> dict[str, object]:
    """Return what the sentences name of a commitment."""
    return {"title": commitment.project.title, "number": commitment.number, "amount": commitment.amount.grouped(),
            "funder": commitment.funder.name}


def _release_facts(release: Release) -> dict[str, object]:
    """Return what the sentences name of a release."""
    return {"title": release.pledge.project.title, "milestone": release.milestone, "amount": release.amount.grouped()}


def _paper_url(commitment: Commitment) -> str:
    """Return the address of the commitment's page."""
    return f"/fund/commitments/{commitment.ref}"


def _pledge_url(pledge: Pledge) -> str:
    """Return the address of the pledge's page."""
    return f"/fund/pledges/{pledge.ref}"
