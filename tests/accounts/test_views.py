"""The pages of people through HTTP: the door, the profile, members, the platform's desk."""

import re
from datetime import timedelta

import pytest

from marketplace.accounts import operations, queries, rules
from marketplace.accounts.models import Mandate, Person, SignIn
from marketplace.core.access import SYSTEM, Role
from marketplace.core.audit import AuditEvent
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.organizations import operations as registry
from tests.factories.accounts import PASSWORD, make_person, sign_in, with_password

GENERIC = "账号或密码不对"


@pytest.fixture
def people(app):
    """A unit with a town below it, an administrator each, a security officer; ids by name."""
    now = utc_now()
    with app.app_context(), transaction() as session:
        bureau = registry.register_unit(session, actor=SYSTEM, name="澜川区民政局", parent=None, area_code="000001", now=now)
        session.flush()
        town = registry.register_unit(session, actor=SYSTEM, name="桐浦街道办事处", parent=bureau, area_code="000002", now=now)
        session.flush()
        made = {
            "admin": make_person(session, name="方静", role=Role.UNIT_ADMIN, organization_id=bureau.id, now=now),
            "town_admin": make_person(session, name="罗平", role=Role.UNIT_ADMIN, organization_id=town.id, now=now),
            "handler": make_person(session, name="周敏", role=Role.HANDLER, organization_id=town.id, now=now),
            "officer": make_person(session, name="安宁", role=Role.SECURITY_OFFICER, now=now),
            "auditor": make_person(session, name="沈明", role=Role.AUDITOR, now=now),
            "operator": make_person(session, name="许可", role=Role.OPERATOR, now=now),
        }
        with_password(session, made["handler"], now=now)
        session.flush()
        return {name: person.id for name, person in made.items()} | {
            "bureau_ref": bureau.ref, "town_ref": town.ref, "login": made["handler"].login, "bureau": bureau.id, "town": town.id}


def read(app, query):
    """Run a read in a context of its own."""
    with app.app_context():
        return query(db.session())


def test_the_right_password_opens_the_door_and_leads_back(client, people):
    answer = client.post("/sign-in", data={"login": people["login"], "password": PASSWORD, "next": "/my/account"})
    assert (answer.status_code, answer.location) == (303, "/my/account")
    assert "周敏" in client.get("/my/account").text


def test_a_wrong_password_says_so_and_keeps_the_account_name(client, people):
    answer = client.post("/sign-in", data={"login": people["login"], "password": "wrong"})
    assert answer.status_code == 422
    assert GENERIC in answer.text
    assert f'value="{people["login"]}"' in answer.text
    assert "wrong" not in answer.text


def test_five_wrong_passwords_lock_this_address_and_say_until_when(client, people):
    for _ in range(4):
        assert client.post("/sign-in", data={"login": people["login"], "password": "wrong"}).status_code == 422
    answer = client.post("/sign-in", data={"login": people["login"], "password": "wrong"})
    assert answer.status_code == 429
    assert "暂停登录" in answer.text
    assert client.post("/sign-in", data={"login": people["login"], "password": PASSWORD}).status_code == 429


def test_the_profile_saves_data_language_and_size(client, people, app):
    sign_in(client, people["handler"])
    client.get("/my/account?lang=zh-Hans&size=normal")
    answer = client.post("/my/account", data={"name": "周敏敏", "title": "科员", "phone": "13800000000", "email": "a@b.cn",
                                              "locale": "en", "text_size": "large"})
    assert answer.status_code == 303
    page = client.get("/my/account").text
    assert 'data-size="large"' in page
    assert 'lang="en"' in page
    saved = read(app, lambda s: s.get(Person, people["handler"]))
    assert (saved.name, saved.title, saved.email) == ("周敏敏", "科员", "a@b.cn")


