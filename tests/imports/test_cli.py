"""The four import commands: exit codes, JSON alone on stdout, the real files on every run."""

import json

import pytest
from sqlalchemy import func, select

from marketplace.catalogs.models import Catalog, CatalogItem, PurchaseList, PurchaseListItem
from marketplace.core.db import db
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from tests.data import DATA, SHEETS
from tests.factories.sheets import workbook

CATALOG = DATA.parent.parent / "marketplace" / "catalogs" / "data" / "catalog.csv"
KEYS = {"new", "changed", "unchanged", "errors", "rows"}


@pytest.fixture
def run(app):
    """Run a command; return exit code, the JSON of stdout, and stderr."""
    def call(*args):
        answer = app.test_cli_runner().invoke(args=[*map(str, args), "--json"])
        assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
        return answer.exit_code, json.loads(answer.stdout), answer.stderr
    return call


def counts(report):
    return report["new"], report["changed"], report["unchanged"], len(report["errors"])


def test_the_catalog_imports_and_imports_again_unchanged(ctx, run):
    code, report, _ = run("catalogs", "import", CATALOG)
    assert (code, counts(report)) == (0, (214, 0, 0, 0))
    assert set(report) >= KEYS
    assert counts(run("catalogs", "import", CATALOG)[1]) == (0, 0, 214, 0)
    leaf = db.session.scalars(select(CatalogItem).where(CatalogItem.code == "A040203")).one_or_none()
    official = db.session.scalar(select(func.count()).where(CatalogItem.is_official))
    assert official == 139
    assert leaf is None or not leaf.is_official
    assert db.session.scalars(select(Catalog)).one().state == "draft"


def test_publishing_with_the_import_replaces_the_edition_in_force(ctx, run):
    assert run("catalogs", "import", CATALOG, "--year", "2025", "--publish")[0] == 0
    assert run("catalogs", "import", CATALOG, "--year", "2026")[0] == 0
    for _ in range(2):
        assert run("catalogs", "import", CATALOG, "--year", "2026", "--publish")[0] == 0
    assert sorted((c.year, c.state) for c in db.session.scalars(select(Catalog))) == [
        (2025, "replaced"), (2026, "published")]


@pytest.mark.parametrize("name", ["town-lists.xlsx", "district-list-gbk.csv"])
def test_a_clerks_list_gives_exactly_the_rows_that_a_careful_person_read(ctx, run, name):
    expected = json.loads((SHEETS / "expected.json").read_text(encoding="utf-8"))[name]
    code, report, _ = run("purchase-lists", "import", SHEETS / name, "--unit", "澜川区民政局", "--year", "2026")
    assert (code, counts(report)) == (0, (len(expected), 0, 0, 0))
    assert [{key: row[key] for key in expected[0]} for row in report["rows"]] == expected
    again = run("purchase-lists", "import", SHEETS / name, "--unit", "澜川区民政局", "--year", "2026")[1]
    assert counts(again) == (0, 0, len(expected), 0)


def test_faulty_rows_save_nothing_and_exit_2(ctx, run):
    args = ("purchase-lists", "import", SHEETS / "old-format.xls", "--unit", "区残联", "--year", "2026")
    code, report, _ = run(*args)
    assert code == 2
    assert [(e["row"], e["column"], e["value"]) for e in report["errors"]] == [(7, "C", "待定"), (10, "A", "")]
    assert all(e["reason"] for e in report["errors"])
    assert len(report["rows"]) == 8
    assert db.session.scalar(select(func.count()).select_from(PurchaseList)) == 0
    assert db.session.scalar(select(func.count()).select_from(Organization)) == 0
    code, report, _ = run(*args, "--good-rows")
    assert (code, report["new"]) == (0, 6)
    assert db.session.scalar(select(func.count()).select_from(PurchaseListItem)) == 6


def test_a_dry_run_saves_nothing(ctx, run):
    code, report, _ = run("purchase-lists", "import", SHEETS / "town-lists.xlsx", "--unit", "甲局", "--year", "2026", "--dry-run")
    assert (code, report["new"]) == (0, 24)
    assert db.session.scalar(select(func.count()).select_from(Organization)) == 0


def test_the_real_projects_become_drafts_that_keep_their_source(ctx, run):
    code, report, _ = run("projects", "import", DATA / "real_projects.csv")
    assert (code, counts(report)) == (0, (134, 0, 0, 0))
    assert counts(run("projects", "import", DATA / "real_projects.csv")[1]) == (0, 0, 134, 0)
    one = db.session.scalars(select(Project).where(Project.source_ref == "RP001")).one()
    assert (one.title, one.budget.fen, one.buyer.name, one.state) == (
        "宁国市经济困难老年人居家养老服务项目", 752_400_000, "宁国市民政局", "draft")
    unknown = db.session.scalars(select(Project).where(Project.source_ref == "RP009")).one()
    assert (unknown.budget, unknown.service_from, unknown.category_code) == (None, None, None)
    assert "service_kind" not in json.dumps(report["rows"])


def test_the_real_organizations_come_unverified_and_without_a_code(ctx, run):
    code, report, _ = run("organizations", "import", DATA / "real_organizations.csv")
    assert (code, counts(report)) == (0, (88, 0, 0, 0))
    assert counts(run("organizations", "import", DATA / "real_organizations.csv")[1]) == (0, 0, 88, 0)
    one = db.session.scalars(select(Organization).where(Organization.source_ref == "RO001")).one()
    assert (one.verification, one.credit_code, one.kind) == ("unverified", None, "service_agency")


def test_a_file_that_is_no_table_exits_2_with_a_sentence(ctx, run, tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"nothing")
    code, report, stderr = run("catalogs", "import", path)
    assert code == 2
    assert ".xlsx" in report["errors"][0]["reason"]
    assert ".xlsx" in stderr


def test_fifty_thousand_rows_are_refused_with_the_limit(ctx, run, tmp_path):
    path = tmp_path / "big.csv"
    path.write_text("项目名称,购买主体,预算（元）\n" + "甲,乙,100000\n" * 50_000, encoding="utf-8")
    code, report, _ = run("purchase-lists", "import", path, "--unit", "甲局", "--year", "2026")
    assert code == 2
    assert "5000" in report["errors"][0]["reason"]
    assert "50001" in report["errors"][0]["reason"]


def test_a_missing_file_or_year_is_a_bad_argument(app, tmp_path):
    runner = app.test_cli_runner()
    assert runner.invoke(args=["catalogs", "import", str(tmp_path / "none.csv")]).exit_code == 2
    assert runner.invoke(args=["purchase-lists", "import", str(CATALOG), "--unit", "甲"]).exit_code == 2
    answer = runner.invoke(args=["purchase-lists", "import", str(SHEETS / "town-lists.xlsx"), "--unit", "甲局", "--year", "26"])
    assert answer.exit_code == 2


def test_without_json_the_outcome_is_said_in_words(app, tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook({"表": [["项目名称", "预算（元）", "批示"], ["甲", "待定", "同意"]]}))
    answer = app.test_cli_runner().invoke(args=["purchase-lists", "import", str(path), "--unit", "甲局", "--year", "2026"])
    assert "第 2 行 B 列" in answer.stdout
    assert "批示" in answer.stderr
