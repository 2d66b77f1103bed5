"""What kinds of organizations there are, how their codes and names are checked, and which facts bar one from bidding.

Pure: no table, no clock. Sources: rulebook 3.1 to 3.5 (GB 32100-2015, GB 11714), security.md "confusables".
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from marketplace.core.errors import Invalid
from marketplace.core.lifecycle import Lifecycle
from marketplace.core.text import N_

JOB_VERIFICATION_ASKED = "organizations.verification_asked"      # organization_ref, name
JOB_VERIFICATION_DECIDED = "organizations.verification_decided"  # organization_ref, name, outcome, reason
JOB_BUYER_CHANGED = "organizations.buyer_changed"                # organization_ref: other name, kind or place


class OrganizationKind(StrEnum):
    """What a body is by the law that founded it (rulebook 3.1)."""

    UNIT = "unit"
    ASSOCIATION = "association"
    SERVICE_AGENCY = "service_agency"
    FOUNDATION = "foundation"
    CHARITY_FEDERATION = "charity_federation"
    ENTERPRISE = "enterprise"
    INSTITUTION = "institution"
    SELF_GOV = "self_gov"
    COLLECTIVE = "collective"
    FILED_GROUP = "filed_group"
    OTHER = "other"


KIND_LABELS: Mapping[OrganizationKind, str] = {
    OrganizationKind.UNIT: N_("机关单位"), OrganizationKind.ASSOCIATION: N_("社会团体"),
    OrganizationKind.SERVICE_AGENCY: N_("社会服务机构（民办非企业单位）"), OrganizationKind.FOUNDATION: N_("基金会"),
    OrganizationKind.CHARITY_FEDERATION: N_("慈善会"), OrganizationKind.ENTERPRISE: N_("企业"),
    OrganizationKind.INSTITUTION: N_("事业单位"), OrganizationKind.SELF_GOV: N_("居（村）委会"),
    OrganizationKind.COLLECTIVE: N_("农村集体经济组织"), OrganizationKind.FILED_GROUP: N_("备案社区社会组织"),
    OrganizationKind.OTHER: N_("其他"),
}


class Standing(StrEnum):
    """How the law knows a body: registered ones have legal personality, filed ones (备案) have none (rulebook 3.2)."""

    REGISTERED = "registered"
    FILED = "filed"
    ENTERPRISE = "enterprise"
    INSTITUTION = "institution"
    SELF_GOV = "self_gov"
    GOVERNMENT = "government"


STANDING_LABELS: Mapping[Standing, str] = {
    Standing.REGISTERED: N_("登记"), Standing.FILED: N_("备案"), Standing.ENTERPRISE: N_("企业"),
    Standing.INSTITUTION: N_("事业单位"), Standing.SELF_GOV: N_("基层群众性自治组织"), Standing.GOVERNMENT: N_("机关"),
}

STANDING_OF_KIND: Mapping[OrganizationKind, Standing] = {
    OrganizationKind.UNIT: Standing.GOVERNMENT, OrganizationKind.ASSOCIATION: Standing.REGISTERED,
    OrganizationKind.SERVICE_AGENCY: Standing.REGISTERED, OrganizationKind.FOUNDATION: Standing.REGISTERED,
    OrganizationKind.CHARITY_FEDERATION: Standing.REGISTERED, OrganizationKind.ENTERPRISE: Standing.ENTERPRISE,
    OrganizationKind.INSTITUTION: Standing.INSTITUTION, OrganizationKind.SELF_GOV: Standing.SELF_GOV,
    OrganizationKind.COLLECTIVE: Standing.SELF_GOV, OrganizationKind.FILED_GROUP: Standing.FILED,
    OrganizationKind.OTHER: Standing.REGISTERED,
}


class BuyerKind(StrEnum):
    """What kind of body asks for a service, as lists and searches group them."""

    DISTRICT = "district"
    TOWN = "town"
    COMMUNITY = "community"
    CHARITY = "charity"
    OTHER = "other"


BUYER_LABELS: Mapping[BuyerKind, str] = {
    BuyerKind.DISTRICT: N_("区级单位"), BuyerKind.TOWN: N_("镇（街道）"), BuyerKind.COMMUNITY: N_("社区（村）"),
    BuyerKind.CHARITY: N_("基金会、慈善组织"), BuyerKind.OTHER: N_("其他单位"),
}
_DISTRICT_LENGTH, _TOWN_LENGTH = 6, 9                    # characters of an area code; a community has more


def buyer_kind(kind: str, area_code: str | None) -> BuyerKind:
    """Return the group of a buyer: a unit by the level of the place it governs, other bodies by their kind."""
    if kind == OrganizationKind.SELF_GOV:
        return BuyerKind.COMMUNITY
    if kind in (OrganizationKind.FOUNDATION, OrganizationKind.CHARITY_FEDERATION):
        return BuyerKind.CHARITY
    if kind != OrganizationKind.UNIT:
        return BuyerKind.OTHER
    length = len(area_code or "")
    if length <= _DISTRICT_LENGTH:
        return BuyerKind.DISTRICT
    return BuyerKind.TOWN if length <= _TOWN_LENGTH else BuyerKind.COMMUNITY


OPEN_KINDS = tuple(kind for kind in OrganizationKind if kind is not OrganizationKind.UNIT)


class Verification(StrEnum):
    """Where the operator's check of an organization stands."""

    UNVERIFIED = "unverified"
    SUBMITTED = "submitted"
    VERIFIED = "verified"
    RETURNED = "returned"


