"""SEC-05: before the opening nothing of a bid is anywhere but in its own organization's pages."""

import io
import logging
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from marketplace.bids import operations
from marketplace.core.access import SYSTEM, Role
from marketplace.core.clock import utc_now
from marketplace.core.db import Model, db, transaction
from marketplace.core.money import Money
from marketplace.projects import queries as projects
from marketplace.search import jobs as search_jobs
from marketplace.web import worker
from tests.bids.test_views import check_fields, write
from tests.factories.accounts import make_person, sign_in
from tests.factories.bids import PDF, an_offer, make_bid, make_bidder
from tests.factories.projects import make_desk, make_published

PRICE = Money(31_415_926)
TEXT_MARKERS = ("密语甲七七", "密语乙八八", "密语丙九九", "密语附件")
PRICE_MARKERS = ("31415926", "314159.26", "314,159.26", "叁拾壹万肆仟壹佰伍拾玖元")
MARKERS = TEXT_MARKERS + PRICE_MARKERS
PAGES_PER_ROLE = 32


@pytest.fixture
def stage(app, client, caplog):
    """A bid handed in through the pages, with markers in draft, text, price and file; its news has been worked off."""
    caplog.set_level(logging.DEBUG)
    app.config["SHOW_500"] = True
    app.extensions["marketplace.services"].search_index.clear()
    with app.app_context(), transaction() as session:
        desk = make_desk(session)
        project = make_published(session, desk)
        project.published_at, project.closes_at = utc_now() - timedelta(days=1), utc_now() + timedelta(days=2)
        bidder, rival = make_bidder(session), make_bidder(session)
        people = {
            "buyer": desk.approver.person_id, "handler": desk.handler.person_id, "rival": rival.actor.person_id,
            **{role.value: make_person(session, role=role).id for role in (Role.OPERATOR, Role.AUDITOR, Role.SECURITY_OFFICER,
                                                                           Role.EXPERT)},
        }
        session.flush()
        stage = {"project": project.ref, "person": bidder.actor.person_id, "people": people,
                 "organization": bidder.organization.ref, "number": project.number}
    stage["before"] = {url: seen(client, people["buyer"], url) for url in buyer_pages(stage)}
    sign_in(client, stage["person"])
    write(client, stage, price="314159.26", plan="密语甲七七：中央厨房", team="密语乙八八", contact_name="周敏", contact_phone="13800005678",
          budget_notes="密语丙九九")
    client.post(f"/projects/{stage['project']}/bid/files", data={"file": (io.BytesIO(PDF + "%密语附件\n%%EOF\n".encode()), "密语附件.pdf")})
    answer = client.post(f"/projects/{stage['project']}/bid/check", data=check_fields(client, stage))
    assert answer.status_code == 303, answer.text
    receipt = client.get(answer.location).text
    stage["receipt"] = re.search(r"R-\d{8}-[2-9A-Z]{8}", receipt)[0]
    stage["bid"] = answer.location.split("/")[2]
    own = client.get(f"/bids/{stage['bid']}").text
    assert "密语甲七七" in own, "the markers are really in the bid"
    with app.app_context():
        worker.run_until_idle(most=200)
    client.delete_cookie("session")
    return stage


def buyer_pages(stage):
    return ("/desk", f"/projects/{stage['project']}", f"/projects/{stage['project']}/opening", "/projects", "/my")


def seen(client, person, url):
    """What a person sees at an address, without what changes by itself: tokens, clocks, the time left."""
    sign_in(client, person)
    text = client.get(url).text
    for pattern in (r'name="csrf_token" value="[^"]*"', r'"X-CSRFToken": "[^"]*"', r"剩 [^<]*", r"\d\d:\d\d:\d\d", r"服务器时间[^<]*",
                    r"\d+ 条未读[^<]*"):
        text = re.sub(pattern, "", text)
    return text


def forms(marker):
    return (marker.encode(), marker.encode("utf-16-le"), marker.encode("gb18030"), marker.encode("unicode_escape"))


def leaks(data, markers=MARKERS):
    raw = data if isinstance(data, bytes) else str(data).encode()
    return [marker for marker in markers if any(form in raw for form in forms(marker))]


def test_sec_05_no_table_of_the_database_holds_a_word_or_an_amount(app, stage):
    found, rows = [], 0
    with app.app_context():
        for table in Model.metadata.sorted_tables:
            for row in db.session.execute(sa.select(table)):
                rows += 1
                for name, value in row._mapping.items():
                    found += [(table.name, str(name), marker) for marker in leaks(value if isinstance(value, bytes) else repr(value))]
                    if isinstance(value, Money) or (isinstance(value, int) and value == PRICE.fen):
                        assert value not in (PRICE, PRICE.fen), (table.name, name)
    assert rows > 50
    assert found == []


