"""Reads of the registry."""

from datetime import date

import pytest
from sqlalchemy.orm import Session

from marketplace.core.access import ANONYMOUS
from marketplace.core.errors import Denied
from marketplace.organizations import queries
from marketplace.organizations.rules import OrganizationKind
from tests.factories.organizations import administrator, credit_code, make_organization, make_unit, operator

TODAY = date(2026, 11, 23)


def test_units_under_a_path_are_the_unit_and_its_children_only(session: Session) -> None:
    district = make_unit(session, name="澜川区人民政府")
    bureau = make_unit(session, name="民政局", parent=district)
    office = make_unit(session, name="福利股", parent=bureau)
    make_unit(session, name="司法局", parent=district)
    make_organization(session)
    assert [one.id for one in queries.units_under(session, bureau.path)] == [bureau.id, office.id]
    assert len(queries.units_under(session, "/")) == 4


def test_a_reference_that_nobody_has_is_404(session: Session) -> None:
    with pytest.raises(Denied) as refusal:
        queries.by_ref(session, "nosuchref")
    assert refusal.value.hidden


def test_a_body_that_is_not_public_is_seen_by_its_people_and_operators(session: Session) -> None:
    body = make_organization(session, is_verified=False)
    for actor in (administrator(body), operator()):
        assert queries.visible_by_ref(session, body.ref, actor=actor) is body
    with pytest.raises(Denied) as refusal:
        queries.visible_by_ref(session, body.ref, actor=ANONYMOUS)
    assert refusal.value.hidden


def test_a_code_is_found_as_typed(session: Session) -> None:
    body = make_organization(session)
    assert body.credit_code
    assert queries.by_credit_code(session, f" {body.credit_code.lower()} ") is body


def test_eligibility_follows_the_day(session: Session) -> None:
    body = make_organization(session, listings=[
        {"kind": "abnormal", "listed_on": date(2026, 1, 1), "removed_on": date(2026, 6, 1), "reason": "x", "source": "y"}])
    assert queries.eligibility(body, day=date(2026, 2, 1)).bars
    assert queries.eligibility(body, day=TODAY).bars == ()
    filed = make_organization(session, kind=OrganizationKind.FILED_GROUP)
    assert not queries.eligibility(filed, day=TODAY).is_legal_person


def test_bidders_with_the_same_legal_representative_are_tied(session: Session) -> None:
    one = make_organization(session, legal_representative="王强", contact_phone="13811110001")
    two = make_organization(session, legal_representative="王强", contact_phone="13811110002")
    three = make_organization(session, legal_representative="李明", contact_phone="13811110003",
                              related_parties=[{"name": one.name, "credit_code": one.credit_code, "relation": "controls"}])
    four = make_organization(session, legal_representative="赵敏", contact_phone="13811110004")
    ties = {(tie.one.id, tie.other.id) for tie in queries.ties_among([one, two, three, four])}
    assert ties == {(one.id, two.id), (one.id, three.id)}
    assert {tie.other.id for tie in queries.tied_to(session, one)} == {two.id, three.id}
    assert queries.tied_to(session, four) == []


def test_look_alikes_are_one_sign_apart(session: Session) -> None:
    one = make_organization(session, name="晨光社会工作服务中心")
    near = make_organization(session, name="晨光社会工作服务中")
    twin = make_organization(session, name="晨光社會工作服務中心")
    make_organization(session, name="暮色志愿服务队伍联合会")
    assert {found.id for found in queries.look_alikes(session, one)} == {near.id, twin.id}


def test_public_documents_hold_no_person_no_telephone_and_no_bank(session: Session) -> None:
    body = make_organization(session, contact_phone="13812345678", bank_account="6222000", about="服务老人",
                             categories=["A040203"], contact_name="林晓晓", legal_representative="王建国")
    make_organization(session, is_verified=False, code=credit_code())
    session.flush()
    found = list(queries.public_documents(session))
    assert [document.ref for document in found] == [body.ref]
    text = repr(found)
    assert "服务老人" in text
    for secret in ("13812345678", "6222000", "林晓晓", "王建国"):
        assert secret not in text
    assert list(queries.public_documents(session, [body.ref])) == found
    assert list(queries.public_documents(session, ["nosuchref"])) == []
