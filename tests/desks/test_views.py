import pytest

from marketplace.core.access import ROLE_LABELS, Role
from marketplace.core.db import transaction
from marketplace.desks.rules.help import TOPICS
from tests.factories.accounts import make_person, sign_in
from tests.factories.organizations import make_organization
from tests.factories.projects import make_desk, make_published


def person_in(app, role):
    """A person with one role where that role belongs; returns the id."""
    with app.app_context(), transaction() as session:
        if role in (Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN):
            organization = make_desk(session).unit
        elif role in (Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER, Role.FUNDER):
            organization = make_organization(session)
        else:
            organization = None
        return make_person(session, role=role, organization_id=organization and organization.id).id


@pytest.mark.parametrize("path", ["/", "/help", "/accessibility", "/privacy", *(f"/help/{topic}" for topic in TOPICS)])
def test_a_visitor_reads_the_public_pages(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert '<main id="main"' in answer.text


def test_an_unknown_help_topic_is_not_found(client):
    assert client.get("/help/nothing").status_code == 404


@pytest.mark.parametrize(("path", "roles"), [
    ("/desk", {Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN}),
    ("/org", {Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER}),
    ("/fund", {Role.FUNDER}),
])
def test_a_desk_opens_for_its_roles_and_for_nobody_else(app, client, path, roles):
    assert client.get(path).status_code == 302
    for role in ROLE_LABELS:
        answer = sign_in(client, person_in(app, role)).get(path)
        assert (role, answer.status_code) == (role, 200 if role in roles else 403)


@pytest.mark.parametrize("role", list(ROLE_LABELS))
def test_everybody_signed_in_has_an_inbox_and_a_way_to_the_own_desk(app, client, role):
    from marketplace.web.pages import DESKS

    page = sign_in(client, person_in(app, role)).get("/my")
    assert page.status_code == 200
    desk = next(entry for roles, entry in DESKS if role in roles)
    assert f'href="{desk.path}"' in page.text
    assert 'action="/sign-out" method="post"' in page.text


def test_the_front_page_names_the_next_deadline(app, client):
    from datetime import timedelta

    from marketplace.core.clock import utc_now

    with app.app_context(), transaction() as session:
        project = make_published(session)
        project.closes_at = utc_now() + timedelta(days=2, hours=1)
        title = project.title
    page = client.get("/").text
    assert title in page
    assert "剩 2 天" in page


def test_the_front_page_reads_in_english_and_in_large_type(client):
    page = client.get("/?lang=en&size=large")
    assert '<html lang="en" data-size="large">' in page.text
    assert {"lang=en", "size=large"} <= {c.split(";")[0] for c in page.headers.getlist("Set-Cookie")}
    assert 'data-size="large"' in client.get("/help").text
    assert 'data-size="normal"' in client.get("/help?size=normal").text


def test_a_menu_entry_is_marked_where_one_stands(client):
    page = client.get("/help").text
    assert '<a href="/help" aria-current="page">' in page
    assert '<a href="/projects" aria-current="page">' not in page


def test_assets_have_addresses_that_may_be_kept_for_a_year(client):
    import re

    address = re.search(r'href="(/static/css/app\.css\?v=[0-9a-f]{10})"', client.get("/help").text)[1]
    with client.get(address) as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
