"""Matching runs at once: the same start, two edits on one number, two publications, two workers on one run."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from marketplace.accounts.queries import load_actor
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, DomainError
from marketplace.matching import operations
from marketplace.matching.models import MatchingRun, Pairing, RunEdit, RunInput, WeightSet
from marketplace.matching.operations import RunOrder
from marketplace.matching.queries.previews import preview_edit
from marketplace.matching.rules.edits import Edit
from marketplace.matching.rules.runs import EditKind
from marketplace.matching.rules.weights import Weights
from marketplace.web.services import services
from tests.factories.matching import make_world

TRIES = 4
pytestmark = pytest.mark.race


@pytest.fixture
def market(fresh_app):
    """A small market; whoever acts is an operator."""
    with fresh_app.app_context():
        with transaction() as session:
            world = make_world(session)
            operations.weights_to_use(session, now=utc_now())
            ids = {"operator": world.operator.person_id, "projects": [one.id for one in world.projects]}
        db.session.remove()
    return ids


def at_once(app, count, work):
    """Run `work(number)` in so many threads that start together; return what each gave or raised."""
    together = Barrier(count)

    def one(number):
        with app.app_context():
            together.wait()
            try:
                return work(number)
            except DomainError as refused:
                return refused
            finally:
                db.session.remove()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def started(market, title="匹配"):
    with transaction() as session:
        return operations.start_run(session, actor=load_actor(session, market["operator"]), order=RunOrder(title),
                                    now=utc_now()).ref


def drive(ref):
    operations.drive(transaction, run_ref=ref, engines=services(), clock=utc_now)


def run_of(session, ref):
    return session.scalars(select(MatchingRun).where(MatchingRun.ref == ref)).one()


def computed(app, market, title="匹配"):
    """The ref of a run that is done."""
    with app.app_context():
        ref = started(market, title)
        drive(ref)
        db.session.remove()
    return ref


def won(answers):
    """What those gave who were not refused; the others were told with a sentence."""
    assert all(isinstance(one, Conflict) for one in answers if isinstance(one, Exception)), answers
    return [one for one in answers if not isinstance(one, Exception)]


def test_the_same_run_started_by_four_at_once_starts_once(fresh_app, market):
    answers = at_once(fresh_app, TRIES, lambda _: started(market))
    assert len(won(answers)) == 1
    assert all("正在计算" in str(one) for one in answers if isinstance(one, Conflict))


def test_runs_of_other_inputs_started_at_once_all_start_with_their_own_numbers(fresh_app, market):
    def start(number):
        with transaction() as session:
            return operations.start_run(
                session, actor=load_actor(session, market["operator"]), now=utc_now(),
                order=RunOrder("匹配", reach=("open", "planned", "all")[number])).number

    assert sorted(won(at_once(fresh_app, 3, start))) == [1, 2, 3]


def test_two_edits_on_the_same_number_at_once_are_one_edit(fresh_app, market):
    ref = computed(fresh_app, market)

    def edit(number):
        session = db.session()
        plan = preview_edit(session, run_of(session, ref), Edit(EditKind.WITHDRAW, project=market["projects"][number % 3]),
                            engines=services(), now=utc_now())
        with transaction() as writing:
            return operations.commit_edit(writing, actor=load_actor(writing, market["operator"]), run=run_of(writing, ref),
                                          plan=plan, edits=0, reason="撤出", now=utc_now()).project_id

    answers = at_once(fresh_app, TRIES, edit)
    (kept,) = won(answers)
    with fresh_app.app_context():
        assert db.session.scalars(select(RunEdit.project_id)).all() == [kept]
        run = run_of(db.session, ref)
        standing = db.session.scalars(select(Pairing.project_id).where(Pairing.state != "removed")).all()
        assert sorted(standing) == sorted(set(market["projects"]) - {kept})
        assert (run.edits, run.metrics["given"]) == (1, 2)
        db.session.remove()


def test_two_runs_published_at_once_leave_one_in_force(fresh_app, market):
    refs = [computed(fresh_app, market, f"匹配{number}") for number in range(2)]

    def publish(number):
        with transaction() as session:
            return operations.publish(session, actor=load_actor(session, market["operator"]), edits=0, replaces=None,
                                      run=run_of(session, refs[number]), now=utc_now()).ref

    (kept,) = won(at_once(fresh_app, 2, publish))
    with fresh_app.app_context():
        assert db.session.scalars(select(MatchingRun.ref).where(MatchingRun.publication == "published")).all() == [kept]
        db.session.remove()


def test_two_runs_that_would_replace_the_same_one_at_once_leave_one_in_force(fresh_app, market):
    refs = [computed(fresh_app, market, f"匹配{number}") for number in range(3)]

    def publish(number, replaces):
        with transaction() as session:
            return operations.publish(session, actor=load_actor(session, market["operator"]), edits=0, replaces=replaces,
                                      run=run_of(session, refs[number]), now=utc_now()).ref

    with fresh_app.app_context():
        publish(0, None)
        db.session.remove()
    (kept,) = won(at_once(fresh_app, 2, lambda number: publish(number + 1, refs[0])))
    with fresh_app.app_context():
        states = {one.ref: one.publication for one in db.session.scalars(select(MatchingRun))}
        assert sorted(states.values()) == ["draft", "published", "superseded"]
        assert states[kept] == "published"
        db.session.remove()


def test_two_workers_on_one_run_store_it_once(fresh_app, market):
    with fresh_app.app_context():
        ref = started(market)
        db.session.remove()
    at_once(fresh_app, 3, lambda _: drive(ref))
    with fresh_app.app_context():
        run = run_of(db.session, ref)
        assert (run.state, run.error) == ("done", "")
        assert db.session.scalar(select(func.count()).select_from(RunInput)) == 1
        assert db.session.scalar(select(func.count()).select_from(Pairing)) == 3
        db.session.remove()


def test_weights_set_by_four_at_once_are_one_version(fresh_app, market):
    def save(number):
        with transaction() as session:
            return operations.save_weights(session, actor=load_actor(session, market["operator"]), now=utc_now(),
                                           weights=Weights(least=40 + number), reason="试用", replaces=1).number

    assert won(at_once(fresh_app, TRIES, save)) == [2]
    with fresh_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(WeightSet)) == 2
        db.session.remove()
