"""The money of the world's foundation: an account with two statements, lines that wait, an order, a receipt."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.queries import load_actor
from marketplace.core.access import SYSTEM, Role
from marketplace.core.clock import beijing_date
from marketplace.core.money import Money
from marketplace.files.operations import record_scan, store
from marketplace.funding import operations as funding
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import OrganizationKind
from marketplace.payments import operations as payments
from marketplace.payments.models import BankLine, ReceivingAccount
from marketplace.payments.rules.orders import PaymentKind
from marketplace.payments.rules.receipts import ReceiptFacts, ReceiptKind
from marketplace.projects.models import Project
from marketplace.web.services import services
from tests.factories.accounts import actor_of, make_person
from tests.factories.organizations import make_organization
from tests.factories.payments import PNG, came, debit_credit, went

GIVER = "云岭商会公益基金会"
CSV = "交易日期,流水号,借方发生额,贷方发生额,余额,对方户名,对方账号,摘要\n{day},W900,,1.2万,1.00,某公司,,捐\n{day},W901,,2.00,9.00,某公司,,=1+1\n"


def build_treasury(session: Session, *, foundation: Organization, project: Project, treasurer_id: int,
                   now: datetime) -> dict[str, object]:
    """Return the references of the account, one that waits, lines, an order, a pledge without receipt, an upload."""
    made, day = now - timedelta(days=20), beijing_date(now - timedelta(days=3)).isoformat()
    treasurer = load_actor(session, treasurer_id)
    account = _account(session, foundation, "6200990087654321", made)
    project.takes_matching = True
    body = make_organization(session, name=GIVER, kind=OrganizationKind.FOUNDATION, now=made, legal_representative="甘理事",
                             contact_phone="13911110001")
    funder = funding.register_funder(session, actor=SYSTEM, kind="foundation", organization=body, now=made)
    funding.verify_funder(session, actor=SYSTEM, funder=funder, note="核对登记证书", now=made)
    pledges = [funding.promise(session, actor=SYSTEM, funder=funder, project=project, receiver=foundation, account=account,
                               amount=Money.yuan(yuan), client_key=f"treasury-{yuan}", now=made) for yuan in (20_000, 8_000, 5_000)]
    lines = [
        came("20000.00", name=GIVER, account="6222000000000001", purpose=f"认捐 {pledges[0].code}", day=day, serial="W001"),
        came("13000.00", name="云岭商会公益基金", account="6222000000000002", purpose="两笔一起付", day=day, serial="W002"),
        came("66.00", name="周女士", account="6222000000000003", purpose="捐", day=day, serial="W003"),
        came("88.00", name="李先生", account="6222000000000004", purpose="爱心", day=day, serial="W004"),
        went("500.00", name="澜川区某服务中心", account="6222000000000005", purpose="拨付", day=day, serial="W005"),
        went("15.00", purpose="账户管理费", day=day, serial="W006")]
    payments.import_statement(session, actor=treasurer, account=account, name="11月对账单.xlsx", data=b"world", now=now,
                              tables=debit_credit(lines, opening="50000.00"), mapping="debit_credit")
    funding.match_lines(session, actor=treasurer, account=account, now=now)
    funding.confirm(session, actor=treasurer, pledge=pledges[0], amount=Money.yuan(20_000), idem_key="treasury", now=now)
    funding.record_receipt(session, actor=treasurer, pledge=pledges[0], now=now, facts=ReceiptFacts(
        ReceiptKind.DONATION, "00012345", Money.yuan(15_000), beijing_date(now), "4401"))
    found = {line.serial: line for line in session.scalars(select(BankLine).where(BankLine.account_id == account.id))}
    waiting = funding.prepare_order(session, actor=treasurer, account=account, now=now,
                                    subjects=[(PaymentKind.RETURN, found["W003"].ref)])
    approved = funding.prepare_order(session, actor=treasurer, account=account, now=now,
                                     subjects=[(PaymentKind.RETURN, found["W004"].ref)])
    second = actor_of(session, make_person(session, name="方三", role=Role.FUNDER, organization_id=foundation.id, now=made))
    funding.approve_order(session, actor=second, order=approved, now=now)
    upload = store(session, actor=treasurer, store=services().files, name="有问题的对账单.csv", data=CSV.format(day=day).encode(),
                   purpose="import_sheet", now=now, organization_id=foundation.id)
    other = _account(session, foundation, "6200990011112222", made, is_verified=False)
    session.flush()
    return {"money_account": account.ref, "money_account_waiting": other.ref, "money_line": found["W002"].ref,
            "money_line_done": found["W001"].ref, "money_line_out": found["W005"].ref, "money_order": waiting.ref,
            "money_order_approved": approved.ref, "money_pledge": pledges[0].ref, "money_upload": upload.ref}


def _account(session: Session, foundation: Organization, number: str, made: datetime, *,
             is_verified: bool = True) -> ReceivingAccount:
    """Add an account with a checked proof."""
    proof = store(session, actor=SYSTEM, store=services().files, name="开户证明.png", data=PNG, purpose="credential", now=made,
                  organization_id=foundation.id)
    session.flush()
    record_scan(session, actor=SYSTEM, file=proof, verdict="clean", now=made)
    account = payments.add_account(session, actor=SYSTEM, organization=foundation, bank_name="澜川农商银行桐浦支行", number=number,
                                   now=made, proof_file=proof)
    if is_verified:
        operator = actor_of(session, make_person(session, name="核验员", role=Role.OPERATOR, now=made))
        payments.verify_account(session, actor=operator, account=account, now=made)
    return account
