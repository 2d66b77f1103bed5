"""The signed paper behind a promise: prepared by one person, approved by another, printed once, never changed."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Unpack

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from marketplace.accounts.queries import people_of
from marketplace.core.access import SYSTEM, Actor, require
from marketplace.core.audit import record
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Conflict, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.documents.models import Document
from marketplace.documents.operations import next_number
from marketplace.documents.rules import new_verify_code
from marketplace.files.models import StoredFile
from marketplace.files.rules import ScanState
from marketplace.funding import policy
from marketplace.funding.models import Commitment, CostLine, FundedProject, Funder, Instalment, Pledge
from marketplace.funding.operations.moves import claim_cost
from marketplace.funding.operations.pledges import (
    PledgeFacts,
    PledgeTerms,
    Terms,
    ask_for_reminders,
    check_terms,
    match,
    place,
)
from marketplace.funding.rules import commitments as rules
from marketplace.funding.rules.buckets import PledgeState
from marketplace.funding.rules.landing import Landing
from marketplace.funding.rules.news import JOB_COMMITMENT_APPROVED, JOB_COMMITMENT_PREPARED, JOB_COMMITMENT_RETURNED
from marketplace.funding.rules.pledges import Part, check_reason, expires_at, needs_council, new_code
from marketplace.organizations.models import Organization
from marketplace.payments.models import ReceivingAccount
from marketplace.projects.models import Project
from marketplace.projects.rules import NUMBER_PREFIX

SERIES = "commitment"
_MOVED_ON = N_("这份认捐书刚刚被别人办理过。请刷新页面")
_REFUSED_SCANS = (ScanState.INFECTED, ScanState.FAILED)


class CommitmentFacts(PledgeTerms, total=False):
    """What a commitment may say besides the terms of the promise."""

    pledge: Pledge | None                             # the verbal one that it signs for
    is_on_paper: bool                                 # prepared by the receiving body, printed, signed by hand
    council_resolution: str
    origin: str                                       # what proposed it: "plan ref.pool ref"; printed nowhere
    missing_glyphs: Callable[[str], str] | None       # the printer's own check


def prepare_commitment(session: Session, *, actor: Actor, funder: Funder, project: Project, amount: Money,
                       receiver: Organization, account: ReceivingAccount, now: datetime,
                       **facts: Unpack[CommitmentFacts]) -> Commitment:
    """Prepare the paper of a promise; another person of the funder approves it. Nothing is promised yet.

    `pledge` names the verbal promise that it signs for: same funder, project, receiver and sum. At and above the
    council's line `council_resolution` is needed. `is_on_paper`: the receiving body prints it for a guest, who signs
    by hand (`register_signed_copy`). `missing_glyphs`: Invalid names what the paper could not show. Other facts: those
    of `promise`.
    """
    is_on_paper = facts.get("is_on_paper", False)
    require(policy.may_prepare(actor, funder, receiver.id, is_on_paper=is_on_paper))
    resolution = _check_resolution(funder, amount, facts.get("council_resolution", ""))
    verbal = facts.get("pledge")
    if verbal is not None:
        _check_verbal(verbal, (funder, project, receiver), amount)
    elif is_on_paper:
        raise Invalid(N_("纸质认捐书用于签署活动上的口头认捐。请从那笔口头认捐开始"), field="pledge")
    given = _terms_facts(session, facts, account, verbal)
    terms = check_terms(funder=funder, project=project, receiver=receiver, amount=amount, facts=given, now=now)
    number = next_number(session, series=SERIES, prefix=f"{NUMBER_PREFIX}-RJ", now=now)
    frozen = {
        **_parties(funder, project, receiver, account), **_terms(given, terms), "number": number,
        "amount": {"fen": amount.fen, "figures": amount.grouped(), "capitals": amount.capitals()},
        "council_resolution": resolution, "code": verbal.code if verbal is not None else new_code(),
        "verbal": verbal.ref if verbal is not None else "",
        "clauses": rules.clauses(_sheet(project, receiver, amount, given, terms))}
    _refuse_unprintable(frozen, facts.get("missing_glyphs"))
    commitment = Commitment(
        number=number, verify_code=new_verify_code(), funder=funder, project=project, receiver=receiver,
        account=account, amount=amount, facts=frozen, facts_sha256=rules.facts_sha256(frozen),
        council_resolution=resolution, is_on_paper=is_on_paper, origin=facts.get("origin", ""),
        prepared_by=actor.person_id, prepared_at=now)
    session.add(commitment)
    session.flush()
    record(session, actor=actor, action="funding.prepare_commitment", subject=("commitment", commitment.ref), now=now,
           number=number, funder=funder.ref, project=project.ref, amount_fen=amount.fen)
    enqueue(session, JOB_COMMITMENT_PREPARED, now=now, commitment_ref=commitment.ref)
    return commitment


def _check_resolution(funder: Funder, amount: Money, typed: str) -> str:
    """Return the number of the council's resolution; raises Invalid where one is needed and missing."""
    resolution = " ".join(typed.split())
    if needs_council(amount, funder.council_above) and not resolution:
        raise Invalid(N_("这个金额要填写理事会决议的文号"), field="council_resolution")
    if len(resolution) > rules.MAX_RESOLUTION:
        raise Invalid(N_("决议文号最多 {most} 个字"), field="council_resolution", most=rules.MAX_RESOLUTION)
    return resolution


