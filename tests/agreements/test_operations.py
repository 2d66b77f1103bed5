"""Drawing up, freezing, signing: what is carried, what stays out, what the database refuses."""

from datetime import date, timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from marketplace.agreements import operations, policy, queries, rules
from marketplace.agreements.models import AgreementItem, DonationAgreement
from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Conflict, Denied, Invalid
from marketplace.core.money import Money
from marketplace.core.outbox import Job
from marketplace.funding import operations as funding
from marketplace.funding.models import MoneyFlag, Pledge
from marketplace.organizations.models import RelatedParty
from marketplace.projects.models import Project
from marketplace.web.services import services
from tests.factories.accounts import actor_of, make_person
from tests.factories.agreements import LATER, Giving, make_agreement, make_giving
from tests.factories.funding import held, make_funder, make_pledge
from tests.factories.payments import make_proof


@pytest.fixture
def giving(session: Session) -> Giving:
    return make_giving(session, services().sealer)


def test_an_agreement_carries_signed_gifts_and_their_matching_money_to_the_fen(session: Session, giving: Giving) -> None:
    held(session, giving.world, giving.pledge, now=LATER)        # confirmed: the pool's half is captured
    agreement = make_agreement(session, giving)
    matched = session.scalars(sa.select(Pledge).where(Pledge.kind == "matched")).one()
    assert {item.pledge_id: item.amount for item in agreement.items} == {
        giving.pledge.id: Money.yuan(20_000), matched.id: Money.yuan(20_000)}
    facts = agreement.terms["facts"]
    assert agreement.amount == Money.yuan(40_000)
    assert facts["money"]["price"]["fen"] == sum(part["fen"] for part in facts["money"]["payments"]) == 4_000_000
    assert facts["contract"]["number"] == giving.contract.number
    assert facts["account"]["number"] == giving.world.account.number
    assert facts["provider"]["name"] == giving.contract.provider.name
    assert agreement.contract_id == giving.contract.id
    assert giving.contract.amount == Money(giving.contract.terms["facts"]["price"]["fen"])      # the contract's own sum is as it was


def test_what_was_not_signed_was_flagged_or_fell_away_stays_out(session: Session, giving: Giving) -> None:
    make_pledge(session, giving.world, amount=Money.yuan(3_000), is_verbal=True, round_ref="evening", now=LATER)
    flagged = make_pledge(session, giving.world, amount=Money.yuan(4_000), now=LATER)
    funding.raise_flag(session, pledge=flagged, kind="related_party", facts={"why": "同一法定代表人"}, now=LATER)
    gone = make_pledge(session, giving.world, amount=Money.yuan(5_000), now=LATER)
    funding.cancel(session, actor=SYSTEM, pledge=gone, reason="双方同意解除", now=LATER)
    agreement = make_agreement(session, giving)
    assert [item.pledge_id for item in agreement.items] == [giving.pledge.id]
    with pytest.raises(Invalid, match="没有可以写进协议的认捐"):
        make_agreement(session, giving)


def test_a_donor_tied_to_the_provider_is_flagged_when_the_award_is_made_and_stays_out(session: Session, giving: Giving) -> None:
    tied = make_funder(session)
    tied.organization.legal_representative = giving.contract.provider.legal_representative = "周同"
    tied.organization.contact_phone = giving.contract.provider.contact_phone
    session.add(RelatedParty(organization_id=giving.contract.provider_id, name=tied.organization.name,
                             credit_code=tied.organization.credit_code, relation="控股"))
    pledge = make_pledge(session, giving.world, funder=tied, amount=Money.yuan(9_000), now=LATER)
    agreement = make_agreement(session, giving)
    assert [item.pledge_id for item in agreement.items] == [giving.pledge.id]
    assert session.scalar(sa.select(MoneyFlag.kind).where(MoneyFlag.pledge_id == pledge.id)) == "related_party"


def test_a_gift_of_later_stands_in_the_next_agreement_and_none_stands_twice(session: Session, giving: Giving) -> None:
    make_agreement(session, giving)
    late = make_pledge(session, giving.world, amount=Money.yuan(6_000), now=LATER)
    second = make_agreement(session, giving)
    assert [item.pledge_id for item in second.items] == [late.id]
    assert second.amount == Money.yuan(6_000)
    sums = dict(session.execute(sa.select(AgreementItem.pledge_id, sa.func.count()).group_by(AgreementItem.pledge_id)).all())
    assert sums == {giving.pledge.id: 1, late.id: 1}


