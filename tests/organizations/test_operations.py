"""Registering, editing, checking and returning organizations."""

from datetime import date

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.access import ANONYMOUS, SYSTEM, Actor, Role
from marketplace.core.audit import AuditEvent
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.core.outbox import Job
from marketplace.core.publishing import INDEX_HANDLER, PUBLIC_CHANGED
from marketplace.organizations import operations
from marketplace.organizations.models import Organization, PastProject
from marketplace.organizations.rules import OrganizationKind, Standing
from tests.factories import NOW
from tests.factories.organizations import administrator, credit_code, make_organization, make_unit, operator


def events(session: Session, ref: str) -> list[str]:
    return list(session.scalars(select(AuditEvent.action).where(AuditEvent.subject_ref == ref).order_by(AuditEvent.id)))


def news(session: Session) -> int:
    session.flush()
    return session.scalar(select(func.count()).select_from(Job).where(
        Job.kind == PUBLIC_CHANGED, Job.handler == INDEX_HANDLER)) or 0


def test_units_form_a_tree_of_paths(session: Session) -> None:
    district = make_unit(session, name="澜川区人民政府")
    bureau = make_unit(session, name="澜川区民政局", parent=district)
    office = make_unit(session, name="社会组织管理股", parent=bureau)
    assert district.path == f"/{district.id}/"
    assert office.path == f"/{district.id}/{bureau.id}/{office.id}/"
    assert office.verification == "verified"
    assert office.is_buyer
    assert events(session, office.ref) == ["organizations.register_unit"]


def test_a_units_administrator_registers_units_below_and_nowhere_else(session: Session) -> None:
    district = make_unit(session, name="澜川区人民政府")
    mine = make_unit(session, name="澜川区民政局", parent=district)
    other = make_unit(session, name="澜川区司法局", parent=district)
    actor = administrator(mine, role=Role.UNIT_ADMIN)
    below = operations.register_unit(session, actor=actor, name="福利股", parent=mine, area_code="990100", now=NOW)
    assert below.path.startswith(mine.path)
    for parent in (other, district, None):
        with pytest.raises(Denied):
            operations.register_unit(session, actor=actor, name="别处", parent=parent, area_code=None, now=NOW)


def test_anybody_registers_an_unverified_body_that_is_not_public_yet(session: Session) -> None:
    body = operations.register(session, actor=ANONYMOUS, name=" 澜川区  晨光社工中心 ", kind=OrganizationKind.SERVICE_AGENCY,
                               standing=Standing.REGISTERED, credit_code=credit_code(), now=NOW)
    assert (body.verification, body.public_since, body.name) == ("unverified", None, "澜川区 晨光社工中心")
    assert body.is_provider
    assert not body.is_buyer
    assert news(session) == 0


def test_a_code_may_be_missing_while_unverified_but_not_when_it_is_checked(session: Session) -> None:
    body = make_organization(session, is_verified=False)
    assert body.credit_code is None
    with pytest.raises(Invalid, match="统一社会信用代码"):
        operations.submit_for_verification(session, actor=administrator(body), organization=body, now=NOW)
    with pytest.raises(Invalid, match="统一社会信用代码"):
        operations.verify(session, actor=operator(), organization=body, now=NOW)


def test_a_wrong_code_and_a_taken_code_are_refused(session: Session) -> None:
    taken = make_organization(session)
    with pytest.raises(Invalid, match="校验位"):
        make_organization(session, is_verified=False, code="53100000500020462H")
    with pytest.raises(Conflict, match=str(taken.credit_code)):
        make_organization(session, is_verified=False, code=taken.credit_code)


def test_nobody_registers_a_government_unit_as_a_body(session: Session) -> None:
    with pytest.raises(Denied):
        operations.register(session, actor=ANONYMOUS, name="冒名的局", kind=OrganizationKind.UNIT,
                            standing=Standing.GOVERNMENT, now=NOW)


