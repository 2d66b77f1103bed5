"""Sheets of many shapes, and what a careful person reads from each."""

import json
from pathlib import Path

import pytest

from marketplace.catalogs.rules import LIST_FIELDS
from marketplace.core.sheets import Grid, find_tables
from marketplace.integrations.workbooks import CalamineReader
from tests.factories.sheets import read, seen, workbook

SHEETS = Path(__file__).parent.parent / "data" / "sheets"
EXPECTED = json.loads((SHEETS / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_given_sheet_reads_as_a_careful_person_read_it(name):
    rows = read((SHEETS / name).read_bytes(), name)
    want = EXPECTED[name]
    assert seen(rows) == [(w["row"], w["unit"], w["title"], w["budget_fen"]) for w in want]
    if "sheet" in want[0]:
        assert [r.sheet for r in rows] == [w["sheet"] for w in want]
    faults = {r.row: [f.column for f in r.faults] for r in rows if r.faults}
    columns = {"amount": "C", "title": "A"}
    assert faults == {w["row"]: [columns[w["fault"]]] for w in want if w.get("fault")}


def test_a_heading_of_two_rows_takes_the_total_among_the_amounts():
    data = workbook({"清单": [
        ["某镇购买服务清单"],
        ["序号", "项目名称", "购买主体", "预算金额（万元）", None, None, "备注"],
        [None, None, None, "财政资金", "自筹资金", "合计", None],
        [1, "长者助餐", "民政办", 10, 5, 15, None],
        [2, "青少年夏令营", "团委", 8, None, 8, "暑期"],
        ["合计", None, None, 18, 5, 23, None],
    ]}, merges={"清单": ["A1:G1", "A2:A3", "B2:B3", "C2:C3", "D2:F2", "G2:G3"]})
    assert seen(read(data)) == [(4, "民政办", "长者助餐", 15_000_000), (5, "团委", "青少年夏令营", 8_000_000)]


def test_amounts_in_parts_without_a_total_are_added():
    data = workbook({"清单": [
        ["序号", "项目名称", "购买主体", "预算金额（万元）", None],
        [None, None, None, "市级", "区级"],
        [1, "长者助餐", "民政办", 10, 5.5],
        [2, "青少年夏令营", "团委", None, 8],
    ]}, merges={"清单": ["A1:A2", "B1:B2", "C1:C2", "D1:E1"]})
    assert [budget for *_, budget in seen(read(data))] == [15_500_000, 8_000_000]


def test_a_heading_of_two_rows_survives_csv_where_merges_are_lost():
    text = "序号,项目名称,购买主体,预算金额（元）,,备注\n,,,财政资金,合计,\n1,长者助餐,民政办,1000,2000,\n"
    assert seen(read(text.encode(), "a.csv")) == [(3, "民政办", "长者助餐", 200_000)]


def test_headings_with_line_breaks_blanks_and_units_in_brackets():
    data = workbook({"表": [
        ["序\n号", "项 目\n名 称", "购 买\n主 体", "预算金额\n（单位：元）", "服务\n内容", "采购\n方式"],
        [1, "长者助餐", "民政办", "368,000.00", "送餐上门", "公开遴选"],
    ]})
    rows = read(data)
    assert seen(rows) == [(2, "民政办", "长者助餐", 36_800_000)]
    assert (rows[0].values["content"], rows[0].values["method"]) == ("送餐上门", "公开遴选")


def test_notes_signatures_and_blank_rows_are_not_projects():
    data = workbook({"表": [
        ["2026年购买服务清单"], [], ["填报单位（盖章）：区民政局", None, "单位：万元"], [],
        ["项目名称", "预算", "备注"], [],
        ["长者助餐", 12.5, None], [],
        ["社区矫正", 8, "续签"], [],
        ["总　计", 20.5, None],
        ["注：1. 以财政批复为准。"], ["2. 本表一式两份。"],
        ["填表人：李某", "审核人：王某", "联系电话：8612"],
    ]}, merges={"表": ["A1:C1", "A12:C12"]})
    assert seen(read(data)) == [(7, "区民政局", "长者助餐", 12_500_000), (9, "区民政局", "社区矫正", 8_000_000)]


def test_a_column_of_units_merged_downward_is_filled():
    data = workbook({"表": [
        ["单位", "项目名称", "金额（元）"],
        ["区民政局", "甲项目", 100], [None, "乙项目", 200], ["区残联", "丙项目", 300], [None, "丁项目", 400],
    ]}, merges={"表": ["A2:A3", "A4:A5"]})
    assert [unit for _, unit, *_ in seen(read(data))] == ["区民政局", "区民政局", "区残联", "区残联"]


def test_a_csv_made_from_merged_cells_is_filled_downward():
    text = "购买主体,项目名称,预算(元)\n区民政局,甲,100000\n,乙,200000\n区残联,丙,300000\n,丁,400000\n"
    assert [unit for _, unit, *_ in seen(read(text.encode(), "a.csv"))] == ["区民政局", "区民政局", "区残联", "区残联"]


@pytest.mark.parametrize(("typed", "fen"), [
    ("约30万元", 30_000_000), ("30万", 30_000_000), ("300000元", 30_000_000), ("￥30.00", 30_000_000),
    ("人民币叁拾万元整", 30_000_000), ("三十二万元", 32_000_000), ("１２．５", 12_500_000), ("12.5万元（其中区级10万元）", 12_500_000),
    ("不超过20万元", 20_000_000), ("15万元/年", 15_000_000), ("-", None), ("—", None), ("/", None), ("", None), ("无", None),
    ("0", 0), ("'30", 30_000_000), ("1,2 00", 1_200_000_000), ("0.5千元", 50_000), ("1.2亿元", 12_000_000_000),
])
def test_an_amount_is_read_as_it_is_meant_under_a_heading_in_wan(typed, fen):
    rows = read(workbook({"表": [["项目名称", "购买主体", "预算（万元）"], ["甲", "乙局", typed], ["丙", "丁局", 1]]}))
    assert rows[0].faults == ()
    assert seen(rows)[0] == (2, "乙局", "甲", fen)


@pytest.mark.parametrize("typed", ["待定", "面议", "20-30万元", "20万~30万", "-5", "（5）", "1.2.3", "十几万", "2万元×3", "0.00000001元", "万元"])
def test_what_is_not_one_amount_is_a_fault_and_never_a_guess(typed):
    rows = read(workbook({"表": [["项目名称", "购买主体", "预算（万元）"], ["甲", "乙局", typed], ["丙", "丁局", 1]]}))
    assert [(f.column, f.value) for f in rows[0].faults] == [("C", typed)]
    assert rows[0].amounts["budget"] is None


def test_several_tables_in_one_sheet_keep_their_own_headings_and_units():
    data = workbook({"表": [
        ["一、民政类项目（单位：万元）"],
        ["项目名称", "购买主体", "预算"],
        ["甲", "民政办", 10], ["小 计", None, 10], [],
        ["二、文化类项目（单位：元）"],
        ["购买主体", "项目名称", "预算", "备注"],
        ["文化站", "乙", 200000, "新增"], ["合计", None, 200000, None],
    ]})
    assert seen(read(data)) == [(3, "民政办", "甲", 10_000_000), (8, "文化站", "乙", 20_000_000)]


def test_a_heading_printed_again_on_the_next_page_is_not_a_project():
    head = ["序号", "项目名称", "购买主体", "预算金额（万元）"]
    data = workbook({"表": [["清单"], head, [1, "甲", "民政办", 1], head, [2, "乙", "民政办", 2]]})
    assert [title for *_, title, _ in seen(read(data))] == ["甲", "乙"]


def test_a_row_that_numbers_the_columns_is_not_a_project():
    data = workbook({"表": [["序号", "项目名称", "购买主体", "预算（万元）"], [1, 2, 3, 4], [1, "甲", "民政办", 1]]})
    assert seen(read(data)) == [(3, "民政办", "甲", 1_000_000)]


def test_hidden_sheets_empty_sheets_and_instructions_are_left_out():
    head = ["项目名称", "购买主体", "预算（元）"]
    data = workbook({"填表说明": [["一、请按时填报"], ["二、金额以元为单位"]], "清单": [head, ["甲", "民政办", 100000]],
                     "去年": [head, ["旧", "民政办", 100000]], "空": []}, hidden=["去年"])
    assert seen(read(data)) == [(2, "民政办", "甲", 10_000_000)]


def test_a_summary_sheet_that_repeats_the_others_is_not_counted_twice():
    head = ["项目名称", "购买主体", "预算（万元）"]
    data = workbook({"汇总表": [head, ["甲", "民政办", 1], ["乙", "文化站", 2]], "云岭镇": [head, ["甲", "民政办", 1]],
                     "望溪镇": [head, ["乙", "文化站", 2]]})
    assert [(r.sheet, r.values["office"]) for r in read(data)] == [("云岭镇", "云岭镇民政办"), ("望溪镇", "望溪镇文化站")]


def test_the_town_stands_in_front_of_a_section_but_not_of_a_whole_name():
    head = ["项目名称", "购买主体", "预算（万元）"]
    data = workbook({"云岭镇": [head, ["甲", "民政办", 1], ["乙", "云岭镇文化站", 2], ["丙", "区民政局", 3], ["丁", "云岭敬老院", 4]]})
    assert [r.values["office"] for r in read(data)] == ["云岭镇民政办", "云岭镇文化站", "区民政局", "云岭敬老院"]


def test_a_town_column_and_a_section_column_make_one_name():
    data = workbook({"全区": [["镇街", "科室", "项目名称", "预算（万元）"], ["云岭镇", "民政办", "甲", 1], [None, "文化站", "乙", 2]]},
                    merges={"全区": ["A2:A3"]})
    assert [r.values["office"] for r in read(data)] == ["云岭镇民政办", "云岭镇文化站"]


def test_section_lines_name_the_unit_where_there_is_no_such_column():
    data = workbook({"表": [["项目名称", "预算（万元）"], ["一、民政办", None], ["甲", 1], ["二、文化站", None], ["乙", 2]]})
    assert seen(read(data)) == [(3, "民政办", "甲", 1_000_000), (5, "文化站", "乙", 2_000_000)]


def test_error_cells_are_faults_with_their_place():
    data = workbook({"表": [["项目名称", "购买主体", "预算（万元）", "备注"], ["甲", "民政办", None, None], ["乙", "民政办", 2, None]]},
                    errors={"C2": "#REF!"})
    rows = read(data)
    assert [(f.sheet, f.row, f.column, f.value) for f in rows[0].faults] == [("表", 2, "C", "#REF!")]
    assert rows[1].faults == ()


def test_an_error_in_a_total_row_or_in_a_column_nobody_mapped_harms_nothing():
    data = workbook({"表": [["项目名称", "购买主体", "预算（万元）", "完成率"], ["甲", "民政办", 1, None], ["合计", None, None, None]]},
                    errors={"C3": "#VALUE!", "D2": "#DIV/0!"})
    rows = read(data)
    assert seen(rows) == [(2, "民政办", "甲", 1_000_000)]
    assert rows[0].faults == ()


def test_dates_as_numbers_and_as_dates_become_days():
    data = workbook({"表": [["项目名称", "购买主体", "预算（元）", "预计采购时间"], ["甲", "民政办", 100000, 46082], ["乙", "民政办", 100000, "2026年3月"]]})
    assert [r.values["expected_on"] for r in read(data)] == ["2026-03-01", "2026年3月"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("sign", [",", "\t", ";"])
def test_csv_in_any_encoding_and_with_any_sign_between_cells(encoding, sign):
    rows = [["项目名称", "购买主体", "服务内容", "预算（元）"], ["甲", "民政办", '"第一行\n第二行"', '"629,000.00"'], ["乙", "民政办", "", "5万"]]
    data = "\r\n".join(sign.join(row) for row in rows).encode(encoding)
    got = read(data, "清单.csv")
    assert seen(got) == [(2, "民政办", "甲", 62_900_000), (3, "民政办", "乙", 5_000_000)]
    assert got[0].values["content"] == "第一行\n第二行"


def test_leading_apostrophes_full_width_titles_and_inner_breaks():
    data = workbook({"表": [["项目编号", "项目名称", "购买主体", "预算（元）"], ["'001", " “花young年华”\n　社区服务 ", "民 政 办", "'３０００００"]]})
    assert seen(read(data)) == [(2, "民政办", "“花young年华”社区服务", 30_000_000)]


def test_one_project_over_several_merged_rows_is_one_project():
    data = workbook({"表": [
        ["项目名称", "购买主体", "服务内容", "预算（万元）"],
        ["甲", "民政办", "探访", 3], [None, None, "送餐", 4], ["乙", "民政办", "讲座", 1],
    ]}, merges={"表": ["A2:A3", "B2:B3"]})
    rows = read(data)
    assert seen(rows) == [(2, "民政办", "甲", 7_000_000), (4, "民政办", "乙", 1_000_000)]
    assert rows[0].values["content"] == "探访\n送餐"


def test_one_amount_merged_over_several_projects_is_a_fault_of_each():
    data = workbook({"表": [["项目名称", "购买主体", "预算（万元）"], ["甲", "民政办", 5], ["乙", "民政办", None]]}, merges={"表": ["C2:C3"]})
    assert [[f.column for f in r.faults] for r in read(data)] == [["C"], ["C"]]


def test_a_total_without_a_word_is_known_by_its_sum():
    data = workbook({"表": [["项目名称", "购买主体", "预算（万元）"], ["甲", "民政办", 5], ["乙", "民政办", 2], [None, None, 7]]})
    assert [title for *_, title, _ in seen(read(data))] == ["甲", "乙"]


def test_an_amount_without_a_name_that_is_no_sum_is_a_fault():
    data = workbook({"表": [["项目名称", "购买主体", "预算（万元）"], ["甲", "民政办", 5], [None, None, 3]]})
    rows = read(data)
    assert [(r.row, [f.column for f in r.faults]) for r in rows] == [(2, []), (3, ["A"])]


def test_small_figures_without_any_unit_are_asked_about_and_not_guessed():
    rows = read(workbook({"表": [["项目名称", "购买主体", "预算"], ["甲", "民政办", 45.5], ["乙", "民政办", 30]]}))
    assert [[f.value for f in r.faults] for r in rows] == [["45.5"], ["30"]]
    large = read(workbook({"表": [["项目名称", "购买主体", "预算"], ["甲", "民政办", 455000], ["乙", "民政办", 30]]}))
    assert [r.faults for r in large] == [(), ()]


def test_the_year_before_and_other_amounts_are_not_the_budget():
    data = workbook({"表": [["项目名称", "购买主体", "上年预算（万元）", "资金来源", "本年预算（万元）", "已支付金额"], ["甲", "民政办", 9, "财政", 12, 3]]})
    rows = read(data)
    assert seen(rows) == [(2, "民政办", "甲", 12_000_000)]
    assert rows[0].values["funding_source"] == "财政"


def test_contact_and_telephone_in_two_columns_are_joined():
    data = workbook({"表": [["项目名称", "购买主体", "预算（元）", "联系人", "联系电话"], ["甲", "民政办", 100000, "何老师", 86120716]]})
    assert read(data)[0].values["contact"] == "何老师 86120716"


def test_a_title_that_speaks_of_a_total_stays_a_project():
    data = workbook({"表": [["序号", "项目名称", "购买主体", "预算（元）"], [1, "会计合规培训", "财政所", 100000], [2, "村级小计量站服务", "民政办", 100000]]})
    assert len(read(data)) == 2


def test_ditto_marks_repeat_the_cell_above():
    data = workbook({"表": [["项目名称", "购买主体", "预算（元）"], ["甲", "民政办", 100000], ["乙", "同上", 100000], ["丙", "〃", 100000]]})
    assert [r.values["office"] for r in read(data)] == ["民政办"] * 3


def test_columns_that_mean_nothing_are_named():
    sheets = CalamineReader().read(workbook({"表": [["项目名称", "购买主体", "预算（元）", "领导批示"], ["甲", "民政办", 100000, "同意"]]}),
                                   filename="a.xlsx")
    table = find_tables(Grid(sheets[0]), LIST_FIELDS)[0]
    assert [table.headings[c] for c in table.unmapped()] == ["领导批示"]


def test_a_sheet_without_headings_has_no_table():
    assert read(workbook({"表": [["甲", "乙"], [1, 2]]})) == []


@pytest.mark.parametrize("heading", [
    "预算/万元", "金额\n万元", "2026年预算（万元）", "2026年度预算金额(单位：万元)", "预算 （人民币：万元）", "*预算金额（万元）", "项目预算_万元",
    "拟安排资金（万元）", "采购预算(万)"])
def test_a_budget_heading_in_ten_thousands_however_it_is_written(heading):
    rows = read(workbook({"表": [["项目名称", "购买主体", heading], ["甲", "民政办", 12.5], ["乙", "民政办", 3]]}))
    assert [budget for *_, budget in seen(rows)] == [12_500_000, 3_000_000]
    assert [r.faults for r in rows] == [(), ()]


def test_of_two_years_the_later_one_is_the_budget():
    data = workbook({"表": [["项目名称", "购买主体", "2025年预算（万元）", "2026年预算（万元）"], ["甲", "民政办", 9, 12]]})
    assert seen(read(data)) == [(2, "民政办", "甲", 12_000_000)]


def test_the_date_and_the_seal_under_a_table_are_not_projects():
    data = workbook({"表": [["项目名称", "购买主体", "预算（元）"], ["甲", "民政办", 100000], ["桐浦街道办事处（盖章）"], ["2026年1月15日"]]})
    assert [title for *_, title, _ in seen(read(data))] == ["甲"]
