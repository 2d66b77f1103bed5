"""Agreement pages through HTTP: drawing up, the paper, signing; the job that prints, twice and in trouble."""

import io

import pikepdf
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from marketplace.agreements import jobs
from marketplace.agreements.models import DonationAgreement
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db, transaction
from marketplace.documents.models import Document
from marketplace.documents.queries import verify_bytes
from marketplace.documents.rules import Verdict
from marketplace.integrations.weasyprint import WeasyPrintRenderer
from marketplace.projects.models import Project
from marketplace.web.services import services
from tests.factories.accounts import sign_in
from tests.factories.agreements import make_giving
from tests.factories.bids import PDF


class Scene:
    """References of what the pages are about."""

    project: str
    keeper: int
    officer: int
    handler: int
    provider: int


@pytest.fixture
def scene(app: Flask) -> Scene:
    made = Scene()
    with app.app_context(), transaction() as session:
        giving = make_giving(session, services().sealer)
        made.project = giving.deal.project.ref
        made.keeper, made.officer = giving.keeper.person_id or 0, giving.donor_officer.person_id or 0
        made.handler, made.provider = giving.deal.desk.handler.person_id or 0, giving.deal.provider.actor.person_id or 0
    return made


def drawn_up(app: Flask, client: FlaskClient, scene: Scene) -> str:
    """The reference of an agreement drawn up through the page."""
    sign_in(client, scene.keeper)
    answer = client.post(f"/agreements/draw-up/{scene.project}")
    assert answer.status_code == 303
    return answer.headers["Location"].rsplit("/", 1)[1]


def test_from_the_list_to_the_signed_copy(app: Flask, client: FlaskClient, scene: Scene) -> None:
    sign_in(client, scene.keeper)
    assert "可以起草的协议" in client.get("/agreements").text
    ref = drawn_up(app, client, scene)
    page = client.get(f"/agreements/{ref}").text
    assert "协议文件正在生成" in page
    assert client.get(f"/agreements/{ref}/paper").status_code == 404
    with app.app_context():
        jobs.print_agreement(ref)
        jobs.print_agreement(ref)            # the outbox may run a job twice
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Document).where(Document.kind == jobs.KIND)) == 1
    assert client.get(f"/agreements/{ref}/paper").data.startswith(b"%PDF")
    assert client.post(f"/agreements/{ref}/sign", data={}).status_code == 422
    future = client.post(f"/agreements/{ref}/sign", data={"signed_on": "2099-01-01", "scan": (io.BytesIO(PDF), "协议.pdf")})
    assert future.status_code == 422
    assert "签订日期应在" in future.text
    today = beijing_date(utc_now()).isoformat()
    done = client.post(f"/agreements/{ref}/sign", data={"signed_on": today, "scan": (io.BytesIO(PDF), "协议.pdf")})
    assert done.status_code == 303
    assert "已签署" in client.get(f"/agreements/{ref}").text
    assert "已签署" in client.get("/agreements").text


def test_donor_provider_and_buyer_read_it_and_a_second_drawing_finds_nothing(app: Flask, client: FlaskClient, scene: Scene) -> None:
    ref = drawn_up(app, client, scene)
    again = client.post(f"/agreements/draw-up/{scene.project}")
    assert again.status_code == 422
    assert "没有可以写进协议的认捐" in again.text
    for who in (scene.officer, scene.handler, scene.provider):
        sign_in(client, who)
        assert client.get(f"/agreements/{ref}").status_code == 200
        assert client.get("/agreements").status_code == 200
    sign_in(client, scene.officer)
    assert client.post(f"/agreements/draw-up/{scene.project}").status_code == 422      # nothing was promised to a donor
    assert client.post("/agreements/draw-up/nothing22222").status_code == 404
    assert client.get(f"/agreements/{ref}/signed-copy").status_code == 404


def test_the_paper_is_a_real_pdf_that_the_verify_page_knows(app: Flask, client: FlaskClient, scene: Scene,
                                                           tmp_path) -> None:
    ref = drawn_up(app, client, scene)
    printer = WeasyPrintRenderer(tmp_path / "fontcache")
    with app.app_context():
        kept = services().pdf
        app.extensions["marketplace.services"].pdf = printer
        try:
            jobs.print_agreement(ref)
        finally:
            app.extensions["marketplace.services"].pdf = kept
            printer.close()
        agreement = db.session.scalars(sa.select(DonationAgreement).where(DonationAgreement.ref == ref)).one()
        data = services().files.get(agreement.document.sha256)
        assert verify_bytes(db.session(), data, store=services().files).verdict == Verdict.INTACT
        with pikepdf.open(io.BytesIO(data)) as pdf:
            assert "agreement.json" in pdf.attachments
            assert len(pdf.pages) == agreement.document.pages >= 2
        assert "捐赠协议" in client.get(f"/v/{agreement.verify_code}").text


def test_a_full_disk_leaves_the_agreement_frozen_with_the_reason(app: Flask, client: FlaskClient, scene: Scene,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    ref = drawn_up(app, client, scene)

    def full(_data: bytes) -> str:
        raise OSError(28, "No space left on device")

    with app.app_context():
        monkeypatch.setattr(services().files, "put", full)
        with pytest.raises(OSError, match="No space left"):
            jobs.print_agreement(ref)
    assert "协议文件还没有印成" in client.get(f"/agreements/{ref}").text


def test_terms_that_were_tampered_with_are_not_printed(app: Flask, client: FlaskClient, scene: Scene) -> None:
    ref = drawn_up(app, client, scene)
    with app.app_context():
        agreement = db.session.scalars(sa.select(DonationAgreement).where(DonationAgreement.ref == ref)).one()
        agreement.terms = {**agreement.terms, "form": "else"}
        with db.session.no_autoflush, pytest.raises(RuntimeError, match="not those that were frozen"):
            jobs.print_agreement(ref)
        db.session.rollback()
        jobs.print_agreement("nothing22222")
        assert db.session.scalars(sa.select(Project).where(Project.ref == scene.project)).one().state == "contracted"
