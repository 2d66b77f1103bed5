"""Numbers, issuing, voiding, replacing - on both databases."""

import errno
import threading

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from marketplace.core.access import ANONYMOUS, SYSTEM, Actor, Role
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied, Invalid
from marketplace.core.ports import RenderedPdf
from marketplace.documents import operations, queries, rules
from marketplace.documents.models import Document
from marketplace.documents.rules import Paper, Standing, Verdict
from marketplace.files.models import StoredFile
from marketplace.web.services import services
from tests.factories import NOW

OPERATOR = Actor(person_id=1, name="何伟", roles=frozenset({Role.OPERATOR}))


def an_issued(session: Session, *, number: str = "LC-HT-2026-0001", body: bytes = b"paper", **more: object) -> Document:
    """A small paper that was issued for real, into the real store."""
    data = b"%PDF-1.7\n/FAIR_Number (" + number.encode() + b")\n" + body + b"\n%%EOF\n"
    return operations.issue(
        session, actor=SYSTEM, paper=Paper("contract", number, rules.new_verify_code(), **more),
        rendered=RenderedPdf(data, 2), store=services().files, data={"n": number}, now=NOW)


class FullDisk:
    """A store that has no room left."""

    def put(self, data: bytes) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    def get(self, sha256: str) -> bytes:
        raise FileNotFoundError(sha256)


def test_numbers_follow_each_other_within_a_series_and_year(session: Session) -> None:
    first = operations.next_number(session, series="contract", prefix="LC-HT", now=NOW)
    second = operations.next_number(session, series="contract", prefix="LC-HT", now=NOW)
    other = operations.next_number(session, series="receipt", prefix="LC-HZ", now=NOW)
    new_year = operations.next_number(session, series="contract", prefix="LC-HT", now=NOW.replace(month=12, day=31, hour=17))
    assert (first, second, other, new_year) == (
        "LC-HT-2026-0001", "LC-HT-2026-0002", "LC-HZ-2026-0001", "LC-HT-2027-0001")


