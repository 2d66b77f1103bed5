"""In which paper donated and matched money may stand, by the procedure of the project (rulebook 2.7a). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from marketplace.core.errors import Invalid
from marketplace.core.text import N_


class Landing(StrEnum):
    """The paper that carries the money."""

    GRANT_AGREEMENT = "grant_agreement"        # stands in the agreement of the grant itself
    ADOPTION_AGREEMENT = "adoption_agreement"  # stands in the agreement of the adoption itself
    NOTICED_AGREEMENT = "noticed_agreement"    # below the threshold: beside the contract, as the notice said
    EXTRA_OUTPUTS = "extra_outputs"            # a donation agreement of its own, for outputs beyond the contract


LANDING_LABELS: Mapping[Landing, str] = {
    Landing.GRANT_AGREEMENT: N_("写入资助协议"), Landing.ADOPTION_AGREEMENT: N_("写入认领协议"),
    Landing.NOTICED_AGREEMENT: N_("按公告约定，另签捐赠协议"),
    Landing.EXTRA_OUTPUTS: N_("成交后另签捐赠协议，只用于合同以外的增加服务"),
}


class Family(StrEnum):
    """How near a procedure is to the procurement law."""

    GRANT = "grant"
    ADOPTION = "adoption"
    BELOW_THRESHOLD = "below_threshold"
    PROCUREMENT = "procurement"


FAMILIES: Mapping[str, Family] = {             # any other procedure counts as one of the procurement law: the strictest
    "grant_round": Family.GRANT, "adoption": Family.ADOPTION, "below_threshold": Family.BELOW_THRESHOLD,
}
SOURCES: Mapping[Family, str] = {
    Family.GRANT: "资助协议自身约定（领域规则 2.7a、6.2）", Family.ADOPTION: "认领协议自身约定（领域规则 2.7a）",
    Family.BELOW_THRESHOLD: "采购人内控规则：公告写明方可接受配捐（领域规则 2.7a）",
    Family.PROCUREMENT: "政府采购法第四十六条、第五十条：不得背离采购文件和中标结果；捐赠另签协议（领域规则 2.7a）",
}
AFTER_AWARD = ("awarded", "contracted")        # projects.rules.ProjectState
CLOSED = ("draft", "in_review", "failed", "terminated")


@dataclass(frozen=True)
class Place:
    """What decides where money may land: the procedure, whether the notice said so, and how far the project is."""

    procedure: str
    takes_matching: bool
    state: str


def family_of(procedure: str) -> Family:
    """Return the family of a procedure ("below_threshold" or "below_threshold@2026.1")."""
    return FAMILIES.get(procedure.partition("@")[0], Family.PROCUREMENT)


def refusal(place: Place) -> str:
    """Return why no money may land here now (a sentence), or an empty text."""
    if place.state in CLOSED:
        return N_("这个项目没有公开发布，或已经结束，不能认捐")
    family = family_of(place.procedure)
    if family is Family.BELOW_THRESHOLD and not place.takes_matching:
        return N_("这个项目的公告没有写明接受捐赠和配捐，不能认捐（限额标准以下的项目要在公告里写明）")
    if family is Family.PROCUREMENT and place.state not in AFTER_AWARD:
        return N_("政府采购项目在成交之前不接受认捐：捐赠不能影响报价和评审。成交后可以为增加的服务另签捐赠协议")
    return ""


def landing_of(place: Place) -> Landing:
    """Return the one paper in which money for such a project stands; raises Invalid where there is none now."""
    if sentence := refusal(place):
        raise Invalid(sentence, field="project")
    return {
        Family.GRANT: Landing.GRANT_AGREEMENT, Family.ADOPTION: Landing.ADOPTION_AGREEMENT,
        Family.BELOW_THRESHOLD: Landing.NOTICED_AGREEMENT, Family.PROCUREMENT: Landing.EXTRA_OUTPUTS,
    }[family_of(place.procedure)]


def check(place: Place, wanted: str | None, *, cost_source: str | None) -> Landing:
    """Return the landing of a pledge, or raise Invalid.

    `wanted` may ask for EXTRA_OUTPUTS after the award wherever money may land at all. `cost_source` is that of the
    named cost line (None: none named): what the contract pays is never paid again, and extra outputs are named.
    """
    allowed = landing_of(place)
    if cost_source == "contract":
        raise Invalid(N_("这项费用由采购合同支付，不能再用捐赠支付。请选择合同以外的费用"), field="cost_line")
    if wanted is None or wanted == allowed:
        landing = allowed
    elif wanted == Landing.EXTRA_OUTPUTS and place.state in AFTER_AWARD:
        landing = Landing.EXTRA_OUTPUTS
    else:
        raise Invalid(N_("这个项目的捐赠只能“{landing}”"), field="landing", landing=LANDING_LABELS[allowed])
    if landing is Landing.EXTRA_OUTPUTS and cost_source is None:
        raise Invalid(N_("请写明这笔捐赠支付哪一项合同以外的费用"), field="cost_line")
    return landing
