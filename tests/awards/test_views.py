"""The pages of judging, as each role meets them: what it can do, what it reads, what stays secret."""

import io
import re
from datetime import date
from decimal import Decimal

import pytest

from marketplace.awards import operations, queries
from marketplace.awards.models import PanelSeat
from marketplace.awards.operations.notices import project_facts
from marketplace.awards.rules import NoticeKind
from marketplace.core.access import SYSTEM, Role
from marketplace.core.db import db, transaction
from marketplace.organizations.models import CreditListing
from marketplace.web.services import services
from tests.factories import awards
from tests.factories.accounts import make_person, sign_in
from tests.factories.bids import PDF
from tests.factories.projects import make_actor

SINCE_LONG = {"listed_on": date(2020, 1, 1), "removed_on": None}


class Stage:
    """One project and everybody around it, by what the pages need of them."""

    def __init__(self, session, case):
        self.ref, self.number = case.project.ref, case.project.number
        self.handler, self.approver = case.desk.handler.person_id, case.desk.approver.person_id
        self.bidders = [(bid.ref, bid.organization.name, bid.submitted_by)
                        for bid in queries.opened_bids(session, case.project)]
        panel = queries.panel_of(session, case.project)
        self.seats = [(seat.ref, seat.person_id, seat.person.name) for seat in panel.seats] if panel else []


def build(app, make):
    with app.app_context(), transaction() as session:
        return Stage(session, make(session, services().sealer))


@pytest.fixture
def opened(app):
    """Offers are open, the pool has seven experts, no panel yet."""
    return build(app, awards.make_case)


@pytest.fixture
def drawn(app):
    """The panel is drawn."""
    def make(session, sealer):
        case = awards.make_case(session, sealer)
        awards.draw(session, case)
        return case
    return build(app, make)


@pytest.fixture
def ranked(app):
    """Every sheet is in and summed up."""
    return build(app, awards.make_ranked)


def read(app, function):
    with app.app_context():
        return function(db.session())


def ranking(app, stage):
    def places(session):
        project = session.scalars(awards_project(stage)).one()
        return [(row.bid.ref, row.bid.organization.name, str(row.total.quantize(Decimal("0.01"))), row.bid.submitted_by)
                for row in queries.ranking_of(session, project)]
    return read(app, places)


def awards_project(stage):
    from sqlalchemy import select

    from marketplace.projects.models import Project

    return select(Project).where(Project.ref == stage.ref)


def decide(client, stage, bid_ref, *, reason="", confirm=None):
    sign_in(client, stage.approver)
    return client.post(f"/desk/projects/{stage.ref}/award",
                       data={"bid": bid_ref, "reason": reason, "confirm": stage.number if confirm is None else confirm})


# ---- the panel page ----

def test_the_buyer_draws_the_panel_and_sees_who_must_declare(client, opened):
    sign_in(client, opened.handler)
    page = client.get(f"/desk/projects/{opened.ref}/panel")
    assert "可抽专家" in page.text
    assert "7 人" in page.text
    assert client.post(f"/desk/projects/{opened.ref}/panel", data={}).status_code == 303
    page = client.get(f"/desk/projects/{opened.ref}/panel").text
    assert page.count("待声明") == 5
    assert "随机种子" in page


def test_a_representative_can_be_named_in_the_form(app, client, opened):
    sign_in(client, opened.handler)
    ref = re.search(r'name="representatives" value="(\w+)"', client.get(f"/desk/projects/{opened.ref}/panel").text)[1]
    assert client.post(f"/desk/projects/{opened.ref}/panel", data={"representatives": [ref]}).status_code == 303
    assert "采购人代表" in client.get(f"/desk/projects/{opened.ref}/panel").text


def test_too_many_representatives_bring_the_form_back(client, opened):
    sign_in(client, opened.handler)
    refs = re.findall(r'name="representatives" value="(\w+)"', client.get(f"/desk/projects/{opened.ref}/panel").text)
    assert len(refs) == 2
    answer = client.post(f"/desk/projects/{opened.ref}/panel", data={"representatives": refs})
    assert answer.status_code == 422
    assert "采购人代表最多 1 人" in answer.text


