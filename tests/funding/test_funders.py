"""Funders: which bodies, what is shown before verification, lottery money, filed plans."""

from datetime import UTC, date, datetime

import pytest

from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied, Invalid
from marketplace.core.money import Money
from marketplace.funding import operations, policy
from marketplace.funding.jobs import HANDLERS, following
from marketplace.funding.models import CostLine
from marketplace.funding.operations.funders import missing
from marketplace.funding.queries import lottery
from marketplace.funding.queries.funders import by_ref, funder_of
from marketplace.funding.rules import funders as rules
from marketplace.funding.rules.funders import FunderKind
from marketplace.organizations import operations as organizations
from marketplace.organizations.rules import OrganizationKind
from tests.factories import NOW
from tests.factories.funding import held, keeper, make_funder, make_pledge, make_world, officer, released
from tests.factories.organizations import credit_code, make_organization, make_unit, operator
from tests.factories.payments import make_operator, make_proof

BODY_OF = {
    FunderKind.FOUNDATION: OrganizationKind.FOUNDATION, FunderKind.COMMUNITY_FOUNDATION: OrganizationKind.FOUNDATION,
    FunderKind.CHARITY_FEDERATION: OrganizationKind.CHARITY_FEDERATION, FunderKind.NAMED_FUND: OrganizationKind.FOUNDATION,
    FunderKind.FIRM: OrganizationKind.ENTERPRISE, FunderKind.CHAMBER_FUND: OrganizationKind.ASSOCIATION,
    FunderKind.LOTTERY: OrganizationKind.UNIT, FunderKind.GOVERNMENT_BUDGET: OrganizationKind.UNIT,
    FunderKind.OVERSEAS: OrganizationKind.OTHER,
}


# ---- rules ----

@pytest.mark.parametrize("kind", FunderKind)
def test_every_kind_of_funder_has_a_name_and_bodies_that_can_be_it(kind):
    assert rules.FUNDER_LABELS[kind]
    assert bool(rules.BODIES[kind]) == (kind is not FunderKind.PERSON)


@pytest.mark.parametrize(("kind", "body"), BODY_OF.items())
def test_a_body_of_the_right_kind_can_be_the_funder(kind, body):
    rules.check_body(kind, body, fund_name="暖阳专项基金" if kind is FunderKind.NAMED_FUND else "", person_name="")


@pytest.mark.parametrize(("kind", "body", "names", "field"), [
    (FunderKind.FOUNDATION, OrganizationKind.ENTERPRISE, {}, "kind"),
    (FunderKind.LOTTERY, OrganizationKind.FOUNDATION, {}, "kind"),
    (FunderKind.FIRM, None, {}, "organization"),
    (FunderKind.FIRM, OrganizationKind.ENTERPRISE, {"person_name": "陈先生"}, "person_name"),
    (FunderKind.NAMED_FUND, OrganizationKind.FOUNDATION, {}, "fund_name"),
    (FunderKind.FOUNDATION, OrganizationKind.FOUNDATION, {"fund_name": "暖阳"}, "fund_name"),
    (FunderKind.PERSON, OrganizationKind.ENTERPRISE, {"person_name": "陈先生"}, "organization"),
    (FunderKind.PERSON, None, {}, "person_name"),
    (FunderKind.PERSON, None, {"person_name": "陈先生", "fund_name": "暖阳"}, "fund_name"),
])
def test_a_funder_that_cannot_be_is_refused_with_its_field(kind, body, names, field):
    with pytest.raises(Invalid) as refused:
        rules.check_body(kind, body, **{"fund_name": "", "person_name": "", **names})
    assert refused.value.field == field


def standing(**changes):
    return rules.Standing(**{"kind": FunderKind.FIRM, "has_verified_organization": True, "is_state_owned": False,
                             "has_approval_file": False, "overseas_number": "", **changes})


@pytest.mark.parametrize(("changes", "keys"), [
    ({}, []),
    ({"has_verified_organization": False}, ["organization_verified"]),
    ({"kind": FunderKind.PERSON, "has_verified_organization": False}, []),
    ({"is_state_owned": True}, ["approval_file"]),
    ({"is_state_owned": True, "has_approval_file": True}, []),
    ({"kind": FunderKind.OVERSEAS}, ["overseas_number"]),
    ({"kind": FunderKind.OVERSEAS, "overseas_number": "G1/2026"}, []),
    ({"kind": FunderKind.OVERSEAS, "has_verified_organization": False, "is_state_owned": True},
     ["organization_verified", "approval_file", "overseas_number"]),
])
def test_what_a_funder_still_has_to_show(changes, keys):
    assert [need.key for need in rules.missing(standing(**changes))] == keys


