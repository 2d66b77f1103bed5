"""Pins and exclusions of the run in force hold in the next one where they still may; what may not is counted with why."""

from dataclasses import replace
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy import func, select

from marketplace.core.audit import AuditEvent
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.outbox import Job
from marketplace.matching import operations
from marketplace.matching.models import MatchingRun, Pairing, RunEdit
from marketplace.matching.queries import computing, facts, runs
from marketplace.matching.queries.carrying import (
    NO_CANDIDATE,
    NO_PART,
    NO_PLACES,
    NO_UNITS,
    TIED,
    WITHDRAWN,
)
from marketplace.matching.rules.runs import JOB_RUN_STARTED
from marketplace.matching.rules.weights import CRITERIA
from marketplace.organizations.models import ServedArea
from marketplace.web.worker import run_until_idle
from tests.factories import NOW
from tests.factories.conflicts import relate
from tests.factories.matching import make_providers, make_run, make_world
from tests.matching.test_edits import (
    HOUR,
    consistent,
    declined,
    edited,
    free_one,
    given_to,
    partner,
    plan_of,
    related,
)


@pytest.fixture
def world(session):
    return make_world(session, projects=3, providers=4)


@pytest.fixture
def live(session, world):
    return make_run(session, world, is_published=True)


def carried(session, world, **more):
    return make_run(session, world, carries=True, now=NOW + HOUR, **more)


def edits_of(session, run):
    return session.scalars(select(RunEdit).where(RunEdit.run_id == run.id).order_by(RunEdit.number)).all()


def refusals(run):
    """Why how many were not taken over."""
    return {note["facts"]["why"]: note["facts"]["count"] for note in run.notes if "why" in note["facts"]}


def taken(run):
    return sum(note["facts"]["count"] for note in run.notes if note["sentence"].startswith("沿用了"))


# ---- what holds again ----

def test_pins_and_exclusions_hold_again_as_edits_of_the_new_run_by_who_started_it(session, world, live):
    one, two, _ = world.projects
    pinned, out = free_one(session, world, live), partner(session, world, live, two)
    edited(session, world, live, "pin", project=one, provider=pinned)
    edited(session, world, live, "forbid", project=two, provider=out)
    run = carried(session, world)
    assert [(row.number, row.kind, row.project_id, row.provider_id, row.actor_id, row.actor_name, row.reason, row.at)
            for row in edits_of(session, run)] == [
        (1, "pin", one.id, pinned.id, world.operator.person_id, "何伟", f"沿用第 {live.number} 号方案：核实后调整", NOW + HOUR),
        (2, "forbid", two.id, out.id, world.operator.person_id, "何伟", f"沿用第 {live.number} 号方案：核实后调整", NOW + HOUR)]
    assert (run.edits, taken(run), refusals(run)) == (2, 2, {})
    assert given_to(session, run, one) == {pinned.id}
    assert out.id not in given_to(session, run, two)
    assert session.scalars(select(Pairing.is_pinned).where(Pairing.run_id == run.id, Pairing.provider_id == pinned.id)).one()
    assert runs.metrics_of(run).overrides == 2
    assert {(row.total_before, row.total_after, row.changed) for row in edits_of(session, run)} == {
        (runs.metrics_of(run).total, runs.metrics_of(run).total, 0)}
    assert consistent(session, run)
    facts_kept = session.scalar(select(AuditEvent.facts).where(AuditEvent.action == "matching.carry_edits"))
    assert (facts_kept["count"], facts_kept["from_run"], facts_kept["asked_by"]) == (2, live.number, world.operator.person_id)


def test_they_are_part_of_the_hash_and_without_the_wish_nothing_is_taken_over(session, world, live):
    edited(session, world, live, "pin", project=world.projects[0], provider=free_one(session, world, live))
    with_them, without = carried(session, world), make_run(session, world, now=NOW + HOUR)
    assert with_them.inputs_sha256 != without.inputs_sha256
    assert carried(session, world).inputs_sha256 == with_them.inputs_sha256
    assert (without.edits, edits_of(session, without)) == (0, [])
    assert [note["facts"] for note in without.notes] == [{"number": live.number, "count": 1}]