def test_without_enough_experts_the_page_says_how_many_there_are(app, client):
    stage = build(app, lambda session, sealer: awards.make_case(session, sealer, experts=4))
    sign_in(client, stage.handler)
    answer = client.post(f"/desk/projects/{stage.ref}/panel", data={})
    assert answer.status_code == 409
    assert "需要抽取 5 名专家" in answer.text


def test_the_panel_is_secret_to_experts_bidders_strangers_and_visitors(client, drawn):
    assert client.get(f"/desk/projects/{drawn.ref}/panel").status_code == 302
    for person in (drawn.seats[0][1], drawn.bidders[0][2]):
        sign_in(client, person)
        assert client.get(f"/desk/projects/{drawn.ref}/panel").status_code == 403


def test_another_unit_gets_404_for_panel_and_award_pages(app, client, drawn):
    from tests.factories.projects import make_desk

    with app.app_context(), transaction() as session:
        stranger = make_desk(session).approver.person_id
    sign_in(client, stranger)
    for page in ("panel", "award"):
        assert client.get(f"/desk/projects/{drawn.ref}/{page}").status_code == 404
    assert client.post(f"/desk/projects/{drawn.ref}/award/close").status_code == 404


def test_a_used_up_draw_offers_substitutes(app, client):
    def make(session, sealer):
        case = awards.make_case(session, sealer, experts=5)
        panel = awards.draw(session, case)
        operations.declare(session, actor=awards.member(session, panel.seats[0]), seat=panel.seats[0], has_conflict=True,
                           reason="亲属", now=awards.OPENED)
        return case
    stage = build(app, make)
    sign_in(client, stage.handler)
    assert "还缺 1 人" in client.get(f"/desk/projects/{stage.ref}/panel").text
    assert client.post(f"/desk/projects/{stage.ref}/panel/substitutes").status_code == 409
    with app.app_context(), transaction() as session:
        awards.make_expert(session)
    assert client.post(f"/desk/projects/{stage.ref}/panel/substitutes").status_code == 303
    assert "还缺" not in client.get(f"/desk/projects/{stage.ref}/panel").text


# ---- the seat ----

def test_a_drawn_member_declares_and_comes_to_the_first_offer(client, drawn):
    ref, person, _ = drawn.seats[0]
    sign_in(client, person)
    assert "声明是否回避" in client.get("/panel").text
    page = client.get(f"/panel/{ref}").text
    for _, name, _ in drawn.bidders:
        assert name in page
    answer = client.post(f"/panel/{ref}", data={"has_conflict": "no"})
    assert (answer.status_code, answer.location) == (303, f"/panel/{ref}/score/1")


def test_withdrawing_needs_a_reason_and_seats_the_next(app, client, drawn):
    ref, person, _ = drawn.seats[0]
    sign_in(client, person)
    assert client.post(f"/panel/{ref}", data={}).status_code == 422
    answer = client.post(f"/panel/{ref}", data={"has_conflict": "yes", "reason": ""})
    assert answer.status_code == 422
    assert "请写明回避的原因" in answer.text
    assert client.post(f"/panel/{ref}", data={"has_conflict": "yes", "reason": "曾任理事"}).status_code == 303
    states = read(app, lambda session: [seat.state for seat in session.query(PanelSeat).order_by(PanelSeat.draw_order)])
    assert states == ["recused", "drawn", "drawn", "drawn", "drawn", "drawn"]
    answer = client.get(f"/panel/{ref}/score/1")
    assert (answer.status_code, "不能查看响应文件" in answer.text) == (403, True)
    assert "您已回避" in client.get(f"/panel/{ref}").text


def test_before_the_declaration_no_offer_is_shown(client, drawn):
    ref, person, _ = drawn.seats[0]
    sign_in(client, person)
    answer = client.get(f"/panel/{ref}/score/1")
    assert (answer.status_code, answer.location) == (303, f"/panel/{ref}")


