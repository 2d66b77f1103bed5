"""The profile and its check: edited by its administrators, verified or returned by an operator."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.core import audit
from marketplace.core.access import Actor, Role, require
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.organizations import policy, rules
from marketplace.organizations.models import Organization
from marketplace.organizations.operations.profile import OPERATOR_FIELDS, apply_changes
from marketplace.organizations.operations.shared import flush, step, tell_public
from marketplace.organizations.rules import Standing, Verification

MIN_REASON = 4


def update_profile(session: Session, *, actor: Actor, organization: Organization, changes: Mapping[str, object],
                   now: datetime, version: int | None = None) -> list[str]:
    """Change the profile; return the names of what changed. Identity facts of a verified one ask for a new check.

    `changes`: keys of `PLAIN_FIELDS`, and whole lists under the keys of `LISTS`. `version` is the
    one the editor was opened with: Conflict when somebody saved in between.
    Organization: verified -> unverified when an identity field or a rating changes by its own administrator.
    """
    require(policy.may_edit_profile(actor, organization))
    if "listings" in changes or set(changes) & OPERATOR_FIELDS:
        require(policy.may_edit_listings(actor))
    if version is not None and version != organization.version_id:
        raise Conflict(N_("这份资料刚被别人改过。请刷新页面，把您的修改重新填入"))
    changed = apply_changes(session, organization, changes)
    recheck = sorted(set(changed) & set(rules.IDENTITY_FIELDS))
    is_trusted = actor.is_system or actor.has(Role.OPERATOR)
    if recheck and not is_trusted and organization.verification == Verification.VERIFIED:
        step(organization, "change")
    if changed:
        flush(session)
        audit.record(session, actor=actor, action="organizations.update_profile",
                     subject=("organization", organization.ref), now=now, changed=changed, recheck=recheck)
        tell_public(session, organization, now)
        if organization.is_buyer and rules.BUYER_FIELDS & set(changed):
            enqueue(session, rules.JOB_BUYER_CHANGED, now=now, organization_ref=organization.ref)
    return changed


def submit_for_verification(session: Session, *, actor: Actor, organization: Organization, now: datetime) -> None:
    """Ask an operator to check. Organization: unverified, returned -> submitted."""
    require(policy.may_submit_for_verification(actor, organization))
    _refuse_unfit(organization)
    step(organization, "submit")
    session.flush()
    audit.record(session, actor=actor, action="organizations.submit_for_verification",
                 subject=("organization", organization.ref), now=now)
    tell_public(session, organization, now)
    enqueue(session, rules.JOB_VERIFICATION_ASKED, now=now, organization_ref=organization.ref, name=organization.name)


def verify(session: Session, *, actor: Actor, organization: Organization, now: datetime, note: str = "") -> None:
    """Confirm that the facts fit the registration papers. Organization: unverified, submitted -> verified."""
    require(policy.may_verify(actor, organization))
    _refuse_unfit(organization)
    step(organization, "verify")
    organization.verified_at, organization.verified_by = now, actor.person_id
    organization.verification_note = note or None
    organization.public_since = organization.public_since or now
    session.flush()
    audit.record(session, actor=actor, action="organizations.verify", subject=("organization", organization.ref),
                 now=now, credit_code=organization.credit_code, note=note)
    _tell_decision(session, organization, now)


def return_profile(session: Session, *, actor: Actor, organization: Organization, reason: str, now: datetime) -> None:
    """Send it back with the reason its administrators read. Organization: submitted, verified -> returned."""
    require(policy.may_verify(actor, organization))
    if len(reason.strip()) < MIN_REASON:
        raise Invalid(N_("请写明退回的原因，让对方知道要改什么"), field="reason")
    step(organization, "return")
    organization.verification_note = reason.strip()
    session.flush()
    audit.record(session, actor=actor, action="organizations.return_profile",
                 subject=("organization", organization.ref), now=now, reason=reason.strip())
    _tell_decision(session, organization, now)


def _tell_decision(session: Session, organization: Organization, now: datetime) -> None:
    """Tell its administrators and the index what an operator decided."""
    enqueue(session, rules.JOB_VERIFICATION_DECIDED, now=now, organization_ref=organization.ref, name=organization.name,
            outcome=str(organization.verification), reason=organization.verification_note or "")
    tell_public(session, organization, now)


def _refuse_unfit(organization: Organization) -> None:
    """Refuse to check a registered body that gave no code or no legal representative."""
    if organization.standing == Standing.REGISTERED and organization.credit_code is None:
        raise Invalid(N_("请先填写统一社会信用代码，再办理核验"), field="credit_code")
