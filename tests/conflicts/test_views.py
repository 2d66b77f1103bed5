"""The pages of declaring and settling, as each role meets them."""

import pytest
import sqlalchemy as sa

from marketplace.conflicts import operations, queries
from marketplace.conflicts.models import ConflictDeclaration, ConflictSettlement
from marketplace.conflicts.rules import Clearing, Relation, Stated
from marketplace.core.access import Role
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db, transaction
from tests.factories import NOW
from tests.factories.accounts import sign_in
from tests.factories.conflicts import REPRESENTATIVE, admin_of, make_flagged, make_operator
from tests.factories.projects import make_actor

PAGES = ("/org/conflicts", "/desk/conflicts", "/ops/conflicts")
OK, FORBIDDEN, UNPROCESSABLE, CONFLICT, NOT_FOUND, SEE_OTHER = 200, 403, 422, 409, 404, 303


class Stage:
    """A flagged pair and the people around it, by what the pages need of them."""

    def __init__(self, session):
        pair = make_flagged(session)
        self.provider, self.provider_id, self.name = pair.provider.ref, pair.provider.id, pair.provider.name
        self.code, self.buyer, self.buyer_code = pair.provider.credit_code, pair.buyer.name, pair.buyer.credit_code
        self.title = pair.project.title
        people = {"admin": admin_of(session, pair.provider),
                  "member": admin_of(session, pair.provider, role=Role.PROVIDER_MEMBER), "handler": pair.desk.handler,
                  "unit_admin": make_actor(session, pair.buyer, Role.UNIT_ADMIN), "operator": make_operator(session),
                  "auditor": make_actor(session, None, Role.AUDITOR), "expert": make_actor(session, None, Role.EXPERT)}
        self.people = {role: actor.person_id for role, actor in people.items()}
        self.admin, self.handler = people["admin"], people["handler"]
        self.tie = queries.waiting(session, clearing=Clearing.LOOK, today=beijing_date(utc_now()))[0].tie.key

    @property
    def case(self):
        """The address of the flag."""
        return f"/ops/conflicts/{self.provider}/{self.tie}"


@pytest.fixture
def stage(app):
    with app.app_context(), transaction() as session:
        return Stage(session)


def as_(client, stage, role):
    return sign_in(client, stage.people[role])


def count(app, model):
    with app.app_context():
        return db.session().scalar(sa.select(sa.func.count()).select_from(model))


def text(answer):
    return answer.get_data(as_text=True)


@pytest.mark.parametrize(("role", "statuses"), [
    ("admin", (OK, FORBIDDEN, FORBIDDEN)), ("member", (OK, FORBIDDEN, FORBIDDEN)),
    ("handler", (FORBIDDEN, OK, FORBIDDEN)), ("unit_admin", (FORBIDDEN, OK, FORBIDDEN)),
    ("operator", (FORBIDDEN, FORBIDDEN, OK)), ("auditor", (FORBIDDEN,) * 3), ("expert", (FORBIDDEN,) * 3),
])
def test_each_role_opens_its_own_page_only(client, stage, role, statuses):
    as_(client, stage, role)
    assert tuple(client.get(page).status_code for page in PAGES) == statuses
    assert client.get(stage.case).status_code == statuses[2]


def test_a_visitor_is_sent_to_sign_in(client, stage):
    for page in (*PAGES, stage.case):
        assert "/sign-in" in client.get(page).headers["Location"]


# ---- the provider ----

def test_a_provider_reads_what_was_found_and_declares_none(app, client, stage):
    as_(client, stage, "admin")
    page = text(client.get("/org/conflicts"))
    assert stage.buyer in page
    assert "先声明，再核对" in page
    assert REPRESENTATIVE not in page
    assert "还没有声明过" in page
    answer = client.post("/org/conflicts", data={"answer": "none"})
    assert answer.status_code == SEE_OTHER
    page = text(client.get("/org/conflicts"))
    assert "声明没有应当申报的关系" in page
    assert count(app, ConflictDeclaration) == 1


def test_a_provider_declares_two_relations_and_the_form_offers_them_again(app, client, stage):
    as_(client, stage, "admin")
    data = {"answer": "some", "relations-0-relation": "employment", "relations-0-body": stage.buyer,
            "relations-0-code": stage.buyer_code, "relations-0-person": "何静", "relations-0-since": "2024-01-01",
            "relations-0-until": "2025年6月30日", "relations-1-relation": "", "relations-1-body": "",
            "relations-2-relation": "other", "relations-2-body": "望江基金会", "relations-2-words": "理事为亲属"}
    assert client.post("/org/conflicts", data=data).status_code == SEE_OTHER
    with app.app_context():
        made = db.session().scalars(sa.select(ConflictDeclaration)).one()
        assert [(one.relation, one.body_name, one.body_code, one.person_name) for one in made.relations] == [
            ("employment", stage.buyer, stage.buyer_code, "何静"), ("other", "望江基金会", None, "")]
        assert made.relations[0].until.isoformat() == "2025-06-30"
    page = text(client.get("/org/conflicts"))
    assert page.count(f'value="{stage.buyer}"') == 1
    assert "现行有效" in page