def test_a_row_of_a_public_source_is_taken_over_once_by_an_operator(session: Session) -> None:
    facts = {"name": "阳光社工", "kind": OrganizationKind.SERVICE_AGENCY, "standing": Standing.REGISTERED, "now": NOW}
    body = operations.register(session, actor=operator(), source_ref="RO001", **facts)
    assert body.public_since == NOW
    assert news(session) == 1
    with pytest.raises(Conflict, match="RO001"):
        operations.register(session, actor=operator(), source_ref="RO001", **facts)
    with pytest.raises(Denied):
        operations.register(session, actor=ANONYMOUS, source_ref="RO002", **facts)


def test_the_check_goes_from_submitted_to_verified_and_makes_it_public(session: Session) -> None:
    body = make_organization(session, is_verified=False, code=credit_code())
    operations.submit_for_verification(session, actor=administrator(body), organization=body, now=NOW)
    assert body.verification == "submitted"
    with pytest.raises(Denied):
        operations.submit_for_verification(session, actor=administrator(body), organization=body, now=NOW)
    operations.verify(session, actor=operator(), organization=body, now=NOW, note="与登记证书一致")
    assert (body.verification, body.verified_at, body.public_since) == ("verified", NOW, NOW)
    assert body.verified_by == operator().person_id
    assert news(session) == 1
    with pytest.raises(IllegalStep):
        operations.verify(session, actor=operator(), organization=body, now=NOW)


def test_a_returned_profile_says_why_and_can_be_submitted_again(session: Session) -> None:
    body = make_organization(session, is_verified=False, code=credit_code())
    operations.submit_for_verification(session, actor=administrator(body), organization=body, now=NOW)
    with pytest.raises(Invalid, match="原因"):
        operations.return_profile(session, actor=operator(), organization=body, reason=" 否 ", now=NOW)
    operations.return_profile(session, actor=operator(), organization=body, reason="法定代表人与证书不一致", now=NOW)
    assert (body.verification, body.verification_note) == ("returned", "法定代表人与证书不一致")
    operations.submit_for_verification(session, actor=administrator(body), organization=body, now=NOW)
    assert body.verification == "submitted"


@pytest.mark.parametrize("role", [Role.PROVIDER_ADMIN, Role.AUDITOR, Role.SECURITY_OFFICER, Role.APPROVER])
def test_only_an_operator_verifies(session: Session, role: Role) -> None:
    body = make_organization(session, is_verified=False, code=credit_code())
    with pytest.raises(Denied):
        operations.verify(session, actor=administrator(body, role=role), organization=body, now=NOW)


def test_an_operator_does_not_verify_the_own_organization(session: Session) -> None:
    body = make_organization(session, is_verified=False, code=credit_code())
    own = Actor(person_id=7, organization_id=body.id, roles=frozenset({Role.OPERATOR}))
    with pytest.raises(Denied, match="自己所在"):
        operations.verify(session, actor=own, organization=body, now=NOW)


def test_a_whole_profile_is_saved_and_read_back(session: Session) -> None:
    body = make_organization(session)
    changed = operations.update_profile(session, actor=administrator(body), organization=body, now=NOW, changes={
        "about": "服务老人", "staff_total": 12, "staff_certified": 8, "capacity_projects": 3,
        "capacity_money": Money.yuan(900_000), "website": "https://example.invalid/", "contact_phone": "0757-8612 3450",
        "categories": ["A040203", "A040205"], "areas": ["990101", "990102"],
        "past_projects": [{"title": "长者助餐", "buyer_name": "望溪镇", "amount": Money.yuan(120_000),
                           "started_on": date(2025, 1, 1), "ended_on": date(2025, 12, 31), "outcome": "优秀"}],
        "related_parties": [{"name": "林晓", "relation": "sponsor"}],
    })
    session.expire_all()
    assert "categories" in changed
    assert {one.code for one in body.categories} == {"A040203", "A040205"}
    assert [one.amount for one in body.past_projects] == [Money.yuan(120_000)]
    assert body.capacity_money == Money.yuan(900_000)
    assert body.verification == "verified"