def _check_verbal(verbal: Pledge, parties: tuple[Funder, Project, Organization], amount: Money) -> None:
    """Raise unless a paper for these parties and this sum can sign for that verbal promise."""
    if not verbal.is_verbal or not verbal.open.fen:
        raise IllegalStep(N_("这笔口头认捐已经签过，或已经了结"))
    if (verbal.funder_id, verbal.project_id, verbal.receiver_id) != tuple(party.id for party in parties):
        raise Invalid(N_("认捐书的捐赠人、项目和接收方要与口头认捐一致"), field="pledge")
    if verbal.open != amount:
        raise Invalid(N_("口头认捐的金额是 {amount} 元，认捐书要与它一致。金额有变请先取消再重新认捐"), field="amount",
                      amount=verbal.open.grouped())


def _terms_facts(session: Session, facts: CommitmentFacts, account: ReceivingAccount,
                 verbal: Pledge | None) -> PledgeFacts:
    """Return the terms that were given, with those that the verbal promise already has."""
    given: PledgeFacts = {
        "account": account, "is_verbal": False, "instalments": tuple(facts.get("instalments", ())),
        "cost_line": facts.get("cost_line"), "landing": facts.get("landing"), "round_ref": facts.get("round_ref", ""),
        "purpose": facts.get("purpose", "").strip(), "lottery_purpose": facts.get("lottery_purpose", ""),
        "management_percent": facts.get("management_percent", 0), "naming": facts.get("naming", "").strip(),
        "leftover_rule": facts.get("leftover_rule", "similar")}
    if "is_name_withheld" in facts:
        given["is_name_withheld"] = facts["is_name_withheld"]
    if verbal is not None:
        given["round_ref"] = verbal.round_ref
        given["is_name_withheld"] = facts.get("is_name_withheld", verbal.is_name_withheld)
        if verbal.cost_line_id is not None:
            given["cost_line"] = session.get_one(CostLine, verbal.cost_line_id)
    return given


def _parties(funder: Funder, project: Project, receiver: Organization, account: ReceivingAccount) -> dict[str, Any]:
    """Return who promises what to whom, as it is printed; a named fund is signed for by its foundation."""
    return {
        "funder": {**_body(funder.organization), "name": funder.name, "kind": funder.kind,
                   "signs": funder.organization.name if funder.organization else funder.person_name},
        "receiver": {**_body(receiver), "name": receiver.name},
        "project": {"ref": project.ref, "number": project.number or "", "title": project.title,
                    "buyer": project.buyer.name},
        "account": {"ref": account.ref, "holder": account.holder, "bank": account.bank_name, "number": account.number},
    }


