"""Rule sets as data: every number of a procedure with the article or local rule behind it; text checks."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from marketplace.core.errors import Invalid
from marketplace.core.text import N_
from marketplace.organizations.rules import KIND_LABELS, OPEN_KINDS, OrganizationKind

TIMERS_FILE = Path(__file__).parent / "data" / "timers.csv"
WHOLE = 100  # points and per cent
MOST_CERTIFIED, HIGHEST_GRADE = 500, 5


class ScoringMethod(StrEnum):
    """How offers are compared (rulebook 2.6)."""

    COMPREHENSIVE = "comprehensive"
    LOWEST_PRICE = "lowest_price"
    FIXED_PRICE = "fixed_price"


SCORING_LABELS: Mapping[ScoringMethod, str] = {
    ScoringMethod.COMPREHENSIVE: N_("综合评分法"),
    ScoringMethod.LOWEST_PRICE: N_("最低评标价法"),
    ScoringMethod.FIXED_PRICE: N_("固定价格，只比方案"),
}

ROUNDINGS: Mapping[str, str] = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "down": ROUND_DOWN}


@dataclass(frozen=True)
class RuleSet:
    """One version of one procedure's numbers and words. `sources` names the origin of every one of them.

    The field names say working or calendar days; shares are fractions; points and weights are of 100.
    """

    name: str                                # "below_threshold@2026.1"
    title: str
    min_bids: int                            # fewer: the project fails
    min_notice_workdays: int                 # from publishing to the deadline
    change_notice_workdays: int              # from a change that matters to the deadline
    enquiry_answer_workdays: int
    panel_min: int                           # smallest panel, odd
    panel_default: int
    expert_share: Fraction                   # at least this share are drawn experts
    price_weight_min: int                    # comprehensive method, points of 100
    price_weight_max: int
    score_places: int                        # decimals of the total; rounded once, at the end
    score_rounding: str                      # half_up, half_even, down
    result_publish_workdays: int             # from the decision to the result notice
    objection_workdays: int                  # from the result notice
    objection_answer_workdays: int
    sign_days: int                           # calendar days from the award notice to the contract
    contract_publish_workdays: int           # from signing
    contract_file_workdays: int              # from signing
    retention_years: int
    term_months: int                         # longest service term without the four conditions
    term_months_max: int
    envelopes: int                           # 1: whole; 2: technical and price apart
    may_ask_grade: int = 0                   # 1: the rule set names the rating as a condition (rulebook 3.3 item 8)
    words: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    scoring_methods: tuple[str, ...] = tuple(ScoringMethod)

    def __post_init__(self) -> None:
        """Refuse a number without a source: nobody could check it."""
        if bare := [name for name in self.numbers() if not self.sources.get(name)]:
            msg = f"no source for {', '.join(bare)}"
            raise ValueError(msg)

    def numbers(self) -> dict[str, object]:
        """Return every value that needs a source, by field name."""
        return {f.name: getattr(self, f.name) for f in fields(self)
                if f.name not in {"name", "title", "words", "sources", "scoring_methods"}}

    def source(self, field_name: str) -> str:
        """Return the article or local rule that a number comes from."""
        return self.sources[field_name]

    def word(self, thing: str) -> str:
        """Return this procedure's word for file, offer, bidder, unsealing, panel or result."""
        return self.words[thing]


