"""Planted worlds: projects written from their true providers, with decoys, stuffed profiles, honest twins. Pure.

A true provider is drawn from the free places of the market; the project is then written from it: inside its area,
within what it can, in the words of one of its categories, with one of its own peculiar terms (70%). Then noise: 10% of
the projects are filed under a wrong category, 5% have a true provider that is not in the market. One decoy a project:
its true provider's near twin
that fails exactly one hard rule and could serve nobody else, so that the supply stays what the regime says. The same
seed makes the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

OWN_TERM, MISTAGGED, NO_PROVIDER, STUFFED, NEWCOMERS = 0.7, 0.10, 0.05, 0.05, 0.077
SUPPLY = {"tight": 1.08, "slack": 7.5}
COUNTIES = 6                             # in each city; one city for every 1,500 providers, 11 at most
PROVIDERS_A_CITY, MOST_CITIES = 1_500, 11
CATEGORIES = 60                          # of the catalogue that are in use
LEAST_TERMS, PROVIDERS_A_TERM = 400, 4   # peculiar terms are few: several providers have the same one
SAID_OTHERWISE = 0.3                     # phrases of a project that are put in other words
TYPES = ("社会服务机构", "社会团体", "基金会")
OTHER_TYPE, PROVINCE, ELSEWHERE = "其他组织", "岭海省", "云山省"
NEED_COLUMNS = (
    "project_id", "title", "title_kind", "script", "buyer", "province", "city", "district", "town", "funding_kind",
    "service_kind", "target_group", "fact_phrase", "budget_amount", "currency", "budget_yuan", "service_period",
    "procurement_method", "date", "winner_org", "award_amount", "source_url", "source_kind", "note", "service_category",
    "needs_staff", "needs_type")
PROVIDER_COLUMNS = (
    "org_id", "name", "script", "registration_type", "registration_type_basis", "grade", "province", "city", "district",
    "region_basis", "service_areas", "service_areas_basis", "evidence", "date", "source_url", "source_kind", "note",
    "capacity", "staff", "service_category")
TRUTH_COLUMNS = ("project_id", "org_id", "role", "fails_rule")
_SIGNS = "安北边昌成川春达丹东恩丰福港光海合和恒红湖华怀吉佳江金景九康丽林龙梅明木南宁平启青清泉荣瑞山尚盛石双水泰天通同万文西喜仙新兴秀雅阳银永玉远云泽长正中竹"
_GROUPS = ("独居老人", "空巢老人", "高龄老人", "残障人士", "困境儿童", "留守儿童", "青少年", "新市民", "流动人口", "低保家庭", "单亲家庭",
           "失独家庭", "志愿者", "退役军人", "社区矫正对象", "精神障碍患者", "孕产妇", "劳动者", "商户", "物业企业")
_WAYS = ("上门探访", "个案辅导", "小组活动", "知识讲座", "技能培训", "心理疏导", "文艺汇演", "健康筛查", "法律咨询", "亲子课堂", "互助小组",
         "入户评估", "资源链接", "应急演练", "宣传巡展", "陪伴阅读", "手工课堂", "体能训练", "营养指导", "数字助老", "议事协商", "环境整治",
         "纠纷调解", "就业指导")
_OTHERWISE = {
    "独居老人": ("独自居住的长者", "单身长者"), "空巢老人": ("子女不在身边的长者",), "高龄老人": ("八十岁以上长者", "高龄长者"),
    "残障人士": ("残疾人", "身心障碍者"), "困境儿童": ("困难家庭儿童",), "留守儿童": ("父母外出儿童",), "新市民": ("外来务工人员",),
    "低保家庭": ("低收入家庭",), "心理疏导": ("情绪支持", "心理辅导"), "上门探访": ("入户走访", "居家探望"), "健康筛查": ("体检评估",),
    "技能培训": ("职业训练",), "法律咨询": ("普法答疑",), "知识讲座": ("科普宣讲",), "文艺汇演": ("文化演出",), "就业指导": ("求职辅导",)}
_PLACES_OF_WORK = ("服务中心", "发展中心", "服务社", "促进会", "协会", "事务所")


@dataclass(frozen=True)
class World:
    """Rows in the columns above, and what made them."""

    needs: list[dict[str, str]]
    providers: list[dict[str, str]]
    truth: list[dict[str, str]]
    parameters: dict[str, object]


@dataclass
class _Provider:
    city: int
    county: int
    level: int                            # 0 county, 1 city, 2 province
    categories: list[int]
    kind: int
    staff: int
    capacity: int
    terms: list[str]
    themes: list[tuple[int, int]]         # (category, theme)
    is_new: bool


def plant(needs: int, providers: int, *, seed: int, regime: str, categories: Sequence[tuple[str, str]]) -> World:
    """Return a world; `categories`: (code, name). Raises ValueError when there are too few providers for its roles."""
    extra = int(needs * STUFFED)
    base = providers - needs - 2 * extra
    if regime not in SUPPLY or needs < 1 or base < 1:
        raise ValueError(f"{needs} needs ask for at least {needs + 2 * extra + 1} providers; regime tight or slack")
    maker = _Maker(np.random.default_rng(seed), categories, base)
    maker.give_capacity(max(round(needs * SUPPLY[regime]) - 2 * extra, needs - int(needs * NO_PROVIDER)))
    made = maker.needs(needs, extra)
    order = maker.random.permutation(len(maker.rows))
    return World(made, [maker.rows[int(at)] for at in order], maker.truth, {
        "seed": seed, "needs": needs, "providers": providers, "regime": regime, "own_term": OWN_TERM,
        "mistagged": MISTAGGED, "no_provider": NO_PROVIDER, "decoys_per_need": 1, "stuffed_and_twins": 2 * extra,
        "capacity": SUPPLY[regime], "capacity_of": "all but the decoys, which can serve nobody"})


class _Maker:
    """Draws providers, then writes projects from them."""

    def __init__(self, random: np.random.Generator, categories: Sequence[tuple[str, str]], base: int) -> None:
        used = random.choice(len(categories), min(CATEGORIES, len(categories)), replace=False)
        self.random, self.categories = random, [categories[int(at)] for at in sorted(used)]
        self.many_cities = min(MOST_CITIES, 1 + base // PROVIDERS_A_CITY)
        weights = 1.0 / np.arange(1, self.many_cities * COUNTIES + 1) ** 0.7
        self.county_weights = weights / weights.sum()
        self.cities = self._names(self.many_cities, "市")
        self.counties = self._names(self.many_cities * COUNTIES, "区")
        self.themes = [self._themes(name) for _, name in self.categories]
        self.terms = ["".join(self._signs(2)) for _ in range(max(LEAST_TERMS, base // PROVIDERS_A_TERM))]
        self.honest = [self._provider() for _ in range(base)]
        self.rows: list[dict[str, str]] = []
        self.truth: list[dict[str, str]] = []
        for one in self.honest:
            self._write(one)

    def _names(self, many: int, ending: str) -> list[str]:
        """Return invented names of places, all different."""
        found: dict[str, None] = {}
        while len(found) < many:
            found["".join(self._signs(2)) + ending] = None
        return list(found)

    def _signs(self, many: int) -> list[str]:
        """Return some characters."""
        return [_SIGNS[int(at)] for at in self.random.integers(0, len(_SIGNS), many)]

    def _own_terms(self) -> list[str]:
        """Return three peculiar terms."""
        return [self.terms[int(at)] for at in self.random.integers(0, len(self.terms), 3)]

    def _said(self, phrase: str) -> str:
        """Return a phrase, sometimes in other words."""
        if self.random.random() >= SAID_OTHERWISE:
            return phrase
        for word, others in _OTHERWISE.items():
            if word in phrase:
                return phrase.replace(word, others[int(self.random.integers(len(others)))])
        return phrase

    def _themes(self, name: str) -> list[str]:
        """Return what a category is talked about with: eight phrases of a group and a way."""
        groups = self.random.choice(len(_GROUPS), 4, replace=False)
        ways = self.random.choice(len(_WAYS), 4, replace=False)
        return [name, *(f"{_GROUPS[int(group)]}{_WAYS[int(way)]}" for group in groups for way in ways[:2])][:9]

    def _provider(self) -> _Provider:
        """Draw one provider without capacity."""
        random = self.random
        place = int(random.choice(len(self.county_weights), p=self.county_weights))
        many = int(random.choice(4, p=[0.4, 0.3, 0.2, 0.1])) + 1
        categories = [int(one) for one in random.choice(len(self.categories), many, replace=False)]
        themes = [(category, int(theme)) for category in categories for theme in random.choice(9, 4, replace=False)]
        return _Provider(place // COUNTIES, place, int(random.choice(3, p=[0.7, 0.25, 0.05])), categories,
                         int(random.choice(3, p=[0.7, 0.2, 0.1])), int(random.lognormal(2.0, 0.8)) + 1, 0,
                         self._own_terms(), themes, bool(random.random() < NEWCOMERS))

    def give_capacity(self, places: int) -> None:
        """Give so many free places to the honest providers, larger ones more often."""
        weights = np.array([one.staff for one in self.honest], np.float64) ** 0.5
        drawn = self.random.choice(len(self.honest), places, p=weights / weights.sum())
        for at, many in zip(*np.unique(drawn, return_counts=True), strict=True):
            self.honest[int(at)].capacity = int(many)
            self.rows[int(at)]["capacity"] = str(int(many))

    def _write(self, one: _Provider, *, stuffed: bool = False) -> str:
        """Write the row of a provider; return its id."""
        random, ref = self.random, f"PO{len(self.rows) + 1:06d}"
        names = [self.categories[at][1] for at in one.categories]
        phrases = [self.themes[category][theme] for category, theme in one.themes]
        codes = [self.categories[at][0] for at in one.categories]
        if stuffed:
            more = random.choice(len(self.categories), min(60, len(self.categories)), replace=False)
            names += [self.categories[int(at)][1] for at in more]
            phrases += [phrase for at in more for phrase in self.themes[int(at)]]
            codes = list(dict.fromkeys(codes + [self.categories[int(at)][0] for at in more]))
        did = [] if one.is_new else [f"{phrase}{one.terms[at % 3]}项目" for at, phrase in enumerate(phrases)]
        about = [*names, *phrases[:3], *(one.terms if one.is_new else ())]
        place = {"province": PROVINCE, "city": self.cities[one.city] if one.level < 2 else "",  # noqa: PLR2004
                 "district": self.counties[one.county] if one.level == 0 else ""}
        self.rows.append({**dict.fromkeys(PROVIDER_COLUMNS, ""), **place, "org_id": ref,
                          "name": f"{''.join(self._signs(4))}{_PLACES_OF_WORK[int(random.integers(6))]}",
                          "script": "hans", "registration_type": TYPES[one.kind], "registration_type_basis": "planted",
                          "region_basis": "stated", "service_areas": "、".join(about), "service_areas_basis": "planted",
                          "evidence": ("承接:" + ";".join(did)) if did else "", "capacity": str(one.capacity),
                          "staff": str(one.staff), "service_category": "、".join(codes)})
        return ref

    def needs(self, many: int, extra: int) -> list[dict[str, str]]:
        """Write the projects, each from a free place of its true provider, with its decoy."""
        slots = [at for at, one in enumerate(self.honest) for _ in range(one.capacity)]
        alone = set(self.random.choice(many, int(many * NO_PROVIDER), replace=False).tolist())
        drawn = iter(self.random.choice(len(slots), many - len(alone), replace=False))
        twins = set(self.random.choice(many, extra, replace=False).tolist())
        made = []
        for number in range(many):
            at = -1 if number in alone else slots[int(next(drawn))]
            true = self._provider() if at < 0 else self.honest[at]       # one that is not in the market
            row = self._need(number, true)
            made.append(row)
            if at >= 0:
                self._note(row, self.rows[at]["org_id"], "truth")
            self._decoy(row, true)
            if number in twins:
                self._twins(row, true)
        return made

    def _note(self, need: dict[str, str], org: str, role: str, fails: str = "") -> None:
        """Add a row of the truth."""
        self.truth.append({"project_id": need["project_id"], "org_id": org, "role": role, "fails_rule": fails})

    def _need(self, number: int, true: _Provider) -> dict[str, str]:
        """Write one project from its true provider."""
        random = self.random
        inside = {0: [true.county], 1: range(true.city * COUNTIES, (true.city + 1) * COUNTIES),
                  2: range(self.many_cities * COUNTIES)}[true.level]
        county = int(random.choice(list(inside)))
        own = [pair for pair in true.themes if pair[0] == true.themes[0][0]]
        category, theme = own[int(random.integers(len(own)))]
        term = true.terms[int(random.integers(3))] if random.random() < OWN_TERM else ""
        phrases = [self._said(self.themes[category][int(one)]) for one in random.choice(9, 2, replace=False)]
        tagged = category
        if random.random() < MISTAGGED:
            tagged = int(random.integers(len(self.categories)))
        types = {TYPES[true.kind], TYPES[int(random.integers(3))]}
        budget = int(random.lognormal(12.7, 0.5)) // 1000 * 1000
        return {**dict.fromkeys(NEED_COLUMNS, ""), "project_id": f"PP{number + 1:06d}", "script": "hans",
                "title": f"{self.counties[county]}{self._said(self.themes[category][theme])}{term}服务项目",
                "title_kind": "stated",
                "buyer": f"{self.counties[county]}民政局", "province": PROVINCE, "city": self.cities[county // COUNTIES],
                "district": self.counties[county], "funding_kind": "tender", "target_group": _GROUPS[category % 20],
                "fact_phrase": "、".join(phrases), "budget_amount": str(budget), "currency": "CNY",
                "budget_yuan": str(budget), "service_category": self.categories[tagged][0],
                "needs_staff": str(int(random.integers(1, true.staff + 1))),
                "needs_type": "、".join(sorted(types))}

    def _decoy(self, need: dict[str, str], true: _Provider) -> None:
        """Write the near twin that fails exactly one rule of its project, and one of every other project."""
        rule = ("area", "staff", "type")[int(self.random.integers(3))]
        org = self._write(_copy(true, capacity=1))
        row = self.rows[-1]
        row.update({"area": {"province": ELSEWHERE, "city": "", "district": ""}, "staff": {"staff": "0"},
                    "type": {"registration_type": OTHER_TYPE}}[rule])
        self._note(need, org, "decoy", rule)

    def _twins(self, need: dict[str, str], true: _Provider) -> None:
        """Write an honest provider like the true one in everything but its own terms, and the same one stuffed."""
        for role in ("twin", "stuffed"):
            like = _copy(true, capacity=1, terms=self._own_terms())
            self._note(need, self._write(like, stuffed=role == "stuffed"), role)


def _copy(one: _Provider, **changes: Any) -> _Provider:
    """Return a provider with some facts changed."""
    return _Provider(**{**vars(one), **changes})
