"""The index follows the database: after publishing, changing and ending, through the outbox; and by command."""

import json
import shutil
from datetime import timedelta

from flask import Flask
from sqlalchemy import func, select

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.outbox import Job, JobState, claim_due
from marketplace.core.publishing import PUBLIC_CHANGED, PublicDocument, public_changed
from marketplace.projects import operations
from marketplace.projects.queries import by_ref
from marketplace.search import queries
from marketplace.search.jobs import index_changes
from marketplace.web.services import config, public_sources, services
from marketplace.web.worker import run_claim
from tests.factories import NOW
from tests.factories.projects import Desk, make_desk, make_draft, make_published


def publish_one(**changes: object) -> tuple[Desk, str]:
    with transaction() as session:
        desk = make_desk(session)
        project = make_published(session, desk, **changes)
        make_draft(session, desk, title="还没有发布的草稿")
        return desk, project.ref


def work() -> None:
    """Run what is due at NOW, which lies ahead of the wall clock."""
    while True:
        with transaction() as session:
            claims = claim_due(session, now=NOW, limit=100)
        if not claims:
            return
        assert all(run_claim(claim) for claim in claims)


def found(text: str) -> list[str]:
    return [ref for _, ref in services().search_index.search(text, kinds=("project",)).refs]


def verify(app: Flask, *arguments: str) -> tuple[int, dict[str, object]]:
    result = app.test_cli_runner().invoke(args=["search", *arguments, "--json"])
    return result.exit_code, json.loads(result.stdout.splitlines()[-1])


def test_a_published_project_is_found_after_the_jobs_and_a_draft_never(ctx: Flask) -> None:
    _, ref = publish_one()
    work()
    assert found("长者助餐") == [ref]
    assert found("草稿") == []


def test_every_step_that_changes_the_public_face_reaches_the_index(ctx: Flask) -> None:
    desk, ref = publish_one()
    work()
    before = services().search_index.stamps()["project", ref]
    with transaction() as session:
        operations.terminate(session, actor=desk.approver, project=by_ref(session, ref), reason="预算取消", now=NOW)
    work()
    assert services().search_index.stamps()["project", ref] != before


def test_one_batch_serves_all_waiting_changes_and_the_other_jobs_find_nothing_to_do(ctx: Flask, monkeypatch) -> None:
    with transaction() as session:
        desk = make_desk(session)
        refs = [make_published(session, desk).ref for _ in range(5)]
        for ref in refs:
            public_changed(session, kind="project", ref=ref, now=NOW)
    written: list[int] = []
    real = services().search_index.index
    monkeypatch.setattr(services().search_index, "index", lambda documents, **more: (written.append(len(list(documents))), real(documents, **more)), raising=False)
    for ref in refs:
        index_changes("project", ref)
    assert written == [5]
    assert set(found("长者助餐")) == set(refs)


def test_what_is_public_no_longer_leaves_the_index(ctx: Flask) -> None:
    with transaction() as session:
        draft = make_draft(session)
        services().search_index.index([PublicDocument(kind="project", ref=draft.ref, title="误入的草稿")])
        public_changed(session, kind="project", ref=draft.ref, now=NOW)
    assert found("误入") != []
    work()
    assert found("误入") == []


def test_news_of_a_kind_that_nobody_offers_does_no_harm(ctx: Flask) -> None:
    index_changes("nonsense", "x")
    assert queries.documents_of(db.session(), public_sources(), [("nonsense", "x")]) == {}


def test_the_lag_is_the_age_of_the_oldest_waiting_change(ctx: Flask) -> None:
    assert queries.lag_seconds(db.session(), NOW) == 0.0
    with transaction() as session:
        public_changed(session, kind="project", ref="x", now=NOW)
    assert queries.lag_seconds(db.session(), NOW + timedelta(seconds=90)) == 90.0
    work()
    assert queries.lag_seconds(db.session(), utc_now()) == 0.0
    waiting = select(func.count()).select_from(Job).where(Job.kind == PUBLIC_CHANGED, Job.state != JobState.DONE)
    assert db.session().scalar(waiting) == 0


def test_verify_finds_what_is_missing_extra_and_stale_and_repairs_it(app: Flask) -> None:
    with app.app_context():
        _, ref = publish_one()
    code, report = verify(app, "verify")
    assert code == 1
    assert report["missing"] == 1 + catalog_documents(app)
    code, report = verify(app, "rebuild")
    assert (code, report["ok"], report["documents"]) == (0, True, 1 + catalog_documents(app))
    with app.app_context(), transaction() as session:
        project = by_ref(session, ref)
        project.title = "改名后的服务"
        index = services().search_index
        index.index([], deleted=[])
    code, report = verify(app, "verify")
    assert (code, report["stale"], report["missing"], report["extra"]) == (1, 1, 0, 0)
    code, report = verify(app, "verify", "--repair")
    assert (code, report["ok"]) == (0, True)
    with app.app_context():
        assert found("改名") == [ref]
    code, report = verify(app, "status")
    assert code == 0
    assert set(report) >= {"ok", "missing", "extra", "stale", "lag_seconds", "documents"}


def catalog_documents(app: Flask) -> int:
    """What the other slices offer beside the one project."""
    with app.app_context():
        return sum(1 for d in queries.all_documents(db.session(), public_sources()) if d.kind != "project")


def test_a_lost_index_is_said_and_the_list_falls_back_to_titles(app: Flask) -> None:
    with app.app_context():
        _, ref = publish_one()
        shutil.rmtree(config().instance / "index", ignore_errors=True)
    page = app.test_client().get("/projects?q=长者助餐").get_data(as_text=True)
    assert "搜索暂时受限" in page
    assert ref in page
    code, report = verify(app, "status")
    assert (code, report["ok"], report["documents"]) == (0, False, 0)
    verify(app, "rebuild")
    page = app.test_client().get("/projects?q=工作日午餐").get_data(as_text=True)  # only in the body
    assert "搜索暂时受限" not in page
    assert ref in page
