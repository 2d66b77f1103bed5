"""Runs: weights as kept versions, started once, computed whole or not at all, published one at a time."""

from contextlib import contextmanager, nullcontext
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DBAPIError

from marketplace.core.access import Actor, Role
from marketplace.core.audit import AuditEvent
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.outbox import Job
from marketplace.inbox.models import Message
from marketplace.matching import operations
from marketplace.matching.models import MatchingRun, Pairing, RunInput, RunNeed, WeightSet
from marketplace.matching.operations import RunOrder
from marketplace.matching.operations import runs as steps
from marketplace.matching.policy import runs as policy
from marketplace.matching.queries import boards, computing, previews, runs
from marketplace.matching.rules.edits import Edit
from marketplace.matching.rules.runs import (
    JOB_RUN_PUBLISHED,
    JOB_RUN_STARTED,
    PUBLICATION_STEPS,
    RUN_STEPS,
    WHOLE,
    EditKind,
    Phase,
    Publication,
    Reach,
    RunState,
)
from marketplace.matching.rules.summary import sums_up
from marketplace.matching.rules.weights import DEFAULT_POINTS, Criterion, Weights
from marketplace.organizations.models import Organization, PastProject, ServedArea, ServiceCategory
from marketplace.web.services import services
from marketplace.web.worker import run_until_idle
from tests.factories import NOW
from tests.factories.matching import compute, make_run, make_world

HOUR = timedelta(hours=1)
HANDLER = Actor(person_id=5, organization_id=7, roles=frozenset({Role.HANDLER}))
AUDITOR = Actor(person_id=6, roles=frozenset({Role.AUDITOR}))


def started(session, world, **changes):
    return operations.start_run(session, actor=world.operator, order=RunOrder(**{"title": "十一月匹配", **changes}), now=NOW)


def counts(session, run):
    return [session.scalar(select(func.count()).select_from(model).where(model.run_id == run.id))
            for model in (RunInput, RunNeed, Pairing)]


# ---- weights ----

def test_weights_are_kept_as_versions_and_the_newest_is_in_force(session):
    world = make_world(session, projects=1, providers=1)
    first = operations.weights_to_use(session, now=NOW)
    assert (first.number, first.weights) == (1, Weights())
    points = {**DEFAULT_POINTS, Criterion.TEXT: 30, Criterion.AREA: 10}
    made = operations.save_weights(session, actor=world.operator, weights=Weights(points), reason=" 试用 ", now=NOW,
                                   replaces=1)
    assert (made.number, made.reason, made.created_by) == (2, "试用", world.operator.person_id)
    assert operations.weights_to_use(session, now=NOW) is made
    assert [one.number for one in runs.weight_sets(session)] == [2, 1]
    with pytest.raises(Conflict, match="刚刚被别人改过"):
        operations.save_weights(session, actor=world.operator, weights=Weights(), reason="再改", now=NOW, replaces=1)


@pytest.mark.parametrize(("weights", "reason", "field"), [
    (Weights({**DEFAULT_POINTS, Criterion.TEXT: 26}), "理由", "points"), (Weights(newcomer=21), "理由", "newcomer"),
    (Weights({**DEFAULT_POINTS, Criterion.TEXT: 101}), "理由", "text"), (Weights(), "  ", "reason")])
def test_weights_that_do_not_sum_or_lack_a_reason_are_refused(session, weights, reason, field):
    world = make_world(session, projects=1, providers=1)
    with pytest.raises(Invalid) as refused:
        operations.save_weights(session, actor=world.operator, weights=weights, reason=reason, now=NOW)
    assert refused.value.field == field
    assert session.scalar(select(func.count()).select_from(WeightSet)) == 0


@pytest.mark.parametrize("statement", ["UPDATE weight_set SET reason = 'x'", "DELETE FROM weight_set",
                                       "UPDATE weight_set SET plain = '{}'"])
