"""Hard rules: what rules a provider out, as named bits, each with its legal source and where it may be used. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntFlag
from functools import cache

from marketplace.core.text import N_

PROCUREMENT = frozenset({
    "open_tender", "invited_tender", "competitive_negotiation", "competitive_consultation", "request_for_quotations",
    "single_source", "framework"})
BELOW = frozenset({"below_threshold"})
GRANTS = frozenset({"grant_round", "adoption"})
EVERYWHERE = PROCUREMENT | BELOW | GRANTS


class HardRule(IntFlag):
    """One bit a rule; a provider with any bit set is no candidate."""

    NONE = 0
    NOT_VERIFIED = 1
    NOT_LEGAL_PERSON = 2
    SERIOUS_LIST = 4
    ABNORMAL_LIST = 8
    SCOPE = 16
    AREA = 32
    KIND = 64
    CERTIFIED_STAFF = 128
    GRADE = 256
    NO_CAPACITY = 512
    OVER_CAPACITY_MONEY = 1024
    CONFLICT = 2048
    DECLARE_FIRST = 4096
    DECLINED = 8192
    BUYER_ITSELF = 16384


@dataclass(frozen=True)
class RuleText:
    """How a rule is called, what would change it (`remedy`), where it comes from, which procedures may use it."""

    label: str
    remedy: str
    source: str
    procedures: frozenset[str]


RULES: Mapping[HardRule, RuleText] = {
    HardRule.NOT_VERIFIED: RuleText(
        N_("组织资料没有通过核验"), N_("在“组织资料”提交核验，通过后自动参加匹配"),
        N_("政府采购法第二十二条、实施条例第十七条"), EVERYWHERE),
    HardRule.NOT_LEGAL_PERSON: RuleText(
        N_("没有独立承担民事责任的能力"), N_("备案组织须由登记组织承接；或先办理登记"),
        N_("政府采购法第二十二条第一项"), PROCUREMENT | BELOW),
    HardRule.SERIOUS_LIST: RuleText(
        N_("在严重违法失信名单中"), N_("移出名单后自动恢复"), N_("政府采购法第二十二条、民政部令第60号"), EVERYWHERE),
    HardRule.ABNORMAL_LIST: RuleText(
        N_("在活动异常名录中"), N_("改正并移出名录后自动恢复"), N_("民政部令第60号"), EVERYWHERE),
    HardRule.SCOPE: RuleText(
        N_("服务类别和业务范围都不相符"), N_("如果确实提供这类服务，请在“组织资料”补充服务类别和业务范围"),
        N_("政府购买服务管理办法第七条"), EVERYWHERE),
    HardRule.AREA: RuleText(
        N_("不服务项目所在区域"), N_("如果愿意到当地服务，请在“组织资料”补充服务区域"),
        N_("组织自报的服务区域（不看登记地，政府采购法实施条例第二十条）"), EVERYWHERE),
    HardRule.KIND: RuleText(
        N_("不是公告要求的组织类型"), N_("以公告为准；认为要求不当的，可以向采购单位询问"),
        N_("项目公告的资格条件（政府采购法第二十二条第二款）"), EVERYWHERE),
    HardRule.CERTIFIED_STAFF: RuleText(
        N_("持证社工少于公告要求"), N_("在“组织资料”更新持证人数；不足的可以先招聘"),
        N_("项目公告的资格条件（政府采购法第二十二条第一款第三项）"), EVERYWHERE),
    HardRule.GRADE: RuleText(
        N_("评估等级低于规则要求"), N_("取得要求的等级后自动恢复"),
        N_("地方规则集明文规定（法定采购程序不得使用）"), BELOW | GRANTS),
    HardRule.NO_CAPACITY: RuleText(
        N_("自报的承接能力已满"), N_("在“组织资料”更新可同时承接的项目数"), N_("组织自报"), EVERYWHERE),
    HardRule.OVER_CAPACITY_MONEY: RuleText(
        N_("预算超过自报的承接金额"), N_("在“组织资料”更新可同时承接的金额"), N_("组织自报"), EVERYWHERE),
    HardRule.CONFLICT: RuleText(
        N_("存在利益冲突"), N_("与采购单位、出资方或评审人员的关联解除满三年后恢复"),
        N_("政府采购法第十二条、实施条例第九条和第十八条、慈善法第四十条"), EVERYWHERE),
    HardRule.DECLARE_FIRST: RuleText(
        N_("身份未核实，须先声明利益关系"), N_("请先填写利益关系声明，核实后参加匹配"),
        N_("政府采购法第十二条"), EVERYWHERE),
    HardRule.DECLINED: RuleText(
        N_("组织表示不承接这个项目"), N_("组织可以随时撤回"), N_("组织自报"), EVERYWHERE),
    HardRule.BUYER_ITSELF: RuleText(
        N_("采购单位自己或其下属、上级单位"), N_("购买主体不能同时是承接主体"),
        N_("政府购买服务管理办法第八条"), EVERYWHERE),
}


@cache
def used_in(procedure: str) -> HardRule:
    """Return the rules that may be used in a procedure, as one mask."""
    mask = HardRule.NONE
    for rule, text in RULES.items():
        if procedure in text.procedures:
            mask |= rule
    return mask


def named(bits: int) -> tuple[HardRule, ...]:
    """Return the rules in a mask, in the order in which people read them."""
    return tuple(rule for rule in RULES if bits & rule)
