"""What the outbox does for donation agreements: print them and store the paper."""

import logging
from contextlib import suppress
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from marketplace.agreements import operations, rules
from marketplace.agreements.models import DonationAgreement
from marketplace.agreements.rules import AgreementState
from marketplace.awards import rules as award_rules
from marketplace.awards.models import Award
from marketplace.contracts.rules import BLANK, clause_number, terms_bytes, terms_sha256
from marketplace.core.access import SYSTEM
from marketplace.core.clock import beijing, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.ports import RenderedPdf
from marketplace.documents import operations as documents
from marketplace.documents.rules import Paper
from marketplace.funding import operations as funding
from marketplace.web.qr import qr_svg
from marketplace.web.services import config, services

KIND = "donation_agreement"
PARTY_ROWS = (
    ("name", "名称"), ("credit_code", "统一社会信用代码"), ("address", "住所"), ("legal_representative", "法定代表人"),
    ("contact", "联系人"),
)
log = logging.getLogger(__name__)


def print_agreement(agreement_ref: str) -> None:
    """Print the frozen terms outside any transaction, store the bytes, tie them to the agreement.

    A failure leaves the agreement frozen with the reason beside it, and the job tries again.
    """
    agreement = db.session.scalar(select(DonationAgreement).where(DonationAgreement.ref == agreement_ref))
    if agreement is None or agreement.state != AgreementState.FROZEN:
        return
    if terms_sha256(agreement.terms) != agreement.terms_sha256:
        msg = f"the terms of {agreement.number} are not those that were frozen"
        raise RuntimeError(msg)
    try:
        rendered = services().pdf.render(agreement_html(agreement), identifier=agreement.number,
                                         attachments={"agreement.json": terms_bytes(agreement.terms)})
        db.session.rollback()
        services().files.put(rendered.data)
        _issue(agreement_ref, rendered, now=utc_now())
    except Exception as error:
        db.session.rollback()
        with suppress(SQLAlchemyError), transaction() as session:
            operations.note_print_failure(session, agreement_ref=agreement_ref,
                                          reason=" ".join(str(error).split()) or type(error).__name__)
        raise


def look_at_donors(award_ref: str) -> None:
    """Once the provider is known, flag donors that are tied to it, before any matching money is confirmed."""
    now = utc_now()
    with transaction() as session:
        award = session.scalar(select(Award).where(Award.ref == award_ref))
        if award is not None:
            funding.look_at_provider(session, project_id=award.project_id, provider=award.bid.organization, now=now)


def agreement_html(agreement: DonationAgreement) -> str:
    """Return the page that is printed; the same agreement always gives the same page."""
    site, terms = config().base_url, agreement.terms
    clauses: list[Any] = terms["clauses"]  # type: ignore[assignment]
    return current_app.jinja_env.get_template("pdf/agreement.html").render(
        terms=terms, number=agreement.number, is_demo=agreement.is_demo, terms_sha256=agreement.terms_sha256,
        verify_code=agreement.verify_code, verify_site=f"{site.partition('://')[2]}/v",
        qr=qr_svg(f"{site}/v/{agreement.verify_code}"),
        dated=beijing(agreement.frozen_at).isoformat(timespec="seconds"),
        site_name=config().site_name, blank=BLANK, party_rows=PARTY_ROWS,
        ordinals=[clause_number(at + 1) for at in range(len(clauses))])


def _issue(agreement_ref: str, rendered: RenderedPdf, *, now: datetime) -> None:
    """Register the paper and move the agreement on, unless another worker did."""
    with transaction() as session:
        agreement = session.scalar(
            select(DonationAgreement).where(DonationAgreement.ref == agreement_ref).with_for_update())
        if agreement is None or agreement.state != AgreementState.FROZEN:
            return
        facts: Any = agreement.terms["facts"]
        price = facts["money"]["price"]
        paper = Paper(
            KIND, agreement.number, agreement.verify_code, title=f"{facts['project']['title']}捐赠协议",
            organization_id=agreement.receiver_id, is_demo=agreement.is_demo, facts={
                "project": f"{facts['project']['title']}（{facts['project']['number']}）"[:200],
                "organization": facts["receiver"]["name"], "provider": facts["provider"]["name"],
                "amount": f"{price['figures']} 元（{price['capitals']}）"})
        document = documents.issue(session, actor=SYSTEM, paper=paper, rendered=rendered, store=services().files,
                                   data=terms_bytes(agreement.terms), now=now)
        operations.attach_paper(session, agreement=agreement, document=document, now=now)


HANDLERS = {rules.JOB_AGREEMENT_DRAWN_UP: print_agreement, award_rules.JOB_AWARD_MADE: look_at_donors}
