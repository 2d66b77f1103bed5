"""The language of the index: what a text becomes, in every script and width; what a document becomes."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import opencc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.searching import Sort, Zone
from marketplace.search.rules.analysis import Place, normal, runs
from marketplace.search.rules.dictionary import Entry, EntryKind, above, read_entries, shipped
from marketplace.search.rules.rows import row_of, stamp_of, status_of
from tests.factories import NOW
from tests.factories.language import PLACES, document, forms, language

SPOKEN = language()
TEXT = "桐浦街道空巢长者送餐服务网络，为未成年人保护工作者提供HIV咨询软件"


@pytest.mark.parametrize(("text", "expected"), [
    ("ＬＣ－２０２６", "lc-2026"), ("ﬁnance", "finance"), ("助\u200b餐\u202e", "助餐"), ("助\x00餐\n长者", "助 餐 长者"), ("①", "1"),
    ("㈱", "(株)"), ("", ""), ("ABC", "abc"), ("\ud800助餐", "助餐"),
])
def test_width_case_and_invisible_marks_do_not_matter(text: str, expected: str) -> None:
    assert normal(text) == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("助餐LC-2026-0217，3A", ["助餐", "lc-2026-0217", "3a"]), ('*?"()[]{}', []), ("1.5万", ["1.5", "万"]), ("a--b", ["a", "b"]),
    ("𠮷野家", ["𠮷野家"]), ("😀助餐😀", ["助餐"]), ("مرحبا", ["مرحبا"]),
])
def test_a_text_falls_into_runs(text: str, expected: list[str]) -> None:
    assert [run.text for run in runs(normal(text))] == expected


@pytest.mark.parametrize("variant", ["s2t", "s2tw", "s2twp", "s2hk"])
def test_every_traditional_script_has_the_tokens_of_the_simplified_text(variant: str) -> None:
    traditional = opencc.OpenCC(variant).convert(TEXT)
    assert traditional != TEXT
    assert SPOKEN.tokens(TEXT) <= SPOKEN.tokens(traditional)


def test_words_of_taiwan_are_found_both_as_written_and_as_on_the_mainland() -> None:
    tokens = SPOKEN.tokens("社區網路資訊")
    assert {"网络", "信息", "网路", "资讯", "社区"} <= tokens
    assert "网络" not in SPOKEN.tokens("网路资讯")          # Simplified text keeps its words


@pytest.mark.parametrize(("text", "there", "absent"), [
    ("长者饭堂", {"=助餐", "~助餐", "~老年人"}, {"=老年人"}),                  # the longest form; what it names inside is implied
    ("空巢老人", {"=空巢老人", "~空巢老人", "~老年人"}, {"=老年人"}),
    ("未成年人", {"=未成年人", "未成", "成年", "年人"}, {"~未成年人保护"}),
    ("耆英關懷", {"=老年人", "关怀"}, set()),
    ("HIV感染者", {"=艾滋病", "hiv", "感染者"}, set()),
    ("ahivb", {"ahivb"}, {"=艾滋病"}),                                # Latin forms only as whole words
    ("罗湖区", {"=罗湖区", "~罗湖区", "~深圳市", "~广东省"}, {"=深圳市"}),
    ("石桥社区", {"=石桥社区", "~桐浦街道", "~澜川区"}, set()),
    ("桐浦", {"=桐浦街道"}, set()),
    ("lc-2026-0217", {"lc-2026-0217", "lc", "2026", "0217"}, set()),
    ("餐", {"餐"}, set()), ("助餐", {"助餐"}, {"助", "餐"}),
])
def test_tokens_of_a_text(text: str, there: set[str], absent: set[str]) -> None:
    tokens = SPOKEN.tokens(text)
    assert there <= tokens
    assert not absent & tokens


@pytest.mark.parametrize("text", ["长者助餐。社區照顧；居家养老\n2026年3万元", "老人饭堂；老人饭堂。老人饭堂", "\n。；\n", "助" * 200 + "。" + "餐" * 61])
def test_a_text_has_the_tokens_of_its_sentences(text: str) -> None:
    parts = [part for line in text.split("\n") for half in line.split("。") for part in half.split("；")]
    expected = set[str]().union(*(language().tokens(part) for part in parts))
    for _ in range(2):
        found = SPOKEN.tokens(text)
        assert found == expected
        found.clear()           # what is remembered belongs to nobody


def test_single_characters_are_tokens_where_they_are_asked_for() -> None:
    assert {"助", "餐", "助餐"} <= SPOKEN.tokens("助餐", singles=True)


def test_an_alias_of_a_place_that_means_something_else_stays_what_it_is() -> None:
    assert PLACES[2].aliases[1] == "老年人"
    assert SPOKEN.tokens("老年人") & {"=老年人", "=石桥社区"} == {"=老年人"}


def test_two_places_of_one_name_are_both_known() -> None:
    twice = language((), (Place("990106001001", "新村社区", (), "990106001"), Place("990106002001", "新村社区", (), "990106002")))
    assert twice.codes["新村社区"] == ("990106001001", "990106002001")


def test_a_dictionary_with_cycles_comes_to_an_end() -> None:
    circle = language([Entry("a甲", "a甲", broader=("乙乙",)), Entry("乙乙", "乙乙", broader=("a甲",)), Entry("丙丙", "丙丙", broader=("丙丙",))])
    assert {"=a甲", "~a甲", "~乙乙"} <= circle.tokens("a甲")
    assert circle.above["丙丙"] == ()
    assert above("一", {"一": ("二",), "二": ("三", "一"), "三": ("二",)}) == ("二", "三")


@pytest.mark.parametrize("entries", [[], [Entry("", "空")], [Entry("词", "没有说明的上位", broader=("无此概念",))], [Entry("，", "标点")]])
def test_odd_dictionaries_do_no_harm(entries: list[Entry]) -> None:
    assert "助餐" in language(entries, ()).tokens("，助餐词")


def test_entries_are_read_from_lines() -> None:
    lines = ["term,concept,kind,broader\n", "长者,老年人,concept,\n", "助餐,助餐,,养老|民生\n", ",,,\n", "服务,服务,generic,\n"]
    assert read_entries(lines) == [
        Entry("长者", "老年人"), Entry("助餐", "助餐", EntryKind.CONCEPT, ("养老", "民生")), Entry("服务", "服务", EntryKind.GENERIC)]


def test_the_shipped_dictionary_names_each_concept_and_each_wider_one() -> None:
    entries = shipped()
    named = {entry.concept for entry in entries if entry.term == entry.concept}
    assert {entry.concept for entry in entries} - named == set()
    assert {over for entry in entries for over in entry.broader} - named == set()


def test_of_two_ways_to_cover_a_text_the_longer_form_wins() -> None:
    terms = language([*forms("社会工作"), *forms("工作者协会"), *forms("社会")], ()).terms
    assert [found.term for found in terms.cover("社会工作者协会")] == ["社会", "工作者协会"]
    assert [found.term for found in terms.cover("社会工作")] == ["社会工作"]


HEADS = [("长者助餐", {"长", "长者", "长者助餐", "助餐", "zhangzhe", "zz", "zzzc", "zhucan", "zc", "z"}, {"者助", "老"}),
         ("桐浦街道未成年人保护", {"tpjd", "桐浦街道", "未成年人", "wcnrbh"}, {"街道", "成年"}),
         ("LC-2026 助餐", {"l", "lc-2026", "zc"}, {"2026"})]


@pytest.mark.parametrize(("title", "there", "absent"), HEADS)
def test_titles_are_suggested_by_their_words_their_pinyin_and_their_initials(title: str, there: set[str], absent: set[str]) -> None:
    heads = SPOKEN.heads(title)
    assert there <= heads
    assert not absent & heads
    assert max(map(len, heads)) <= 10


@given(st.text(alphabet="老年人长者助餐服务项目空巢探访桐浦", max_size=40))
def test_the_words_of_a_run_are_the_run(text: str) -> None:
    assert "".join(SPOKEN.split(text)) == text


@given(st.text(max_size=200))
def test_any_text_has_tokens_that_engines_can_keep(text: str) -> None:
    tokens = SPOKEN.tokens(text) | SPOKEN.heads(text)
    assert all(token and not any(character.isspace() for character in token) for token in tokens)


@given(st.text(alphabet="老年人长者助餐服务项目空巢a1 ，", max_size=60))
def test_what_covers_a_text_lies_in_it_side_by_side(text: str) -> None:
    covered = SPOKEN.terms.cover(text)
    assert all(text[found.start:found.end] == found.term for found in covered)
    assert all(one.end <= other.start for one, other in pairwise(covered))


FULL = document(
    "x1", "桐浦街道长者助餐", "每天中午送餐", status="published", buyer="桐浦街道办事处", category="A040203", area="990106001",
    amount_fen=36_800_000, published_at=NOW - timedelta(days=2), deadline_at=NOW + timedelta(days=5), words=("LC-2026-0217",),
    lead=("老年人",), english="Meals for the elderly", facets={"buyer": ("town",), "kind": ("charity",)})


def test_zones_hold_one_another() -> None:
    tokens = row_of(FULL, SPOKEN, NOW, texts=("附件里的咨询",)).tokens
    assert tokens[Zone.TITLE] < tokens[Zone.LEAD] < tokens[Zone.TEXT]
    assert "助餐" in tokens[Zone.TITLE]
    assert {"0217", "办事", "=澜川区"} & tokens[Zone.LEAD] == {"0217", "办事"}
    assert {"~澜川区", "@2026", "=桐浦街道"} <= tokens[Zone.LEAD]
    assert {"中午", "meals", "咨询"} <= tokens[Zone.TEXT] - tokens[Zone.LEAD]
    assert "zhucan" in tokens[Zone.HEAD]
    assert "zhucan" not in tokens[Zone.TEXT]


def test_exact_values_bring_the_branches_above() -> None:
    row = row_of(FULL, SPOKEN, NOW)
    assert dict(row.values) == {
        "kind": ("project",), "form": ("charity",), "buyer": ("town",), "category": ("A", "A04", "A0402", "A040203"),
        "area": ("990106", "990106001"), "status": ("open",), "budget": ("20-50",)}
    assert row.numbers["amount"] == 36_800_000
    assert set(row.numbers) == {"amount", "published", "deadline"}


def test_an_organization_stands_in_every_category_and_place_it_works_in() -> None:
    row = row_of(document("o", "机构", kind="organization", facets={"area": ("990106001001", "990107"), "category": ("A01", "B")}), SPOKEN, NOW)
    assert row.values["area"] == ("990106", "990106001", "990106001001", "990107")
    assert row.values["category"] == ("A", "A01", "B")
    assert "~桐浦街道" in row.tokens[Zone.TEXT]
    assert not row.numbers


def test_what_is_nowhere_has_no_values() -> None:
    assert dict(row_of(document("h", "帮助", kind="help"), SPOKEN, NOW).values) == {"kind": ("help",)}


@pytest.mark.parametrize(("minutes", "status"), [(-1, "sealed"), (0, "sealed"), (1, "open")])
def test_a_project_is_open_until_its_deadline(minutes: int, status: str) -> None:
    project = replace(FULL, deadline_at=NOW + timedelta(minutes=minutes))
    assert status_of(project, NOW) == status
    assert row_of(project, SPOKEN, NOW).values["status"] == (status,)


def test_the_stamp_changes_with_the_document_its_texts_and_its_status() -> None:
    stamps = {stamp_of(FULL, NOW), stamp_of(FULL, NOW, ("附件",)), stamp_of(FULL, NOW + timedelta(days=6)), stamp_of(replace(FULL, title="x"), NOW)}
    assert len(stamps) == 4
    assert stamp_of(FULL, NOW) == stamp_of(replace(FULL), NOW + timedelta(hours=1)) == row_of(FULL, SPOKEN, NOW).stamp


def in_order(sort: Sort, **documents: object) -> list[str]:
    made = [row_of(document(ref, "项目", status="published", **more), SPOKEN, NOW) for ref, more in documents.items()]  # type: ignore[arg-type]
    return [row.ref for row in sorted(made, key=lambda row: row.orders[sort])]


def test_orders() -> None:
    day = timedelta(days=1)
    assert in_order(Sort.NEWEST, old={"published_at": NOW - day}, none={}, new={"published_at": NOW}) == ["new", "old", "none"]
    assert in_order(Sort.BUDGET_HIGH, low={"amount_fen": 1}, none={}, high={"amount_fen": 10**13}) == ["high", "low", "none"]
    assert in_order(Sort.BUDGET_LOW, low={"amount_fen": 1}, none={}, high={"amount_fen": 5}) == ["low", "high", "none"]
    published = {"published_at": NOW - 9 * day}
    assert in_order(
        Sort.CLOSING, past={**published, "deadline_at": NOW - day}, longago={**published, "deadline_at": NOW - 5 * day}, none={},
        soon={**published, "deadline_at": NOW + day}, later={**published, "deadline_at": NOW + 2 * day},
    ) == ["soon", "later", "past", "longago", "none"]


def test_newer_documents_weigh_a_little_more() -> None:
    old, new, unknown = (row_of(document("x", "项目", published_at=moment), SPOKEN, NOW).prior
                         for moment in (NOW - timedelta(days=3000), NOW, None))
    assert 1.03 == unknown < old < new <= 1.04


def test_a_project_stands_before_the_notice_about_it_even_when_the_notice_is_newer() -> None:
    project = row_of(document("x", "社区助餐", published_at=NOW - timedelta(days=3000)), SPOKEN, NOW)
    notice = row_of(document("y", "社区助餐", kind="notice", published_at=NOW), SPOKEN, NOW)
    assert project.prior > notice.prior


