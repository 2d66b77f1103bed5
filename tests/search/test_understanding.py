"""What a question means: money, dates, places, concepts, quotes, exclusions, pinyin, slips; and any input at all."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from marketplace.core.searching import Role, Sort, holds
from marketplace.search.queries.finding import Finder, Understood
from marketplace.search.rules import amounts, dates, understanding
from marketplace.search.rules.question import Question
from marketplace.search.rules.rows import row_of
from tests.factories import NOW
from tests.factories.language import PLACES, SMALL, document, finder, forms, language

DOCUMENTS = [
    document("lunch", "桐浦街道长者助餐", "每天中午送餐，留守儿童也来", area="990106001", amount_fen=2_800_000, status="published",
             published_at=NOW - timedelta(days=2), deadline_at=NOW + timedelta(days=3)),
    document("visit", "空巢老人探访", "深圳市罗湖区，每周上门一次", amount_fen=40_000_000, published_at=NOW - timedelta(days=400)),
    document("minors", "未成年人保护服务", "流动青少年心理健康服务", lead=("青少年", "广州")),
    document("hiv", "HIV感染者关怀", "LC-2026-0217 助残"),
]
FINDER = finder(DOCUMENTS)


def ask(text: str, **more: object) -> Understood:
    return FINDER.understand(Question(text=text, **more), NOW)  # type: ignore[arg-type]


def said(understood: Understood) -> list[tuple[str, str]]:
    return [(chip.facet_word, chip.word) for chip in understood.chips]


def tokens_of(understood: Understood, role: Role) -> list[set[str]]:
    """Every clause of a role as all tokens of its forms."""
    return [{token for one in clause.alternatives for token in one.tokens}
            for clause in understood.request.clauses if clause.role == role]


@pytest.mark.parametrize(("text", "low", "high"), [
    ("3万以下", None, 3), ("不超过3万", None, 3), ("3万以内", None, 3), ("3W以下", None, 3), ("≤3万", None, 3), ("<3万元", None, 3),
    ("三万以下", None, 3), ("30-50万", 30, 50), ("30万到50万", 30, 50), ("30~50万元", 30, 50), ("二十万至三十万", 20, 30),
    ("100万以上", 100, None), ("不少于一百二十万元", 120, None), ("超过5万", 5, None), ("5万元左右", 4, 6), ("1.5万", 1.2, 1.8),
    ("三十万以内", None, 30), ("3,000,000元以下", None, 300), ("预算50万以内", None, 50), ("1百万以上", 100, None), ("一亿以下", None, 10_000),
    ("8000元以下", None, 0.8), ("五千块以下", None, 0.5), ("３万以下", None, 3),
])
def test_money(text: str, low: float | None, high: float | None) -> None:
    understood = ask(f"助餐 {text}")
    fen = tuple(None if wan is None else round(wan * 10**6) for wan in (low, high))
    assert understood.request.ranges == {"amount": (fen[0], None if fen[1] is None else fen[1] + 1)}
    assert ("预算", amounts.said(*fen)) in said(understood)
    assert [chip.text_without for chip in understood.chips if chip.facet_word == "预算"] == ["助餐"]


@pytest.mark.parametrize("text", ["3万人", "30-50", "100以上", "十万火急", "百万", "万", "2026年", "3个", "1万场次", "50万-30万以下", "999999999999999999万",
                                  "千里", "一百多", "3.3.3万", "lc-2026-0217"])
def test_what_is_no_money(text: str) -> None:
    assert not [one for one in amounts.amounts(text) if one.low is not None and one.high is not None and one.low > one.high]
    assert "amount" not in ask(text).request.ranges or text.startswith("50")


@pytest.mark.parametrize(("fen", "word"), [((None, 3_000_000), "≤ 3万"), ((30_000_000, 50_000_000), "30万–50万"), ((100_000, None), "≥ 1000元"),
                                           ((1_550_000, None), "≥ 1.55万"), ((None, 50), "≤ 0.5元")])
def test_how_money_is_said(fen: tuple[int | None, int | None], word: str) -> None:
    assert amounts.said(*fen) == word


def day(month: int, number: int, year: int = 2026) -> datetime:
    """Midnight in Beijing."""
    return datetime(year, month, number, tzinfo=UTC) - timedelta(hours=8)


MONDAY = NOW                                   # 23 November 2026, 10:00 in Beijing
DATES = [
    ("11月底前截止", dates.DEADLINE, NOW, day(12, 1)), ("11月30日前", dates.DEADLINE, NOW, day(12, 1)), ("12月前截止", dates.DEADLINE, NOW, day(12, 1)),
    ("2026年12月31日前截止", dates.DEADLINE, NOW, day(1, 1, 2027)), ("2026-12-01前", dates.DEADLINE, NOW, day(12, 2)),
    ("12月截止", dates.DEADLINE, day(12, 1), day(1, 1, 2027)), ("1月5日截止", dates.DEADLINE, day(1, 5, 2027), day(1, 6, 2027)),
    ("本周截止", dates.DEADLINE, NOW, day(11, 30)), ("下周截止", dates.DEADLINE, day(11, 30), day(12, 7)), ("今天截止", dates.DEADLINE, NOW, day(11, 24)),
    ("明天截止", dates.DEADLINE, day(11, 24), day(11, 25)), ("后天截止", dates.DEADLINE, day(11, 25), day(11, 26)),
    ("本月截止", dates.DEADLINE, NOW, day(12, 1)), ("下个月截止", dates.DEADLINE, day(12, 1), day(1, 1, 2027)), ("年底前截止", dates.DEADLINE, NOW, day(1, 1, 2027)),
    ("明年截止", dates.DEADLINE, day(1, 1, 2027), day(1, 1, 2028)), ("三天内截止", dates.DEADLINE, NOW, day(11, 27)), ("7天内截止", dates.DEADLINE, NOW, day(12, 1)),
    ("2周内截止", dates.DEADLINE, NOW, day(12, 8)), ("近三个月发布", dates.PUBLISHED, day(8, 25), None), ("最近一周", dates.PUBLISHED, day(11, 16), None),
    ("本月发布的", dates.PUBLISHED, day(11, 1), day(12, 1)), ("2月31日前截止", dates.DEADLINE, NOW, day(3, 1, 2027)), ("近半年", dates.PUBLISHED, day(5, 25), None),
]


@pytest.mark.parametrize(("text", "what", "since", "until"), DATES)
def test_dates(text: str, what: str, since: datetime, until: datetime | None) -> None:
    understood = ask(f"助餐 {text}")
    assert understood.request.ranges == {what: (since.timestamp(), until and until.timestamp())}
    assert [chip.text_without for chip in understood.chips if chip.word == text] == ["助餐"]


@pytest.mark.parametrize("text", ["11月", "2026年", "第3天截止", "12月份的活动", "13月底前截止", "30日截止", "3月8日妇女节"])
def test_what_bounds_no_date(text: str) -> None:
    assert not {"deadline", "published"} & set(ask(text).request.ranges)


def test_a_year_is_looked_for_in_texts_and_in_the_days_of_publishing_and_closing() -> None:
    assert [ref for ref in ("lunch", "visit", "hiv") if ref in found("2026年")] == ["lunch", "hiv"]
    assert said(ask("2026年 助餐"))[0] == ("年份", "2026")


def found(text: str, **more: object) -> list[str]:
    """What holds everything."""
    request = ask(text, **more).request
    return [one.ref for one in DOCUMENTS if holds(row_of(one, FINDER.language, NOW), request)]


@pytest.mark.parametrize(("text", "expected"), [
    ("老人", ["lunch", "visit"]), ("长者", ["lunch", "visit"]), ("耆英關懷", []), ("長者送餐", ["lunch"]), ("空巢老人", ["visit"]),
    ("老人 -探访", ["lunch"]), ("老人 －助餐", ["visit"]), ("老人 NOT 送餐", ["visit"]), ("-老人", ["minors", "hiv"]),
    ('"中午送餐"', ["lunch"]), ("“送餐中午”", []), ("「心理健康」", ["minors"]), ('"长者饭堂"', []), ('"老人" 探访', ["visit"]),
    ("青少年心理健康", ["minors"]), ("青少年心理", ["minors"]), ("hiv", ["hiv"]), ("艾滋病", ["hiv"]), ("lc-2026-0217", ["hiv"]), ("ＬＣ－２０２６", ["hiv"]),
    ("深圳 老人", ["visit"]), ("广东 老人", ["visit"]), ("深圳 助餐", []), ("深圳", ["visit"]),
    ("桐浦 助餐", ["lunch"]), ("澜川 助餐", ["lunch"]), ("石桥 助餐", []), ("助餐 3万以下", ["lunch"]), ("助餐 2万以下", []),
    ("老人 本周截止", ["lunch"]), ("留守儿童", ["lunch"]), ("上门", ["visit"]), ("餐", ["lunch"]), ("服务", ["minors"]), ("老人服务", ["lunch", "visit"]),
    ("我要找关于老人的", ["lunch", "visit"]), ("", ["lunch", "visit", "minors", "hiv"]), ("？！", ["lunch", "visit", "minors", "hiv"]),
    ("laoren", ["lunch", "visit"]), ("zhucan", ["lunch", "hiv"]), ("zhu can", ["lunch", "hiv"]), ("tongpuzhucan", ["lunch"]), ("wcn", ["minors"]),
    ("wcnr", ["minors"]), ("shenzhen", ["visit"]), ("tongpu", ["lunch"]), ("未成年人保沪", ["minors"]), ("空朝老人", ["visit"]),
])
def test_what_holds_everything(text: str, expected: list[str]) -> None:
    assert found(text) == (expected if text != "wcn" else [])


@pytest.mark.parametrize(("text", "chips"), [
    ("桐浦 助餐 3万以下", [("地区", "桐浦街道"), ("主题", "助餐"), ("预算", "≤ 3万")]),
    ("深圳长者服务", [("地点", "深圳市"), ("主题", "老年人")]), ("服务", [("词语", "服务")]),
    ('探访 -助餐 "每周"', [("词语", "探访"), ("不含", "助餐"), ("原文", "每周")]), ("Shenzhen", [("地点", "深圳市")]), ("HIV", [("主题", "艾滋病")]),
])
def test_what_was_understood_is_said(text: str, chips: list[tuple[str, str]]) -> None:
    assert said(ask(text)) == chips


def test_a_chip_knows_the_text_without_it_in_the_script_that_was_typed() -> None:
    assert {chip.word: chip.text_without for chip in ask("桐浦 長者 3万以下 HIV").chips} == {
        "桐浦街道": "長者 3万以下 hiv", "老年人": "桐浦 3万以下 hiv", "≤ 3万": "桐浦 長者 hiv", "艾滋病": "桐浦 長者 3万以下"}


def test_taking_chips_away_one_by_one_ends_at_nothing() -> None:
    text = '桐浦街道 助餐 30-50万 12月底前截止 2026年 -探访 "每天" 长者'
    for _ in range(20):
        chips = ask(text).chips
        if not chips:
            break
        assert len(chips[0].text_without) < len(text)
        text = chips[0].text_without
    assert not ask(text).chips
    assert text == ""


def test_a_place_of_the_site_becomes_a_filter_unless_one_was_chosen() -> None:
    assert ask("桐浦").request.filters == {"area": ("990106001",)}
    chosen = ask("桐浦", filters={"area": ("990106",)}).request
    assert chosen.filters == {"area": ("990106",)}
    assert [{"=桐浦街道", "~桐浦街道"}] == tokens_of(ask("桐浦", filters={"area": ("990106",)}), Role.MUST)


@pytest.mark.parametrize(("text", "codes"), [
    ("澜川区桐浦街道 助餐", {"990106001"}), ("桐浦 石桥", {"990106001001"}), ("澜川", {"990106"}), ("tongpu", {"990106001"})])
def test_of_places_inside_one_another_the_narrowest_counts(text: str, codes: set[str]) -> None:
    assert set(ask(text).request.filters["area"]) == codes


def test_of_two_places_side_by_side_either_will_do() -> None:
    both = language((), [*PLACES, type(PLACES[0])("990106002", "白鹭街道", ("白鹭",), "990106")])
    assert set(finder([], both).understand(Question(text="桐浦 白鹭"), NOW).request.filters["area"]) == {"990106001", "990106002"}


def test_what_was_chosen_on_the_page_holds_too() -> None:
    request = ask("1-5万 本周截止", amount_from=20_000, amount_to=90_000, due_days=3, kinds=("project", "help"), filters={"status": ("open",)}).request
    assert request.ranges == {"amount": (2_000_000, 5_000_001), "deadline": (NOW.timestamp(), (NOW + timedelta(days=3)).timestamp())}
    assert request.filters == {"status": ("open",), "kind": ("project", "help")}


def test_orders() -> None:
    assert ask("助餐").request.sort == Sort.RELEVANCE
    assert ask("").request.sort == ask("？").request.sort == ask("桐浦").request.sort == Sort.NEWEST
    assert ask("助餐", sort=Sort.CLOSING).request.sort == Sort.CLOSING


def test_rare_words_weigh_more_and_generic_ones_little() -> None:
    clauses = {clause.alternatives[0].tokens[0]: clause for clause in reversed(ask("老人探访服务").request.clauses)}
    assert clauses["探访"].weight > clauses["=老年人"].weight > clauses["=服务"].weight
    assert (clauses["探访"].role, clauses["=服务"].role) == (Role.COUNTED, Role.BONUS)


def test_saying_a_thing_twice_counts_once() -> None:
    assert ask("老人 长者 耆英").request.least == 1


def test_other_words_that_were_looked_for_are_said() -> None:
    assert ask("长者").also == ("老年人", "老人", "耆英")
    assert set(ask("长者").marks) == {"长者", "老年人", "老人", "耆英"}
    assert "探访" not in ask("长者 -探访").marks


@pytest.mark.parametrize(("text", "meant"), [
    ("未成年人保沪", "未成年人保护"), ("未成年人宝护服务", "未成年人保护服务"), ("空朝老人", "空巢老人"), ("社区矫政", "社区矫正"), ("青少年心里健康", "青少年心理健康"),
    ("未成年人保護", None), ("成年人教育", None), ("空调老人", None), ("老年仁", "老年人"), ("探访", None), ("长着饭堂", "长者饭堂"), ("年轻人", None), ("abc", None),
])
def test_one_wrong_character_in_a_long_form_is_put_right(text: str, meant: str | None) -> None:
    understood = ask(text)
    assert (understood.did_you_mean, understood.corrected) == (meant, meant is not None)


def test_what_somebody_writes_as_typed_is_only_asked_about() -> None:
    found_once = finder([*DOCUMENTS, document("slip", "未成年人保沪")]).understand(Question(text="未成年人保沪"), NOW)
    assert (found_once.did_you_mean, found_once.corrected) == ("未成年人保护", False)


def test_letters_that_documents_hold_are_words_before_they_are_pinyin() -> None:
    with_word = finder([*DOCUMENTS, document("zc", "ZHUCAN 平台")])
    assert [(chip.facet_word, chip.word) for chip in with_word.understand(Question(text="zhucan"), NOW).chips] == [("词语", "zhucan")]


def test_a_chip_names_all_that_letters_may_mean() -> None:
    two = language([*SMALL, *forms("助残")], PLACES)
    assert said(finder([], two).understand(Question(text="zhucan"), NOW)) == [("主题", "助餐、助残")]


def test_a_word_that_stands_in_a_name_of_a_concept_comes_near_to_it() -> None:
    near = ask("痴呆").loose[0]
    assert ("=认知症",) in [one.tokens for clause in near.clauses for one in clause.alternatives]
    assert ("=认知症",) not in [one.tokens for clause in ask("痴呆").request.clauses for one in clause.alternatives]


def test_by_the_letter_nothing_is_understood() -> None:
    plain = ask("长者 3万以下", plain=True)
    assert plain.chips == ()
    assert plain.request.ranges == {}
    assert tokens_of(plain, Role.MUST) == [{"长者"}, {"3", "万以", "以下"}]


def test_loose_requests_demand_less_and_less() -> None:
    understood = ask("老人 探访 留守 助餐")
    assert understood.request.least == 4
    assert [wish.least for wish in understood.loose] == [2, 1]
    assert understood.trace is not None


def test_a_traditional_text_that_reads_in_two_ways_has_the_forms_of_both() -> None:
    spoken = language([*SMALL, *forms("网络")], PLACES)
    request = finder([], spoken).understand(Question(text="網路"), NOW).request
    assert {one.tokens for one in request.clauses[0].alternatives} >= {("=网络",), ("网路",)}


BAD = ["?" * 300, "*", '"', '"""', "(((", "a AND (b OR", "title:助餐^3 ~2 \\", "'; DROP TABLE project; --", "%_%", "(a+)+$" * 40, "\x00\x01\x1b", "\u202e\u200f老人",
       "😀" * 200, "🏳️‍🌈", "\ud800", "٣٤٥万", "０" * 200, "万" * 200, "一" * 200, "-" * 200, "- - -", "NOT NOT NOT", "not", '"-老人"', "ﷺ" * 200, "a" * 200, "老人" * 100,
       "1-1-1-1万", "2026-99-99前", "9999年99月99日前截止", "0月0日前截止", "999天内截止", "十" * 50 + "万以下", "🈚️", "㍿㌔", "\n\t\r", " ", "İ", "ß" * 200, "=老年人", "~老年人", "@2026"]


