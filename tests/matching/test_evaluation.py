"""Judged rows: what is hidden, what is counted, and that the shipped score reaches its bounds on them."""

import json
from pathlib import Path

import pytest

from marketplace.matching.rules import evaluation
from marketplace.matching.rules.evaluation import Judged, read_judgments
from marketplace.matching.rules.real_rows import (
    MalformedError,
    area_path,
    evidence_without,
    need_of,
    provider_of,
    read_rows,
)
from tests.factories.market import reader

DATA = Path(__file__).parents[1] / "data"
PLACE = {"province": "福建省", "city": "泉州市", "district": "晋江市"}


def project(ref="RP1", **columns):
    return {"project_id": ref, "title": "晋江市独居老人健康筛查项目", "target_group": "独居老人", "fact_phrase": "每月入户", **PLACE, **columns}


def organization(ref="RO1", **columns):
    return {"org_id": ref, "name": "清源服务中心", "service_areas": "居家养老", "evidence": "", **PLACE, **columns}


def judge(projects, organizations, judged):
    return evaluation.evaluate({row["project_id"]: row for row in projects}, {row["org_id"]: row for row in organizations}, judged,
                               reader=reader(), simple=str)


def test_the_shipped_score_reaches_its_bounds_on_the_judged_rows(app):
    from marketplace.web.services import services

    with app.app_context():
        simple = services().converter.to_simplified
        projects, organizations = (read_rows((DATA / f"real_{name}.csv").read_text(encoding="utf-8-sig").splitlines(True), key)
                                   for name, key in (("projects", "project_id"), ("organizations", "org_id")))
        found = evaluation.evaluate(projects, organizations, read_judgments((DATA / "match_judgments.json").read_text()),
                                    reader=reader(), simple=simple)
    assert found["without_winners"]["ndcg_at_5"] >= 0.80
    assert found["without_winners"]["projects"] == 15
    assert found["nobody"]["right"] >= 2
    assert found["nobody"]["wrong"] == 0


def test_the_answer_in_the_projects_own_column_is_never_read():
    assert need_of(project(service_kind="消防培训"), 1, str) == need_of(project(service_kind="养老"), 1, str)


def test_evidence_that_names_the_asked_project_is_hidden_and_the_rest_stays():
    text = "承接/立项:“耆乐安康”关爱老人公益项目;“安啦安啦”长者居家改善项目"
    assert evidence_without(text, "“耆乐安康”关爱老人公益项目", str) == ["“安啦安啦”长者居家改善项目"]
    assert evidence_without(text, "耆乐安康 关爱老人公益项目（二期）", str) == ["“安啦安啦”长者居家改善项目"]
    assert len(evidence_without(text, "别的项目名称", str)) == 2
    assert len(evidence_without(text, "", str)) == 2
    assert evidence_without("", "某项目名称", str) == []


def test_hidden_evidence_changes_what_is_read_of_the_provider():
    row = organization(evidence="承接/立项:独居老人健康筛查项目")
    assert "健康筛查" in "".join(provider_of(row, 1, str).texts)
    hidden = provider_of(row, 1, str, hidden="晋江市独居老人健康筛查项目")
    assert "健康筛查" not in "".join(hidden.texts)
    assert hidden.told == 0


def test_the_names_of_the_own_place_are_taken_out():
    assert "晋江" not in "".join(need_of(project(), 1, str).texts)


@pytest.mark.parametrize(("row", "path"), [
    (PLACE, ("福建省/泉州市/晋江市", "福建省/泉州市", "福建省")), ({"province": "福建省", "city": "", "district": "晋江市"}, ("福建省",)),
    ({"province": ""}, ()),
])
def test_a_place_is_a_path_of_names(row, path):
    assert area_path(row, str) == path


def test_the_figures_are_those_of_their_definitions():
    asked = [project("RP1"), project("RP2", title="独居老人健康筛查项目", province="广西壮族自治区", city="钦州市", district="")]
    offered = [organization("RO1", service_areas="独居老人健康筛查", evidence="承接:助浴"), organization("RO2", service_areas="居家养老", evidence="承接:独居老人探访"),
               organization("RO3", service_areas="禁毒", evidence="承接:禁毒宣传")]
    found = judge(asked, offered, [Judged("RP1", {"RO1": 2, "RO2": 1, "RO3": 0}, frozenset({"RO1"})), Judged("RP2", {"RO1": 0}, frozenset())])
    assert found["all"] == {"hit_at_1": 1.0, "ndcg_at_5": 1.0, "recall_at_20": 1.0, "projects": 1}
    assert found["without_winners"] == {"hit_at_1": 1.0, "ndcg_at_5": 1.0, "recall_at_20": 1.0, "projects": 1}
    assert found["nobody"] == {"right": 1, "of": 1, "wrong": 0}


def test_a_wrong_order_costs():
    offered = [organization("RO1", service_areas="独居老人健康筛查"), organization("RO2", service_areas="禁毒")]
    found = judge([project()], offered, [Judged("RP1", {"RO1": 0, "RO2": 2}, frozenset())])
    assert found["all"]["hit_at_1"] == 0
    assert 0 < found["all"]["ndcg_at_5"] < 1


@pytest.mark.parametrize("text", ["", "{}", "[]", "[1]", '[{"project_id": 1}]', '[{"project_id": "R", "judgments": {"a": 99}}]',
                                  '[{"project_id": "R", "judgments": []}]', "[" * 5000])
def test_judgments_that_are_none_are_refused_with_a_sentence(text):
    with pytest.raises(MalformedError, match=r"\w+"):
        read_judgments(text)


@pytest.mark.parametrize("lines", [["name\n", "x\n"], ["org_id,name\n", ",x\n"], ["org_id,name\n", "a,x\n", "a,y\n"]])
def test_rows_without_an_id_or_with_one_twice_are_refused(lines):
    with pytest.raises(MalformedError):
        read_rows(lines, "org_id")


def test_a_judged_project_that_is_not_there_is_refused():
    with pytest.raises(MalformedError, match="RP9"):
        judge([project()], [organization()], [Judged("RP9", {}, frozenset())])


def test_the_command_prints_the_report_and_refuses_bad_files(app, tmp_path):
    runner = app.test_cli_runner()
    files = {name: str(DATA / file) for name, file in (("projects", "real_projects.csv"), ("organizations", "real_organizations.csv"),
                                                       ("judgments", "match_judgments.json"))}
    asked = ["matching", "evaluate", *(part for name, file in files.items() for part in (f"--{name}", file)), "--json"]
    report = json.loads(runner.invoke(args=asked).stdout)
    assert set(report) == {"all", "without_winners", "nobody"}
    assert set(report["nobody"]) == {"right", "of", "wrong"}
    bad = tmp_path / "bad.json"
    bad.write_text("no")
    asked[asked.index(files["judgments"])] = str(bad)
    refused = runner.invoke(args=asked)
    assert refused.exit_code == 2
    assert "JSON" in refused.stderr