BELOW_THRESHOLD = RuleSet(
    name="below_threshold@2026.1",
    title=N_("公开遴选（采购限额标准以下）"),
    min_bids=3, min_notice_workdays=5, change_notice_workdays=3, enquiry_answer_workdays=3,
    panel_min=3, panel_default=5, expert_share=Fraction(2, 3),
    price_weight_min=10, price_weight_max=30, score_places=2, score_rounding="half_up",
    result_publish_workdays=2, objection_workdays=3, objection_answer_workdays=7,
    sign_days=30, contract_publish_workdays=2, contract_file_workdays=7, retention_years=15,
    term_months=12, term_months_max=36, envelopes=1,
    words=MappingProxyType({
        "file": N_("比选（遴选）公告"), "offer": N_("响应"), "bidder": N_("响应人"), "unsealing": N_("启封"),
        "panel": N_("评审小组"), "result": N_("中选"),
    }),
    sources=MappingProxyType({
        "min_bids": "采购人内控规则（参照政府采购法第三十六条）",
        "min_notice_workdays": "采购人内控规则（参照87号令第十六条）",
        "change_notice_workdays": "采购人内控规则（参照政府采购法实施条例第三十一条）",
        "enquiry_answer_workdays": "政府采购法实施条例第五十二条",
        "panel_min": "采购人内控规则（参照财库〔2014〕214号第十四条）",
        "panel_default": "采购人内控规则（参照87号令第四十七条）",
        "expert_share": "采购人内控规则（参照财库〔2014〕214号第十四条）",
        "price_weight_min": "采购人内控规则（参照87号令第五十五条）",
        "price_weight_max": "采购人内控规则（参照财库〔2014〕214号第二十四条）",
        "score_places": "采购人内控规则",
        "score_rounding": "采购人内控规则",
        "result_publish_workdays": "政府采购法实施条例第四十三条",
        "objection_workdays": "采购人内控规则（限额以下，期限由地方规定，三至七个工作日）",
        "objection_answer_workdays": "采购人内控规则（参照政府采购法第五十三条）",
        "sign_days": "政府采购法第四十六条",
        "contract_publish_workdays": "政府采购法实施条例第五十条",
        "contract_file_workdays": "政府采购法第四十七条",
        "retention_years": "政府采购法第四十二条",
        "term_months": "政府购买服务管理办法第二十四条",
        "term_months_max": "政府购买服务管理办法第二十四条",
        "envelopes": "采购人内控规则",
        "may_ask_grade": "政府采购法实施条例第二十条（通用规则不列评估等级；地方规则明文列入的除外）",
    }),
)

RULE_SETS: Mapping[str, RuleSet] = {BELOW_THRESHOLD.name: BELOW_THRESHOLD}

NUMBER_LABELS: Mapping[str, str] = {
    "min_bids": N_("最少响应人数"), "min_notice_workdays": N_("公告至截止，最少工作日"),
    "change_notice_workdays": N_("变更至截止，最少工作日"), "enquiry_answer_workdays": N_("答复询问，工作日"),
    "panel_min": N_("评审小组最少人数（单数）"), "panel_default": N_("评审小组通常人数"),
    "expert_share": N_("专家最低比例"), "price_weight_min": N_("价格分最低权重"),
    "price_weight_max": N_("价格分最高权重"), "score_places": N_("总分保留小数位数"),
    "score_rounding": N_("总分取舍方式"), "result_publish_workdays": N_("结果公告，工作日内"),
    "objection_workdays": N_("异议期，工作日"), "objection_answer_workdays": N_("答复异议，工作日"),
    "sign_days": N_("签订合同，日历日内"), "contract_publish_workdays": N_("合同公开，工作日内"),
    "contract_file_workdays": N_("合同备案，工作日内"), "retention_years": N_("档案保存年数"),
    "term_months": N_("服务期通常不超过，月"), "term_months_max": N_("服务期最长，月"),
    "envelopes": N_("响应文件信封数"),
    "may_ask_grade": N_("评估等级可否作资格条件（1 可以，0 不可以）"),
}

# What a place may set for itself, and between which bounds. Everything else is law and stays.
LOCAL_LIMITS: Mapping[str, tuple[int, int]] = {
    "min_bids": (2, 5), "min_notice_workdays": (3, 20), "change_notice_workdays": (1, 15),
    "panel_min": (3, 9), "panel_default": (3, 9), "price_weight_min": (0, 30), "price_weight_max": (10, 60),
    "score_places": (1, 4), "objection_workdays": (3, 7), "objection_answer_workdays": (3, 7),
    "may_ask_grade": (0, 1),
}


def rule_set(name: str) -> RuleSet:
    """Return a rule set by its full name, or the current version by its procedure; raises KeyError."""
    if name in RULE_SETS:
        return RULE_SETS[name]
    for known in reversed(list(RULE_SETS)):
        if known.partition("@")[0] == name:
            return RULE_SETS[known]
    raise KeyError(name)


def with_local(rules: RuleSet, values: Mapping[str, tuple[int, str]]) -> RuleSet:
    """Return the rule set as this place runs it; `values`: field -> (number, local rule). Raises Invalid."""
    for name, (value, source) in values.items():
        if name not in LOCAL_LIMITS:
            raise Invalid(N_("“{name}”由法律规定，地方不能改"), field="key", name=name)
        low, high = LOCAL_LIMITS[name]
        if not low <= value <= high:
            raise Invalid(N_("“{name}”只能在 {low} 到 {high} 之间"), field="value",
                          name=NUMBER_LABELS[name], low=low, high=high)
        if not source.strip():
            raise Invalid(N_("请写明依据的文件名称和文号"), field="source")
    made = replace(rules, **{name: value for name, (value, _) in values.items()},  # type: ignore[arg-type]
                   sources={**rules.sources, **{name: source for name, (_, source) in values.items()}})
    if made.panel_min % 2 == 0 or made.panel_default % 2 == 0:
        raise Invalid(N_("评审小组人数须为单数"), field="value")
    if made.price_weight_min > made.price_weight_max:
        raise Invalid(N_("价格分最低权重不能高于最高权重"), field="value")
    return made


