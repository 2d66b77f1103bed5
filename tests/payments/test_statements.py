"""Reading statements: layouts with their fixture files, bad cells by row and column, balances that break."""

from datetime import date
from pathlib import Path

import pytest

from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.integrations.workbooks import CalamineReader
from marketplace.payments.rules.lines import Direction
from marketplace.payments.rules.mappings import MAPPINGS
from marketplace.payments.rules.statements import read_statement
from tests.factories.payments import came, debit_credit, sheet, went

STATEMENTS = Path(__file__).parents[1] / "data" / "statements"
TODAY = date(2026, 11, 23)
HEADS = ["交易日期", "流水号", "借方发生额", "贷方发生额", "余额", "对方户名", "对方账号", "摘要"]


def read(name, mapping="auto"):
    return read_statement(CalamineReader().read((STATEMENTS / name).read_bytes(), filename=name), mapping, today=TODAY)


def test_the_layout_with_two_columns_is_read_from_its_workbook():
    found = read("debit-credit.xlsx")
    assert found.mapping.name == "debit_credit"
    assert (found.faults, found.breaks) == ([], [])
    assert (found.opening, found.closing, found.number) == (Money(1_000_000), Money(3_698_550), "6210000000")
    assert [(r.row, r.direction, r.amount.fen, r.serial) for r in found.rows] == [
        (5, Direction.IN, 2_000_000, "B2026112000001"), (6, Direction.IN, 1_200_050, "B2026112000002"),
        (7, Direction.OUT, 1_500, "B2026112100001"), (8, Direction.OUT, 500_000, "B2026112100002")]
    assert (found.rows[0].name, found.rows[0].account) == ("桐浦实业有限公司", "6220001112223334")
    assert found.rows[0].purpose == "转账收入 认捐 {CODE}"


def test_the_layout_with_marks_is_read_from_gbk_newest_first_with_its_fees_apart():
    found = read("marked-gbk.csv")
    assert found.mapping.name == "marked"
    assert (found.faults, found.breaks) == ([], [])
    assert [r.serial for r in found.rows] == ["T0001", "T0002", "T0003"]
    assert [(r.direction, r.amount, r.fee) for r in found.rows] == [
        (Direction.IN, Money.yuan(11_000), Money(500)), (Direction.OUT, Money.yuan(1_000), Money(500)),
        (Direction.IN, Money.yuan(8_000), Money(0))]
    assert found.opening == Money.yuan(10_000)


def test_the_layout_with_signs_is_read_with_a_byte_order_mark_and_equal_lines_are_counted():
    found = read("signed-bom.csv")
    assert found.mapping.name == "signed"
    assert [(r.direction, r.amount.fen) for r in found.rows] == [
        (Direction.IN, 300_000), (Direction.IN, 300_000), (Direction.OUT, 1_200), (Direction.IN, 500_000)]
    first, second = (r.serial for r in found.rows[:2])
    assert (first[:-2], first[-2:], second[-2:]) == (second[:-2], "-1", "-2")
    assert len({r.serial for r in found.rows}) == 4


@pytest.mark.parametrize("name", list(MAPPINGS))
def test_every_layout_has_one_fixture_file_that_it_alone_reads(name):
    fitting = [p.name for p in STATEMENTS.iterdir() if p.suffix in (".csv", ".xlsx") and read(p.name).mapping.name == name]
    assert len(fitting) == 1
    for other in set(MAPPINGS) - {name}:
        with pytest.raises(Invalid, match="没有认出"):
            read(fitting[0], other)


def faults_of(*row, **options):
    found = read_statement(sheet([HEADS, list(row)], **options), "debit_credit", today=TODAY)
    return [(f.row, f.column, f.reason) for f in found.faults]


@pytest.mark.parametrize(("cell", "words"), [
    ("0", "正好填一个"), ("0.00", "正好填一个"), ("-100.00", "负数"), ("0.001", "小于一分"), ("1e30", "不是对账单里的金额"),
    ("9" * 16, "太大"), ("1.2万", "不写“万”"), ("壹万元", "不是对账单里的金额"), ("NaN", "不是对账单里的金额"), ("∞", "不是对账单里的金额"),
])
def test_an_amount_that_is_none_is_told_with_its_row_and_column(cell, words):
    (fault,) = faults_of("2026-11-20", "S1", "", cell, "100.00", "甲", "", "款")
    assert fault[:2] == (2, "D")
    assert words in fault[2]


def test_full_width_digits_and_commas_are_the_same_amount():
    found = read_statement(sheet([HEADS, ["2026-11-20", "S1", "", "１２，３４５．６７", "12345.67", "甲", "", ""]]),
                           "debit_credit", today=TODAY)
    assert [r.amount for r in found.rows] == [Money(1_234_567)]


@pytest.mark.parametrize(("day", "words"), [("昨天", "不是日期"), ("2026-02-30", "不是日期"), ("2026-11-24", "还没有到"), ("", "不是日期")])
def test_a_day_that_is_none_or_still_to_come_is_told(day, words):
    (fault,) = faults_of(day, "S1", "", "1.00", "1.00", "", "", "")
    assert fault[:2] == (2, "A")
    assert words in fault[2]


def test_formulas_are_refused_at_their_place_in_a_workbook_and_in_text():
    assert faults_of("2026-11-20", "S1", "", "100.00", "100.00", "甲", "", "", formulas=[(2, 4)])[0][:2] == (2, "D")
    (fault,) = faults_of("2026-11-20", "S1", "", "100.00", "100.00", "=HYPERLINK(1)", "", "")
    assert fault[:2] == (2, "F")
    assert "公式" in fault[2]