def test_a_seat_is_hidden_from_everybody_else(client, drawn):
    ref = drawn.seats[0][0]
    for person in (drawn.seats[1][1], drawn.handler, drawn.approver, drawn.bidders[0][2]):
        sign_in(client, person)
        for page in ("", "/score/1", "/submit"):
            assert client.get(f"/panel/{ref}{page}").status_code == 404
        assert client.post(f"/panel/{ref}/score/1/autosave", data={}).status_code == 404


def seat_one(client, stage, number=0):
    ref, person, _ = stage.seats[number]
    sign_in(client, person)
    client.post(f"/panel/{ref}", data={"has_conflict": "no"})
    return ref


def test_the_scoring_page_hides_names_and_prices(app, client, drawn):
    ref = seat_one(client, drawn)
    for number in (1, 2, 3):
        page = client.get(f"/panel/{ref}/score/{number}").text
        assert "中央厨房" in page
        for _, name, _ in drawn.bidders:
            assert name not in page
        for price in ("356,000", "340,000", "361,000"):
            assert price not in page
    assert client.get(f"/panel/{ref}/score/4").status_code == 404


def test_saving_goes_on_to_the_next_offer_and_then_to_the_summary(client, drawn):
    ref = seat_one(client, drawn)
    full = {"points_0": "３２.5", "points_1": "20", "points_2": "12分", "comment_0": "路线清楚"}
    assert client.post(f"/panel/{ref}/score/1", data=full).location == f"/panel/{ref}/score/2"
    assert client.post(f"/panel/{ref}/score/3", data=full).location == f"/panel/{ref}/submit"
    page = client.get(f"/panel/{ref}/score/1").text
    assert 'value="32.5"' in page
    assert "路线清楚" in page
    assert "已评 2 / 3" in page
    summary = client.get(f"/panel/{ref}/submit").text
    assert "还有 3 项没有评分" in summary
    assert "64.50" in summary


@pytest.mark.parametrize(("typed", "sentence"), [("41", "应在 0 到 40 之间"), ("-1", "应在 0 到 40 之间"),
                                                 ("八分", "不是分数"), ("1.234", "最多两位小数")])
def test_a_wrong_number_is_named_beside_its_criterion_and_nothing_typed_is_lost(client, drawn, typed, sentence):
    ref = seat_one(client, drawn)
    answer = client.post(f"/panel/{ref}/score/1", data={"points_0": typed, "points_1": "20", "comment_1": "尚可"})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert f'value="{typed}"' in answer.text
    assert "尚可" in answer.text


def test_autosave_keeps_points_and_a_lone_comment(client, drawn):
    ref = seat_one(client, drawn)
    answer = client.post(f"/panel/{ref}/score/2/autosave", data={"points_0": "30", "comment_1": "先写评语"})
    assert re.fullmatch(r"\d\d:\d\d:\d\d", answer.json["saved_at"])
    page = client.get(f"/panel/{ref}/score/2").text
    assert 'value="30"' in page
    assert "先写评语" in page
    assert "还有 2 项未评" in page
    client.post(f"/panel/{ref}/score/2/autosave", data={"points_0": "", "comment_1": "先写评语"})
    assert "还有 3 项未评" in client.get(f"/panel/{ref}/score/2").text


def test_autosave_answers_a_wrong_number_with_its_sentence(client, drawn):
    ref = seat_one(client, drawn)
    answer = client.post(f"/panel/{ref}/score/1/autosave", data={"points_0": "41"})
    assert answer.status_code == 422
    assert "应在 0 到 40 之间" in answer.json["errors"]["points"][0]
    answer = client.post(f"/panel/{ref}/score/1/autosave", data={"points_0": "x"})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["points_0"])


def fill(client, ref, offers=3):
    for number in range(1, offers + 1):
        client.post(f"/panel/{ref}/score/{number}", data={"points_0": str(30 + number), "points_1": "20", "points_2": "10"})