VERIFICATION_LABELS: Mapping[Verification, str] = {
    Verification.UNVERIFIED: N_("未核验"), Verification.SUBMITTED: N_("待核验"),
    Verification.VERIFIED: N_("已核验"), Verification.RETURNED: N_("已退回"),
}

VERIFICATION_STEPS = Lifecycle(
    {
        (Verification.UNVERIFIED, "submit"): Verification.SUBMITTED,
        (Verification.RETURNED, "submit"): Verification.SUBMITTED,
        (Verification.UNVERIFIED, "verify"): Verification.VERIFIED,
        (Verification.SUBMITTED, "verify"): Verification.VERIFIED,
        (Verification.SUBMITTED, "return"): Verification.RETURNED,
        (Verification.VERIFIED, "return"): Verification.RETURNED,
        (Verification.VERIFIED, "change"): Verification.UNVERIFIED,
    },
    VERIFICATION_LABELS,
)

LISTING_LABELS: Mapping[str, str] = {"abnormal": N_("活动异常名录"), "serious": N_("严重违法失信名单")}

RELATIONS: Mapping[str, str] = {
    "legal_representative": N_("法定代表人相同"), "controls": N_("控股或控制该组织"),
    "controlled": N_("被该组织控股或控制"), "manages": N_("管理该组织"), "managed": N_("受该组织管理"),
    "sponsor": N_("举办者、发起人"), "branch": N_("分支机构"), "other": N_("其他关联"),
}

# What lists and searches say of the buyer beside its projects.
BUYER_FIELDS = frozenset({"name", "kind", "area_code"})

# A verified organization that changes one of these is checked again.
IDENTITY_FIELDS = ("name", "kind", "standing", "credit_code", "legal_representative", "ratings")

# ---- unified social credit code (GB 32100-2015) ----

_CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"      # no I O S V Z
_CODE_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_BODY_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BODY_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_AUTHORITIES = "123456789ANY"                            # who registered it; A army, N rural collectives, Y others
CODE_LENGTH = 18

_CODE_PREFIXES: Mapping[OrganizationKind, tuple[str, ...]] = {
    OrganizationKind.ASSOCIATION: ("51", "81", "89"), OrganizationKind.SERVICE_AGENCY: ("52",),
    OrganizationKind.FOUNDATION: ("53",), OrganizationKind.CHARITY_FEDERATION: ("51", "53"),
    OrganizationKind.SELF_GOV: ("54", "55"), OrganizationKind.ENTERPRISE: ("91", "92", "93"),
    OrganizationKind.COLLECTIVE: ("N1", "N2", "N3"), OrganizationKind.UNIT: ("11", "13", "19"),
    OrganizationKind.INSTITUTION: ("12",),
}


def tidy_credit_code(typed: str | None) -> str | None:
    """Return a code as it is stored (half-width capitals without spaces and hyphens), or None for nothing."""
    plain = re.sub(r"[\s\-‐‑–—_]", "", unicodedata.normalize("NFKC", typed or "")).upper()
    return plain or None


