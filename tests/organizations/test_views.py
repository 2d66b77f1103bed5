"""Pages of organizations through HTTP."""

import re

import pytest
from flask.testing import FlaskClient

from marketplace.core.access import Role
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.organizations.models import Organization
from tests.factories.accounts import make_person, sign_in
from tests.factories.organizations import credit_code, make_organization, make_unit


def save(client: FlaskClient, name: str, **facts: object) -> str:
    with client.application.app_context(), transaction() as session:
        return make_organization(session, name=name, **facts).ref


def stored(client: FlaskClient, ref: str, *columns: str) -> tuple[object, ...]:
    with client.application.app_context():
        one = db.session.query(Organization).filter_by(ref=ref).one()
        return tuple(getattr(one, column) for column in columns)


def as_role(client: FlaskClient, role: Role, ref: str | None = None) -> FlaskClient:
    """Sign in somebody with that role: on the platform, in a unit of government, or in the organization `ref`."""
    with client.application.app_context(), transaction() as session:
        organization_id = None if ref is None else session.query(Organization.id).filter_by(ref=ref).scalar()
        if role in (Role.HANDLER, Role.APPROVER):
            organization_id = make_unit(session, name="桐浦街道办事处").id
        person_id = make_person(session, role=role, organization_id=organization_id).id
    return sign_in(client, person_id)


def token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    return found[1] if found else ""


def test_the_public_list_shows_verified_bodies_and_hides_new_ones(client: FlaskClient) -> None:
    save(client, "澜川区晨光社工服务中心")
    save(client, "澜川区隐身社工服务中心", is_verified=False)
    with client.application.app_context(), transaction() as session:
        make_unit(session, name="望溪镇人民政府")
    page = client.get("/organizations").text
    assert "澜川区晨光社工服务中心" in page
    assert "隐身" not in page
    assert "望溪镇人民政府" not in page


@pytest.mark.parametrize(("query", "found"), [
    ("q=晨光", True), ("q=不存在", False), ("kind=service_agency", True), ("kind=foundation", False),
    ("category=A04", True), ("category=A0402", True), ("category=A05", False), ("area=990101", True),
    ("area=990109", False), ("grade=5", False), ("page=99", True), ("grade=x&page=-1", True), ("q=晨光 中心", True),
])
def test_filters_narrow_the_list(client: FlaskClient, query: str, found: bool) -> None:
    save(client, "澜川区晨光社工服务中心", categories=["A040203"], areas=["990101"])
    answer = client.get(f"/organizations?{query}")
    assert answer.status_code == 200
    assert ("澜川区晨光社工服务中心" in answer.text) is found


def test_the_public_page_masks_the_person_and_never_shows_the_bank(client: FlaskClient) -> None:
    ref = save(client, "晨光社工", contact_phone="13812345678", contact_name="林晓晓", bank_account="62220000111122223333",
               legal_representative="王建国")
    page = client.get(f"/organizations/{ref}").text
    assert "138****5678" in page
    assert "13812345678" not in page
    assert "林**" in page
    assert "62220000111122223333" not in page
    assert "王建国" in page
    buyer = as_role(client, Role.HANDLER).get(f"/organizations/{ref}").text
    assert "13812345678" in buyer
    assert "62220000111122223333" not in buyer


def test_a_new_body_is_404_for_the_public_and_there_for_its_own_people(client: FlaskClient) -> None:
    ref = save(client, "新来的社工", is_verified=False)
    assert client.get(f"/organizations/{ref}").status_code == 404
    assert client.get("/organizations/nosuchref").status_code == 404
    page = as_role(client, Role.PROVIDER_ADMIN, ref).get(f"/organizations/{ref}")
    assert page.status_code == 200
    assert "未核验" in page.text


def registration(client: FlaskClient, **changes: str) -> dict[str, str]:
    plain = {"name": "澜川区新芽社工中心", "kind": "service_agency", "credit_code": credit_code(), "person_name": "陈静",
             "login": "13911112222", "agree": "y", "csrf_token": token(client.get("/register").text)}
    return {**plain, **changes}


