"""Puts money into the demo world: funders, receiving account, pools with rules, pledges at every stage, one evening."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts import operations as accounts
from marketplace.accounts.models import Mandate, Person
from marketplace.contracts.models import Contract
from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.clock import at_beijing, beijing, beijing_date
from marketplace.core.money import Money
from marketplace.core.ports import FileStore, SheetCell, SheetTable
from marketplace.demo.operations.people import FOUNDED, actor_of
from marketplace.demo.operations.world import World
from marketplace.demo.rules import names
from marketplace.files import operations as files
from marketplace.files.rules import Purpose
from marketplace.funding import operations as funding
from marketplace.funding.models import Funder, Pledge
from marketplace.funding.rules.terms import RuleTerms
from marketplace.organizations import operations as organizations
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import STANDING_OF_KIND, OrganizationKind, Verification
from marketplace.payments import operations as payments
from marketplace.payments.models import ReceivingAccount
from marketplace.pledging import operations as pledging
from marketplace.pledging.rules import EventFacts, Footing
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState

FIRMS = ("澜川区恒屿建设有限公司", "澜川区云岭食品有限公司", "澜川区南岸物业服务有限公司", "澜川区青禾印务有限公司",
         "澜川区同舟物流有限公司", "澜川区望江酒店有限公司", "澜川区瑞和药业有限公司", "澜川区宏展五金有限公司",
         "澜川区金穗粮油有限公司", "澜川区朗润口腔门诊有限公司")
CHAMBER = "澜川区总商会"
PERSONS = ("何秀兰", "陈国栋", "林淑贞", "黄志远", "罗美珍", "梁伟强", "区慧仪", "冯志明", "苏婉仪", "邓耀辉", "谭丽华", "关永康",
           "潘雪梅", "霍启明")
SUMS = (5_000, 8_000, 10_000, 12_000, 20_000, 30_000)
OPENING_BALANCE = Money.yuan(86_400)
GIFTS_A_PROJECT = 3
OPEN_PROJECTS, CONTRACTED_PROJECTS = 8, 6
MOST_GUESTS = 40
LINE_SHARE = 50                                     # per cent of what is held that a first milestone releases
PROOF = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c02"
                      "0000000b4944415478da6364f80f0001"
                      "05010118d84d2d0000000049454e44ae426082")


@dataclass(frozen=True)
class Fund:
    """The foundation of the printed sign-ins: it receives, runs pools and hosts; and its two officers."""

    organization_id: int
    funder_id: int
    account_id: int
    first: Actor
    second: Actor


def register_givers(session: Session, world: World) -> None:
    """Register firms, a chamber, named persons and every verified foundation as funders."""
    began = world.now - FOUNDED + timedelta(days=40)
    for name in (*FIRMS, CHAMBER):
        kind = OrganizationKind.ASSOCIATION if name == CHAMBER else OrganizationKind.ENTERPRISE
        _register(session, world, name, kind, began)
    bodies = session.scalars(
        select(Organization).where(Organization.verification == Verification.VERIFIED,
                                   Organization.kind == OrganizationKind.FOUNDATION).order_by(Organization.id)).all()
    for body in bodies:
        _funder(session, body, "foundation", began, council_above=Money.yuan(100_000),
                net_assets_last_year=Money.yuan(8_600_000), income_last_year=Money.yuan(3_200_000))
    for name in PERSONS:
        funder = funding.register_funder(session, actor=SYSTEM, kind="person", person_name=name, now=began)
        funding.verify_funder(session, actor=SYSTEM, funder=funder, note="核对身份证件原件", now=began)


def _register(session: Session, world: World, name: str, kind: OrganizationKind, now: datetime) -> None:
    """Register and verify a firm or the chamber, and make it a funder."""
    leader = names.person_name(world.rng)
    bank_name, number = names.bank(world.rng)
    body = organizations.register(
        session, actor=SYSTEM, name=name, kind=kind, standing=STANDING_OF_KIND[kind], now=now,
        credit_code=names.credit_code(kind, world.next_code()), area_code=world.district.area_code,
        legal_representative=leader, contact_name=leader, contact_phone=names.mobile(world.next_phone()),
        bank_name=bank_name, bank_account=number, address=f"澜川区建设路 {world.rng.randrange(2, 188)} 号")
    organizations.verify(session, actor=SYSTEM, organization=body, now=now)
    _funder(session, body, "chamber_fund" if kind is OrganizationKind.ASSOCIATION else "firm", now)


def _funder(session: Session, body: Organization, kind: str, now: datetime, **facts: Money) -> None:
    """Register and verify a funder that is an organization; it pays from the account of its profile."""
    funder = funding.register_funder(session, actor=SYSTEM, kind=kind, organization=body, now=now,
                                     payer_accounts=body.bank_account or "", **facts)  # type: ignore[arg-type]
    funding.verify_funder(session, actor=SYSTEM, funder=funder, note="核对登记证书和开户许可", now=now)


def open_fund(session: Session, world: World, files_: FileStore) -> Fund:
    """Open the receiving account of the printed foundation, and give it a second officer for the second signature."""
    now = world.now - FOUNDED + timedelta(days=45)
    first = session.scalars(select(Person).where(Person.login == "funder@demo.example")).one()
    body = session.scalars(select(Organization).join(Mandate, Mandate.organization_id == Organization.id)
                           .where(Mandate.person_id == first.id)).one()
    second = accounts.open_account(session, actor=SYSTEM, login="funder-2@demo.example",
                                   name=names.person_name(world.rng), now=now)
    accounts.grant(session, actor=SYSTEM, person=second, organization_id=body.id, role=Role.FUNDER, now=now)
    second.email, second.password_hash, second.activated_at = second.login, first.password_hash, world.now
    world.sign_ins.append(("基金会项目官员（复核）", second.login, body.name))
    proof = files.store(session, actor=SYSTEM, store=files_, name="开户证明.png", data=PROOF, purpose=Purpose.CREDENTIAL,
                        now=now, organization_id=body.id)
    session.flush()
    files.record_scan(session, actor=SYSTEM, file=proof, verdict="clean", now=now)
    made = payments.add_account(session, actor=SYSTEM, organization=body, bank_name=body.bank_name or "澜川农商银行",
                                number=body.bank_account or "6210000000000001", proof_file=proof, now=now)
    operator = session.scalars(select(Person).where(Person.login == "operator@demo.example")).one()
    payments.verify_account(session, actor=actor_of(operator, None, Role.OPERATOR), account=made, now=now)
    funder = session.scalars(select(Funder).where(Funder.organization_id == body.id, Funder.fund_name == "")).one()
    session.flush()
    return Fund(body.id, funder.id, made.id, actor_of(first, body, Role.FUNDER), actor_of(second, body, Role.FUNDER))


def open_pools(session: Session, world: World, fund: Fund) -> None:
    """Open two pools of the printed foundation: one to one for the old, one to two for children and families."""
    funder, account = session.get_one(Funder, fund.funder_id), session.get_one(ReceivingAccount, fund.account_id)
    now = world.now - timedelta(days=180)
    for name, purpose, cap, terms in (
        ("银龄共餐配套资金", "支持社区为老年人提供助餐和上门服务", 600_000, RuleTerms(
            numerator=1, denominator=1, per_pledge_cap=Money.yuan(20_000), per_project_cap=Money.yuan(60_000),
            categories=("A0402",), floor=Money.yuan(1_000), floor_budget=Money.yuan(50_000),
            matches_verbal=True, priority=10)),
        ("社区儿童与家庭配套资金", "支持社区儿童陪伴、家庭探访和困境儿童关爱", 300_000, RuleTerms(
            numerator=1, denominator=2, per_donor_cap=Money.yuan(50_000), categories=("A0401", "A1003"), min_donors=2,
            priority=20)),
    ):
        pool = funding.open_pool(session, actor=fund.first, funder=funder, name=name, purpose=purpose,
                                 cap=Money.yuan(cap), terms=terms, receiver_account=account, now=now)
        funding.start_pool(session, actor=fund.second, pool=pool, now=now + timedelta(hours=3))


def promise_gifts(session: Session, world: World, fund: Fund) -> None:
    """Let givers promise: by word and by signed paper for open projects, signed for contracted ones."""
    receiver = session.get_one(Organization, fund.organization_id)
    account = session.get_one(ReceivingAccount, fund.account_id)
    givers = session.scalars(select(Funder).where(Funder.id != fund.funder_id).order_by(Funder.id)).all()
    turn = 0
    for project, at in _projects(session, world):
        for gift in range(GIFTS_A_PROJECT):
            giver = givers[turn % len(givers)]
            amount, turn = Money.yuan(SUMS[turn * 5 % len(SUMS)]), turn + 1
            now = at + timedelta(hours=2 * gift)
            if gift == 0 and not project.contracted_at:
                funding.promise(
                    session, actor=fund.first, funder=giver, project=project, receiver=receiver, amount=amount, now=now,
                    account=account, is_verbal=True, round_ref="demo", client_key=f"demo:{giver.ref}:{project.ref}")
                continue
            paper = funding.prepare_commitment(session, actor=SYSTEM, funder=giver, project=project, amount=amount,
                                               receiver=receiver, account=account, now=now)
            funding.approve_commitment(session, actor=SYSTEM, commitment=paper, now=now + timedelta(hours=1))


def _projects(session: Session, world: World) -> list[tuple[Project, datetime]]:
    """Return the projects that get money, each with the moment of its first promise."""
    wanted = []
    for state, count, back in ((ProjectState.CONTRACTED, CONTRACTED_PROJECTS, 20),
                               (ProjectState.PUBLISHED, OPEN_PROJECTS, 2)):
        rows = session.scalars(select(Project).where(Project.state == state, Project.takes_matching)
                               .order_by(Project.published_at, Project.id).limit(count))
        wanted += [(project, world.now - timedelta(days=back, hours=number)) for number, project in enumerate(rows)]
    return wanted


def bring_money(session: Session, world: World, fund: Fund) -> None:
    """Let the bank's statement bring what was signed for contracted projects; the fund confirms and releases a part."""
    account = session.get_one(ReceivingAccount, fund.account_id)
    due = session.scalars(
        select(Pledge).join(Project, Project.id == Pledge.project_id)
        .where(Pledge.kind == "own", Pledge.signed_at.is_not(None), Project.state == ProjectState.CONTRACTED)
        .order_by(Pledge.id)).all()
    if not due:
        return
    _statement(session, fund, account, due, world.now - timedelta(days=12))
    now = world.now - timedelta(days=11)
    for number, pledge in enumerate(due):
        if number % 4 != 3:  # noqa: PLR2004 - every fourth waits to be confirmed
            funding.confirm(session, actor=fund.second, pledge=pledge, amount=pledge.paid, now=now,
                            idem_key=f"demo:confirm:{pledge.ref}")
    for pledge in due[::5]:
        _release(session, fund, pledge, world.now - timedelta(days=6))


