"""A small world for the security tests: one account per role, two tenants."""

from dataclasses import dataclass

import pytest

from marketplace.core.access import SYSTEM, Role
from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.organizations import operations as registry
from marketplace.organizations.rules import OrganizationKind, Standing
from tests.factories.accounts import make_person, with_password

LOGIN = "13900000000"


@dataclass(frozen=True)
class World:
    """Ids of people by role, and of the two units, the two providers and the funder."""

    people: dict[Role, int]
    units: tuple[int, int]
    providers: tuple[int, int]


@pytest.fixture
def world(app) -> World:
    """Everybody once; the handler has a password and the account name LOGIN. The index is there, and empty."""
    app.extensions["marketplace.services"].search_index.clear()
    return make_world(app)


def make_world(app) -> World:
    """Make one account per role in the app's database."""
    now = utc_now()
    with app.app_context(), transaction() as session:
        units, providers = [], []
        for name in ("澜川区民政局", "别处区民政局"):
            units.append(registry.register_unit(session, actor=SYSTEM, name=name, parent=None, area_code="000001", now=now))
            session.flush()
        for name, kind in (("暖邻社会工作服务中心", OrganizationKind.SERVICE_AGENCY), ("别家社会工作服务中心", OrganizationKind.SERVICE_AGENCY),
                           ("同行慈善基金会", OrganizationKind.FOUNDATION)):
            providers.append(registry.register(session, actor=SYSTEM, name=name, kind=kind, standing=Standing.REGISTERED, now=now))
            session.flush()
        place = {
            Role.HANDLER: units[0], Role.APPROVER: units[0], Role.UNIT_ADMIN: units[0],
            Role.PROVIDER_ADMIN: providers[0], Role.PROVIDER_MEMBER: providers[0], Role.FUNDER: providers[2],
        }
        people = {}
        for role in Role:
            home = place.get(role)
            people[role] = make_person(session, name=f"甲{role.value}", role=role, organization_id=home.id if home else None,
                                       login=LOGIN if role is Role.HANDLER else None, now=now)
        with_password(session, people[Role.HANDLER], now=now)
        session.flush()
        return World({role: person.id for role, person in people.items()}, (units[0].id, units[1].id),
                     (providers[0].id, providers[1].id))
