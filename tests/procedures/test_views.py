"""The rule set in public, and the operator's page of local numbers."""

from datetime import timedelta

import pytest

from marketplace.core.access import Role
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import transaction
from marketplace.procedures.rules import BELOW_THRESHOLD
from tests.factories.accounts import make_person, sign_in


@pytest.fixture
def operator(app, client):
    """An operator, signed in."""
    with app.app_context(), transaction() as session:
        person = make_person(session, role=Role.OPERATOR)
        person_id = person.id
    sign_in(client, person_id)


def record(client, **changes):
    data = {"key": "objection_workdays", "value": "5", "source": "澜川区内控〔2026〕3号",
            "effective_from": beijing_date(utc_now()).isoformat(), **changes}
    return client.post("/ops/rules", data=data)


def test_anybody_reads_every_number_with_its_source(client):
    page = client.get("/rules").text
    for name in BELOW_THRESHOLD.numbers():
        assert BELOW_THRESHOLD.source(name) in page
    assert "录入地方规则" not in page


def test_a_local_number_shows_at_once_with_its_document(client, operator):
    assert record(client).status_code == 303
    page = client.get("/rules").text
    assert "澜川区内控〔2026〕3号" in page
    assert "本地规定" in page
    assert "澜川区内控〔2026〕3号" in client.get("/ops/rules").text


def test_a_number_for_a_later_day_is_listed_but_not_in_force(client, operator):
    tomorrow = (beijing_date(utc_now()) + timedelta(days=1)).isoformat()
    assert record(client, effective_from=tomorrow).status_code == 303
    assert "尚未生效" in client.get("/ops/rules").text
    assert "本地规定" not in client.get("/rules").text


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"value": "9"}, "只能在 3 到 7 之间"), ({"value": "x"}, "还有内容要改"), ({"source": " "}, "请写明依据"),
    ({"effective_from": "2020-01-01"}, "生效日期不能早于今天"), ({"key": "sign_days"}, "还有内容要改"),
])
def test_what_is_out_of_bounds_comes_back_with_its_sentence(client, operator, changes, sentence):
    answer = record(client, **changes)
    assert answer.status_code == 422
    assert sentence in answer.text


def test_a_second_setting_for_one_day_is_a_conflict(client, operator):
    record(client)
    assert record(client, value="7").status_code == 409


def test_only_an_operator_enters_local_numbers(app, client):
    assert client.get("/ops/rules").status_code == 302
    with app.app_context(), transaction() as session:
        person_id = make_person(session, role=Role.AUDITOR).id
    sign_in(client, person_id)
    assert client.get("/ops/rules").status_code == 403
