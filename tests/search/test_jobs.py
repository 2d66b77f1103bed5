"""The index follows the database: after publishing, changing and ending, through the outbox; and by command."""

import json
import shutil
from datetime import timedelta

from flask import Flask
from sqlalchemy import event, func, select

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.outbox import Job, JobState, claim_due, enqueue, mark_failed
from marketplace.core.publishing import INDEX_HANDLER, PUBLIC_CHANGED, public_changed
from marketplace.core.searching import Alternative, Clause, IndexRow, SearchRequest, Zone
from marketplace.projects import operations
from marketplace.projects.queries import by_ref
from marketplace.projects.rules import JOB_DEADLINE_PASSED
from marketplace.search import operations as search
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


def found(pair: str) -> list[str]:
    """The projects that hold a pair of characters."""
    request = SearchRequest((Clause((Alternative((pair,)),)),), least=1, kinds=("project",))
    return [ref for _, ref in services().search_index.search(request).refs]


def build() -> None:
    search.rebuild(db.session(), services=services(), sources=public_sources(), now=NOW)


def verify(app: Flask, *arguments: str) -> tuple[int, dict[str, object]]:
    result = app.test_cli_runner().invoke(args=["search", *arguments, "--json"])
    return result.exit_code, json.loads(result.stdout.splitlines()[-1])


def test_a_published_project_is_found_after_the_jobs_and_a_draft_never(ctx: Flask) -> None:
    _, ref = publish_one()
    work()
    assert found("助餐") == [ref]
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
    build()
    with transaction() as session:
        desk = make_desk(session)
        refs = [make_published(session, desk).ref for _ in range(5)]
        for ref in refs:
            public_changed(session, kind="project", ref=ref, now=utc_now())
    written: list[int] = []
    real = services().search_index.index

    def counted(rows, **more: object) -> None:
        rows = list(rows)
        written.append(len(rows))
        real(rows, **more)

    monkeypatch.setattr(services().search_index, "index", counted, raising=False)
    for ref in refs:
        index_changes("project", ref)
    assert written == [5]
    assert set(found("助餐")) == set(refs)


def test_the_first_change_makes_the_index_of_everything_where_there_is_none(ctx: Flask) -> None:
    with transaction() as session:
        desk = make_desk(session)
        refs = {make_published(session, desk).ref for _ in range(2)}
    index_changes("project", min(refs))
    assert set(found("助餐")) == refs


def test_a_change_that_was_read_before_another_writer_wrote_is_read_again(ctx: Flask) -> None:
    """What a job writes is read inside the writer's lock: an older reading never replaces a newer one."""
    build()
    _, ref = publish_one()
    order: list[str] = []
    engine, real = services().search_index, services().search_index.writing
    sources = {name: lambda session, refs, offer=offer: (order.append("read"), offer(session, refs))[1]
               for name, offer in public_sources().items()}

    class Noted:
        def __enter__(self) -> None:
            self.held = real()
            self.held.__enter__()
            order.append("locked")

        def __exit__(self, *error: object) -> None:
            order.append("free")
            self.held.__exit__(*error)

    engine.writing = Noted
    search.index_changes(db.session(), services=services(), sources=sources, key=("project", ref), now=utc_now())
    assert (order[0], order[-1]) == ("locked", "free")
    assert "read" in order
    assert found("助餐") == [ref]


def test_what_changes_while_the_index_is_rebuilt_is_in_the_new_one(ctx: Flask) -> None:
    desk, ref = publish_one()
    build()
    later: list[str] = []

    def change(_done: int) -> None:
        with transaction() as session:
            project = by_ref(session, ref)
            project.title = "改名后的服务"
            later.append(make_published(session, desk).ref)
            public_changed(session, kind="project", ref=ref, now=NOW)
            public_changed(session, kind="project", ref=later[0], now=NOW)
        work()

    search.rebuild(db.session(), services=services(), sources=public_sources(), now=utc_now(), progress=change)
    assert found("改名") == [ref]
    assert set(found("助餐")) >= set(later)
    difference, _ = queries.difference(db.session(), public_sources(), services().search_index, now=NOW)
    assert not difference


def test_a_change_that_a_worker_wrote_and_has_not_noted_yet_is_in_the_new_index(ctx: Flask) -> None:
    _, ref = publish_one()
    build()
    work()
    began = utc_now() + timedelta(days=400)     # long after all that was done for the project

    def change(_done: int) -> None:
        late = began + timedelta(minutes=5)
        with transaction() as session:
            by_ref(session, ref).title = "改名后的服务"
            public_changed(session, kind="project", ref=ref, now=late)
        with transaction() as session:
            claims = claim_due(session, now=late, limit=100)
        for claim in claims:
            if claim.handler == INDEX_HANDLER:
                index_changes(**claim.payload)  # type: ignore[arg-type]

    search.rebuild(db.session(), services=services(), sources=public_sources(), now=began, progress=change)
    assert found("改名") == [ref]