def test_everything_that_is_asked_for_names_its_source():
    assert all(need.sentence and need.source for need in rules.NEEDS.values())
    assert all(ban.label and ban.words and ban.source for ban in rules.BANS)


@pytest.mark.parametrize("purpose", rules.LotteryPurpose)
def test_lottery_money_serves_its_five_purposes(purpose):
    assert rules.check_lottery(purpose, "长者助餐设备") is purpose
    assert rules.PURPOSE_LABELS[purpose]


@pytest.mark.parametrize("purpose", ["", "tourism"])
def test_lottery_money_serves_nothing_else(purpose):
    with pytest.raises(Invalid) as refused:
        rules.check_lottery(purpose, "")
    assert refused.value.field == "purpose"


@pytest.mark.parametrize("ban", rules.BANS, ids=lambda ban: ban.key)
def test_banned_uses_of_lottery_money_are_named_with_their_source(ban):
    for word in ban.words:
        with pytest.raises(Invalid) as refused:
            rules.check_lottery("elderly", f"其中支付{word}一项")
        assert refused.value.facts["word"] in ban.words
        assert refused.value.facts["source"] == "财综〔2021〕18号"


def test_the_use_of_lottery_money_is_published_by_the_end_of_june():
    assert rules.publish_by(2026) == date(2027, 6, 30)


def test_a_filed_plan_has_a_real_code_the_letter_and_five_digits():
    number = f"{credit_code(901_001)}A26001"
    assert rules.check_filed_plan(f" {number.lower()} ") == number
    for wrong in ("", number[:-1], number + "1", number.replace("A26", "B26"), f"53100000500009167X{number[18:]}"):
        with pytest.raises(Invalid):
            rules.check_filed_plan(wrong)


def test_a_line_of_the_council_is_not_below_nothing():
    rules.check_line(None)
    rules.check_line(Money(0))
    with pytest.raises(Invalid):
        rules.check_line(Money(-1))


def test_payer_accounts_are_kept_as_digits_once_each():
    assert rules.tidy_accounts("6222 0000-1\n\n62220000 1\n户名\n 955880") == "622200001\n955880"
    assert rules.tidy_accounts("") == ""


# ---- operations ----

def test_a_foundation_is_registered_verified_and_marked_as_a_funder(session):
    body = make_organization(session, kind=OrganizationKind.FOUNDATION)
    made = operations.register_funder(session, actor=SYSTEM, kind="foundation", organization=body, now=NOW,
                                      council_above=Money.yuan(100_000), payer_accounts="6222 0001")
    assert made.verified_at is None
    assert body.is_funder
    assert made.payer_accounts == "62220001"
    operations.verify_funder(session, actor=operator(), funder=made, note="  核对  登记证书 ", now=NOW)
    assert (made.verified_at, made.verified_by, made.verification_note) == (NOW, 90_002, "核对 登记证书")


def test_a_named_fund_is_a_funder_beside_its_foundation_and_named_after_it(session):
    body = make_organization(session, kind=OrganizationKind.FOUNDATION, name="澜川区公益基金会")
    own = make_funder(session, organization=body)
    fund = make_funder(session, kind="named_fund", organization=body, fund_name="暖阳专项基金")
    assert (own.name, fund.name) == ("澜川区公益基金会", "澜川区公益基金会·暖阳专项基金")
    with pytest.raises(Conflict):
        operations.register_funder(session, actor=SYSTEM, kind="named_fund", organization=body, fund_name="暖阳专项基金",
                                   now=NOW)


def test_the_same_organization_is_not_registered_twice(session):
    funder = make_funder(session)
    with pytest.raises(Conflict):
        operations.register_funder(session, actor=SYSTEM, kind="foundation", organization=funder.organization, now=NOW)


def test_names_that_are_too_long_are_refused(session):
    with pytest.raises(Invalid):
        operations.register_funder(session, actor=SYSTEM, kind="person", person_name="陈" * 81, now=NOW)