def test_registering_shows_the_activation_code_once(client: FlaskClient) -> None:
    answer = client.post("/register", data=registration(client))
    assert answer.status_code == 200
    code = re.search(r"<code>([^<]+)</code>", answer.text)
    assert code
    with client.application.app_context():
        assert db.session.query(Organization).filter_by(name="澜川区新芽社工中心").one().verification == "unverified"
    assert code[1] not in client.get("/register").text


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"credit_code": "53100000500020462H"}, "校验位"), ({"name": ""}, "全称"), ({"kind": ""}, "类型"),
    ({"kind": "unit"}, ""), ({"login": ""}, "手机号或邮箱"), ({"person_name": ""}, "管理员姓名"), ({"agree": ""}, "受托"),
    ({"name": "坏\u202e名字"}, "U+202E"),
])
def test_a_bad_registration_comes_back_filled_and_saves_nothing(
        client: FlaskClient, changes: dict[str, str], sentence: str) -> None:
    answer = client.post("/register", data=registration(client, **changes))
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "13911112222" in answer.text or "login" in changes
    with client.application.app_context():
        assert db.session.query(Organization).count() == 0


def edited(client: FlaskClient, ref: str, **changes: str) -> dict[str, str]:
    page = client.get(f"/organizations/{ref}/profile").text
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version
    columns = ("name", "kind", "credit_code", "legal_representative", "contact_phone", "area_code")
    plain = {"csrf_token": token(page), "version": version[1],
             **{name: str(value or "") for name, value in zip(columns, stored(client, ref, *columns), strict=True)}}
    return {**plain, **changes}


def test_its_administrator_saves_the_profile(client: FlaskClient) -> None:
    ref = save(client, "晨光社工")
    as_role(client, Role.PROVIDER_ADMIN, ref)
    data = edited(client, ref, about="服务老人", staff_total="12", capacity_money="90万",
                  **{"past_projects-0-title": "长者助餐", "past_projects-0-buyer_name": "望溪镇", "past_projects-0-amount": "12万",
                     "ratings-0-grade": "", "related_parties-0-name": ""})
    answer = client.post(f"/organizations/{ref}/profile", data=data)
    assert answer.status_code == 303
    about, staff, money, state = stored(client, ref, "about", "staff_total", "capacity_money", "verification")
    assert (about, staff, money, state) == ("服务老人", 12, Money.yuan(900_000), "verified")
    assert "长者助餐" in client.get(f"/organizations/{ref}/profile").text


def test_an_autosave_answers_in_json_and_leaves_identity_facts_alone(client: FlaskClient) -> None:
    ref = save(client, "晨光社工")
    as_role(client, Role.PROVIDER_ADMIN, ref)
    data = edited(client, ref, about="半句", legal_representative="另一人")
    headers = {"X-Autosave": "1"}
    answer = client.post(f"/organizations/{ref}/profile", data=data, headers=headers)
    assert answer.status_code == 200
    assert re.fullmatch(r"\d\d:\d\d:\d\d", answer.json["saved_at"])
    assert stored(client, ref, "about", "legal_representative", "version_id") == ("半句", "林晓", answer.json["version"])
    odd = client.post(f"/organizations/{ref}/profile", data={**data, "version": "٣x"}, headers=headers)
    assert odd.status_code == 409
    stale = client.post(f"/organizations/{ref}/profile", data={**data, "about": "旧窗口"}, headers=headers)
    assert stale.status_code == 409
    assert "刷新" in stale.json["conflict"]
    wrong = client.post(f"/organizations/{ref}/profile", headers=headers,
                        data={**data, "version": str(answer.json["version"]), "contact_phone": "call me"})
    assert wrong.status_code == 422
    assert "contact_phone" in wrong.json["errors"]


