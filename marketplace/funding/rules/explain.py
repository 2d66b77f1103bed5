"""A matching rule in one generated sentence, and a worked example, in the language of a translate function. Pure."""

from collections.abc import Mapping
from datetime import date

from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding.rules.matching import PledgeFacts, Room, Translate, asked_for, decide, why
from marketplace.funding.rules.terms import RuleTerms
from marketplace.organizations.rules import KIND_LABELS

Part = tuple[str, dict[str, object]]
NO_NAMES: Mapping[str, str] = {}

_CAPS = (
    ("per_pledge_cap", N_("每笔最多配 {amount} 元")), ("per_donor_cap", N_("每个捐赠方最多配 {amount} 元")),
    ("per_project_cap", N_("每个项目最多配 {amount} 元")), ("per_round_cap", N_("每场活动或每轮最多配 {amount} 元")),
)


def _named(codes: tuple[str, ...], names: Mapping[str, str], translate: Translate) -> str:
    """Return codes as their names, joined."""
    return translate(N_("、")).join(names.get(code, code) for code in codes)


def _scope(terms: RuleTerms, names: Mapping[str, str], translate: Translate) -> list[Part]:
    """Return what the rule covers: categories, areas, receivers, dates."""
    kinds = {kind.value: translate(label) for kind, label in KIND_LABELS.items()}
    parts: list[Part] = []
    if terms.categories:
        parts.append((N_("只配这些类别的项目：{codes}"), {"codes": _named(terms.categories, names, translate)}))
    if terms.areas:
        parts.append((N_("只配这些地区的项目：{codes}"), {"codes": _named(terms.areas, names, translate)}))
    if terms.receiver_kinds:
        parts.append((N_("接收方须为：{kinds}"), {"kinds": _named(terms.receiver_kinds, kinds, translate)}))
    days: dict[str, object] = {"starts_on": terms.starts_on and terms.starts_on.isoformat(),
                               "ends_on": terms.ends_on and terms.ends_on.isoformat()}
    if terms.starts_on and terms.ends_on:
        parts.append((N_("{starts_on} 至 {ends_on}（含当日）作出的认捐"), days))
    elif terms.starts_on:
        parts.append((N_("{starts_on} 起作出的认捐"), days))
    elif terms.ends_on:
        parts.append((N_("{ends_on} 前（含当日）作出的认捐"), days))
    return parts


def _sums(terms: RuleTerms) -> list[Part]:
    """Return how much: ratio, floor of small projects, caps."""
    parts: list[Part] = [(N_("每认捐 {denominator} 元配 {numerator} 元（{ratio}，不足一分舍去）"), {
        "denominator": terms.denominator, "numerator": terms.numerator, "ratio": terms.ratio})]
    if terms.floor is not None:
        parts.append((N_("预算不超过 {budget} 元的项目每笔至少配 {floor} 元，但不超过认捐金额"),
                      {"budget": terms.floor_budget, "floor": terms.floor}))
    parts += [(sentence, {"amount": getattr(terms, name)}) for name, sentence in _CAPS if getattr(terms, name)]
    return parts


def _conditions(terms: RuleTerms) -> list[Part]:
    """Return when matching money is reserved, when it is confirmed, and when the reservation lapses."""
    parts: list[Part] = [
        (N_("口头认捐（举牌）时即保留额度") if terms.matches_verbal else N_("签署认捐书后保留额度"), {}),
        (N_("额度保留 {days} 天，认捐款一直未到账则释放"), {"days": terms.reserve_days}),
    ]
    if terms.min_donors > 0:
        parts.append((N_("项目有 {n} 个捐赠方认捐后才确认"), {"n": terms.min_donors}))
    if terms.threshold is not None:
        parts.append((N_("项目认捐合计达到 {amount} 元后才确认"), {"amount": terms.threshold}))
    if terms.threshold_percent is not None:
        parts.append((N_("项目认捐合计达到预算的 {percent}% 后才确认"), {"percent": terms.threshold_percent}))
    if terms.own_percent > 0:
        parts.append((N_("项目自筹经证明达到预算的 {percent}% 后才确认"), {"percent": terms.own_percent}))
    if terms.confirm_days > 0:
        parts.append((N_("认捐款由接收方确认收到满 {days} 天后确认配套"), {"days": terms.confirm_days}))
    else:
        parts.append((N_("认捐款由接收方确认收到后即确认配套"), {}))
    parts.append((N_("优先级 {n}（同一笔认捐，数小的资金池先配，后面的只配余下部分）"), {"n": terms.priority}))
    return parts