def test_a_bad_profile_comes_back_with_what_was_typed(client, people):
    sign_in(client, people["handler"])
    answer = client.post("/my/account", data={"name": "", "email": "no", "locale": "xx", "text_size": "normal"})
    assert answer.status_code == 422
    assert "请填姓名" in answer.text
    assert 'value="no"' in answer.text


def test_changing_the_password_goes_on_here_and_ends_elsewhere(client, people, app):
    other = app.test_client()
    sign_in(client, people["handler"])
    sign_in(other, people["handler"])
    answer = client.post("/my/account/password", data={"current": PASSWORD, "password": "a longer phrase of mine"})
    assert answer.status_code == 303
    assert client.get("/my/account").status_code == 200
    assert other.get("/my/account").status_code == 302


def test_a_wrong_current_password_changes_nothing(client, people):
    sign_in(client, people["handler"])
    answer = client.post("/my/account/password", data={"current": "no", "password": "a longer phrase of mine"})
    assert answer.status_code == 422
    assert "现在的密码不对" in answer.text


def test_a_person_switches_whom_he_acts_for(client, people, app):
    with app.app_context(), transaction() as session:
        person = session.get(Person, people["handler"])
        held = operations.grant(session, actor=SYSTEM, person=person, organization_id=people["bureau"], role=Role.APPROVER, now=utc_now())
        ref = held.ref
    sign_in(client, people["handler"])
    assert client.post("/my/account/acting", data={"mandate": ref}).status_code == 303
    actor = read(app, lambda s: queries.load_actor(s, people["handler"]))
    assert (actor.organization_id, actor.roles) == (people["bureau"], {Role.APPROVER})
    assert client.get("/my/account").status_code == 200


def test_nobody_acts_with_a_mandate_of_somebody_else(client, people, app):
    foreign = read(app, lambda s: queries.live_mandates(s, people["admin"])[0].ref)
    sign_in(client, people["handler"])
    assert client.post("/my/account/acting", data={"mandate": foreign}).status_code == 422
    assert client.post("/my/account/acting", data={"mandate": "none"}).status_code == 422


def test_other_browsers_can_be_signed_out(client, people, app):
    other = app.test_client()
    sign_in(client, people["handler"])
    sign_in(other, people["handler"])
    assert client.post("/my/account/sessions/end").status_code == 303
    assert client.get("/my/account").status_code == 200
    assert other.get("/my/account").status_code == 302


def test_a_unit_administrator_sees_members_below_and_not_above(client, people, app):
    sign_in(client, people["admin"])
    page = client.get("/desk/members").text
    assert "周敏" in page
    assert "罗平" in page
    town = app.test_client()
    sign_in(town, people["town_admin"])
    page = town.get("/desk/members").text
    assert "周敏" in page
    assert "方静" not in page


def test_an_invited_member_activates_with_the_printed_slip(client, people, app):
    sign_in(client, people["admin"])
    slip = client.post("/desk/members/invite", data={
        "login": "138 1234 5678", "name": "陈一", "organization": people["town_ref"], "roles": ["handler", "approver"]})
    assert slip.status_code == 200
    assert slip.headers["Cache-Control"] == "no-store"
    code = re.search(r"[2-9A-Z]{4}(-[2-9A-Z]{4}){2}", slip.text)[0]
    newcomer = app.test_client()
    answer = newcomer.post("/activate", data={"login": "13812345678", "code": code.lower(), "password": "three plain words"})
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    answer = newcomer.post("/sign-in", data={"login": "13812345678", "password": "three plain words"})
    assert answer.status_code == 303
    roles = read(app, lambda s: queries.load_actor(s, queries.by_login(s, "13812345678").id).roles)
    assert roles == {Role.HANDLER, Role.APPROVER}


def test_inviting_into_a_unit_above_is_refused_by_the_form(client, people):
    sign_in(client, people["town_admin"])
    answer = client.post("/desk/members/invite", data={
        "login": "13812345678", "name": "陈一", "organization": people["bureau_ref"], "roles": ["handler"]})
    assert answer.status_code == 422


