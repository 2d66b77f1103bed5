"""The pages of saved searches: without JavaScript, one's own only, and a door that switches off without signing in."""

import re
from datetime import timedelta

import pytest

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.search.models import SavedSearch
from marketplace.search.queries.saved import by_ref
from marketplace.web.services import services
from tests.factories.accounts import sign_in
from tests.factories.projects import make_desk, make_published
from tests.factories.saved import Clock, make_reader, make_search

FRESH = timedelta(hours=2)


@pytest.fixture
def reader(app, client):
    """Somebody signed in, with one search; (id, reference, token)."""
    with app.app_context(), transaction() as session:
        person = make_reader(session)
        search = make_search(session, person, "q=助餐&kind=project&max=400000", now=utc_now() - FRESH)
        session.flush()
        found = person.id, search.ref, search.token
    sign_in(client, found[0])
    return found


def text_of(answer, code=200) -> str:
    assert answer.status_code == code, answer.get_data(as_text=True)[:600]
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def found_one(app, monkeypatch):
    """A project is published and told; its reference."""
    clock = Clock(utc_now())
    monkeypatch.setattr("marketplace.search.jobs.alerts.utc_now", clock)
    monkeypatch.setattr("marketplace.inbox.jobs.alerts.utc_now", clock)
    with app.app_context():
        with transaction() as session:
            ref = make_published(session, make_desk(session), now=utc_now() - timedelta(hours=1)).ref
        clock.work(clock.now + timedelta(minutes=2))
        db.session.remove()
    return ref


def test_the_list_says_in_words_what_is_asked_and_how_often(client, reader):
    page = text_of(client.get("/my/searches"))
    for words in ("助餐机会", "“助餐”", "类型：项目", "400,000", "一有就通知", "站内消息和电子邮件", "已提醒"):
        assert words in page


def test_saving_says_what_will_happen_and_shows_the_last_month(app, client, reader):
    with app.app_context():
        with transaction() as session:
            ref = make_published(session, make_desk(session), title="长者助餐之外", now=utc_now() - timedelta(days=3)).ref
        client.application.test_cli_runner().invoke(args=["search", "rebuild"])
    page = text_of(client.get("/my/searches/new?q=长者&due=7&sort=closing"))
    assert "将按〔每天〕发送邮件，可随时关闭。" in page
    assert 'value="长者"' in page
    assert "过去 30 天会收到 1 条" in page
    assert f"/projects/{ref}" in page
    assert "“几天内截止”和排序不保存" in page
    assert 'value="q=%E9%95%BF%E8%80%85"' in page


def test_without_an_index_saving_still_works_and_the_look_back_is_left_out(app, client, reader, monkeypatch):
    def away(*_arguments):
        raise FileNotFoundError

    monkeypatch.setattr("marketplace.search.views.saved.finder_of", away)
    assert "算不出来" in text_of(client.get("/my/searches/new?q=长者"))


def test_a_search_is_saved_and_its_page_tells_the_next_digest(app, client, reader):
    answer = client.post("/my/searches/new", data={"question": "q=探访&area=440605", "name": "探访", "frequency": "weekly",
                                                   "channel": "email"}, follow_redirects=True)
    page = text_of(answer)
    assert "已保存。将按〔每周〕发送邮件，可随时关闭。" in page
    assert "下次汇总" in page
    with app.app_context():
        [search] = db.session().scalars(db.select(SavedSearch).where(SavedSearch.name == "探访"))
        assert (search.question, search.frequency) == ("q=%E6%8E%A2%E8%AE%BF&area=440605", "weekly")


@pytest.mark.parametrize(("data", "sentence"), [
    ({"question": "q=助餐&kind=project&max=400000", "name": "又一次"}, "已经保存过"),
    ({"question": "q=探访", "name": ""}, "请给这个搜索起个名称"),
    ({"question": "q=探访", "name": "名", "frequency": "hourly"}, "还有内容要改"),
    ({"question": "sort=newest", "name": "名"}, "请先写下要找的词"),
    ({}, "请先写下要找的词")])
def test_what_cannot_be_saved_comes_back_with_a_sentence(client, reader, data, sentence):
    given = {"frequency": "daily", "channel": "email", **data}
    assert sentence in text_of(client.post("/my/searches/new", data=given), 422)


def test_nothing_asked_leads_to_the_search(client, reader):
    assert 'href="/search"' in text_of(client.get("/my/searches/new"))


def test_a_name_with_markup_stays_text(app, client, reader):
    client.post("/my/searches/new", data={"question": "q=<script>", "name": "<b>粗</b>", "frequency": "daily", "channel": "inbox"})
    page = text_of(client.get("/my/searches"))
    assert "&lt;b&gt;粗&lt;/b&gt;" in page
    assert "<b>粗" not in page


def test_one_page_shows_what_was_found_and_mutes_one_thing(app, client, reader, monkeypatch):
    _, search, _ = reader
    ref = found_one(app, monkeypatch)
    page = text_of(client.get(f"/my/searches/{search}"))
    assert f'href="/projects/{ref}"' in page
    assert "368,000.00 元" in page
    page = text_of(client.post(f"/my/searches/{search}/mute/project/{ref}", follow_redirects=True))
    assert "不再提醒的" in page
    page = text_of(client.post(f"/my/searches/{search}/unmute/project/{ref}", follow_redirects=True))
    assert "不再提醒的" not in page


