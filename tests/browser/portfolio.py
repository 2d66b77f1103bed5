"""The foundation of the world as a funder: pools, pledges in several states, a paper and a release that wait, a flag."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from marketplace.accounts.queries import load_actor
from marketplace.agreements import operations as agreements
from marketplace.core.access import SYSTEM
from marketplace.core.money import Money
from marketplace.funding import operations as funding
from marketplace.funding.models import Funder
from marketplace.funding.rules.gaming import FlagKind
from marketplace.funding.rules.terms import RuleTerms
from marketplace.ledger.rules import AccountKind, account
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import OrganizationKind
from marketplace.payments.models.bank import ReceivingAccount
from marketplace.projects.models import Project
from tests.factories.organizations import make_organization
from tests.factories.payments import make_account

RECEIVER = "澜川区慈善会公益发展基金会"
GIVER = "望江社区公益基金会"
WAITING = "恒屿国有资产经营有限公司"


def build_portfolio(session: Session, *, foundation: Organization, project: Project, people: dict[str, int],
                    now: datetime) -> dict[str, str]:
    """Return the references of the pools, pledges, the paper, the release, a funder that waits for its check."""
    made = now - timedelta(days=40)
    officer, handler = load_actor(session, people["funder"]), load_actor(session, people["handler"])
    receiver = make_organization(session, name=RECEIVER, kind=OrganizationKind.FOUNDATION, now=made,
                                 legal_representative="贺会长", contact_phone="13922220001")
    books = make_account(session, receiver, number="6200990055554444", now=made)
    funder = funding.register_funder(
        session, actor=SYSTEM, kind="foundation", organization=foundation, now=made, council_above=Money.yuan(100_000),
        income_last_year=Money.yuan(2_600_000), net_assets_last_year=Money.yuan(9_000_000))
    funding.verify_funder(session, actor=SYSTEM, funder=funder, note="核对登记证书", now=made)
    firm = make_organization(session, name=WAITING, kind=OrganizationKind.ENTERPRISE, now=made,
                             legal_representative="段经理", contact_phone="13922220002")
    waiting = funding.register_funder(session, actor=SYSTEM, kind="firm", organization=firm, is_state_owned=True, now=made)
    giver = funding.register_funder(session, actor=SYSTEM, kind="foundation", organization=make_organization(
        session, name=GIVER, kind=OrganizationKind.FOUNDATION, now=made, legal_representative="陶理事",
        contact_phone="13922220003"), now=made)
    funding.verify_funder(session, actor=SYSTEM, funder=giver, note="核对登记证书", now=made)
    pool = funding.open_pool(session, actor=officer, funder=funder, name="银龄共餐配套资金", cap=Money.yuan(500_000), now=made,
                             terms=RuleTerms(numerator=1, denominator=2, per_project_cap=Money.yuan(60_000),
                                             per_pledge_cap=Money.yuan(8_000)), purpose="支持社区为老年人提供助餐")
    funding.start_pool(session, actor=officer, pool=pool, now=made)
    funding.change_rule(session, actor=officer, pool=pool, now=made + timedelta(days=1), terms=RuleTerms(
        numerator=1, denominator=2, per_project_cap=Money.yuan(60_000), per_pledge_cap=Money.yuan(10_000)))
    draft = funding.open_pool(session, actor=officer, funder=funder, name="儿童议事配套资金", cap=Money.yuan(80_000), now=made,
                              terms=RuleTerms(numerator=1, denominator=1))
    project.takes_matching = True
    money = {"project": project, "receiver": receiver, "account": books, "actor": SYSTEM, "now": made}
    kept = funding.promise(session, funder=giver, amount=Money.yuan(30_000), client_key="world-kept", **money)
    own = funding.promise(session, funder=funder, amount=Money.yuan(20_000), client_key="world-own", **money)
    signed = funding.promise(session, funder=funder, amount=Money.yuan(6_000), client_key="world-signed", **money)
    for pledge in (kept, own):
        funding.arrive(session, actor=SYSTEM, pledge=pledge, amount=pledge.open, now=made, idem_key=f"world-{pledge.ref}",
                       from_account=account(AccountKind.SUSPENSE, books.ref))
        funding.confirm(session, actor=SYSTEM, pledge=pledge, amount=pledge.paid, now=made, idem_key=f"held-{pledge.ref}")
    provider = session.query(Organization).filter_by(is_provider=True, verification="verified").first()
    release = funding.propose_release(session, actor=handler, pledge=own, milestone=1, amount=Money.yuan(5_000),
                                      payee=provider, evidence="第一季度服务记录和验收单 2026-11 号", now=made)
    paper = funding.prepare_commitment(session, actor=officer, funder=funder, project=project, amount=Money.yuan(12_000),
                                       receiver=receiver, account=books, now=made, purpose="周末加餐")
    funding.raise_flag(session, pledge=signed, kind=FlagKind.SAME_PAYER, facts={"payer": "同一账户付款"}, now=made)
    session.flush()
    return {"pool": pool.ref, "pool_draft": draft.ref, "pledge_own": own.ref, "pledge_signed": signed.ref,
            "pledge_kept": kept.ref, "commitment": paper.ref, "release": release.ref, "funder_waiting": waiting.ref}


def build_agreement(session: Session, *, project: Project, now: datetime) -> dict[str, str]:
    """Return the reference of an agreement of a gift to a project whose contract exists."""
    receiver = session.query(Organization).filter_by(name=RECEIVER).one()
    giver = session.query(Organization).filter_by(name=GIVER).one()
    funder = session.query(Funder).filter_by(organization_id=giver.id).one()
    books = session.query(ReceivingAccount).filter_by(organization_id=receiver.id).first()
    project.takes_matching = True
    funding.promise(session, funder=funder, amount=Money.yuan(16_000), client_key="world-agreed", project=project,
                    receiver=receiver, account=books, actor=SYSTEM, now=now)
    agreement = agreements.draw_up_agreement(session, actor=SYSTEM, project=project, receiver=receiver, now=now)
    return {"agreement": agreement.ref}
