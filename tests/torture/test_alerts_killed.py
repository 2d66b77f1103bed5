"""Workers are killed at any moment, twenty times, while 2,000 changes come in: no alert is lost, none comes twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from marketplace import create_app
from marketplace.config import Config
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.outbox import Job, JobState
from marketplace.core.publishing import public_changed
from marketplace.inbox.models import Message
from marketplace.projects import operations as projects
from marketplace.projects.queries import by_ref
from marketplace.search.models import SavedSearch, SavedSearchHit
from marketplace.search.queries.upkeep import documents_of
from marketplace.search.rules.saved import COMMITS, Frequency
from marketplace.web.services import public_sources
from marketplace.web.worker import run_until_idle
from tests.factories.projects import closing, make_desk, make_published
from tests.factories.saved import make_reader, make_search

pytestmark = pytest.mark.torture
ROOT = Path(__file__).parents[2]
ROUNDS, CHANGES, PUBLISHED, ADDENDA, WORKERS = 20, 100, 4, 8, 2


@pytest.fixture
def site(databases, tmp_path):
    """A site in a folder that worker processes share."""
    url = databases.new()
    app = create_app(Config(instance=tmp_path, database_url=url, secret_key="t" * 40, jobs="none", rate_limits=False,
                            base_url="http://localhost"))
    env = {**os.environ, "MARKETPLACE_INSTANCE": str(tmp_path), "DATABASE_URL": url, "MARKETPLACE_JOBS": "none",
           "MARKETPLACE_SECRET_KEY": "t" * 40, "MARKETPLACE_BASE_URL": "http://localhost"}
    workers: list[subprocess.Popen] = []
    yield app, env, workers
    kill([worker for worker in workers if worker.poll() is None])
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    databases.drop(url)


def start(env) -> list[subprocess.Popen]:
    """Start workers as an operator does."""
    return [subprocess.Popen([sys.executable, "-m", "flask", "--app", "app", "jobs", "work"], cwd=ROOT, env=env,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(WORKERS)]


def kill(workers) -> None:
    for worker in workers:
        worker.send_signal(signal.SIGKILL)
    for worker in workers:
        worker.wait(30)


def done() -> int:
    made = db.session.scalar(select(func.count(Job.id)).where(Job.state == JobState.DONE)) or 0
    db.session.rollback()
    return made


def interrupted() -> int:
    """Give back what killed workers held, as the end of their lease would; return how much that was."""
    with transaction() as session:
        freed = session.execute(update(Job).where(Job.state == JobState.WAITING, Job.lease_until.is_not(None))
                                .values(lease_until=None))
        return freed.rowcount


def change(chance, desk, refs, number) -> None:
    """Make the changes of one round in small transactions, and save one more search among them."""
    for step in range(CHANGES):
        with transaction() as session:
            now = utc_now()
            if step < PUBLISHED:
                refs.append(make_published(session, desk, title=f"长者助餐服务{number}之{step}", now=now,
                                           closes_at=closing(session, now)).ref)
            elif step < PUBLISHED + ADDENDA:
                projects.publish_addendum(session, actor=desk.handler, project=by_ref(session, chance.choice(refs)),
                                          text=f"第 {number} 轮澄清", now=now)
            elif step == CHANGES // 2:
                reader = make_reader(session, name=f"读者{number}", email=f"reader{number}@example.invalid")
                make_search(session, reader, "q=助餐&kind=project", now=now,
                            frequency=(Frequency.AT_ONCE, Frequency.DAILY)[number % 2])
            else:
                public_changed(session, kind="project", ref=chance.choice(refs), now=now)


def drain() -> None:
    """Let the time pass that gathered messages and digests wait for."""
    for _ in range(6):
        run_until_idle()
        with transaction() as session:
            session.execute(update(SavedSearchHit).where(SavedSearchHit.told_at.is_not(None))
                            .values(told_at=utc_now() - timedelta(hours=1)))
            jobs = session.scalars(select(Job).where(Job.kind == "search.alert", Job.state == JobState.WAITING)).all()
            for job in jobs:
                job.due_at = utc_now()


def expected(refs, margin=timedelta(0)) -> Counter:
    """Every (search, document, news) that has to be told: all news later than the search, as the documents say.

    With the margin for transactions that end late: every one that may be told.
    """
    session = db.session()
    documents = documents_of(session, public_sources(), [("project", ref) for ref in refs])
    return Counter(
        (search.ref, document.ref, news.key) for search in session.scalars(select(SavedSearch))
        for document in documents.values() for news in document.news if news.at > search.since - margin)


def told() -> Counter:
    """Every (search, document, news) that messages tell."""
    facts = db.session().scalars(select(Message.facts).where(Message.kind == "alert"))
    return Counter((group["ref"], item["ref"], key) for one in facts for group in one["groups"]
                   for item in group["items"] for key in item["keys"])


def test_twenty_kills_lose_no_alert_and_double_none(site):
    app, env, running = site
    chance = random.Random(20)
    refs: list[str] = []
    torn = 0
    with app.app_context():
        with transaction() as session:
            desk = make_desk(session)
            for number in range(4):
                make_search(session, make_reader(session, name=f"先到{number}", email=f"first{number}@example.invalid"),
                            "q=助餐&kind=project", now=utc_now() - timedelta(hours=1),
                            frequency=(Frequency.AT_ONCE, Frequency.DAILY)[number % 2])
        for number in range(ROUNDS):
            workers, before = start(env), done()
            running += workers
            change(chance, desk, refs, number)
            limit = time.monotonic() + 30
            while done() < before + chance.randrange(5, CHANGES) and time.monotonic() < limit:
                time.sleep(0.05)
            kill(workers)
            torn += interrupted()
        drain()
        parked = db.session().scalars(select(Job.last_error).where(Job.state == JobState.PARKED)).all()
        assert parked == []
        waiting = db.session().scalars(select(SavedSearchHit).where(SavedSearchHit.told_at.is_(None))).all()
        assert waiting == []
        should, did = expected(refs), told()
        assert did - expected(refs, COMMITS) == Counter(), "told twice, or what should not be told"
        assert should - did == Counter(), "lost"
        assert len(should) > ROUNDS * PUBLISHED
        messages = db.session().scalars(select(Message.ref).where(Message.kind == "alert")).all()
        mails = [path.stem.split("@")[0] for path in (Path(env["MARKETPLACE_INSTANCE"]) / "mail").glob("*.eml")]
        assert sorted(set(messages) & set(mails)) == sorted(messages), "each message has its one mail"
        assert torn > 0, "at least one kill met a worker at work"
        sys.stdout.write(f"{ROUNDS} kills tore {torn} jobs from {WORKERS} workers; {sum(did.values())} alerts told once each\n")
        db.session.remove()
