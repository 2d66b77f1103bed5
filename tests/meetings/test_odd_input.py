"""What people change or type after a schedule was made: nothing breaks, nothing published vanishes unsaid."""

import pytest

from marketplace.core.errors import Invalid
from marketplace.meetings import operations
from marketplace.meetings.rules.edits import Edit, EditKind
from tests.factories import NOW
from tests.factories.accounts import sign_in
from tests.factories.meetings import facts, make_public, make_scheduled
from tests.meetings.test_operations import commit, pair, solved
from tests.meetings.test_views import build

__all__ = ["build"]
STRANGE = ("²", "9" * 5_000, "9" * 25, "-1", "")


def test_a_pin_in_a_round_that_is_no_more_is_refused_by_name(session):
    fair, _ = make_scheduled(session)
    commit(session, fair, Edit(EditKind.PIN, (pair(fair),), round=4, reason="约好的"))
    operations.change_event(session, actor=fair.host, event=fair.event, facts=facts(rounds=2), now=NOW)
    with pytest.raises(Invalid, match="请撤回这场指定") as refused:
        solved(session, fair)
    assert refused.value.facts["round"] == 4


def test_rounds_with_published_meetings_stay_until_the_schedule_is_taken_back(session):
    fair, _ = make_public(session)
    with pytest.raises(Invalid, match="请先撤回洽谈表"):
        operations.change_event(session, actor=fair.host, event=fair.event, facts=facts(rounds=2), now=NOW)
    operations.change_event(session, actor=fair.host, event=fair.event, facts=facts(rounds=5), now=NOW)
    operations.withdraw(session, actor=fair.host, event=fair.event, now=NOW)
    operations.change_event(session, actor=fair.host, event=fair.event, facts=facts(rounds=2), now=NOW)
    assert fair.event.rounds == 2


@pytest.mark.parametrize("typed", STRANGE)
def test_a_strange_version_number_is_no_version(client, build, typed):
    made = build(make_scheduled)
    answer = sign_in(client, made["host"]).post(f"/meetings/{made['ref']}/publish", data={"version": typed})
    assert answer.status_code == 404


@pytest.mark.parametrize("typed", STRANGE)
def test_a_strange_revision_asks_for_a_new_preview(client, build, typed):
    made = build(make_scheduled)
    answer = sign_in(client, made["host"]).post(f"/meetings/{made['ref']}/edits", data={
        "kind": "pin", "table": made["tables"][0], "visitor": made["visitors"][0], "reason": "约好的", "revision": typed})
    assert answer.status_code == 422
    assert "请重新预览" in answer.text


def test_an_event_at_the_end_of_time_is_refused_beside_its_field(client, build):
    made = build(make_scheduled)
    host = sign_in(client, made["host"])
    answer = host.post(f"/meetings/{made['ref']}/edit", data={
        "title": "洽谈会", "starts_at": "9999-12-31 23:50", "rounds": "4", "minutes": "20", "break_minutes": "5"})
    assert answer.status_code == 422
    assert "请检查年份" in answer.text
    assert host.get(f"/meetings/{made['ref']}").status_code == 200