def test_a_part_given_back_is_not_agreed_on(session: Session, giving: Giving) -> None:
    held(session, giving.world, giving.pledge, now=LATER)
    funding.ask_refund(session, actor=SYSTEM, pledge=giving.pledge, amount=Money.yuan(5_000), reason="多付", now=LATER)
    session.refresh(giving.pledge)
    amounts = {item.pledge_id: item.amount for item in make_agreement(session, giving).items}
    assert amounts[giving.pledge.id] == Money.yuan(15_000)


def test_names_are_withheld_where_asked_and_the_strictest_rule_for_leftovers_counts(session: Session, giving: Giving) -> None:
    make_pledge(session, giving.world, amount=Money.yuan(2_000), is_name_withheld=True, leftover_rule="return",
                management_percent=5, naming="长庆冠名", now=LATER)
    facts = make_agreement(session, giving).terms["facts"]
    assert [gift["donor"] for gift in facts["gifts"]] == [giving.donor.name, rules.WITHHELD]
    assert (facts["leftover"], facts["management_percent"], facts["namings"]) == ("return", 5, ["长庆冠名"])


def test_extra_outputs_are_listed_with_what_the_gifts_pay_of_them(session: Session, giving: Giving) -> None:
    line = funding.add_cost_line(session, actor=giving.deal.desk.handler, project=giving.deal.project, name="周末加餐",
                                 amount=Money.yuan(50_000), now=LATER)
    make_pledge(session, giving.world, amount=Money.yuan(7_000), cost_line=line, now=LATER)
    facts = make_agreement(session, giving).terms["facts"]
    assert facts["cost_lines"][0]["name"] == "周末加餐"
    assert facts["cost_lines"][0]["fen"] == 700_000


def test_only_the_receiving_body_draws_up_and_only_after_the_contract(session: Session, giving: Giving) -> None:
    with pytest.raises(Denied, match="只有接收捐赠的单位"):
        operations.draw_up_agreement(session, actor=giving.donor_officer, project=giving.deal.project,
                                     receiver=giving.world.receiver, now=LATER)
    waiting = SimpleNamespace(state="awarded")
    decision = policy.may_draw_up(giving.keeper, giving.world.receiver, waiting)
    assert not decision
    assert "捐赠不能影响评审和合同价" in decision.reason


def test_without_a_verified_account_nothing_is_drawn_up(session: Session, giving: Giving) -> None:
    giving.world.account.closed_at = LATER
    session.flush()
    with pytest.raises(Invalid, match="还没有经过核验的银行账户"):
        make_agreement(session, giving)


def test_a_character_that_cannot_be_printed_is_named_before_anything_is_fixed(session: Session, giving: Giving) -> None:
    with pytest.raises(Invalid, match="U\\+4EE4"):
        operations.draw_up_agreement(session, actor=giving.keeper, project=giving.deal.project,
                                     receiver=giving.world.receiver, now=LATER, missing_glyphs=lambda _text: "令")
    assert session.scalar(sa.select(sa.func.count()).select_from(DonationAgreement)) == 0


def test_frozen_terms_do_not_change(session: Session, giving: Giving) -> None:
    agreement = make_agreement(session, giving)
    with pytest.raises(DatabaseError, match="never changed"), session.begin_nested():
        session.execute(sa.update(DonationAgreement).where(DonationAgreement.id == agreement.id).values(amount=Money(1)))
    assert session.scalar(sa.select(sa.func.count()).select_from(Job).where(Job.kind == rules.JOB_AGREEMENT_DRAWN_UP)) == 1


def issued(session: Session, giving: Giving) -> DonationAgreement:
    """An agreement as if it were printed."""
    from marketplace.documents.models import Document

    agreement = make_agreement(session, giving)
    paper = Document(kind="donation_agreement", number=agreement.number, verify_code=agreement.verify_code, sha256="a" * 64, pages=4,
                     data_sha256="b" * 64, issued_at=LATER, file=make_proof(session, giving.world.receiver))
    session.add(paper)
    session.flush()
    operations.attach_paper(session, agreement=agreement, document=paper, now=LATER)
    operations.attach_paper(session, agreement=agreement, document=paper, now=LATER)      # twice is once
    return agreement