def test_the_message_leads_to_a_page_with_everything_it_told(app, client, reader, monkeypatch):
    ref = found_one(app, monkeypatch)
    inbox = text_of(client.get("/my"))
    [url] = set(re.findall(r"/my/searches/told/\w+", inbox))
    page = text_of(client.get(url))
    assert f"/projects/{ref}" in page
    assert "助餐机会" in page


def test_pause_resume_change_delete(app, client, reader):
    _, search, _ = reader
    assert "提醒已于" in text_of(client.post(f"/my/searches/{search}/pause", follow_redirects=True))
    assert "一有就通知" in text_of(client.post(f"/my/searches/{search}/resume", follow_redirects=True))
    page = text_of(client.post(f"/my/searches/{search}/change", follow_redirects=True,
                               data={"name": "改了名", "frequency": "daily", "channel": "inbox"}))
    assert "将按〔每天〕发站内消息，不发邮件，可随时关闭。" in page
    assert "改了名" in page
    assert "请给这个搜索起个名称" in text_of(client.post(f"/my/searches/{search}/change", data={"name": ""}), 422)
    assert "还没有保存的搜索" in text_of(client.post(f"/my/searches/{search}/delete", follow_redirects=True))
    assert client.get(f"/my/searches/{search}").status_code == 404


def test_a_stranger_finds_nothing_of_it(app, client, reader, monkeypatch):
    _, search, _ = reader
    found_one(app, monkeypatch)
    [told] = set(re.findall(r"/my/searches/told/\w+", text_of(client.get("/my"))))
    with app.app_context(), transaction() as session:
        stranger = make_reader(session, name="别人").id
    sign_in(client, stranger)
    for path in (f"/my/searches/{search}", f"/my/searches/{search}/change", told):
        assert client.get(path).status_code == 404
    for verb in ("pause", "resume", "delete", "change", "mute/project/x", "unmute/project/x"):
        assert client.post(f"/my/searches/{search}/{verb}", data={"name": "x"}).status_code == 404
    assert "助餐机会" not in text_of(client.get("/my/searches"))


def test_the_link_of_a_mail_changes_nothing_and_its_button_switches_off_without_signing_in(app, client, reader):
    _, search, token = reader
    visitor = app.test_client()
    assert "关闭提醒" in text_of(visitor.get(f"/my/searches/off/{token}"))
    visitor.head(f"/my/searches/off/{token}")
    assert paused(app, search) is False
    assert "已关闭" in text_of(visitor.post(f"/my/searches/off/{token}"))
    assert paused(app, search) is True
    assert "已关闭" in text_of(visitor.post(f"/my/searches/off/{token}")), "twice is once"
    assert visitor.get("/my/searches").status_code == 302, "the link signs nobody in"


def paused(app, search):
    with app.app_context():
        return by_ref(db.session(), search).paused_at is not None


def test_a_mail_program_signs_off_with_one_request_that_bears_no_token_of_ours(app, reader):
    """RFC 8058: the program posts List-Unsubscribe=One-Click, without cookies."""
    app.config["WTF_CSRF_ENABLED"] = True
    _, search, token = reader
    answer = app.test_client().post(f"/my/searches/off/{token}", data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert paused(app, search) is True


def test_all_searches_of_a_digest_are_switched_off_together(app, reader):
    person, search, token = reader
    with app.app_context(), transaction() as session:
        from marketplace.accounts.models import Person

        other = make_search(session, session.get(Person, person), "q=探访", now=utc_now()).ref
    text_of(app.test_client().post(f"/my/searches/off/{token}/all", data={"List-Unsubscribe": "One-Click"}))
    assert paused(app, search)
    assert paused(app, other)


def test_one_thing_is_muted_from_a_mail_without_signing_in(app, client, reader, monkeypatch):
    _, search, token = reader
    ref = found_one(app, monkeypatch)
    visitor = app.test_client()
    path = f"/my/searches/off/{token}/project/{ref}"
    assert path in services_mail(app)
    assert "桐浦街道长者助餐服务" in text_of(visitor.get(path))
    assert "不再提醒的" not in text_of(client.get(f"/my/searches/{search}"))
    text_of(visitor.post(path))
    assert "不再提醒的" in text_of(client.get(f"/my/searches/{search}"))
    assert visitor.post(f"/my/searches/off/{token}/project/nothing").status_code == 404


def services_mail(app) -> str:
    with app.app_context():
        return services().mailer.sent[-1]["text"]


@pytest.mark.parametrize("path", ["x" * 32, "x" * 32 + "/all", "x" * 32 + "/project/abc", "%2e%2e", "off"])
def test_a_token_that_is_none_says_so(client, path):
    assert client.get(f"/my/searches/off/{path}").status_code == 404
    assert client.post(f"/my/searches/off/{path}").status_code == 404


def test_a_deleted_search_has_no_door_any_more(app, client, reader):
    _, search, token = reader
    client.post(f"/my/searches/{search}/delete")
    assert client.get(f"/my/searches/off/{token}").status_code == 404


def test_somebody_without_an_address_is_told_where_the_message_goes(app, client):
    with app.app_context(), transaction() as session:
        person = make_reader(session, email=None)
        make_search(session, person)
        made = person.id
    sign_in(client, made)
    assert "您的账号没有填电子邮箱" in text_of(client.get("/my/searches"))
