"""Interests around the unit's projects: a representative of the same name, a member who declares, what was settled."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from marketplace.accounts.queries import load_actor
from marketplace.conflicts import operations, queries
from marketplace.conflicts.rules import Clearing, Ground, Outcome, Relation, Stated
from marketplace.core.access import Actor, Role
from marketplace.core.clock import beijing_date
from marketplace.organizations.models import Organization
from tests.factories.accounts import actor_of, make_person
from tests.factories.organizations import make_organization

REPRESENTATIVE = "黎振华"
ALIKE, CLEARED, SERVED = "澜川区同心社会工作服务中心", "澜川区和风社会工作服务中心", "澜川区启明青少年服务中心"


def build_interests(session: Session, *, unit: Organization, people: dict[str, int], now: datetime) -> dict[str, str]:
    """Return the references of a provider with an open flag, its tie, a tie of staff, a cleared one."""
    made = now - timedelta(days=20)
    unit.legal_representative = REPRESENTATIVE
    alike, cleared, served = (_provider(session, name, rep, made) for name, rep in (
        (ALIKE, REPRESENTATIVE), (CLEARED, REPRESENTATIVE), (SERVED, "潘启明")))
    handler, operator = load_actor(session, people["handler"]), load_actor(session, people["operator"])
    operations.declare_own(session, actor=handler, now=made, says_none=False, stated=[Stated(
        Relation.EMPLOYMENT, served[0].name, served[0].credit_code, since=beijing_date(made - timedelta(days=900)),
        until=beijing_date(made - timedelta(days=300)), words="任项目主管")])
    own = load_actor(session, people["provider_admin"])
    organization = session.get_one(Organization, own.organization_id)
    for stated in ([], [Stated(Relation.BOARD, "望江社区公益基金会", person="陶理事", since=beijing_date(made), words="任监事，不领报酬")]):
        operations.declare(session, actor=own, organization=organization, stated=stated, says_none=not stated, now=made)
    operations.declare(session, actor=cleared[1], organization=cleared[0], stated=[], says_none=True, now=made)
    ties = {(one.provider_ref, one.tie.ground): one.tie.key for clearing in (Clearing.LOOK, Clearing.WITHDRAWAL)
            for one in queries.waiting(session, clearing=clearing, today=beijing_date(now))}
    kept = ties[cleared[0].ref, Ground.SAME_REPRESENTATIVE]
    operations.settle(session, actor=operator, provider=cleared[0], tie_key=kept, outcome=Outcome.CLEARED, now=now,
                      reason="核对双方负责人的身份证件，出生年月不同，不是同一人")
    return {"alike": alike[0].ref, "alike_tie": ties[alike[0].ref, Ground.SAME_REPRESENTATIVE],
            "served": served[0].ref, "served_tie": ties[served[0].ref, Ground.STAFF_DECLARED],
            "cleared": cleared[0].ref, "cleared_tie": kept}


def _provider(session: Session, name: str, representative: str, made: datetime) -> tuple[Organization, Actor]:
    """Return a verified provider and its administrator."""
    body = make_organization(session, name=name, legal_representative=representative, now=made)
    session.flush()
    return body, actor_of(session, make_person(session, role=Role.PROVIDER_ADMIN, organization_id=body.id, now=made))
