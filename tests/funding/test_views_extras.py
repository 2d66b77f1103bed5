"""Costs that gifts may pay, own contributions with proof, and who may fetch the papers behind money."""

import io

import pytest
from flask import Flask
from flask.testing import FlaskClient

from marketplace.core.access import Role
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.files.models import StoredFile
from marketplace.funding.models import CostLine, OwnContribution, Release
from marketplace.organizations.models import Organization
from tests.factories.accounts import make_person, with_password
from tests.factories.bids import PDF
from tests.factories.organizations import make_organization
from tests.funding.scene import Scene, build, enter, text_of


@pytest.fixture
def scene(app: Flask) -> Scene:
    made = build(app)
    with app.app_context(), transaction() as session:
        body = make_organization(session, name="澜川区同行社会工作服务中心")
        session.flush()
        made.people["provider"] = with_password(session, make_person(
            session, name="童行", role=Role.PROVIDER_ADMIN, organization_id=body.id)).id
        made.refs["provider"] = body.ref
    return made


def clean(app: Flask) -> None:
    """The virus check passes everything."""
    with app.app_context(), transaction() as session:
        for stored in session.query(StoredFile):
            stored.scan_state = "clean"


def newest(app: Flask, model: type):
    with app.app_context():
        return db.session().query(model).order_by(model.id.desc()).first()


def claim(scene: Scene, client: FlaskClient, **changes: object):
    data = {"own-kind": "receipt", "own-amount": "3000", "own-description": "自有资金购置餐具", "own-valuation": "",
            "own-proof_file": (io.BytesIO(PDF), "收据.pdf"), **changes}
    return client.post(f"/fund/projects/{scene.refs['project']}/own", data=data, content_type="multipart/form-data")


def test_the_buyer_names_costs_and_a_cost_of_the_contract_takes_no_gift(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "clerk")
    path = f"/fund/projects/{scene.refs['project']}/costs"
    assert client.post(path, data={"cost-name": "", "cost-amount": "1", "cost-source": "extra"}).status_code == 422
    assert client.post(path, data={"cost-name": "加餐", "cost-amount": "0", "cost-source": "extra"}).status_code == 422
    assert client.post(path, data={"cost-name": "周末加餐", "cost-amount": "1.2万", "cost-source": "extra"}).status_code == 303
    assert client.post(path, data={"cost-name": "周末加餐", "cost-amount": "1", "cost-source": "extra"}).status_code == 409
    client.post(path, data={"cost-name": "平日午餐", "cost-amount": "9万", "cost-source": "contract"})
    said = text_of(client.get(f"/fund/projects/{scene.refs['project']}").text)
    assert "周末加餐 合同以外，可用捐赠支付 12,000.00" in said
    assert newest(app, CostLine).source == "contract"
    enter(client, scene, "giver")
    offered = client.get(f"/fund/pledges/new?project={scene.refs['project']}").text
    assert "周末加餐" in offered
    assert "平日午餐" not in offered


def test_an_own_contribution_counts_once_the_buyer_has_seen_its_proof(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "provider")
    assert claim(scene, client, **{"own-proof_file": ""}).status_code == 422
    assert claim(scene, client, **{"own-kind": "in_kind"}).status_code == 422      # without a valuation
    assert claim(scene, client).status_code == 303
    made = newest(app, OwnContribution)
    assert (made.amount, made.state) == (Money.yuan(3_000), "claimed")
    assert client.post(f"/fund/own/{made.ref}/accept", data={}).status_code == 403
    assert "承接单位自筹 没有登记" in text_of(client.get(f"/projects/{scene.refs['project']}/money").text)
    enter(client, scene, "clerk")
    clean(app)
    assert client.get(f"/fund/own/{made.ref}/proof").data == PDF
    assert client.post(f"/fund/own/{made.ref}/reject", data={}).status_code == 422
    assert client.post(f"/fund/own/{made.ref}/accept", data={f"claim-{made.ref}-note": "收据已核对"}).status_code == 303
    assert client.post(f"/fund/own/{made.ref}/accept", data={}).status_code in (403, 409)
    assert "承接单位自筹 3,000.00 元" in text_of(client.get(f"/projects/{scene.refs['project']}/money").text)


def test_strangers_see_neither_page_nor_proof(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "provider")
    claim(scene, client)
    made = newest(app, OwnContribution)
    clean(app)
    for who in ("giver", "auditor"):
        enter(client, scene, who)
        assert client.get(f"/fund/projects/{scene.refs['project']}").status_code == 404
        assert client.get(f"/fund/own/{made.ref}/proof").status_code == 404


def test_the_second_person_reads_the_evidence_that_another_organization_uploaded(
        app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "clerk")
    with app.app_context():
        payee = db.session().query(Organization).filter_by(ref=scene.refs["provider"]).one().ref
    data = {"milestone": "1", "amount": "1500", "payee": payee, "evidence": "验收单", "evidence_file": (io.BytesIO(PDF), "验收单.pdf")}
    sent = client.post(f"/fund/pledges/{scene.refs['kept']}/release", data=data, content_type="multipart/form-data")
    assert sent.status_code == 303
    release = newest(app, Release)
    enter(client, scene, "giver")
    assert client.get(f"/fund/payouts/{release.ref}/evidence").status_code == 403        # not checked for viruses yet
    clean(app)
    assert client.get(f"/fund/payouts/{release.ref}/evidence").data == PDF
    assert "验收单.pdf" in client.get(f"/fund/payouts/{release.ref}").text
    enter(client, scene, "keeper")
    assert client.get(f"/fund/payouts/{release.ref}/evidence").status_code == 404