def _statement(session: Session, fund: Fund, account: ReceivingAccount, due: Sequence[Pledge], now: datetime) -> None:
    """Import a statement with one line for each pledge and one that nobody can place; identify what is sure."""
    day, balance = beijing(now).date().isoformat(), OPENING_BALANCE
    rows = [["期初余额", balance.plain()], ["交易日期", "流水号", "借方发生额", "贷方发生额", "余额", "对方户名", "对方账号", "摘要"]]
    paid = [(pledge.amount, pledge.funder.name, pledge.funder.payer_accounts, f"认捐款 {pledge.code}") for pledge in due]
    for number, (amount, name, number_of, purpose) in enumerate([*paid, (Money.yuan(3_000), "澜川某热心企业", "", "爱心款")], 1):
        balance += amount
        rows.append([day, f"DEMO{now:%Y%m%d}{number:04d}", "", amount.plain(), balance.plain(), name, number_of,
                     purpose])
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    payments.import_statement(
        session, actor=fund.first, account=account, name="对账单（演示）.csv", data=text.getvalue().encode(),
        tables=[SheetTable("对账单", [[SheetCell(cell) for cell in row] for row in rows])], mapping="debit_credit",
        now=now)
    session.flush()
    funding.match_lines(session, actor=fund.first, account=account, now=now)
    for pledge in due:
        session.refresh(pledge)


