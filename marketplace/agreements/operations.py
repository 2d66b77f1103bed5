"""Draws up donation agreements from signed pledges, ties the printed paper to them, registers the signed copy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.agreements import policy, rules
from marketplace.agreements.models import AgreementItem, DonationAgreement
from marketplace.agreements.rules import AgreementState
from marketplace.contracts.models import Contract
from marketplace.contracts.rules import printed_text, terms_sha256
from marketplace.core.access import SYSTEM, Actor, require
from marketplace.core.audit import record
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.money import Money
from marketplace.core.outbox import enqueue
from marketplace.core.publishing import public_changed
from marketplace.core.text import N_
from marketplace.documents.models import Document
from marketplace.documents.operations import next_number
from marketplace.documents.rules import new_verify_code
from marketplace.files.models import StoredFile
from marketplace.files.rules import ScanState
from marketplace.funding import operations as funding
from marketplace.funding.models import Commitment, CostLine, MoneyFlag, Pledge
from marketplace.organizations.models import Organization
from marketplace.payments.models import ReceivingAccount
from marketplace.projects.models import Project
from marketplace.projects.rules import NUMBER_PREFIX

SERIES = "donation_agreement"
ERROR_LENGTH = 500
REFUSED_SCANS = (ScanState.INFECTED, ScanState.FAILED)
MOVED_ON = N_("这份捐赠协议刚刚被别人办理过。请刷新页面，看过最新情况再办")


def draw_up_agreement(session: Session, *, actor: Actor, project: Project, receiver: Organization, now: datetime,
                      is_demo: bool = False, missing_glyphs: Callable[[str], str] | None = None) -> DonationAgreement:
    """Freeze the terms of an agreement over every signed pledge of a project to one receiving body.

    Pledges that stand in an agreement already, were never signed, or were flagged and not cleared stay out. What is
    matched is taken with what it matches. Raises Invalid when nothing is left, or a character cannot be printed.
    """
    require(policy.may_draw_up(actor, receiver, project))
    contract = session.scalar(select(Contract).where(Contract.project_id == project.id).with_for_update())
    assert contract is not None  # a contracted project has its contract
    funding.look_at_provider(session, project_id=project.id, provider=contract.provider, now=now)
    gifts = open_gifts(session, project=project, receiver=receiver)
    if not gifts:
        raise Invalid(N_("没有可以写进协议的认捐：认捐书要先签署，有疑点的要先核对清楚"))
    number = next_number(session, series=SERIES, prefix=f"{NUMBER_PREFIX}-JX", now=now)
    facts = _facts(session, contract=contract, project=project, receiver=receiver, gifts=gifts, number=number)
    terms = rules.freeze(facts)
    _refuse_unprintable(terms, missing_glyphs)
    agreement = DonationAgreement(
        number=number, verify_code=new_verify_code(), project=project, contract=contract, receiver=receiver,
        provider_id=contract.provider_id, amount=Money(facts["money"]["price"]["fen"]), terms=terms,
        terms_sha256=terms_sha256(terms), is_demo=is_demo, frozen_at=now,
        items=[AgreementItem(position=at, pledge=gift.pledge, amount=gift.amount) for at, gift in enumerate(gifts, 1)])
    session.add(agreement)
    session.flush()
    record(session, actor=actor, action="agreements.draw_up", subject=("donation_agreement", agreement.ref), now=now,
           number=number, project=project.ref, amount_fen=agreement.amount.fen, pledges=len(gifts),
           terms_sha256=agreement.terms_sha256)
    enqueue(session, rules.JOB_AGREEMENT_DRAWN_UP, now=now, unique_key=agreement.ref, agreement_ref=agreement.ref)
    return agreement


@dataclass(frozen=True)
class Gift:
    """A pledge and what of it stands in no agreement yet."""

    pledge: Pledge
    amount: Money


def open_gifts(session: Session, *, project: Project, receiver: Organization) -> list[Gift]:
    """Return what a new agreement would carry: own pledges, then matched ones, oldest first; rows locked to the end."""
    flagged = select(MoneyFlag.id).where(MoneyFlag.pledge_id == Pledge.id, MoneyFlag.state != "cleared").exists()
    pledges = session.scalars(
        select(Pledge).where(Pledge.project_id == project.id, Pledge.receiver_id == receiver.id,
                             (Pledge.signed_at.is_not(None)) | (Pledge.kind == "matched"), ~flagged)
        .order_by(Pledge.kind.desc(), Pledge.id).with_for_update(key_share=True, of=Pledge)).all()
    rows = session.execute(select(AgreementItem.pledge_id, AgreementItem.amount)
                           .where(AgreementItem.pledge_id.in_([pledge.id for pledge in pledges])))
    taken: dict[int, int] = {}
    for pledge_id, amount in rows:
        taken[pledge_id] = taken.get(pledge_id, 0) + amount.fen
    gifts = [Gift(pledge, Money(brings(pledge).fen - taken.get(pledge.id, 0))) for pledge in pledges]
    return [gift for gift in gifts if gift.amount.fen > 0]


def brings(pledge: Pledge) -> Money:
    """Return what a pledge still brings: its amount without what never came, went back or is disputed."""
    return Money(pledge.amount.fen - pledge.dropped.fen - pledge.refunding.fen - pledge.refunded.fen
                 - pledge.disputed.fen)


def _facts(session: Session, *, contract: Contract, project: Project, receiver: Organization,
           gifts: Sequence[Gift], number: str) -> dict[str, Any]:
    """Copy every fact that the agreement prints; nothing in it points back to a row."""
    pledges = [gift.pledge for gift in gifts]
    return {
        "number": number,
        "project": {"ref": project.ref, "number": project.number, "title": project.title},
        "contract": {"number": contract.number, "buyer": project.buyer.name},
        "receiver": _party(receiver), "provider": _party(contract.provider),
        "gifts": [_gift(session, gift) for gift in gifts],
        "cost_lines": _cost_lines(session, gifts),
        "account": _account(session, pledges, receiver),
        "money": rules.money_facts([gift.amount for gift in gifts], [
            {"title": row.title, "percent": row.percent, "condition": row.condition, "days_after": row.days_after}
            for row in project.milestones]),
        "management_percent": max(pledge.management_percent for pledge in pledges),
        "leftover": _strictest(pledges), "namings": sorted({p.naming for p in pledges if p.naming}),
    }


def _strictest(pledges: Sequence[Pledge]) -> str:
    """Return the leftover rule for all: back to the donor where any donor asked for that."""
    chosen = {pledge.leftover_rule for pledge in pledges}
    return next(rule for rule in ("return", "similar", "project") if rule in chosen)


def _gift(session: Session, gift: Gift) -> dict[str, object]:
    """Return one gift as the table of donors prints it."""
    pledge = gift.pledge
    number = session.scalar(select(Commitment.number).where(Commitment.pledge_id == pledge.id)) or ""
    is_withheld = pledge.is_name_withheld or pledge.funder.is_name_withheld
    return {"donor": rules.shown_name(pledge.funder.name, is_withheld=is_withheld),
            "kind": pledge.kind, "commitment": number, "code": pledge.code, "fen": gift.amount.fen,
            "figures": gift.amount.grouped()}


def _cost_lines(session: Session, gifts: Sequence[Gift]) -> list[dict[str, object]]:
    """Return the extra outputs that the gifts name, each with what these gifts pay of it."""
    sums: dict[int, int] = {}
    for gift in gifts:
        if (line_id := gift.pledge.cost_line_id) is not None:
            sums[line_id] = sums.get(line_id, 0) + gift.amount.fen
    lines = session.scalars(select(CostLine).where(CostLine.id.in_(sums)).order_by(CostLine.id))
    return [{"name": line.name, "fen": sums[line.id], "figures": Money(sums[line.id]).grouped()} for line in lines]


def _account(session: Session, pledges: Sequence[Pledge], receiver: Organization) -> dict[str, str]:
    """Return the receiving body's verified bank account: the pledges' own, else its newest."""
    ids = [pledge.account_id for pledge in pledges if pledge.account_id is not None]
    found = session.scalar(
        select(ReceivingAccount)
        .where(ReceivingAccount.organization_id == receiver.id, ReceivingAccount.kind == "bank",
               ReceivingAccount.verified_at.is_not(None), ReceivingAccount.closed_at.is_(None))
        .order_by(ReceivingAccount.id.in_(ids).desc(), ReceivingAccount.id.desc()).limit(1))
    if found is None:
        raise Invalid(N_("接收捐赠的单位还没有经过核验的银行账户，不能起草捐赠协议"))
    return {"holder": found.holder, "bank": found.bank_name, "number": found.number}


def _party(organization: Organization) -> dict[str, str]:
    """Return one party as it is printed; what is unknown stays empty and is filled in by hand."""
    return {
        "ref": organization.ref, "name": organization.name, "credit_code": organization.credit_code or "",
        "address": organization.address or "", "legal_representative": organization.legal_representative or "",
        "contact": "　".join(part for part in (organization.contact_name, organization.contact_phone) if part),
    }


def _refuse_unprintable(terms: dict[str, object], missing_glyphs: Callable[[str], str] | None) -> None:
    """Raise Invalid naming each character that no font can print: terms are fixed for good, so now is the time."""
    missing = missing_glyphs(printed_text(terms)) if missing_glyphs else ""
    if missing:
        shown = "、".join(f"“{c}”（U+{ord(c):04X}）" for c in missing[:20])
        raise Invalid(N_("协议里有这些字印不出来：{characters}。请在项目或单位资料里换成通用写法"), characters=shown)


def attach_paper(session: Session, *, agreement: DonationAgreement, document: Document, now: datetime) -> None:
    """Tie the printed paper to its agreement. Agreement: frozen -> issued. Safe to call twice with the same paper."""
    if agreement.document_id == document.id:
        return
    state = rules.LIFECYCLE.after(AgreementState(agreement.state), "issue")
    agreement.document, agreement.state, agreement.issued_at, agreement.render_error = document, state, now, ""
    session.flush()
    record(session, actor=SYSTEM, action="agreements.issue", subject=("donation_agreement", agreement.ref), now=now,
           number=agreement.number, sha256=document.sha256)


def note_print_failure(session: Session, *, agreement_ref: str, reason: str) -> None:
    """Keep why the print failed, for the page; the job tries again."""
    session.execute(
        update(DonationAgreement)
        .where(DonationAgreement.ref == agreement_ref, DonationAgreement.state == AgreementState.FROZEN)
        .values(render_error=reason[:ERROR_LENGTH]))


def record_signing(session: Session, *, actor: Actor, agreement: DonationAgreement, signed_on: date, scan: StoredFile,
                   now: datetime) -> None:
    """Register the signed copy and the day it bears. Agreement: issued -> signed. The scan's hash goes on record."""
    require(policy.may_record_signing(actor, agreement))
    if not beijing_date(agreement.frozen_at) <= signed_on <= beijing_date(now):
        raise Invalid(N_("签订日期应在条款锁定日（{first}）和今天之间"), field="signed_on",
                      first=beijing_date(agreement.frozen_at).isoformat())
    if scan.scan_state in REFUSED_SCANS:
        raise Invalid(N_("扫描件没有通过安全检查，请换一个文件"), field="scan")
    done = session.execute(
        update(DonationAgreement)
        .where(DonationAgreement.id == agreement.id, DonationAgreement.state == AgreementState.ISSUED)
        .values(state=AgreementState.SIGNED, signed_on=signed_on, signed_copy_id=scan.id)
        .execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(MOVED_ON)
    session.refresh(agreement)
    record(session, actor=actor, action="agreements.sign", subject=("donation_agreement", agreement.ref), now=now,
           number=agreement.number, signed_on=signed_on.isoformat(), scan_sha256=scan.sha256)
    public_changed(session, kind="project", ref=agreement.project.ref, now=now)