def test_the_signed_copy_is_registered_once_by_the_receiving_body(session: Session, giving: Giving) -> None:
    agreement = issued(session, giving)
    scan, today = make_proof(session, giving.world.receiver), beijing_date(LATER)
    with pytest.raises(Denied, match="由接收捐赠的单位登记"):
        operations.record_signing(session, actor=giving.donor_officer, agreement=agreement, signed_on=today, scan=scan, now=LATER)
    for wrong in (today + timedelta(days=1), today - timedelta(days=1)):
        with pytest.raises(Invalid, match="签订日期应在"):
            operations.record_signing(session, actor=giving.keeper, agreement=agreement, signed_on=wrong, scan=scan, now=LATER)
    operations.record_signing(session, actor=giving.keeper, agreement=agreement, signed_on=today, scan=scan, now=LATER)
    assert (agreement.state, agreement.signed_on, agreement.signed_copy_id) == ("signed", today, scan.id)
    with pytest.raises(Denied, match="已经登记"):
        operations.record_signing(session, actor=giving.keeper, agreement=agreement, signed_on=today, scan=scan, now=LATER)


def test_an_infected_scan_and_a_paper_not_printed_yet_are_refused(session: Session, giving: Giving) -> None:
    frozen = make_agreement(session, giving)
    scan = make_proof(session, giving.world.receiver)
    with pytest.raises(Denied, match="还没有印成"):
        operations.record_signing(session, actor=giving.keeper, agreement=frozen, signed_on=date(2026, 12, 21), scan=scan, now=LATER)
    operations.note_print_failure(session, agreement_ref=frozen.ref, reason="磁盘已满")
    session.refresh(frozen)
    assert frozen.render_error == "磁盘已满"


def test_of_two_who_register_at_once_one_is_told(session: Session, giving: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    agreement = issued(session, giving)
    scan = make_proof(session, giving.world.receiver)
    scan.scan_state = "infected"
    with pytest.raises(Invalid, match="安全检查"):
        operations.record_signing(session, actor=giving.keeper, agreement=agreement, signed_on=beijing_date(LATER), scan=scan, now=LATER)
    scan.scan_state = "clean"
    session.execute(sa.update(DonationAgreement).where(DonationAgreement.id == agreement.id)
                    .values(state="signed", signed_on=beijing_date(LATER)).execution_options(synchronize_session=False))
    with pytest.raises(Conflict, match="别人办理过"):
        operations.record_signing(session, actor=giving.keeper, agreement=agreement, signed_on=beijing_date(LATER), scan=scan, now=LATER)


def test_the_parties_see_it_and_strangers_do_not_learn_that_it_exists(session: Session, giving: Giving) -> None:
    agreement = issued(session, giving)
    stranger = actor_of(session, make_person(session, role=Role.FUNDER, organization_id=make_funder(session).organization_id))
    auditor = actor_of(session, make_person(session, role=Role.AUDITOR))
    for actor in (giving.keeper, giving.donor_officer, giving.deal.desk.handler, giving.deal.provider.actor, auditor, SYSTEM):
        assert queries.by_ref(session, agreement.ref, actor=actor) is agreement
        assert agreement in session.scalars(queries.visible_to(actor)).all()
    for actor in (stranger, Actor()):
        with pytest.raises(Denied) as refused:
            queries.by_ref(session, agreement.ref, actor=actor)
        assert refused.value.hidden
        assert session.scalars(queries.visible_to(actor)).all() == []
    with pytest.raises(Denied):
        queries.by_ref(session, "nothing22222", actor=SYSTEM)


def test_what_can_be_drawn_up_is_offered_until_it_is(session: Session, giving: Giving) -> None:
    receiver = giving.world.receiver.id
    (offer,) = queries.drawable(session, receiver_id=receiver)
    assert (offer.project.id, offer.pledges, offer.amount) == (giving.deal.project.id, 1, Money.yuan(20_000))
    agreement = make_agreement(session, giving)
    assert queries.drawable(session, receiver_id=receiver) == []
    assert queries.public_agreements(session, giving.deal.project.id) == []      # not printed: not public
    assert session.get_one(Project, giving.deal.project.id).state == "contracted"
    assert queries.receiver_of(session, giving.keeper).id == receiver
    assert queries.receiver_of(session, SYSTEM) is None
    assert agreement.items[0].amount == Money.yuan(20_000)
