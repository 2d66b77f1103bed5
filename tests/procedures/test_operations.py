"""Local numbers: who may set them, from when they count, what they cannot be."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.core.access import Actor, Role
from marketplace.core.audit import AuditEvent
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Conflict, Denied, Invalid
from marketplace.procedures import operations, queries, rules
from tests.factories import NOW

OPERATOR = Actor(name="平台", roles=frozenset({Role.OPERATOR}))
TODAY = beijing_date(NOW)
TOMORROW = TODAY + timedelta(days=1)


def set_days(session, days, *, on=TODAY, actor=OPERATOR, key="objection_workdays"):
    return operations.set_local(session, actor=actor, procedure="below_threshold", key=key, value=days,
                                source="澜川区内控〔2026〕3号", effective_from=on, now=NOW)


def days_on(session, day):
    return queries.effective_rule_set(session, "below_threshold", day).objection_workdays


def test_without_local_settings_the_rule_set_is_the_published_one(session):
    assert queries.effective_rule_set(session, "below_threshold@2026.1", TODAY) == rules.BELOW_THRESHOLD


def test_a_setting_counts_from_its_day_and_the_past_can_be_read_back(session):
    set_days(session, 5)
    set_days(session, 7, on=TOMORROW)
    assert [days_on(session, TODAY + timedelta(days=n)) for n in (-1, 0, 1)] == [3, 5, 7]
    assert queries.effective_rule_set(session, "below_threshold", TODAY).source("objection_workdays") == "澜川区内控〔2026〕3号"


def test_the_audit_keeps_who_set_what(session):
    setting = set_days(session, 5)
    event = session.scalars(select(AuditEvent).where(AuditEvent.subject_ref == setting.ref)).one()
    assert (event.action, event.facts["value"], event.actor_name) == ("procedures.set_local", 5, "平台")


def test_only_an_operator_sets_local_numbers(session):
    with pytest.raises(Denied):
        set_days(session, 5, actor=Actor(person_id=1, roles=frozenset({Role.APPROVER})))


def test_yesterday_cannot_be_changed(session):
    with pytest.raises(Invalid):
        set_days(session, 5, on=TODAY - timedelta(days=1))


def test_the_same_number_cannot_be_set_twice_for_one_day(session):
    set_days(session, 5)
    with pytest.raises(Conflict):
        set_days(session, 7)


def test_what_the_law_fixes_cannot_be_set(session):
    with pytest.raises(Invalid):
        set_days(session, 45, key="sign_days")


def test_a_published_project_keeps_the_numbers_of_its_day():
    kept = rules.snapshot(rules.with_local(rules.BELOW_THRESHOLD, {"objection_workdays": (7, "文")}))
    assert queries.rule_set_of("below_threshold@2026.1", kept).objection_workdays == 7
    assert queries.rule_set_of("below_threshold", {}) is rules.BELOW_THRESHOLD
