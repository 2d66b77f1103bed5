"""Draws up contracts, attaches the printed paper, notes why a print failed."""

from collections.abc import Callable
from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.awards.models import Award
from marketplace.catalogs.queries import work_calendar
from marketplace.contracts import policy, rules
from marketplace.contracts.models import Contract
from marketplace.contracts.operations.facts import collect
from marketplace.contracts.rules import ContractState
from marketplace.core.access import SYSTEM, Actor, require
from marketplace.core.audit import record
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.documents.models import Document
from marketplace.documents.operations import next_number
from marketplace.documents.rules import new_verify_code
from marketplace.procedures.queries import rule_set_of
from marketplace.projects.models import Project
from marketplace.projects.operations import mark_contracted
from marketplace.projects.rules import NUMBER_PREFIX

SERIES = "contract"
ERROR_LENGTH = 500


def draw_up_contract(session: Session, *, actor: Actor, award: Award, now: datetime, is_demo: bool = False,
                     missing_glyphs: Callable[[str], str] | None = None) -> Contract | None:
    """Fix the terms of an award's contract. Project: awarded -> contracted. Contract: nothing -> frozen.

    Returns the contract that is there already, or None while the award is not due (revoked, objection period
    running, an objection unanswered). `missing_glyphs` is the printer's own check: Invalid names characters that
    the paper could not show, before anything is fixed.
    """
    project = session.get_one(Project, award.project_id)
    require(policy.may_draw_up(actor, project))
    if (known := session.scalar(select(Contract).where(Contract.project_id == project.id))) is not None:
        return known
    if not policy.is_due(award, project, now):
        return None
    number = next_number(session, series=SERIES, prefix=f"{NUMBER_PREFIX}-HT", now=now)
    terms = rules.freeze(collect(session, award=award, project=project, number=number))
    _refuse_unprintable(terms, missing_glyphs)
    mark_contracted(session, project=project, now=now)
    contract = Contract(
        number=number, project=project, award_id=award.id, buyer_id=project.buyer_id,
        provider_id=award.bid.organization_id, amount=award.price, terms=terms,
        terms_sha256=rules.terms_sha256(terms), verify_code=new_verify_code(), is_demo=is_demo, frozen_at=now,
        sign_by=_sign_by(session, award, project))
    session.add(contract)
    session.flush()
    record(session, actor=actor, action="contracts.draw_up", subject=("contract", contract.ref), now=now,
           number=number, project=project.ref, award=award.ref, amount_fen=award.price.fen,
           terms_sha256=contract.terms_sha256)
    enqueue(session, rules.JOB_CONTRACT_DRAWN_UP, now=now, unique_key=contract.ref, contract_ref=contract.ref)
    return contract


def _sign_by(session: Session, award: Award, project: Project) -> date:
    """Return the last day to sign, by the rule set fixed when the project was published."""
    days = rule_set_of(project.rule_set, project.rules_snapshot).sign_days
    return rules.sign_by(beijing_date(award.awarded_at), days, work_calendar(session))


def _refuse_unprintable(terms: dict[str, object], missing_glyphs: Callable[[str], str] | None) -> None:
    """Raise Invalid naming each character that no font can print: terms are fixed for good, so now is the time."""
    missing = missing_glyphs(rules.printed_text(terms)) if missing_glyphs else ""
    if missing:
        shown = "、".join(f"“{c}”（U+{ord(c):04X}）" for c in missing[:20])
        raise Invalid(N_("合同里有这些字印不出来：{characters}。请在项目或单位资料里换成通用写法"), characters=shown)


def attach_paper(session: Session, *, contract: Contract, document: Document, now: datetime) -> None:
    """Tie the printed paper to its contract. Contract: frozen -> issued. Safe to call twice with the same paper."""
    if contract.document_id == document.id:
        return
    state = rules.LIFECYCLE.after(ContractState(contract.state), "issue")
    contract.document, contract.state, contract.issued_at, contract.render_error = document, state, now, ""
    session.flush()
    record(session, actor=SYSTEM, action="contracts.issue", subject=("contract", contract.ref), now=now,
           number=contract.number, sha256=document.sha256)
    enqueue(session, rules.JOB_CONTRACT_ISSUED, now=now, unique_key=f"{contract.ref}:issued",
            contract_ref=contract.ref)


def note_print_failure(session: Session, *, contract_ref: str, reason: str) -> None:
    """Keep why the print failed, for the contract page; the job tries again."""
    session.execute(update(Contract).where(Contract.ref == contract_ref, Contract.state == ContractState.FROZEN)
                    .values(render_error=reason[:ERROR_LENGTH]))
