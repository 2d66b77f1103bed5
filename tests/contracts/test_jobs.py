"""From the end of the objection period to the stored paper, through the outbox, on both databases."""

import errno
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pikepdf
import pytest
import sqlalchemy as sa
from flask import Flask

from marketplace.awards.rules import JOB_OBJECTIONS_OVER
from marketplace.contracts import jobs, rules
from marketplace.contracts.models import Contract
from marketplace.core.db import db, transaction
from marketplace.core.errors import Invalid, Unavailable
from marketplace.core.outbox import Claim, Job, enqueue
from marketplace.documents.models import Document
from marketplace.documents.queries import verify_bytes
from marketplace.documents.rules import Verdict
from marketplace.files.models import StoredFile
from marketplace.inbox.models import Message
from marketplace.integrations.weasyprint import WeasyPrintRenderer
from marketplace.web import worker
from marketplace.web.services import services
from tests.factories.contracts import make_award, make_contract

LATER = datetime(2026, 12, 20, 2, tzinfo=UTC)  # ten days after the objection period of the factories


@pytest.fixture(scope="module")
def printer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WeasyPrintRenderer]:
    """The real printer, warm for the whole file."""
    made = WeasyPrintRenderer(tmp_path_factory.mktemp("fontcache"))
    yield made
    made.close()


@pytest.fixture
def award_ref(ctx: Flask) -> str:
    """An award whose objection period ended long ago."""
    with transaction() as session:
        return make_award(session, services().sealer).award.ref


@pytest.fixture
def contract_ref(ctx: Flask) -> str:
    """A contract that waits for its paper."""
    with transaction() as session:
        return make_contract(session, services().sealer)[1].ref


def the_contract() -> Contract:
    """The one contract, read anew."""
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(sa.select(Contract)).one()