def _body(organization: Organization | None) -> dict[str, str]:
    """Return the registered facts of a body; a named person has none here."""
    if organization is None:
        return {"credit_code": "", "address": "", "legal_representative": ""}
    return {"credit_code": organization.credit_code or "", "address": organization.address or "",
            "legal_representative": organization.legal_representative or ""}


def _terms(given: PledgeFacts, terms: Terms) -> dict[str, Any]:
    """Return the terms in the form in which they are frozen; `_given_in` reads them back."""
    cost_line = given["cost_line"]
    return {
        **terms.columns, "landing": str(terms.landing), "cost_line": cost_line.ref if cost_line is not None else "",
        "cost_name": cost_line.name if cost_line is not None else "",
        "instalments": [{"due_on": part.due_on.isoformat(), "fen": part.amount.fen, "figures": part.amount.grouped()}
                        for part in terms.parts]}


def _given_in(session: Session, commitment: Commitment) -> PledgeFacts:
    """Return the terms that a frozen paper holds."""
    facts: dict[str, Any] = commitment.facts
    line = session.scalar(select(CostLine).where(CostLine.ref == facts["cost_line"])) if facts["cost_line"] else None
    return {
        "account": commitment.account, "cost_line": line, "round_ref": facts["round_ref"],
        "landing": facts["landing"], "purpose": facts["purpose"], "lottery_purpose": facts["lottery_purpose"],
        "management_percent": facts["management_percent"], "leftover_rule": facts["leftover_rule"],
        "naming": facts["naming"], "is_name_withheld": facts["is_name_withheld"],
        "instalments": [Part(date.fromisoformat(part["due_on"]), Money(part["fen"])) for part in facts["instalments"]]}


def _sheet(project: Project, receiver: Organization, amount: Money, given: PledgeFacts, terms: Terms) -> rules.Sheet:
    """Return the plain values from which the clauses are written."""
    cost_line = given["cost_line"]
    return rules.Sheet(
        amount=amount, purpose=given["purpose"], project_title=project.title, receiver_name=receiver.name,
        landing=Landing(terms.landing), cost_line=cost_line.name if cost_line is not None else "", parts=terms.parts,
        management_percent=given["management_percent"], leftover_rule=given["leftover_rule"], naming=given["naming"],
        is_name_withheld=bool(terms.columns["is_name_withheld"]), lottery_purpose=str(terms.columns["lottery_purpose"]))


def _refuse_unprintable(facts: dict[str, Any], missing_glyphs: Callable[[str], str] | None) -> None:
    """Raise Invalid naming each character that no font can print, before anything is fixed."""
    missing = missing_glyphs(rules.printed_text(facts)) if missing_glyphs else ""
    if missing:
        shown = "、".join(f"“{c}”（U+{ord(c):04X}）" for c in missing[:20])
        raise Invalid(N_("认捐书里有这些字印不出来：{characters}。请换成通用写法"), characters=shown)


def approvers(session: Session, commitment: Commitment) -> int:
    """Return how many people of the funder could approve a commitment (of a named person: of the receiving body)."""
    body = commitment.funder.organization_id or commitment.receiver_id
    return len(people_of(session, body, (*policy.SIGNERS, *policy.UNIT_SIGNERS)))


