"""Accounts: opening, granting, slips, the lock, sessions."""

from datetime import timedelta

import pytest

from marketplace.accounts import operations, queries, rules
from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.errors import Conflict, Denied, Invalid
from tests.factories import NOW
from tests.factories.accounts import PASSWORD, actor_of, make_person, with_password

OFFICER = Actor(person_id=9_001, name="安全员", roles=frozenset({Role.SECURITY_OFFICER}))


def test_a_granted_person_acts_with_that_role(session):
    person = make_person(session, role=Role.EXPERT)
    assert actor_of(session, person).roles == {Role.EXPERT}
