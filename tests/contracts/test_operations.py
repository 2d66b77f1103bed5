"""Drawing up, freezing, signing, publishing, filing - on both databases."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from marketplace.awards.models import Notice
from marketplace.contracts import operations, queries, rules
from marketplace.contracts.models import Contract
from marketplace.core.access import ANONYMOUS, SYSTEM
from marketplace.core.audit import AuditEvent
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.outbox import Job
from marketplace.core.ports import RenderedPdf
from marketplace.documents import operations as documents
from marketplace.documents.models import Document
from marketplace.documents.rules import Paper
from marketplace.files.models import StoredFile
from marketplace.web.services import services
from tests.factories.contracts import Deal, make_award, make_contract

SIGNED = date(2026, 12, 15)


def issue(session: Session, contract: Contract) -> Document:
    """Attach a small paper, as the job does."""
    document = documents.issue(
        session, actor=SYSTEM, paper=Paper("contract", contract.number, contract.verify_code),
        rendered=RenderedPdf(b"%PDF-1.7 " + contract.number.encode(), 4), store=services().files, data={}, now=contract.frozen_at)
    operations.attach_paper(session, contract=contract, document=document, now=contract.frozen_at)
    return document


def a_scan(session: Session, deal: Deal, *, state: str = "clean") -> StoredFile:
    """A stored scan of the signed paper."""
    data = b"%PDF-1.4 scan"
    file = StoredFile(name="扫描件.pdf", media_type="application/pdf", size=len(data), sha256=services().files.put(data),
                      owner_organization_id=deal.desk.unit.id, uploaded_by=None, scan_state=state, scan_note=None, created_at=deal.due)
    session.add(file)
    session.flush()
    return file


def test_a_contract_copies_every_fact_and_moves_project_and_line_on(session: Session) -> None:
    deal, contract = make_contract(session, services().sealer)
    facts = contract.terms["facts"]
    assert contract.number == "LC-HT-2026-0001"
    assert facts["buyer"]["name"] == deal.desk.unit.name
    assert facts["provider"]["name"] == deal.provider.organization.name
    assert facts["provider"]["credit_code"] == deal.provider.organization.credit_code
    assert facts["provider"]["legal_representative"] == "林晓"
    assert facts["price"] == {"fen": 35_600_000, "figures": "356,000.00", "capitals": "叁拾伍万陆仟元整"}
    assert [row["figures"] for row in facts["payments"]] == ["142,400.00", "142,400.00", "71,200.00"]
    assert facts["category"] == {"code": "A040203", "name": "老年助餐服务"}
    assert facts["period"] == {"from": "2027-01-01", "to": "2027-12-31", "months": 12}
    assert facts["basis"]["commitment"] == deal.award.bid.commitment
    assert facts["method"] == "公开遴选（采购限额标准以下）"
    assert len(contract.terms["clauses"]) == 26
    assert contract.terms_sha256 == rules.terms_sha256(contract.terms)
    assert contract.sign_by == date(2027, 1, 7)  # 30 days after 2026-12-08
    assert (deal.project.state, contract.state) == ("contracted", "frozen")
    actions = session.scalars(sa.select(AuditEvent.action).where(AuditEvent.subject_ref == contract.ref)).all()
    assert actions == ["contracts.draw_up"]
    assert session.scalar(sa.select(Job.payload).where(Job.kind == rules.JOB_CONTRACT_DRAWN_UP)) == {"contract_ref": contract.ref}


def test_drawing_up_twice_gives_the_same_contract(session: Session) -> None:
    deal, contract = make_contract(session, services().sealer)
    again = operations.draw_up_contract(session, actor=SYSTEM, award=deal.award, now=deal.due + timedelta(days=9))
    assert again is contract
    assert session.scalar(sa.select(sa.func.count()).select_from(Contract)) == 1


def test_nothing_is_drawn_up_a_moment_too_early_or_over_an_open_objection(session: Session) -> None:
    deal = make_award(session, services().sealer)
    early = deal.due - timedelta(microseconds=1)
    assert operations.draw_up_contract(session, actor=SYSTEM, award=deal.award, now=early) is None
    deal.project.open_objections = 1
    session.flush()
    assert operations.draw_up_contract(session, actor=SYSTEM, award=deal.award, now=deal.due) is None
    deal.project.open_objections = 0
    session.flush()
    assert deal.project.state == "awarded"
    assert operations.draw_up_contract(session, actor=SYSTEM, award=deal.award, now=deal.due) is not None


def test_a_revoked_award_gets_no_contract(session: Session) -> None:
    deal = make_award(session, services().sealer)
    deal.award.state, deal.award.revoked_at = "revoked", deal.due
    assert operations.draw_up_contract(session, actor=SYSTEM, award=deal.award, now=deal.due) is None


def test_strangers_do_not_draw_up_contracts(session: Session) -> None:
    deal = make_award(session, services().sealer)
    for stranger in (ANONYMOUS, deal.provider.actor):
        with pytest.raises(Denied):
            operations.draw_up_contract(session, actor=stranger, award=deal.award, now=deal.due)
    assert operations.draw_up_contract(session, actor=deal.desk.handler, award=deal.award, now=deal.due) is not None


def test_a_character_that_cannot_be_printed_stops_it_before_anything_is_fixed(session: Session) -> None:
    deal = make_award(session, services().sealer, provider_profile={"legal_representative": "张𣇉明"})

    def missing(text: str) -> str:
        return "".join(dict.fromkeys(c for c in text if c == "𣇉"))

    with pytest.raises(Invalid, match="“𣇉”（U\\+231C9）"):
        operations.draw_up_contract(session, actor=SYSTEM, award=deal.award, now=deal.due, missing_glyphs=missing)
    assert deal.project.state == "awarded"
    assert session.scalar(sa.select(sa.func.count()).select_from(Contract)) == 0


@pytest.mark.parametrize(("column", "value"), [
    ("terms", {"facts": {}}), ("terms_sha256", "0" * 64), ("number", "LC-HT-2026-9999"), ("sign_by", date(2030, 1, 1)),
    ("verify_code", "x"), ("is_demo", True)])
def test_the_database_itself_refuses_to_change_frozen_terms(session: Session, column: str, value: object) -> None:
    _, contract = make_contract(session, services().sealer)
    before = getattr(contract, column)
    with pytest.raises(sa.exc.DBAPIError, match="never changed"), session.begin_nested():
        session.execute(sa.update(Contract).where(Contract.id == contract.id).values({column: value}))
    assert getattr(session.get(Contract, contract.id, populate_existing=True), column) == before


def test_later_changes_of_a_party_never_reach_the_terms(session: Session) -> None:
    deal, contract = make_contract(session, services().sealer)
    deal.provider.organization.address = "搬到别处"
    session.flush()
    assert contract.terms["facts"]["provider"]["address"] == "澜川区长庆里 3 号"


def test_the_paper_is_attached_once_and_asks_for_signatures(session: Session) -> None:
    _, contract = make_contract(session, services().sealer)
    document = issue(session, contract)
    assert (contract.state, contract.document) == ("issued", document)
    operations.attach_paper(session, contract=contract, document=document, now=contract.frozen_at)
    assert session.scalar(sa.select(sa.func.count()).where(Job.kind == rules.JOB_CONTRACT_ISSUED)) == 1
    other = documents.issue(session, actor=SYSTEM, paper=Paper("contract", "N-2", "other"),
                            rendered=RenderedPdf(b"%PDF other", 4), store=services().files, data={}, now=contract.frozen_at)
    with pytest.raises(IllegalStep):
        operations.attach_paper(session, contract=contract, document=other, now=contract.frozen_at)


def test_signing_keeps_the_day_and_the_hash_of_the_scan(session: Session) -> None:
    deal, contract = make_contract(session, services().sealer)
    issue(session, contract)
    scan, now = a_scan(session, deal), deal.due + timedelta(days=5)
    operations.record_signing(session, actor=deal.desk.handler, contract=contract, signed_on=SIGNED, scan=scan, now=now)
    assert (contract.state, contract.signed_on, contract.signed_copy) == ("signed", SIGNED, scan)
    event = session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "contracts.sign")).one()
    assert event.facts["scan_sha256"] == scan.sha256
    with pytest.raises(Denied):
        operations.record_signing(session, actor=deal.desk.handler, contract=contract, signed_on=SIGNED, scan=scan, now=now)


@pytest.mark.parametrize(("day", "said"), [(date(2026, 12, 10), "不能早于"), (date(2027, 3, 1), "今天之后")])
def test_a_signing_day_outside_the_contracts_life_is_refused(session: Session, day: date, said: str) -> None:
    deal, contract = make_contract(session, services().sealer)
    issue(session, contract)
    with pytest.raises(Invalid, match=said) as refusal:
        operations.record_signing(session, actor=deal.desk.handler, contract=contract, signed_on=day,
                                  scan=a_scan(session, deal), now=deal.due + timedelta(days=5))
    assert refusal.value.field == "signed_on"


def test_an_infected_scan_is_refused_and_an_unprinted_contract_is_not_signed(session: Session) -> None:
    deal, contract = make_contract(session, services().sealer)
    now = deal.due + timedelta(days=5)
    with pytest.raises(Denied, match="还没有生成"):
        operations.record_signing(session, actor=deal.desk.handler, contract=contract, signed_on=SIGNED,
                                  scan=a_scan(session, deal), now=now)
    issue(session, contract)
    with pytest.raises(Invalid, match="安全检查"):
        operations.record_signing(session, actor=deal.desk.handler, contract=contract, signed_on=SIGNED,
                                  scan=a_scan(session, deal, state="infected"), now=now)
    assert contract.state == "issued"


def signed(session: Session) -> tuple[Deal, Contract]:
    """A signed contract."""
    deal, contract = make_contract(session, services().sealer)
    issue(session, contract)
    operations.record_signing(session, actor=deal.desk.handler, contract=contract, signed_on=SIGNED,
                              scan=a_scan(session, deal), now=deal.due + timedelta(days=5))
    return deal, contract


def test_the_published_notice_holds_no_person_phone_or_account(session: Session) -> None:
    deal, contract = signed(session)
    operations.publish_contract(session, actor=deal.desk.handler, contract=contract, now=deal.due + timedelta(days=6))
    notice = session.scalars(sa.select(Notice).where(Notice.kind == "contract")).one()
    text = str(notice.facts)
    assert notice.facts["price_fen"] == 35_600_000
    assert notice.facts["signed_on"] == "2026-12-15"
    for secret in ("13800005678", "周敏", "林晓"):
        assert secret not in text
    with pytest.raises(Denied):
        operations.publish_contract(session, actor=deal.desk.handler, contract=contract, now=deal.due + timedelta(days=7))


def test_filing_is_noted_once_on_a_possible_day(session: Session) -> None:
    deal, contract = signed(session)
    now = deal.due + timedelta(days=8)
    for day in (SIGNED - timedelta(days=1), date(2027, 5, 1)):
        with pytest.raises(Invalid, match="备案日期"):
            operations.record_filing(session, actor=deal.desk.handler, contract=contract, filed_on=day, now=now)
    operations.record_filing(session, actor=deal.desk.handler, contract=contract, filed_on=SIGNED, now=now)
    assert contract.filed_on == SIGNED
    with pytest.raises(Denied):
        operations.record_filing(session, actor=deal.desk.handler, contract=contract, filed_on=SIGNED, now=now)


def test_a_step_on_a_contract_that_moved_meanwhile_is_a_conflict(session: Session) -> None:
    deal, contract = signed(session)
    session.execute(sa.update(Contract).where(Contract.id == contract.id).values(published_at=deal.due)
                    .execution_options(synchronize_session=False))
    with pytest.raises(Conflict):
        operations.publish_contract(session, actor=deal.desk.handler, contract=contract, now=deal.due)
    assert session.scalar(sa.select(sa.func.count()).where(Notice.kind == "contract")) == 0


def test_the_list_shows_each_actor_what_policy_lets_him_see(session: Session) -> None:
    deal, contract = make_contract(session, services().sealer)
    other_deal, other = make_contract(session, services().sealer)

    def seen(actor: object) -> set[int]:
        return {row.id for row in session.scalars(queries.visible_to(actor))}  # type: ignore[arg-type]

    assert seen(SYSTEM) == {contract.id, other.id}
    assert seen(deal.desk.handler) == seen(deal.provider.actor) == {contract.id}
    assert seen(other_deal.provider.actor) == {other.id}
    assert seen(ANONYMOUS) == seen(replace(deal.desk.handler, organization_id=None, unit_path="")) == set()
    assert queries.counts(session, deal.desk.handler) == {"": 1, "frozen": 1, "issued": 0, "signed": 0}


def test_the_public_summary_appears_with_the_paper_and_names_no_person(session: Session) -> None:
    deal, contract = make_contract(session, services().sealer)
    assert queries.public_contract(session, deal.project.ref) is None
    issue(session, contract)
    public = queries.public_contract(session, deal.project.ref)
    assert public is not None
    assert (public.number, public.amount, public.state) == (contract.number, contract.amount, "issued")
    assert queries.public_contract(session, "nothing") is None