def test_the_database_keeps_a_weight_set_as_it_was_written(session, statement):
    operations.weights_to_use(session, now=NOW)
    session.flush()
    with pytest.raises(DBAPIError, match="never"), session.begin_nested():
        session.execute(text(statement))


# ---- start ----

def test_a_started_run_waits_in_the_queue_with_a_job_and_an_audit_event(session):
    world = make_world(session, projects=1, providers=1)
    run = started(session, world, reach=Reach.ALL)
    assert (run.number, run.state, run.phase, run.progress, run.reach) == (1, "queued", "waiting", 0, "all")
    job = session.scalars(select(Job).where(Job.kind == JOB_RUN_STARTED)).one()
    assert job.payload == {"run_ref": run.ref, "carries": False}
    assert session.scalar(select(AuditEvent.facts).where(AuditEvent.action == "matching.start"))["number"] == 1


def test_a_second_start_with_the_same_inputs_is_told_which_run_is_busy(session):
    world = make_world(session, projects=1, providers=1)
    started(session, world)
    with pytest.raises(Conflict, match="第 1 号方案"):
        started(session, world, title="同样的")
    assert started(session, world, scope=world.desk.unit.path).number == 2
    assert started(session, world, reach=Reach.PLANNED).number == 3
    operations.save_weights(session, actor=world.operator, weights=Weights(least=50), reason="更严", now=NOW)
    assert started(session, world).number == 4


@pytest.mark.parametrize(("changes", "field"), [({"title": " "}, "title"), ({"title": "长" * 81}, "title"),
                                                ({"scope": "/99999/"}, "scope")])
def test_an_order_without_a_name_or_with_a_wrong_unit_is_refused(session, changes, field):
    world = make_world(session, projects=1, providers=1)
    with pytest.raises(Invalid) as refused:
        started(session, world, **changes)
    assert refused.value.field == field


@pytest.mark.parametrize("actor", [HANDLER, AUDITOR])
def test_only_operators_start_runs_and_set_weights(session, actor):
    make_world(session, projects=1, providers=1)
    with pytest.raises(Denied):
        operations.start_run(session, actor=actor, order=RunOrder("匹配"), now=NOW)
    with pytest.raises(Denied):
        operations.save_weights(session, actor=actor, weights=Weights(), reason="理由", now=NOW)


# ---- compute ----

def test_a_computed_run_holds_its_inputs_pairs_and_figures(session):
    world = make_world(session, projects=3, providers=4)
    run = make_run(session, world)
    assert (run.state, run.progress, run.error, run.worker) == ("done", 100, "", None)
    assert counts(session, run) == [1, 3, 3]
    assert all(sums_up({"contributions": one.contributions, "total": one.total}) for one in run.pairings)
    figures = runs.metrics_of(run)
    assert (figures.ratio, figures.matched_share, figures.total) == (1.0, 1.0, sum(one.total for one in run.pairings))
    assert len(run.inputs_sha256) == 64
    assert boards.live(session, WHOLE) is None
    assert [many for _, many in runs.loads(session, run)] == [1, 1, 1]
    assert computing.size_of(session, scope="", reach="open", now=NOW) == 3


def test_the_same_market_computed_twice_gives_the_same_hash_and_the_same_pairs(session):
    world = make_world(session)
    first, second = make_run(session, world), make_run(session, world)
    assert first.inputs_sha256 == second.inputs_sha256
    found = runs.compare(session, first, second)
    assert found.difference.changed == 0
    assert found.left == found.right


def test_a_run_computed_once_more_stays_as_it_is(session):
    world = make_world(session)
    run = make_run(session, world)
    before = (run.finished_at, counts(session, run))
    compute(session, run, now=NOW + HOUR)
    assert (run.finished_at, counts(session, run)) == before


