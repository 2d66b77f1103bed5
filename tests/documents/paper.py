"""A four-page contract as plain facts, for tests and benchmarks of printing."""

from datetime import date
from typing import Any

from flask import Flask

from marketplace.contracts import rules
from marketplace.contracts.models import Contract
from marketplace.core.money import Money
from tests.factories import NOW

BODY = """为桐浦街道 6 个社区的高龄、独居、失能老人提供工作日午餐服务，其中行动不便的 92 位老人由志愿者送餐到门。
一是按照营养师配餐要求，每周公布一次菜谱，荤素搭配，少油少盐，照顾糖尿病、高血压等慢性病老人的饮食需要，并保留每餐留样 48 小时备查。
二是建立老年人用餐档案，登记饮食禁忌和紧急联系人，用餐时同步开展健康观察和情感陪伴，发现异常及时告知家属和社区。
三是组建不少于 30 人的助餐志愿者队伍，开展食品安全、急救和沟通技巧培训，每季度至少一次。
四是每半年开展一次满意度调查，由用餐老人和家属代表参与打分，结果向社区公开。"""


def facts(**changes: Any) -> dict[str, Any]:
    """The facts of one contract as operations collect them."""
    price = Money.yuan(356_000)
    steps = [("启动", 40, "人员到岗，排班表确认"), ("年中评估", 40, "评估合格"), ("年末验收", 20, "验收合格，老人代表签字")]
    made: dict[str, Any] = {
        "number": "LC-HT-2026-0143",
        "project": {"ref": "k7m2xd9txyh3", "number": "LC-2026-0217", "title": "桐浦街道长者助餐服务"},
        "method": "公开遴选（采购限额标准以下）", "rule_set": "below_threshold@2026.1",
        "category": {"code": "A040203", "name": "老年助餐服务"}, "funding_source": "街道部门预算（社会事务购买服务）",
        "is_lottery": False,
        "buyer": {"ref": "b", "name": "桐浦街道办事处", "credit_code": "11449900007163523Y", "address": "澜川区文明路 18 号",
                  "legal_representative": "刘建平", "contact": "何晓岚　138 0000 0416", "bank_name": "澜川农商银行",
                  "bank_account": "8002 0000 0123 4567"},
        "provider": {"ref": "p", "name": "澜川区暖邻社会工作服务中心", "credit_code": "52449900MJ3170522H",
                     "address": "澜川区长庆里 3 号", "legal_representative": "周敏", "contact": "周敏　139 0000 0521",
                     "bank_name": "", "bank_account": ""},
        "basis": {"award_ref": "m3xk7p2d9qyt", "awarded_on": "2026-12-07", "objections_ended_on": "2026-12-10",
                  "receipt_number": "LC-HZ-2026-0871", "commitment": "41d8a6f093be27c5" * 4},
        "service": {"summary": "", "body": BODY, "target_group": "60 岁以上高龄、独居、失能老人", "beneficiaries": 320,
                    "place": "桐浦街道 6 个社区长者食堂", "offer_summary": "在达到需求指标的基础上，增加节日慰问餐 4 次。",
                    "team": "项目负责人 1 名（中级社会工作师），专职社工 3 名，营养师 1 名，厨务和送餐人员 8 名。"},
        "indicators": [
            {"name": "工作日午餐", "target": "不少于 48,000", "unit": "人次", "evidence": "刷卡记录、签收表"},
            {"name": "送餐到门", "target": "不少于 92", "unit": "人", "evidence": "送餐台账、照片"},
            {"name": "用餐满意率", "target": "不低于 90%", "unit": "", "evidence": "第三方问卷报告"},
        ],
        "period": {"from": "2027-01-01", "to": "2027-12-31", "months": 12}, "price": rules.price_facts(price),
        "payments": rules.payment_plan(price, [
            {"title": title, "percent": percent, "condition": condition, "days_after": 30}
            for title, percent, condition in steps]),
    }
    return {**made, **changes}


def a_contract(*, is_demo: bool = False, **changes: Any) -> Contract:
    """A contract in memory, frozen from these facts."""
    terms = rules.freeze(facts(**changes))
    return Contract(number=str(terms["document_number"]), terms=terms, terms_sha256=rules.terms_sha256(terms),
                    verify_code="7kq4-m2xd-9txy-h3vp", is_demo=is_demo, frozen_at=NOW, sign_by=date(2027, 1, 6))


def page_of(app: Flask, contract: Contract) -> str:
    """The page that the contract prints."""
    from marketplace.contracts.jobs import contract_html

    with app.app_context():
        return contract_html(contract)
