"""SEC-01 and SEC-02: every route against every role, and what other tenants get."""

import pytest

from marketplace.accounts import queries
from marketplace.accounts.models import Person
from marketplace.core.access import Role
from marketplace.core.db import db
from tests.factories.accounts import sign_in
from tests.security.permissions import PUBLIC, ROWS, SIGNED_IN, filled

UNSAFE = ("GET", "POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(autouse=True)
def _honest(app):
    """Faults answer 500 as they do in real life, so that the census can name them."""
    app.config["SHOW_500"] = True
    yield
    app.config["SHOW_500"] = False


def routes(app):
    """Every (rule, method) of the site, except static files."""
    return [(rule, method) for rule in app.url_map.iter_rules() if rule.endpoint != "static"
            for method in UNSAFE if method in rule.methods]


def test_sec_01_every_route_has_its_row_and_every_row_its_route(app):
    known = {(str(rule), method) for rule, method in routes(app)}
    assert sorted(known - set(ROWS)) == [], "routes without a row in tests/security/permissions.py"
    assert sorted(set(ROWS) - known) == [], "rows without a route"


def test_sec_01_a_visitor_sees_public_pages_only(client, app, world):
    wrong = []
    for rule, method in routes(app):
        row = ROWS.get((str(rule), method))
        answer = client.open(filled(rule), method=method)
        is_sent_away = answer.status_code == 302 and answer.location.startswith("/sign-in")
        if row and (answer.status_code != row.code if row.who == PUBLIC else not is_sent_away):
            wrong.append((str(rule), method, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("role", list(Role))
def test_sec_01_each_role_opens_what_its_row_says_and_nothing_else(client, app, world, role):
    wrong = []
    sign_in(client, world.people[role])
    for rule, method in sorted(routes(app), key=lambda route: route[0].endpoint == "accounts.sign_out"):   # last
        row = ROWS.get((str(rule), method))
        if row is None:
            continue
        code = client.open(filled(rule), method=method).status_code
        passes = row.who in (PUBLIC, SIGNED_IN) or role in row.who
        if code != (row.but.get(role, row.code) if passes else 403):
            wrong.append((str(rule), method, code))
    assert wrong == []


def test_sec_01_scripts_are_told_instead_of_sent_away(client, app):
    for rule, method in routes(app):
        row = ROWS.get((str(rule), method))
        if row is None or row.who == PUBLIC:
            continue
        answer = client.open(filled(rule), method=method, headers={"HX-Request": "true"})
        assert (answer.status_code, answer.headers["HX-Redirect"].split("?")[0]) == (401, "/sign-in"), str(rule)
        assert client.open(filled(rule), method=method, headers={"Accept": "application/json"}).status_code == 401


def _foreign(app, world):
    """A handler of another unit: his reference and his mandate's."""
    with app.app_context():
        session = db.session()
        person = session.get(Person, world.people[Role.PROVIDER_MEMBER])
        return person.ref, queries.live_mandates(session, person.id)[0].ref


@pytest.mark.parametrize("path", ["/desk/people/{person}/slip", "/desk/people/{person}/unlock", "/desk/mandates/{mandate}/revoke"])
def test_sec_02_members_of_another_tenant_do_not_exist_for_an_administrator(client, app, world, path):
    person, mandate = _foreign(app, world)
    sign_in(client, world.people[Role.UNIT_ADMIN])
    assert client.post(path.format(person=person, mandate=mandate)).status_code == 404


def test_sec_02_missing_permission_is_403_and_signed_out_a_redirect(client, app, world):
    person, _ = _foreign(app, world)
    sign_in(client, world.people[Role.HANDLER])
    assert client.post(f"/desk/people/{person}/slip").status_code == 403
    assert client.get("/ops/people").status_code == 403
    client.post("/sign-out")
    answer = client.get("/ops/people")
    assert (answer.status_code, answer.location) == (302, "/sign-in?next=/ops/people")


def test_sec_02_the_own_tenant_is_served(client, app, world):
    with app.app_context():
        ref = db.session().get(Person, world.people[Role.HANDLER]).ref
    sign_in(client, world.people[Role.UNIT_ADMIN])
    assert client.post(f"/desk/people/{ref}/slip").status_code == 200
