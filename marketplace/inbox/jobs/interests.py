"""News of interests: a provider declared and something waits for a look; what an operator found."""

from sqlalchemy.orm import Session

from marketplace.accounts.queries import people_of
from marketplace.conflicts import queries
from marketplace.conflicts.rules import GROUNDS, Clearing, Ground, Outcome
from marketplace.core.access import Role
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import transaction
from marketplace.core.text import N_
from marketplace.inbox.operations import finish, send
from marketplace.inbox.rules import Kind, Letter
from marketplace.organizations.models import Organization
from marketplace.organizations.queries import by_ref

SECRET = (Ground.REVIEWER_UNSURE,)      # who sits on a panel is not told before the result


def ask_to_settle(organization_ref: str, **_facts: object) -> None:
    """Ask the operators to look at the flags of a provider that has declared."""
    now = utc_now()
    with transaction() as session:
        provider = by_ref(session, organization_ref)
        if not _waits(session, provider):
            return
        for person in people_of(session, None, (Role.OPERATOR,)):
            send(session, person=person, now=now, letter=Letter(
                kind=Kind.ORGANIZATION, subject=N_("核对“{name}”的利益关系"), facts={"name": provider.name},
                body=N_("该组织已提交声明，请核对后作出结论。"), verb=N_("核对"), url="/ops/conflicts",
                todo_key=f"interests:{organization_ref}"))


def _waits(session: Session, provider: Organization) -> bool:
    """Say whether a flag of this provider waits for a look."""
    return bool(queries.waiting(session, clearing=Clearing.LOOK, today=beijing_date(utc_now()), provider=provider))


def tell_settled(settlement_ref: str, organization_ref: str, **_facts: object) -> None:
    """Tell the provider's administrators what was found, without names; close the to-do when nothing waits."""
    now = utc_now()
    with transaction() as session:
        provider, found = by_ref(session, organization_ref), queries.settlement(session, settlement_ref)
        if not _waits(session, provider):
            finish(session, todo_key=f"interests:{organization_ref}", now=now)
        if found.ground in SECRET:
            return
        is_clear = found.outcome == Outcome.CLEARED
        for person in people_of(session, provider.id, (Role.PROVIDER_ADMIN,)):
            send(session, person=person, now=now, letter=Letter(
                kind=Kind.ORGANIZATION,
                subject=N_("利益关系已核对，可以配对：{label}") if is_clear else N_("利益关系已核对，不能配对：{label}"),
                facts={"label": GROUNDS[Ground(found.ground)].label},
                body=N_("可以参加相应项目的配对。") if is_clear else N_("认定构成利益冲突，不参加相应项目的配对。有异议请联系平台。"),
                url="/org/conflicts", unique_key=f"interests:{settlement_ref}", organization_id=provider.id))