def _release(session: Session, fund: Fund, pledge: Pledge, now: datetime) -> None:
    """Propose half of what is held for the first milestone, and let the second officer confirm it where he may."""
    part = Money(pledge.held.fen * LINE_SHARE // 100)
    provider = session.scalar(select(Contract.provider_id).where(Contract.project_id == pledge.project_id))
    if not part.fen or provider is None:
        return
    funding.propose_release(session, actor=fund.first, pledge=pledge, milestone=1, amount=part,
                            payee=session.get_one(Organization, provider), evidence="首期服务台账和签到表已核对，与计划一致", now=now)


def set_up_evening(session: Session, world: World, fund: Fund) -> None:
    """Prepare a pledging event for next week: guest list, paddles, no round yet."""
    account = session.get_one(ReceivingAccount, fund.account_id)
    host = session.get_one(Organization, fund.organization_id)
    event = pledging.create_event(
        session, actor=fund.first, host=host, account=account, now=world.now - timedelta(days=8),
        facts=EventFacts(title="银龄共餐认捐会", place="澜川区社会组织服务中心",
                         starts_at=at_beijing(beijing_date(world.now) + timedelta(days=6), 19, 30)))
    pledging.choose_footing(session, actor=fund.first, event=event, footing=Footing.GUEST_LIST,
                            now=world.now - timedelta(days=7))
    givers = session.scalars(select(Funder).where(Funder.verified_at.is_not(None), Funder.id != fund.funder_id)
                             .order_by(Funder.kind, Funder.id).limit(MOST_GUESTS)).all()
    for giver in givers:
        pledging.add_guest(session, actor=fund.first, event=event, funder=giver, now=world.now - timedelta(days=6))


def add_money(session: Session, world: World, files_: FileStore) -> None:
    """Do all of it in one transaction: givers, fund, pools, promises, money, the evening."""
    register_givers(session, world)
    fund = open_fund(session, world, files_)
    open_pools(session, world, fund)
    session.flush()
    promise_gifts(session, world, fund)
    session.flush()
    bring_money(session, world, fund)
    set_up_evening(session, world, fund)


