"""Cutting, saying and converting Chinese: the real vendors, which have no fakes."""

import opencc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypinyin import lazy_pinyin

from marketplace.integrations.opencc import OpenCCConverter
from marketplace.integrations.pypinyin import PypinyinRomanizer
from marketplace.integrations.rjieba import RjiebaSegmenter
from marketplace.search.rules.dictionary import shipped

CUT, SAY, CONVERT = RjiebaSegmenter(), PypinyinRomanizer(), OpenCCConverter()
TEXT = "社会组织在桐浦街道开展居家养老服务 HIV 3A"


def test_words_for_searching_have_the_shorter_ones_inside() -> None:
    assert {"社会", "组织", "居家", "养老"} <= set(CUT.words(TEXT))
    assert {"服务中心", "服务", "中心"} <= set(CUT.words("社区服务中心"))


@given(st.text(max_size=80))
def test_words_in_order_are_the_text(text: str) -> None:
    assert "".join(CUT.cut(text)) == text


@pytest.mark.parametrize(("text", "is_one"), [("养老", True), ("未成年人", True), ("养劳", False), ("", False), ("养老服务项目采购", False)])
def test_words_are_known(text: str, is_one: bool) -> None:
    assert CUT.is_word(text) is is_one


@pytest.mark.parametrize(("word", "said"), [
    ("重庆", ("chong", "qing")), ("长者", ("zhang", "zhe")), ("银行", ("yin", "hang")), ("妇女", ("fu", "nv")), ("绿化", ("lv", "hua")),
    ("3A级", ("3", "A", "ji")), ("", ()), ("，", ("，",)), ("少数民族", ("shao", "shu", "min", "zu")),
])
def test_words_are_said_one_syllable_a_character(word: str, said: tuple[str, ...]) -> None:
    assert SAY.syllables(word) == said


def test_the_dictionary_is_said_as_the_vendor_says_it() -> None:
    terms = [entry.term for entry in shipped()][::7]
    assert [SAY.syllables(term) for term in terms] == [tuple(lazy_pinyin(term, errors=list)) for term in terms]


@pytest.mark.parametrize("word", ["社区矫正", "软件网络信息服务", "卫生站", "长者食堂", "视频热线", "志愿者项目", "里面", "台湾", "鲤鱼门", "家庭暴力", "留守儿童"])
@pytest.mark.parametrize("variant", ["s2t", "s2tw", "s2twp", "s2hk"])
def test_every_traditional_script_comes_back(word: str, variant: str) -> None:
    assert CONVERT.to_simplified(opencc.OpenCC(variant).convert(word)) == word


@pytest.mark.parametrize(("text", "readings"), [
    ("社區網路", ("社区网路", "社区网络")), ("長者", ("长者",)), ("网路", ("网路",)), ("", ()), ("ABC", ("ABC",))])
def test_readings(text: str, readings: tuple[str, ...]) -> None:
    assert CONVERT.readings(text) == (readings or ("",))
