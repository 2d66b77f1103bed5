"""kill -9 of the writer and of a web worker in each of 20 rounds, during 2,000 changes: the index verifies."""

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace import integrations
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.outbox import Job, JobState
from marketplace.core.publishing import PUBLIC_CHANGED, public_changed
from marketplace.core.searching import Alternative, Clause, SearchRequest
from marketplace.projects.models import Project
from marketplace.search import operations, queries
from marketplace.web.services import public_sources, services
from tests.factories.projects import make_desk, make_published
from tests.torture.harness import CHANGES, ROUNDS, torture

pytestmark = pytest.mark.torture
PROJECTS = 60


@pytest.fixture
def site(fresh_app: Flask) -> Flask:
    """A site with some projects and a whole index: Whoosh beside SQLite, tantivy beside PostgreSQL."""
    config = fresh_app.extensions["marketplace.config"]
    config = replace(config, search="whoosh" if config.sqlalchemy_url.startswith("sqlite") else "tantivy")
    fresh_app.extensions["marketplace.config"] = config
    index = integrations.search_index(config.search, config.instance)
    fresh_app.extensions["marketplace.services"].search_index = index
    with fresh_app.app_context():
        with transaction() as session:
            desk = make_desk(session)
            for _ in range(PROJECTS):
                make_published(session, desk)
        operations.rebuild(db.session(), services=services(), sources=public_sources(), now=utc_now())
        db.session.rollback()
    return fresh_app


def retitle(session: Session, number: int) -> None:
    """One change of one project, with the news of it in the same transaction."""
    project = session.scalars(select(Project).order_by(Project.id).offset(number % PROJECTS).limit(1)).one()
    project.title = f"第{number}次改名 v{number}"
    public_changed(session, kind="project", ref=project.ref, now=utc_now())


def test_no_change_is_lost_however_often_writer_and_workers_are_killed(site: Flask) -> None:
    engine = site.extensions["marketplace.config"].search
    with torture(site, engine, seed=20161116) as tortured:
        tortured.run(retitle, rounds=ROUNDS, changes=CHANGES)
        tortured.settle()
        assert tortured.kills == 2 * ROUNDS + 2
        assert [line for line in tortured.said if line.startswith("bad")] == []
    with site.app_context():
        index = services().search_index
        difference, documents = queries.difference(db.session(), public_sources(), index, now=utc_now())
        assert not difference
        assert documents > PROJECTS
        for number in range(CHANGES - PROJECTS, CHANGES):      # the last name of each project, and no name before it
            assert index.search(holding(f"v{number}")).total == 1
            assert index.search(holding(f"v{number - PROJECTS}")).total == 0
        waiting = select(func.count()).select_from(Job).where(Job.kind == PUBLIC_CHANGED, Job.state == JobState.PARKED)
        assert db.session.scalar(waiting) == 0
        db.session.rollback()


def holding(token: str) -> SearchRequest:
    return SearchRequest((Clause((Alternative((token,)),)),), least=1)