def test_who_may_register_and_verify(session):
    body = make_organization(session, kind=OrganizationKind.FOUNDATION)
    own = Actor(person_id=5, name="沈", organization_id=body.id, roles=frozenset({Role.FUNDER}))
    stranger = Actor(person_id=6, name="外", organization_id=body.id + 1, roles=frozenset({Role.FUNDER}))
    assert policy.may_register(own, body)
    assert policy.may_register(operator(), None)
    assert not policy.may_register(stranger, body)
    assert not policy.may_register(own, None)
    with pytest.raises(Denied):
        operations.register_funder(session, actor=stranger, kind="foundation", organization=body, now=NOW)
    made = operations.register_funder(session, actor=own, kind="foundation", organization=body, now=NOW)
    with pytest.raises(Denied):
        operations.verify_funder(session, actor=own, funder=made, note="自己", now=NOW)


def test_an_unverified_body_cannot_become_a_verified_funder(session):
    body = make_organization(session, kind=OrganizationKind.ENTERPRISE, is_verified=False)
    funder = make_funder(session, kind="firm", organization=body, is_verified=False)
    with pytest.raises(Invalid) as refused:
        operations.verify_funder(session, actor=SYSTEM, funder=funder, note="看过", now=NOW)
    assert refused.value.field == "organization_verified"


def test_a_state_owned_firm_shows_its_approval_and_an_overseas_funder_its_number(session):
    firm = make_funder(session, kind="firm", is_verified=False, is_state_owned=True)
    with pytest.raises(Invalid) as refused:
        operations.verify_funder(session, actor=SYSTEM, funder=firm, note="看过", now=NOW)
    assert refused.value.field == "approval_file"
    firm.approval_file = make_proof(session, firm.organization)
    operations.verify_funder(session, actor=SYSTEM, funder=firm, note="看过批准文件", now=NOW)
    body = make_organization(session, kind=OrganizationKind.OTHER)
    abroad = make_funder(session, kind="overseas", organization=body, is_verified=False)
    with pytest.raises(Invalid) as refused:
        operations.verify_funder(session, actor=SYSTEM, funder=abroad, note="看过", now=NOW)
    assert refused.value.field == "overseas_number"
    operations.change_funder(session, actor=SYSTEM, funder=abroad, overseas_number=" G1  2026 ", now=NOW)
    operations.verify_funder(session, actor=SYSTEM, funder=abroad, note="看过", now=NOW)
    assert abroad.overseas_number == "G1 2026"


def test_an_infected_approval_does_not_count(session):
    firm = make_funder(session, kind="firm", is_verified=False, is_state_owned=True)
    firm.approval_file = make_proof(session, firm.organization)
    firm.approval_file.scan_state = "infected"
    assert [need.key for need in missing(firm)] == ["approval_file"]


def test_a_verification_says_what_was_looked_at(session):
    funder = make_funder(session, is_verified=False)
    with pytest.raises(Invalid):
        operations.verify_funder(session, actor=SYSTEM, funder=funder, note="  ", now=NOW)


def test_facts_that_the_verification_rests_on_make_the_operator_look_again(session):
    firm = make_funder(session, kind="firm")
    operations.change_funder(session, actor=officer(session, firm), funder=firm, now=NOW,
                             council_above=Money.yuan(5), is_name_withheld=True)
    assert firm.verified_at is not None
    operations.change_funder(session, actor=SYSTEM, funder=firm, now=NOW, is_state_owned=True)
    assert (firm.verified_at, firm.verified_by) == (None, None)


def test_strangers_do_not_change_a_funder(session):
    firm, other = make_funder(session, kind="firm"), make_funder(session)
    with pytest.raises(Denied) as refused:
        operations.change_funder(session, actor=officer(session, other), funder=firm, now=NOW, payer_accounts="1")
    assert refused.value.hidden


def test_a_verification_is_taken_back_with_a_reason(session):
    funder = make_funder(session)
    with pytest.raises(Invalid):
        operations.unverify_funder(session, actor=SYSTEM, funder=funder, note="", now=NOW)
    operations.unverify_funder(session, actor=make_operator(session), funder=funder, note="登记证书过期", now=NOW)
    assert (funder.verified_at, funder.verification_note) == (None, "登记证书过期")


def test_a_funder_is_found_by_its_people_and_by_its_reference(session):
    funder = make_funder(session)
    fund = make_funder(session, kind="named_fund", organization=funder.organization, fund_name="暖阳")
    assert funder_of(session, officer(session, funder)) is funder
    operations.unverify_funder(session, actor=SYSTEM, funder=funder, note="过期", now=NOW)
    assert funder_of(session, officer(session, funder)) is fund
    assert funder_of(session, operator()) is None
    assert funder_of(session, Actor(person_id=1, organization_id=funder.organization_id)) is None
    assert by_ref(session, fund.ref) is fund
    with pytest.raises(Denied):
        by_ref(session, "nobody")


