"""Funders, receivers with accounts, projects that take gifts, pledges in every state: made by the real operations."""

from dataclasses import dataclass
from itertools import count

from sqlalchemy.orm import Session

from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.money import Money
from marketplace.funding import operations
from marketplace.funding.models import Funder, MatchingPool, Pledge, Release
from marketplace.funding.rules.terms import RuleTerms
from marketplace.ledger.rules import AccountKind, account
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import OrganizationKind
from marketplace.payments.models import ReceivingAccount
from marketplace.projects.models import Project
from tests.factories import NOW
from tests.factories.accounts import actor_of, make_person
from tests.factories.organizations import make_organization
from tests.factories.payments import make_account
from tests.factories.projects import Desk, make_desk, make_published

_keys = count(1)
TEN_THOUSAND, HUNDRED_THOUSAND = Money.yuan(10_000), Money.yuan(100_000)


@dataclass(frozen=True)
class World:
    """A project that takes gifts, its buyer's people, and the foundation that receives, with its account."""

    desk: Desk
    project: Project
    receiver: Organization
    account: ReceivingAccount

    @property
    def suspense(self) -> str:
        """The ledger account on which identified money waits."""
        return account(AccountKind.SUSPENSE, self.account.ref)

    @property
    def stripe(self) -> str:
        """The ledger account of the receiver's card money."""
        return account(AccountKind.CASH_STRIPE, self.account.ref)


def make_world(session: Session, *, takes_matching: bool = True, **changes: object) -> World:
    """A published project whose notice says that it takes gifts, and a verified receiver."""
    desk = make_desk(session)
    project = make_published(session, desk, **changes)
    project.takes_matching = takes_matching
    receiver = make_organization(session, kind=OrganizationKind.FOUNDATION, legal_representative="汪海",
                                 contact_phone="13800009999")
    session.flush()
    return World(desk, project, receiver, make_account(session, receiver))


def make_funder(session: Session, *, kind: str = "foundation", is_verified: bool = True,
                organization: Organization | None = None, **facts: object) -> Funder:
    """A verified foundation that gives; its body shares nothing with the receiver of `make_world`."""
    number = next(_keys)
    if organization is None and kind != "person":
        body = OrganizationKind.ENTERPRISE if kind == "firm" else OrganizationKind.FOUNDATION
        organization = make_organization(session, kind=body, legal_representative=f"理事{number}",
                                         contact_phone=f"139{number:08d}")
    if kind == "person":
        facts.setdefault("person_name", f"陈先生{number}")
    funder = operations.register_funder(session, actor=SYSTEM, kind=kind, organization=organization, now=NOW,
                                        **facts)  # type: ignore[arg-type]
    if is_verified:
        operations.verify_funder(session, actor=SYSTEM, funder=funder, note="核对登记证书和法定代表人证明", now=NOW)
    return funder


def officer(session: Session, funder: Funder, *, name: str = "沈官员", role: Role = Role.FUNDER) -> Actor:
    """A person of the funder with an account of his own."""
    return actor_of(session, make_person(session, name=name, role=role, organization_id=funder.organization_id))


def keeper(session: Session, world: World, *, name: str = "方会计") -> Actor:
    """A person of the body that receives."""
    return actor_of(session, make_person(session, name=name, role=Role.PROVIDER_ADMIN,
                                         organization_id=world.receiver.id))


def make_pledge(session: Session, world: World, *, funder: Funder | None = None, amount: Money = TEN_THOUSAND,
                client_key: str = "", now: object = NOW, **facts: object) -> Pledge:
    """A promise of 10,000 yuan, signed unless `is_verbal`."""
    facts.setdefault("account", world.account)
    return operations.promise(
        session, actor=SYSTEM, funder=funder or make_funder(session), project=world.project, receiver=world.receiver,
        amount=amount, client_key=client_key or f"form-{next(_keys)}", now=now, **facts)  # type: ignore[arg-type]


def paid(session: Session, world: World, pledge: Pledge, amount: Money | None = None, *, now: object = NOW) -> Pledge:
    """Its money arrives at the receiver's account (all of it unless `amount` is given)."""
    operations.arrive(session, actor=SYSTEM, pledge=pledge, amount=amount or pledge.open, now=now,
                      from_account=world.suspense, idem_key=f"line-{next(_keys)}")  # type: ignore[arg-type]
    return pledge


def held(session: Session, world: World, pledge: Pledge, amount: Money | None = None, *, now: object = NOW) -> Pledge:
    """Its money arrives and the receiver confirms it."""
    paid(session, world, pledge, amount, now=now)
    operations.confirm(session, actor=SYSTEM, pledge=pledge, amount=amount or pledge.paid, now=now,
                       idem_key=f"confirm-{next(_keys)}")  # type: ignore[arg-type]
    return pledge


def proposed(session: Session, world: World, pledge: Pledge, amount: Money | None = None, *,
             payee: Organization | None = None) -> Release:
    """The buyer's handler proposes to release held money for the first milestone."""
    return operations.propose_release(
        session, actor=world.desk.handler, pledge=pledge, milestone=1, amount=amount or pledge.held,
        payee=payee or make_organization(session, legal_representative="邓林", contact_phone="13700007777"),
        evidence="首付条件已满足：合同已签订并备案", now=NOW)


def released(session: Session, world: World, pledge: Pledge, amount: Money | None = None) -> Release:
    """A second person of the buyer confirms the release."""
    release = proposed(session, world, pledge, amount)
    operations.confirm_release(session, actor=world.desk.approver, release=release, now=NOW)
    return release


def make_pool(session: Session, *, funder: Funder | None = None, cap: Money = HUNDRED_THOUSAND, ratio: tuple[int, int] = (1, 1),
              name: str = "社区配捐池", is_open: bool = True, facts: dict[str, object] | None = None,
              **terms: object) -> MatchingPool:
    """A pool of 100,000 yuan that matches 1:1, open; `terms` are those of its rule, `facts` those of the pool."""
    numerator, denominator = ratio
    rule = RuleTerms(numerator=numerator, denominator=denominator, **terms)  # type: ignore[arg-type]
    pool = operations.open_pool(session, actor=SYSTEM, funder=funder or make_funder(session), name=name, cap=cap,
                                terms=rule, now=NOW, **(facts or {}))  # type: ignore[arg-type]
    if is_open:
        operations.start_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    return pool
