from dataclasses import replace
from datetime import UTC, datetime

import pytest

from marketplace.catalogs import rules
from marketplace.catalogs.rules import (
    CATALOG_STEPS,
    VERSION_STEPS,
    CatalogState,
    Change,
    LineFacts,
    Progress,
    VersionState,
)
from marketplace.core.errors import IllegalStep, Invalid
from marketplace.core.money import Money


@pytest.mark.parametrize("state", VersionState)
@pytest.mark.parametrize("action", ["edit", "submit", "return", "publish", "supersede"])
def test_a_version_takes_only_the_steps_of_its_table(state, action):
    legal = {("draft", "edit"): "draft", ("draft", "submit"): "submitted", ("submitted", "return"): "draft",
             ("submitted", "publish"): "published", ("published", "supersede"): "superseded"}
    if (state.value, action) in legal:
        assert VERSION_STEPS.after(state, action) == legal[state.value, action]
    else:
        with pytest.raises(IllegalStep):
            VERSION_STEPS.after(state, action)


@pytest.mark.parametrize("state", CatalogState)
def test_a_published_edition_is_only_replaced(state):
    assert CATALOG_STEPS.allows(state, "publish") == (state == "draft")
    assert CATALOG_STEPS.allows(state, "replace") == (state == "published")


@pytest.mark.parametrize(("code", "level", "parent", "local"), [
    ("A", 1, None, False), ("A04", 2, "A", False), ("A0402", 3, "A04", False), ("A040203", 4, "A0402", True)])
def test_a_code_tells_its_level_its_parent_and_who_set_it(code, level, parent, local):
    assert (rules.level_of(code), rules.parent_of(code), rules.is_local(code)) == (level, parent, local)
    assert rules.check_code(f" {code.lower()} ") == code


@pytest.mark.parametrize("code", ["", "4", "A4", "A040", "AB01", "A04020304", "A-0402"])
def test_other_shapes_are_no_code(code):
    with pytest.raises(Invalid):
        rules.check_code(code)


def test_what_became_of_a_line_follows_from_its_dates():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert rules.progress(project_ref=None, posted_at=None, contracted_at=None) is Progress.NOT_POSTED
    assert rules.progress(project_ref="p", posted_at=None, contracted_at=None) is Progress.DRAFTED
    assert rules.progress(project_ref="p", posted_at=now, contracted_at=None) is Progress.POSTED
    assert rules.progress(project_ref="p", posted_at=now, contracted_at=now) is Progress.CONTRACTED


def test_two_versions_are_compared_line_by_line():
    one, two = LineFacts("甲", budget=Money.yuan(1)), LineFacts("乙")
    found = rules.compare({1: one, 2: two, 3: one}, {1: replace(one, budget=Money.yuan(2), remark="增"), 2: two, 4: two})
    assert [(c.change, c.fields) for c in found] == [
        (Change.CHANGED, ("budget", "remark")), (Change.SAME, ()), (Change.ADDED, ()), (Change.REMOVED, ())]


def test_empty_and_missing_are_the_same_but_zero_is_an_amount():
    assert rules.differing(LineFacts("甲", catalog_code=None), LineFacts("甲", catalog_code="")) == ()
    assert rules.differing(LineFacts("甲", budget=None), LineFacts("甲", budget=Money(0))) == ("budget",)


@pytest.mark.parametrize(("facts", "field"), [
    (LineFacts(" "), "title"), (LineFacts("甲" * 201), "title"), (LineFacts("甲", content="字" * 5_001), "content")])
def test_a_line_needs_a_name_and_has_limits(facts, field):
    with pytest.raises(Invalid) as caught:
        facts.check()
    assert caught.value.field == field


def test_years_far_away_are_refused():
    assert rules.check_year(2026) == 2026
    for year in (1999, 2101, 26):
        with pytest.raises(Invalid):
            rules.check_year(year)


def test_every_field_has_its_headings_and_the_usual_columns_exist():
    assert all(f.headings for f in (*rules.LIST_FIELDS, *rules.CATALOG_FIELDS))
    assert set(rules.LIST_COLUMNS) <= {f.name for f in rules.LIST_FIELDS}