def credit_code_check(first_17: str) -> str:
    """Return the 18th character that belongs to 17 characters of the code's alphabet (GB 32100-2015)."""
    total = sum(_CODE_ALPHABET.index(sign) * weight for sign, weight in zip(first_17, _CODE_WEIGHTS, strict=True))
    return _CODE_ALPHABET[(31 - total % 31) % 31]


def body_code_check(first_8: str) -> str:
    """Return the 9th character of the body code inside it, places 9 to 17 (GB 11714): 10 is X, 11 is 0."""
    total = sum(_BODY_ALPHABET.index(sign) * weight for sign, weight in zip(first_8, _BODY_WEIGHTS, strict=True))
    rest = 11 - total % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))


def credit_code_is_valid(code: str) -> bool:
    """Say whether an 18-character code has both its check characters right; the area part may be a repealed one."""
    if len(code) != CODE_LENGTH or set(code) - set(_CODE_ALPHABET) or code[0] not in _AUTHORITIES:
        return False
    return body_code_check(code[8:16]) == code[16] and credit_code_check(code[:17]) == code[17]


def check_credit_code(typed: str | None, *, field: str = "credit_code") -> str | None:
    """Return the tidy code, or None for nothing; raises Invalid saying what is wrong with it."""
    code = tidy_credit_code(typed)
    if code is None:
        return None
    if len(code) != CODE_LENGTH:
        raise Invalid(N_("统一社会信用代码是 18 位，现在是 {length} 位。请照登记证书核对"), field=field, length=len(code))
    if wrong := sorted(set(code) - set(_CODE_ALPHABET)):
        raise Invalid(N_("统一社会信用代码里不会出现“{signs}”。请核对是否把 1、0 写成了字母"), field=field,
                      signs="、".join(wrong))
    if not credit_code_is_valid(code):
        raise Invalid(N_("统一社会信用代码“{code}”的校验位不对，多半有一位抄错了。请照登记证书逐位核对"), field=field, code=code)
    return code


def code_fits_kind(code: str | None, kind: OrganizationKind) -> bool:
    """Say whether the first two characters agree with the kind; a mismatch is for the operator's eyes, no refusal."""
    prefixes = _CODE_PREFIXES.get(kind)
    return code is None or prefixes is None or code.startswith(prefixes)


# ---- names ----

MIN_NAME, MAX_NAME = 2, 100
_REFUSED = {"Cc", "Cf", "Co", "Cs", "Cn"}
_TRADITIONAL = dict(zip(
    "機構會團體業務協區鎮鄉縣發愛學誌願義來聯總國東灣龍華興樂遠護養殘兒婦聽視醫療藥復關懷環書藝術動競賽館園區廣場"
    "農經濟貿產財稅證審計創傳媒網絡電腦級導師員職勞權維穩應緊災難險慶豐寶雙萬億麗陽陰聖賢禮儀義潔淨綠藍紅銀錢鐵橋",
    "机构会团体业务协区镇乡县发爱学志愿义来联总国东湾龙华兴乐远护养残儿妇听视医疗药复关怀环书艺术动竞赛馆园区广场"
    "农经济贸产财税证审计创传媒网络电脑级导师员职劳权维稳应紧灾难险庆丰宝双万亿丽阳阴圣贤礼仪义洁净绿蓝红银钱铁桥",
    strict=True,
))
_LOOK_ALIKE = {
    sign: group[0]
    for group in ("己已巳", "未末", "土士", "日曰", "人入八", "戊戌戍", "大太犬", "干千于", "天夭", "王壬玉", "刀力",
                  "贝见", "午牛", "间问", "拔拨", "免兔", "鸟乌", "崇祟", "析折", "令今", "治冶", "洗冼", "爱受", "侯候")
    for sign in group
}


def check_name(typed: str, *, field: str = "name") -> str:
    """Return a name with its white space tidied; raises Invalid for invisible characters and odd lengths."""
    hidden = [f"U+{ord(sign):04X}" for sign in typed or "" if unicodedata.category(sign) in _REFUSED]
    if hidden:
        raise Invalid(N_("名称里有看不见的字符（{signs}）。请删去名称后重新手打"), field=field, signs="、".join(hidden))
    name = " ".join((typed or "").split())
    if not MIN_NAME <= len(name) <= MAX_NAME:
        raise Invalid(N_("名称应是 {least} 到 {most} 个字"), field=field, least=MIN_NAME, most=MAX_NAME)
    return name


