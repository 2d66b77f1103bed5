"""Finding: strictly first, then what comes near; pages that fit together; what is put right at once."""

from collections.abc import Sequence

import pytest

from marketplace.core.publishing import PublicDocument
from marketplace.core.searching import Cursor, Sort
from marketplace.search.queries.finding import ENOUGH, Finder, Findings
from marketplace.search.rules.question import Question
from tests.factories import NOW
from tests.factories.language import document, finder

STRICT = [document(f"s{i}", "长者助餐", amount_fen=100 * i) for i in range(3)]
NEAR = [document(f"n{i:02}", "老人活动" if i % 2 else "送餐车辆", amount_fen=100 * i + 50) for i in range(40)]
NEITHER = [document("x", "图书馆"), document("town", "长者探访", lead=("深圳市",))]
FINDER = finder([*NEAR, *NEITHER, *STRICT])


def find(text: str, searching: Finder = FINDER, **more: object) -> Findings:
    limits = {name: more.pop(name) for name in ("after", "limit") if name in more}
    return searching.find(Question(text=text, **more), NOW, **limits)  # type: ignore[arg-type]


def refs(found: Findings) -> list[str]:
    return [hit.ref for hit in found.hits]


def walk(text: str, limit: int, **more: object) -> tuple[list[str], Findings]:
    """Every page one after the other."""
    seen: list[str] = []
    after: Cursor | None = None
    while True:
        found = find(text, after=after, limit=limit, **more)
        seen += refs(found)
        if len(found.hits) < limit:
            return seen, found
        after = found.hits[-1].cursor


def test_what_holds_everything_comes_first_and_is_counted_apart() -> None:
    found = find("长者助餐")
    assert sorted(refs(found)[:3]) == ["s0", "s1", "s2"]
    assert (found.exact, found.total) == (3, 44)
    assert found.strict == {("project", "s0"), ("project", "s1"), ("project", "s2")}
    assert "x" not in refs(found)


def test_when_enough_holds_everything_nothing_else_is_shown() -> None:
    found = find("送餐")
    assert found.total == found.exact == 23 >= ENOUGH
    assert found.strict == frozenset()


@pytest.mark.parametrize("sort", [None, Sort.BUDGET_HIGH, Sort.BUDGET_LOW, Sort.NEWEST])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 20, 100])
@pytest.mark.parametrize("text", ["长者助餐", "送餐"])
def test_pages_show_everything_once_and_what_holds_everything_first(text: str, limit: int, sort: Sort | None) -> None:
    seen, last = walk(text, limit, sort=sort)
    assert len(seen) == len(set(seen)) == last.total
    if last.strict:
        assert {("project", ref) for ref in seen[:3]} == last.strict


def test_the_order_asked_for_holds_inside_both_parts() -> None:
    seen, _ = walk("长者助餐", 20, sort=Sort.BUDGET_HIGH)
    assert seen[:3] == ["s2", "s1", "s0"]
    assert [ref for ref in seen if ref.startswith("n")] == [f"n{i:02}" for i in reversed(range(40))]


def test_counts_are_of_all_that_is_shown() -> None:
    found = find("长者助餐")
    assert found.facets["budget"] == {"0-20": 43}
    assert sum(found.facets["budget"].values()) == found.total - 1       # one has no amount


def test_a_filter_holds_for_what_comes_near_too() -> None:
    found = find("长者助餐", amount_to=5)
    assert (found.exact, found.total) == (3, 8)


def test_without_words_everything_is_listed() -> None:
    assert find("").total == find("，。").total == 45


def test_what_is_not_written_anywhere_is_not_found() -> None:
    found = find("潜水")
    assert (found.total, found.exact, refs(found)) == (0, 0, [])


def test_excluded_words_stay_out_of_what_comes_near() -> None:
    found = find("长者助餐 -活动 -探访")
    assert found.total == 23
    assert not [ref for ref in refs(found) if ref.startswith("n") and int(ref[1:]) % 2]


def test_a_quoted_text_is_never_loosened() -> None:
    assert find('"长者助餐"').total == 3
    assert find('"助餐长者"').total == 0


def test_a_place_is_demanded_as_long_as_something_is_there() -> None:
    assert refs(find("深圳 长者")) == ["town"]
    elsewhere = find("罗湖 长者 罗湖区")
    assert elsewhere.exact == 0
    assert elsewhere.total > 1


def test_a_part_of_a_name_is_found_when_nothing_else_is_there() -> None:
    names = finder([document("a", "凤鸣书院"), document("b", "凤鸣书店")])
    assert refs(find("凤鸣书", names))[0] == "a"
    assert sorted(refs(find("凤鸣书院阅读推广", names))) == ["a", "b"]


def test_a_slip_is_put_right_at_once_when_nobody_writes_like_that() -> None:
    minors = finder([document("m", "未成年人保护"), document("o", "老人")])
    found = find("未成年人保沪", minors)
    assert refs(found)[0] == "m"
    assert (found.exact, found.understood.corrected, found.understood.did_you_mean) == (1, True, "未成年人保护")


def ranked(text: str, documents: Sequence[PublicDocument]) -> list[str]:
    return refs(find(text, finder(documents)))


@pytest.mark.parametrize(("text", "better", "worse"), [
    ("长者助餐", document("a", "老人送餐"), document("b", "活动", "老人送餐")),                      # the title counts more
    ("长者助餐", document("a", "长者助餐"), document("b", "老人送餐")),                            # the words as typed
    ("老人", document("a", "老人"), document("b", "空巢长者")),                                # the thing itself before one kind of it
    ("空巢老人", document("a", "空巢长者"), document("b", "老人")),                              # and the kind before the thing
    ("空巢老人 助餐", document("a", "老人助餐"), document("b", "青少年助餐")),                       # what is near beats what is not
    ("青少年心理健康", document("a", "青少年心理健康"), document("b", "青少年")),
    ("老人 服务", document("a", "老人服务"), document("b", "老人活动")),                          # generic words break ties
])
def test_what_is_better_comes_first(text: str, better: PublicDocument, worse: PublicDocument) -> None:
    noise = [document(f"z{i}", "图书馆 社区 阅读") for i in range(10)]
    assert ranked(text, [worse, better, *noise])[:2] == ["a", "b"]
    assert ranked(text, [better, worse, *noise])[:2] == ["a", "b"]
