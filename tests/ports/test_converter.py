"""The converter of Chinese script: the real OpenCC, which has no fake."""

import pytest

from marketplace.integrations.opencc import OpenCCConverter


@pytest.fixture(scope="module")
def converter():
    return OpenCCConverter()


@pytest.mark.parametrize(("simplified", "traditional"), [
    ("社会组织", "社會組織"), ("长者助餐服务", "長者助餐服務"), ("密封并提交", "密封並提交"), ("登录", "登錄"), ("ABC 123 <p>", "ABC 123 <p>"), ("", ""),
])
def test_simplified_becomes_plain_traditional(converter, simplified, traditional):
    assert converter.to_traditional(simplified) == traditional


def test_names_compare_in_simplified(converter):
    assert converter.to_simplified("暖鄰社會工作服務機構") == converter.to_simplified("暖邻社会工作服务机构")


def test_a_page_keeps_its_markup(converter):
    page = '<a class="btn" href="/sign-in">登录</a>'
    assert converter.to_traditional(page) == '<a class="btn" href="/sign-in">登錄</a>'
