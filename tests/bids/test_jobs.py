"""The opening as a job, and the commands around the key."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.bids import jobs
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.outbox import Job, JobState
from marketplace.projects import queries as projects
from marketplace.projects.rules import JOB_OPENING_DUE
from marketplace.web import worker
from tests.factories.bids import make_bid
from tests.factories.projects import make_published


@pytest.fixture
def ref(app):
    """A project whose deadline passed two minutes ago, with three bids."""
    with app.app_context(), transaction() as session:
        project = make_published(session)
        begun = utc_now() - timedelta(days=1)
        project.published_at, project.closes_at = begun, utc_now() + timedelta(days=1)
        for _ in range(3):
            make_bid(session, project, app.extensions["marketplace.services"].sealer, now=utc_now())
        project.closes_at = utc_now() - timedelta(minutes=2)
        return project.ref


def state(ref):
    return projects.by_ref(db.session(), ref).state


def test_the_job_opens_what_is_due_and_may_run_again(app, ref):
    with app.app_context():
        jobs.open_due(ref)
        jobs.open_due(ref)
        assert state(ref) == "opened"
        jobs.open_due("no-such-project")


def test_the_worker_opens_by_the_outbox_alone(app, ref):
    with app.app_context():
        with transaction() as session:
            job = session.scalars(select(Job).where(Job.kind == JOB_OPENING_DUE, Job.handler == "bids.open_due")).one()
            assert job.payload == {"project_ref": ref}
            job.due_at = utc_now() - timedelta(seconds=1)
        worker.run_until_idle(most=100)
        assert state(ref) == "opened"


def test_without_the_key_the_job_comes_back_later_is_never_parked_and_opens_when_the_key_is_there(app, ref, caplog):
    path = app.extensions["marketplace.config"].seal_key_path
    kept = path.read_bytes()
    path.unlink()
    with app.app_context():
        jobs.open_due(ref)
        assert state(ref) == "published"
        again = db.session.scalars(select(Job).where(Job.handler == "bids.open_due", Job.state == JobState.WAITING)
                                   .order_by(Job.id.desc())).first()
        assert timedelta(minutes=9) < again.due_at - utc_now() < timedelta(minutes=10)
        assert "waits for the sealing key" in caplog.text
        path.write_bytes(kept)
        jobs.open_due(ref)
        assert state(ref) == "opened"


def test_the_key_command_makes_the_first_key_and_says_where_it_lies(app):
    runner, path = app.test_cli_runner(), app.extensions["marketplace.config"].seal_key_path
    done = runner.invoke(args=["bids", "key"])
    assert done.exit_code == 0
    assert str(path) in done.output
    assert path.exists()
    path.chmod(0o644)
    open_to_all = runner.invoke(args=["bids", "key", "--json"])
    assert open_to_all.exit_code == 1
    assert "chmod 600" in json.loads(open_to_all.stdout)["problem"]


def test_the_key_command_never_makes_a_second_key(app, ref):
    path = app.extensions["marketplace.config"].seal_key_path
    path.rename(path.with_suffix(".safe"))
    missing = app.test_cli_runner().invoke(args=["bids", "key"])
    assert missing.exit_code == 1
    assert "放回原处" in missing.output
    assert not path.exists()


def test_openings_that_wait_are_listed(app, ref):
    runner = app.test_cli_runner()
    waiting = runner.invoke(args=["bids", "waiting"])
    assert waiting.exit_code == 1
    assert "长者助餐" in waiting.output
    with app.app_context():
        jobs.open_due(ref)
    assert runner.invoke(args=["bids", "waiting"]).exit_code == 0
