"""Importing a statement: every new line once, in one transaction, with its postings."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.clock import beijing_date
from marketplace.core.db import new_ref
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.money import Money
from marketplace.core.ports import SheetTable
from marketplace.core.text import N_
from marketplace.files.models import StoredFile
from marketplace.ledger.operations import post
from marketplace.ledger.rules import AccountKind, Posting
from marketplace.ledger.rules import account as code
from marketplace.payments import policy
from marketplace.payments.models import BankLine, BankStatement, ReceivingAccount
from marketplace.payments.rules.accounts import masked
from marketplace.payments.rules.lines import Direction
from marketplace.payments.rules.running import Break, StatementRow
from marketplace.payments.rules.statements import Reading, read_statement

MOST_IN_QUERY = 500


@dataclass(frozen=True)
class Preview:
    """What an import would do: `known` rows stood in an earlier statement; `gap`: this one does not follow the last.

    `twins`: new by their number, yet a statement of another layout, which numbers lines otherwise, had the same.
    """

    reading: Reading
    new: Sequence[StatementRow]
    known: Sequence[StatementRow]
    differing: Sequence[StatementRow]
    gap: Break | None
    imported_before: BankStatement | None
    twins: Sequence[StatementRow] = ()

    @property
    def needs_word(self) -> bool:
        """Say whether somebody must confirm that lines are missing before this is taken."""
        return bool(self.reading.breaks or self.gap)

    @property
    def is_takable(self) -> bool:
        """Say whether nothing stands against the import but perhaps a confirmation."""
        return not (self.reading.faults or self.differing or self.twins or self.imported_before) and bool(self.new)


def check_statement(session: Session, *, actor: Actor, account: ReceivingAccount, data: bytes,
                    tables: Sequence[SheetTable], mapping: str, now: datetime) -> Preview:
    """Read a statement and say what importing it would do. Changes nothing.

    Raises Invalid when the layout is not known or the statement is of another account.
    """
    require(policy.may_use(actor, account))
    reading = read_statement(tables, mapping, today=beijing_date(now))
    if reading.number and reading.number != account.number:
        raise Invalid(N_("这份对账单是账号 {found} 的，不是 {own} 的。请选对账户"), field="file",
                      found=masked(reading.number), own=masked(account.number))
    known = _known(session, account, [row.serial for row in reading.rows])
    same = [row for row in reading.rows if row.serial in known]
    new = [row for row in reading.rows if row.serial not in known]
    elsewhere = _of_other_layouts(session, account, reading)
    return Preview(
        reading, new, same,
        [row for row in same if known[row.serial] != (row.booked_on, row.direction, row.amount)],
        _gap(session, account, reading), _imported_before(session, account, data),
        [row for row in new if (row.booked_on, row.direction, row.amount) in elsewhere])


def _known(session: Session, account: ReceivingAccount, serials: Sequence[str]) -> Mapping[str, tuple[object, ...]]:
    """Return the lines of the account among `serials`: number -> (day, direction, amount)."""
    found: dict[str, tuple[object, ...]] = {}
    for start in range(0, len(serials), MOST_IN_QUERY):
        rows = session.execute(select(BankLine.serial, BankLine.booked_on, BankLine.direction, BankLine.amount).where(
            BankLine.account_id == account.id, BankLine.serial.in_(serials[start:start + MOST_IN_QUERY])))
        found.update({row[0]: (row[1], row[2], row[3]) for row in rows})
    return found


def _of_other_layouts(session: Session, account: ReceivingAccount, reading: Reading) -> set[tuple[object, ...]]:
    """Return (day, direction, amount) of what statements of other layouts had on the same days."""
    if reading.from_on is None or reading.to_on is None:
        return set()
    rows = session.execute(
        select(BankLine.booked_on, BankLine.direction, BankLine.amount).join(BankLine.statement)
        .where(BankLine.account_id == account.id, BankStatement.mapping != reading.mapping.name,
               BankLine.booked_on.between(reading.from_on, reading.to_on)))
    return {(row[0], row[1], row[2]) for row in rows}


def _imported_before(session: Session, account: ReceivingAccount, data: bytes) -> BankStatement | None:
    """Return the statement that was made from the same bytes."""
    return session.scalar(select(BankStatement).where(
        BankStatement.account_id == account.id, BankStatement.sha256 == hashlib.sha256(data).hexdigest()))


def _gap(session: Session, account: ReceivingAccount, reading: Reading) -> Break | None:
    """Return the difference to the statement before, where this one begins after its end."""
    if reading.opening is None or reading.from_on is None:
        return None
    before = session.scalar(
        select(BankStatement).where(BankStatement.account_id == account.id, BankStatement.closing.is_not(None))
        .order_by(BankStatement.to_on.desc(), BankStatement.id.desc()).limit(1))
    if before is None or before.closing is None or before.to_on is None or before.to_on >= reading.from_on:
        return None
    return None if before.closing == reading.opening else Break(0, before.closing, reading.opening)


def import_statement(session: Session, *, actor: Actor, account: ReceivingAccount, name: str, data: bytes,
                     tables: Sequence[SheetTable], mapping: str, now: datetime, gaps_known: bool = False,
                     ) -> BankStatement:
    """Take a statement: each new line becomes a row and a journal. Lines of earlier statements are left alone.

    Raises Invalid for a bad row, Conflict for the same file again, and for balances that break (a line is missing)
    unless `gaps_known`: then a person has said that he knows. Imports into one account happen one after the other.
    """
    session.refresh(account, with_for_update={"of": ReceivingAccount, "key_share": True})
    found = check_statement(session, actor=actor, account=account, data=data, tables=tables, mapping=mapping, now=now)
    _refuse(found, gaps_known=gaps_known)
    reading = found.reading
    statement = BankStatement(
        ref=new_ref(), account=account, file_name=name, sha256=hashlib.sha256(data).hexdigest(),
        mapping=reading.mapping.name, from_on=reading.from_on, to_on=reading.to_on, opening=reading.opening,
        closing=reading.closing, lines_new=len(found.new), lines_known=len(found.known), has_gaps=found.needs_word,
        imported_by=actor.person_id, imported_at=now)
    session.add(statement)
    session.flush()
    for row in found.new:
        _book(session, actor=actor, statement=statement, row=row, now=now)
    record(session, actor=actor, action="payments.import_statement", subject=("bank_statement", statement.ref), now=now,
           account=account.ref, sha256=statement.sha256, new=len(found.new), known=len(found.known),
           gaps=found.needs_word)
    return statement


def keep_file(statement: BankStatement, file: StoredFile) -> None:
    """Remember the uploaded file of a statement."""
    statement.file = file


def _refuse(found: Preview, *, gaps_known: bool) -> None:
    """Raise for what stands against an import."""
    if found.imported_before is not None:
        raise Conflict(N_("这个文件已经导入过，没有重复入账"))
    if found.reading.faults:
        fault = found.reading.faults[0]
        raise Invalid(N_("第 {row} 行 {column} 列有问题，共 {count} 处。整份对账单都没有导入"), field="file", row=fault.row,
                      column=fault.column, count=len(found.reading.faults))
    if found.differing:
        raise Conflict(N_("流水号 {serial} 以前导入过，但日期或金额和这次不同。请先向银行核实"),
                       serial=found.differing[0].serial)
    if found.twins:
        raise Conflict(N_("{day} 的 {amount} 元用另一种版式导入过。同一天的明细请一直用同一种版式，以免重复入账"),
                       day=found.twins[0].booked_on.isoformat(), amount=found.twins[0].amount.grouped())
    if not found.new:
        raise Conflict(N_("这份对账单的每一笔都已经导入过，没有新的明细"))
    if found.needs_word and not gaps_known:
        raise Invalid(N_("余额接不上，可能漏了明细。请补全对账单，或确认后再导入"), field="gaps_known")


def _book(session: Session, *, actor: Actor, statement: BankStatement, row: StatementRow, now: datetime) -> None:
    """Write one line and its journal: what came lies in suspense until somebody says whose it is."""
    account_ref = statement.account.ref
    line = BankLine(
        ref=new_ref(), account_id=statement.account_id, statement_id=statement.id, position=row.row, serial=row.serial,
        booked_on=row.booked_on, direction=row.direction, amount=row.amount, fee=row.fee, balance=row.balance,
        payer_name=row.name, payer_account=row.account, purpose=row.purpose)
    session.add(line)
    session.flush()
    cash, suspense = code(AccountKind.CASH_BANK, account_ref), code(AccountKind.SUSPENSE, account_ref)
    sides = (cash, suspense) if row.direction is Direction.IN else (suspense, cash)
    postings = [Posting(*sides, row.amount)]
    if row.fee > Money(0):
        postings.append(Posting(code(AccountKind.FEE, account_ref), cash, row.fee))
    post(session, actor=actor, idem_key=f"bank-line:{line.ref}", kind=f"bank.{row.direction}",
         subject=("bank_line", line.ref), postings=postings, now=now)