def test_saving_the_same_again_changes_nothing(session: Session) -> None:
    body = make_organization(session)
    changes = {"about": "服务老人", "categories": ["A040203"], "related_parties": [{"name": "林晓", "relation": "sponsor"}],
               "ratings": [{"grade": 4, "issuer": "区民政局", "issued_on": date(2025, 1, 1), "expires_on": date(2030, 1, 1)}]}
    assert operations.update_profile(session, actor=SYSTEM, organization=body, now=NOW, changes=changes)
    version, seen = body.version_id, len(events(session, body.ref))
    assert operations.update_profile(session, actor=SYSTEM, organization=body, now=NOW, changes=changes) == []
    assert (body.version_id, len(events(session, body.ref))) == (version, seen)


def test_a_list_keeps_rows_and_takes_new_ones_beside_them(session: Session) -> None:
    body = make_organization(session, categories=["A040203", "A040205"])
    operations.update_profile(session, actor=SYSTEM, organization=body, now=NOW, changes={"categories": ["A040205", "A0501"]})
    session.expire_all()
    assert {one.code for one in body.categories} == {"A040205", "A0501"}


@pytest.mark.parametrize("changes", [
    {"legal_representative": "王强"}, {"credit_code": None}, {"name": "换了名字的中心"},
    {"ratings": [{"grade": 5, "issuer": "区民政局", "issued_on": date(2025, 1, 1), "expires_on": date(2030, 1, 1)}]},
])
def test_changing_an_identity_fact_asks_for_a_new_check(session: Session, changes: dict) -> None:
    body = make_organization(session)
    operations.update_profile(session, actor=administrator(body), organization=body, changes=changes, now=NOW)
    assert (body.verification, body.verified_at) == ("unverified", None)
    assert body.public_since is not None


def test_an_operator_may_correct_an_identity_fact_without_a_new_check(session: Session) -> None:
    body = make_organization(session)
    operations.update_profile(session, actor=operator(), organization=body, changes={"legal_representative": "王强"}, now=NOW)
    assert body.verification == "verified"


def test_projects_known_from_contracts_here_stay_when_the_list_is_replaced(session: Session) -> None:
    body = make_organization(session)
    body.past_projects.append(PastProject(title="平台项目", buyer_name="望溪镇", is_confirmed=True))
    session.flush()
    operations.update_profile(session, actor=administrator(body), organization=body, now=NOW,
                              changes={"past_projects": [{"title": "自报项目", "buyer_name": "白鹭街道"}]})
    operations.update_profile(session, actor=administrator(body), organization=body, now=NOW, changes={"past_projects": []})
    session.expire_all()
    assert [(one.title, one.is_confirmed) for one in body.past_projects] == [("平台项目", True)]


LISTING = {"kind": "abnormal", "listed_on": date(2026, 1, 1), "removed_on": None, "reason": "未报年报", "source": "区民政局公告"}


def test_credit_lists_and_powers_are_the_operators_alone(session: Session) -> None:
    body = make_organization(session)
    for changes in ({"listings": [LISTING]}, {"may_fundraise": True}, {"is_buyer": True}):
        with pytest.raises(Denied):
            operations.update_profile(session, actor=administrator(body), organization=body, changes=changes, now=NOW)
    operations.update_profile(session, actor=operator(), organization=body, changes={"listings": [LISTING]}, now=NOW)
    assert body.listings[0].reason == "未报年报"
    with pytest.raises(Denied):
        operations.register(session, actor=ANONYMOUS, name="新社工", kind=OrganizationKind.ASSOCIATION,
                            standing=Standing.REGISTERED, now=NOW, listings=[LISTING])