def name_key(name: str) -> str:
    """Return the key that look-alike names share: NFKC, no invisible signs or spaces, lower case, look-alikes joined.

    Traditional characters that are usual in names count as their simplified form. Equal keys mean that a person
    must look, never that two names are the same.
    """
    plain = unicodedata.normalize("NFKC", name)
    kept = (sign for sign in plain if unicodedata.category(sign) != "Cf" and not sign.isspace())
    simple = (_TRADITIONAL.get(sign, sign) for sign in "".join(kept).casefold())
    return "".join(_LOOK_ALIKE.get(sign, sign) for sign in simple)


def keys_are_close(one: str, other: str) -> bool:
    """Say whether two name keys are equal or one insertion, deletion or replacement apart."""
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1:
        return False
    start = next((place for place, sign in enumerate(one) if sign != other[place]), len(one))
    skip = 1 if len(one) == len(other) else 0
    return one[start + skip:] == other[start + 1:]


# ---- credit and rating on a day ----

class Listed(Protocol):
    """An entry in a credit list, half-open [listed_on, removed_on)."""

    kind: str
    listed_on: date
    removed_on: date | None


class Rated(Protocol):
    """A grade from 1 to 5, valid from issued_on up to and including expires_on (有效期至)."""

    grade: int
    issued_on: date
    expires_on: date


def is_listed(listings: Iterable[Listed], kind: str, day: date) -> bool:
    """Say whether one of `listings` of that kind (abnormal, serious) holds on `day`; removal day excluded."""
    return any(one.kind == kind and one.listed_on <= day and (one.removed_on is None or day < one.removed_on)
               for one in listings)


def grade_on(ratings: Iterable[Rated], day: date) -> int | None:
    """Return the grade of the newest rating that is valid on `day`, or None."""
    valid = [one for one in ratings if one.issued_on <= day <= one.expires_on]
    return max(valid, key=lambda one: one.issued_on).grade if valid else None


@dataclass(frozen=True)
class Eligibility:
    """What the legal gate asks about one organization on one day (GPL 22; rulebook 3.2, 3.3)."""

    is_verified: bool
    is_legal_person: bool
    is_abnormal: bool
    is_serious: bool
    grade: int | None

    @property
    def bars(self) -> tuple[str, ...]:
        """Return the reasons that bar it from bidding, each a sentence; none when it may bid.

        The grade is never one of them: it must not be a condition under procurement law (rulebook 3.3 item 8).
        """
        facts = (
            (not self.is_verified, N_("组织资料还没有通过核验。请先在“组织资料”提交核验")),
            (not self.is_legal_person, N_("备案组织没有法人资格，不能独立承接，须由登记组织承接后共同实施")),
            (self.is_abnormal, N_("组织在活动异常名录中。移出名录后才能参加")),
            (self.is_serious, N_("组织在严重违法失信名单中。移出名单后才能参加")),
        )
        return tuple(sentence for applies, sentence in facts if applies)


# ---- bodies behind which the same person stands (GPR 18) ----

@dataclass(frozen=True)
class Identity:
    """The identifiers of one organization that can show a tie to another one."""

    key: int
    credit_code: str | None
    legal_representative: str | None
    contact_phone: str | None
    bank_account: str | None
    related_codes: frozenset[str]


def tie_between(one: Identity, other: Identity) -> str | None:
    """Return what ties two bidders (a sentence), strongest first, or None. A tie is a flag for a person to judge."""
    if (one.credit_code in other.related_codes) or (other.credit_code in one.related_codes):
        return N_("一方登记的关联方中有另一方")
    for field, sentence in (
        ("legal_representative", N_("法定代表人姓名相同")), ("bank_account", N_("银行账号相同")),
        ("contact_phone", N_("联系电话相同")),
    ):
        mine, theirs = getattr(one, field), getattr(other, field)
        if mine and mine == theirs:
            return sentence
    return None
