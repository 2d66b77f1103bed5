"""News of the registry: the operator's check, asked for and decided."""

from marketplace.accounts.queries import people_of
from marketplace.core.access import Role
from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.core.text import N_
from marketplace.inbox.operations import finish, send
from marketplace.inbox.rules import Kind, Letter
from marketplace.organizations import queries
from marketplace.organizations.rules import Verification


def ask_for_check(organization_ref: str, name: str, **_facts: object) -> None:
    """Ask the operators to check an organization."""
    now = utc_now()
    with transaction() as session:
        finish(session, todo_key=f"complete:{organization_ref}", now=now)
        organization = queries.by_ref(session, organization_ref)
        if organization.verification != Verification.SUBMITTED:
            return
        for person in people_of(session, None, (Role.OPERATOR,)):
            send(session, person=person, now=now, letter=Letter(
                kind=Kind.ORGANIZATION, subject=N_("核验机构“{name}”"), facts={"name": name}, verb=N_("核验"),
                url=f"/ops/organizations/{organization_ref}", todo_key=f"check:{organization_ref}"))


def tell_check(organization_ref: str, name: str, outcome: str, reason: str = "", **_facts: object) -> None:
    """Tell the organization's administrators how the check ended; returned papers are to be completed."""
    now = utc_now()
    with transaction() as session:
        finish(session, todo_key=f"check:{organization_ref}", now=now)
        organization = queries.by_ref(session, organization_ref)
        if organization.verification != outcome:
            return
        is_returned = outcome == Verification.RETURNED
        for person in people_of(session, organization.id, (Role.PROVIDER_ADMIN,)):
            send(session, person=person, now=now, letter=Letter(
                kind=Kind.ORGANIZATION,
                subject=N_("“{name}”的核验被退回，请补正") if is_returned else N_("“{name}”已通过核验"),
                body=N_("退回理由：{reason}") if is_returned else N_("现在可以提交响应文件了。"),
                facts={"name": name, "reason": reason}, verb=N_("补正") if is_returned else "",
                url=f"/organizations/{organization_ref}/profile",
                todo_key=f"complete:{organization_ref}" if is_returned else None,
                unique_key=None if is_returned else f"verified:{organization_ref}:{organization.verified_at}",
                organization_id=organization.id))