def test_sec_05_no_file_no_log_line_no_mail_and_no_index_holds_a_marker(app, stage, caplog):
    folder = app.extensions["marketplace.config"].instance
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any("files" in path.parts for path in files), "the attached file was stored"
    assert [(path.name, leaks(path.read_bytes())) for path in files if leaks(path.read_bytes())] == []
    assert [path.name for path in files if leaks(path.name)] == []
    assert leaks(caplog.text) == []
    mails = app.extensions["marketplace.services"].mailer.sent
    assert leaks(repr(mails)) == []
    assert leaks("".join(f"{m['subject']}{m['text']}" for m in mails)) == []
    with app.app_context():
        search_jobs.index_changes("project", stage["project"])
        search_jobs.index_changes("organization", stage["organization"])
        index = app.extensions["marketplace.services"].search_index
        assert index.frequencies(["助餐"])["助餐"], "the project itself was indexed"
        assert all("密语" in marker for marker in TEXT_MARKERS)
        assert index.frequencies(["密语"])["密语"] == 0      # the index knows pairs of characters


def test_sec_05_no_page_of_anybody_else_shows_content_or_existence(client, stage):
    for who in ("anonymous", *stage["people"]):
        if who != "anonymous":
            sign_in(client, stage["people"][who])
        crawl(client, stage, who)


def crawl(client, stage, who):
    """Read pages as one person, following links, and find nothing that is secret."""
    secrets = MARKERS if who == "auditor" else (*MARKERS, stage["receipt"], stage["bid"])
    start = ["/", "/projects", f"/projects/{stage['project']}", f"/projects/{stage['project']}/opening",
             f"/organizations/{stage['organization']}", "/my", "/desk", "/org", "/panel", "/ops", "/notices", "/bids",
             f"/projects?q={TEXT_MARKERS[0]}", f"/bids/{stage['bid']}", f"/bids/{stage['bid']}/receipt",
             f"/projects/{stage['project']}/bid", f"/projects/{stage['project']}/bid/check"]
    queue, visited, read = list(start), set(), 0
    while queue and read < PAGES_PER_ROLE:
        url = queue.pop(0)
        if url in visited or "sign-out" in url:
            continue
        visited.add(url)
        answer = client.get(url)
        read += 1
        assert [one for one in leaks(answer.data, secrets) if one not in url] == [], (who, url)
        if answer.mimetype == "text/html" and answer.status_code == 200:
            links = [link.replace("&amp;", "&") for link in re.findall(r'href="(/[^"#]*)"', answer.text)]
            queue += [link for link in links if not link.startswith("/static") and "lang=" not in link and "size=" not in link]
    assert read > 10


def test_sec_05_the_buyers_pages_do_not_change_by_a_bid(client, stage):
    for url, before in stage["before"].items():
        assert seen(client, stage["people"]["buyer"], url) == before, url


def test_sec_05_when_too_few_bid_no_price_is_revealed_by_the_failure(app, client, stage):
    with app.app_context(), transaction() as session:
        project = projects.by_ref(session, stage["project"])
        project.closes_at = utc_now() - timedelta(minutes=2)
        operations.open_bids(session, actor=SYSTEM, project=project, sealer=app.extensions["marketplace.services"].sealer,
                             now=utc_now())
        assert project.state == "failed"
    with app.app_context():
        worker.run_until_idle(most=200)
    for who in ("buyer", "rival"):
        sign_in(client, stage["people"][who])
        for url in buyer_pages(stage):
            assert leaks(client.get(url).text) == []
    test_sec_05_no_table_of_the_database_holds_a_word_or_an_amount(app, stage)


def test_after_the_opening_the_same_search_does_find_the_markers(app, stage):
    """The control: the search above is able to find what is there."""
    with app.app_context(), transaction() as session:
        project = projects.by_ref(session, stage["project"])
        sealer = app.extensions["marketplace.services"].sealer
        for _ in range(2):
            make_bid(session, project, sealer, offer=an_offer(), now=utc_now())
        project.closes_at = utc_now() - timedelta(minutes=2)
        assert operations.open_bids(session, actor=SYSTEM, project=project, sealer=sealer, now=utc_now()).bids == 3
    with pytest.raises(AssertionError):
        test_sec_05_no_table_of_the_database_holds_a_word_or_an_amount(app, stage)
