"""Registers funders, checks them, changes what they tell, and writes down what extra money may pay for."""

from datetime import datetime
from typing import TypedDict, Unpack

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.files.models import StoredFile
from marketplace.funding import policy
from marketplace.funding.models import CostLine, Funder
from marketplace.funding.rules import funders as rules
from marketplace.funding.rules.funders import FunderKind, Need, Standing
from marketplace.funding.rules.pledges import check_amount
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import Verification
from marketplace.projects.models import Project

MAX_NAME = 80
COST_SOURCES = ("contract", "extra")


class FunderFacts(TypedDict, total=False):
    """What a funder tells of itself."""

    is_state_owned: bool
    approval_file: StoredFile | None
    overseas_number: str
    council_above: Money | None
    income_last_year: Money | None
    net_assets_last_year: Money | None
    is_name_withheld: bool
    payer_accounts: str


def register_funder(session: Session, *, actor: Actor, kind: str, now: datetime,
                    organization: Organization | None = None, person_name: str = "", fund_name: str = "",
                    **facts: Unpack[FunderFacts]) -> Funder:
    """Enter a funder, not verified yet. A named fund is one inside its foundation, which signs for it."""
    require(policy.may_register(actor, organization))
    person_name, fund_name = " ".join(person_name.split()), " ".join(fund_name.split())
    if len(person_name) > MAX_NAME or len(fund_name) > MAX_NAME:
        raise Invalid(N_("名称最多 {most} 个字"), field="fund_name", most=MAX_NAME)
    rules.check_body(FunderKind(kind), organization.kind if organization else None, fund_name=fund_name,
                     person_name=person_name)
    if organization is not None and _is_known(session, organization, fund_name):
        raise Conflict(N_("“{name}”已经登记为捐赠方"), name=fund_name or organization.name)
    funder = Funder(kind=kind, organization=organization, person_name=person_name, fund_name=fund_name,
                    created_at=now, **_checked(facts))
    if organization is not None:
        organization.is_funder = True
    session.add(funder)
    session.flush()
    record(session, actor=actor, action="funding.register_funder", subject=("funder", funder.ref), now=now, kind=kind,
           organization=organization.ref if organization else "", fund_name=fund_name)
    return funder


def _is_known(session: Session, organization: Organization, fund_name: str) -> bool:
    """Say whether this body, or this fund inside it, is entered already."""
    return session.scalar(select(Funder.id).where(
        Funder.organization_id == organization.id, Funder.fund_name == fund_name)) is not None


def _checked(facts: FunderFacts) -> FunderFacts:
    """Return the facts as they are kept; raises Invalid for a line below nothing."""
    rules.check_line(facts.get("council_above"))
    kept = facts.copy()
    if "payer_accounts" in kept:
        kept["payer_accounts"] = rules.tidy_accounts(kept["payer_accounts"])
    if "overseas_number" in kept:
        kept["overseas_number"] = " ".join(kept["overseas_number"].split())
    return kept


def change_funder(session: Session, *, actor: Actor, funder: Funder, now: datetime,
                  **facts: Unpack[FunderFacts]) -> None:
    """Change what a funder tells. Whatever its verification rests on makes the operator look again."""
    require(policy.may_change_funder(actor, funder))
    kept = _checked(facts)
    weighty = ("is_state_owned", "approval_file", "overseas_number")
    is_weighty = any(name in weighty and value != getattr(funder, name) for name, value in kept.items())
    for name, value in kept.items():
        setattr(funder, name, value)
    if is_weighty:
        funder.verified_at, funder.verified_by = None, None
    session.flush()
    record(session, actor=actor, action="funding.change_funder", subject=("funder", funder.ref), now=now,
           changed=sorted(kept), verify_again=is_weighty)


def missing(funder: Funder) -> list[Need]:
    """Return what a funder still has to show before it may be verified."""
    body = funder.organization
    return rules.missing(Standing(
        kind=FunderKind(funder.kind), is_state_owned=funder.is_state_owned, overseas_number=funder.overseas_number,
        has_verified_organization=body is not None and body.verification == Verification.VERIFIED,
        has_approval_file=funder.approval_file is not None and funder.approval_file.scan_state != "infected"))


def verify_funder(session: Session, *, actor: Actor, funder: Funder, note: str, now: datetime) -> None:
    """Verify a funder; `note` says what was looked at. Raises Invalid naming what it still has to show."""
    require(policy.may_verify(actor))
    plain = " ".join((note or "").split())
    if not plain:
        raise Invalid(rules.NEEDS["note"].sentence, field="note")
    if lacking := missing(funder):
        raise Invalid(lacking[0].sentence, field=lacking[0].key)
    funder.verified_at, funder.verified_by, funder.verification_note = now, actor.person_id or 0, plain
    session.flush()
    record(session, actor=actor, action="funding.verify_funder", subject=("funder", funder.ref), now=now, note=plain)


def unverify_funder(session: Session, *, actor: Actor, funder: Funder, note: str, now: datetime) -> None:
    """Take a verification back, with the reason: from now on the funder promises nothing new."""
    require(policy.may_verify(actor))
    if not (plain := " ".join((note or "").split())):
        raise Invalid(N_("请写明原因"), field="note")
    funder.verified_at, funder.verified_by, funder.verification_note = None, None, plain
    session.flush()
    record(session, actor=actor, action="funding.unverify_funder", subject=("funder", funder.ref), now=now, note=plain)


def add_cost_line(session: Session, *, actor: Actor, project: Project, name: str, amount: Money, now: datetime,
                  source: str = "extra") -> CostLine:
    """Name one cost of a project: paid by its contract (no gift may name it), or extra (paid once by gifts)."""
    require(policy.may_add_cost_line(actor, project))
    plain = " ".join((name or "").split())
    if not plain or len(plain) > MAX_NAME:
        raise Invalid(N_("费用名称要填 1 至 {most} 个字"), field="name", most=MAX_NAME)
    if source not in COST_SOURCES:
        raise Invalid(N_("请选择这项费用由合同支付还是合同以外"), field="source")
    check_amount(amount)
    if session.scalar(select(CostLine.id).where(CostLine.project_id == project.id, CostLine.name == plain)):
        raise Conflict(N_("这个项目已经有“{name}”这项费用"), name=plain)
    line = CostLine(project_id=project.id, name=plain, amount=amount, source=source, created_at=now)
    session.add(line)
    session.flush()
    record(session, actor=actor, action="funding.add_cost_line", subject=("project", project.ref), now=now,
           cost_line=line.ref, name=plain, amount_fen=amount.fen, source=source)
    return line
