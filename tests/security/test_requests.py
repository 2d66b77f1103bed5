"""SEC-15 to SEC-19, SEC-36, SEC-37, headers: what a hostile request may look like, and what every response carries."""

import importlib
import inspect
import pkgutil
import re
from dataclasses import replace

import pytest
from flask_wtf import FlaskForm

import marketplace
from marketplace import create_app
from marketplace.accounts import queries
from marketplace.accounts.models import Mandate, Person, SignIn
from marketplace.core.access import Role
from marketplace.core.db import db
from marketplace.web.security import HEADERS
from tests.conftest import test_services as services_for
from tests.factories.accounts import PASSWORD, sign_in
from tests.security.conftest import LOGIN, make_world
from tests.security.permissions import filled


@pytest.fixture
def guarded(client, app):
    """A visitor whose forms need their token, as in real life."""
    app.config["WTF_CSRF_ENABLED"] = True
    yield client
    app.config["WTF_CSRF_ENABLED"] = False


def token_in(page: str) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', page)[1]


def variant(app, **changes):
    """The same site with another config."""
    config = replace(app.extensions["marketplace.config"], **changes)
    made = create_app(config, services_for(config))
    made.config["WTF_CSRF_ENABLED"] = False
    return made


@pytest.fixture
def made_apps():
    made = []
    yield made
    for each in made:
        with each.app_context():
            db.session.remove()
            db.engine.dispose()


# ---------- SEC-15 ----------

@pytest.mark.parametrize("target", [
    "//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example/my", "%2f%2fevil.example", "/%2f%2fevil.example",
    "/\r\nSet-Cookie: x=1", "/my\r\nLocation: //evil", "／／evil.example", "\\\\evil.example", "javascript:alert(1)", "/no-such-page",
    " //evil.example", "/my#@evil.example", "//localhost@evil.example", "/./\\evil", "", "/static/../../etc/passwd", "/sign-in?next=//evil",
])
def test_sec_15_next_leads_nowhere_but_to_pages_of_this_site(client, world, target):
    answer = client.post("/sign-in", data={"login": LOGIN, "password": PASSWORD, "next": target})
    assert answer.status_code == 303
    assert answer.location == "/my"
    assert "evil" not in str(answer.headers)


def test_sec_15_next_keeps_a_page_of_this_site_with_its_arguments(client, world):
    answer = client.post("/sign-in", data={"login": LOGIN, "password": PASSWORD, "next": "/organizations?page=2"})
    assert answer.location == "/organizations?page=2"


def test_sec_15_a_signed_in_visitor_is_not_sent_away_either(client, world):
    sign_in(client, world.people[Role.HANDLER])
    assert client.get("/sign-in?next=//evil.example").location == "/my"


def test_sec_15_htmx_redirects_stay_here(client, app):
    answer = client.get("/my/account?next=//evil.example", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/sign-in?next=/my/account")
    assert "HX-Location" not in answer.headers


# ---------- SEC-16 ----------

@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::2]", "localhost@evil.example"])
def test_sec_16_an_unknown_host_gets_400(client, host):
    answer = client.get("/sign-in", headers={"Host": host})
    assert answer.status_code == 400
    assert "evil" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "localhost:5017", "127.0.0.1:5017", "LOCALHOST"])
def test_sec_16_our_hosts_are_answered(client, host):
    assert client.get("/sign-in", headers={"Host": host}).status_code == 200


def test_sec_16_named_hosts_replace_the_usual_ones(fresh_app, made_apps):
    made_apps.append(variant(fresh_app, allowed_hosts=("market.example.cn",)))
    client = made_apps[0].test_client()
    assert client.get("/sign-in", headers={"Host": "market.example.cn"}).status_code == 200
    assert client.get("/sign-in", headers={"Host": "localhost"}).status_code == 400


