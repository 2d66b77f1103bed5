"""Two tied providers never get one project: in runs, in edits, when publishing, whatever is pinned; pages say it."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy import select

from marketplace.core.db import db
from marketplace.core.errors import Conflict, Invalid
from marketplace.matching import operations
from marketplace.matching.models import Pairing
from marketplace.matching.queries import facts, runs
from marketplace.matching.queries.previews import standing_of
from marketplace.matching.queries.reweighing import effect
from marketplace.matching.queries.together import tied_among
from marketplace.matching.rules.weights import Weights
from marketplace.organizations.models import RelatedParty
from marketplace.web.services import services
from tests.factories import NOW
from tests.factories.conflicts import relate
from tests.factories.matching import make_run, make_world
from tests.matching.test_edits import HOUR, commit, edited, given_to, plan_of, standing


@pytest.fixture
def world(session):
    """One project and four providers, each better known than the one before."""
    return make_world(session, projects=1, providers=4)


@pytest.fixture
def asks_for_two(monkeypatch):
    """Projects ask for two providers from the start."""
    read = facts.need_facts
    monkeypatch.setattr(facts, "need_facts", lambda *args, **more: [replace(one, wants=2) for one in read(*args, **more)])


def ranked(session, world):
    """The providers by the points that a run gives them, the best first."""
    now = standing_of(session, make_run(session, world))
    made = now.problem(now.wishes)
    keys = made.edges.provider_keys[made.edges.providers].tolist()
    points = dict(zip(keys, made.values.tolist(), strict=True))
    return sorted(world.providers, key=lambda one: -points[one.id])


def released(session, one, other):
    """The relation is taken out of the profile."""
    session.execute(sa.delete(RelatedParty).where(RelatedParty.organization_id == one.id,
                                                  RelatedParty.credit_code == other.credit_code))


# ---- runs ----

def test_a_run_leaves_out_the_lower_of_two_tied_providers_and_says_so(session, world, asks_for_two):
    first, second, third, _ = ranked(session, world)
    project = world.projects[0]
    free = make_run(session, world)
    assert given_to(session, free, project) == {first.id, second.id}
    assert free.notes == []
    relate(session, second, first)
    run = make_run(session, world)
    assert given_to(session, run, project) == {first.id, third.id}
    [note] = run.notes
    assert "第十八条" in note["sentence"]
    assert note["facts"]["count"] == 1
    assert note["facts"]["cost"] == (runs.metrics_of(free).total - runs.metrics_of(run).total) / 10 > 0
    assert runs.metrics_of(run).ratio == 1.0                # of the last flow
    assert run.inputs_sha256 != free.inputs_sha256
    assert make_run(session, world).inputs_sha256 == run.inputs_sha256


def test_a_run_that_finds_no_second_one_but_for_a_tie_says_why(session, asks_for_two):
    world = make_world(session, projects=1, providers=2)
    relate(session, *world.providers)
    run = make_run(session, world)
    assert [(one.state, one.reason, one.given) for one in run.needs] == [("partly", "tied", 1)]


def test_of_two_confirmed_that_are_tied_since_the_one_confirmed_first_is_carried_over(session, world, asks_for_two):
    first = make_run(session, world, is_published=True)
    pairs = session.scalars(select(Pairing).where(Pairing.run_id == first.id).order_by(Pairing.total)).all()
    for number, pair in enumerate(pairs):
        operations.confirm_pair(session, actor=world.operator, pairing=pair, edits=number, reason="双方同意",
                                now=NOW + number * HOUR)
    relate(session, pairs[0].provider, pairs[1].provider)
    second = make_run(session, world, now=NOW + 3 * HOUR)
    states = {one.provider_id: one.state for one in second.pairings}
    assert states[pairs[0].provider_id] == "confirmed"
    assert pairs[1].provider_id not in states
    assert len(states) == 2
    assert [one["facts"] for one in second.notes if "先确认的组织" in one["sentence"]] == [{"count": 1}]


# ---- edits ----

def test_a_second_provider_asked_for_later_is_not_a_tied_one(session, world):
    best, *others = ranked(session, world)
    run = make_run(session, world)
    relate(session, others[0], best)
    plan = plan_of(session, run, "wanted", project=world.projects[0], value=2)
    assert set(plan.difference.come) == {(world.projects[0].id, others[1].id)}
    commit(session, world, run, plan)
    assert given_to(session, run, world.projects[0]) == {best.id, others[1].id}
    assert run.inputs_sha256 == plan.sha256
    edited(session, world, run, "forbid", project=world.projects[0], provider=best)     # now the tied one may come
    assert given_to(session, run, world.projects[0]) == {others[0].id, others[1].id}


@pytest.mark.parametrize("how", ["pin", "confirm"])
def test_a_pin_beside_a_tied_one_that_people_fixed_is_refused_with_the_law(session, world, how):
    best, other, third, _ = ranked(session, world)
    run = make_run(session, world, is_published=True)
    project = world.projects[0]
    edited(session, world, run, "wanted", project=project, value=2)
    if how == "pin":
        edited(session, world, run, "pin", project=project, provider=best)
    else:
        pairing = session.scalars(select(Pairing).where(Pairing.run_id == run.id, Pairing.provider_id == best.id,
                                                        Pairing.state == "proposed")).one()
        operations.confirm_pair(session, actor=world.operator, pairing=pairing, edits=run.edits, reason="同意", now=NOW)
    relate(session, best, third)
    before = run.edits
    with pytest.raises(Invalid, match=r"不能同时承接同一合同") as refused:
        plan_of(session, run, "pin", project=project, provider=third)
    assert refused.value.field == "provider"
    assert (refused.value.facts["name"], refused.value.facts["other"]) == (third.name, best.name)
    assert "第十八条" in refused.value.facts["source"]
    released(session, best, third)
    plan = plan_of(session, run, "pin", project=project, provider=third)
    relate(session, best, third)                               # between preview and commit
    with pytest.raises(Invalid, match=r"不能同时承接同一合同"):
        commit(session, world, run, plan)
    assert run.edits == before
    assert given_to(session, run, project) == {best.id, other.id}


def test_a_pin_takes_the_place_of_a_tied_one_that_was_only_proposed(session, world):
    best, other, _, last = ranked(session, world)
    run = make_run(session, world)
    project = world.projects[0]
    edited(session, world, run, "wanted", project=project, value=2)
    relate(session, best, last)
    edited(session, world, run, "pin", project=project, provider=last)
    assert given_to(session, run, project) == {last.id, other.id}


def test_who_returns_with_a_pin_is_not_put_beside_a_tied_one_pinned_meanwhile(session, world):
    best, other, *_ = ranked(session, world)
    run = make_run(session, world)
    project = world.projects[0]
    relate(session, best, other)
    edited(session, world, run, "wanted", project=project, value=2)
    edited(session, world, run, "pin", project=project, provider=best)
    edited(session, world, run, "withdraw", provider=best)
    edited(session, world, run, "pin", project=project, provider=other)
    with pytest.raises(Invalid, match="不能同时承接同一合同"):
        plan_of(session, run, "add", provider=best)


def test_two_that_became_tied_after_the_preview_stop_the_commit(session, world):
    best, other, third, _ = ranked(session, world)
    run = make_run(session, world)
    plan = plan_of(session, run, "wanted", project=world.projects[0], value=2)
    assert set(plan.difference.come) == {(world.projects[0].id, other.id)}
    relate(session, best, other)
    with pytest.raises(Conflict, match="刚刚登记为关联方"):
        commit(session, world, run, plan)
    assert given_to(session, run, world.projects[0]) == {best.id}
    edited(session, world, run, "wanted", project=world.projects[0], value=2)
    assert given_to(session, run, world.projects[0]) == {best.id, third.id}


def test_two_that_people_had_fixed_before_stay_and_other_edits_go_on(session, world):
    best, other, third, _ = ranked(session, world)
    run = make_run(session, world)
    project = world.projects[0]
    edited(session, world, run, "wanted", project=project, value=2)
    for one in (best, other):
        edited(session, world, run, "pin", project=project, provider=one)
    relate(session, best, other)
    edited(session, world, run, "capacity", provider=third, value=3)
    assert given_to(session, run, project) == {best.id, other.id}
    with pytest.raises(Invalid, match="两个互相关联的组织"):
        operations.publish(session, actor=world.operator, run=run, edits=run.edits, replaces=None, now=NOW)
    edited(session, world, run, "release", project=project, provider=other)
    assert given_to(session, run, project) == {best.id, third.id}
    operations.publish(session, actor=world.operator, run=run, edits=run.edits, replaces=None, now=NOW)


def test_a_tied_one_is_not_confirmed_beside_the_other(session, world):
    best, other, *_ = ranked(session, world)
    run = make_run(session, world, is_published=True)
    project = world.projects[0]
    edited(session, world, run, "wanted", project=project, value=2)
    relate(session, best, other)
    pairing = session.scalars(select(Pairing).where(Pairing.run_id == run.id, Pairing.provider_id == other.id)).one()
    with pytest.raises(Invalid, match="不能同时承接同一合同"):
        operations.confirm_pair(session, actor=world.operator, pairing=pairing, edits=run.edits, reason="同意", now=NOW)
    edited(session, world, run, "forbid", project=project, provider=other)
    operations.confirm_pair(session, actor=world.operator, edits=run.edits, reason="同意", now=NOW, pairing=session.scalars(
        select(Pairing).where(Pairing.run_id == run.id, Pairing.provider_id == best.id)).one())


# ---- publishing ----

def test_a_run_whose_pairs_became_tied_is_not_published(session, world, asks_for_two):
    run = make_run(session, world)
    relate(session, *(one.provider for one in run.pairings))
    with pytest.raises(Invalid, match="互相关联") as refused:
        operations.publish(session, actor=world.operator, run=run, edits=0, replaces=None, now=NOW)
    assert refused.value.facts["n"] == 1
    edited(session, world, run, "capacity", provider=world.providers[0], value=5)      # any edit mends what is proposed
    assert tied_among(session, standing(session, run), now=NOW) == []
    operations.publish(session, actor=world.operator, run=run, edits=1, replaces=None, now=NOW)


# ---- other weights, cost ----

def test_other_weights_are_tried_without_tied_pairs_too(session, world, asks_for_two):
    best, other, *_ = ranked(session, world)
    relate(session, best, other)
    run = make_run(session, world)
    found = effect(session, run, Weights(), flows=services().flows, now=NOW)
    assert found.moved == 0
    assert found.before.total == runs.metrics_of(run).total


def test_where_every_project_asks_for_one_no_tie_is_looked_up(session, world):
    run = make_run(session, world)
    tables = []

    def note(*args):
        tables.append(args[2])

    sa.event.listen(db.engine, "before_cursor_execute", note)
    plan_of(session, run, "capacity", provider=world.providers[0], value=2)
    assert not any("related_party" in text for text in tables)
    plan_of(session, run, "wanted", project=world.projects[0], value=2)
    sa.event.remove(db.engine, "before_cursor_execute", note)
    assert any("related_party" in text for text in tables)


def test_what_stands_after_an_edit_is_found_again_by_the_next_one(session, world, asks_for_two):
    best, other, *_ = ranked(session, world)
    relate(session, best, other)
    run = make_run(session, world)
    before = standing(session, run)
    plan = plan_of(session, run, "capacity", provider=best, value=2)
    assert plan.difference.changed == 0
    commit(session, world, run, plan)
    assert standing(session, run) == before
