"""What is exported imports again unchanged: any texts, as Excel and as CSV."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from marketplace.catalogs import operations, queries
from marketplace.catalogs.operations import import_catalogs, import_lists
from marketplace.catalogs.rules import CATALOG_FIELDS, LIST_FIELDS, LineFacts
from marketplace.catalogs.views.blueprint import csv_bytes
from marketplace.core.access import SYSTEM
from marketplace.core.money import Money
from marketplace.core.sheets import clean_line, clean_text, read_workbook
from marketplace.imports.rules import Outcome
from marketplace.integrations.openpyxl import OpenpyxlWriter
from marketplace.integrations.workbooks import CalamineReader
from tests.factories import NOW
from tests.factories.catalogs import line_facts, make_catalog, make_list
from tests.factories.organizations import make_unit

SIGNS = st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn", "Cf")) | st.sampled_from("=+-@',\"\n\t；万元合计0１２（）")
WORDS = ("小计", "合计", "总计", "共计", "累计", "其中", "注", "备注", "说明", "填表", "填报", "制表", "审核", "审批", "经办", "负责", "单位", "分管", "主要", "科室",
         "联系", "日期", "编制", "主管", "部门", "盖章", "公章", "签", "附注", "温馨", "同上", "同前", "项目名称")


def line(text):
    return clean_line(text)


def speaks(text):
    """A title that a careful reader takes for a title: words, no total, no note, no ditto mark."""
    return sum("\u4e00" <= c <= "\u9fff" for c in text) >= 2 and not any(word in text for word in WORDS)


titles = st.text(SIGNS, min_size=2, max_size=20).map(lambda t: line("社工" + t + "服务")).filter(speaks)
texts = st.text(SIGNS, max_size=12).map(lambda t: clean_text(f"字{t}末"))
lines = st.builds(
    LineFacts, title=titles, office=st.sampled_from(["民政办", "文化站", "区残联"]), content=texts, remark=texts, target_group=texts,
    period=texts.map(line), method=texts.map(line), contact=texts.map(line), funding_source=texts.map(line),
    expected_on=texts.map(line), catalog_code=st.sampled_from([None, "A0402", "A05"]),
    budget=st.none() | st.integers(0, 10**13).map(Money))


def read(data, name, fields):
    return read_workbook(CalamineReader().read(data, filename=name), fields)[0]


@settings(max_examples=20, deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(facts=st.lists(lines, min_size=1, max_size=6))
def test_a_list_exported_and_imported_again_is_unchanged(session, facts):
    with session.begin_nested() as nested:
        make_catalog(session)
        unit = make_unit(session)
        made = make_list(session, unit=unit, facts=facts)
        rows = queries.export_rows(made.versions[0].items)
        for data, name in ((OpenpyxlWriter().write({"清单": rows}), "清单.xlsx"), (csv_bytes(rows), "清单.csv")):
            found = read(data, name, LIST_FIELDS)
            assert [f for row in found for f in row.faults] == []
            plan = import_lists.plan_list(session, rows=found, options={"unit": unit.ref, "year": 2026}, now=NOW)
            assert not plan.faults
            assert [(p.outcome, p.differences) for p in plan.rows] == [(Outcome.UNCHANGED, [])] * len(facts)
        nested.rollback()


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_the_catalogue_exported_and_imported_again_is_unchanged(session, kind):
    catalog = make_catalog(session, is_published=False)
    operations.save_item(session, actor=SYSTEM, catalog=catalog, code="A06", name_zh="=旧服务", name_en="+old", is_active=False,
                         is_official=False, replaced_by="A05", effective_from=NOW.date(), effective_to=NOW.date(), now=NOW)
    rows = queries.catalog_rows(catalog)
    data = OpenpyxlWriter().write({"目录": rows}) if kind == "xlsx" else csv_bytes(rows)
    plan = import_catalogs.plan_catalog(session, rows=read(data, f"目录.{kind}", CATALOG_FIELDS), options={"year": 2026}, now=NOW)
    assert not plan.faults
    assert [p.differences for p in plan.rows if p.outcome is not Outcome.UNCHANGED] == []
    assert len(plan.rows) == 6


def test_a_field_that_the_sheet_does_not_have_stays_as_it_is(session):
    unit = make_unit(session)
    make_list(session, unit=unit, facts=[line_facts(title="甲", office="民政办", remark="保留")])
    data = "项目名称,购买主体,预算（元）\n甲,民政办,999\n".encode()
    options = {"unit": unit.ref, "year": 2026}
    plan = import_lists.plan_list(session, rows=read(data, "a.csv", LIST_FIELDS), options=options, now=NOW)
    made = import_lists.apply_list(session, actor=SYSTEM, rows=plan.rows, options=options, now=NOW)
    assert (made[0]["after"]["remark"], made[0]["after"]["budget"]) == ("保留", 99_900)


def test_equal_rows_are_two_lines_and_stay_two(session):
    unit = make_unit(session)
    data = "项目名称,购买主体,预算（元）\n甲,民政办,100000\n甲,民政办,200000\n".encode()
    options = {"unit": unit.ref, "year": 2026}
    for expected in (Outcome.NEW, Outcome.UNCHANGED):
        plan = import_lists.plan_list(session, rows=read(data, "a.csv", LIST_FIELDS), options=options, now=NOW)
        assert [p.outcome for p in plan.rows] == [expected, expected]
        import_lists.apply_list(session, actor=SYSTEM, rows=plan.rows if expected is Outcome.NEW else [], options=options, now=NOW)


def test_a_catalogue_line_in_words_is_found_and_an_unknown_one_goes_into_the_remark(session):
    make_catalog(session)
    unit = make_unit(session)
    data = "项目名称,指导性目录,备注,预算（元）\n甲,养老服务,,1000\n乙,A0402 养老服务,,1000\n丙,其他目录,急,1000\n".encode()
    plan = import_lists.plan_list(session, rows=read(data, "a.csv", LIST_FIELDS), options={"unit": unit.ref, "year": 2026}, now=NOW)
    assert [(p.facts["catalog_code"], p.facts["remark"]) for p in plan.rows] == [
        ("A0402", ""), ("A0402", ""), (None, "急\n目录：其他目录")]
