"""Own contributions (自筹): claimed with a proof, decided by another person; only proved ones count."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.files.models import StoredFile
from marketplace.files.rules import ScanState
from marketplace.funding import policy
from marketplace.funding.models import OwnContribution
from marketplace.funding.rules.contributions import KIND_LABELS
from marketplace.funding.rules.pledges import check_amount, check_reason
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

MAX_TEXT = 1_000


def claim_contribution(session: Session, *, actor: Actor, project: Project, organization: Organization, kind: str,
                       amount: Money, proof_file: StoredFile, now: datetime, **texts: str) -> OwnContribution:
    """Claim what an organization adds itself to a project: by a pledge agreement, a receipt, or in kind.

    Texts: `description`; in kind also `valuation` (how the value was found: quotation, appraisal, hours x rate).
    """
    require(policy.may_claim(actor, organization))
    check_amount(amount)
    if kind not in KIND_LABELS:
        raise Invalid(N_("请选择自筹的形式"), field="kind")
    description, valuation = texts.get("description", "").strip(), texts.get("valuation", "").strip()
    if not description or len(description) > MAX_TEXT:
        raise Invalid(N_("请写明自筹的内容（最多 {most} 个字）"), field="description", most=MAX_TEXT)
    if kind == "in_kind" and not valuation:
        raise Invalid(N_("实物或服务自筹要写明怎样估价"), field="valuation")
    if proof_file.scan_state in (ScanState.INFECTED, ScanState.FAILED):
        raise Invalid(N_("证明材料没有通过安全检查，请换一个文件"), field="proof_file")
    claim = OwnContribution(project=project, organization=organization, kind=kind, description=description,
                            amount=amount, valuation=valuation, proof_file=proof_file, claimed_by=actor.person_id,
                            claimed_at=now)
    session.add(claim)
    session.flush()
    record(session, actor=actor, action="funding.claim_contribution", subject=("project", project.ref), now=now,
           claim=claim.ref, kind=kind, amount_fen=amount.fen)
    return claim


def decide_contribution(session: Session, *, actor: Actor, claim: OwnContribution, is_proved: bool, now: datetime,
                        note: str = "") -> None:
    """Accept or refuse an own contribution. Claim: claimed -> proved, refused. A refusal says why."""
    require(policy.may_decide_claim(actor, claim))
    plain = note.strip() if is_proved else check_reason(note)
    state = "proved" if is_proved else "refused"
    done = session.execute(
        update(OwnContribution).where(OwnContribution.id == claim.id, OwnContribution.state == "claimed")
        .values(state=state, decision_note=plain, decided_by=actor.person_id, decided_at=now)
        .execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这项自筹刚刚被别人核定过。请刷新页面"))
    session.refresh(claim)
    record(session, actor=actor, action="funding.decide_contribution", subject=("project", claim.project.ref), now=now,
           claim=claim.ref, state=state, note=plain)
