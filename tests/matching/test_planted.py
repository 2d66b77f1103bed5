"""Planted worlds: the same seed makes the same bytes, each role is what it says, and the true provider is found."""

import csv
import filecmp
import json

import pytest

from marketplace.matching.rules import lists, planted
from marketplace.matching.rules.hard import HardRule
from marketplace.matching.rules.market import Market
from marketplace.matching.rules.planted_evaluation import evaluate, read_world
from marketplace.matching.rules.real_rows import MalformedError, need_of, provider_of
from marketplace.matching.rules.weights import Weights
from tests.factories.market import reader

CATEGORIES = [(f"A{group:02d}{item:02d}{leaf:02d}", name) for group, item, leaf, name in (
    (g, i, leaf, f"{'养老助残儿童社区文化法律禁毒健康教育环保'[2 * ((g + i + leaf) % 10):][:2]}{'一二三四五六七八九十'[leaf]}类服务")
    for g in range(1, 5) for i in range(1, 5) for leaf in range(4))]


def world(regime="tight", needs=60, providers=300, seed=3):
    return planted.plant(needs, providers, seed=seed, regime=regime, categories=CATEGORIES)


def lines(columns, rows):
    from io import StringIO

    out = StringIO()
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().splitlines(keepends=True)


def as_read(made):
    return read_world(lines(planted.NEED_COLUMNS, made.needs), lines(planted.PROVIDER_COLUMNS, made.providers),
                      lines(planted.TRUTH_COLUMNS, made.truth))


def judged(made, app):
    from marketplace.web.services import services

    with app.app_context():
        return evaluate(as_read(made), reader=reader(), flows=services().flows, programs=services().programs)


def test_the_same_seed_makes_the_same_world_and_another_one_another():
    assert world() == world()
    assert world().needs != world(seed=4).needs


def test_the_counts_are_those_asked_for():
    made = world()
    assert len(made.needs) == 60
    assert len(made.providers) == 300
    roles = [row["role"] for row in made.truth]
    assert roles.count("decoy") == 60
    assert roles.count("truth") == 57
    assert roles.count("stuffed") == roles.count("twin") == 3


@pytest.mark.parametrize(("regime", "places"), [("tight", 1.08), ("slack", 7.5)])
def test_the_supply_is_what_the_regime_says_decoys_left_out(regime, places):
    made = world(regime)
    decoys = {row["org_id"] for row in made.truth if row["role"] == "decoy"}
    assert sum(int(row["capacity"]) for row in made.providers if row["org_id"] not in decoys) == round(60 * places)


def test_every_decoy_fails_exactly_the_rule_it_says_and_its_twin_none():
    made = world("slack", needs=80, providers=400)
    needs = {row["project_id"]: need_of(row, n, str) for n, row in enumerate(made.needs)}
    offered = {row["org_id"]: provider_of(row, n, str, are_stated=True) for n, row in enumerate(made.providers)}
    market = Market(offered.values(), reader())
    rules = {"area": HardRule.AREA, "staff": HardRule.CERTIFIED_STAFF, "type": HardRule.KIND}
    seen = set()
    for row in made.truth:
        bits = lists.explain(market, needs[row["project_id"]], offered[row["org_id"]].key, Weights()).bits & ~HardRule.SCOPE
        if row["role"] == "decoy":
            assert bits == rules[row["fails_rule"]]
            seen.add(row["fails_rule"])
        elif row["role"] == "truth":
            assert bits == HardRule.NONE
    assert seen == set(rules)


def test_a_decoy_can_serve_no_project_at_all():
    made = world()
    needs = [need_of(row, n, str) for n, row in enumerate(made.needs)]
    offered = {row["org_id"]: provider_of(row, n, str, are_stated=True) for n, row in enumerate(made.providers)}
    market = Market(offered.values(), reader())
    decoys = [row["org_id"] for row in made.truth if row["role"] == "decoy"][:10]
    assert all(lists.explain(market, need, offered[ref].key, Weights()).bits for ref in decoys for need in needs)


@pytest.mark.parametrize("regime", ["tight", "slack"])
def test_a_world_is_solved_to_the_optimum_and_no_decoy_slips_through(regime, app):
    found = judged(world(regime, needs=120, providers=600), app)
    assert found["decoys"] == 0
    assert found["ratio_to_lp"] == 1.0
    assert found["ratio_to_full_lp"] >= 0.999
    assert found["stuffed_top5"] <= found["twins_top5"]
    assert found["recall_at_5"] >= {"tight": 0.93, "slack": 0.70}[regime]
    assert found["recall_at_50"] >= {"tight": 0.97, "slack": 0.94}[regime]
    assert found["recall_at_1"] <= found["recall_at_5"] <= found["recall_at_50"]


def test_a_world_whose_truth_is_shuffled_is_not_found(app):
    made = world(needs=120, providers=600)
    truths = [row for row in made.truth if row["role"] == "truth"]
    moved = [{**row, "org_id": other["org_id"]} for row, other in zip(truths, truths[1:] + truths[:1], strict=True)]
    made.truth[:] = moved
    assert judged(made, app)["recall_at_5"] < 0.2


def test_more_roles_than_providers_are_refused():
    with pytest.raises(ValueError, match="providers"):
        planted.plant(60, 66, seed=1, regime="tight", categories=CATEGORIES)
    with pytest.raises(ValueError, match="regime"):
        planted.plant(6, 66, seed=1, regime="loose", categories=CATEGORIES)


def test_a_truth_that_names_nobody_is_refused():
    made = world()
    made.truth.append({"project_id": "PP000001", "org_id": "nobody", "role": "truth", "fails_rule": ""})
    with pytest.raises(MalformedError, match="nobody"):
        as_read(made)


def test_the_commands_write_judge_and_refuse(app, tmp_path):
    runner = app.test_cli_runner()
    for name in ("one", "two"):
        made = runner.invoke(args=["matching", "plant", "--needs", "40", "--providers", "200", "--seed", "9", "--out", str(tmp_path / name)])
        assert made.exit_code == 0, made.stderr
    assert filecmp.cmpfiles(tmp_path / "one", tmp_path / "two", ["needs.csv", "providers.csv", "truth.csv", "world.json"], shallow=False)[1:] == ([], [])
    report = json.loads(runner.invoke(args=["matching", "evaluate-planted", str(tmp_path / "one"), "--json"]).stdout)
    assert {"ratio_to_lp", "ratio_to_full_lp", "matched_share", "decoys", "stuffed_top5", "twins_top5", "recall_at_1", "recall_at_5",
            "recall_at_50", "blocking_pairs", "gini", "newcomer_share", "seconds", "peak_mb"} <= set(report)
    again = runner.invoke(args=["matching", "plant", "--needs", "4", "--providers", "20", "--seed", "9", "--out", str(tmp_path / "one")])
    assert again.exit_code == 2
    assert "empty" in again.stderr
    (tmp_path / "bare").mkdir()
    assert runner.invoke(args=["matching", "evaluate-planted", str(tmp_path / "bare")]).exit_code == 2
    (tmp_path / "one" / "providers.csv").write_text("org_id,name\nA,b\n")
    refused = runner.invoke(args=["matching", "evaluate-planted", str(tmp_path / "one")])
    assert refused.exit_code == 2
    assert "capacity" in refused.stderr