def snapshot(rules: RuleSet) -> dict[str, object]:
    """Return the rule set as plain values, for the project that it governs from its publishing on."""
    plain: dict[str, object] = {f.name: getattr(rules, f.name) for f in fields(rules)}
    plain["expert_share"] = str(rules.expert_share)
    plain["words"], plain["sources"] = dict(rules.words), dict(rules.sources)
    plain["scoring_methods"] = [str(method) for method in rules.scoring_methods]
    return plain


def from_snapshot(plain: Mapping[str, object]) -> RuleSet:
    """Return the rule set that `snapshot` wrote; unknown keys are ignored, missing ones are today's."""
    base = snapshot(rule_set(str(plain.get("name", BELOW_THRESHOLD.name)).partition("@")[0]))
    values = {name: plain.get(name, value) for name, value in base.items()}
    values["expert_share"] = Fraction(str(values["expert_share"]))
    values["sources"] = {**base["sources"], **values["sources"]}  # type: ignore[dict-item]  # numbers added since
    values["scoring_methods"] = tuple(values["scoring_methods"])  # type: ignore[arg-type]
    return RuleSet(**values)  # type: ignore[arg-type]


def check_weights(rules: RuleSet, *, method: str, price_weight: int, weights: Sequence[int]) -> None:
    """Raise Invalid unless the criteria and the price weight total 100 and the price weight is in bounds.

    Price alone: weight 100, no criteria. Fixed price: weight 0 (87号令 art 55; rulebook 2.6).
    """
    if method not in rules.scoring_methods:
        raise Invalid(N_("请选择评审方法"), field="scoring_method")
    if method == ScoringMethod.LOWEST_PRICE:
        if weights:
            raise Invalid(N_("最低评标价法只比价格。请删去评分项，或改用综合评分法"), field="criteria")
        return
    total = sum(weights) + price_weight
    if not weights:
        raise Invalid(N_("请至少写一个评分项"), field="criteria")
    if method == ScoringMethod.FIXED_PRICE and price_weight:
        raise Invalid(N_("固定价格的项目，价格不计分，价格权重应为 0"), field="price_weight")
    low, high = rules.price_weight_min, rules.price_weight_max
    if method == ScoringMethod.COMPREHENSIVE and not low <= price_weight <= high:
        raise Invalid(N_("价格权重应在 {low} 到 {high} 之间（{basis}）"), field="price_weight",
                      low=low, high=high, basis=rules.source("price_weight_min"))
    if total != WHOLE:
        raise Invalid(N_("各评分项和价格权重合计应为 100，现在是 {total}"), field="criteria", total=total)


QUALIFIED_KINDS = tuple(kind for kind in OPEN_KINDS if kind is not OrganizationKind.FILED_GROUP)
NEVER_ASKED: Mapping[str, str] = {  # what a published qualification has no field for, and why
    "founded_years": N_("成立年限：成立不足三年、记录良好的社会组织应当允许参加（财综〔2016〕54号）"),
    "staff_total": N_("人员规模：不得作为资格条件或评分因素（87号令第十七条）；专业能力可以用持证人数表示"),
    "registered_area": N_("登记地：不得以所在地限制参加（政府采购法实施条例第二十条）；服务区域由组织自己填报"),
}