def approve_commitment(session: Session, *, actor: Actor, commitment: Commitment, now: datetime) -> Pledge:
    """Sign for a promise. Commitment: prepared -> approved. Pledge: nothing -> pledged, or verbal -> pledged.

    The paper is printed afterwards. The preparer may approve only where the funder has nobody else here.
    """
    people = approvers(session, commitment)
    require(policy.may_approve(actor, commitment, people=people))
    pledge = _conclude(session, actor=actor, commitment=commitment, now=now, values={"state": "approved"})
    record(session, actor=actor, action="funding.approve_commitment", subject=("commitment", commitment.ref), now=now,
           number=commitment.number, pledge=pledge.ref, amount_fen=commitment.amount.fen,
           single_person=commitment.is_single_person)
    enqueue(session, JOB_COMMITMENT_APPROVED, now=now, unique_key=commitment.ref, commitment_ref=commitment.ref)
    return pledge


def register_signed_copy(session: Session, *, actor: Actor, commitment: Commitment, scan: StoredFile, signed_on: date,
                         now: datetime) -> Pledge:
    """Register the paper that a guest signed by hand: another person of the receiving body than who prepared it.

    Commitment: prepared -> issued (it is printed already). Pledge: verbal -> pledged.
    """
    people = len(people_of(session, commitment.receiver_id, policy.KEEPERS))
    require(policy.may_register_copy(actor, commitment, people=people))
    if commitment.document_id is None:
        raise IllegalStep(N_("认捐书还在生成，请稍等片刻，打印签字后再登记"))
    _check_scan(scan)
    if not beijing_date(commitment.prepared_at) <= signed_on <= beijing_date(now):
        raise Invalid(N_("签字日期应在认捐书生成之后、今天之前（含当天）"), field="signed_on")
    pledge = _conclude(session, actor=actor, commitment=commitment, now=now, values={
        "state": "issued", "signed_on": signed_on, "signed_copy_id": scan.id})
    record(session, actor=actor, action="funding.register_signed_copy", subject=("commitment", commitment.ref),
           now=now, number=commitment.number, pledge=pledge.ref, signed_on=signed_on.isoformat(),
           scan_sha256=scan.sha256, single_person=commitment.is_single_person)
    enqueue(session, JOB_COMMITMENT_APPROVED, now=now, unique_key=commitment.ref, commitment_ref=commitment.ref)
    return pledge


def _conclude(session: Session, *, actor: Actor, commitment: Commitment, values: dict[str, object],
              now: datetime) -> Pledge:
    """Check the frozen terms once more, make or sign the pledge, and close the commitment's waiting."""
    facts: dict[str, Any] = commitment.facts
    if rules.facts_sha256(facts) != commitment.facts_sha256:
        msg = f"the facts of {commitment.number} are not those that were frozen"
        raise RuntimeError(msg)
    terms = check_terms(funder=commitment.funder, project=commitment.project, receiver=commitment.receiver,
                        amount=commitment.amount, facts=_given_in(session, commitment), now=now)
    if facts["verbal"]:
        pledge = session.scalars(select(Pledge).where(Pledge.ref == facts["verbal"])).one()
        _sign(session, actor=actor, pledge=pledge, commitment=commitment, terms=terms, now=now)
    else:
        pledge, _ = place(session, actor=actor, parties=(commitment.funder, commitment.project, commitment.receiver),
                          amount=commitment.amount, client_key=f"commitment:{commitment.ref}", terms=terms, now=now,
                          code=facts["code"])
    is_single = actor.person_id is not None and actor.person_id == commitment.prepared_by
    _step(session, commitment, was="prepared", values={
        **values, "approved_by": actor.person_id, "approved_at": now, "pledge_id": pledge.id,
        "is_single_person": is_single})
    return pledge


