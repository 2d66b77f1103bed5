"""Operators keep the dictionary on its pages: without JavaScript, with every refusal beside its field."""

import csv
import io
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete
from werkzeug.test import TestResponse

from marketplace.core.access import Role
from marketplace.core.db import db, transaction
from marketplace.search.models import DictionaryEntry
from marketplace.search.queries import dictionary as queries
from marketplace.search.queries.languages import finder_of
from marketplace.search.rules.question import Question
from marketplace.search.rules.wordbook import MOST_ENTRIES
from marketplace.web.services import services
from marketplace.web.worker import run_until_idle
from tests.factories import NOW
from tests.factories.accounts import make_person, sign_in
from tests.factories.organizations import make_organization

BASE = "/ops/dictionary"
MANY = MOST_ENTRIES + 50_000


@pytest.fixture
def operator(app: Flask, client: FlaskClient) -> FlaskClient:
    """A browser in which an operator is signed in."""
    with app.app_context(), transaction() as session:
        person = make_person(session, name="陈工", role=Role.OPERATOR).id
    sign_in(client, person)
    return client


def _add(client: FlaskClient, name: str, words: str = "", **fields: str) -> TestResponse:
    return client.post(f"{BASE}/new", data={"name": name, "kind": "concept", "words": words, **fields})


def _seen(client: FlaskClient, name: str) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]{64})"', client.get(f"{BASE}/concepts/{name}").text)
    assert found
    return found[1]


def _upload(client: FlaskClient, data: bytes, mode: str = "merge") -> TestResponse:
    body = b"".join((
        b'--edge\r\nContent-Disposition: form-data; name="mode"\r\n\r\n', mode.encode(),
        b'\r\n--edge\r\nContent-Disposition: form-data; name="file"; filename="words.csv"\r\n\r\n', data,
        b"\r\n--edge--\r\n"))
    return client.post(f"{BASE}/import", data=body, content_type="multipart/form-data; boundary=edge")


def _rows(client: FlaskClient, version: str = "") -> list[list[str]]:
    answer = client.get(f"{BASE}/export", query_string={"version": version} if version else {})
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))


def test_the_list_is_searched_by_any_word_of_a_concept(operator: FlaskClient) -> None:
    page = operator.get(f"{BASE}?q=耆英")
    assert page.status_code == 200
    assert 'href="/ops/dictionary/concepts/%E8%80%81%E5%B9%B4%E4%BA%BA"' in page.text
    assert "现行：产品自带" in page.text
    assert "词典里没有这个词" in operator.get(f"{BASE}?q=没有这个词").text
    places = operator.get(f"{BASE}?q=深圳&kind=place").text
    assert "深圳市" in places
    assert "词典里没有这个词" in operator.get(f"{BASE}?q=老年人&kind=place").text


def test_traditional_characters_find_the_simplified_word(operator: FlaskClient) -> None:
    assert ">老年人</a>" in operator.get(f"{BASE}?q=長者").text


def test_pages_of_the_list_go_on_where_the_last_ended(operator: FlaskClient) -> None:
    def names(page: int) -> list[str]:
        return re.findall(r'<th scope="row" class="[^"]+"><a [^>]*>([^<]+)</a>', operator.get(f"{BASE}?page={page}").text)

    assert len(names(1)) == 20
    assert not set(names(1)) & set(names(2))
    assert operator.get(f"{BASE}?page=10000000").status_code == 200


def test_a_concept_is_added_in_the_draft_and_told_so(operator: FlaskClient) -> None:
    answer = _add(operator, "拆字", "拆字攤\n拆字书", broader="老年人、助餐")
    assert answer.status_code == 303
    page = operator.get(answer.location)
    assert "拆字摊\n拆字书" in page.text
    assert "已加到草稿里" in page.text
    assert "草稿里有 3 处修改" in operator.get(BASE).text
    assert ["拆字", "拆字", "concept", "老年人|助餐"] in _rows(operator)


