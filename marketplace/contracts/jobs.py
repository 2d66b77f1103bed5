"""What the outbox does for contracts: draw them up when objections are over, print them, store the paper."""

import logging
from contextlib import suppress
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from marketplace.awards import rules as award_rules
from marketplace.awards.models import Award
from marketplace.contracts import operations, rules
from marketplace.contracts.models import Contract
from marketplace.contracts.rules import ContractState
from marketplace.core.access import SYSTEM
from marketplace.core.clock import beijing, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.ports import RenderedPdf
from marketplace.documents import operations as documents
from marketplace.documents.rules import Paper
from marketplace.web.qr import qr_svg
from marketplace.web.services import config, services

KIND = "contract"
PARTY_ROWS = (
    ("name", "名称"), ("credit_code", "统一社会信用代码"), ("address", "住所"), ("legal_representative", "法定代表人"),
    ("contact", "联系人"), ("bank_name", "开户银行"), ("bank_account", "银行账号"),
)
log = logging.getLogger(__name__)


def draw_up(award_ref: str) -> None:
    """Draw up the contract of an award whose objection period is over; does nothing while it may not be."""
    missing_glyphs = services().pdf.missing_glyphs
    missing_glyphs("")  # loads the fonts' tables before the transaction, not inside
    now = utc_now()
    with transaction() as session:
        award = session.scalar(select(Award).where(Award.ref == award_ref))
        if award is not None:
            operations.draw_up_contract(session, actor=SYSTEM, award=award, now=now, is_demo=config().holds_demo_world,
                                        missing_glyphs=missing_glyphs)


def print_paper(contract_ref: str) -> None:
    """Print the frozen terms outside any transaction, store the bytes, tie them to the contract.

    A failure leaves the contract frozen with the reason beside it, and the job tries again.
    """
    contract = _frozen(contract_ref)
    if contract is None:
        return
    try:
        rendered = _render(contract)
        db.session.rollback()
        services().files.put(rendered.data)
        _issue(contract_ref, rendered, now=utc_now())
    except Exception as error:
        db.session.rollback()
        with suppress(SQLAlchemyError), transaction() as session:  # a full disk may refuse this note too
            operations.note_print_failure(session, contract_ref=contract_ref, reason=_reason(error))
        raise


def _frozen(contract_ref: str) -> Contract | None:
    """Return the contract if it still waits for its paper; terms that were tampered with stop here."""
    contract = db.session.scalar(select(Contract).where(Contract.ref == contract_ref))
    if contract is None or contract.state != ContractState.FROZEN:
        return None
    if rules.terms_sha256(contract.terms) != contract.terms_sha256:
        msg = f"the terms of {contract.number} are not those that were frozen"
        raise RuntimeError(msg)
    return contract


def _render(contract: Contract) -> RenderedPdf:
    """Fill the template with frozen data and print it with contract.json inside."""
    return services().pdf.render(
        contract_html(contract), identifier=contract.number,
        attachments={"contract.json": rules.terms_bytes(contract.terms)})


def contract_html(contract: Contract) -> str:
    """Return the page that is printed; the same contract always gives the same page."""
    site = config().base_url
    return current_app.jinja_env.get_template("pdf/contract.html").render(
        terms=contract.terms, number=contract.number, is_demo=contract.is_demo, terms_sha256=contract.terms_sha256,
        verify_code=contract.verify_code, verify_site=f"{site.partition('://')[2]}/v",
        qr=qr_svg(f"{site}/v/{contract.verify_code}"), dated=beijing(contract.frozen_at).isoformat(timespec="seconds"),
        site_name=config().site_name, blank=rules.BLANK, party_rows=PARTY_ROWS,
        ordinals=[rules.clause_number(i + 1) for i in range(len(_clauses(contract)))])


def _clauses(contract: Contract) -> list[Any]:
    """Return the frozen clauses."""
    clauses: list[Any] = contract.terms["clauses"]  # type: ignore[assignment]
    return clauses


def _issue(contract_ref: str, rendered: RenderedPdf, *, now: datetime) -> None:
    """Register the paper and move the contract on, unless another worker did."""
    with transaction() as session:
        contract = session.scalar(select(Contract).where(Contract.ref == contract_ref).with_for_update())
        if contract is None or contract.state != ContractState.FROZEN:
            return
        facts: Any = contract.terms["facts"]
        period = facts["period"]
        paper = Paper(
            KIND, contract.number, contract.verify_code, title=f"{facts['project']['title']}合同",
            organization_id=contract.buyer_id, is_demo=contract.is_demo, facts={
                "project": f"{facts['project']['title']}（{facts['project']['number']}）"[:200],
                "buyer": facts["buyer"]["name"], "provider": facts["provider"]["name"],
                "amount": f"{facts['price']['figures']} 元（{facts['price']['capitals']}）",
                "period": f"{period['from']} 至 {period['to']}" if period["from"] else "",
            })
        document = documents.issue(session, actor=SYSTEM, paper=paper, rendered=rendered, store=services().files,
                                   data=rules.terms_bytes(contract.terms), now=now)
        operations.attach_paper(session, contract=contract, document=document, now=now)


def _reason(error: Exception) -> str:
    """Return one line for the contract page."""
    return " ".join(str(error).split()) or type(error).__name__


HANDLERS = {award_rules.JOB_OBJECTIONS_OVER: draw_up, rules.JOB_CONTRACT_DRAWN_UP: print_paper}