def test_the_sheet_is_handed_in_once_and_then_closed(client, drawn):
    ref = seat_one(client, drawn)
    fill(client, ref)
    assert client.post(f"/panel/{ref}/submit", data={}).status_code == 422
    assert client.post(f"/panel/{ref}/submit", data={"confirm": "y"}).status_code == 303
    assert "评分表已提交" in client.get(f"/panel/{ref}").text
    assert client.post(f"/panel/{ref}/score/1", data={"points_0": "1"}).status_code == 403
    answer = client.post(f"/panel/{ref}/score/1/autosave", data={"points_0": "1"})
    assert (answer.status_code, list(answer.json)) == (403, ["error"])
    assert client.get(f"/panel/{ref}/submit").status_code == 303
    assert 'value="31"' in client.get(f"/panel/{ref}/score/1").text


def test_an_incomplete_sheet_is_not_taken(client, drawn):
    ref = seat_one(client, drawn)
    answer = client.post(f"/panel/{ref}/submit", data={"confirm": "y"})
    assert answer.status_code == 422
    assert "还有 9 项没有评分" in answer.text


def test_a_member_reads_the_attachments_of_an_offer_through_the_own_seat_only(app, client):
    def make(session, sealer):
        from marketplace.bids import operations as bid_operations
        from tests.factories import bids
        from tests.factories.projects import make_desk, make_published

        desk = make_desk(session)
        project = make_published(session, desk)
        bidding = bids.make_bidder(session)
        draft = bid_operations.attach_file(session, actor=bidding.actor, project=project, name="资质.pdf", data=PDF, verdict="clean",
                                           sealer=sealer, store=services().files, now=awards.NOW)
        assert draft
        from marketplace.bids import queries as bid_queries
        from marketplace.bids import rules as bid_rules

        fields = bid_queries.draft_of(session, bidding.actor, project, sealer=sealer).fields
        offer = bids.an_offer(answers=bid_rules.all_promises() | {"files": list(bid_rules.attached(fields))})
        bids.make_bid(session, project, sealer, bidding, offer=offer)
        for _ in range(2):
            bids.make_bid(session, project, sealer)
        bid_operations.open_bids(session, actor=SYSTEM, project=project, sealer=sealer, now=awards.OPENED)
        for _ in range(5):
            awards.make_expert(session)
        case = awards.Case(desk, project)
        awards.draw(session, case)
        return case
    stage = build(app, make)
    ref = seat_one(client, stage)
    links = [link for n in (1, 2, 3)
             for link in re.findall(rf'href="(/panel/{ref}/score/{n}/files/\w+)"', client.get(f"/panel/{ref}/score/{n}").text)]
    assert len(links) == 1
    assert io.BytesIO(client.get(links[0]).data).read() == PDF
    assert client.get(links[0] + "0").status_code == 404
    sign_in(client, stage.handler)
    assert client.get(links[0]).status_code == 404
    offers = [client.get(f"/desk/projects/{stage.ref}/offers/{bid}").text for bid, _, _ in stage.bidders]
    found = re.search(rf'href="(/desk/projects/{stage.ref}/offers/\w+/files/\w+)"', "".join(offers))[1]
    assert client.get(found).data == PDF


# ---- the desk of decision ----

def test_nobody_sees_points_before_the_sum(client, drawn):
    for number in range(5):
        ref = seat_one(client, drawn, number)
        fill(client, ref)
        client.post(f"/panel/{ref}/submit", data={"confirm": "y"})
    sign_in(client, drawn.approver)
    page = client.get(f"/desk/projects/{drawn.ref}/award").text
    assert "评分表已交 5 份，共 5 份" in page
    assert "汇总之前任何人看不到分数" in page
    assert "价格分</th>" not in page
    assert client.post(f"/desk/projects/{drawn.ref}/award/close").status_code == 303
    page = client.get(f"/desk/projects/{drawn.ref}/award").text
    assert "价格分" in page
    assert "名次" in page
    assert "各成员的合计分" in page