def test_one_more_row_keeps_what_was_typed_and_saves_nothing(app, client, stage):
    as_(client, stage, "admin")
    page = text(client.post("/org/conflicts", data={"more": "1", "answer": "some", "relations-0-body": "甲单位"}))
    assert 'value="甲单位"' in page
    assert 'name="relations-1-body"' in page
    assert count(app, ConflictDeclaration) == 0


@pytest.mark.parametrize(("row", "words"), [
    ({"relations-0-code": "11990106MJ0000026X"}, "的校验位不对"),
    ({"relations-0-since": "2026-06-06", "relations-0-until": "2024-06-06"}, "结束日期早于开始日期"),
])
def test_a_refused_row_is_named_above_the_form_and_in_the_title_and_keeps_what_was_typed(client, stage, row, words):
    as_(client, stage, "admin")
    answer = client.post("/org/conflicts", data={"answer": "some", "relations-0-body": "甲单位"} | row)
    assert answer.status_code == UNPROCESSABLE
    summary = text(answer).split('role="alert"')[1].split("</div>")[0]
    assert words in summary
    assert 'href="#relations-0-' in summary
    assert "<title>错误：" in text(answer)
    assert 'value="甲单位"' in text(answer)


def test_a_new_row_takes_the_focus(client, stage):
    as_(client, stage, "admin")
    page = text(client.post("/org/conflicts", data={"more": "1", "answer": "some", "relations-0-body": "甲单位"}))
    assert '<fieldset class="field" id="relations-1" tabindex="-1" data-focus>' in page
    assert page.count("data-focus") == 1
    assert "data-focus" not in text(client.get("/org/conflicts"))


@pytest.mark.parametrize(("data", "words"), [
    ({}, "请选择“没有”或“有”"), ({"answer": "some"}, "请至少写明一项关系"),
    ({"answer": "none", "relations-0-relation": "board", "relations-0-body": "甲"}, "请把下面各项关系清空"),
    ({"answer": "some", "relations-0-relation": "board"}, "请写明对方单位或组织的名称"),
    ({"answer": "some", "relations-0-relation": "bad", "relations-0-body": "甲"}, "error"),
    ({"answer": "some", "relations-0-relation": "board", "relations-0-body": "甲", "relations-0-code": "123"}, "18 位"),
    ({"answer": "some", "relations-0-relation": "board", "relations-0-body": "甲", "relations-0-since": "昨天"}, "日期"),
    ({"answer": "some", "relations-0-relation": "board", "relations-0-body": "甲", "relations-0-since": "2999-01-01"},
     "不能晚于今天"),
    ({"answer": "none", "words": "长" * 501}, "500"),
    ({"answer": "some", "relations-0-relation": "board", "relations-0-body": "名" * 101}, "100"),
    ({"answer": "some", "relations-0-words": "只写了说明"}, "请写明对方单位或组织的名称"),
    ({"answer": "some", "relations-0-since": "2024-01-01"}, "请写明对方单位或组织的名称"),
    ({"answer": "some", **{f"relations-{place}-body": "甲" for place in range(21)}}, "最多申报 20 项"),
])
def test_a_declaration_that_is_not_clear_comes_back_with_the_reason(app, client, stage, data, words):
    as_(client, stage, "admin")
    answer = client.post("/org/conflicts", data=data)
    assert answer.status_code == UNPROCESSABLE
    assert words in text(answer)
    assert count(app, ConflictDeclaration) == 0


def test_a_member_reads_and_cannot_declare(app, client, stage):
    as_(client, stage, "member")
    page = text(client.get("/org/conflicts"))
    assert "由本组织的管理员提交" in page
    assert 'name="answer"' not in page
    assert client.post("/org/conflicts", data={"answer": "none"}).status_code == FORBIDDEN
    assert count(app, ConflictDeclaration) == 0


# ---- who buys ----

def test_a_member_of_the_unit_declares_and_the_provider_does_not_read_the_name(app, client, stage):
    as_(client, stage, "handler")
    page = text(client.get("/desk/conflicts"))
    assert 'value="sponsor"' not in page          # between bodies: the provider declares that
    data = {"answer": "some", "relations-0-relation": "board", "relations-0-body": stage.name, "relations-0-code": stage.code}
    assert client.post("/desk/conflicts", data=data).status_code == SEE_OTHER
    assert stage.name in text(client.get("/desk/conflicts"))
    with app.app_context():
        made = db.session().scalars(sa.select(ConflictDeclaration)).one()
        assert (made.declarer, made.person_id) == ("staff", stage.people["handler"])
    as_(client, stage, "admin")
    page = text(client.get("/org/conflicts"))
    assert "采购单位有工作人员申报了与贵组织的关系" in page
    assert stage.handler.name not in page
    as_(client, stage, "unit_admin")
    assert stage.name not in text(client.get("/desk/conflicts"))


