"""Follows what the registry decides: an organization that is not verified any more is no verified funder either."""

from sqlalchemy import select

from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.core.text import N_
from marketplace.funding import operations
from marketplace.funding.models import Funder
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import JOB_VERIFICATION_ASKED, JOB_VERIFICATION_DECIDED, Verification


def follow_verification(organization_ref: str, **_: object) -> None:
    """Take the verification of an organization's funders back while the organization itself is not verified."""
    with transaction() as session:
        body = session.scalar(select(Organization).where(Organization.ref == organization_ref))
        if body is None or body.verification == Verification.VERIFIED:
            return
        for funder in session.scalars(select(Funder).where(
                Funder.organization_id == body.id, Funder.verified_at.is_not(None)).order_by(Funder.id)):
            operations.unverify_funder(session, actor=SYSTEM, funder=funder, note=N_("所属组织要重新核验"), now=utc_now())


HANDLERS = {JOB_VERIFICATION_ASKED: follow_verification, JOB_VERIFICATION_DECIDED: follow_verification}
