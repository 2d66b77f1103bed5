"""SEC-03, SEC-10 to SEC-12, SEC-14: who is signed in, for how long, and what a stranger can find out or break."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from marketplace import create_app
from marketplace.accounts import operations, queries, rules
from marketplace.accounts.models import ActivationSlip, Person, SignIn
from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.web import security
from tests.conftest import test_services as services_for
from tests.factories.accounts import PASSWORD, sign_in
from tests.security.conftest import LOGIN, make_world


def post_sign_in(client, password=PASSWORD, login=LOGIN, address="203.0.113.7", **more):
    return client.post("/sign-in", data={"login": login, "password": password, **more}, environ_base={"REMOTE_ADDR": address})


def same_text(answer, login) -> str:
    """The page without what differs by right: the typed name and the one-time form token."""
    return re.sub(r'name="csrf_token" value="[^"]*"', "", answer.text).replace(login, "N")


def is_in(client) -> bool:
    return client.get("/my/account").status_code == 200


def change(app, verb):
    with app.app_context(), transaction() as session:
        return verb(session)


# ---------- SEC-03 ----------

def test_sec_03_a_revoked_role_ends_with_the_next_request(client, app, world):
    sign_in(client, world.people[Role.AUDITOR])
    assert client.get("/ops/audit").status_code == 200
    change(app, lambda s: operations.revoke(s, actor=SYSTEM, mandate=queries.live_mandates(s, world.people[Role.AUDITOR])[0], now=utc_now()))
    assert client.get("/ops/audit").status_code == 403


def test_sec_03_a_closed_account_is_out_with_the_next_request(client, app, world):
    sign_in(client, world.people[Role.AUDITOR])
    officer = Actor(person_id=world.people[Role.SECURITY_OFFICER], roles=frozenset({Role.SECURITY_OFFICER}))
    change(app, lambda s: operations.deactivate(s, actor=officer, person=s.get(Person, world.people[Role.AUDITOR]), reason="调离", now=utc_now()))
    assert client.get("/ops/audit").status_code == 302
    assert not is_in(client)


def test_sec_03_a_role_granted_counts_with_the_next_request(client, app, world):
    sign_in(client, world.people[Role.EXPERT])
    assert client.get("/ops/people").status_code == 403
    change(app, lambda s: operations.grant(s, actor=SYSTEM, person=s.get(Person, world.people[Role.EXPERT]), organization_id=None,
                                           role=Role.SECURITY_OFFICER, now=utc_now()))
    assert client.get("/ops/people").status_code == 200


# ---------- SEC-10 ----------

def test_sec_10_a_stranger_elsewhere_cannot_lock_a_bidder_out(client, app, world):
    stranger = app.test_client()
    for _ in range(6):
        last = post_sign_in(stranger, "wrong", address="198.51.100.9")
    assert last.status_code == 429
    assert post_sign_in(stranger, address="198.51.100.9").status_code == 429
    assert post_sign_in(client, address="203.0.113.7").status_code == 303


def test_sec_10_the_lock_outlives_a_restart_and_is_shared_by_workers(fresh_app):
    fresh_app.config["WTF_CSRF_ENABLED"] = False
    make_world(fresh_app)
    for _ in range(5):
        last = post_sign_in(fresh_app.test_client(), "wrong")
    assert last.status_code == 429
    config = fresh_app.extensions["marketplace.config"]
    second = create_app(config, services_for(config))
    second.config["WTF_CSRF_ENABLED"] = False
    try:
        assert post_sign_in(second.test_client()).status_code == 429
    finally:
        with second.app_context():
            db.session.remove()
            db.engine.dispose()


def test_sec_10_the_lock_ends_after_fifteen_minutes(client, app, world, monkeypatch):
    for _ in range(5):
        post_sign_in(client, "wrong")
    later = utc_now() + timedelta(minutes=15, seconds=1)
    monkeypatch.setattr("marketplace.accounts.views.entry.utc_now", lambda: later)
    assert post_sign_in(client).status_code == 303


def test_sec_10_four_failures_and_a_success_begin_the_count_anew(client, app, world):
    for _ in range(2):
        for _ in range(4):
            assert post_sign_in(app.test_client(), "wrong").status_code == 422
        assert post_sign_in(app.test_client()).status_code == 303


def test_sec_10_an_unlock_by_the_administrator_works_at_once(client, app, world):
    for _ in range(5):
        post_sign_in(client, "wrong")
    admin = app.test_client()
    sign_in(admin, world.people[Role.UNIT_ADMIN])
    with app.app_context():
        ref = db.session().get(Person, world.people[Role.HANDLER]).ref
    assert admin.post(f"/desk/people/{ref}/unlock").status_code == 303
    assert post_sign_in(client).status_code == 303


def test_sec_10_the_rate_limit_counts_account_and_address(fresh_app):
    config = replace(fresh_app.extensions["marketplace.config"], rate_limits=True)
    limited = create_app(config, services_for(config))
    limited.config["WTF_CSRF_ENABLED"] = False
    try:
        make_world(limited)
        client = limited.test_client()
        codes = [post_sign_in(client, "wrong", login="13700000000").status_code for _ in range(11)]
        assert codes[:4] == [422] * 4
        assert codes[10] == 429
        assert "稍等" in post_sign_in(client, "wrong", login="13700000000").text
        assert post_sign_in(client, "wrong", login="13700000001").status_code == 422
    finally:
        with limited.app_context():
            db.session.remove()
            db.engine.dispose()


# ---------- SEC-11 ----------

def test_sec_11_signing_in_begins_a_new_session_and_drops_what_was_planted(client, world):
    with client.session_transaction() as cookie:
        cookie["csrf_token"] = "planted"
        cookie["planted"] = "yes"
    post_sign_in(client)
    with client.session_transaction() as cookie:
        assert cookie.get("csrf_token") != "planted"
        assert "planted" not in cookie
        first = cookie["_user_id"]
    client.post("/sign-out")
    post_sign_in(client)
    with client.session_transaction() as cookie:
        assert cookie["_user_id"] != first


def test_sec_11_a_token_that_the_server_did_not_give_opens_nothing(client, world):
    with client.session_transaction() as cookie:
        cookie.update({"_user_id": "f" * 43, "seen": int(utc_now().timestamp())})
    assert not is_in(client)


def test_sec_11_a_copied_cookie_is_worth_nothing_after_sign_out(client, app, world):
    sign_in(client, world.people[Role.HANDLER])
    copy = app.test_client()
    copy.set_cookie("session", client.get_cookie("session").value)
    assert is_in(copy)
    assert client.post("/sign-out").status_code == 303
    assert not is_in(client)
    assert not is_in(copy)


def test_sec_11_switching_the_mandate_renews_the_token(client, app, world):
    person = world.people[Role.HANDLER]
    change(app, lambda s: operations.grant(s, actor=SYSTEM, person=s.get(Person, person), organization_id=world.units[1], role=Role.HANDLER, now=utc_now()))
    sign_in(client, person)
    copy = app.test_client()
    copy.set_cookie("session", client.get_cookie("session").value)
    with app.app_context():
        ref = queries.live_mandates(db.session(), person)[1].ref
    assert client.post("/my/account/acting", data={"mandate": ref}).status_code == 303
    assert is_in(client)
    assert not is_in(copy)


@pytest.mark.parametrize(("role", "minutes"), [(Role.HANDLER, 30), (Role.EXPERT, 30), (Role.FUNDER, 30), (Role.PROVIDER_MEMBER, 120)])
def test_sec_11_a_session_that_rests_too_long_ends(client, world, monkeypatch, role, minutes):
    sign_in(client, world.people[role])
    start = utc_now()
    monkeypatch.setattr(security, "utc_now", lambda: start + timedelta(minutes=minutes - 1))
    assert is_in(client)
    monkeypatch.setattr(security, "utc_now", lambda: start + timedelta(minutes=2 * minutes - 2))
    assert is_in(client), "a request in between must have counted as a sign of life"
    monkeypatch.setattr(security, "utc_now", lambda: start + timedelta(minutes=3 * minutes - 1))
    assert not is_in(client)
    assert "已自动退出" in client.get("/sign-in").text


def test_sec_11_no_session_is_older_than_twelve_hours(client, world, monkeypatch):
    sign_in(client, world.people[Role.PROVIDER_MEMBER])
    start = utc_now()
    for hours in range(1, 12):
        monkeypatch.setattr(security, "utc_now", lambda hours=hours: start + timedelta(hours=hours))
        assert is_in(client), hours
    monkeypatch.setattr(security, "utc_now", lambda: start + timedelta(hours=12, seconds=1))
    assert not is_in(client)


def test_sec_11_open_sessions_are_listed_with_address_and_browser(client, app, world):
    sign_in(client, world.people[Role.HANDLER])
    other = app.test_client()
    other.post("/sign-in", data={"login": LOGIN, "password": PASSWORD}, environ_base={"REMOTE_ADDR": "203.0.113.77"},
               headers={"User-Agent": "MicroMessenger 8"})
    page = client.get("/my/account").text
    assert "203.0.113.77" in page
    assert "MicroMessenger 8" in page


def test_sec_11_the_database_keeps_no_token(app, world):
    token = change(app, lambda s: operations.start_session(s, person=s.get(Person, world.people[Role.HANDLER]), address="-", device="-", now=utc_now()))
    with app.app_context():
        kept = [value for row in db.session().query(SignIn).all() for value in vars(row).values()]
    assert token not in kept


# ---------- SEC-12 ----------

def test_sec_12_known_and_unknown_accounts_get_the_same_answer(app, world):
    known = post_sign_in(app.test_client(), "wrong", login=LOGIN)
    unknown = post_sign_in(app.test_client(), "wrong", login="13900009999")
    assert known.status_code == unknown.status_code
    assert same_text(known, LOGIN) == same_text(unknown, "13900009999")


def test_sec_12_locked_known_and_unknown_accounts_get_the_same_answer(app, world):
    for login in (LOGIN, "13900009999"):
        for _ in range(5):
            post_sign_in(app.test_client(), "wrong", login=login)
    known = post_sign_in(app.test_client(), "wrong", login=LOGIN)
    unknown = post_sign_in(app.test_client(), "wrong", login="13900009999")
    assert known.status_code == unknown.status_code == 429
    assert same_text(known, LOGIN) == same_text(unknown, "13900009999")


def test_sec_12_activation_tells_no_account_apart(app, world):
    answers = [
        app.test_client().post("/activate", data={"login": login, "code": "AAAA-BBBB-CCCC", "password": "three plain words"})
        for login in (LOGIN, "13900009999")
    ]
    assert answers[0].status_code == answers[1].status_code == 422
    assert same_text(answers[0], LOGIN) == same_text(answers[1], "13900009999")


def test_sec_12_unknown_accounts_cost_the_same_hashing(app, world, monkeypatch):
    hashed = []

    class Counting:
        """The real hasher, noting what each check would cost."""

        def __getattr__(self, name):
            return getattr(real, name)

        def verify(self, stored, password):
            hashed.append(stored.rpartition("$")[0].rpartition("$")[0])   # algorithm, version, memory, rounds
            return real.verify(stored, password)

    real = rules._HASHER
    monkeypatch.setattr(rules, "_HASHER", Counting())
    for login in (LOGIN, "13900009999"):
        post_sign_in(app.test_client(), "wrong", login=login)
    assert len(hashed) == 2
    assert hashed[0] == hashed[1]
    assert hashed[0].startswith("$argon2id$")


# ---------- SEC-14 ----------

@pytest.fixture
def slip(app, world):
    return change(app, lambda s: operations.issue_slip(s, actor=SYSTEM, person=s.get(Person, world.people[Role.EXPERT]), now=utc_now()))


@pytest.fixture
def expert_login(app, world):
    with app.app_context():
        return db.session().get(Person, world.people[Role.EXPERT]).login


def test_sec_14_opening_the_link_uses_nothing_up_and_the_form_works_once(client, app, slip, expert_login):
    data = {"login": expert_login, "code": slip, "password": "three plain words"}
    for _ in range(3):
        assert client.get("/activate", query_string=data).status_code == 200
    assert client.post("/activate", data=data).status_code == 303
    assert client.post("/activate", data=data | {"password": "four other plain words"}).status_code == 422


def test_sec_14_a_slip_ends_after_seven_days(client, app, slip, expert_login, monkeypatch):
    later = utc_now() + timedelta(days=7, seconds=1)
    monkeypatch.setattr("marketplace.accounts.views.entry.utc_now", lambda: later)
    assert client.post("/activate", data={"login": expert_login, "code": slip, "password": "three plain words"}).status_code == 422


def test_sec_14_a_slip_is_for_its_person_only(client, app, world, slip):
    assert client.post("/activate", data={"login": LOGIN, "code": slip, "password": "three plain words"}).status_code == 422
    assert post_sign_in(client).status_code == 303


def test_sec_14_a_code_is_no_session_and_a_session_no_code(client, app, world, slip, expert_login):
    with client.session_transaction() as cookie:
        cookie.update({"_user_id": slip, "seen": int(utc_now().timestamp())})
    assert not is_in(client)
    token = change(app, lambda s: operations.start_session(s, person=s.get(Person, world.people[Role.EXPERT]), address="-", device="-", now=utc_now()))
    assert client.post("/activate", data={"login": expert_login, "code": token, "password": "three plain words"}).status_code == 422


def test_sec_14_the_database_keeps_no_code(app, slip):
    with app.app_context():
        kept = str([vars(row) for row in db.session().query(ActivationSlip).all()])
    assert slip not in kept
    assert slip.replace("-", "") not in kept


def test_sec_14_guessing_codes_locks_the_pair(client, app, slip, expert_login):
    for _ in range(5):
        last = client.post("/activate", data={"login": expert_login, "code": "AAAA-BBBB-CCCC", "password": "three plain words"})
    assert last.status_code == 429
    assert client.post("/activate", data={"login": expert_login, "code": slip, "password": "three plain words"}).status_code == 429


def test_sec_10_limits_count_the_person_and_for_visitors_the_address(fresh_app):
    config = replace(fresh_app.extensions["marketplace.config"], rate_limits=True)
    limited = create_app(config, services_for(config))
    try:
        world = make_world(limited)
        client, visitor = limited.test_client(), limited.test_client()
        sign_in(client, world.people[Role.HANDLER])
        codes = [client.get("/catalogs/export.csv").status_code for _ in range(31)]
        assert (codes[29], codes[30]) == (404, 429)
        assert visitor.get("/catalogs/export.csv").status_code == 404, "the same address, but not the same person"
        assert client.get("/search?q=助餐").headers["X-RateLimit-Limit"] == "5"
        assert "X-RateLimit-Limit" not in client.get("/projects").headers, "only searching is limited"
    finally:
        with limited.app_context():
            db.session.remove()
            db.engine.dispose()