def count(model: type) -> int:
    """How many rows there are."""
    db.session.rollback()
    return db.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def test_from_the_last_day_of_objections_to_a_stored_contract(ctx: Flask, award_ref: str, printer: WeasyPrintRenderer,
                                                             tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    services().pdf = printer
    monkeypatch.setattr(jobs, "utc_now", lambda: LATER)
    jobs.draw_up(award_ref)
    jobs.draw_up(award_ref)
    contract = the_contract()
    assert contract.state == "frozen"
    jobs.print_paper(contract.ref)
    jobs.print_paper(contract.ref)
    contract = the_contract()
    assert (contract.state, count(Document)) == ("issued", 1)
    assert contract.document is not None
    data = services().files.get(contract.document.sha256)
    (tmp_path / "contract.pdf").write_bytes(data)
    with pikepdf.open(tmp_path / "contract.pdf") as pdf:
        assert len(pdf.pages) == contract.document.pages == 4
        inside = dict(pdf.attachments)["contract.json"].get_file().read_bytes()
    assert inside == rules.terms_bytes(contract.terms)
    text = subprocess.run(["pdftotext", "-layout", tmp_path / "contract.pdf", "-"], check=True, capture_output=True, text=True).stdout
    plain = "".join(text.split())
    for said in ("合同编号LC-HT-2026-0001", "356,000.00元", "叁拾伍万陆仟元整", "142,400.00", "71,200.00", "第二十六条签署",
                 "第1页，共4页", "第4页，共4页", contract.verify_code, "统一社会信用代码", contract.terms_sha256, "（签订时填写）"):
        assert said in plain, said
    assert "演示" not in plain
    assert verify_bytes(db.session(), data, store=services().files).verdict is Verdict.INTACT
    altered = data.replace(b"/FAIR_Number (LC-HT-2026-0001)", b"/FAIR_Number (LC-HT-2026-0001) ")
    assert verify_bytes(db.session(), altered, store=services().files).verdict is Verdict.ALTERED
    assert verify_bytes(db.session(), data[:40_000], store=services().files).verdict is Verdict.TRUNCATED


def test_a_paper_saved_again_by_another_program_is_altered_though_it_looks_the_same(
        ctx: Flask, contract_ref: str, printer: WeasyPrintRenderer, tmp_path: Path) -> None:
    services().pdf = printer
    jobs.print_paper(contract_ref)
    document = the_contract().document
    assert document is not None
    (tmp_path / "a.pdf").write_bytes(services().files.get(document.sha256))
    with pikepdf.open(tmp_path / "a.pdf") as pdf:
        del pdf.docinfo["/Title"]
        pdf.save(tmp_path / "b.pdf", linearize=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    found = verify_bytes(db.session(), (tmp_path / "b.pdf").read_bytes(), store=services().files)
    assert (found.verdict, found.number) == (Verdict.ALTERED, "LC-HT-2026-0001")


def test_a_demo_contract_says_so_on_every_page(ctx: Flask, printer: WeasyPrintRenderer, tmp_path: Path) -> None:
    with transaction() as session:
        ref = make_contract(session, services().sealer, is_demo=True)[1].ref
    services().pdf = printer
    jobs.print_paper(ref)
    document = the_contract().document
    assert document is not None
    assert document.is_demo
    (tmp_path / "c.pdf").write_bytes(services().files.get(document.sha256))
    for page in range(1, document.pages + 1):
        text = subprocess.run(["pdftotext", "-f", str(page), "-l", str(page), tmp_path / "c.pdf", "-"], check=True,
                              capture_output=True, text=True).stdout
        assert text.count("演") >= 2, page  # in the header and across the page


def test_printing_the_same_contract_again_gives_the_same_bytes(ctx: Flask, contract_ref: str, printer: WeasyPrintRenderer) -> None:
    services().pdf = printer
    contract = the_contract()
    first, second = jobs._render(contract), jobs._render(contract)
    assert first.data == second.data


class FullDisk:
    """A store without room until somebody makes some."""

    def __init__(self, real: object) -> None:
        self.real, self.is_full = real, True

    def put(self, data: bytes) -> str:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.real.put(data)  # type: ignore[attr-defined, no-any-return]

    def get(self, sha256: str) -> bytes:
        return self.real.get(sha256)  # type: ignore[attr-defined, no-any-return]


def test_a_full_disk_leaves_the_contract_frozen_and_the_job_tries_again(ctx: Flask, contract_ref: str) -> None:
    disk = FullDisk(services().files)
    services().files = disk
    assert not worker.run_claim(claim_of(rules.JOB_CONTRACT_DRAWN_UP))
    contract = the_contract()
    assert (contract.state, contract.document_id, count(Document), count(StoredFile)) == ("frozen", None, 0, 0)
    assert "No space left" in contract.render_error
    job = db.session.scalars(sa.select(Job).where(Job.kind == rules.JOB_CONTRACT_DRAWN_UP)).one()
    assert (job.state, "No space left" in (job.last_error or "")) == ("waiting", True)
    disk.is_full = False
    assert worker.run_claim(claim_of(rules.JOB_CONTRACT_DRAWN_UP))
    contract = the_contract()
    assert (contract.state, contract.render_error, count(Document)) == ("issued", "", 1)


def claim_of(kind: str) -> Claim:
    """Lease the one job of a kind, due or not."""
    with transaction() as session:
        job = session.scalars(sa.select(Job).where(Job.kind == kind, Job.state == "waiting")).one()
        job.attempts += 1
        return Claim(job.id, job.kind, job.handler, dict(job.payload), job.attempts)


def test_a_printer_killed_in_the_middle_leaves_nothing_half_done(ctx: Flask, contract_ref: str, tmp_path: Path) -> None:
    printer = WeasyPrintRenderer(tmp_path / "cache")
    services().pdf = printer
    try:
        printer.render("<p>热身</p>")
        [child] = printer.child_pids
        killer = threading.Thread(target=lambda: (time.sleep(0.05), os.kill(child, signal.SIGKILL)))
        killer.start()
        with pytest.raises(Unavailable, match="没有排印成功"):
            jobs.print_paper(contract_ref)
        killer.join()
        contract = the_contract()
        assert (contract.state, count(Document), count(StoredFile)) == ("frozen", 0, 0)
        assert "ended, code -9" in contract.render_error
        jobs.print_paper(contract_ref)
        assert the_contract().state == "issued"
    finally:
        printer.close()


def test_terms_that_were_tampered_with_are_never_printed(ctx: Flask, contract_ref: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "terms_sha256", lambda _terms: "0" * 64)
    with pytest.raises(RuntimeError, match="not those that were frozen"):
        jobs.print_paper(contract_ref)
    assert the_contract().state == "frozen"


def test_a_name_that_cannot_be_printed_keeps_the_project_awarded(ctx: Flask, printer: WeasyPrintRenderer,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "utc_now", lambda: LATER)
    with transaction() as session:
        ref = make_award(session, services().sealer, provider_profile={"legal_representative": "张𣇉明"}).award.ref
    services().pdf = printer
    with pytest.raises(Invalid, match="“𣇉”（U\\+231C9）"):
        jobs.draw_up(ref)
    assert count(Contract) == 0


def test_the_job_of_an_award_that_is_gone_or_early_does_nothing(ctx: Flask) -> None:
    jobs.draw_up("nothing")
    jobs.print_paper("nothing")
    assert count(Contract) == 0


def test_the_outbox_carries_it_from_award_to_messages(ctx: Flask, award_ref: str, monkeypatch: pytest.MonkeyPatch) -> None:
    later = LATER
    monkeypatch.setattr(jobs, "utc_now", lambda: later)
    with transaction() as session:
        session.execute(sa.update(Job).values(due_at=later + timedelta(days=9_999)))
        enqueue(session, JOB_OBJECTIONS_OVER, now=later, due_at=later - timedelta(days=60), award_ref=award_ref)
    monkeypatch.setattr(worker, "utc_now", lambda: later + timedelta(minutes=1))
    worker.run_until_idle()
    contract = the_contract()
    assert contract.state == "issued"
    subjects = db.session.scalars(sa.select(Message.subject).where(Message.url == f"/contracts/{contract.ref}")).all()
    assert sorted(subjects) == sorted(["签订“{title}”合同 {number}"] * 2 + ["“{title}”合同 {number} 已生成，请下载核对并签署"])