def test_a_formula_in_a_real_workbook_is_refused_although_its_value_is_shown(tmp_path):
    import openpyxl

    book = openpyxl.load_workbook(STATEMENTS / "debit-credit.xlsx")
    book.active["E6"] = "=E5+D6"
    book.save(tmp_path / "x.xlsx")
    found = read_statement(CalamineReader().read((tmp_path / "x.xlsx").read_bytes(), filename="x.xlsx"), "auto", today=TODAY)
    assert [(f.row, f.column) for f in found.faults] == [(6, "E")]


def test_both_sides_filled_or_none_is_a_fault():
    assert "正好填一个" in faults_of("2026-11-20", "S1", "1.00", "1.00", "1.00", "", "", "")[0][2]
    assert "正好填一个" in faults_of("2026-11-20", "S1", "", "", "1.00", "", "", "")[0][2]


def test_a_serial_that_lost_digits_or_stands_twice_is_a_fault():
    assert "失真" in faults_of("2026-11-20", "6.21E+18", "", "1.00", "1.00", "", "", "")[0][2]
    found = read_statement(debit_credit([came("1.00", serial="S1"), came("2.00", serial="S1")]), "debit_credit", today=TODAY)
    assert [(f.row, f.column, f.facts["other"]) for f in found.faults] == [(5, "B", 4)]


def test_a_missing_row_is_found_where_the_balance_breaks():
    tables = debit_credit([came("100.00"), came("50.00"), went("20.00")])
    del tables[0].rows[4]
    (found,) = read_statement(tables, "debit_credit", today=TODAY).breaks
    assert (found.row, found.difference) == (5, Money.yuan(50))


def test_a_missing_first_row_breaks_with_the_opening_and_a_missing_last_one_with_the_closing():
    tables = debit_credit([came("100.00"), came("50.00")])
    del tables[0].rows[3]
    assert [b.row for b in read_statement(tables, "debit_credit", today=TODAY).breaks] == [4]
    tables = debit_credit([came("100.00"), came("50.00")])
    tables[0].rows[-1] = [type(tables[0].rows[0][0])(text) for text in ("期末余额：", "10150.00")]
    (found,) = read_statement(tables, "debit_credit", today=TODAY).breaks
    assert (found.row, found.difference) == (0, Money.yuan(50))


def test_an_account_number_kept_as_a_number_is_not_trusted():
    from marketplace.core.ports import SheetCell, SheetTable

    row = [SheetCell(t) for t in ("2026-11-20", "S1", "", "1.00", "1.00", "甲")] + [
        SheetCell("6222000011112222333", "6222000011112222333"), SheetCell("款")]
    found = read_statement([SheetTable("a", [[SheetCell(t) for t in HEADS], row])], "debit_credit", today=TODAY)
    assert found.rows[0].account == ""


def test_a_sheet_without_known_headings_and_two_that_fit_are_refused():
    with pytest.raises(Invalid, match="没有认出"):
        read_statement(sheet([["a", "b"], ["1", "2"]]), "auto", today=TODAY)
    with pytest.raises(Invalid, match="2 张工作表"):
        read_statement([*debit_credit([came("1.00")]), *debit_credit([came("2.00")])], "auto", today=TODAY)
    with pytest.raises(Invalid, match="没有一笔明细"):
        read_statement(sheet([HEADS]), "auto", today=TODAY)


MARKED = ["记账日期", "借贷标志", "交易金额", "手续费", "账户余额", "交易用途", "交易流水"]


@pytest.mark.parametrize(("row", "place", "words"), [
    (["20261120", "进", "1.00", "", "1.00", "", "T1"], (2, "B"), "“借”或“贷”"),
    (["20261120", "贷", "", "", "1.00", "", "T1"], (2, "C"), "空的或是零"),
    (["20261120", "贷", "-1.00", "", "1.00", "", "T1"], (2, "C"), "冲正"),
    (["20261120", "贷", "1.00", "-1", "1.00", "", "T1"], (2, "D"), "手续费不能小于零"),
    (["20261120", "贷", "1.00", "", "", "", "T1"], (2, "E"), "余额是空的"),
    (["20261120", "贷", "1.00", "", "1.00", "", ""], (2, "G"), "流水号是空的"),
])
def test_what_a_marked_line_lacks_is_told_at_its_cell(row, place, words):
    (fault,) = read_statement(sheet([MARKED, row]), "marked", today=TODAY).faults
    assert (fault.row, fault.column) == place
    assert words in fault.reason


def test_a_head_that_states_no_amount_is_refused():
    for written in ("很多", "0.001"):
        with pytest.raises(Invalid, match="期初余额"):
            read_statement(sheet(
                [["期初余额", written], HEADS, ["2026-11-20", "S1", "", "1.00", "1.00", "", "", ""]]), "auto", today=TODAY)


def test_words_of_a_bank_charge_count_only_when_nobody_else_is_paid():
    from marketplace.payments.rules.lines import is_fee

    assert is_fee(name="", purpose="对公账户管理费")
    assert not is_fee(name="某某公司", purpose="手续费")
    assert not is_fee(name="", purpose="转账")


def test_the_code_of_a_payment_is_found_in_any_writing_and_not_inside_a_longer_one():
    from marketplace.payments.rules.orders import names_code, payment_code

    code = payment_code("FK-2026-0007", 1)
    assert code == "FK20260007-1"
    assert names_code("拨付ＦＫ20260007－1 节点", code)
    assert names_code("fk2026 0007-1", code)
    assert not names_code("FK20260007-12", code)


def test_only_the_last_digits_of_an_account_are_shown():
    from marketplace.payments.rules.accounts import masked

    assert (masked("6210000000001234"), masked("1234")) == ("****1234", "1234")
