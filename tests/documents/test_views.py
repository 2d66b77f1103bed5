"""The public verify page."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.db import transaction
from marketplace.documents import operations
from tests.documents.test_operations import an_issued
from tests.factories import NOW

OPERATOR = Actor(person_id=1, name="何伟", roles=frozenset({Role.OPERATOR}))
FACTS = {"project": "桐浦街道长者助餐服务（LC-2026-0217）", "buyer": "桐浦街道办事处", "provider": "暖邻社会工作服务中心",
         "amount": "356,000.00 元（叁拾伍万陆仟元整）"}


@pytest.fixture
def code(app: Flask) -> str:
    """The code of an issued paper."""
    with app.app_context(), transaction() as session:
        return an_issued(session, title="桐浦街道长者助餐服务合同", facts=FACTS).verify_code


def test_the_page_shows_status_facts_and_hash_and_stays_out_of_search_engines(client: FlaskClient, code: str) -> None:
    answer = client.get(f"/v/{code}")
    page = answer.text
    assert answer.status_code == 200
    assert "有效" in page
    for fact in FACTS.values():
        assert fact in page
    assert "data-hash-check=" in page
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert '<meta name="robots" content="noindex' in page


def test_a_code_in_capitals_with_blanks_is_found_through_the_form(client: FlaskClient, code: str) -> None:
    answer = client.get("/v", query_string={"code": code.upper().replace("-", " ")})
    assert answer.status_code == 303
    assert client.get(answer.headers["Location"]).status_code == 200


@pytest.mark.parametrize("typed", ["aaaa-bbbb-cccc-dddd", "%3Cscript%3Ealert(1)"])
def test_an_unknown_code_is_a_friendly_404_that_keeps_what_was_typed(client: FlaskClient, typed: str) -> None:
    answer = client.get(f"/v/{typed}")
    assert answer.status_code == 404
    assert "没有查到这个查验码" in answer.text
    assert "<script>alert" not in answer.text


def test_an_empty_code_is_asked_for_again(client: FlaskClient) -> None:
    assert client.get("/v").status_code == 200
    answer = client.get("/v?code=")
    assert (answer.status_code, "请输入文件上的查验码" in answer.text) == (422, True)


def test_void_and_replaced_papers_say_so_first(app: Flask, client: FlaskClient, code: str) -> None:
    with app.app_context(), transaction() as session:
        old = an_issued(session, number="LC-HT-2026-0002", body=b"old")
        new = an_issued(session, number="LC-HT-2026-0003", body=b"new")
        operations.supersede(session, actor=SYSTEM, old=old, new=new, now=NOW)
        gone = an_issued(session, number="LC-HT-2026-0004", body=b"gone")
        operations.void(session, actor=OPERATOR, document=gone, reason="双方同意重签", now=NOW)
        old_code, new_code, gone_code = old.verify_code, new.verify_code, gone.verify_code
    page = client.get(f"/v/{old_code}").text
    assert "已有新版" in page
    assert f"/v/{new_code}" in page
    page = client.get(f"/v/{gone_code}").text
    assert "已作废" in page
    assert "双方同意重签" in page
    assert "这份文件有效" not in page


def test_a_demo_paper_says_that_it_is_one(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        demo = an_issued(session, number="LC-HT-2026-0009", is_demo=True).verify_code
    assert "演示数据" in client.get(f"/v/{demo}").text


def test_the_page_reads_in_english(client: FlaskClient, code: str) -> None:
    assert client.get(f"/v/{code}?lang=en").status_code == 200
