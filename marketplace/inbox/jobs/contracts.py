"""News of contracts: the paper is there to be signed, the signed copy is to be published."""


from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.queries import people_of
from marketplace.catalogs.queries import work_calendar
from marketplace.contracts.models import Contract
from marketplace.contracts.rules import publish_by
from marketplace.core.clock import at_beijing, utc_now
from marketplace.core.db import transaction
from marketplace.core.text import N_
from marketplace.inbox.jobs.audience import BUYER_ROLES, tell_organizations
from marketplace.inbox.operations import finish, send
from marketplace.inbox.rules import Kind, Letter

CLOSE_OF_BUSINESS = 17


def ask_for_signatures(contract_ref: str) -> None:
    """Ask the buyer to have the paper signed; tell the provider that it is there."""
    now = utc_now()
    with transaction() as session:
        contract = _contract(session, contract_ref)
        if contract is None or contract.signed_on is not None:
            return
        facts = _facts(contract)
        for person in people_of(session, contract.buyer_id, BUYER_ROLES):
            send(session, person=person, now=now, letter=Letter(
                kind=Kind.CONTRACT, subject=N_("签订“{title}”合同 {number}"),
                body=N_("下载合同，双方签字盖章后上传扫描件登记。"), facts=facts, verb=N_("签订"),
                url=_url(contract), due_at=at_beijing(contract.sign_by, CLOSE_OF_BUSINESS),
                todo_key=f"sign:{contract.ref}", organization_id=contract.buyer_id))
        tell_organizations(session, [contract.provider_id], now=now, letter=Letter(
            kind=Kind.CONTRACT, subject=N_("“{title}”合同 {number} 已生成，请下载核对并签署"), facts=facts,
            url=_url(contract), unique_key=f"contract:{contract.ref}"))


def ask_for_publication(contract_ref: str) -> None:
    """Close the signing; ask the buyer to publish in time; tell the provider that it is on record."""
    now = utc_now()
    with transaction() as session:
        finish(session, todo_key=f"sign:{contract_ref}", now=now)
        contract = _contract(session, contract_ref)
        if contract is None or contract.signed_on is None or contract.published_at is not None:
            return
        due = at_beijing(publish_by(contract.signed_on, work_calendar(session)), CLOSE_OF_BUSINESS)
        for person in people_of(session, contract.buyer_id, BUYER_ROLES):
            send(session, person=person, now=now, letter=Letter(
                kind=Kind.CONTRACT, subject=N_("公开“{title}”合同 {number}"), facts=_facts(contract),
                verb=N_("公开"), url=_url(contract), due_at=due, todo_key=f"publish:{contract.ref}",
                organization_id=contract.buyer_id))
        tell_organizations(session, [contract.provider_id], now=now, letter=Letter(
            kind=Kind.CONTRACT, subject=N_("“{title}”合同 {number} 的签署已登记"), facts=_facts(contract),
            url=_url(contract), unique_key=f"signed:{contract.ref}"))


def close_publication(contract_ref: str) -> None:
    """Close the publishing."""
    now = utc_now()
    with transaction() as session:
        finish(session, todo_key=f"publish:{contract_ref}", now=now)


def _contract(session: Session, ref: str) -> Contract | None:
    """Return the contract that the news is about."""
    return session.scalar(select(Contract).where(Contract.ref == ref))


def _facts(contract: Contract) -> dict[str, object]:
    """Return what the sentences name."""
    return {"title": contract.project.title, "number": contract.number}


def _url(contract: Contract) -> str:
    """Return the address of the contract's page."""
    return f"/contracts/{contract.ref}"
