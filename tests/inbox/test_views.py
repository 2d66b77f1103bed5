from marketplace.core.access import Role
from marketplace.core.db import db, transaction
from marketplace.inbox.models import Message
from marketplace.inbox.operations import send
from marketplace.inbox.rules import Kind, Letter
from tests.factories import NOW
from tests.factories.accounts import make_person, sign_in


def someone(app, **message):
    """A person with one message; returns the person's id and the message's reference."""
    with app.app_context(), transaction() as session:
        person = make_person(session, role=Role.EXPERT)
        made = send(session, person=person, now=NOW, letter=Letter(
            kind=Kind.PROJECT, subject="“{title}”已发布", facts={"title": "长者<助餐>"}, **message))
        return person.id, made.ref


def test_a_visitor_is_asked_to_sign_in(client):
    assert client.get("/my").headers["Location"].startswith("/sign-in")


def test_the_inbox_shows_todos_with_their_verb_and_the_count_in_the_frame(app, client):
    person, _ = someone(app, verb="审核", url="/desk/projects/abc/review")
    page = sign_in(client, person).get("/my").text
    assert 'href="/desk/projects/abc/review"' in page
    assert ">审核</a>" in page
    assert '<span class="count">1</span>' in page
    assert "长者&lt;助餐&gt;" in page


def test_reading_news_leads_to_what_it_is_about_and_marks_it(app, client):
    person, ref = someone(app, url="/projects/abc")
    sign_in(client, person)
    assert "1 条未读" in client.get("/my").text
    answer = client.post(f"/my/{ref}/read")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/projects/abc")
    assert "条未读" not in client.get("/my").text


def test_all_news_can_be_marked_at_once(app, client):
    person, _ = someone(app)
    sign_in(client, person)
    assert client.post("/my/read-all").status_code == 303
    assert "条未读" not in client.get("/my").text


def test_the_message_of_another_is_not_found(app, client):
    _, ref = someone(app, url="/projects/abc")
    stranger, _ = someone(app)
    assert sign_in(client, stranger).post(f"/my/{ref}/read").status_code == 404
    assert client.post("/my/no-such-message/read").status_code == 404
    with app.app_context():
        assert db.session.query(Message).filter_by(ref=ref).one().read_at is None


def test_the_page_that_asks_whether_somebody_is_there_is_told_so(app, client):
    person, _ = someone(app)
    assert client.get("/my/alive").status_code == 302
    assert sign_in(client, person).get("/my/alive").status_code == 204
