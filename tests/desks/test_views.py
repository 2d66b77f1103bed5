import html
import re
from urllib.parse import unquote_plus

import pytest

from marketplace.catalogs.models import Area
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


@pytest.mark.parametrize("key", TOPICS)
def test_a_page_of_help_says_all_its_sentences_and_leads_where_the_work_is_done(client, key):
    topic = TOPICS[key]
    page = html.unescape(client.get(f"/help/{key}").text)
    local = {example.meaning for section in topic.sections for example in section.examples if "{place}" in example.query}
    assert {sentence for sentence in topic.sentences() if sentence not in page} == local
    assert f'href="/help/{key}" aria-current="page"' in page
    for word, path in topic.links:
        assert f'<a href="{path}">{word}</a>' in page
        assert client.get(path).status_code in {200, 302}, path


def test_every_example_of_a_search_is_a_link_that_answers_with_a_place_of_this_site(app, client):
    with app.app_context(), transaction() as session:
        session.add(Area(code="990106", name="澜川区", level=1))
        session.flush()
        session.add(Area(code="990106001", name="桐浦街道", level=2, parent_code="990106", aliases="桐浦 老桐浦"))
    page = html.unescape(client.get("/help/search").text)
    links = re.findall(r'href="(/search\?q=[^"]+)"', page)
    assert len(links) == sum(len(section.examples) for section in TOPICS["search"].sections)
    assert any(unquote_plus(link).endswith("桐浦 助餐") for link in links)
    assert {client.get(link).status_code for link in links} == {200}


def test_without_places_no_example_names_one(client):
    page = client.get("/help/search").text
    assert "助餐" in page
    assert "{place}" not in page


def test_the_words_of_the_trade_stand_in_the_glossary_only(client):
    assert "shèqiàhuì" in client.get("/help/glossary").text
    assert "shèqiàhuì" not in client.get("/help").text


@pytest.mark.parametrize(("path", "roles"), [
    ("/desk", {Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN}),
    ("/org", {Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER}),
    ("/fund", {Role.FUNDER, Role.PROVIDER_ADMIN, Role.HANDLER, Role.APPROVER}),   # whoever may sign for a funder
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
    address = re.search(r'href="(/static/css/app\.css\?v=[0-9a-f]{10})"', client.get("/help").text)[1]
    with client.get(address) as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