def test_a_role_taken_back_is_gone_from_the_list(client, people, app):
    sign_in(client, people["admin"])
    ref = read(app, lambda s: queries.live_mandates(s, people["handler"])[0].ref)
    assert client.post(f"/desk/mandates/{ref}/revoke").status_code == 303
    assert "周敏" not in client.get("/desk/members").text


def test_a_reprinted_slip_replaces_the_earlier_one(client, people, app):
    ref = read(app, lambda s: s.get(Person, people["handler"]).ref)
    sign_in(client, people["town_admin"])
    pattern = r"[2-9A-Z]{4}(?:-[2-9A-Z]{4}){2}"
    first = re.search(pattern, client.post(f"/desk/people/{ref}/slip").text)[0]
    second = re.search(pattern, client.post(f"/desk/people/{ref}/slip").text)[0]
    visitor = app.test_client()
    data = {"login": people["login"], "password": "three plain words"}
    assert visitor.post("/activate", data=data | {"code": first}).status_code == 422
    assert visitor.post("/activate", data=data | {"code": second}).status_code == 303


def test_an_administrator_cannot_print_a_slip_for_a_member_of_another_unit_too(client, people, app):
    with app.app_context(), transaction() as session:
        person = session.get(Person, people["handler"])
        operations.grant(session, actor=SYSTEM, person=person, organization_id=people["bureau"], role=Role.APPROVER, now=utc_now())
        ref = person.ref
    sign_in(client, people["town_admin"])
    assert client.post(f"/desk/people/{ref}/slip").status_code == 403


def test_the_security_officer_finds_people_and_opens_the_first_administrator(client, people):
    sign_in(client, people["officer"])
    assert "周敏" in client.get("/ops/people?q=桐浦").text
    assert "方静" not in client.get("/ops/people?q=桐浦").text
    slip = client.post("/ops/people/new", data={"login": "13900000001", "name": "钱二", "role": "unit_admin", "organization": "桐浦街道办事处"})
    assert slip.status_code == 200
    assert "13900000001" in slip.text
    wrong = client.post("/ops/people/new", data={"login": "13900000002", "name": "钱三", "role": "unit_admin", "organization": "没有这个单位"})
    assert wrong.status_code == 422
    assert "没有找到" in wrong.text


def test_the_security_officer_grants_closes_and_reopens(client, people, app):
    sign_in(client, people["officer"])
    ref = read(app, lambda s: s.get(Person, people["handler"]).ref)
    assert client.post(f"/ops/people/{ref}/grant", data={"role": "expert"}).status_code == 303
    assert client.post(f"/ops/people/{ref}/deactivate", data={"reason": ""}).status_code == 422
    assert client.post(f"/ops/people/{ref}/deactivate", data={"reason": "调离"}).status_code == 303
    assert "已停用" in client.get(f"/ops/people/{ref}").text
    assert client.post(f"/ops/people/{ref}/reactivate").status_code == 303
    assert client.post(f"/ops/people/{ref}/sessions/end").status_code == 303
    assert read(app, lambda s: s.get(Person, people["handler"]).is_active)
    assert client.get("/ops/people/nobody").status_code == 404


def test_two_separated_roles_in_one_person_are_refused_with_a_reason(client, people, app):
    sign_in(client, people["officer"])
    ref = read(app, lambda s: s.get(Person, people["auditor"]).ref)
    answer = client.post(f"/ops/people/{ref}/grant", data={"role": "operator"})
    assert answer.status_code == 422
    assert "不能由一人兼任" in answer.text


def test_the_officer_does_not_grant_himself(client, people, app):
    sign_in(client, people["officer"])
    ref = read(app, lambda s: s.get(Person, people["officer"]).ref)
    assert client.post(f"/ops/people/{ref}/grant", data={"role": "expert"}).status_code == 403


