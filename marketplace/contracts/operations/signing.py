"""After the paper is there: register the signed copy, publish the contract, note its filing."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from marketplace.awards.operations import publish_notice
from marketplace.awards.operations.notices import project_facts
from marketplace.awards.rules import NoticeKind
from marketplace.contracts import policy, rules
from marketplace.contracts.models import Contract
from marketplace.contracts.rules import ContractState
from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.publishing import public_changed
from marketplace.core.text import N_
from marketplace.files.models import StoredFile
from marketplace.files.rules import ScanState

MOVED_ON = N_("这份合同刚刚被别人办理过。请刷新页面，看过最新情况再办")
REFUSED_SCANS = (ScanState.INFECTED, ScanState.FAILED)


def record_signing(session: Session, *, actor: Actor, contract: Contract, signed_on: date, scan: StoredFile,
                   now: datetime) -> None:
    """Register the signed copy and the day it bears. Contract: issued -> signed. The scan's hash goes on record."""
    require(policy.may_record_signing(actor, contract))
    _check_day(signed_on, contract, now)
    if scan.scan_state in REFUSED_SCANS:
        raise Invalid(N_("扫描件没有通过安全检查，请换一个文件"), field="scan")
    state = rules.LIFECYCLE.after(ContractState(contract.state), "sign")
    _step(session, contract, state=state, signed_on=signed_on, signed_copy_id=scan.id)
    record(session, actor=actor, action="contracts.sign", subject=("contract", contract.ref), now=now,
           number=contract.number, signed_on=signed_on.isoformat(), scan_sha256=scan.sha256)
    public_changed(session, kind="project", ref=contract.project.ref, now=now)
    enqueue(session, rules.JOB_CONTRACT_SIGNED, now=now, unique_key=f"{contract.ref}:signed",
            contract_ref=contract.ref)


def publish_contract(session: Session, *, actor: Actor, contract: Contract, now: datetime) -> None:
    """Publish the contract notice, without telephone numbers and accounts (GPR 50)."""
    require(policy.may_publish(actor, contract))
    _step(session, contract, published_at=now, expected=Contract.published_at.is_(None))
    project = contract.project
    publish_notice(session, actor=actor, project=project, kind=NoticeKind.CONTRACT,
                   title=f"{project.title}合同公告", facts=notice_facts(contract),
                   unique_key=f"contract:{contract.ref}", now=now)
    record(session, actor=actor, action="contracts.publish", subject=("contract", contract.ref), now=now,
           number=contract.number)
    public_changed(session, kind="project", ref=project.ref, now=now)
    enqueue(session, rules.JOB_CONTRACT_PUBLISHED, now=now, contract_ref=contract.ref)


def record_filing(session: Session, *, actor: Actor, contract: Contract, filed_on: date, now: datetime) -> None:
    """Note the day on which a copy went to the finance department (GPL 47)."""
    require(policy.may_record_filing(actor, contract))
    assert contract.signed_on is not None
    if not contract.signed_on <= filed_on <= beijing_date(now):
        raise Invalid(N_("备案日期应在签订日期之后、今天之前（含当天）"), field="filed_on")
    _step(session, contract, filed_on=filed_on, expected=Contract.filed_on.is_(None))
    record(session, actor=actor, action="contracts.file", subject=("contract", contract.ref), now=now,
           number=contract.number, filed_on=filed_on.isoformat())


def notice_facts(contract: Contract) -> dict[str, Any]:
    """Return what the contract notice says: beside the project's own head, no telephone, account or person's name."""
    facts: dict[str, Any] = dict(contract.terms["facts"])  # type: ignore[call-overload]
    return {
        **project_facts(contract.project), "contract_number": contract.number, "provider": facts["provider"]["name"],
        "provider_code": facts["provider"]["credit_code"], "price_fen": contract.amount.fen,
        "service": {"from": facts["period"]["from"] or None, "to": facts["period"]["to"] or None,
                    "target_group": facts["service"]["target_group"]},
        "signed_on": contract.signed_on.isoformat() if contract.signed_on else "",
        "verify_code": contract.verify_code,
        "indicators": [[row["name"], row["target"], row["unit"]] for row in facts["indicators"]],
        "payments": [[row["title"], row["percent"], row["figures"]] for row in facts["payments"]],
    }


def _check_day(signed_on: date, contract: Contract, now: datetime) -> None:
    """Refuse a day in the future or before the terms were fixed."""
    if signed_on > beijing_date(now):
        raise Invalid(N_("签订日期不能在今天之后"), field="signed_on")
    if signed_on < (first := beijing_date(contract.frozen_at)):
        raise Invalid(N_("签订日期不能早于条款锁定的日期 {first}"), field="signed_on", first=first.isoformat())


def _step(session: Session, contract: Contract, *, expected: Any = True, **values: object) -> None:
    """Change a contract only if it still is what was decided on; else raise Conflict."""
    statement = update(Contract).where(Contract.id == contract.id, Contract.state == contract.state)
    if expected is not True:
        statement = statement.where(expected)
    done = session.execute(statement.values(**values).execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(MOVED_ON)
    session.refresh(contract)
