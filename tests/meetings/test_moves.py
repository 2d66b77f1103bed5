"""A published event that moves: what counts as a move, and that the own page, the calendar and the changes follow."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import select

from marketplace.core.access import Role
from marketplace.core.clock import beijing, utc_now
from marketplace.core.db import db, transaction
from marketplace.meetings.models import MeetingEvent
from marketplace.meetings.rules import moves
from marketplace.web import migrate
from marketplace.web.worker import run_until_idle
from tests.factories import NOW
from tests.factories.accounts import make_person, sign_in
from tests.factories.meetings import facts, make_public

BASE = facts()


@pytest.mark.parametrize(("changes", "rounds", "has_place"), [
    ({}, (), False), ({"title": "别的名称"}, (), False), ({"rounds": 6}, (), False), ({"is_open_to_units": True}, (), False),
    ({"starts_at": NOW}, (1, 2, 3, 4), False), ({"minutes": 25}, (1, 2, 3, 4), False), ({"break_minutes": 10}, (2, 3, 4), False),
    ({"pause_after": 2, "pause_minutes": 60}, (3, 4), False), ({"pause_after": 2, "pause_minutes": 5}, (), False),
    ({"place": "文化馆"}, (), True), ({"place": "", "break_minutes": 0}, (2, 3, 4), True), ({"rounds": 2, "minutes": 30}, (1, 2), False),
])
def test_a_move_names_the_rounds_with_another_time_and_the_place(changes, rounds, has_place):
    after = replace(BASE, **changes)
    found = moves.move(BASE, after)
    assert tuple(found.rounds) == rounds
    assert (found.places is not None) == has_place
    assert found.touches([4]) == (has_place or 4 in rounds)
    assert not found.touches([])
    for old, new in found.rounds.values():
        assert old.number == new.number
        assert (old.starts_at, old.ends_at) != (new.starts_at, new.ends_at)


def test_facts_travel_through_a_job_unchanged():
    assert moves.read(moves.plain(replace(BASE, pause_after=2, pause_minutes=40))) == replace(BASE, pause_after=2, pause_minutes=40)
    assert moves.read({**moves.plain(BASE), "something": "later"}) == BASE


@pytest.fixture
def fair(app):
    """A published event, its host and a member of the first organization."""
    with app.app_context(), transaction() as session:
        made, _ = make_public(session, now=utc_now())
        member = make_person(session, role=Role.PROVIDER_MEMBER, organization_id=made.organizations[0].id)
        session.flush()
        return {"ref": made.event.ref, "host": made.host.person_id, "member": member.id, "starts_at": made.event.starts_at}


def form(fair, **changes):
    """What the form of the event holds."""
    return {"title": BASE.title, "starts_at": f"{beijing(fair['starts_at']):%Y-%m-%d %H:%M}", "place": BASE.place,
            "rounds": "4", "minutes": "20", "break_minutes": "5", **changes}


def entries(client, fair):
    """The calendar of the member by entry: start, sequence, place."""
    text = client.get(f"/meetings/{fair['ref']}/mine.ics").text.replace("\r\n ", "")
    return {uid: (start, int(number), place) for uid, start, number, place in re.findall(
        r"UID:(\S+)\r\n.*?DTSTART:(\S+)\r\n.*?SEQUENCE:(\d+)\r\n.*?LOCATION:(.*?)\r\n", text, re.DOTALL)}


def test_the_own_page_and_the_calendar_follow_a_move_and_the_same_entries_are_replaced(client, app, fair):
    sign_in(client, fair["member"])
    before, page = entries(client, fair), client.get(f"/meetings/{fair['ref']}/mine").text
    assert before
    sign_in(client, fair["host"])
    assert "都会收到一条消息" in client.get(f"/meetings/{fair['ref']}/edit").text
    later = fair["starts_at"] + timedelta(hours=2)
    answer = client.post(f"/meetings/{fair['ref']}/edit", follow_redirects=True, data=form(
        fair, starts_at=f"{beijing(later):%Y-%m-%d %H:%M}", place="文化馆二楼"))
    assert "发消息告诉了每一家" in answer.text
    sign_in(client, fair["member"])
    after = entries(client, fair)
    assert after.keys() == before.keys()
    for uid, (start, number, place) in after.items():
        assert start > before[uid][0]
        assert number == before[uid][1] + 1, "a calendar takes an entry over only when its number grew"
        assert place.startswith("文化馆二楼")
    moved = client.get(f"/meetings/{fair['ref']}/mine").text
    assert "文化馆二楼" in moved
    assert re.findall(r"<b>(\d\d:\d\d–\d\d:\d\d)</b>", moved) != re.findall(r"<b>(\d\d:\d\d–\d\d:\d\d)</b>", page)


def test_saving_without_a_move_says_no_message_was_sent(client, fair):
    sign_in(client, fair["member"])
    before = entries(client, fair)
    sign_in(client, fair["host"])
    answer = client.post(f"/meetings/{fair['ref']}/edit", data=form(fair, title="冬季洽谈会"), follow_redirects=True)
    assert "已保存" in answer.text
    assert "发消息告诉了" not in answer.text
    sign_in(client, fair["member"])
    assert {uid: number for uid, (_, number, _) in entries(client, fair).items()} == {
        uid: number for uid, (_, number, _) in before.items()}


def test_a_project_at_another_table_is_named_among_the_changes(client, app, fair):
    sign_in(client, fair["host"])
    with app.app_context():
        table = db.session().scalars(select(MeetingEvent)).one().tables[0]
        ref, title, number = table.ref, table.project.title, table.number
    assert client.post(f"/meetings/{fair['ref']}/parties/{ref}", data={"number": "21", "least": "0"}).status_code == 303
    client.post(f"/meetings/{fair['ref']}/run", data={"keeps_before": "y"})
    with app.app_context():
        run_until_idle()
    page = client.get(f"/meetings/{fair['ref']}/changes").text
    assert f"{title}：{number} 号桌改为 21 号桌" in page
    assert "两版的洽谈安排完全相同" not in page


def test_what_is_there_before_the_upgrade_goes_on_counting_where_it_stood(databases):
    """An event with three versions, and a plan: its calendar numbers never fall back, its maker is who asked."""
    url = databases.new()
    made = sa.create_engine(url)
    settings = migrate.alembic_config()
    with made.connect().execution_options(writing=True) as connection, connection.begin():
        settings.attributes["connection"] = connection
        command.downgrade(settings, "20261122_15")
        at = "2026-11-20 02:00:00+00:00"
        connection.execute(sa.text(
            "INSERT INTO meeting_event (id, ref, title, place, starts_at, rounds, minutes, break_minutes, pause_after, pause_minutes,"
            " is_open_to_units, state, revision, created_at, version_id) VALUES (1, 'event', '洽谈会', '', :at, 4, 20, 5, 0, 0, :no,"
            " 'scheduled', 0, :at, 1), (2, 'other', '新的', '', :at, 4, 20, 5, 0, 0, :no, 'draft', 0, :at, 1)"), {"at": at, "no": False})
        for number in (1, 2, 3):
            connection.execute(sa.text(
                "INSERT INTO meeting_schedule (ref, event_id, number, state, phase, revision, rounds, keeps_before, points_from,"
                " inputs_hash, total, bound, meeting_count, is_exact, findings, started_at, done_at) VALUES (:ref, 1, :number, 'ready',"
                " 0, 0, 4, :no, '', '', 0, 0, 0, :no, '{}', :at, :at)"), {"ref": f"v{number}", "number": number, "no": False, "at": at})
        connection.execute(sa.text(
            "INSERT INTO fund_plan (ref, title, points, runs, inputs_sha256, state, phase, attempt, error, method, withdraw_reason,"
            " created_at) VALUES ('plan', '旧方案', 50, '[]', '0', 'draft', 'waiting', 1, '', '', '', :at)"), {"at": at})
    assert migrate.upgrade(made)
    with made.connect() as connection:
        assert dict(connection.execute(sa.text("SELECT ref, edition FROM meeting_event")).all()) == {"event": 3, "other": 0}
        row = connection.execute(sa.text("SELECT asked_by, asked_at, created_at FROM fund_plan")).one()
        assert row.asked_by is None
        assert row.asked_at == row.created_at
    made.dispose()
    databases.drop(url)
