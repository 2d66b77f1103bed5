"""On what a conflict of interest rests, how strong it is, what people read of it, what may settle it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from marketplace.core.text import N_

JOB_DECLARED = "conflicts.declared"        # organization_ref of the provider
JOB_SETTLED = "conflicts.settled"          # settlement_ref, organization_ref of the provider


class Strength(StrEnum):
    """Whether a ground rules the pair out by itself, or a person must look first."""

    BARS = "bars"
    FLAG = "flag"


class Clearing(StrEnum):
    """What may lift a ground: nothing but a change of facts; a person's look; or the withdrawal of the staff member."""

    NEVER = "never"
    LOOK = "look"
    WITHDRAWAL = "withdrawal"


class Kind(StrEnum):
    """What a pair gets: no pairing at all, or first a declaration and a person's look."""

    CONFLICT = "conflict"
    DECLARE_FIRST = "declare_first"


class Ground(StrEnum):
    """What ties a provider to a project."""

    BUYER_ITSELF = "buyer_itself"
    UNIT_TREE = "unit_tree"
    CONTROL = "control"
    HOSTED = "hosted"
    FUNDER_ITSELF = "funder_itself"
    FUNDER_RELATED = "funder_related"
    STAFF_MANDATE = "staff_mandate"
    STAFF_DECLARED = "staff_declared"
    PROVIDER_DECLARED = "provider_declared"
    REVIEWER_EMPLOYER = "reviewer_employer"
    REVIEWER_MANDATE = "reviewer_mandate"
    SAME_REPRESENTATIVE = "same_representative"
    NAMED_RELATED = "named_related"
    OTHER_RELATED = "other_related"
    SHARED_CONTROLLER = "shared_controller"
    FUNDER_UNSURE = "funder_unsure"
    STAFF_UNSURE = "staff_unsure"
    PROVIDER_UNSURE = "provider_unsure"
    REVIEWER_UNSURE = "reviewer_unsure"
    IDENTITY = "identity"


@dataclass(frozen=True)
class GroundText:
    """How a ground is called, its source, its strength; `sentence` for staff, `told` for the provider without names.

    Both may hold {provider}, {other} and {detail}; `told` never names a person.
    """

    label: str
    source: str
    strength: Strength
    clearing: Clearing
    sentence: str
    told: str


_GPL_12 = N_("政府采购法第十二条")
_GPR_9 = N_("政府采购法实施条例第九条")
_GPR_18 = N_("政府采购法第十二条，比照实施条例第十八条第一款")
_GPR_18_2 = N_("政府采购法实施条例第九条、第十八条")
_ORDER_102 = N_("政府购买服务管理办法第五条、第六条")
_CL = N_("慈善法第四十条、第五十九条")
_BARS, _FLAG = Strength.BARS, Strength.FLAG
_NEVER, _LOOK, _WITHDRAWAL = Clearing.NEVER, Clearing.LOOK, Clearing.WITHDRAWAL