@pytest.mark.parametrize("text", BAD)
def test_any_text_is_understood(text: str) -> None:
    check_anything(FINDER, text)


def check_anything(searching: Finder, text: str) -> None:
    """An answer whose size does not depend on how much was typed."""
    understood = searching.understand(Question(text=text), NOW)
    requests = [understood.request, *understood.loose, understood.anywhere, understood.trace]
    for request in filter(None, requests):
        assert len(request.clauses) <= 100
        assert sum(len(clause.alternatives) for clause in request.clauses) <= 1500
        assert all(one.tokens for clause in request.clauses for one in clause.alternatives)
        assert 0 <= request.least <= sum(clause.role == Role.COUNTED for clause in request.clauses)
    assert len(understood.chips) <= 200
    result = searching.find(Question(text=text), NOW, limit=3)
    assert result.exact <= result.total


@settings(max_examples=150)
@given(st.text(max_size=120) | st.text(alphabet='老人助餐-"()3万以下月底前截止年 NOTzhucn，。*~^:!', max_size=60))
@example("a" * 10_000)
@example("老人3万以下-" * 1000)
def test_whatever_is_typed_is_answered(text: str) -> None:
    check_anything(FINDER, text)


@given(st.text(alphabet="0123456789一二三十百千万亿元块-~到以上下内不超过约.,", max_size=40))
def test_amounts_lie_in_order(text: str) -> None:
    for one in amounts.amounts(text):
        assert one.low is None or one.high is None or one.low <= one.high
        assert one.start < one.end


@given(st.text(alphabet="0123456789年月日号底前周天本下今明后截止发布近三-/.", max_size=40))
def test_dates_do_not_overlap_and_have_an_order(text: str) -> None:
    spans = sorted(dates.dates(text, NOW), key=lambda one: one.start)
    assert all(one.end <= other.start for one, other in itertools.pairwise(spans))


def test_without_documents_nothing_is_rare() -> None:
    assert understanding.understand(Question(text="老人 助餐"), FINDER.language, NOW, lambda tokens: dict.fromkeys(tokens, 0), 0).request.least == 2
