"""Clauses of a donation agreement, its money plan, its states."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.agreements import rules
from marketplace.agreements.rules import AgreementState
from marketplace.core.errors import IllegalStep
from marketplace.core.money import Money
from marketplace.documents.rules import canonical_json

MILESTONES = [{"title": "签约后", "percent": 50, "condition": "签约", "days_after": 10},
              {"title": "末期", "percent": 50, "condition": "验收", "days_after": 30}]


def facts(**changes: object) -> dict[str, object]:
    """The facts of an agreement over two gifts."""
    return {
        "number": "LC-JX-2026-0001",
        "project": {"ref": "p", "number": "LC-2026-0217", "title": "桐浦街道长者助餐服务"},
        "contract": {"number": "LC-HT-2026-0003", "buyer": "桐浦街道办事处"},
        "receiver": {"name": "澜川区社区发展基金会"}, "provider": {"name": "澜川区暖邻社会工作服务中心"},
        "gifts": [{"donor": "云岭商会", "kind": "own", "commitment": "LC-RJ-2026-0001", "code": "7KQ4M2XD", "fen": 100_000, "figures": "1,000.00"},
                  {"donor": rules.WITHHELD, "kind": "matched", "commitment": "", "code": "9TXYH3VP", "fen": 50_001, "figures": "500.01"}],
        "cost_lines": [{"name": "周末加餐", "fen": 150_001, "figures": "1,500.01"}],
        "account": {"holder": "澜川区社区发展基金会", "bank": "澜川银行", "number": "6222000000001"},
        "money": rules.money_facts([Money(100_000), Money(50_001)], MILESTONES),
        "management_percent": 0, "leftover": "similar", "namings": [], **changes}


def words(title: str, **changes: object) -> str:
    """The paragraphs of one clause."""
    clause = next(write(facts(**changes)) for write in rules.CLAUSES if write(facts(**changes)).title == title)
    return "\n".join(clause.paragraphs)


@pytest.mark.parametrize(("title", "said"), [
    ("捐赠人和捐赠财产", "共 2 笔"), ("捐赠目的和用途", "任何一项费用不得由两个来源重复支付"),
    ("与购买服务合同的关系", "LC-HT-2026-0003"), ("与购买服务合同的关系", "没有参与报价和评分"), ("交付和接收账户", "6222000000001"),
    ("交付和接收账户", "平台不接收、不保管、不转付"), ("票据", "没有到账的捐赠不开具票据"), ("拨付", "两名人员核对"),
    ("管理费用", "不从捐赠财产中列支"), ("剩余财产和退回", "相同或者相近的慈善项目"), ("用途变更", "书面同意"), ("信息公开和报告", "每 3 个月"),
    ("捐赠的履行", "支付令"), ("利害关系", "不构成摊派"), ("冠名和宣传", "烟草"), ("生效、争议和份数", "人民法院"),
])
def test_what_the_law_asks_for_stands_in_its_clause(title: str, said: str) -> None:
    assert said in words(title)


def test_agreed_shares_names_and_leftovers_are_written_out() -> None:
    assert "不超过 5%" in words("管理费用", management_percent=5)
    assert "退回捐赠人" in words("剩余财产和退回", leftover="return")
    assert "长庆冠名" in words("冠名和宣传", namings=["长庆冠名"])
    assert "增加该项目的服务数量" in words("捐赠目的和用途", cost_lines=[])
    assert "项目协议的组成部分" in words("与项目协议的关系", contract={"number": "", "buyer": ""})
    assert "开户银行" not in words("交付和接收账户", account={"holder": "基金会", "bank": "", "number": ""})


def test_the_clause_on_leftovers_is_the_one_that_others_point_to() -> None:
    titles = [write(facts()).title for write in rules.CLAUSES]
    assert titles.index("剩余财产和退回") + 1 == 10
    assert "第十条" in words("与购买服务合同的关系")


@given(st.lists(st.integers(1, 10**11), min_size=1, max_size=40))
def test_the_parts_of_the_plan_add_up_to_the_gifts(fen: list[int]) -> None:
    money = rules.money_facts([Money(one) for one in fen], MILESTONES)
    assert sum(part["fen"] for part in money["payments"]) == sum(fen) == money["price"]["fen"]


def test_frozen_terms_are_plain_data_and_name_what_was_frozen() -> None:
    terms = rules.freeze(facts())
    assert terms["document_number"] == "LC-JX-2026-0001"
    assert terms["form"] == rules.FORM
    assert len(terms["clauses"]) == len(rules.CLAUSES)
    assert canonical_json(terms) == canonical_json(rules.freeze(facts()))


def test_a_name_is_shown_unless_it_was_asked_to_be_withheld() -> None:
    assert rules.shown_name("云岭商会", is_withheld=False) == "云岭商会"
    assert rules.shown_name("云岭商会", is_withheld=True) == rules.WITHHELD


@pytest.mark.parametrize("state", list(AgreementState))
@pytest.mark.parametrize("action", ["issue", "sign"])
def test_every_step_of_every_state(state: AgreementState, action: str) -> None:
    legal = {(AgreementState.FROZEN, "issue"): AgreementState.ISSUED, (AgreementState.ISSUED, "sign"): AgreementState.SIGNED}
    if (state, action) in legal:
        assert rules.LIFECYCLE.after(state, action) == legal[state, action]
    else:
        with pytest.raises(IllegalStep):
            rules.LIFECYCLE.after(state, action)