GROUNDS: Mapping[Ground, GroundText] = {
    Ground.BUYER_ITSELF: GroundText(
        N_("就是采购单位"), _ORDER_102, _BARS, _NEVER,
        N_("{provider}就是这个项目的采购单位"), N_("贵组织就是这个项目的采购单位")),
    Ground.UNIT_TREE: GroundText(
        N_("采购单位的上级或下属单位"), _ORDER_102, _BARS, _NEVER,
        N_("{provider}与采购单位{other}是上下级单位"), N_("贵组织与采购单位{other}是上下级单位")),
    Ground.CONTROL: GroundText(
        N_("与采购单位有控股、管理或举办关系"), _GPR_18, _BARS, _NEVER,
        N_("{provider}与采购单位{other}按统一社会信用代码登记为关联方：{detail}"),
        N_("贵组织与采购单位{other}按统一社会信用代码登记为关联方：{detail}")),
    Ground.HOSTED: GroundText(
        N_("由采购单位承接或托管"), _GPR_18, _BARS, _NEVER,
        N_("{provider}与采购单位{other}之间有承接、托管关系"), N_("贵组织与采购单位{other}之间有承接、托管关系")),
    Ground.FUNDER_ITSELF: GroundText(
        N_("就是这个项目的出资方"), _CL, _BARS, _NEVER,
        N_("{provider}认捐或配资了这个项目，不能再作为承接方受益"), N_("贵组织认捐或配资了这个项目，不能再作为承接方受益")),
    Ground.FUNDER_RELATED: GroundText(
        N_("出资方的利害关系人"), _CL, _BARS, _NEVER,
        N_("{provider}是出资方{other}的利害关系人：{detail}"), N_("贵组织是一个出资方的利害关系人：{detail}")),
    Ground.STAFF_MANDATE: GroundText(
        N_("采购单位工作人员三年内在该组织任职"), _GPR_9, _BARS, _WITHDRAWAL,
        N_("采购单位工作人员{other}的账号三年内曾代表{provider}"), N_("采购单位有工作人员三年内曾在贵组织任职")),
    Ground.STAFF_DECLARED: GroundText(
        N_("采购单位工作人员申报了利害关系"), _GPR_9, _BARS, _WITHDRAWAL,
        N_("采购单位工作人员{other}申报与{provider}有关系：{detail}"), N_("采购单位有工作人员申报了与贵组织的关系")),
    Ground.PROVIDER_DECLARED: GroundText(
        N_("组织申报了与采购单位人员的利害关系"), _GPR_9, _BARS, _WITHDRAWAL,
        N_("{provider}申报与采购单位{other}有关系：{detail}"), N_("贵组织申报了与采购单位{other}的关系")),
    Ground.REVIEWER_EMPLOYER: GroundText(
        N_("评审人员的工作单位"), _GPR_9, _BARS, _NEVER,
        N_("评审人员{other}的工作单位是{provider}"), N_("与这个项目的有关人员存在应当回避的关系")),
    Ground.REVIEWER_MANDATE: GroundText(
        N_("评审人员三年内在该组织任职"), _GPR_9, _BARS, _NEVER,
        N_("评审人员{other}的账号三年内曾代表{provider}"), N_("与这个项目的有关人员存在应当回避的关系")),
    Ground.SAME_REPRESENTATIVE: GroundText(
        N_("法定代表人同名"), _GPR_18, _FLAG, _LOOK,
        N_("{provider}与采购单位{other}的法定代表人（负责人）同名：{detail}。同名不等于同一人，请核对"),
        N_("贵组织与采购单位{other}的法定代表人（负责人）同名，须先声明并经核对")),
    Ground.NAMED_RELATED: GroundText(
        N_("关联方名称相同，没有代码"), _GPR_18, _FLAG, _LOOK,
        N_("{provider}与采购单位{other}之间登记了只有名称的关联方：{detail}"),
        N_("贵组织与采购单位{other}之间登记了只有名称的关联方，须先声明并经核对")),
    Ground.OTHER_RELATED: GroundText(
        N_("与采购单位有其他关联"), _GPL_12, _FLAG, _LOOK,
        N_("{provider}与采购单位{other}登记为关联方，关系还不足以认定：{detail}"),
        N_("贵组织与采购单位{other}登记为关联方，须先声明并经核对")),
    Ground.SHARED_CONTROLLER: GroundText(
        N_("与采购单位由同一方控制或举办"), _GPR_18, _FLAG, _LOOK,
        N_("{provider}与采购单位{other}登记了同一个控制方或举办者（代码 {detail}）"),
        N_("贵组织与采购单位{other}登记了同一个控制方或举办者，须先声明并经核对")),
    Ground.FUNDER_UNSURE: GroundText(
        N_("可能是出资方的利害关系人"), _CL, _FLAG, _LOOK,
        N_("{provider}可能是出资方{other}的利害关系人：{detail}"), N_("贵组织可能是一个出资方的利害关系人，须先声明并经核对")),
    Ground.STAFF_UNSURE: GroundText(
        N_("采购单位工作人员申报的组织同名"), _GPR_9, _FLAG, _LOOK,
        N_("采购单位工作人员{other}申报的关系可能指{provider}：{detail}"),
        N_("采购单位有工作人员申报的关系可能指贵组织，须先声明并经核对")),
    Ground.PROVIDER_UNSURE: GroundText(
        N_("组织申报的关系可能指采购单位"), _GPR_18_2, _FLAG, _LOOK,
        N_("{provider}申报的关系可能指采购单位{other}，或还不足以认定：{detail}"),
        N_("贵组织申报的关系可能指采购单位{other}，须经核对")),
    Ground.REVIEWER_UNSURE: GroundText(
        N_("评审人员的工作单位同名"), _GPR_9, _FLAG, _LOOK,
        N_("评审人员{other}填写的工作单位与{provider}同名"), N_("与这个项目的有关人员可能存在应当回避的关系，须先声明并经核对")),
    Ground.IDENTITY: GroundText(
        N_("身份没有核验，也没有声明"), _GPL_12, _FLAG, _NEVER,
        N_("{provider}的资料没有通过核验，也没有声明利益关系"), N_("贵组织的资料没有通过核验，请先声明利益关系")),
}


def is_bar(ground: Ground) -> bool:
    """Say whether the ground rules a pair out by itself."""
    return GROUNDS[ground].strength is Strength.BARS


class Outcome(StrEnum):
    """What an operator found after looking."""

    CLEARED = "cleared"
    CONFIRMED = "confirmed"


OUTCOME_LABELS: Mapping[Outcome, str] = {Outcome.CLEARED: N_("可以配对"), Outcome.CONFIRMED: N_("已确认冲突")}
CHOICES: Mapping[Clearing, Mapping[Outcome, str]] = {    # what an operator chooses between
    Clearing.LOOK: {Outcome.CLEARED: N_("排除：不构成利益冲突"), Outcome.CONFIRMED: N_("确认：构成利益冲突")},
    Clearing.WITHDRAWAL: {Outcome.CLEARED: N_("已回避：工作人员已退出相关采购"), Outcome.CONFIRMED: N_("没有回避：仍构成利益冲突")},
}


def strength_after(ground: Ground, outcome: str | None) -> Strength | None:
    """Return how strong a ground is once an operator has looked; None where nothing of it is left.

    What no look can lift stays as it is. A confirmed flag bars; a cleared one is gone.
    """
    text = GROUNDS[ground]
    if text.clearing is Clearing.NEVER or outcome is None:
        return text.strength
    return Strength.BARS if outcome == Outcome.CONFIRMED else None