@pytest.mark.parametrize(("proxies", "address"), [(0, "10.0.0.1"), (1, "203.0.113.5")])
def test_sec_16_forwarded_addresses_count_only_behind_the_configured_proxy(fresh_app, made_apps, proxies, address):
    made_apps.append(variant(fresh_app, behind_proxy=proxies))
    make_world(made_apps[0])
    made_apps[0].test_client().post(
        "/sign-in", data={"login": LOGIN, "password": PASSWORD}, environ_base={"REMOTE_ADDR": "10.0.0.1"},
        headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.5", "X-Forwarded-Host": "evil.example"})
    with made_apps[0].app_context():
        assert [each.address for each in db.session().query(SignIn).all()] == [address]


def test_sec_16_the_printed_slip_names_the_configured_address_whatever_the_request_says(client, app, world):
    sign_in(client, world.people[Role.UNIT_ADMIN])
    with app.app_context():
        ref = db.session().get(Person, world.people[Role.HANDLER]).ref
    page = client.post(f"/desk/people/{ref}/slip", headers={"X-Forwarded-Host": "evil.example"}).text
    assert "http://localhost/activate" in page
    assert "evil.example" not in page


# ---------- SEC-17 ----------

OWNED = {"name", "title", "phone", "email", "locale", "text_size"}


def test_sec_17_the_profile_form_changes_its_own_fields_only(client, app, world):
    person_id = world.people[Role.HANDLER]
    sign_in(client, person_id)
    columns = [column.key for column in Person.__table__.columns] + [column.key for column in Mandate.__table__.columns]

    def row():
        with app.app_context():
            person = db.session().get(Person, person_id)
            return {column.key: getattr(person, column.key) for column in Person.__table__.columns if column.key not in OWNED}

    before, roles = row(), queries_roles(app, person_id)
    data = {name: "1" for name in columns if name not in OWNED} | {
        "name": "周敏", "locale": "zh_Hans_CN", "text_size": "normal", "role": "operator", "roles": "operator", "is_admin": "1"}
    assert client.post("/my/account", data=data).status_code == 303
    assert row() == before
    assert queries_roles(app, person_id) == roles


def queries_roles(app, person_id):
    with app.app_context():
        return queries.load_actor(db.session(), person_id).roles


def test_sec_17_an_invitation_gives_no_more_than_the_administrator_may(client, app, world):
    sign_in(client, world.people[Role.UNIT_ADMIN])
    with app.app_context():
        unit = queries.place(db.session(), world.units[0]).ref
    base = {"login": "13612345678", "name": "新人", "organization": unit, "is_active": "0", "password_hash": "x", "session_epoch": "9"}
    assert client.post("/desk/members/invite", data=base | {"roles": ["handler", "operator"]}).status_code == 422
    assert client.post("/desk/members/invite", data=base | {"roles": ["handler"]}).status_code == 200
    with app.app_context():
        person = queries.by_login(db.session(), "13612345678")
        assert (person.is_active, person.password_hash, person.session_epoch) == (True, None, 0)


FORBIDDEN_FIELDS = {
    "id", "ref", "state", "is_active", "is_admin", "person_id", "owner_id", "organization_id", "buyer_id", "granted_by", "verified_at", "verified_by",
    "password_hash", "session_epoch", "published_at", "awarded_at", "opened_at", "submitted_at", "version_id", "created_at", "path", "own_hash",
    "chain_hash", "position", "sha256", "source_ref",
}


EDITED = {"CatalogItemForm": {"is_active"}}   # a catalogue line is switched off by its editor


def test_sec_17_no_form_of_any_slice_has_a_field_for_what_only_operations_set():
    found = {}
    for module in pkgutil.walk_packages(marketplace.__path__, "marketplace."):
        if ".forms" not in module.name:
            continue
        for name, form in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(form, FlaskForm) and form is not FlaskForm:
                fields = {field for field in dir(form) if type(getattr(form, field)).__name__ == "UnboundField"}
                found[name] = (fields & FORBIDDEN_FIELDS) - EDITED.get(name, set())
    assert len(found) >= 8
    assert {name: fields for name, fields in found.items() if fields} == {}


# ---------- SEC-18 ----------

@pytest.mark.parametrize("path", ["/organizations?q=%00", "/ops/people?q=a%00b", "/organizations/%00", "/my/account?x=%00"])
def test_sec_18_a_nul_anywhere_is_a_bad_request(client, world, path):
    sign_in(client, world.people[Role.SECURITY_OFFICER])
    assert client.get(path).status_code == 400


def test_sec_18_a_nul_in_a_form_is_a_bad_request(client, world):
    assert client.post("/sign-in", data={"login": "a\x00b", "password": "x"}).status_code == 400


@pytest.mark.parametrize("data", [
    {"login": ["13900000000", "13900000001"], "password": ["wrong", PASSWORD]}, {"login[]": "x", "password[a][b]": "y"},
    {"login": '{"$ne": null}', "password": '{"$gt": ""}'}, {"login": "x" * 5000, "password": "y" * 5000}, {"login": "１３９００００００００", "password": "wrong"},
    {"login": "13900000000' OR '1'='1", "password": "' OR '1'='1"}, {"login": "\u202e13900000000", "password": "x"},
])
def test_sec_18_odd_values_in_the_sign_in_form_are_refused_in_words(client, world, data):
    answer = client.post("/sign-in", data=data)
    assert answer.status_code == 422
    assert "field-error" in answer.text


def test_sec_18_full_width_digits_in_the_account_name_are_the_same_account(client, world):
    full_width = LOGIN.translate({ord(str(d)): chr(0xFF10 + d) for d in range(10)})
    assert client.post("/sign-in", data={"login": full_width, "password": PASSWORD}).status_code == 303


@pytest.mark.parametrize("query", ["page=-1", "page=0", "page=99999999999999999999", "page=1e9", "page=NaN", "page=１", "page[]=2", "page=1&page=2", "role=x", "since=24:00&until=99"])
def test_sec_18_odd_arguments_of_lists_show_a_list(client, world, query):
    sign_in(client, world.people[Role.SECURITY_OFFICER])
    assert client.get(f"/ops/people?{query}").status_code == 200
    sign_in(client, world.people[Role.AUDITOR])
    assert client.get(f"/ops/audit?{query}").status_code == 200


# ---------- SEC-19 ----------

DATA = {"name": "写了很久的文字", "locale": "zh_Hans_CN", "text_size": "normal"}


def test_sec_19_a_form_without_a_token_is_not_carried_out_and_keeps_the_text(guarded, app, world):
    sign_in(guarded, world.people[Role.HANDLER])
    answer = guarded.post("/my/account", data=DATA)
    assert answer.status_code == 400
    assert "写了很久的文字" in answer.text
    with app.app_context():
        assert db.session().get(Person, world.people[Role.HANDLER]).name != "写了很久的文字"


def test_sec_19_the_page_after_a_missing_token_sends_the_text_again(guarded, app, world):
    sign_in(guarded, world.people[Role.HANDLER])
    page = guarded.post("/my/account", data=DATA).text
    answer = guarded.post("/my/account", data=DATA | {"csrf_token": token_in(page[page.index('class="sheet'):])})
    assert answer.status_code == 303
    with app.app_context():
        assert db.session().get(Person, world.people[Role.HANDLER]).name == "写了很久的文字"


@pytest.mark.parametrize("token", ["", "wrong", "ImZha2Ui.aaaa.bbbb"])
def test_sec_19_a_wrong_token_is_refused(guarded, world, token):
    sign_in(guarded, world.people[Role.HANDLER])
    guarded.get("/my/account")
    assert guarded.post("/my/account", data=DATA | {"csrf_token": token}).status_code == 400


def test_sec_19_a_token_of_another_session_is_refused(guarded, app, world):
    other = app.test_client()
    sign_in(other, world.people[Role.EXPERT])
    sign_in(guarded, world.people[Role.HANDLER])
    guarded.get("/my/account")
    assert guarded.post("/my/account", data=DATA | {"csrf_token": token_in(other.get("/my/account").text)}).status_code == 400


def test_sec_19_an_expired_token_gives_a_readable_page_that_keeps_the_text_but_no_password(guarded, app, world):
    sign_in(guarded, world.people[Role.HANDLER])
    token = token_in(guarded.get("/my/account").text)
    app.config["WTF_CSRF_TIME_LIMIT"] = -1
    try:
        answer = guarded.post("/my/account", data=DATA | {"csrf_token": token, "new_password": "secret words"})
    finally:
        app.config["WTF_CSRF_TIME_LIMIT"] = 12 * 3600
    assert answer.status_code == 400
    assert "打开太久" in answer.text
    assert "写了很久的文字" in answer.text
    assert "secret words" not in answer.text


@pytest.mark.parametrize("origin", ["null", "https://evil.example", "http://localhost.evil.example"])
def test_sec_19_a_form_from_another_site_is_refused_even_with_a_token(guarded, world, origin):
    sign_in(guarded, world.people[Role.HANDLER])
    token = token_in(guarded.get("/my/account").text)
    assert guarded.post("/my/account", data=DATA | {"csrf_token": token}, headers={"Origin": origin}).status_code == 400
    assert guarded.post("/my/account", data=DATA | {"csrf_token": token}, headers={"Origin": "http://localhost"}).status_code == 303


def test_sec_19_htmx_needs_the_token_too_and_may_send_it_in_a_header(guarded, world):
    sign_in(guarded, world.people[Role.HANDLER])
    token = token_in(guarded.get("/my/account").text)
    refused = guarded.post("/my/account", data=DATA, headers={"HX-Request": "true"})
    assert refused.status_code == 419
    assert "<html" not in refused.text
    assert guarded.post("/my/account", data=DATA, headers={"HX-Request": "true", "X-CSRFToken": token}).status_code == 303


LETTER_LINKS = {  # RFC 8058: a mail program posts without a session; the secret in the address is the authority
    "/my/searches/off/<token>", "/my/searches/off/<token>/<any(all):scope>", "/my/searches/off/<token>/<kind>/<item_ref>",
    "/stripe/webhook/<label>",   # its signature over the bytes stands in for the token
}


def test_sec_19_every_route_that_changes_anything_wants_a_token(guarded, app, world):
    open_routes = []
    sign_in(guarded, world.people[Role.HANDLER])
    for rule in app.url_map.iter_rules():
        for method in sorted(rule.methods & {"POST", "PUT", "PATCH", "DELETE"}):
            answer = guarded.open(filled(rule), method=method)
            if answer.status_code != (404 if str(rule) in LETTER_LINKS else 400):
                open_routes.append((str(rule), method, answer.status_code))
    assert open_routes == []
    assert {str(rule) for rule in app.url_map.iter_rules()} >= LETTER_LINKS


# ---------- SEC-36 ----------

def test_sec_36_every_route_answers_only_the_methods_it_declares(client, app):
    answers = {
        (str(rule), method): client.open(filled(rule), method=method).status_code
        for rule in app.url_map.iter_rules() for method in ("TRACE", "DELETE", "PROPFIND")
        if method not in rule.methods
    }
    assert {route: code for route, code in answers.items() if code not in {404, 405}} == {}


@pytest.mark.parametrize("kind", ["application/json", "application/xml", "text/plain", "application/x-java-serialized-object"])
def test_sec_36_an_unknown_body_is_415(client, kind):
    assert client.post("/sign-in", data=b"<a/>", content_type=kind).status_code == 415


def test_sec_36_a_fault_of_ours_shows_no_trace(client, app, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("secret detail of the inside")

    monkeypatch.setattr("marketplace.accounts.views.entry.queries.door", broken)
    app.config["SHOW_500"] = True
    try:
        answer = client.post("/sign-in", data={"login": LOGIN, "password": "x"})
    finally:
        app.config["SHOW_500"] = False
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text
    assert "已经记录下来" in answer.text


@pytest.mark.parametrize(("path", "code"), [("/no-such-page", 404), ("/sign-out", 405), ("/organizations/nothing", 404)])
def test_sec_36_error_pages_are_ours_and_name_no_software(client, path, code):
    answer = client.get(path)
    assert answer.status_code == code
    assert "<html" in answer.text
    assert not re.search(r"werkzeug|flask|python|gunicorn", answer.text + str(answer.headers), re.IGNORECASE)


def test_sec_36_a_body_beyond_the_limit_is_413_in_words(client):
    answer = client.post("/sign-in", data={"login": "x" * (22 * 1024 * 1024), "password": "x"})
    assert answer.status_code == 413
    assert "20 MB" in answer.text


# ---------- SEC-37 and headers ----------

@pytest.fixture
def honest(app):
    """Faults answer 500 as they do in real life, so that a walk over all pages can name them."""
    app.config["SHOW_500"] = True
    yield
    app.config["SHOW_500"] = False


def pages(app):
    return [rule for rule in app.url_map.iter_rules() if "GET" in rule.methods and rule.endpoint != "static"]


def test_headers_are_on_every_response(client, app, world, honest):
    for person in (None, world.people[Role.HANDLER], world.people[Role.OPERATOR]):
        if person:
            sign_in(client, person)
        for rule in pages(app):
            answer = client.get(filled(rule))
            assert answer.status_code < 500, str(rule)
            for name in HEADERS:
                assert name in answer.headers, (str(rule), name)
            policy = answer.headers["Content-Security-Policy"]
            assert "unsafe" not in policy, str(rule)
            assert "default-src 'none'" in policy, str(rule)
            assert "Server" not in answer.headers
    with client.get("/static/css/app.css") as answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_sec_37_what_a_signed_in_person_sees_is_stored_nowhere(client, app, world):
    sign_in(client, world.people[Role.HANDLER])
    for rule in pages(app):
        answer = client.get(filled(rule))
        assert answer.headers.get("Cache-Control") == "no-store", str(rule)
        assert {"Cookie", "HX-Request"} <= set(answer.vary), str(rule)


def test_sec_37_public_pages_carry_validators_and_vary(client):
    first = client.get("/audit-heads")
    assert first.headers["ETag"]
    assert {"Cookie", "HX-Request"} <= set(first.vary)
    assert client.get("/audit-heads", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert "public" not in first.headers["Cache-Control"]


def test_the_cookie_is_for_this_host_https_and_no_script(fresh_app, made_apps):
    made_apps.append(variant(fresh_app, base_url="https://localhost"))
    make_world(made_apps[0])
    answer = made_apps[0].test_client().post("/sign-in", data={"login": LOGIN, "password": PASSWORD}, base_url="https://localhost")
    cookie = next(value for name, value in answer.headers if name == "Set-Cookie" and "session" in value)
    assert cookie.startswith("__Host-session=")
    assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
    assert "Domain" not in cookie
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


def test_the_cookie_is_shut_to_scripts_without_https_too(client, world):
    answer = client.post("/sign-in", data={"login": LOGIN, "password": PASSWORD})
    assert all(part in answer.headers["Set-Cookie"] for part in ("HttpOnly", "SameSite=Lax"))
    assert "Strict-Transport-Security" not in answer.headers


def test_no_get_route_writes_anything(client, app, world):
    """ASVS 3.5.3: opening pages leaves every table as it was (the audit of refusals and sessions apart)."""
    apart = {"audit_event", "sign_in", "job"}

    def counts():
        with app.app_context():
            session = db.session()
            return {name: session.query(table).count() for name, table in db.Model.metadata.tables.items() if name not in apart}

    before = counts()
    for role in (Role.HANDLER, Role.OPERATOR, Role.PROVIDER_ADMIN):
        sign_in(client, world.people[role])
        for rule in pages(app):
            client.get(filled(rule))
    assert counts() == before
