"""Accounts: opening, granting, slips, the lock, sessions."""



from marketplace.core.access import Actor, Role
from tests.factories.accounts import actor_of, make_person

OFFICER = Actor(person_id=9_001, name="安全员", roles=frozenset({Role.SECURITY_OFFICER}))


def test_a_granted_person_acts_with_that_role(session):
    person = make_person(session, role=Role.EXPERT)
    assert actor_of(session, person).roles == {Role.EXPERT}
