"""Kinds of funders, what each must show before it is verified, and what each kind of money may not pay. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.organizations.rules import OrganizationKind, credit_code_is_valid


class FunderKind(StrEnum):
    """Where money comes from."""

    FOUNDATION = "foundation"
    CHARITY_FEDERATION = "charity_federation"
    COMMUNITY_FOUNDATION = "community_foundation"
    NAMED_FUND = "named_fund"                  # 专项基金: no legal person, its foundation signs
    FIRM = "firm"
    CHAMBER_FUND = "chamber_fund"
    LOTTERY = "lottery"                        # 福彩公益金 of a civil-affairs bureau
    GOVERNMENT_BUDGET = "government_budget"
    OVERSEAS = "overseas"
    PERSON = "person"


FUNDER_LABELS: Mapping[FunderKind, str] = {
    FunderKind.FOUNDATION: N_("基金会"), FunderKind.CHARITY_FEDERATION: N_("慈善会"),
    FunderKind.COMMUNITY_FOUNDATION: N_("社区基金会"), FunderKind.NAMED_FUND: N_("专项基金"),
    FunderKind.FIRM: N_("企业"), FunderKind.CHAMBER_FUND: N_("商会基金"), FunderKind.LOTTERY: N_("福彩公益金"),
    FunderKind.GOVERNMENT_BUDGET: N_("财政资金"), FunderKind.OVERSEAS: N_("境外机构"), FunderKind.PERSON: N_("个人"),
}

# Which bodies can be a funder of each kind. A named fund and a chamber's fund sign through the body that keeps them.
BODIES: Mapping[FunderKind, frozenset[OrganizationKind]] = {
    FunderKind.FOUNDATION: frozenset({OrganizationKind.FOUNDATION}),
    FunderKind.COMMUNITY_FOUNDATION: frozenset({OrganizationKind.FOUNDATION}),
    FunderKind.CHARITY_FEDERATION: frozenset({OrganizationKind.CHARITY_FEDERATION, OrganizationKind.ASSOCIATION}),
    FunderKind.NAMED_FUND: frozenset({OrganizationKind.FOUNDATION, OrganizationKind.CHARITY_FEDERATION}),
    FunderKind.FIRM: frozenset({OrganizationKind.ENTERPRISE, OrganizationKind.COLLECTIVE,
                                OrganizationKind.INSTITUTION, OrganizationKind.SERVICE_AGENCY}),
    FunderKind.CHAMBER_FUND: frozenset({OrganizationKind.ASSOCIATION, OrganizationKind.FOUNDATION,
                                        OrganizationKind.CHARITY_FEDERATION}),
    FunderKind.LOTTERY: frozenset({OrganizationKind.UNIT}),
    FunderKind.GOVERNMENT_BUDGET: frozenset({OrganizationKind.UNIT, OrganizationKind.INSTITUTION}),
    FunderKind.OVERSEAS: frozenset({OrganizationKind.OTHER, OrganizationKind.FOUNDATION}),
    FunderKind.PERSON: frozenset(),
}


@dataclass(frozen=True)
class Need:
    """What a funder must show, in words, with its source."""

    key: str
    sentence: str
    source: str


NEEDS: Mapping[str, Need] = {
    need.key: need for need in (
        Need("organization_verified", N_("所属组织要先在本平台核验"), "慈善法第三十八条、领域规则 4.2"),
        Need("approval_file", N_("国有企业要上传对外捐赠的批准文件"), "企业国有资产法、国资发评价〔2009〕317号"),
        Need("overseas_number", N_("境外机构要填写代表机构登记证号或临时活动备案号"), "境外非政府组织境内活动管理法第九条、第三十二条"),
        Need("note", N_("请写明核验了哪些材料"), "本平台核验规则"),
    )
}


@dataclass(frozen=True)
class Standing:
    """What is known of a funder when it is to be verified."""

    kind: FunderKind
    has_verified_organization: bool
    is_state_owned: bool
    has_approval_file: bool
    overseas_number: str


def missing(standing: Standing) -> list[Need]:
    """Return what a funder still has to show; empty when it may be verified."""
    wanted = []
    if standing.kind is not FunderKind.PERSON and not standing.has_verified_organization:
        wanted.append(NEEDS["organization_verified"])
    if standing.is_state_owned and not standing.has_approval_file:
        wanted.append(NEEDS["approval_file"])
    if standing.kind is FunderKind.OVERSEAS and not standing.overseas_number:
        wanted.append(NEEDS["overseas_number"])
    return wanted


def check_body(kind: FunderKind, organization_kind: str | None, *, fund_name: str, person_name: str) -> None:
    """Raise Invalid unless a funder of this kind can be that body, with the names that the kind asks for."""
    if kind is FunderKind.PERSON:
        if organization_kind is not None:
            raise Invalid(N_("个人捐赠不挂在单位名下。单位捐赠请选择单位的类型"), field="organization")
        if not person_name:
            raise Invalid(N_("请填写捐赠人姓名：本平台不接受匿名认捐"), field="person_name")
    else:
        if organization_kind is None:
            raise Invalid(N_("请选择捐赠的组织"), field="organization")
        if OrganizationKind(organization_kind) not in BODIES[kind]:
            raise Invalid(N_("这个组织的类型不能登记为“{kind}”"), field="kind", kind=FUNDER_LABELS[kind])
        if person_name:
            raise Invalid(N_("单位捐赠不填个人姓名"), field="person_name")
    if (kind is FunderKind.NAMED_FUND) != bool(fund_name):
        raise Invalid(N_("专项基金要填写基金名称；其他类型不填"), field="fund_name")


# ---- lottery money (rulebook 5.1) ----

class LotteryPurpose(StrEnum):
    """What welfare-lottery money is for."""

    ELDERLY = "elderly"
    DISABLED = "disabled"
    ORPHANS = "orphans"
    HARDSHIP = "hardship"
    PUBLIC_BENEFIT = "public_benefit"


PURPOSE_LABELS: Mapping[LotteryPurpose, str] = {
    LotteryPurpose.ELDERLY: N_("扶老"), LotteryPurpose.DISABLED: N_("助残"), LotteryPurpose.ORPHANS: N_("救孤"),
    LotteryPurpose.HARDSHIP: N_("济困"), LotteryPurpose.PUBLIC_BENEFIT: N_("其他社会公益"),
}
PURPOSE_SOURCE = "彩票管理条例第三十三条、第三十六条；彩票管理条例实施细则第六十条"


@dataclass(frozen=True)
class Ban:
    """A use that lottery money must not have, and the words by which a cost line shows it."""

    key: str
    label: str
    words: tuple[str, ...]
    source: str = "财综〔2021〕18号"


BANS: tuple[Ban, ...] = (
    Ban("wages", N_("财政供养人员的工资和奖金"), ("在编人员", "公务员工资", "编内", "财政供养")),
    Ban("office", N_("办公楼建设和行政运行经费"), ("办公楼", "行政经费", "行政运行", "办公经费")),
    Ban("cars", N_("公务用车"), ("公务用车", "公车", "购车")),
    Ban("trips", N_("因公出国（境）"), ("出国", "出境", "境外考察")),
    Ban("profit", N_("以营利为目的的活动"), ("营利", "盈利", "投资", "入股")),
)
LOTTERY_MARK = N_("彩票公益金资助——中国福利彩票")
MARK_SOURCE = "彩票管理条例实施细则第六十条：资助的设施、设备和活动应当以显著方式标明"
PUBLISH_MONTH, PUBLISH_DAY = 6, 30             # of the next year; the default of the place (rulebook 5.1)
PUBLISH_SOURCE = "彩票管理条例第三十六条：使用单位每年公布使用情况"


def check_lottery(purpose: str, texts: str) -> LotteryPurpose:
    """Return the purpose of lottery money, or raise Invalid: one of five purposes, none of the banned uses."""
    try:
        found = LotteryPurpose(purpose)
    except ValueError:
        raise Invalid(N_("福彩公益金只能用于扶老、助残、救孤、济困和其他社会公益。请选择用途"), field="purpose") from None
    for ban in BANS:
        if word := next((word for word in ban.words if word in texts), ""):
            raise Invalid(N_("福彩公益金不能用于{use}（出现“{word}”；{source}）"), field="cost_line", use=ban.label,
                          word=word, source=ban.source)
    return found


def publish_by(year: int) -> date:
    """Return the day by which the use of a year's lottery money is published."""
    return date(year + 1, PUBLISH_MONTH, PUBLISH_DAY)


# ---- filed plans and the council ----

_FILED_PLAN = re.compile(r"^(?P<code>[0-9A-Z]{18})A\d{5}$")


def check_filed_plan(typed: str) -> str:
    """Return the number of a filed public-fundraising plan (CL 24), or raise Invalid: code, A, year, running number."""
    number = "".join((typed or "").upper().split())
    found = _FILED_PLAN.match(number)
    if not found or not credit_code_is_valid(found["code"]):
        raise Invalid(N_("“{typed}”不是募捐方案备案编号。编号是 18 位统一社会信用代码加字母 A 和 5 位数字"),
                      field="filed_plan_number", typed=typed)
    return number


def check_line(council_above: Money | None) -> None:
    """Raise Invalid for a line of the council below nothing."""
    if council_above is not None and council_above.fen < 0:
        raise Invalid(N_("理事会决议的金额线不能小于零"), field="council_above")


def tidy_accounts(typed: str) -> str:
    """Return account numbers as they are kept: digits only, one a line, each once."""
    found = ("".join(letter for letter in line if letter.isdigit()) for line in (typed or "").splitlines())
    return "\n".join(dict.fromkeys(number for number in found if number))
