"""The commands of people and of the house, run as an operator would."""

import json
import re

import pytest

from marketplace.accounts import queries
from marketplace.core import audit
from marketplace.core.access import Role
from marketplace.core.db import db, transaction
from tests.factories.accounts import make_person


def run(app, *args):
    return app.test_cli_runner().invoke(args=list(args))


def test_the_first_security_officer_is_appointed_by_command(fresh_app):
    answer = run(fresh_app, "accounts", "appoint", "--login", "13800000001", "--name", "安宁", "--role", "security_officer", "--json")
    assert answer.exit_code == 0, answer.output
    assert re.fullmatch(r"[2-9A-Z]{4}(-[2-9A-Z]{4}){2}", json.loads(answer.stdout)["code"])
    with fresh_app.app_context():
        person = queries.by_login(db.session(), "13800000001")
        assert queries.load_actor(db.session(), person.id).roles == {Role.SECURITY_OFFICER}
    twice = run(fresh_app, "accounts", "appoint", "--login", "13800000001", "--name", "安宁", "--role", "auditor")
    assert twice.exit_code == 2
    assert "兼任" in twice.output


def test_an_unknown_unit_is_said_and_nothing_is_opened(fresh_app):
    answer = run(fresh_app, "accounts", "appoint", "--login", "13800000001", "--name", "安宁", "--role", "handler", "--organization", "没有")
    assert answer.exit_code == 2
    with fresh_app.app_context():
        assert queries.by_login(db.session(), "13800000001") is None


def test_audit_verify_answers_in_json_with_its_six_keys(fresh_app):
    with fresh_app.app_context(), transaction() as session:
        make_person(session)
        audit.seal_batch(session)
    answer = run(fresh_app, "audit", "verify", "--json")
    report = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert {"ok", "events", "sealed", "unsealed", "head", "first_bad"} <= set(report)
    assert (report["ok"], report["events"], report["sealed"], report["unsealed"], report["first_bad"]) == (True, 1, 1, 0, None)


def test_published_heads_fit_the_verifying_command_and_nonsense_ends_with_2(fresh_app, tmp_path):
    with fresh_app.app_context(), transaction() as session:
        make_person(session)
        audit.seal_batch(session)
    heads = tmp_path / "heads.txt"
    heads.write_text(run(fresh_app, "audit", "heads").stdout)
    assert heads.read_text().startswith("1 ")
    assert run(fresh_app, "audit", "verify", "--heads", str(heads)).exit_code == 0
    assert fresh_app.test_client().get("/audit-heads").text == heads.read_text()
    heads.write_text("1 " + "0" * 64)
    assert run(fresh_app, "audit", "verify", "--heads", str(heads)).exit_code == 1
    heads.write_text("what")
    assert run(fresh_app, "audit", "verify", "--heads", str(heads)).exit_code == 2


def test_health_by_command(fresh_app):
    answer = run(fresh_app, "ops", "health", "--json")
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["checks"]["migration"]["ok"] is True


@pytest.mark.parametrize(("day", "code"), [("2026-10-01", 1), ("2026-10-09", 0), ("2026-13-01", 2)])
def test_the_calendar_answers_by_exit_code(fresh_app, day, code):
    assert run(fresh_app, "calendar", "check", day).exit_code == code


def test_periods_end_as_the_rulebook_says(fresh_app):
    assert run(fresh_app, "calendar", "add", "2026-09-30", "2").stdout.strip() == "2026-10-09"
    assert run(fresh_app, "calendar", "add", "2026-09-15", "20", "--calendar-days").stdout.strip() == "2026-10-08"