def check_qualification(rules: RuleSet, *, kinds: Sequence[str], certified: int | None, grade: int | None) -> None:
    """Raise Invalid for a condition that nobody may set, or not under these rules (GPL 22; GPR 20; rulebook 3.3)."""
    if strange := [kind for kind in kinds if kind not in QUALIFIED_KINDS]:
        known = strange[0] in tuple(OrganizationKind)
        raise Invalid(N_("“{kind}”不能列为资格条件：机关不能承接，备案组织没有法人资格（政府采购法第二十二条）"),
                      field="qualified_kinds", kind=KIND_LABELS[OrganizationKind(strange[0])] if known else strange[0])
    if certified is not None and not 1 <= certified <= MOST_CERTIFIED:
        raise Invalid(N_("持证社工人数须在 1 到 {most} 之间；不要求就不填"), field="certified_min", most=MOST_CERTIFIED)
    if grade is None:
        return
    if not rules.may_ask_grade:
        raise Invalid(N_("这里的规则没有把评估等级列为条件，不能要求等级：它会排除企业和新成立的组织（{basis}）"),
                      field="grade_min", basis=rules.source("may_ask_grade"))
    if not 1 <= grade <= HIGHEST_GRADE:
        raise Invalid(N_("评估等级只能是 1A 到 5A"), field="grade_min")