def test_a_refused_profile_comes_back_with_what_was_typed(client: FlaskClient) -> None:
    ref = save(client, "晨光社工")
    as_role(client, Role.PROVIDER_ADMIN, ref)
    answer = client.post(f"/organizations/{ref}/profile", data=edited(client, ref, contact_phone="call me", about="留住我"))
    assert answer.status_code == 422
    assert "留住我" in answer.text
    assert "不像电话号码" in answer.text


def test_strangers_and_members_do_not_edit(client: FlaskClient) -> None:
    ref = save(client, "晨光社工")
    assert client.get(f"/organizations/{ref}/profile").status_code == 302
    as_role(client, Role.PROVIDER_MEMBER, ref)
    assert client.get(f"/organizations/{ref}/profile").status_code == 403


def test_the_operator_returns_and_verifies(client: FlaskClient) -> None:
    ref = save(client, "等待核验的社工", is_verified=False, code=credit_code())
    save(client, "等待核验的社エ", is_verified=False, code=credit_code())
    admin = as_role(client, Role.PROVIDER_ADMIN, ref)
    page = admin.get(f"/organizations/{ref}/profile").text
    assert admin.post(f"/organizations/{ref}/submit", data={"csrf_token": token(page)}).status_code == 303
    operator = as_role(client, Role.OPERATOR)
    assert "等待核验的社工" in operator.get("/ops/organizations").text
    page = operator.get(f"/ops/organizations/{ref}").text
    assert "等待核验的社エ" in page
    data = {"csrf_token": token(page)}
    empty = operator.post(f"/ops/organizations/{ref}/decision", data={**data, "decision": "return", "note": ""})
    assert empty.status_code == 422
    operator.post(f"/ops/organizations/{ref}/decision", data={**data, "decision": "return", "note": "法定代表人不符"})
    assert stored(client, ref, "verification")[0] == "returned"
    operator.post(f"/ops/organizations/{ref}/decision", data={**data, "decision": "verify", "note": ""})
    assert stored(client, ref, "verification")[0] == "returned"
    admin = as_role(client, Role.PROVIDER_ADMIN, ref)
    page = admin.get(f"/organizations/{ref}/profile").text
    assert "法定代表人不符" in page
    admin.post(f"/organizations/{ref}/submit", data={"csrf_token": token(page)})
    operator = as_role(client, Role.OPERATOR)
    data = {"csrf_token": token(operator.get(f"/ops/organizations/{ref}").text)}
    operator.post(f"/ops/organizations/{ref}/decision", data={**data, "decision": "verify", "note": ""})
    assert stored(client, ref, "verification")[0] == "verified"


def test_the_operator_keeps_the_credit_lists(client: FlaskClient) -> None:
    ref = save(client, "晨光社工")
    operator = as_role(client, Role.OPERATOR)
    data = {"csrf_token": token(operator.get(f"/ops/organizations/{ref}").text), "listings-0-kind": "abnormal",
            "listings-0-listed_on": "2026-01-05", "listings-0-reason": "未按时报送年报", "listings-0-source": "区民政局公告"}
    assert operator.post(f"/ops/organizations/{ref}/listings", data={**data, "listings-0-reason": ""}).status_code == 422
    assert operator.post(f"/ops/organizations/{ref}/listings", data=data).status_code == 303
    assert "未按时报送年报" in client.get(f"/organizations/{ref}").text


def test_names_that_look_alike_are_listed_for_the_operator(client: FlaskClient) -> None:
    save(client, "己任公益中心")
    save(client, "已任公益中心")
    page = as_role(client, Role.OPERATOR).get("/ops/organizations?show=duplicates").text
    assert "己任公益中心" in page
    assert "已任公益中心" in page


@pytest.mark.parametrize("role", [Role.HANDLER, Role.AUDITOR, Role.PROVIDER_ADMIN])
def test_the_check_is_for_operators_only(client: FlaskClient, role: Role) -> None:
    ref = save(client, "晨光社工")
    as_role(client, role, ref if role is Role.PROVIDER_ADMIN else None)
    for path in ("/ops/organizations", f"/ops/organizations/{ref}"):
        assert client.get(path).status_code == 403
