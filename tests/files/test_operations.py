"""Storing, scanning and handing out files."""

import errno

import pytest
from sqlalchemy import func, select

from marketplace.core.access import ANONYMOUS, SYSTEM, Actor, Role
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, IllegalStep, Unavailable
from marketplace.core.outbox import Job
from marketplace.files import jobs, operations, policy, queries
from marketplace.files.models import StoredFile
from marketplace.files.rules import JOB_FILE_STORED, Purpose, ScanState
from tests.factories import NOW
from tests.factories.accounts import make_person, sign_in
from tests.factories.bids import PDF, make_bidder
from tests.fakes import MemoryStore, ScriptedScanner


def store(session, actor=SYSTEM, data=PDF, name="证书.pdf", **more):
    return operations.store(session, actor=actor, store=more.pop("store", MemoryStore()), name=name, data=data,
                            purpose=Purpose.CREDENTIAL, now=NOW, **more)


def test_an_upload_waits_for_its_check_and_asks_for_it(session):
    bidder = make_bidder(session)
    stored = store(session, bidder.actor, organization_id=bidder.organization.id)
    session.flush()
    assert (stored.scan_state, stored.media_type, stored.size) == ("pending", "application/pdf", len(PDF))
    job = session.scalars(select(Job).where(Job.kind == JOB_FILE_STORED)).one()
    assert job.payload == {"file_ref": stored.ref}
    assert not policy.may_download(bidder.actor, stored)


def test_a_full_disk_is_a_clear_refusal_and_leaves_no_row(session):
    full = MemoryStore()
    full.full = True
    with pytest.raises(Unavailable, match="存储暂时写不进去") as refused:
        store(session, store=full)
    assert refused.value.__cause__.errno == errno.ENOSPC
    assert session.scalar(select(func.count()).select_from(StoredFile)) == 0


def test_nobody_stores_for_another_organization_or_without_signing_in(session):
    one, other = make_bidder(session), make_bidder(session)
    with pytest.raises(Denied, match="自己所在的单位"):
        store(session, one.actor, organization_id=other.organization.id)
    with pytest.raises(Denied, match="先登录"):
        store(session, ANONYMOUS)


@pytest.mark.parametrize(("verdict", "state", "note"), [
    ("clean", ScanState.CLEAN, None), ("Win.X", ScanState.INFECTED, "Win.X"), (None, ScanState.FAILED, None)])
def test_the_verdict_moves_the_file(session, verdict, state, note):
    stored = operations.record_scan(session, actor=SYSTEM, file=store(session), verdict=verdict, now=NOW)
    assert (stored.scan_state, stored.scan_note) == (state, note)


def test_a_verdict_stands_and_only_the_system_gives_one(session):
    stored = operations.record_scan(session, actor=SYSTEM, file=store(session), verdict="Win.X", now=NOW)
    with pytest.raises(IllegalStep):
        operations.record_scan(session, actor=SYSTEM, file=stored, verdict="clean", now=NOW)
    with pytest.raises(Denied):
        operations.record_scan(session, actor=make_bidder(session).actor, file=stored, verdict="clean", now=NOW)


def actor(person=1, organization=None):
    return Actor(person_id=person, organization_id=organization, roles=frozenset({Role.PROVIDER_MEMBER}))


@pytest.mark.parametrize(("who", "is_public", "state", "allowed", "hidden"), [
    (ANONYMOUS, True, "clean", True, False), (ANONYMOUS, False, "clean", False, True), (ANONYMOUS, True, "pending", False, True),
    (actor(1), False, "clean", True, False), (actor(9, 5), False, "clean", True, False), (actor(9, 6), False, "clean", False, True),
    (actor(9), False, "clean", False, True), (actor(1), False, "pending", False, False), (actor(1), False, "infected", False, False),
    (actor(1), False, "failed", False, False), (actor(9, 6), True, "infected", False, True)])
def test_who_may_download_what(who, is_public, state, allowed, hidden):
    file = StoredFile(is_public=is_public, scan_state=state, uploaded_by=1, owner_organization_id=5)
    decision = policy.may_download(who, file)
    assert (bool(decision), decision.hidden) == (allowed, hidden)


def test_a_file_that_does_not_exist_is_hidden(session):
    with pytest.raises(Denied) as refused:
        queries.by_ref(session, "nothing")
    assert refused.value.hidden


# ---- the job and the route ----

@pytest.fixture
def uploaded(app):
    with app.app_context(), transaction() as session:
        person = make_person(session)
        session.flush()
        stored = operations.store(
            session, actor=Actor(person_id=person.id, name="周敏"), store=app.extensions["marketplace.services"].files,
            name="年检 “证书”.pdf", data=PDF, purpose=Purpose.CREDENTIAL, now=NOW)
        return stored.ref, person.id


def state_of(app, ref):
    with app.app_context():
        return queries.by_ref(db.session(), ref).scan_state


def test_the_job_scans_once_and_a_clean_file_is_handed_out_as_a_download(app, client, uploaded):
    ref, person = uploaded
    sign_in(client, person)
    waiting = client.get(f"/files/{ref}")
    assert waiting.status_code == 403
    assert "还在做安全检查" in waiting.text
    with app.app_context():
        jobs.scan_file(ref)
        jobs.scan_file(ref)
    got = client.get(f"/files/{ref}")
    assert got.data == PDF
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert got.headers["Cache-Control"] == "no-store"
    assert got.headers["Content-Disposition"] == (
        "attachment; filename=\"file.pdf\"; filename*=UTF-8''%E5%B9%B4%E6%A3%80%20%E2%80%9C%E8%AF%81%E4%B9%A6%E2%80%9D.pdf")
    client.delete_cookie("session")
    assert client.get(f"/files/{ref}").status_code == 404


def test_an_infected_file_is_never_handed_out_and_says_why(app, client, uploaded):
    ref, person = uploaded
    app.extensions["marketplace.services"].scanner = ScriptedScanner("Win.Test")
    with app.app_context():
        jobs.scan_file(ref)
    sign_in(client, person)
    refused = client.get(f"/files/{ref}")
    assert refused.status_code == 403
    assert "Win.Test" in refused.text


def test_a_scanner_that_is_down_leaves_the_file_unchecked_and_the_job_to_be_tried_again(app, uploaded):
    ref, _person = uploaded
    scanner = app.extensions["marketplace.services"].scanner = ScriptedScanner()
    scanner.unreachable = True
    with app.app_context(), pytest.raises(OSError, match="down"):
        jobs.scan_file(ref)
    assert state_of(app, ref) == "failed"
    scanner.unreachable = False
    with app.app_context():
        jobs.scan_file(ref)
    assert state_of(app, ref) == "clean"


def test_a_public_file_may_be_kept_by_browsers_and_is_not_sent_twice(app, client, uploaded):
    ref, _person = uploaded
    with app.app_context():
        jobs.scan_file(ref)
        with transaction() as session:
            queries.by_ref(session, ref).is_public = True
    got = client.get(f"/files/{ref}")
    assert "public" in got.headers["Cache-Control"]
    again = client.get(f"/files/{ref}", headers={"If-None-Match": got.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_an_unknown_reference_is_not_found(client):
    assert client.get("/files/aaaaaaaaaaaa").status_code == 404