def _sign(session: Session, *, actor: Actor, pledge: Pledge, commitment: Commitment, terms: Terms,
          now: datetime) -> None:
    """Turn a verbal promise into a signed one; raises Conflict when it changed since the paper was prepared."""
    had_cost = pledge.cost_line_id is not None
    columns = {name: value for name, value in terms.columns.items() if name != "round_ref"}
    done = session.execute(
        update(Pledge).where(Pledge.id == pledge.id, Pledge.is_verbal, Pledge.open == commitment.amount)
        .values(is_verbal=False, signed_at=now, state=PledgeState.PLEDGED, account_id=terms.account_id,
                cost_line_id=terms.cost_line_id, landing=terms.landing, changed_at=now,
                expires_at=expires_at(is_verbal=False, parts=terms.parts, now=now), **columns)
        .execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这笔口头认捐已经取消、过期或签过。请刷新页面"))
    session.execute(
        update(FundedProject).where(FundedProject.project_id == pledge.project_id, FundedProject.kind == pledge.kind)
        .values(verbal=FundedProject.verbal - commitment.amount).execution_options(synchronize_session=False))
    if terms.cost_line_id is not None and not had_cost:
        claim_cost(session, cost_line_id=terms.cost_line_id, amount=commitment.amount)
    if terms.parts and not pledge.instalments:
        session.execute(insert(Instalment), [
            {"pledge_id": pledge.id, "number": number, "due_on": part.due_on, "amount": part.amount}
            for number, part in enumerate(terms.parts, 1)])
    session.refresh(pledge)
    record(session, actor=actor, action="funding.sign", subject=("pledge", pledge.ref), now=now,
           commitment=commitment.ref)
    ask_for_reminders(session, pledge=pledge, now=now)
    match(session, actor=actor, pledge=pledge, now=now)


def return_commitment(session: Session, *, actor: Actor, commitment: Commitment, reason: str, now: datetime) -> None:
    """Send a waiting commitment back, with the reason. Commitment: prepared -> returned; a new one is prepared."""
    require(policy.may_return(actor, commitment))
    plain = check_reason(reason)
    _step(session, commitment, was="prepared", values={"state": "returned", "return_reason": plain})
    record(session, actor=actor, action="funding.return_commitment", subject=("commitment", commitment.ref), now=now,
           number=commitment.number, reason=plain)
    enqueue(session, JOB_COMMITMENT_RETURNED, now=now, commitment_ref=commitment.ref)


def attach_commitment_paper(session: Session, *, commitment: Commitment, document: Document, now: datetime) -> None:
    """Tie the printed paper to its commitment. Commitment: approved -> issued; one on paper goes on waiting.

    Safe twice with the same paper.
    """
    if commitment.document_id == document.id:
        return
    if commitment.state == "prepared" and commitment.is_on_paper:
        _step(session, commitment, was="prepared", values={"document_id": document.id})
    else:
        _step(session, commitment, was="approved", values={"state": "issued", "document_id": document.id})
    record(session, actor=SYSTEM, action="funding.issue_commitment", subject=("commitment", commitment.ref), now=now,
           number=commitment.number, sha256=document.sha256)


def attach_signed_copy(session: Session, *, actor: Actor, commitment: Commitment, scan: StoredFile,
                       now: datetime) -> None:
    """Keep the scan of the paper that was signed by hand; its hash goes on record."""
    require(policy.may_prepare(actor, commitment.funder, commitment.receiver_id))
    if commitment.state != "issued":
        raise IllegalStep(N_("认捐书签发之后才能上传签字盖章的扫描件"))
    _check_scan(scan)
    commitment.signed_copy = scan
    session.flush()
    record(session, actor=actor, action="funding.attach_signed_copy", subject=("commitment", commitment.ref), now=now,
           number=commitment.number, scan_sha256=scan.sha256)


def _check_scan(scan: StoredFile) -> None:
    """Raise Invalid for a scan that the virus check refused."""
    if scan.scan_state in _REFUSED_SCANS:
        raise Invalid(N_("扫描件没有通过安全检查，请换一个文件"), field="scan")


def _step(session: Session, commitment: Commitment, *, was: str, values: dict[str, object]) -> None:
    """Change a commitment only if it still stands where it was decided on; else raise Conflict."""
    done = session.execute(
        update(Commitment).where(Commitment.id == commitment.id, Commitment.state == was).values(values)
        .execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(_MOVED_ON)
    session.refresh(commitment)