def parts_of(terms: RuleTerms, translate: Translate = str, names: Mapping[str, str] = NO_NAMES) -> list[str]:
    """Return the parts of the rule one by one, in the reader's language; `names`: codes of categories and areas."""
    parts = [*_sums(terms), *_scope(terms, names, translate), *_conditions(terms)]
    return [translate(words).format(**facts) for words, facts in parts]


def sentence(terms: RuleTerms, translate: Translate = str, names: Mapping[str, str] = NO_NAMES) -> str:
    """Return the whole rule as one sentence; stored in Chinese when the rule is made, said again in any language."""
    return translate(N_("{parts}。")).format(parts=translate(N_("；")).join(parts_of(terms, translate, names)))


def example_pledge(terms: RuleTerms) -> Money:
    """Return a pledge that shows the ratio without meeting a cap: 10,000 yuan, or what the least cap still matches."""
    caps = [cap.fen for name, _ in _CAPS if (cap := getattr(terms, name))]
    fits = min(caps) * terms.denominator // terms.numerator if caps else 1_000_000
    return Money(max(min(1_000_000, fits), 1))


_PLENTY = 10**17
_ANY_DAY = date(2026, 1, 1)   # the example stands inside the dates of the rule; a rule without dates takes any
_TIGHT = (   # the same pledge once more, where only half of what it asks is left
    ("per_donor_cap", "donor", N_("同一捐赠方已配到上限附近，又认捐 {amount} 元：{why}")),
    ("per_project_cap", "project", N_("项目已配到上限附近，又收到认捐 {amount} 元：{why}")),
    ("per_round_cap", "round", N_("本场活动已配到上限附近，又有认捐 {amount} 元：{why}")),
)


def worked_example(terms: RuleTerms, translate: Translate = str) -> list[str]:
    """Return the rule applied to imagined pledges, a line each, reckoned by the real rule."""
    usual = example_pledge(terms)
    half = max(asked_for(terms, usual, None)[0] // 2, 1)
    cases: list[tuple[str, Money, Room, Money | None]] = [(N_("认捐 {amount} 元：{why}"), usual, Room(pool=_PLENTY), None)]
    if terms.per_pledge_cap is not None:
        large = Money(terms.per_pledge_cap.fen * 2 * terms.denominator // terms.numerator + terms.denominator)
        cases.append((N_("认捐 {amount} 元：{why}"), large, Room(pool=_PLENTY), None))
    cases += [(words, usual, Room(pool=_PLENTY, **{scope: half}), None)
              for name, scope, words in _TIGHT if getattr(terms, name)]
    cases.append((N_("资金池快要配完，又有认捐 {amount} 元：{why}"), usual, Room(pool=half), None))
    if terms.floor is not None:
        cases.append((N_("小项目收到认捐 {amount} 元：{why}"), terms.floor, Room(pool=_PLENTY), terms.floor_budget))
    return [_line(terms, case, translate) for case in cases]


def _line(terms: RuleTerms, case: tuple[str, Money, Room, Money | None], translate: Translate) -> str:
    """Return one line of the example."""
    words, amount, room, budget = case
    facts = PledgeFacts(amount=amount, on=terms.starts_on or terms.ends_on or _ANY_DAY, budget=budget)
    return translate(words).format(amount=amount, why=why(decide(terms, facts, room), translate))
