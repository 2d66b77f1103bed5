"""The dictionary that comes with the product is one: every rule that an operator's dictionary keeps, it keeps too."""

import csv
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketplace.integrations.opencc import OpenCCConverter
from marketplace.search.rules.dictionary import COLUMNS, Entry, EntryKind, above, shipped, wider
from marketplace.search.rules.wordbook import Row, check, clean, concepts_of

DATA = Path(__file__).parents[2] / "marketplace/search/data"
FILES = ("dictionary.csv", "places.csv")


@pytest.fixture(scope="module")
def book() -> tuple[Entry, ...]:
    """The dictionary and the places."""
    return shipped()


def _lines(name: str) -> Iterator[list[str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.reader(file)


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_plain_utf_8_with_the_columns_that_operators_get(name: str) -> None:
    data = (DATA / name).read_bytes()
    assert not data.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in data
    assert data.endswith(b"\n")
    lines = list(_lines(name))
    assert tuple(lines[0]) == COLUMNS
    assert {len(line) for line in lines} == {len(COLUMNS)}


def test_no_word_stands_for_two_things_no_concept_lacks_its_head_and_nothing_goes_in_rings(
        book: tuple[Entry, ...]) -> None:
    assert check([Row(entry) for entry in book]) == []


def test_every_word_is_in_normal_width_and_simplified(book: tuple[Entry, ...]) -> None:
    simplify = OpenCCConverter().to_simplified
    assert [entry.term for entry in book if clean(entry.term, simplify) != entry.term] == []
    assert [entry.term for entry in book if unicodedata.normalize("NFKC", entry.term) != entry.term] == []


def test_places_stand_in_their_own_file(book: tuple[Entry, ...]) -> None:
    kinds = {name: Counter(line[2] for line in list(_lines(name))[1:]) for name in FILES}
    assert set(kinds["places.csv"]) == {EntryKind.PLACE}
    assert set(kinds["dictionary.csv"]) == {EntryKind.CONCEPT, EntryKind.GENERIC}
    over = {over for entry in book if entry.kind == EntryKind.PLACE for over in entry.broader}
    places = {entry.concept for entry in book if entry.kind == EntryKind.PLACE}
    assert over <= places


def test_it_covers_the_trade(book: tuple[Entry, ...]) -> None:
    kinds = Counter(entry.kind for entry in book if entry.term == entry.concept)
    words = Counter(entry.kind for entry in book)
    assert kinds[EntryKind.CONCEPT] >= 500
    assert words[EntryKind.CONCEPT] >= 4_000
    assert kinds[EntryKind.PLACE] >= 2_000


@pytest.mark.parametrize(("word", "concept"), [
    ("长者", "老年人"), ("耆英", "老年人"), ("乐龄", "老年人"), ("银发族", "老年人"), ("志工", "志愿服务"), ("义工", "志愿服务"),
    ("身心障碍", "残疾人"), ("幼托", "托育"), ("家暴", "家庭暴力"), ("劏房", "劏房"), ("社区照顾", "社区养老"), ("日照中心", "日间照料"),
    ("双老", "双老家庭"), ("长者饭堂", "老年助餐"), ("自闭症", "孤独症"), ("四点半课堂", "课后服务"), ("网瘾", "网络沉迷"),
    ("失智症", "认知症"), ("复康", "康复"), ("街友", "流浪乞讨"), ("更生人", "安置帮教"), ("穗", None), ("深圳", "深圳市"),
])
def test_words_of_all_four_shores_lead_to_one_concept(book: tuple[Entry, ...], word: str, concept: str | None) -> None:
    assert {entry.term: entry.concept for entry in book}.get(word) == concept


@pytest.mark.parametrize(("narrow", "wide"), [
    ("老年助餐", "老年人"), ("老年助餐", "助餐"), ("居家养老", "老年人"), ("孤独症", "残疾人"), ("社区矫正", "司法社会工作"),
    ("校园欺凌", "青少年"), ("加装电梯", "社区治理"), ("罗湖区", "广东省"), ("沙田区", "香港特别行政区"),
])
def test_who_looks_for_the_wider_thing_finds_the_narrower(book: tuple[Entry, ...], narrow: str, wide: str) -> None:
    assert wide in above(narrow, wider(book))


@pytest.mark.parametrize("word", ["和平", "朝阳", "海门", "东方", "光明", "长寿", "日照"])
def test_everyday_words_are_no_short_names_of_places(book: tuple[Entry, ...], word: str) -> None:
    assert not [entry for entry in book if entry.term == word and entry.kind == EntryKind.PLACE]


def test_a_concept_keeps_its_words_together(book: tuple[Entry, ...]) -> None:
    concepts = {concept.name: concept for concept in concepts_of(book)}
    assert concepts["助餐"].broader == ()
    assert "送餐" in concepts["助餐"].terms
    assert "助餐" not in concepts["助餐"].terms