# ---- cost lines ----

def test_a_buyer_names_what_extra_money_pays_for(session):
    world = make_world(session)
    line = operations.add_cost_line(session, actor=world.desk.handler, project=world.project, name=" 无障碍  改造 ",
                                    amount=Money.yuan(8_000), now=NOW)
    assert (line.name, line.source, line.funded) == ("无障碍 改造", "extra", Money(0))
    with pytest.raises(Conflict):
        operations.add_cost_line(session, actor=SYSTEM, project=world.project, name="无障碍 改造", amount=Money(1), now=NOW)
    assert session.get(CostLine, line.id) is line


@pytest.mark.parametrize(("changes", "field"), [
    ({"name": ""}, "name"), ({"name": "费" * 81}, "name"), ({"source": "other"}, "source"),
    ({"amount": Money(0)}, "amount"),
])
def test_a_cost_that_cannot_be_is_refused(session, changes, field):
    world = make_world(session)
    with pytest.raises(Invalid) as refused:
        operations.add_cost_line(session, actor=SYSTEM, project=world.project, now=NOW,
                                 **{"name": "改造", "amount": Money(1), **changes})
    assert refused.value.field == field


def test_only_the_buyer_names_costs(session):
    world = make_world(session)
    with pytest.raises(Denied):
        operations.add_cost_line(session, actor=keeper(session, world), project=world.project, name="改造",
                                 amount=Money(1), now=NOW)


def test_a_lottery_funder_is_a_unit(session):
    unit = make_unit(session, name="澜川区民政局")
    funder = make_funder(session, kind="lottery", organization=unit)
    assert (funder.verified_at, missing(funder)) == (NOW, [])


# ---- the registry is followed ----

def test_an_organization_that_is_sent_back_is_no_verified_funder_any_more(ctx):
    with transaction() as session:
        funder = make_funder(session)
        fund = make_funder(session, kind="named_fund", organization=funder.organization, fund_name="暖阳")
        other, ref = make_funder(session), funder.organization.ref
        refs = [one.ref for one in (funder, fund, other)]
    following.follow_verification(organization_ref=ref, name="", outcome="verified", reason="")
    with transaction() as session:
        assert by_ref(session, refs[0]).verified_at == NOW
        organizations.return_profile(session, actor=SYSTEM, organization=by_ref(session, refs[0]).organization,
                                     reason="登记证书已经过期", now=NOW)
    for _ in range(2):
        following.follow_verification(organization_ref=ref, name="", outcome="returned", reason="")
    with transaction() as session:
        assert [by_ref(session, one).verified_at for one in refs] == [None, None, NOW]
    following.follow_verification(organization_ref="gone")
    assert set(following.HANDLERS) <= set(HANDLERS)


# ---- the yearly list of lottery money ----

def test_the_years_lottery_money_is_listed_for_publication(ctx):
    with transaction() as session:
        world = make_world(session)
        bureau = make_funder(session, kind="lottery", organization=make_unit(session, name="澜川区民政局"))

        def give(yuan, **facts):
            return make_pledge(session, world, funder=bureau, amount=Money.yuan(yuan), lottery_purpose="elderly", **facts)

        give(5_000, is_verbal=True)
        operations.cancel(session, actor=SYSTEM, pledge=give(3_000), reason="解除", now=NOW)
        give(2_000, now=datetime(2026, 12, 31, 16, tzinfo=UTC))          # already next year in Beijing
        operations.disburse(session, actor=SYSTEM, release=released(session, world, held(session, world, give(8_000)),
                                                                    Money.yuan(1_000)),
                            from_account=world.suspense, idem_key="out", now=NOW)
        make_pledge(session, world)                                       # no lottery money
        number, receiver = world.project.number, world.receiver.name
    done = ctx.test_cli_runner().invoke(args=["funding", "lottery-list", "--year", "2026"])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1:] == [
        f"澜川区民政局,{number},桐浦街道长者助餐服务,{receiver},扶老,8000.00,1000.00,接收方已确认"]
    assert "2027-06-30" in done.stderr
    assert [use.promised for use in lottery.uses(db.session(), year=2027)] == [Money.yuan(2_000)]
