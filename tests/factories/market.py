"""Facts of both sides, plain and valid by default."""

from functools import cache

from marketplace.matching.rules.facts import NeedFacts, ProviderFacts
from marketplace.matching.rules.grams import Reader
from marketplace.matching.rules.market import Market
from marketplace.search.rules.dictionary import shipped

TOWN, DISTRICT, CITY = "440605011", "440605", "4406"


@cache
def reader():
    return Reader(shipped())


def a_need(key=1, **facts):
    return NeedFacts(**{"key": key, "ref": f"n{key}", "texts": ("独居老人健康筛查服务项目", "独居老人", "每月入户一次"),
                        "category": "A040201", "areas": (TOWN, DISTRICT, CITY), "budget_fen": 30_000_000, **facts})


def a_provider(key=1, **facts):
    return ProviderFacts(**{"key": key, "ref": f"p{key}", "name": f"清源{key}服务中心", "texts": ("居家养老服务", "独居老人健康筛查", "", ""),
                            "categories": ("A040201",), "areas": frozenset({DISTRICT}), "kind": "service_agency", "certified": 5,
                            "free": 2, "told": 2, "typical_fen": 30_000_000, **facts})


def a_market(*providers):
    return Market(providers, reader())
