"""The layouts of statements that can be read, by name. All of them are invented: none is a bank's published format.

A layout says how a bank calls its columns. `docs/statements.md` tells how to add that of a real bank.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from marketplace.core.text import N_

AUTOMATIC = "auto"


class Style(StrEnum):
    """How a layout says which way the money went."""

    TWO_COLUMNS = "two_columns"    # one column for money out, one for money in
    MARKED = "marked"              # one column of amounts, one that says 借 (out) or 贷 (in)
    SIGNED = "signed"              # one column; less than zero is out


@dataclass(frozen=True)
class StatementMapping:
    """How one layout calls its columns. A column is found by any of its headings; `purpose` may join several."""

    name: str
    label: str
    style: Style
    columns: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...]

    @property
    def has_serials(self) -> bool:
        """Say whether the bank numbers its lines."""
        return "serial" in self.columns

    @property
    def has_balances(self) -> bool:
        """Say whether a balance stands beside each line, so that a missing line shows."""
        return "balance" in self.columns


MAPPINGS: Mapping[str, StatementMapping] = {mapping.name: mapping for mapping in (
    StatementMapping("debit_credit", N_("借贷两列（支出、收入分列，带流水号和余额）"), Style.TWO_COLUMNS, {
        "date": ("交易日期", "入账日期"), "serial": ("流水号", "交易流水号"),
        "out": ("借方发生额", "支出金额"), "in": ("贷方发生额", "收入金额"), "balance": ("余额", "账户余额"),
        "name": ("对方户名",), "account": ("对方账号",), "purpose": ("摘要", "附言", "用途"),
    }, ("date", "serial", "out", "in", "balance", "purpose")),
    StatementMapping("marked", N_("借贷标志列（一列金额、一列借贷标志，带手续费列）"), Style.MARKED, {
        "date": ("记账日期",), "serial": ("交易流水",), "mark": ("借贷标志",), "amount": ("交易金额",),
        "fee": ("手续费",), "balance": ("账户余额",), "name": ("对方名称",), "account": ("对方账户",),
        "purpose": ("交易用途", "备注"),
    }, ("date", "serial", "mark", "amount", "balance", "purpose")),
    StatementMapping("signed", N_("正负金额列（支出为负，没有流水号和余额）"), Style.SIGNED, {
        "date": ("日期",), "amount": ("收支金额",), "name": ("对方单位",), "account": ("对方单位账号",),
        "purpose": ("说明", "附言"),
    }, ("date", "amount", "purpose")),
)}
FIELD_LABELS: Mapping[str, str] = {
    "date": N_("日期"), "serial": N_("流水号"), "out": N_("支出"), "in": N_("收入"), "mark": N_("借贷标志"), "amount": N_("金额"),
    "fee": N_("手续费"), "balance": N_("余额"), "name": N_("对方户名"), "account": N_("对方账号"), "purpose": N_("摘要和附言"),
}
MARKS: Mapping[str, str] = {
    "借": "out", "贷": "in", "d": "out", "c": "in", "支出": "out", "收入": "in", "往账": "out", "来账": "in"}
OPENING, CLOSING, OWN_NUMBER = "opening", "closing", "number"
HEADER_FACTS: Mapping[str, tuple[str, ...]] = {
    OPENING: ("期初余额", "上期余额"), CLOSING: ("期末余额", "本期余额"), OWN_NUMBER: ("账号", "本方账号", "查询账号"),
}