@pytest.mark.race
def test_two_workers_never_get_the_same_number_and_leave_no_gap(fresh_app: Flask) -> None:
    taken: list[str] = []

    def take() -> None:
        with fresh_app.app_context():
            for _ in range(20):
                with transaction() as session:
                    taken.append(operations.next_number(session, series="contract", prefix="N", now=NOW))

    workers = [threading.Thread(target=take) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(taken) == [f"N-2026-{n:04d}" for n in range(1, 81)]


def test_an_issued_paper_is_stored_bit_for_bit_under_its_hash(session: Session) -> None:
    document = an_issued(session, title="助餐服务合同", facts={"buyer": "桐浦街道办事处"}, is_demo=True)
    data = services().files.get(document.sha256)
    assert rules.sha256(data) == document.sha256 == document.file.sha256
    assert (document.file.size, document.file.scan_state, document.file.is_public) == (len(data), "clean", False)
    assert document.data_sha256 == rules.sha256(b'{"n":"LC-HT-2026-0001"}')
    assert queries.by_code(session, document.verify_code.upper().replace("-", " ")) is document
    assert queries.verify_bytes(session, data, store=services().files).verdict is Verdict.INTACT


def test_a_full_disk_leaves_neither_paper_nor_file(session: Session) -> None:
    with pytest.raises(OSError, match="No space left"):
        operations.issue(session, actor=SYSTEM, paper=Paper("contract", "LC-HT-2026-0009", "x"),
                         rendered=RenderedPdf(b"%PDF", 1), store=FullDisk(), data={}, now=NOW)
    assert session.scalar(sa.select(sa.func.count()).select_from(Document)) == 0
    assert session.scalar(sa.select(sa.func.count()).select_from(StoredFile)) == 0


def test_nobody_issues_anonymously_and_only_an_operator_voids(session: Session) -> None:
    document = an_issued(session)
    with pytest.raises(Denied):
        operations.issue(session, actor=ANONYMOUS, paper=Paper("contract", "N-1", "x"),
                         rendered=RenderedPdf(b"%PDF", 1), store=services().files, data={}, now=NOW)
    handler = Actor(person_id=2, organization_id=1, roles=frozenset({Role.HANDLER}))
    with pytest.raises(Denied):
        operations.void(session, actor=handler, document=document, reason="写错了", now=NOW)
    assert queries.standing(document) is Standing.VALID


def test_a_number_that_could_not_be_found_again_is_refused(session: Session) -> None:
    with pytest.raises(Invalid, match="只能用字母、数字"):
        an_issued(session, number="合同 (一)")


def test_a_secret_fact_never_reaches_the_verify_page(session: Session) -> None:
    with pytest.raises(ValueError, match="not a public fact"):
        an_issued(session, facts={"phone": "13800000416"})


def test_voiding_says_why_and_happens_once(session: Session) -> None:
    document = an_issued(session)
    with pytest.raises(Invalid, match="作废原因"):
        operations.void(session, actor=OPERATOR, document=document, reason=" ", now=NOW)
    operations.void(session, actor=OPERATOR, document=document, reason="项目取消", now=NOW)
    assert (queries.standing(document), document.void_reason) == (Standing.VOIDED, "项目取消")
    with pytest.raises(Conflict):
        operations.void(session, actor=OPERATOR, document=document, reason="再来", now=NOW)
    finding = queries.verify_bytes(session, services().files.get(document.sha256), store=services().files)
    assert (finding.verdict, "作废" in finding.reason) == (Verdict.SUPERSEDED, True)


def test_a_replaced_paper_points_to_the_new_one_and_is_judged_superseded(session: Session) -> None:
    old = an_issued(session)
    new = an_issued(session, number="LC-HT-2026-0002", body=b"better")
    operations.supersede(session, actor=SYSTEM, old=old, new=new, now=NOW)
    assert queries.standing(old) is Standing.SUPERSEDED
    assert old.superseded_by is new
    found = queries.verify_bytes(session, services().files.get(old.sha256), store=services().files)
    assert (found.verdict, found.number) == (Verdict.SUPERSEDED, old.number)
    with pytest.raises(Conflict):
        operations.supersede(session, actor=SYSTEM, old=old, new=new, now=NOW)
    with pytest.raises(ValueError, match="itself"):
        operations.supersede(session, actor=SYSTEM, old=new, new=new, now=NOW)


def test_files_of_every_kind_get_their_verdict(session: Session) -> None:
    store = services().files
    document = an_issued(session, body=b"a contract of some length " * 20)
    data = store.get(document.sha256)

    def verdict(changed: bytes) -> Verdict:
        return queries.verify_bytes(session, changed, store=store).verdict

    assert verdict(data.replace(b"some", b"more", 1)) is Verdict.ALTERED
    assert verdict(data[:-30]) is Verdict.TRUNCATED
    assert verdict(data[:12]) is Verdict.TRUNCATED  # too short to hold the number: the newest papers are compared
    assert verdict(b"%PDF-1.4 somebody else's paper") is Verdict.UNKNOWN_FILE
    assert verdict(b"not even a PDF") is Verdict.UNKNOWN_FILE
    assert verdict(data.replace(b"LC-HT-2026-0001", b"LC-HT-2026-7777")) is Verdict.UNKNOWN_NUMBER


@pytest.mark.parametrize(("column", "value"), [("sha256", "0" * 64), ("number", "X-1"), ("title", "别的"), ("pages", 9)])
def test_the_database_itself_refuses_to_change_what_was_issued(session: Session, column: str, value: object) -> None:
    document = an_issued(session)
    with pytest.raises(sa.exc.DBAPIError, match="never changed"), session.begin_nested():
        session.execute(sa.update(Document).where(Document.id == document.id).values({column: value}))
    assert getattr(session.get(Document, document.id, populate_existing=True), column) != value
    db.session.rollback()
