"""flask demo build and walk as commands, on a database of their own."""

import json
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select

from marketplace.awards.models import Award, PanelSeat
from marketplace.bids.models import SealedBid
from marketplace.contracts.models import Contract
from marketplace.core import audit
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.matching.models import MatchingRun
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from tests.factories.organizations import make_organization


def run(app: Flask, *words: str) -> dict:
    answer = app.test_cli_runner().invoke(args=["demo", *words, "--json"])
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout.splitlines()[-1])


def test_the_walk_makes_what_it_needs_and_can_be_repeated(fresh_app: Flask) -> None:
    first, second = run(fresh_app, "walk"), run(fresh_app, "walk")
    assert first["project"] != second["project"]
    for report in (first, second):
        assert Path(report["contract_pdf"]).is_absolute()
        assert Path(report["contract_pdf"]).read_bytes().startswith(b"%PDF")
        assert report["pages"] >= 1
        assert len(report["sha256"]) == 64
        assert "/v/" in report["verify_url"]
        told = "\n".join(report["steps"])
        for word in ("年度购买清单", "发布", "回执", "晚了一秒，被拒绝", "启封", "抽取评审小组五人", "申请回避", "递补", "汇总排名",
                     "中选", "3 家未中选组织都收到了结果通知", "异议期", "条款定稿", "合同 PDF", "查验页"):
            assert word in told, word
    with fresh_app.app_context():
        session = db.session()
        projects = session.scalars(select(Project)).all()
        assert [project.state for project in projects] == ["contracted", "contracted"]
        assert session.scalar(select(func.count()).select_from(SealedBid)) == 8
        assert session.scalar(select(func.count()).select_from(PanelSeat).where(PanelSeat.state == "recused")) == 2
        assert session.scalar(select(func.count()).select_from(Award)) == 2
        assert {one.state for one in session.scalars(select(Contract))} == {"issued"}


def test_a_small_world_is_built_walked_and_built_anew(fresh_app: Flask) -> None:
    report = run(fresh_app, "build", "--size", "14", "--no-index")
    assert report["projects"] == 14
    assert sum(report["states"].values()) == 14
    assert report["organizations"] == sum(max(8, whole * 14 // 416) for whole in (632, 451, 580))
    assert report["money_fen"] > 0
    sign_ins = (fresh_app.extensions["marketplace.config"].instance / "demo-sign-ins.txt").read_text()
    assert sign_ins.count("@demo.example") == 11
    assert run(fresh_app, "walk")["pages"] >= 1
    with fresh_app.app_context():
        paired = db.session.scalars(select(MatchingRun).where(MatchingRun.publication == "published")).one()
        assert (paired.state, paired.metrics["ratio"]) == ("done", 1.0)
        assert db.session.scalar(select(func.count()).select_from(Project)) == 15
        assert audit.verify(db.session(), now=utc_now()).first_bad is None
    again = run(fresh_app, "build", "--size", "14", "--no-index", "--seed", "7")
    assert again["projects"] == 14
    with fresh_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Project)) == 14


def test_building_and_walking_refuse_a_database_with_real_data(fresh_app: Flask) -> None:
    with fresh_app.app_context(), transaction() as session:
        make_organization(session, name="真实的社工中心")
    for command in ("build", "walk"):
        answer = fresh_app.test_cli_runner().invoke(args=["demo", command])
        assert answer.exit_code == 2
        assert "正式数据" in answer.output
    with fresh_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Organization)) == 1
