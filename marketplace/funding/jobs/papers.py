"""Prints commitments: outside any transaction, stored under their hash, never again rendered."""

from typing import Any

from flask import current_app
from sqlalchemy import select

from marketplace.core.access import SYSTEM
from marketplace.core.clock import beijing, utc_now
from marketplace.core.db import db, transaction
from marketplace.documents import operations as documents
from marketplace.documents.rules import Paper
from marketplace.funding import operations
from marketplace.funding.models import Commitment
from marketplace.funding.rules import commitments as rules
from marketplace.funding.rules.landing import LANDING_LABELS, Landing
from marketplace.funding.rules.news import JOB_COMMITMENT_APPROVED, JOB_COMMITMENT_PREPARED
from marketplace.funding.rules.pledges import shown_code
from marketplace.web.qr import qr_svg
from marketplace.web.services import config, services

KIND = "commitment"
MAX_FACT = 200


def print_commitment(commitment_ref: str) -> None:
    """Print a commitment that is approved, or that a guest is to sign by hand; does nothing for any other."""
    commitment = db.session.scalar(select(Commitment).where(Commitment.ref == commitment_ref))
    if commitment is None or not _waits_for_paper(commitment):
        return
    if rules.facts_sha256(commitment.facts) != commitment.facts_sha256:
        msg = f"the facts of {commitment.number} are not those that were frozen"
        raise RuntimeError(msg)
    rendered = services().pdf.render(commitment_html(commitment), identifier=commitment.number,
                                     attachments={"commitment.json": rules.frozen(commitment.facts)})
    db.session.rollback()
    services().files.put(rendered.data)
    now = utc_now()
    with transaction() as session:
        commitment = session.scalars(
            select(Commitment).where(Commitment.ref == commitment_ref).with_for_update(key_share=True)).one()
        if not _waits_for_paper(commitment):
            return
        document = documents.issue(session, actor=SYSTEM, paper=_paper(commitment), rendered=rendered,
                                   store=services().files, data=rules.frozen(commitment.facts), now=now)
        operations.attach_commitment_paper(session, commitment=commitment, document=document, now=now)


def _waits_for_paper(commitment: Commitment) -> bool:
    """Say whether this commitment is to be printed and is not yet."""
    by_hand = commitment.is_on_paper and commitment.state == "prepared"
    return commitment.document_id is None and (by_hand or commitment.state == "approved")


def commitment_html(commitment: Commitment) -> str:
    """Return the page that is printed; the same commitment always gives the same page."""
    facts: dict[str, Any] = commitment.facts
    site = config().base_url
    return current_app.jinja_env.get_template("pdf/commitment.html").render(
        facts=facts, number=commitment.number, is_demo=config().holds_demo_world,
        is_on_paper=commitment.is_on_paper, facts_sha256=commitment.facts_sha256,
        verify_code=commitment.verify_code, verify_site=f"{site.partition('://')[2]}/v",
        qr=qr_svg(f"{site}/v/{commitment.verify_code}"), site_name=config().site_name,
        dated=beijing(commitment.prepared_at).isoformat(timespec="seconds"),
        code=shown_code(str(facts["code"])), landing=LANDING_LABELS[Landing(str(facts["landing"]))],
        ordinals=rules.ORDINALS)


def _paper(commitment: Commitment) -> Paper:
    """Return what the verify page may tell; a name that is to be withheld is not told there either."""
    facts: dict[str, Any] = commitment.facts
    organization = rules.WITHHELD if facts["is_name_withheld"] else facts["funder"]["name"]
    return Paper(
        KIND, commitment.number, commitment.verify_code, title=f"{facts['project']['title']}认捐书",
        organization_id=commitment.receiver_id if commitment.funder.organization_id is None
        else commitment.funder.organization_id,
        is_demo=config().holds_demo_world, facts={
            "project": f"{facts['project']['title']}（{facts['project']['number']}）"[:MAX_FACT],
            "organization": organization[:MAX_FACT],
            "amount": f"{facts['amount']['figures']} 元（{facts['amount']['capitals']}）"})


HANDLERS = {JOB_COMMITMENT_APPROVED: print_commitment, JOB_COMMITMENT_PREPARED: print_commitment}
