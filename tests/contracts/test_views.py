"""Contract pages and commands through HTTP and the command line."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from marketplace.accounts.models import Person
from marketplace.awards.models import Notice
from marketplace.contracts import jobs, views
from marketplace.contracts.models import Contract
from marketplace.core.access import Role
from marketplace.core.db import db, transaction
from marketplace.files.models import StoredFile
from marketplace.projects.models import Project
from marketplace.web.services import services
from tests.factories.accounts import make_person, sign_in
from tests.factories.bids import PDF
from tests.factories.contracts import make_contract
from tests.factories.projects import make_desk

LATER = datetime(2026, 12, 20, 2, tzinfo=UTC)


class Scene:
    """References of what the pages are about, readable in any request."""

    ref: str
    number: str
    code: str
    handler: int
    provider: int
    stranger: int
    auditor: int
    expert: int


@pytest.fixture
def scene(app: Flask) -> Scene:
    """A printed contract and people on every side of it."""
    made = Scene()
    with app.app_context():
        with transaction() as session:
            deal, contract = make_contract(session, services().sealer)
            made.ref, made.number, made.code = contract.ref, contract.number, contract.verify_code
            made.handler, made.provider = deal.desk.handler.person_id or 0, deal.provider.actor.person_id or 0
            made.stranger = make_desk(session).handler.person_id or 0
            made.auditor = make_person(session, name="审计", role=Role.AUDITOR).id
            made.expert = make_person(session, name="专家", role=Role.EXPERT).id
        jobs.print_paper(made.ref)
    return made


def enter(app: Flask, client: FlaskClient, person_id: int) -> None:
    """Sign a person in."""
    with app.app_context():
        person = db.session.get_one(Person, person_id)
        db.session.expunge(person)
    sign_in(client, person)


def test_both_parties_and_the_auditor_open_it_others_get_404(app: Flask, client: FlaskClient, scene: Scene) -> None:
    for person, status in ((scene.handler, 200), (scene.provider, 200), (scene.auditor, 200), (scene.stranger, 404), (scene.expert, 403)):
        enter(app, client, person)
        assert client.get(f"/contracts/{scene.ref}").status_code == status
        assert client.get(f"/contracts/{scene.ref}/paper").status_code == status
    enter(app, client, scene.stranger)
    assert client.get("/contracts/nothing").status_code == 404
    assert scene.number not in client.get("/contracts").text


def test_a_visitor_is_asked_to_sign_in_first(client: FlaskClient, scene: Scene) -> None:
    assert client.get(f"/contracts/{scene.ref}").status_code == 302
    assert client.get("/contracts").status_code == 302


def test_the_page_shows_clocks_parties_plan_hash_and_what_to_do(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(app, client, scene.handler)
    page = client.get(f"/contracts/{scene.ref}").text
    for said in (scene.number, "356,000.00", "叁拾伍万陆仟元整", "142,400.00", "签订，中选后 30 日内", "2027-01-07", scene.code, "登记签署",
                 "第十八条", "0.05%"):
        assert said in page, said
    assert "<svg" in page
    assert " style=" not in page


def test_the_provider_reads_but_has_no_button(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(app, client, scene.provider)
    page = client.get(f"/contracts/{scene.ref}").text
    assert "登记签署" not in page
    assert client.post(f"/contracts/{scene.ref}/publish").status_code == 403
    assert client.post(f"/contracts/{scene.ref}/sign").status_code == 403


def test_the_paper_comes_as_a_download_bit_for_bit(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(app, client, scene.provider)
    answer = client.get(f"/contracts/{scene.ref}/paper")
    with app.app_context():
        document = db.session.scalars(sa.select(Contract)).one().document
        assert document is not None
        assert answer.data == services().files.get(document.sha256)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"


def upload(client: FlaskClient, ref: str, *, day: str, name: str = "scan.pdf", data: bytes = PDF) -> object:
    """Send the signing form."""
    return client.post(f"/contracts/{ref}/sign", data={"signed_on": day, "scan": (io.BytesIO(data), name)},
                       content_type="multipart/form-data")


def test_signing_publishing_and_filing_step_by_step(app: Flask, client: FlaskClient, scene: Scene,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    enter(app, client, scene.handler)
    with app.app_context():
        frozen = db.session.scalars(sa.select(Contract.frozen_at)).one().date()
    day = frozen.isoformat()
    assert client.post(f"/contracts/{scene.ref}/publish").status_code == 403
    refused = upload(client, scene.ref, day="2020-01-01")
    assert (refused.status_code, "不能早于" in refused.text) == (422, True)
    liar = upload(client, scene.ref, day=day, data=b"MZ this is a program")
    assert liar.status_code == 422
    empty = client.post(f"/contracts/{scene.ref}/sign", data={})
    assert (empty.status_code, "请选择扫描件" in empty.text) == (422, True)
    with app.app_context():
        assert db.session.scalars(sa.select(Contract.state)).one() == "issued"
    monkeypatch.setattr(views, "utc_now", lambda: LATER)
    assert upload(client, scene.ref, day="2026年12月15日").status_code == 303
    assert client.post(f"/contracts/{scene.ref}/sign").status_code == 403
    assert client.get(f"/contracts/{scene.ref}/signed-copy").status_code == 403  # still with the scanner
    assert client.post(f"/contracts/{scene.ref}/file", data={"filed_on": "2030-01-01"}).status_code == 422
    assert client.post(f"/contracts/{scene.ref}/file", data={"filed_on": ""}).status_code == 422
    assert client.post(f"/contracts/{scene.ref}/publish").status_code == 303
    assert client.post(f"/contracts/{scene.ref}/file", data={"filed_on": "2026-12-18"}).status_code == 303
    page = client.get(f"/contracts/{scene.ref}").text
    assert "已签约" in page
    assert "签署、公开和备案都已办完" in page
    assert "2041-12-31" in page
    with app.app_context(), transaction() as session:
        session.execute(sa.update(StoredFile).values(scan_state="clean"))
    copy = client.get(f"/contracts/{scene.ref}/signed-copy")
    assert (copy.status_code, copy.data) == (200, PDF)


def test_anybody_reads_the_public_summary_and_the_notice_but_no_person_in_them(
        app: Flask, client: FlaskClient, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        project = db.session.scalars(sa.select(Project.ref).where(Project.state == "contracted")).one()
    page = client.get(f"/projects/{project}/contract")
    assert page.status_code == 200
    for said in (scene.number, "356,000.00", "待签署", f"/v/{scene.code}"):
        assert said in page.text
    assert f"/projects/{project}/contract" in client.get(f"/projects/{project}").text
    assert client.get("/projects/nothing/contract").status_code == 404
    monkeypatch.setattr(views, "utc_now", lambda: LATER)
    enter(app, client, scene.handler)
    upload(client, scene.ref, day="2026-12-15")
    client.post(f"/contracts/{scene.ref}/publish")
    with app.app_context():
        notice = db.session.scalars(sa.select(Notice.ref).where(Notice.kind == "contract")).one()
    visitor = app.test_client()
    published = visitor.get(f"/notices/{notice}")
    assert published.status_code == 200
    assert scene.number in published.text
    assert "2026-12-15" in published.text
    for text in (published.text, visitor.get(f"/projects/{project}/contract").text):
        assert not [secret for secret in ("13800005678", "周敏", "林晓") if secret in text]


def test_the_list_names_the_contract_and_counts_by_state(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(app, client, scene.handler)
    page = client.get("/contracts").text
    assert scene.number in page
    assert scene.number in client.get("/contracts?state=issued").text
    assert scene.number not in client.get("/contracts?state=signed").text
    assert client.get("/contracts?state=nonsense&page=999999999999").status_code == 200


def test_the_command_judges_files_and_exits_accordingly(app: Flask, scene: Scene, tmp_path: Path) -> None:
    run = app.test_cli_runner()
    with app.app_context():
        document = db.session.scalars(sa.select(Contract)).one().document
        assert document is not None
        data = services().files.get(document.sha256)

    def judge(content: bytes) -> tuple[int, dict[str, object]]:
        (tmp_path / "f.pdf").write_bytes(content)
        result = run.invoke(args=["contracts", "verify", str(tmp_path / "f.pdf"), "--json"])
        return result.exit_code, json.loads(result.stdout)

    code, found = judge(data)
    assert (code, found["verdict"], found["number"], found["signers"]) == (0, "intact", scene.number, [])
    assert set(found) == {"verdict", "reason", "number", "sha256", "signers"}
    assert judge(data[:-20])[1]["verdict"] == "truncated"
    assert judge(data + b"%more")[0] == 1
    assert judge(b"hello")[1]["verdict"] == "unknown_file"
    assert run.invoke(args=["contracts", "verify", str(tmp_path / "absent.pdf")]).exit_code == 2
    plain = run.invoke(args=["contracts", "verify", str(tmp_path / "f.pdf")])
    assert (plain.exit_code, plain.stdout.startswith("unknown_file")) == (1, True)