def test_a_project_is_no_longer_open_in_the_index_once_its_deadline_has_passed(ctx: Flask, monkeypatch) -> None:
    build()
    _, ref = publish_one()
    work()
    with transaction() as session:
        closes_at = by_ref(session, ref).closes_at
    assert closes_at is not None
    before = services().search_index.stamps([("project", ref)])
    monkeypatch.setattr("marketplace.search.jobs.upkeep.utc_now", lambda: closes_at)
    with transaction() as session:
        claims = claim_due(session, now=closes_at, limit=100)
    assert [claim.kind for claim in claims] == [JOB_DEADLINE_PASSED], "one job waits for the deadline"
    assert run_claim(claims[0])
    index_changes("project", ref)
    after = services().search_index.stamps([("project", ref)])
    assert before != after
    index_changes("project", ref)
    assert services().search_index.stamps([("project", ref)]) == after


def test_what_is_public_no_longer_leaves_the_index(ctx: Flask) -> None:
    build()
    with transaction() as session:
        draft = make_draft(session)
        text = frozenset({"误入"})
        services().search_index.index([IndexRow("project", draft.ref, "1", {Zone.TITLE: text, Zone.LEAD: text, Zone.TEXT: text})])
        public_changed(session, kind="project", ref=draft.ref, now=NOW)
    assert found("误入") == [draft.ref]
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
    assert queries.lag_seconds(db.session(), NOW + timedelta(seconds=90)) == 0.0
    waiting = select(func.count()).select_from(Job).where(Job.kind == PUBLIC_CHANGED, Job.state != JobState.DONE)
    assert db.session().scalar(waiting) == 0


def test_the_lag_counts_from_the_first_attempt_and_not_from_what_waits_for_its_day(ctx: Flask) -> None:
    with transaction() as session:
        enqueue(session, PUBLIC_CHANGED, now=NOW, due_at=NOW + timedelta(days=3), doc_kind="project", ref="x")
    assert queries.lag_seconds(db.session(), NOW + timedelta(days=2)) == 0.0
    assert queries.lag_seconds(db.session(), NOW + timedelta(days=3, seconds=8)) == 8.0
    with transaction() as session:
        for claim in claim_due(session, now=NOW + timedelta(days=3), limit=9):
            mark_failed(session, claim, error="disk full", now=NOW + timedelta(days=3))
    assert queries.lag_seconds(db.session(), NOW + timedelta(days=3, seconds=4)) == 4.0


def test_the_lag_is_asked_of_what_waits_and_never_of_all_jobs(ctx: Flask) -> None:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    with transaction() as session:
        public_changed(session, kind="project", ref="x", now=NOW)
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        queries.lag_seconds(db.session(), NOW)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    statements = [statement for statement in asked if statement.startswith("SELECT")]
    assert len(statements) == 2
    for statement in statements:
        assert "job.state IN" in statement, "an index begins with the state; every job that was ever done has one"
        assert "!=" not in statement


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


def test_rows_made_in_several_processes_are_the_same(app: Flask) -> None:
    with app.app_context():
        publish_one()
    verify(app, "rebuild")
    with app.app_context():
        before = services().search_index.stamps()
    code, report = verify(app, "rebuild", "--processes", "2")
    assert (code, report["ok"]) == (0, True)
    with app.app_context():
        assert services().search_index.stamps() == before
        assert len(found("助餐")) == 1


def test_an_index_that_cannot_be_read_is_said_and_one_command_repairs_it(app: Flask) -> None:
    with app.app_context():
        publish_one()
    assert verify(app, "rebuild")[0] == 0
    with app.app_context():
        folder = next((config().instance / "index").glob("generation-*"))
        shutil.rmtree(folder)
    code, report = verify(app, "status")
    assert (code, report["ok"], report["readable"], report["documents"]) == (0, False, False, 0)
    assert verify(app, "verify")[0] == 1
    code, report = verify(app, "verify", "--repair")
    assert (code, report["ok"], report["readable"]) == (0, True, True)


def test_an_index_that_cannot_be_written_ends_the_command_with_3_and_a_sentence(app: Flask) -> None:
    with app.app_context():
        (config().instance / "index").write_text("a file where the folder should be")
    for command in (["rebuild"], ["verify", "--repair"]):
        result = app.test_cli_runner().invoke(args=["search", *command])
        assert result.exit_code == 3
        assert "cannot be written" in result.stderr
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["degraded"]) == (200, ["search"])


def catalog_documents(app: Flask) -> int:
    """What the other slices offer beside the one project."""
    with app.app_context():
        return sum(1 for d in queries.all_documents(db.session(), public_sources()) if d.kind != "project")


def test_an_upgrade_that_brings_other_words_asks_for_an_index_made_anew(app: Flask, monkeypatch) -> None:
    with app.app_context():
        publish_one()
        work()
        services().search_index.rebuild([], label="shipped-00000000")
    code, report = verify(app, "verify")
    assert (code, report["ok"], report["dictionary"]) == (1, False, "shipped-00000000")
    code, report = verify(app, "verify", "--repair")
    assert (code, report["ok"], report["missing"]) == (0, True, 0)