def test_the_edits_of_the_new_run_go_on_from_them_and_may_release_them(session, world, live):
    project, pinned = world.projects[0], free_one(session, world, live)
    edited(session, world, live, "pin", project=project, provider=pinned)
    run = carried(session, world)
    plain = make_run(session, world, now=NOW + HOUR)
    row = edited(session, world, run, "release", project=project, provider=pinned)
    assert row.number == 2
    assert given_to(session, run, project) == given_to(session, plain, project)
    assert operations.publish(session, actor=world.operator, run=run, edits=2, replaces=live.ref, now=NOW).edits == 2


def test_what_was_released_replaced_or_confirmed_is_not_asked_for_again(session, world, live):
    one, two, three = world.projects
    other = free_one(session, world, live)
    edited(session, world, live, "pin", project=one, provider=other)
    edited(session, world, live, "release", project=one, provider=other)
    edited(session, world, live, "pin", project=two, provider=other)
    edited(session, world, live, "forbid", project=two, provider=other)
    own = partner(session, world, live, three)
    edited(session, world, live, "pin", project=three, provider=own)
    pairing = session.scalars(select(Pairing).where(Pairing.run_id == live.id, Pairing.provider_id == own.id,
                                                    Pairing.state != "removed")).one()
    operations.confirm_pair(session, actor=world.operator, pairing=pairing, edits=live.edits, reason="同意", now=NOW)
    run = carried(session, world)
    assert [(row.kind, row.project_id) for row in edits_of(session, run)] == [("forbid", two.id)]
    assert given_to(session, run, three) == {own.id}
    assert refusals(run) == {}


def test_a_pin_goes_on_over_several_runs_and_its_reason_names_the_last(session, world, live):
    project, pinned = world.projects[0], free_one(session, world, live)
    edited(session, world, live, "pin", project=project, provider=pinned)
    second = carried(session, world, is_published=True)
    third = carried(session, world)
    assert edits_of(session, third)[0].reason.startswith(f"沿用第 {second.number} 号方案：")
    assert given_to(session, third, project) == {pinned.id}


def test_a_pin_of_somebody_beyond_the_candidates_is_scored_anew(session, world, live, monkeypatch):
    project, least = world.projects[0], world.providers[1]
    edited(session, world, live, "pin", project=project, provider=least)
    monkeypatch.setattr(computing, "Wish", partial(computing.Wish, most=1))
    run = carried(session, world)
    assert given_to(session, run, project) == {least.id}
    [need] = [one for one in run.needs if one.project_id == project.id]
    assert need.candidates == 2                                        # the best one, and the pinned
    assert edits_of(session, run)[0].candidate is None                 # its columns stand among the candidates
    assert consistent(session, run)
    before = session.scalars(select(Pairing).where(Pairing.run_id == live.id, Pairing.provider_id == least.id,
                                                   Pairing.project_id == project.id)).one()
    after = session.scalars(select(Pairing).where(Pairing.run_id == run.id, Pairing.project_id == project.id)).one()
    assert [after.contributions[one] for one in CRITERIA] == [before.contributions[one] for one in CRITERIA]


# ---- what may not ----

def test_a_long_reason_is_cut_and_the_run_it_comes_from_stays_named(session, world, live):
    edited_plan = plan_of(session, live, "pin", project=world.projects[0], provider=free_one(session, world, live))
    operations.commit_edit(session, actor=world.operator, run=live, plan=edited_plan, edits=0, reason="长" * 500, now=NOW)
    [row] = edits_of(session, carried(session, world))
    assert len(row.reason) == 500
    assert row.reason.startswith(f"沿用第 {live.number} 号方案：长")


def away(session, provider):
    session.execute(sa.update(ServedArea).where(ServedArea.organization_id == provider.id).values(area_code="110000"))
    provider.business_scope = "变更"
    session.flush()


@pytest.mark.parametrize(("why", "spoil"), [
    ("利益冲突", lambda s, w, one: related(s, one, w.desk.unit)),
    ("不承接这个项目", lambda s, w, one: declined(s, w.projects[0], one)),
    ("不服务项目所在区域", lambda s, _w, one: away(s, one))], ids=["conflict", "decline", "area"])