def test_a_project_nobody_can_serve_says_which_rule_removed_most(session):
    world = make_world(session, projects=1, providers=3, capacity=0)
    run = make_run(session, world)
    need = run.needs[0]
    assert (need.state, need.reason, need.candidates) == ("unassigned", "no_candidate", 0)
    assert need.top_rule_count == 3
    assert runs.metrics_of(run).matched_share == 0
    assert previews.shortage_of(session, run, flows=services().flows).short == 1


def test_identical_providers_are_paired_the_same_way_every_time(session):
    world = make_world(session, projects=1, providers=1)
    make_world(session, projects=0, providers=1)
    first, second = make_run(session, world), make_run(session, world)
    assert first.needs[0].candidates == 2
    assert [one.provider_id for one in first.pairings] == [one.provider_id for one in second.pairings]


def test_the_worker_computes_what_was_started_and_units_hear_of_what_is_published(ctx):
    with transaction() as writing:
        world = make_world(writing)
        ref = operations.start_run(writing, actor=world.operator, order=RunOrder("今天的匹配"), now=utc_now()).ref
    assert run_until_idle() >= 1
    run = runs.by_ref(db.session(), ref, actor=world.operator)
    assert (run.state, run.progress) == ("done", 100)
    with transaction() as writing:
        operations.publish(writing, actor=world.operator, run=run, edits=0, replaces=None, now=utc_now())
    run_until_idle()
    letters = db.session().scalars(select(Message).where(Message.subject.contains("匹配方案"))).all()
    assert {one.organization_id for one in letters} == {world.desk.unit.id}
    assert len(letters) == 2
    tell = ctx.extensions["marketplace.handlers"]["inbox.tell_units"]
    for edit in (None, 1):                      # told already; an edit that touched nothing
        tell(run_ref=ref, edit=edit)
    assert len(db.session().scalars(select(Message).where(Message.subject.contains("匹配方案"))).all()) == 2
    with transaction() as writing:
        run = steps.locked(writing, ref)
        plan = previews.preview_edit(writing, run, Edit(EditKind.WITHDRAW, project=run.needs[0].project_id),
                                     engines=services(), now=utc_now()).ready()
        operations.commit_edit(writing, actor=world.operator, run=run, plan=plan, edits=0, reason="撤出", now=utc_now())
    run_until_idle()
    letters = db.session().scalars(select(Message).where(Message.subject.contains("有调整"))).all()
    assert {one.facts["projects"] for one in letters} == {1}
    with transaction() as writing:
        operations.unpublish(writing, actor=world.operator, run=steps.locked(writing, ref), reason="有误", now=utc_now())
    tell(run_ref=ref, edit=7)
    assert len(db.session().scalars(select(Message).where(Message.subject.contains("匹配方案"))).all()) == 4


# ---- cancel, fail, take over ----

def opener(session, at, act):
    """Transactions of the open session; before the one with number `at` something happens."""
    opened = []

    @contextmanager
    def opening():
        opened.append(1)
        if len(opened) == at:
            act()
        yield session

    return opening


def test_a_queued_run_is_cancelled_at_once(session):
    world = make_world(session, projects=1, providers=1)
    run = operations.cancel_run(session, actor=world.operator, run=started(session, world), now=NOW)
    assert (run.state, run.finished_at) == ("cancelled", NOW)
    assert compute(session, run).state == "cancelled"
    with pytest.raises(Denied, match="已经计算结束"):
        operations.cancel_run(session, actor=world.operator, run=run, now=NOW)


@pytest.mark.parametrize("at", range(2, 7))
def test_a_run_cancelled_half_way_ends_with_nothing_stored(session, at):
    world = make_world(session)
    live = make_run(session, world, is_published=True)
    run = started(session, world)
    pairs = sorted((one.project_id, one.provider_id) for one in live.pairings)

    def cancel():
        operations.cancel_run(session, actor=world.operator, run=run, now=NOW)
        assert run.state == "running"

    operations.drive(opener(session, at, cancel), run_ref=run.ref, engines=services(), clock=lambda: NOW)
    session.refresh(run)
    assert (run.state, run.finished_at, counts(session, run)) == ("cancelled", NOW, [0, 0, 0])
    assert boards.live(session, WHOLE) is live
    assert sorted((one.project_id, one.provider_id) for one in live.pairings) == pairs


