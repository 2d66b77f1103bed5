"""Each role against each act."""

import pytest

from marketplace.conflicts import policy
from marketplace.core.access import ANONYMOUS, SYSTEM, Actor, Role
from marketplace.organizations.models import Organization

OWN, OTHER = 1, 2
PROVIDER = Organization(id=OWN)


def answer(decision):
    return "yes" if decision else "hidden" if decision.hidden else "no"


def actor(organization, *roles):
    return Actor(person_id=7, name="甲", organization_id=organization, roles=frozenset(roles))


EXPECTED = {  # role: (read, declare, declare own, look, settle) for the own organization
    Role.HANDLER: ("hidden", "no", "yes", "no", "no"), Role.APPROVER: ("hidden", "no", "yes", "no", "no"),
    Role.UNIT_ADMIN: ("hidden", "no", "yes", "no", "no"), Role.PROVIDER_ADMIN: ("yes", "yes", "no", "no", "no"),
    Role.PROVIDER_MEMBER: ("yes", "no", "no", "no", "no"), Role.FUNDER: ("hidden", "no", "no", "no", "no"),
    Role.EXPERT: ("hidden", "no", "no", "no", "no"), Role.OPERATOR: ("yes", "no", "no", "yes", "no"),
    Role.SECURITY_OFFICER: ("hidden", "no", "no", "no", "no"), Role.AUDITOR: ("hidden", "no", "no", "no", "no"),
}


def answers(who):
    return tuple(answer(one) for one in (
        policy.may_read(who, PROVIDER), policy.may_declare(who, PROVIDER), policy.may_declare_own(who),
        policy.may_look(who), policy.may_settle(who, PROVIDER)))


@pytest.mark.parametrize("role", list(Role))
def test_each_role_in_the_provider_itself(role):
    assert answers(actor(OWN, role)) == EXPECTED[role]


@pytest.mark.parametrize("role", [Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER])
def test_another_providers_people_learn_nothing(role):
    assert answers(actor(OTHER, role)) == ("hidden", "no", "no", "no", "no")


def test_an_operator_of_no_organization_settles_and_does_not_declare():
    assert answers(actor(None, Role.OPERATOR)) == ("yes", "no", "no", "yes", "yes")


@pytest.mark.parametrize("who", [ANONYMOUS, SYSTEM])
def test_neither_a_visitor_nor_the_system_declares_or_settles(who):
    assert answers(who) == ("hidden", "no", "no", "no", "no")


def test_who_buys_without_a_unit_declares_nothing():
    assert answer(policy.may_declare_own(actor(None, Role.HANDLER))) == "no"