def test_the_auditor_reads_filters_and_verifies(client, people):
    sign_in(client, people["auditor"])
    page = client.get("/ops/audit?action=mandate.&verify=1").text
    assert "mandate.granted" in page
    assert "account.opened" not in page
    assert "没有发现改动" in page
    assert "没有这样的记录" in client.get("/ops/audit?since=2031-01-01").text


def test_the_operator_puts_a_parked_job_back(client, people, app):
    from marketplace.core.outbox import Job, JobState

    now = utc_now()
    with app.app_context(), transaction() as session:
        session.add(Job(kind="x", handler="contracts.draw", payload={}, state=JobState.PARKED, due_at=now, created_at=now,
                        attempts=8, last_error="Traceback\nOSError: no space left"))
        session.flush()
        ref = session.query(Job.ref).filter_by(handler="contracts.draw").scalar()
    sign_in(client, people["operator"])
    page = client.get("/ops/jobs").text
    assert "OSError: no space left" in page
    assert client.post(f"/ops/jobs/{ref}/retry").status_code == 303
    assert client.post(f"/ops/jobs/{ref}/retry").status_code == 409
    job = read(app, lambda s: s.query(Job).filter_by(ref=ref).one())
    assert (job.state, job.attempts) == (JobState.WAITING, 0)


def test_the_desk_of_the_platform_shows_each_administrator_his_own_work(client, people, app):
    for who, sees, misses in (("officer", "/ops/people", "/ops/audit"), ("auditor", "/ops/audit", "/ops/jobs"), ("operator", "/ops/jobs", "/ops/people")):
        each = app.test_client()
        sign_in(each, people[who])
        page = each.get("/ops").text
        assert f'href="{sees}"' in page
        assert f'href="{misses}"' not in page


def test_health_says_what_holds(client, app):
    assert client.get("/healthz").text == "ok\n"
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.json
    assert answer.json["ok"] is True
    assert set(answer.json["checks"]) == {"database", "migration", "storage", "jobs", "clock", "search"}
    assert answer.json["degraded"] == ["search"], "there is no index yet: the site is ready, its search is limited"


def test_health_turns_red_when_jobs_are_late(client, app):
    from marketplace.core.outbox import Job

    past = utc_now() - timedelta(minutes=6)
    with app.app_context(), transaction() as session:
        session.add(Job(kind="x", handler="x.y", payload={}, due_at=past, created_at=past))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["checks"]["jobs"]["ok"] is False


def test_health_turns_red_when_the_folder_takes_no_file(client, app, monkeypatch):
    from pathlib import Path

    def full(_self, _data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert client.get("/readyz").json["checks"]["storage"]["ok"] is False


def test_twenty_refusals_in_ten_minutes_raise_the_alarm_once(client, people, app):
    from marketplace.core.outbox import Job

    sign_in(client, people["handler"])
    for _ in range(22):
        assert client.get("/ops/audit").status_code == 403
    with app.app_context():
        session = db.session()
        refused = session.query(AuditEvent).filter_by(action="access.refused", actor_id=people["handler"]).count()
        alarms = session.query(Job).filter_by(kind=rules.JOB_REFUSALS_PILED_UP).all()
    assert refused == 22
    assert {(job.payload["count"], job.payload["name"]) for job in alarms} == {(20, "周敏")}


def test_every_change_of_powers_is_in_the_audit(client, people, app):
    ref = read(app, lambda s: queries.live_mandates(s, people["handler"])[0].ref)
    sign_in(client, people["admin"])
    client.post(f"/desk/mandates/{ref}/revoke")
    event = read(app, lambda s: s.query(AuditEvent).filter_by(action="mandate.revoked").one())
    assert event.actor_id == people["admin"]
    assert event.facts["mandate"] == ref
    assert read(app, lambda s: s.query(Mandate).filter_by(ref=ref).one().revoked_at) is not None
    assert read(app, lambda s: s.query(SignIn).count()) == 1
