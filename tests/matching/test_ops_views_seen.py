"""What somebody who never saw the operator's pages stumbles over."""

import csv
import html
import io
import re

from marketplace.core.db import db, transaction
from marketplace.matching.models import RunEdit
from tests.browser.matching import operator_actor, run_by, run_now
from tests.matching.test_ops_views_edits import BASE, MEALS, WARM, ask, operator, sentence, winner, world

__all__ = ["operator", "world"]


def test_a_missing_reason_leaves_the_preview_and_its_button_in_place(operator, app, world):
    before = winner(app, world, MEALS)
    fields = {"kind": "forbid", "project": MEALS, "provider": before[0], "step": "commit"}
    answer = ask(operator, world, **fields)
    assert answer.status_code == 422
    assert "请写明理由" in sentence(answer)
    for words in ("还没有保存", "会换组织的项目", 'value="commit"'):
        assert words in answer.text
    with app.app_context():
        assert db.session().query(RunEdit).count() == 0


def test_after_somebody_elses_edit_the_page_shows_what_would_change_now_and_takes_it(operator, world):
    first = {"kind": "capacity", "provider": WARM, "value": "3", "reason": "来电说明", "step": "commit"}
    assert ask(operator, world, **first).status_code == 303
    answer = ask(operator, world, **{**first, "value": "2"})
    assert answer.status_code == 409
    seen = re.search(r'name="seen"[^>]*value="(\d+)"', answer.text)
    assert seen
    assert ask(operator, world, **{**first, "value": "2", "seen": seen[1]}).status_code == 303


def test_a_preview_names_in_full_what_part_of_a_name_was_taken_for(operator, world):
    answer = ask(operator, world, kind="capacity", provider=WARM[2:], value="2")
    assert f"改承接能力：{WARM} → 2" in answer.text
    assert operator.get(f"{BASE}/{world['run']}/edit").text.count("改承接能力：") == 0


def test_compared_runs_tell_the_bonus_for_keeping_pairs_from_the_points_of_the_score(operator, app, world):
    operator.post(f"{BASE}/{world['run']}/publish", data={"edits": "0", "replaces": ""})
    with app.app_context():
        with transaction() as session:
            actor = operator_actor(session)
        second = run_now(actor, "第二次")
        kept = sum(one.contributions.get("switching", 0) for one in run_by(second).pairings)
        total, first_total = run_by(second).metrics["total"], run_by(world["run"]).metrics["total"]
    assert kept > 0
    table = list(csv.reader(io.StringIO(
        operator.get(f"{BASE}/{second}/side.csv?with={world['run']}").data.decode("utf-8-sig"))))
    rows = {row[0]: row[1:] for row in table}
    assert rows["总分"] == [f"{first_total / 10:.1f}", f"{total / 10:.1f}"]
    assert rows["其中保持原配对的加分"] == ["0.0", f"{kept / 10:.1f}"]
    assert rows["不含这项加分的总分"] == [f"{first_total / 10:.1f}", f"{(total - kept) / 10:.1f}"]
    assert "不含这项加分的总分" in operator.get(f"{BASE}/{second}/compare?with={world['run']}").text


def test_the_market_counts_the_projects_that_got_too_few(operator, world):
    listed = operator.get(f"{BASE}/{world['run']}/unmatched").text
    many = int(re.search(r"没有合适组织的项目（(\d+) 个）", listed)[1])
    assert many > 0
    page = operator.get(f"{BASE}/market").text
    assert re.search(rf"<b>{many}</b><span>个项目没有配上或没有配满</span>", page)


def test_a_project_that_got_nobody_is_answered_with_what_to_do(operator, world):
    listed = operator.get(f"{BASE}/{world['run']}/unmatched").text
    answered = [operator.get(html.unescape(address)).text for address in
                re.findall(r'href="(/ops/matching/[^"]*/why\?project=[^"]*)"', listed)]
    assert answered
    assert all("三个办法" in page or "可以怎么办" in page for page in answered)
