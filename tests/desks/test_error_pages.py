"""Every refusal ends in a page that says what happened, whether the text is safe, and what next."""

import pytest
from flask import Flask

from marketplace import create_app
from marketplace.config import Config
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid, Unavailable
from marketplace.core.text import N_
from marketplace.web.access import public
from tests.conftest import test_services


@pytest.fixture
def broken(tmp_path) -> Flask:
    """A site whose database cannot be reached, with routes that fail in every way."""
    config = Config(instance=tmp_path, secret_key="e" * 40, jobs="none", database_url=f"sqlite:///{tmp_path}/nowhere/x.sqlite3")
    return create_app(config, test_services(config))


@pytest.mark.parametrize(("error", "status", "words"), [
    (Invalid(N_("请写明理由"), field="reason"), 422, "请写明理由"),
    (Conflict(N_("这个中选决定已经撤销")), 409, "这个中选决定已经撤销"),
    (IllegalStep(N_("截止时间未到，不能启封")), 409, "截止时间未到"),
    (Denied(N_("没有这个项目"), hidden=True), 404, "地址可能写错"),
    (Unavailable(N_("密钥不在")), 503, "密钥不在"),
    (RuntimeError("secret detail"), 500, "没有留下一半的数据"),
])
def test_each_refusal_has_its_status_and_its_sentence(app, error, status, words):
    client = app.test_client()
    app.config["SHOW_500"] = True
    app.view_functions["desks.privacy"], kept = _raiser(error), app.view_functions["desks.privacy"]
    try:
        answer = client.get("/privacy")
    finally:
        app.view_functions["desks.privacy"] = kept
        del app.config["SHOW_500"]
    assert answer.status_code == status
    assert words in answer.text
    assert "secret detail" not in answer.text
    assert 'class="topbar' in answer.text


def _raiser(error: Exception):
    """A view that raises."""

    @public
    def view() -> str:
        raise error

    return view


def test_a_page_that_is_not_there_offers_a_way_on(client):
    answer = client.get("/nothing-here")
    assert answer.status_code == 404
    assert 'href="/projects"' in answer.text


def test_a_method_that_is_not_offered_names_those_that_are(client):
    answer = client.post("/help")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_a_form_that_waited_too_long_gives_back_what_was_typed_but_no_password(app):
    app.config["WTF_CSRF_ENABLED"] = True
    client = app.test_client()
    answer = client.post("/sign-in", data={"login": "13800000001", "password": "hidden words", "csrf_token": "stale"})
    assert answer.status_code == 400
    assert "13800000001" in answer.text
    assert "hidden words" not in answer.text


def test_a_refusal_for_htmx_is_a_fragment(client):
    answer = client.get("/nothing-here", headers={"HX-Request": "true"})
    assert answer.status_code == 404
    assert "<html" not in answer.text
    assert 'role="alert"' in answer.text


def test_a_database_that_is_away_is_said_to_visitors_in_the_frame_of_the_site(broken):
    answer = broken.test_client().get("/projects")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert "服务暂不可用" in answer.text
    assert "sqlite" not in answer.text


def test_a_database_that_is_away_is_said_to_the_signed_in_without_asking_it_who_they_are(broken):
    client = broken.test_client()
    with client.session_transaction() as cookie:
        cookie.update({"_user_id": "token", "_fresh": True, "seen": 1})
    answer = client.get("/my")
    assert answer.status_code == 503
    assert "服务暂不可用" in answer.text


def test_who_was_signed_out_while_writing_keeps_the_words_and_is_told_to_sign_in(client):
    answer = client.post("/org/conflicts", data={"answer": "some", "relations-0-body": "写了很久的单位名称", "new_password": "hidden words"})
    assert answer.status_code == 401
    assert "写了很久的单位名称" in answer.text
    assert "hidden words" not in answer.text
    assert 'href="/sign-in" target="_blank"' in answer.text
    assert "已退出登录" in answer.text


def test_a_visitor_who_sent_nothing_is_led_to_sign_in(client):
    answer = client.post("/org/conflicts")
    assert (answer.status_code, answer.location) == (302, "/sign-in?next=/my")


def test_a_stale_form_of_somebody_signed_out_asks_to_sign_in_first_and_leads_back_to_where_it_stood(app):
    app.config["WTF_CSRF_ENABLED"] = True
    answer = app.test_client().post("/projects/somewhere/decline", data={"reason": "路远"},
                                    headers={"Referer": "http://localhost/projects/somewhere/why-not-me?lang=en"})
    assert answer.status_code == 400
    assert "先在新窗口登录" in answer.text
    assert 'href="/projects/somewhere/why-not-me?lang=en"' in answer.text
    assert 'href="/projects/somewhere/decline"' not in answer.text


@pytest.mark.parametrize("came", ["", "http://localhost/projects/somewhere/decline", "https://evil.example/projects/other/why-not-me"])
def test_an_address_that_only_takes_forms_leads_to_the_page_above_it(client, came):
    answer = client.get("/projects/somewhere/decline", headers={"Referer": came} if came else {})
    assert answer.status_code == 405
    assert 'href="/projects/somewhere">返回上一页' in answer.text
    assert "evil" not in answer.text


@pytest.mark.parametrize("sent", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                                  {"Origin": "https://elsewhere.example"}, {"Origin": "null"},
                                  {"Referer": "https://elsewhere.example/page"}])
@pytest.mark.parametrize("is_checked", [True, False])
def test_the_words_of_another_site_are_not_put_before_a_person_to_send(app, sent, is_checked):
    app.config["WTF_CSRF_ENABLED"] = is_checked
    client = app.test_client()
    answer = client.post("/projects/abcdefghjkmn/questions", data={"question": "words of a stranger"}, headers=sent)
    assert answer.status_code in {302, 400}
    assert "words of a stranger" not in answer.text


@pytest.mark.parametrize("sent", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}, {}])
def test_the_words_sent_from_here_are_given_back(app, sent):
    app.config["WTF_CSRF_ENABLED"] = True
    answer = app.test_client().post("/projects/abcdefghjkmn/questions", data={"question": "words of my own"}, headers=sent)
    assert (answer.status_code, "words of my own" in answer.text) == (400, True)
