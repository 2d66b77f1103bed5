"""Receiving accounts, statements and their lines, made by the real operations."""

from collections.abc import Sequence
from itertools import count

from sqlalchemy.orm import Session

from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.ports import FileStore, SheetCell, SheetTable
from marketplace.files import operations as files
from marketplace.files.models import StoredFile
from marketplace.files.rules import Purpose
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import OrganizationKind
from marketplace.payments import operations
from marketplace.payments.models import BankStatement, ReceivingAccount
from tests.factories import NOW
from tests.factories.accounts import actor_of, make_person
from tests.factories.organizations import make_organization

PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f0001"
                    "05010118d84d2d0000000049454e44ae426082")
_numbers = count(6_210_000_001)
_serials = count(1)


def make_treasurer(session: Session, organization: Organization, *, role: Role = Role.PROVIDER_ADMIN,
                   name: str = "方会计") -> Actor:
    """A person of the organization with an account of his own, as the actor of his requests."""
    return actor_of(session, make_person(session, name=name, role=role, organization_id=organization.id))


def make_operator(session: Session) -> Actor:
    """An operator of the platform with an account of his own."""
    return actor_of(session, make_person(session, name="何伟", role=Role.OPERATOR))


class _Kept:
    """A file store that keeps bytes nowhere: the proof of a test account is never read."""

    def put(self, data: bytes) -> str:
        import hashlib

        return hashlib.sha256(data).hexdigest()


def make_proof(session: Session, owner: Organization, store: FileStore | None = None) -> StoredFile:
    """A checked picture of the bank's proof."""
    stored = files.store(session, actor=SYSTEM, store=store or _Kept(), name="开户证明.png", data=PNG,  # type: ignore[arg-type]
                         purpose=Purpose.CREDENTIAL, now=NOW, organization_id=owner.id)
    session.flush()
    files.record_scan(session, actor=SYSTEM, file=stored, verdict="clean", now=NOW)
    return stored


def make_account(session: Session, organization: Organization | None = None, *, is_verified: bool = True,
                 number: str = "", now: object = NOW) -> ReceivingAccount:
    """A bank account in the name of a foundation (or of `organization`), verified unless asked otherwise."""
    owner = organization or make_organization(session, kind=OrganizationKind.FOUNDATION)
    account = operations.add_account(
        session, actor=SYSTEM, organization=owner, now=now, bank_name="澜川农商银行桐浦支行",
        number=number or str(next(_numbers)), proof_file=make_proof(session, owner))
    if is_verified:
        operations.verify_account(session, actor=make_operator(session), account=account, now=now)
    return account


Line = tuple[str, str, str, str, str, str, str]     # day, serial, out, in, name, account, purpose


def debit_credit(lines: Sequence[Line], *, opening: str = "10000.00", number: str = "") -> list[SheetTable]:
    """A sheet of the layout with two columns; balances follow from the lines unless a line gives its own as eighth."""
    heads = ("交易日期", "流水号", "借方发生额", "贷方发生额", "余额", "对方户名", "对方账号", "摘要")
    fen = int(opening.replace(".", ""))
    rows: list[list[str]] = [["账号", number] if number else ["示例银行对账单"], ["期初余额", opening], list(heads)]
    for day, serial, out, into, *rest in lines:
        fen += _fen(into) - _fen(out)
        balance = rest[3] if len(rest) > 3 else f"{fen // 100}.{fen % 100:02d}"
        rows.append([day, serial, out, into, balance, *rest[:3]])
    return sheet(rows)


def _fen(text: str) -> int:
    try:
        return round(float(text.replace(",", "")) * 100) if text else 0
    except ValueError:
        return 0


def sheet(rows: Sequence[Sequence[str]], *, formulas: Sequence[tuple[int, int]] = ()) -> list[SheetTable]:
    """One sheet of text cells."""
    return [SheetTable("对账单", [[SheetCell(text) for text in row] for row in rows], formulas=tuple(formulas))]


def came(amount: str, *, name: str = "", account: str = "", purpose: str = "", day: str = "2026-11-20",
         serial: str = "") -> Line:
    """A line of money that came."""
    return (day, serial or f"S{next(_serials):08d}", "", amount, name, account, purpose)


def went(amount: str, *, name: str = "", account: str = "", purpose: str = "", day: str = "2026-11-20",
         serial: str = "") -> Line:
    """A line of money that went."""
    return (day, serial or f"S{next(_serials):08d}", amount, "", name, account, purpose)


def import_lines(session: Session, account: ReceivingAccount, *lines: Line, actor: Actor = SYSTEM,
                 **options: object) -> BankStatement:
    """Import a statement that consists of these lines and follows the one before."""
    from sqlalchemy import select

    last = session.scalar(select(BankStatement).where(BankStatement.account_id == account.id)
                          .order_by(BankStatement.id.desc()).limit(1))
    opening = last.closing.plain() if last is not None and last.closing is not None else "10000.00"
    return operations.import_statement(
        session, actor=actor, account=account, name="对账单.csv", data=repr(lines).encode(),
        tables=debit_credit(lines, opening=opening), mapping="debit_credit", now=NOW, **options)  # type: ignore[arg-type]