def test_the_buyer_sees_flags_but_they_refuse_nothing(client, opened):
    sign_in(client, opened.handler)
    page = client.get(f"/desk/projects/{opened.ref}/award").text
    assert "法定代表人姓名相同" in page
    assert "87号令第三十七条" in page
    assert "有效 3 家，共 3 家" in page


def test_an_offer_is_declared_invalid_with_a_reason(client, opened):
    sign_in(client, opened.handler)
    bid = opened.bidders[0][0]
    url = f"/desk/projects/{opened.ref}/award/validity"
    answer = client.post(url, data={"bid": bid, "is_valid": "no", "reason": ""})
    assert answer.status_code == 422
    assert "请写明无效的理由" in answer.text
    assert client.post(url, data={"bid": bid}).status_code == 422
    assert client.post(url, data={"bid": bid, "is_valid": "no", "reason": "未按要求签署"}).status_code == 303
    page = client.get(f"/desk/projects/{opened.ref}/award").text
    assert "未按要求签署" in page
    assert "有效 2 家，共 3 家" in page
    assert client.post(url, data={"bid": "nobody", "is_valid": "no", "reason": "x"}).status_code == 404


def test_too_few_valid_offers_fail_the_project_from_the_page(client, opened):
    sign_in(client, opened.handler)
    bid = opened.bidders[0][0]
    client.post(f"/desk/projects/{opened.ref}/award/validity", data={"bid": bid, "is_valid": "no", "reason": "未签署"})
    assert client.post(f"/desk/projects/{opened.ref}/award/close").status_code == 303
    assert "有效响应 2 家，不足 3 家" in client.get(f"/desk/projects/{opened.ref}/award").text
    assert "有效响应 2 家，不足 3 家" in client.get(f"/projects/{opened.ref}/result").text


def test_a_listed_bidder_must_be_refused_before_the_sum(app, client, opened):
    with app.app_context(), transaction() as session:
        project = session.scalars(awards_project(opened)).one()
        body = queries.opened_bids(session, project)[0].organization
        session.add(CreditListing(organization=body, kind="serious", reason="处罚", source="公示", **SINCE_LONG))
    sign_in(client, opened.handler)
    answer = client.post(f"/desk/projects/{opened.ref}/award/close")
    assert answer.status_code == 422
    assert "请先在资格审查中认定为无效" in answer.text
    assert "应认定无效" in answer.text


def test_the_award_is_published_after_the_number_is_typed_again(app, client, ranked):
    first = ranking(app, ranked)[0]
    answer = decide(client, ranked, first[0], confirm="别的编号")
    assert answer.status_code == 422
    assert f"请照样输入项目编号 {ranked.number}" in answer.text
    assert decide(client, ranked, first[0]).status_code == 303
    assert f"中选：{first[1]}" in client.get(f"/desk/projects/{ranked.ref}/award").text


def test_another_choice_than_the_first_comes_back_without_a_reason(app, client, ranked):
    second = ranking(app, ranked)[1]
    answer = decide(client, ranked, second[0])
    assert answer.status_code == 422
    assert "不选排名第一的响应人，须写明理由" in answer.text
    assert decide(client, ranked, second[0], reason="第一名书面放弃").status_code == 303


def test_a_bid_that_is_not_of_this_project_is_no_choice(app, client, ranked):
    other = build(app, awards.make_ranked)
    assert decide(client, ranked, other.bidders[0][0]).status_code == 422


def test_a_handler_cannot_decide(app, client, ranked):
    first = ranking(app, ranked)[0]
    sign_in(client, ranked.handler)
    assert "审核人" in client.get(f"/desk/projects/{ranked.ref}/award").text
    data = {"bid": first[0], "confirm": ranked.number}
    assert client.post(f"/desk/projects/{ranked.ref}/award", data=data).status_code == 403


def test_the_second_approver_gets_a_conflict_page(app, client, ranked):
    places = ranking(app, ranked)
    assert decide(client, ranked, places[0][0]).status_code == 303
    assert decide(client, ranked, places[0][0]).status_code in (409, 422)