def test_a_run_that_was_asked_to_stop_before_a_second_worker_took_over_ends(session):
    world = make_world(session, projects=1, providers=1)
    run = started(session, world)
    steps.begin_run(session, run_ref=run.ref, worker="dead", now=NOW)
    operations.cancel_run(session, actor=world.operator, run=run, now=NOW)
    assert run.state == "running"
    assert compute(session, run).state == "cancelled"


def test_a_run_whose_worker_is_not_heard_of_any_more_is_cancelled_at_once(session):
    world = make_world(session, projects=1, providers=1)
    run = started(session, world)
    steps.begin_run(session, run_ref=run.ref, worker="dead", now=NOW)
    operations.cancel_run(session, actor=world.operator, run=run, now=NOW + HOUR)
    assert (run.state, run.finished_at) == ("cancelled", NOW + HOUR)


def test_a_worker_comes_back_later_while_another_one_is_at_it(session):
    world = make_world(session, projects=1, providers=1)
    run = started(session, world)
    steps.begin_run(session, run_ref=run.ref, worker="first", now=NOW)
    with pytest.raises(Conflict, match="正在计算"):
        compute(session, run, now=NOW + steps.SILENT - timedelta(seconds=1))
    assert compute(session, run, now=NOW + steps.SILENT).state == "done"


class BrokenFlows:
    """A solver that breaks."""

    def min_cost_flow(self, **_arrays):
        raise RuntimeError("solver\n broke")


class Broken:
    """Engines with a broken solver."""

    def __init__(self):
        self.converter, self.flows = services().converter, BrokenFlows()


def test_a_run_whose_solver_breaks_fails_with_one_line_and_nothing_stored(session):
    world = make_world(session)
    run = started(session, world)
    operations.drive(lambda: nullcontext(session), run_ref=run.ref, engines=Broken(), clock=lambda: NOW)
    session.refresh(run)
    assert (run.state, run.error, counts(session, run)) == ("failed", "solver broke", [0, 0, 0])
    assert started(session, world).number == 2


def test_a_second_worker_takes_over_and_the_first_ones_result_is_thrown_away(session):
    world = make_world(session)
    run = started(session, world)

    def other():
        steps.begin_run(session, run_ref=run.ref, worker="other", now=NOW + HOUR)

    operations.drive(opener(session, 6, other), run_ref=run.ref, engines=services(), clock=lambda: NOW)
    session.refresh(run)
    assert (run.state, run.worker, counts(session, run)) == ("running", "other", [0, 0, 0])
    steps.end_cancelled(session, run_ref=run.ref, worker="first", now=NOW)
    steps.fail_run(session, run_ref=run.ref, worker="first", reason="x", now=NOW)
    assert run.state == "running"
    assert compute(session, run, now=NOW + 2 * HOUR).state == "done"
    assert counts(session, run) == [1, 3, 3]


def test_a_provider_deleted_during_the_run_is_left_out_with_a_note(session):
    world = make_world(session, projects=2, providers=3)
    gone = world.providers[0].id
    run = started(session, world)

    def remove():
        for model in (ServiceCategory, ServedArea, PastProject):
            session.execute(delete(model).where(model.organization_id == gone))
        session.execute(delete(Organization).where(Organization.id == gone))

    operations.drive(opener(session, 6, remove), run_ref=run.ref, engines=services(), clock=lambda: NOW)
    session.refresh(run)
    assert run.state == "done", run.error
    assert gone not in {one.provider_id for one in run.pairings}
    assert runs.metrics_of(run).given == 2
    assert run.notes[0]["facts"] == {"projects": 0, "providers": 1}
    assert gone not in previews.standing_of(session, run).edges.provider_keys