@pytest.mark.parametrize(("fields", "sentence"), [
    ({"name": ""}, "请写概念的名称"), ({"name": "长" * 31}, "最多 30 个字"), ({"name": "拆"}, "太短"),
    ({"name": "拆字", "words": "长者"}, "“长者”已属于概念“老年人”"), ({"name": "拆字", "broader": "没有的"}, "没有概念“没有的”"),
    ({"name": "拆字", "broader": "拆字"}, "拆字 → 拆字"), ({"name": "拆/字"}, "不能用的符号"),
])
def test_a_refused_concept_comes_back_with_the_reason(operator: FlaskClient, fields: dict[str, str],
                                                      sentence: str) -> None:
    answer = operator.post(f"{BASE}/new", data={"kind": "concept", "words": "", **fields})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert fields["name"] in answer.text
    assert "草稿里有" not in operator.get(BASE).text


def test_a_changed_concept_is_shown_as_it_is_now_and_a_stale_page_is_refused(operator: FlaskClient) -> None:
    _add(operator, "拆字", "拆字摊")
    seen = _seen(operator, "拆字")
    data = {"name": "新拆字", "kind": "concept", "words": "拆字\n拆字书", "seen": seen}
    answer = operator.post(f"{BASE}/concepts/拆字", data=data)
    assert answer.status_code == 303
    assert "拆字\n拆字书" in operator.get(answer.location).text
    assert operator.get(f"{BASE}/concepts/拆字").status_code == 404
    stale = operator.post(f"{BASE}/concepts/新拆字", data={**data, "name": "新拆字", "words": "别的词"})
    assert stale.status_code == 409
    assert "刚被另一位管理员改过" in stale.text


def test_a_concept_with_narrower_ones_stays_and_says_why(operator: FlaskClient) -> None:
    _add(operator, "拆字")
    _add(operator, "拆字课", broader="拆字")
    refused = operator.post(f"{BASE}/concepts/拆字/remove", follow_redirects=True)
    assert "“拆字”是 拆字课 的上级" in refused.text
    assert operator.post(f"{BASE}/concepts/拆字课/remove").status_code == 303
    assert operator.post(f"{BASE}/concepts/拆字/remove").location == BASE
    assert operator.get(f"{BASE}/concepts/拆字").status_code == 404


def test_what_is_handed_out_can_be_read_in_again_and_changes_nothing(operator: FlaskClient) -> None:
    data = operator.get(f"{BASE}/export").data
    answer = _upload(operator, data, "whole")
    assert answer.status_code == 303
    assert "草稿与现行词典相同" in operator.get(answer.location).text


def test_a_file_in_gbk_goes_into_the_draft(operator: FlaskClient) -> None:
    answer = _upload(operator, "词,概念,类别,上级\n拆字,拆字,概念,老年人\n拆字摊,拆字,,\n".encode("gbk"))
    page = operator.get(answer.location)
    assert "新增 2 个词，修改 0 个，删除 0 个" in page.text
    assert "拆字摊" in page.text


def test_every_wrong_row_of_a_file_is_told_and_nothing_is_taken(operator: FlaskClient) -> None:
    answer = _upload(operator, "term,concept,kind,broader\n拆字,拆字,,没有的\n长者,拆字书,,\n字,字,,\n".encode())
    assert answer.status_code == 422
    assert "文件里有 3 处要改" in answer.text
    for place in ("第 2 行", "第 3 行", "第 4 行"):
        assert place in answer.text
    assert "草稿里有" not in operator.get(BASE).text


@pytest.mark.parametrize(("data", "sentence"), [
    ("词,说明\n养生,x\n".encode(), "第一行缺少列"), (b"\xff\xff\xfe\x00", "不是 UTF-8 或 GBK"), (b"", "缺少列"),
    (b"term,concept\n" + b"ab,ab\n" * MANY, "词典最多 50000 行"),
    ("term,concept,kind,broader\n甲甲,甲甲,,乙乙\n乙乙,乙乙,,甲甲\n".encode(), "甲甲 → 乙乙 → 甲甲"),
])
def test_a_file_that_is_no_dictionary_gets_a_sentence(operator: FlaskClient, data: bytes, sentence: str) -> None:
    answer = _upload(operator, data)
    assert answer.status_code == 422
    assert sentence in answer.text


