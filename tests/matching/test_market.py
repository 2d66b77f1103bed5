"""The market of this site: from rows to facts, kept and read again, one project and one provider in it."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from marketplace.core.access import SYSTEM
from marketplace.core.db import db
from marketplace.core.money import Money
from marketplace.matching.models import WeightSet
from marketplace.matching.queries import facts, market
from marketplace.matching.rules.hard import HardRule
from marketplace.matching.rules.weights import Criterion, Weights
from marketplace.organizations import operations as organizations
from marketplace.organizations.models import CreditListing
from marketplace.organizations.rules import OrganizationKind
from marketplace.web.services import services
from tests.browser.sides import make_market, make_provider
from tests.factories import NOW
from tests.factories.organizations import make_unit
from tests.factories.projects import AREA, CATEGORY, make_draft, make_published

pytestmark = pytest.mark.usefixtures("ctx")


def one(session, name="澜川区晚晴服务中心", **profile):
    return make_provider(session, name, now=NOW - timedelta(days=9), **profile)


def facts_of(session, provider, now=NOW):
    return next((row for row in facts.provider_facts(session, simple=str, now=now) if row.key == provider.id), None)


def rank(session, project, now=NOW):
    return market.rank_project(session, project, tools=services(), now=now)


def keys(ranking):
    return [row.provider_key for row in ranking.rows]


def test_a_profile_becomes_facts_and_what_was_not_said_stays_unknown(session):
    made = one(session, capacity_projects=4, staff_certified=6, past_projects=[
        {"title": "长者食堂", "buyer_name": "街道", "amount": Money.yuan(200_000)}, {"title": "送餐", "buyer_name": "街道", "amount": Money.yuan(400_000)}])
    found = facts_of(session, made)
    assert (found.free, found.certified, found.told, found.finished) == (4, 6, 2, 0)
    assert found.typical_fen == Money.yuan(300_000).fen
    assert "长者食堂" in found.texts[1]
    assert found.categories == (CATEGORY,)
    assert AREA in found.areas
    bare = facts_of(session, one(session, "澜川区无言服务中心"))
    assert (bare.free, bare.certified, bare.typical_fen, bare.free_fen) == (None, None, None, None)


def test_units_take_no_part_and_filed_bodies_are_no_legal_persons(session):
    unit = make_unit(session, name="某街道办事处")
    filed = one(session, "桐浦邻里互助队", kind=OrganizationKind.FILED_GROUP, is_verified=False)
    assert facts_of(session, unit) is None
    made = facts_of(session, filed)
    assert made is None or not made.is_legal_person


def test_a_list_holds_from_its_day_until_it_is_left(session):
    made = one(session)
    today = NOW.date()
    session.add(CreditListing(organization_id=made.id, kind="abnormal", listed_on=today - timedelta(days=5),
                              removed_on=today + timedelta(days=5), reason="未年报", source="民政局"))
    session.flush()
    assert facts_of(session, made).is_abnormal
    assert not facts_of(session, made, NOW + timedelta(days=6)).is_abnormal


def test_the_names_of_the_own_place_are_not_compared(session):
    project = make_published(session, title="桐浦街道长者食堂运营服务")
    need = market.need_of(session, project, tools=services())
    names = [name for code, name in facts.area_names(session).items() if code in need.areas]
    assert names
    assert not any(name in text for name in names for text in need.texts)
    assert need.areas[0] == project.area_code


def test_a_project_without_an_area_lies_where_its_buyer_is(session):
    project = make_draft(session)
    project.area_code = None
    assert market.need_of(session, project, tools=services()).areas[0] == project.buyer.area_code


def test_the_qualification_of_a_project_is_asked_as_published(session):
    project = make_published(session, qualified_kinds=["service_agency"], certified_min=5)
    need = market.need_of(session, project, tools=services())
    assert need.required_kinds == {"service_agency"}
    assert need.required_certified == 5
    found = make_market(session, now=NOW - timedelta(days=3))
    told = market.explain_pair(session, project, found["firm"], tools=services(), now=NOW)
    assert told.bits & HardRule.KIND


def test_everybody_is_where_a_clerk_expects_him(session):
    project = make_published(session)
    found = make_market(session, now=NOW - timedelta(days=3))
    order = keys(rank(session, project))
    assert {order[0], order[1]} == {found["near"].id, found["tied"].id}
    assert found["words"].id in order
    for name in ("far", "full", "filed"):
        assert found[name].id not in order


def test_a_changed_profile_is_seen_at_once(session):
    project = make_published(session)
    found = make_market(session, now=NOW - timedelta(days=3))
    assert found["near"].id in keys(rank(session, project))
    organizations.update_profile(session, actor=SYSTEM, organization=found["near"], now=NOW, changes={"capacity_projects": 0})
    session.flush()
    assert found["near"].id not in keys(rank(session, project))


def test_a_market_that_did_not_change_is_not_read_again(session):
    project = make_published(session)
    make_market(session, now=NOW - timedelta(days=3))
    rank(session, project)
    statements = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    assert market.market_of(session, tools=services(), now=NOW) is market.market_of(session, tools=services(), now=NOW)
    assert statements
    assert not any("business_scope" in sql for sql in statements)


def test_a_large_market_is_looked_at_once_a_minute(session, monkeypatch):
    project = make_published(session)
    found = make_market(session, now=NOW - timedelta(days=3))
    monkeypatch.setattr(market, "SMALL", 3)
    assert found["near"].id in keys(rank(session, project))
    organizations.update_profile(session, actor=SYSTEM, organization=found["near"], now=NOW, changes={"capacity_projects": 0})
    session.flush()
    assert found["near"].id in keys(rank(session, project, NOW + timedelta(seconds=59)))
    assert found["near"].id not in keys(rank(session, project, NOW + timedelta(seconds=61)))


def test_the_weights_in_force_are_the_newest_and_those_of_the_product_before_any(session):
    assert market.weights_in_force(session) == Weights()
    for number, least in ((1, 50), (2, 60)):
        session.add(WeightSet(number=number, plain=Weights(least=least).as_plain(), reason="试行", created_at=NOW))
    session.flush()
    assert market.weights_in_force(session).least == 60


def test_the_projects_for_a_provider_are_the_open_ones_whose_lists_hold_it(session):
    project = make_published(session)
    make_draft(session)
    found = make_market(session, now=NOW - timedelta(days=3))
    assert [one.id for one, _ in market.projects_for(session, found["near"], tools=services(), now=NOW)] == [project.id]
    assert market.projects_for(session, found["far"], tools=services(), now=NOW) == []
    after = project.closes_at + timedelta(seconds=1)
    assert market.projects_for(session, found["near"], tools=services(), now=after) == []


def test_a_row_sums_to_its_total_and_names_every_criterion(session):
    project = make_published(session)
    make_market(session, now=NOW - timedelta(days=3))
    for row in rank(session, project).rows:
        assert sum(part.tenths for part in row.parts) == row.total
        assert [part.criterion for part in row.parts][:6] == list(Criterion)[:6]


def test_the_facts_are_read_in_a_few_statements_however_many_there_are(session):
    make_published(session)
    for number in range(3):
        one(session, f"澜川区{number}号中心")
    counts = []
    for _ in range(2):
        statements = []
        event.listen(db.engine, "before_cursor_execute", lambda *args, kept=statements: kept.append(args[2]))
        facts.provider_facts(session, simple=str, now=NOW)
        counts.append(len(statements))
        for number in range(12):
            one(session, f"澜川区{len(counts)}{number}号大中心")
        session.flush()
    assert counts[0] == counts[1] <= 12