def test_a_market_that_never_holds_still_fails_with_a_sentence(session):
    world = make_world(session, projects=1, providers=20)
    run = started(session, world)
    opened = []

    @contextmanager
    def opening():
        opened.append(1)
        if len(opened) > 5 and (left := session.scalars(select(Organization.id).where(
                Organization.is_provider).order_by(Organization.id)).all()):
            for model in (ServiceCategory, ServedArea, PastProject):
                session.execute(delete(model).where(model.organization_id == left[0]))
            session.execute(delete(Organization).where(Organization.id == left[0]))
        yield session

    operations.drive(opening, run_ref=run.ref, engines=services(), clock=lambda: NOW)
    session.refresh(run)
    assert run.state == "failed"
    assert run.error.startswith("计算期间一直有")
    assert counts(session, run) == [0, 0, 0]


# ---- every state and every action ----

@pytest.mark.parametrize(("state", "publication"), [
    (state, publication) for state, publication in product(RunState, Publication)
    if publication == Publication.DRAFT or state == RunState.DONE])
def test_every_state_allows_just_what_its_table_says(state, publication):
    run = MatchingRun(state=state, publication=publication)
    operator = Actor(person_id=1, roles=frozenset({Role.OPERATOR}))
    is_done = state == RunState.DONE
    assert bool(policy.may_cancel(operator, run)) == RUN_STEPS.allows(state, "cancel")
    assert bool(policy.may_edit(operator, run)) == (is_done and publication != Publication.SUPERSEDED)
    assert bool(policy.may_publish(operator, run)) == (is_done and PUBLICATION_STEPS.allows(publication, "publish"))
    assert bool(policy.may_unpublish(operator, run)) == (publication == Publication.PUBLISHED)
    assert bool(policy.may_confirm(operator, run)) == (is_done and publication == Publication.PUBLISHED)
    for may in (policy.may_cancel, policy.may_edit, policy.may_publish, policy.may_unpublish, policy.may_confirm):
        assert not may(HANDLER, run)
        assert not may(AUDITOR, run)
        assert may(operator, run) or may(operator, run).reason
    assert policy.may_see(AUDITOR)
    assert policy.may_see(HANDLER).hidden


@pytest.mark.parametrize(("state", "action"), list(product(RunState, ("begin", "finish", "cancel", "fail"))))
def test_every_step_of_the_work_leads_where_its_table_says_or_nowhere(state, action):
    if RUN_STEPS.allows(state, action):
        assert RUN_STEPS.after(state, action) in RunState
    else:
        with pytest.raises(IllegalStep):
            RUN_STEPS.after(state, action)


# ---- publish ----

def test_publishing_replaces_the_run_in_force_and_tells_the_outbox(session):
    world = make_world(session)
    first = make_run(session, world, is_published=True)
    second = make_run(session, world, is_published=True)
    session.refresh(first)
    assert (first.publication, first.superseded_by_id, first.unpublished_at) == ("superseded", second.id, NOW)
    assert (second.publication, second.published_by) == ("published", world.operator.person_id)
    assert boards.live(session, WHOLE) is second
    assert len(session.scalars(select(Job).where(Job.kind == JOB_RUN_PUBLISHED)).all()) == 2
    with pytest.raises(Denied, match="已被新方案取代"):
        operations.publish(session, actor=world.operator, run=first, edits=0, replaces=second.ref, now=NOW)


def test_who_publishes_says_which_run_he_saw_in_force(session):
    world = make_world(session)
    live = make_run(session, world, is_published=True)
    run = make_run(session, world)
    for seen in (None, "not-this-one"):
        with pytest.raises(Conflict, match="刚刚发布或撤回"):
            operations.publish(session, actor=world.operator, run=run, edits=0, replaces=seen, now=NOW)
    with pytest.raises(Conflict, match="刚刚被别人调整过"):
        operations.publish(session, actor=world.operator, run=run, edits=1, replaces=live.ref, now=NOW)
    assert boards.live(session, WHOLE) is live