def test_a_pin_against_which_a_rule_stands_now_is_counted_with_the_rule(session, world, why, spoil):
    one, late = world.projects[0], make_providers(session, 1)[0]
    live = make_run(session, world, is_published=True)
    edited(session, world, live, "pin", project=one, provider=late)
    spoil(session, world, late)
    run = carried(session, world)
    [(said, count)] = refusals(run).items()
    assert (why in said, count, taken(run), run.edits) == (True, 1, 0, 0), said
    assert late.id not in given_to(session, run, one)
    assert run.state == "done"


def test_of_a_project_that_takes_no_part_any_more_nothing_is_taken_over(session, world, live):
    one, two, three = world.projects
    edited(session, world, live, "pin", project=one, provider=free_one(session, world, live))
    edited(session, world, live, "forbid", project=one, provider=partner(session, world, live, two))
    late = one.closes_at + HOUR
    two.closes_at = three.closes_at = late + HOUR
    session.flush()
    run = make_run(session, world, carries=True, now=late)
    assert refusals(run) == {NO_PART: 2}


def test_a_pin_of_somebody_withdrawn_there_and_an_exclusion_of_nobody_are_not_taken_over(session, world, live):
    one, two, _ = world.projects
    other = free_one(session, world, live)
    edited(session, world, live, "pin", project=one, provider=other)
    edited(session, world, live, "withdraw", provider=other)
    out = partner(session, world, live, two)
    edited(session, world, live, "forbid", project=two, provider=out)
    related(session, out, world.desk.unit)
    run = carried(session, world)
    assert refusals(run) == {WITHDRAWN: 1, NO_CANDIDATE: 1}
    assert run.edits == 0


def test_more_pins_than_a_provider_has_places_are_taken_over_in_their_order(session, world, live):
    one, two, _ = world.projects
    other = free_one(session, world, live)
    edited(session, world, live, "capacity", provider=other, value=2)           # given for that run only
    edited(session, world, live, "pin", project=two, provider=other)
    edited(session, world, live, "pin", project=one, provider=other)
    run = carried(session, world)
    assert (refusals(run), taken(run)) == ({NO_PLACES: 1}, 1)
    assert given_to(session, run, two) == {other.id}
    assert consistent(session, run)


def test_more_pins_than_a_project_asks_for_are_taken_over_in_their_order(session, world, live):
    one = world.projects[0]
    first, second = world.providers[:2]
    edited(session, world, live, "wanted", project=one, value=2)
    edited(session, world, live, "pin", project=one, provider=second)
    edited(session, world, live, "pin", project=one, provider=first)
    run = carried(session, world)
    assert (refusals(run), taken(run)) == ({NO_UNITS: 1}, 1)
    assert given_to(session, run, one) == {second.id}


def test_of_two_pinned_that_are_tied_since_only_the_first_is_taken_over(session, world, live, monkeypatch):
    one = world.projects[0]
    first, second = world.providers[:2]
    edited(session, world, live, "wanted", project=one, value=2)
    edited(session, world, live, "pin", project=one, provider=second)
    edited(session, world, live, "pin", project=one, provider=first)
    read = facts.need_facts
    monkeypatch.setattr(facts, "need_facts", lambda *args, **more: [replace(need, wants=2) for need in read(*args, **more)])
    relate(session, first, second)
    run = carried(session, world)
    assert (refusals(run), taken(run)) == ({TIED: 1}, 1)
    assert second.id in given_to(session, run, one)
    assert first.id not in given_to(session, run, one)


# ---- the worker ----

def test_the_worker_takes_over_what_the_order_asked_for(ctx):
    with transaction() as session:
        world = make_world(session)
        live = make_run(session, world, is_published=True, now=utc_now())
        edited(session, world, live, "pin", project=world.projects[0], provider=free_one(session, world, live))
        ref = operations.start_run(session, actor=world.operator, now=utc_now(),
                                   order=operations.RunOrder("沿用", carries=True)).ref
        payload = session.scalars(select(Job.payload).where(Job.kind == JOB_RUN_STARTED, Job.unique_key == ref)).one()
        assert payload == {"run_ref": ref, "carries": True}
    run_until_idle()
    run = db.session().scalars(select(MatchingRun).where(MatchingRun.ref == ref)).one()
    assert (run.state, run.edits) == ("done", 1)
    assert db.session().scalar(select(func.count()).select_from(RunEdit).where(RunEdit.run_id == run.id)) == 1