def test_a_kind_that_only_a_provider_may_state_is_refused(client, stage):
    as_(client, stage, "handler")
    answer = client.post("/desk/conflicts", data={"answer": "some", "relations-0-relation": "sponsor",
                                                  "relations-0-body": stage.name})
    assert answer.status_code == UNPROCESSABLE
    more = client.post("/desk/conflicts", data={"answer": "some", "more": "1"})
    assert 'name="relations-1-body"' in text(more) or 'name="relations-0-body"' in text(more)


def test_a_refusal_stands_beside_the_row_it_is_about_even_behind_a_blank_one(client, stage):
    as_(client, stage, "handler")
    answer = client.post("/desk/conflicts", data={
        "answer": "some", "relations-0-relation": "", "relations-0-body": "", "relations-1-relation": "board",
        "relations-1-body": stage.name, "relations-1-code": "123"})
    assert answer.status_code == UNPROCESSABLE
    assert 'id="relations-1-code-error"' in text(answer)
    assert 'id="relations-0-code-error"' not in text(answer)


# ---- the operator ----

def test_an_operator_clears_a_flag_once_the_provider_declared(app, client, stage):
    as_(client, stage, "operator")
    page = text(client.get("/ops/conflicts"))
    assert stage.name in page
    assert "还没有声明" in page
    page = text(client.get(stage.case))
    assert REPRESENTATIVE in page
    assert stage.title in page
    early = client.post(stage.case, data={"outcome": "cleared", "reason": "不是同一人"})
    assert early.status_code == CONFLICT
    assert "还没有声明利益关系" in text(early)
    assert count(app, ConflictSettlement) == 0
    with app.app_context(), transaction() as session:
        provider = session.get(ConflictDeclaration.organization.property.mapper.class_, stage.provider_id)
        operations.declare(session, actor=stage.admin, organization=provider, stated=[], says_none=True, now=NOW)
    assert "已声明" in text(client.get("/ops/conflicts"))
    done = client.post(stage.case, data={"outcome": "cleared", "reason": "核对身份证件，不是同一人"})
    assert done.status_code == SEE_OTHER
    assert stage.name not in text(client.get("/ops/conflicts"))
    page = text(client.get("/ops/conflicts?show=settled"))
    assert "不是同一人" in page
    assert "可以配对" in text(client.get(stage.case))


def test_a_confirmed_flag_is_told_to_the_provider_as_a_bar(client, stage):
    as_(client, stage, "operator")
    assert client.post(stage.case, data={"outcome": "confirmed", "reason": "同一人"}).status_code == SEE_OTHER
    as_(client, stage, "admin")
    assert "不能配对" in text(client.get("/org/conflicts"))


@pytest.mark.parametrize("data", [{}, {"outcome": "cleared"}, {"outcome": "maybe", "reason": "x"},
                                  {"outcome": "confirmed", "reason": " "}])
def test_a_finding_without_outcome_or_reason_comes_back(app, client, stage, data):
    as_(client, stage, "operator")
    assert client.post(stage.case, data=data).status_code == UNPROCESSABLE
    assert count(app, ConflictSettlement) == 0


def test_only_an_operator_settles_and_a_tie_that_is_gone_is_not_found(app, client, stage):
    for role in ("admin", "handler", "auditor"):
        as_(client, stage, role)
        assert client.post(stage.case, data={"outcome": "cleared", "reason": "x"}).status_code == FORBIDDEN
    as_(client, stage, "operator")
    for address in (f"/ops/conflicts/{stage.provider}/{'0' * 32}", f"/ops/conflicts/nobody/{stage.tie}"):
        assert client.get(address).status_code == NOT_FOUND
        assert client.post(address, data={"outcome": "confirmed", "reason": "x"}).status_code == NOT_FOUND
    assert count(app, ConflictSettlement) == 0


def test_ties_of_staff_wait_in_a_list_of_their_own_until_the_withdrawal_is_recorded(app, client, stage):
    with app.app_context(), transaction() as session:
        said = Stated(Relation.EMPLOYMENT, stage.name, stage.code)
        operations.declare_own(session, actor=stage.handler, stated=[said], says_none=False, now=NOW)
        tie = queries.waiting(session, clearing=Clearing.WITHDRAWAL, today=beijing_date(utc_now()))[0].tie.key
    as_(client, stage, "operator")
    page = text(client.get("/ops/conflicts?show=withdrawal"))
    assert tie in page
    assert stage.handler.name in page
    assert tie not in text(client.get("/ops/conflicts?show=nothing"))
    address = f"/ops/conflicts/{stage.provider}/{tie}"
    page = text(client.get(address))
    assert "工作人员的声明" in page
    assert "已回避：工作人员已退出相关采购" in page
    assert client.post(address, data={"outcome": "cleared", "reason": "何静已回避"}).status_code == SEE_OTHER
    assert tie not in text(client.get("/ops/conflicts?show=withdrawal"))


@pytest.mark.parametrize(("role", "page"), [("admin", 0), ("handler", 1), ("operator", 2)])
def test_the_pages_are_in_the_side_menu(client, stage, role, page):
    as_(client, stage, role)
    assert f'href="{PAGES[page]}" aria-current="page"' in text(client.get(PAGES[page]))