def test_an_auditor_reads_the_decision_and_changes_nothing(app, client, ranked):
    with app.app_context(), transaction() as session:
        auditor = make_actor(session, None, Role.AUDITOR).person_id
    sign_in(client, auditor)
    page = client.get(f"/desk/projects/{ranked.ref}/award")
    assert page.status_code == 200
    assert "名次" in page.text
    assert client.post(f"/desk/projects/{ranked.ref}/award/close").status_code == 403


# ---- results ----

def test_before_the_decision_the_result_page_tells_nothing(client, ranked):
    page = client.get(f"/projects/{ranked.ref}/result").text
    assert "还没有结果" in page
    for _, name, _ in ranked.bidders:
        assert name not in page


def test_the_public_reads_winner_price_order_and_panel_but_no_losers_points(app, client, ranked):
    places = ranking(app, ranked)
    decide(client, ranked, places[0][0])
    client.get("/sign-out")
    with client.session_transaction() as cookie:
        cookie.clear()
    page = client.get(f"/projects/{ranked.ref}/result").text
    assert places[0][1] in page
    assert places[0][2] in page
    for _, name, total, _ in places[1:]:
        assert name in page
        assert total not in page
    for _, _, name in ranked.seats:
        assert name in page
    assert awards.SEED in page
    assert "异议期" in page


def test_each_bidder_reads_its_own_points_and_nobody_elses(app, client, ranked):
    places = ranking(app, ranked)
    decide(client, ranked, places[0][0])
    for place, (ref, _, total, person) in enumerate(places, 1):
        sign_in(client, person)
        page = client.get(f"/bids/{ref}/result").text
        assert total in page
        assert f"<b>{place}</b><span>名次" in page
        assert "服务方案：符合要求" in page
        for _, _, other, _ in places:
            assert other == total or other not in page
        for _, _, name in ranked.seats:
            assert name not in page
    sign_in(client, places[0][3])
    assert client.get(f"/bids/{places[1][0]}/result").status_code == 404


def test_a_bidder_waits_for_the_decision(app, client, ranked):
    ref, _, _, person = ranking(app, ranked)[0]
    sign_in(client, person)
    answer = client.get(f"/bids/{ref}/result")
    assert answer.status_code == 403
    assert "结果还没有公布" in answer.text


def test_a_loser_objects_and_the_approver_answers(app, client, ranked):
    places = ranking(app, ranked)
    decide(client, ranked, places[0][0])
    sign_in(client, places[1][3])
    assert "提出异议" in client.get(f"/projects/{ranked.ref}/result").text
    url = f"/projects/{ranked.ref}/objections"
    assert client.post(url, data={"text": " "}).status_code == 422
    assert client.post(url, data={"text": "业绩分计算有误"}).status_code == 303
    assert "待答复" in client.get(url).text
    assert client.post(url, data={"text": "再提一次"}).status_code == 409
    sign_in(client, ranked.approver)
    page = client.get(f"/desk/projects/{ranked.ref}/award").text
    assert "业绩分计算有误" in page
    objection = re.search(r'action="/desk/objections/(\w+)"', page)[1]
    answer = client.post(f"/desk/objections/{objection}", data={"outcome": "no", "answer": ""})
    assert answer.status_code == 422
    assert client.post(f"/desk/objections/{objection}", data={"outcome": "no", "answer": "经复核无误"}).status_code == 303
    sign_in(client, places[1][3])
    assert "经复核无误" in client.get(url).text
    sign_in(client, places[2][3])
    assert "业绩分计算有误" not in client.get(url).text


def test_an_upheld_objection_takes_the_result_back_in_public(app, client, ranked):
    places = ranking(app, ranked)
    decide(client, ranked, places[0][0])
    sign_in(client, places[1][3])
    client.post(f"/projects/{ranked.ref}/objections", data={"text": "中选人资料不实"})
    sign_in(client, ranked.approver)
    objection = re.search(r"/desk/objections/(\w+)", client.get(f"/desk/projects/{ranked.ref}/award").text)[1]
    client.post(f"/desk/objections/{objection}", data={"outcome": "reopen", "answer": "查证属实"})
    page = client.get(f"/projects/{ranked.ref}/result").text
    assert "还没有结果" in page
    assert "结果更正公告" in page
    assert "公布中选结果" in client.get(f"/desk/projects/{ranked.ref}/award").text


