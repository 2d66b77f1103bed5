"""What stands between projects and providers, read set-wise and for one pair; what the pages list."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from marketplace.accounts import operations as accounts
from marketplace.accounts.models import Mandate
from marketplace.awards import operations as awards_operations
from marketplace.awards.models import PanelSeat
from marketplace.conflicts import operations, queries
from marketplace.conflicts.queries.facts import MANY
from marketplace.conflicts.rules import Clearing, Ground, Kind, Outcome, Relation, Stated, Strength, years_before
from marketplace.core.access import SYSTEM, Role
from marketplace.core.clock import at_beijing
from marketplace.core.db import db
from marketplace.core.errors import Denied
from marketplace.core.money import Money
from marketplace.funding import operations as funding_operations
from marketplace.organizations.models import Organization
from marketplace.projects import operations as projects
from marketplace.web.services import services
from tests.factories import NOW, awards, funding
from tests.factories.accounts import actor_of, make_person
from tests.factories.conflicts import REPRESENTATIVE, TODAY, admin_of, make_flagged, make_operator, make_pair, relate
from tests.factories.organizations import make_organization
from tests.factories.projects import make_desk, make_published


def bit(session, pair):
    """The bit of the pair, from the set-wise reading; the one-pair reading must say the same."""
    session.flush()
    found = queries.conflict_bits(session, [pair.project.id], None, today=TODAY).get((pair.project.id, pair.provider.id))
    told = queries.explain(session, pair.project, pair.provider, TODAY)
    assert (found.grounds if found else ()) == tuple(dict.fromkeys(sorted((one.ground for one in told), key=list(Ground).index)))
    barred = queries.bars(session, pair.project.id, pair.provider.id, TODAY)
    assert (found is not None and found.kind is Kind.CONFLICT) == (barred is not None)
    return found


def grounds(session, pair):
    found = bit(session, pair)
    return (found.kind, found.grounds) if found else None


# ---- one pair ----

def test_between_strangers_there_is_nothing(session):
    assert grounds(session, make_pair(session)) is None


def test_the_buyer_itself_is_barred(session):
    pair = make_pair(session)
    pair.buyer.is_provider, pair.buyer.verification, pair.buyer.verified_at = True, "verified", NOW
    session.flush()
    found = queries.explain(session, pair.project, pair.buyer, TODAY)
    assert [one.ground for one in found] == [Ground.BUYER_ITSELF]
    assert queries.bars(session, pair.project.id, pair.buyer.id, TODAY) == found[0]


def test_a_unit_below_the_buyer_is_barred(session):
    pair = make_pair(session)
    pair.provider.path = f"{pair.buyer.path}{pair.provider.id}/"
    assert grounds(session, pair) == (Kind.CONFLICT, (Ground.UNIT_TREE,))


@pytest.mark.parametrize("by_provider", [True, False])
def test_a_related_party_by_code_is_barred_whoever_states_it(session, by_provider):
    pair = make_pair(session)
    pair.buyer.verification, pair.buyer.verified_at = "verified", NOW
    relate(session, *((pair.provider, pair.buyer) if by_provider else (pair.buyer, pair.provider)))
    assert grounds(session, pair) == (Kind.CONFLICT, (Ground.CONTROL,))


def test_a_related_party_by_name_must_declare_first(session):
    pair = make_pair(session)
    relate(session, pair.provider, pair.buyer, with_code=False)
    assert grounds(session, pair) == (Kind.DECLARE_FIRST, (Ground.NAMED_RELATED,))


def test_the_same_name_of_the_representative_is_no_bar_but_must_declare_first(session):
    pair = make_flagged(session)
    assert grounds(session, pair) == (Kind.DECLARE_FIRST, (Ground.SAME_REPRESENTATIVE,))
    told = queries.explain(session, pair.project, pair.provider, TODAY)[0]
    assert told.strength is Strength.FLAG
    assert told.facts["detail"] == REPRESENTATIVE
    assert "{detail}" not in told.told


def test_a_provider_that_nobody_knows_must_declare_first_and_declaring_suffices_here(session):
    pair = make_pair(session, is_verified=False)
    assert grounds(session, pair) == (Kind.DECLARE_FIRST, (Ground.IDENTITY,))
    operations.declare(session, actor=admin_of(session, pair.provider), organization=pair.provider, stated=[],
                       says_none=True, now=NOW)
    assert grounds(session, pair) is None


# ---- people ----

def wear_both_hats(session, pair, *, revoked_at=None):
    person = make_person(session, role=Role.PROVIDER_MEMBER, organization_id=pair.provider.id)
    accounts.grant(session, actor=SYSTEM, person=person, organization_id=pair.buyer.id, role=Role.HANDLER, now=NOW)
    mandate = session.scalars(sa.select(Mandate).where(
        Mandate.person_id == person.id, Mandate.organization_id == pair.provider.id)).one()
    mandate.revoked_at = revoked_at
    session.flush()
    return person


LIMIT = at_beijing(years_before(TODAY, 3))


@pytest.mark.parametrize(("revoked_at", "is_barred"), [
    (None, True), (NOW - timedelta(days=400), True), (LIMIT + timedelta(seconds=1), True), (LIMIT, False),
    (NOW - timedelta(days=2_000), False),
])
def test_who_buys_now_and_acted_for_the_provider_within_three_years_bars(session, revoked_at, is_barred):
    pair = make_pair(session)
    wear_both_hats(session, pair, revoked_at=revoked_at)
    assert grounds(session, pair) == ((Kind.CONFLICT, (Ground.STAFF_MANDATE,)) if is_barred else None)


def test_who_bought_once_and_left_the_unit_bars_nobody(session):
    pair = make_pair(session)
    person = wear_both_hats(session, pair)
    session.execute(sa.update(Mandate).where(Mandate.person_id == person.id, Mandate.organization_id == pair.buyer.id)
                    .values(revoked_at=NOW))
    assert grounds(session, pair) is None


def test_what_a_buyers_member_declares_bars_the_projects_of_the_unit_until_the_three_years_are_over(session):
    pair = make_pair(session)
    said = Stated(Relation.BOARD, pair.provider.name, pair.provider.credit_code)
    operations.declare_own(session, actor=pair.desk.handler, stated=[said], says_none=False, now=NOW)
    assert grounds(session, pair) == (Kind.CONFLICT, (Ground.STAFF_DECLARED,))
    other = make_published(session, make_desk(session))
    assert queries.explain(session, other, pair.provider, TODAY) == []
    told = queries.explain(session, pair.project, pair.provider, TODAY)[0]
    assert told.facts["other"] == pair.desk.handler.name
    assert pair.desk.handler.name not in told.told.format(**told.facts)
    ended = Stated(Relation.BOARD, pair.provider.name, pair.provider.credit_code, until=years_before(TODAY, 3))
    operations.declare_own(session, actor=pair.desk.handler, stated=[ended], says_none=False, now=NOW)
    assert grounds(session, pair) is None


def test_by_name_alone_a_members_declaration_is_a_flag(session):
    pair = make_pair(session)
    operations.declare_own(session, actor=pair.desk.approver, stated=[Stated(Relation.KIN, pair.provider.name)],
                           says_none=False, now=NOW)
    assert grounds(session, pair) == (Kind.DECLARE_FIRST, (Ground.STAFF_UNSURE,))


def test_only_the_newest_declaration_counts(session):
    pair = make_pair(session)
    admin = admin_of(session, pair.provider)
    said = Stated(Relation.SPONSOR, pair.buyer.name, pair.buyer.credit_code)
    operations.declare(session, actor=admin, organization=pair.provider, stated=[said], says_none=False, now=NOW)
    assert grounds(session, pair) == (Kind.CONFLICT, (Ground.CONTROL,))
    operations.declare(session, actor=admin, organization=pair.provider, stated=[], says_none=True, now=NOW)
    assert grounds(session, pair) is None
    assert len(queries.declarations_of(session, pair.provider)) == 2


def test_the_employer_of_a_reviewer_is_barred_until_the_reviewer_withdraws(session):
    case = awards.make_case(session, services().sealer)
    provider = make_organization(session)
    panel = awards.draw(session, case)
    seat = session.scalars(sa.select(PanelSeat).where(PanelSeat.panel_id == panel.id)).first()
    awards_operations.enrol_expert(session, actor=SYSTEM, person=seat.person, employer_organization=provider, now=NOW)
    session.flush()
    told = queries.explain(session, case.project, provider, TODAY)
    assert [one.ground for one in told] == [Ground.REVIEWER_EMPLOYER]
    assert queries.conflict_bits(session, [case.project.id], today=TODAY).pairs.keys() >= {(case.project.id, provider.id)}
    assert seat.person.name not in told[0].told.format(**told[0].facts)
    assert queries.against(session, provider, today=TODAY) == []      # the panel is secret before the result
    awards_operations.declare(session, actor=actor_of(session, seat.person), seat=seat, has_conflict=True,
                              reason="在该组织任职", now=awards.OPENED)
    assert queries.explain(session, case.project, provider, TODAY) == []


def test_a_reviewer_who_acted_for_the_provider_bars(session):
    case = awards.make_case(session, services().sealer)
    provider = make_organization(session)
    panel = awards.draw(session, case)
    seat = session.scalars(sa.select(PanelSeat).where(PanelSeat.panel_id == panel.id)).first()
    accounts.grant(session, actor=SYSTEM, person=seat.person, organization_id=provider.id, role=Role.PROVIDER_MEMBER,
                   now=NOW)
    session.flush()
    assert [one.ground for one in queries.explain(session, case.project, provider, TODAY)] == [Ground.REVIEWER_MANDATE]


# ---- funders ----

def test_a_funder_and_its_interested_party_are_barred_while_the_promise_lives(session):
    world = funding.make_world(session)
    funder = funding.make_funder(session)
    party = make_organization(session)
    relate(session, party, funder.organization, "sponsor")
    pledge = funding.make_pledge(session, world, funder=funder)
    session.flush()
    itself = queries.explain(session, world.project, funder.organization, TODAY)
    assert [one.ground for one in itself] == [Ground.FUNDER_ITSELF]
    found = queries.explain(session, world.project, party, TODAY)
    assert [one.ground for one in found] == [Ground.FUNDER_RELATED]
    assert funder.organization.name not in found[0].told.format(**found[0].facts)
    funding_operations.cancel(session, actor=funding.keeper(session, world), pledge=pledge, reason="经济状况显著恶化", now=NOW)
    session.expire_all()
    assert queries.explain(session, world.project, party, TODAY) == []


def test_the_owner_of_a_pool_stands_behind_the_project_that_it_matches(session):
    world = funding.make_world(session)
    owner = funding.make_funder(session)
    funding.make_pledge(session, world)
    funding.make_pool(session, funder=owner)
    assert queries.explain(session, world.project, owner.organization, TODAY) == []
    funding.make_pledge(session, world)
    found = queries.explain(session, world.project, owner.organization, TODAY)
    assert [one.ground for one in found] == [Ground.FUNDER_ITSELF]


def test_a_foundation_that_gives_is_barred_among_all_though_it_bids_for_nothing(session):
    world, funder = funding.make_world(session), funding.make_funder(session)
    funder.organization.is_provider, funder.organization.public_since = False, NOW
    funding.make_pledge(session, world, funder=funder)
    session.flush()
    found = queries.conflict_bits(session, [world.project.id], None, today=TODAY)
    assert found[world.project.id, funder.organization.id].grounds == (Ground.FUNDER_ITSELF,)


def test_a_person_who_gives_and_bears_the_representatives_name_is_a_flag(session):
    world = funding.make_world(session)
    provider = make_organization(session, legal_representative="欧阳远志")
    funding.make_pledge(session, world, funder=funding.make_funder(session, kind="person", person_name="欧阳远志"),
                        amount=Money.yuan(100))
    session.flush()
    assert [one.ground for one in queries.explain(session, world.project, provider, TODAY)] == [Ground.FUNDER_UNSURE]


# ---- many pairs ----

def test_the_mapping_counts_stored_pairs_and_those_of_unknown_providers_each_once(session):
    pair = make_flagged(session)
    second = make_published(session, pair.desk)
    unknown = make_organization(session, is_verified=False)
    flagged_too = make_organization(session, is_verified=False, legal_representative=REPRESENTATIVE)
    elsewhere = make_published(session, make_desk(session))
    session.flush()
    wanted = [pair.project.id, second.id, elsewhere.id]
    bits = queries.conflict_bits(session, wanted, today=TODAY)
    assert len(bits) == len(list(bits)) == len(dict(bits)) == 2 + 3 + 3
    assert bits[elsewhere.id, unknown.id] == (Kind.DECLARE_FIRST, (Ground.IDENTITY,))
    assert bits[second.id, flagged_too.id].grounds == (Ground.SAME_REPRESENTATIVE, Ground.IDENTITY)
    assert (elsewhere.id, pair.provider.id) not in bits
    assert (10**9, unknown.id) not in bits
    with pytest.raises(KeyError):
        bits[elsewhere.id, pair.provider.id]


def test_asked_for_some_providers_it_tells_of_no_other(session):
    pair = make_flagged(session)
    other = make_organization(session, legal_representative=REPRESENTATIVE)
    session.flush()
    only = queries.conflict_bits(session, [pair.project.id], [other.id], today=TODAY)
    assert set(only) == {(pair.project.id, other.id)}
    many = queries.conflict_bits(session, [pair.project.id], [other.id, *range(10**6, 10**6 + MANY)], today=TODAY)
    assert dict(many) == dict(only)


def test_without_projects_or_for_a_pair_that_does_not_exist_there_is_nothing(session):
    pair = make_flagged(session)
    assert dict(queries.conflict_bits(session, [], today=TODAY)) == {}
    assert queries.bars(session, 10**9, pair.provider.id, TODAY) is None
    assert queries.bars(session, pair.project.id, 10**9, TODAY) is None


def test_the_number_of_statements_does_not_grow_with_projects_and_providers(session):
    pair = make_flagged(session)

    def statements():
        seen = []
        bind = session.connection().engine
        note = lambda *args: seen.append(args[2])  # noqa: E731
        sa.event.listen(bind, "before_cursor_execute", note)
        try:
            queries.conflict_bits(session, projects_now, today=TODAY)
        finally:
            sa.event.remove(bind, "before_cursor_execute", note)
        return len(seen)

    session.flush()
    projects_now = [pair.project.id]
    few = statements()
    for _ in range(4):
        desk = make_desk(session)
        desk.unit.legal_representative = REPRESENTATIVE
        projects_now.append(make_published(session, desk).id)
        make_organization(session, legal_representative=REPRESENTATIVE)
    session.flush()
    assert statements() == few
    assert few < 20


# ---- pages ----

def test_the_queue_holds_flags_of_running_projects_declared_ones_first(session):
    pair = make_flagged(session)
    later = make_organization(session, name="澜川区阿明社会工作服务中心", legal_representative=REPRESENTATIVE)
    session.flush()
    operations.declare(session, actor=admin_of(session, pair.provider), organization=pair.provider, stated=[],
                       says_none=True, now=NOW)
    cases = queries.waiting(session, clearing=Clearing.LOOK, today=TODAY)
    assert [(one.provider_ref, one.needs_declaration, one.projects) for one in cases] == [
        (pair.provider.ref, False, (pair.project.id,)), (later.ref, True, (pair.project.id,))]
    assert queries.waiting(session, clearing=Clearing.WITHDRAWAL, today=TODAY) == []
    projects.terminate(session, actor=pair.desk.approver, project=pair.project, reason="计划调整", now=NOW)
    session.flush()
    assert queries.waiting(session, clearing=Clearing.LOOK, today=TODAY) == []
    with pytest.raises(Denied):
        queries.case(session, pair.provider, cases[0].tie.key, today=TODAY)


def test_a_settled_tie_leaves_the_queue_and_stands_among_the_settled(session):
    pair = make_pair(session)
    wear_both_hats(session, pair)
    one, = queries.waiting(session, clearing=Clearing.WITHDRAWAL, today=TODAY)
    assert one.tie.ground is Ground.STAFF_MANDATE
    assert [project.id for project in queries.touched(session, one)] == [pair.project.id]
    operations.settle(session, actor=make_operator(session), provider=pair.provider, tie_key=one.tie.key,
                      outcome=Outcome.CLEARED, reason="何静已退出该项目的全部采购工作", now=NOW)
    assert queries.waiting(session, clearing=Clearing.WITHDRAWAL, today=TODAY) == []
    assert [each.outcome for each in session.scalars(queries.settled())] == [Outcome.CLEARED]
    assert queries.case(session, pair.provider, one.tie.key, today=TODAY).outcome == Outcome.CLEARED
    assert grounds(session, pair) is None


def test_a_provider_reads_each_thing_once_bars_first(session):
    pair = make_flagged(session)
    make_published(session, pair.desk)
    relate(session, pair.provider, pair.buyer)
    found = queries.against(session, pair.provider, today=TODAY)
    assert [one.ground for one in found] == [Ground.CONTROL, Ground.SAME_REPRESENTATIVE]


def test_an_unverified_provider_reads_that_it_should_declare(session):
    provider = make_organization(session, is_verified=False)
    session.flush()
    assert [one.ground for one in queries.against(session, provider, today=TODAY)] == [Ground.IDENTITY]
    assert session.get(Organization, provider.id) is provider
    assert db.session() is not None