def test_an_unpublished_run_can_be_published_again(session):
    world = make_world(session)
    run = make_run(session, world, is_published=True)
    with pytest.raises(Invalid, match="为什么撤回"):
        operations.unpublish(session, actor=world.operator, run=run, reason=" ", now=NOW)
    operations.unpublish(session, actor=world.operator, run=run, reason="名单有误", now=NOW + HOUR)
    assert (run.publication, run.unpublished_at) == ("unpublished", NOW + HOUR)
    assert boards.live(session, WHOLE) is None
    with pytest.raises(Denied, match="没有发布"):
        operations.unpublish(session, actor=world.operator, run=run, reason="再撤", now=NOW)
    operations.publish(session, actor=world.operator, run=run, edits=0, replaces=None, now=NOW + 2 * HOUR)
    assert (run.publication, run.unpublished_at) == ("published", None)


def test_two_scopes_each_have_a_run_in_force(session):
    world = make_world(session)
    whole = make_run(session, world, is_published=True)
    own = started(session, world, scope=world.desk.unit.path)
    compute(session, own)
    operations.publish(session, actor=world.operator, run=own, edits=0, replaces=None, now=NOW)
    assert (whole.publication, own.publication) == ("published", "published")
    assert len(own.needs) == 3


def test_a_run_of_another_unit_has_no_projects(session):
    world, other = make_world(session), make_world(session, projects=1, providers=0)
    run = started(session, world, scope=other.desk.unit.path)
    assert [one.project_id for one in compute(session, run).needs] == [other.projects[0].id]


def test_the_database_holds_one_published_run_of_a_scope(session):
    world = make_world(session)
    make_run(session, world, is_published=True)
    second = make_run(session, world)
    force = update(MatchingRun).where(MatchingRun.id == second.id).values(publication="published", published_at=NOW)
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(force)


def test_a_new_run_keeps_pairs_in_force_by_their_bonus(session):
    world = make_world(session)
    first = make_run(session, world, is_published=True)
    second = make_run(session, world)
    assert {(one.project_id, one.provider_id) for one in second.pairings} == {
        (one.project_id, one.provider_id) for one in first.pairings}
    assert all(one.contributions["switching"] == 50 for one in second.pairings)
    assert runs.metrics_of(second).changed == 0


# ---- reads ----

def test_runs_exist_only_for_operators_and_auditors(session):
    world = make_world(session, projects=1, providers=1)
    run = make_run(session, world)
    assert runs.by_ref(session, run.ref, actor=AUDITOR) is run
    for actor, ref in ((HANDLER, run.ref), (world.operator, "nothing")):
        with pytest.raises(Denied) as refused:
            runs.by_ref(session, ref, actor=actor)
        assert refused.value.hidden
    with pytest.raises(Invalid):
        steps.locked(session, "nothing")


def test_a_run_that_is_not_computed_has_no_figures_and_no_preview(session):
    world = make_world(session, projects=1, providers=1)
    run, done = started(session, world, reach=Reach.ALL), make_run(session, world)
    assert runs.metrics_of(run) is None
    assert runs.compare(session, run, done) is None
    with pytest.raises(Conflict, match="还没有算好"):
        previews.standing_of(session, run)


def test_progress_is_written_with_its_phase(session):
    world = make_world(session)
    run = started(session, world)
    seen = []

    @contextmanager
    def watching():
        yield session
        session.expire(run)
        seen.append((run.phase, run.progress))

    operations.drive(watching, run_ref=run.ref, engines=services(), clock=lambda: NOW)
    assert [phase for phase, _ in seen] == [Phase.WAITING, Phase.READING, Phase.SCORING, Phase.SOLVING, Phase.METRICS,
                                            Phase.STORING]
    assert [percent for _, percent in seen] == sorted(percent for _, percent in seen)