def test_the_award_is_revoked_from_the_page_with_a_reason(app, client, ranked):
    decide(client, ranked, ranking(app, ranked)[0][0])
    url = f"/desk/projects/{ranked.ref}/award/revoke"
    assert client.post(url, data={"reason": ""}).status_code == 422
    assert client.post(url, data={"reason": "中选人书面放弃"}).status_code == 303
    assert client.post(url, data={"reason": "再撤"}).status_code == 404
    ref = re.search(r'href="/notices/(\w+)"', client.get("/notices?kind=correction").text)[1]
    assert "中选人书面放弃" in client.get(f"/notices/{ref}").text


# ---- notices ----

def test_notices_are_listed_by_kind_and_readable_without_an_account(app, client, ranked):
    first = ranking(app, ranked)[0]
    decide(client, ranked, first[0])
    with client.session_transaction() as cookie:
        cookie.clear()
    listed = client.get("/notices?kind=result").text
    ref = re.search(r'href="/notices/(\w+)"', listed)[1]
    page = client.get(f"/notices/{ref}").text
    assert first[1] in page
    assert "人民币" in page
    assert "种子" in page
    assert client.get("/notices?kind=selection").status_code == 200
    assert client.get("/notices?kind=nonsense").status_code == 404
    assert client.get("/notices/nothing").status_code == 404


@pytest.mark.parametrize("case", [
    (NoticeKind.SELECTION, {"body": "六个社区提供午餐", "criteria": [["服务方案", 80]], "price_weight": 20}, ["六个社区提供午餐", "服务方案"]),
    (NoticeKind.CHANGE, {"text": "助餐点增加一处", "closes_at": "2026-12-14T09:00:00+00:00"}, ["助餐点增加一处", "2026年12月14日"]),
    (NoticeKind.CORRECTION, {"winner": "晨光中心", "reason": "中选人放弃"}, ["撤销“晨光中心”的中选结果", "中选人放弃"]),
    (NoticeKind.FAILURE, {"reason": "有效响应不足"}, ["流标原因", "有效响应不足"]),
    (NoticeKind.TERMINATION, {"reason": "需求取消"}, ["终止原因", "需求取消"]),
    (NoticeKind.CONTRACT, {"contract_number": "HT-2026-0001", "provider": "晨光中心", "price_fen": 34_000_000, "verify_code": "abc"},
     ["HT-2026-0001", "晨光中心", "340,000.00", "/v/abc"]),
])
def test_every_kind_of_notice_reads_well_in_both_languages(app, client, opened, case):
    kind, facts, shown = case
    with app.app_context(), transaction() as session:
        project = session.scalars(awards_project(opened)).one()
        notice = operations.publish_notice(session, actor=SYSTEM, project=project, kind=kind, title=project.title,
                                           facts=project_facts(project) | facts, unique_key=f"t:{kind}", now=awards.NOW).ref
    page = client.get(f"/notices/{notice}").text
    for words in shown:
        assert words in page
    assert "公布于 2026-11-23 10:00" in page
    assert client.get(f"/notices/{notice}?lang=en").status_code == 200


# ---- the pool ----

def test_the_operator_keeps_the_pool(app, client):
    with app.app_context(), transaction() as session:
        operator = make_actor(session, None, Role.OPERATOR).person_id
        make_person(session, name="罗教授", role=Role.EXPERT, login="luo@example.invalid")
    sign_in(client, operator)
    answer = client.post("/ops/experts", data={"login": "nobody@example.invalid"})
    assert answer.status_code == 422
    assert "没有这个账号" in answer.text
    data = {"login": "luo@example.invalid", "employer": "澜川大学", "is_available": "y"}
    assert client.post("/ops/experts", data=data).status_code == 303
    page = client.get("/ops/experts").text
    assert "罗教授" in page
    assert "澜川大学" in page