def experts_needed(rules: RuleSet, size: int) -> int:
    """Return how many of `size` members must be drawn experts: 5 -> 4, 7 -> 5, 9 -> 6, 3 -> 2."""
    share = rules.expert_share
    return -(-size * share.numerator // share.denominator)


def check_panel_size(rules: RuleSet, size: int) -> None:
    """Raise Invalid for a panel that is too small or even."""
    if size < rules.panel_min or size % 2 == 0:
        raise Invalid(N_("评审小组须为不少于 {least} 人的单数（{basis}）"), field="panel_size",
                      least=rules.panel_min, basis=rules.source("panel_min"))


@dataclass(frozen=True)
class Timer:
    """One legal period: from what to what, how long, in which unit (D calendar, W working, M, Y), who."""

    id: str
    rule: str
    limit: str
    unit: str
    actor: str
    basis: str
    tag: str


@lru_cache(maxsize=1)
def timers() -> Mapping[str, Timer]:
    """Return every legal period this product knows, by id (T01 ...)."""
    with TIMERS_FILE.open(encoding="utf-8", newline="") as file:
        return MappingProxyType({row["id"]: Timer(**row) for row in csv.DictReader(file)})


@dataclass(frozen=True)
class Warning_:  # noqa: N801 - `Warning` is Python's own
    """Something in a requirement that a careful reviewer would stop at. It warns; people decide."""

    code: str
    sentence: str
    basis: str
    excerpt: str


NEGATIVE_LIST: Mapping[str, str] = {  # Order 102 (2020) art 10, as questions for a form
    "N1": N_("不属于本单位职责范围的事项，不能购买"),
    "N2": N_("应由政府直接履行的事项（许可、处罚、强制等），不能购买"),
    "N3": N_("货物、工程，或服务与工程打包的项目，不按政府购买服务办理"),
    "N4": N_("融资行为不能购买"),
    "N5": N_("招聘人员、劳务派遣、设置公益性岗位，不能购买"),
    "N6": N_("法律法规和国务院规定不得购买的其他事项"),
}
_ORDER_102_10 = "政府购买服务管理办法第十条"
_GPR_20 = "政府采购法实施条例第二十条"

_GAP = r"[^，。；\n]"  # a pattern never crosses a clause
_LINTS: tuple[tuple[str, tuple[str, ...], str, str], ...] = (  # code, patterns, sentence, basis
    ("founded_years", (
        rf"(?:成立|注册|登记)(?:时间|年限)?{_GAP}{{0,8}}?[0-9０-９一二两三四五六七八九十]+\s*年(?:（含）)?及?以上",
        r"成立(?:时间)?(?:须|应)?满\s*[0-9一二三四五]+\s*年",
    ), N_("不应要求成立年限：成立不足三年、记录良好的社会组织应当允许参加"), "财综〔2016〕54号"),
    ("scale", (
        r"注册资[本金]", r"开办资金(?:不[少低]|达|在)",
        rf"(?:资产总额|总资产|营业收入|年收入|净利润|纳税额){_GAP}{{0,6}}(?:不[少低]于|达到|超过|以上)",
        rf"(?:从业人员|员工|专职人员)(?:总数|人数|规模){_GAP}{{0,4}}不[少低]于",
    ), N_("注册资本、资产、收入、人员规模等不得作为资格条件或评分因素"), "87号令第十七条"),
    ("location", (
        r"(?:本地|本[省市区县镇街]|辖?区内|市内|省内)(?:注册|登记(?!在册)|备案)",
        r"(?:注册|登记)地(?:点|址)?(?:须|应|必须|限|在|为)",
        rf"在(?:本地|[本我][省市区县]){_GAP}{{0,6}}(?:注册|登记|设有分支)",
        rf"(?:仅限|限于|限)(?:本地|[本我][省市区县]){_GAP}{{0,8}}(?:组织|机构|企业|单位)",
    ), N_("不得以供应商所在地限制参加"), _GPR_20),
    ("regional_honors", (
        rf"[本全我]?[省市区县]级?{_GAP}{{0,4}}(?:以上)?(?:荣誉|奖项|表彰|获奖|先进){_GAP}{{0,8}}(?:加|得|优先|具有|获)",
        rf"(?:特定|本)(?:行政区域|行业){_GAP}{{0,6}}业绩",
        rf"(?:获得|具有){_GAP}{{0,6}}[省市区县]级?{_GAP}{{0,4}}(?:荣誉|奖项|表彰)",
    ), N_("特定区域、特定行业的业绩或奖项不得作为条件或加分"), _GPR_20),
    ("ownership", (
        rf"(?:仅限|限于?|须为|必须为|必须是){_GAP}{{0,6}}(?:国有|民营|外资|私营|集体|事业单位|企业法人|股份)",
    ), N_("不得按所有制或组织形式限制供应商"), _GPR_20),
    ("named_supplier", (
        rf"(?:指定|须使用|必须使用|仅限|限定){_GAP}{{0,8}}(?:品牌|专利|商标|型号|供应商)",
        r"原厂授权", r"独家授权",
    ), N_("不得限定或指定特定的专利、商标、品牌或供应商"), _GPR_20),
    ("rating", (
        rf"(?:评估等级|等级评估){_GAP}{{0,8}}[1-5１-５一二三四五]\s*[AＡ]",
        r"[1-5][AＡ]\s*级?(?:\s*[（(]含[)）])?\s*[及或]?以上",
    ), N_("评估等级会把企业和新成立的组织排除在外，不宜作为资格条件"), _GPR_20),
    ("floor_price", (
        r"最低(?:限价|报价(?:不得|须|应))", r"报价(?:不得|不)[少低]于\s*[0-9.,]+\s*万?元",
        r"不得低于\s*[0-9.,]+\s*万?元报价",
    ), N_("不得设最低限价"), "87号令第十二条"),
    ("sme_only", (
        r"[专仅只]?门?(?:面向|限)\s*(?:中小|小微|小型|微型)微?企业",
    ), N_("社会组织不是中小企业：专门面向中小企业会把它们排除在外，可改为记录不预留的理由"),
        "财库〔2020〕46号第六条第一项"),
    ("N2", (
        r"行政(?:许可|处罚|强制|执法|审批|复议)(?!.{0,6}(?:辅助|宣传|培训))",
    ), NEGATIVE_LIST["N2"], _ORDER_102_10),
    ("N3", (
        r"(?:采购|购置|购买)(?:一批)?(?:设备|货物|物资|车辆|家具)", r"工程施工",
        r"(?:装修|修缮|建设|改造|施工)工程",
    ), NEGATIVE_LIST["N3"], _ORDER_102_10),
    ("N4", (r"融资|垫资|举债|借贷",), NEGATIVE_LIST["N4"], _ORDER_102_10),
    ("N5", (
        rf"购买{_GAP}{{0,6}}岗位", r"公益性?岗位", r"劳务派遣", r"编外(?:人员|用工|聘用)",
        rf"招聘{_GAP}{{0,6}}(?:工作人员|辅助人员|文员)", rf"派驻{_GAP}{{0,8}}(?:窗口|办公室|机关)",
    ), NEGATIVE_LIST["N5"], _ORDER_102_10),
    ("fundraising", (r"公开募捐", r"向社会(?:公众)?募[捐集]", r"众筹"),
     N_("公开募捐只能由有资格的慈善组织按备案方案进行，不能写进采购要求"), "慈善法第二十二条、第二十六条"),
)
LIMITED_KINDS = Warning_("kinds", N_("限定了组织类型：须有法律依据，并与服务内容相关，否则属于以组织形式限制供应商"), _GPR_20,
                         "资格条件")
_COMPILED = tuple((code, re.compile("|".join(any_of)), words, basis) for code, any_of, words, basis in _LINTS)


def lint_requirement(text: str) -> list[Warning_]:
    """Return what a requirement should not say (GPR 20, Order 87 art 17, Order 102 art 10), each once."""
    found = []
    for code, pattern, sentence, basis in _COMPILED:
        if hit := pattern.search(text):
            found.append(Warning_(code, sentence, basis, hit.group(0)))
    return found