def test_the_changes_name_the_public_documents_that_would_be_found_otherwise(app: Flask, operator: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        make_organization(session, name="云岭拆字社会工作服务中心")
        make_organization(session, name="云岭读书会")
    _add(operator, "拆字")
    page = operator.get(f"{BASE}/changes").text
    assert "其中 1 条会被不同的词找到" in page
    assert "云岭拆字社会工作服务中心" in page
    assert "云岭读书会" not in page


def test_publishing_puts_the_new_words_to_use_and_tells_how_far_it_is(app: Flask, operator: FlaskClient) -> None:
    with app.app_context():
        with transaction() as session:
            make_organization(session, name="云岭拆字社会工作服务中心")
        run_until_idle()
    _add(operator, "拆字", "测字先生")
    answer = operator.post(f"{BASE}/publish", data={"note": "加上拆字"})
    assert answer.status_code == 303
    waiting = operator.get(answer.location)
    assert "正在更新搜索索引" in waiting.text
    assert waiting.headers["Refresh"]
    with app.app_context():
        assert run_until_idle()
        assert services().search_index.label() == "1"
        found = finder_of(db.session(), services()).find(Question(text="测字先生"), NOW)
        assert [hit.ref for hit in found.hits]
        version = queries.version_by_number(db.session(), 1)
        assert version is not None
        assert version.documents_done == version.documents_total == services().search_index.size() >= 1
    done = operator.get(f"{BASE}/versions")
    assert "搜索已用这一版" in done.text
    assert "Refresh" not in done.headers
    assert "加上拆字" in done.text
    assert "陈工" in done.text
    assert "云岭<mark>拆字</mark>社会工作服务中心" in operator.get("/search?q=测字先生").text
    assert ["测字先生", "拆字", "concept", ""] in _rows(operator, "1")
    assert ["测字先生", "拆字", "concept", ""] not in _rows(operator, "0")


def test_a_published_version_that_was_changed_behind_the_back_is_told(app: Flask, operator: FlaskClient) -> None:
    _add(operator, "拆字")
    operator.post(f"{BASE}/publish", data={"note": "加上拆字"})
    assert "与发布时不同" not in operator.get(f"{BASE}/versions").text
    with app.app_context(), transaction() as session:
        session.execute(delete(DictionaryEntry).where(DictionaryEntry.term == "拆字"))
    assert "与发布时不同" in operator.get(f"{BASE}/versions").text


def test_no_version_is_called_in_use_while_the_index_cannot_be_read(app: Flask, operator: FlaskClient) -> None:
    page = operator.get(f"{BASE}/versions").text
    assert "flask search rebuild" in page
    assert "搜索已用这一版" not in page
    with app.app_context():
        services().search_index.rebuild([])
    page = operator.get(f"{BASE}/versions").text
    assert "flask search rebuild" not in page
    assert "搜索已用这一版" in page


def test_a_replaced_version_asks_for_no_index_of_its_own(app: Flask, operator: FlaskClient) -> None:
    for number, name in enumerate(("拆字", "测字先生"), start=1):
        _add(operator, name)
        assert operator.post(f"{BASE}/publish", data={"note": f"第{number}次"}).status_code == 303
    with app.app_context():
        run_until_idle()
        assert services().search_index.label() == "2"
        first = queries.version_by_number(db.session(), 1)
        assert first is not None
        assert first.indexed_at is None


def test_nothing_is_published_without_a_note(operator: FlaskClient) -> None:
    _add(operator, "拆字")
    answer = operator.post(f"{BASE}/publish", data={"note": ""})
    assert answer.status_code == 422
    assert "请用一句话写明这次改了什么" in answer.text
    assert "第 1 版" in operator.get(f"{BASE}/changes").text


def test_a_discarded_draft_leaves_the_dictionary_as_it_was(operator: FlaskClient) -> None:
    _add(operator, "拆字")
    assert operator.post(f"{BASE}/discard").location == BASE
    assert operator.get(f"{BASE}/concepts/拆字").status_code == 404
    assert operator.post(f"{BASE}/discard").status_code == 409


@pytest.mark.parametrize("version", ["7", "x", "-1", "99999999999999999999999", "9" * 5_000])
def test_a_version_that_is_not_there_cannot_be_handed_out(operator: FlaskClient, version: str) -> None:
    assert operator.get(f"{BASE}/export?version={version}").status_code == 404


def test_the_desk_of_operators_leads_to_the_dictionary(operator: FlaskClient) -> None:
    assert 'href="/ops/dictionary"' in operator.get("/ops").text


def test_a_security_officer_does_not_see_it(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        person_id = make_person(session, role=Role.SECURITY_OFFICER).id
    sign_in(client, person_id)
    assert client.get(BASE).status_code == 403
    assert 'href="/ops/dictionary"' not in client.get("/ops").text