@pytest.mark.parametrize(("changes", "field"), [
    ({"staff_total": 3, "staff_certified": 4}, "staff_certified"), ({"staff_total": -1}, "staff_total"),
    ({"contact_phone": "call me"}, "contact_phone"), ({"website": "javascript:alert(1)"}, "website"),
    ({"about": "字" * 5001}, "about"), ({"address": "字" * 201}, "address"), ({"about": "a\x00"}, "about"),
    ({"legal_representative": "林\u200b晓"}, "legal_representative"), ({"name": "x"}, "name"),
    ({"ratings": [{"grade": 6, "issuer": "x", "issued_on": date(2025, 1, 1), "expires_on": date(2026, 1, 1)}]}, "ratings"),
    ({"ratings": [{"grade": 3, "issuer": "", "issued_on": date(2025, 1, 1), "expires_on": date(2026, 1, 1)}]}, "ratings"),
    ({"ratings": [{"grade": 3, "issuer": "x", "issued_on": date(2025, 1, 1), "expires_on": date(2025, 1, 1)}]}, "ratings"),
    ({"ratings": [{"grade": 3, "issuer": "x", "issued_on": None, "expires_on": date(2025, 1, 1)}]}, "ratings"),
    ({"listings": [{**LISTING, "kind": "bad"}]}, "listings"), ({"listings": [{**LISTING, "reason": ""}]}, "listings"),
    ({"listings": [{**LISTING, "removed_on": date(2025, 1, 1)}]}, "listings"),
    ({"past_projects": [{"title": "", "buyer_name": "x"}]}, "past_projects"),
    ({"past_projects": [{"title": "甲", "buyer_name": "乙", "started_on": date(2025, 2, 1), "ended_on": date(2025, 1, 1)}]},
     "past_projects"),
    ({"related_parties": [{"name": "林晓", "relation": "friend"}]}, "related_parties"),
    ({"related_parties": [{"name": "某公司", "relation": "controls", "credit_code": "123"}]}, "related_parties"),
    ({"areas": [str(n) for n in range(101)]}, "areas"),
])
def test_a_bad_fact_is_refused_beside_its_field(session: Session, changes: dict, field: str) -> None:
    body = make_organization(session)
    with pytest.raises(Invalid) as refusal:
        operations.update_profile(session, actor=operator(), organization=body, changes=changes, now=NOW)
    assert refusal.value.field == field


def test_two_editors_do_not_overwrite_each_other(session: Session) -> None:
    body = make_organization(session)
    opened = body.version_id
    operations.update_profile(session, actor=administrator(body), organization=body, changes={"about": "一"}, now=NOW, version=opened)
    with pytest.raises(Conflict, match="刷新"):
        operations.update_profile(session, actor=administrator(body), organization=body, changes={"about": "二"}, now=NOW,
                                  version=opened)
    assert body.about == "一"


def test_other_peoples_profiles_are_not_edited(session: Session) -> None:
    body, other = make_organization(session), make_organization(session)
    for actor in (administrator(other), ANONYMOUS, administrator(body, role=Role.PROVIDER_MEMBER)):
        with pytest.raises(Denied):
            operations.update_profile(session, actor=actor, organization=body, changes={"about": "x"}, now=NOW)


def test_a_field_that_is_no_profile_is_a_mistake_of_the_caller(session: Session) -> None:
    body = make_organization(session)
    with pytest.raises(TypeError, match="path"):
        operations.update_profile(session, actor=SYSTEM, organization=body, changes={"path": "/1/"}, now=NOW)


def test_registering_with_an_administrator_gives_a_working_account(session: Session) -> None:
    from marketplace.accounts import operations as accounts
    from marketplace.accounts import queries as account_queries

    body, code = operations.register_with_administrator(
        session, actor=ANONYMOUS, now=NOW, administrator={"login": "13900001111", "name": "陈静"},
        organization={"name": "晨光社工", "kind": "service_agency", "standing": "registered", "credit_code": credit_code()})
    assert code
    person = accounts.activate(session, login="13900001111", code=code, password="correct horse battery", now=NOW)
    actor = account_queries.load_actor(session, person.id)
    assert actor.acts_for(body.id, Role.PROVIDER_ADMIN)
    assert session.get_one(Organization, body.id).verification == "unverified"


def test_somebody_signed_in_becomes_administrator_without_a_second_account(session: Session) -> None:
    from tests.factories.accounts import actor_of, make_person

    person = make_person(session)
    actor = actor_of(session, person)
    body, code = operations.register_with_administrator(
        session, actor=actor, now=NOW, administrator={},
        organization={"name": "晨光社工", "kind": "association", "standing": "registered"})
    assert code is None
    assert {(one.organization_id, one.role) for one in person.mandates} == {(body.id, "provider_admin")}
