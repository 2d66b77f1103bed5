"""What the operations on organizations share: writing safely, telling the index, moving the verification."""

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.core.errors import Conflict
from marketplace.core.publishing import public_changed
from marketplace.core.text import N_
from marketplace.organizations import rules
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import Verification


def step(organization: Organization, action: str) -> None:
    """Move the verification along its lifecycle; the evidence of a verification goes with it."""
    state = rules.VERIFICATION_STEPS.after(Verification(organization.verification), action)
    organization.verification = state
    if state is not Verification.VERIFIED:
        organization.verified_at = organization.verified_by = None


def flush(session: Session) -> None:
    """Write now; a credit code that another transaction took first becomes a sentence instead of a crash."""
    try:
        session.flush()
    except IntegrityError as error:
        if "credit_code" not in str(error.orig):
            raise
        raise Conflict(N_("这个统一社会信用代码已有组织登记。请联系平台核对，不要重复登记")) from error


def tell_public(session: Session, organization: Organization, now: datetime) -> None:
    """Tell the index about an organization that has a public page."""
    if organization.public_since is not None:
        public_changed(session, kind="organization", ref=organization.ref, now=now)
