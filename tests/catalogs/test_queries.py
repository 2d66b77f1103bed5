import pytest

from marketplace.catalogs import operations, queries
from marketplace.catalogs.queries.lists import merged_statement
from marketplace.catalogs.rules import Progress
from marketplace.core.access import ANONYMOUS, SYSTEM, Role
from marketplace.core.errors import Denied
from marketplace.core.money import Money
from tests.factories import NOW
from tests.factories.catalogs import clerk, line_facts, make_catalog, make_list
from tests.factories.organizations import make_unit


@pytest.fixture
def district(session):
    """A district with two towns; their lists of 2026 are public, one line posted, one contracted."""
    operations.load_areas(session, actor=SYSTEM, now=NOW)
    bureau = make_unit(session, name="澜川区民政局", area_code="990106")
    first = make_unit(session, name="云岭镇人民政府", parent=bureau, area_code="990106101")
    second = make_unit(session, name="云上社区居委会", parent=first, area_code="990106101001")
    make_list(session, unit=bureau, is_published=True, facts=[line_facts(title="甲", budget=Money.yuan(10))])
    lines = make_list(session, unit=first, is_published=True, facts=[
        line_facts(title="乙", budget=Money.yuan(20)), line_facts(title="丙", budget=None)]).versions[0].items
    make_list(session, unit=second, is_published=True, facts=[line_facts(title="丁", budget=Money.yuan(30))])
    operations.mark_line_posted(session, line=lines[0].line, project_ref="p", now=NOW)
    operations.mark_line_posted(session, line=lines[1].line, project_ref="q", now=NOW)
    operations.mark_line_contracted(session, line=lines[1].line, now=NOW)
    return bureau, first, second


def test_the_district_page_merges_towns_with_totals(session, district):
    places = queries.by_place(session, queries.list_totals(session, 2026))
    assert [(p.name, len(p.lists), p.lines, p.budget, p.waiting, p.posted, p.contracted) for p in places] == [
        ("区本级", 1, 1, Money.yuan(10), 1, 0, 0), ("云岭镇", 2, 3, Money.yuan(50), 1, 1, 1)]
    assert queries.years(session) == [2026]
    assert queries.list_totals(session, 2025) == []


def test_the_merged_list_is_filtered_by_town_words_and_progress(session, district):
    def found(**asked):
        return sorted(item.title for item in session.scalars(merged_statement(2026, **asked)))

    assert found() == sorted("甲乙丙丁")
    assert found(place="990106101") == sorted("乙丙丁")
    assert found(place="990106") == ["甲"]
    assert found(text="丁") == ["丁"]
    assert found(text="%") == []
    assert found(progress="posted") == ["乙"]
    assert found(progress="contracted") == ["丙"]
    assert found(progress="not_posted") == sorted("甲丁")


def test_drafts_are_seen_by_their_unit_and_submitted_ones_by_those_above(session):
    bureau = make_unit(session, name="澜川区民政局")
    town = make_unit(session, name="云岭镇人民政府", parent=bureau)
    sibling = make_unit(session, name="望溪镇人民政府", parent=bureau)
    made = make_list(session, unit=town)

    def seen(actor):
        try:
            return queries.version_of(session, made, actor=actor).number
        except Denied as refused:
            return None if refused.hidden else refused

    assert [seen(clerk(u)) for u in (town, bureau, sibling)] == [1, None, None]
    operations.submit_version(session, actor=SYSTEM, version=made.versions[0], now=NOW)
    assert [seen(clerk(u)) for u in (town, bureau, sibling)] == [1, 1, None]
    assert seen(ANONYMOUS) is None
    operations.publish_version(session, actor=SYSTEM, version=made.versions[0], now=NOW)
    assert seen(ANONYMOUS) == 1
    assert [one.id for one in queries.lists_kept_by(session, clerk(bureau, role=Role.APPROVER))] == [made.id]
    assert queries.lists_kept_by(session, clerk(sibling)) == []


def test_public_documents_hold_published_lines_and_never_a_contact(session):
    make_catalog(session)
    made = make_list(session, facts=[line_facts(title="甲", contact="何老师 13800001111", catalog_code="A0402")])
    assert [d.kind for d in queries.public_documents(session)] == ["catalog_item"] * 5
    ref = made.versions[0].items[0].line.ref
    from tests.factories.catalogs import publish

    publish(session, made.versions[0])
    document = next(d for d in queries.public_documents(session, [ref]))
    assert (document.kind, document.title, document.category, document.status) == (
        "purchase_list_item", "甲", "A0402", Progress.NOT_POSTED)
    assert "13800001111" not in repr(document)
    assert [d.ref for d in queries.public_documents(session, ["A0402"])] == ["A0402"]
    second = operations.amend(session, actor=SYSTEM, purchase_list=made, reason="改", now=NOW)
    operations.remove_line(session, actor=SYSTEM, item=second.items[0], now=NOW)
    operations.add_line(session, actor=SYSTEM, version=second, facts=line_facts(), now=NOW)
    publish(session, second)
    assert list(queries.public_documents(session, [ref])) == []


def test_the_tree_counts_the_lines_below_each_code(session):
    catalog = make_catalog(session)
    make_list(session, is_published=True, facts=[line_facts(catalog_code="A040203"), line_facts(catalog_code="A05")])
    root = queries.catalog_tree(session, catalog)[0]
    assert (root.item.code, root.lines) == ("A", 2)
    assert [(n.item.code, n.lines) for n in root.children] == [("A04", 1), ("A05", 1)]
    page = queries.item_page(session, catalog, "A04")
    assert [i.code for i in page.above] == ["A"]
    assert [i.code for i in page.below] == ["A0402"]
    assert len(page.lines) == 1
    with pytest.raises(Denied):
        queries.item_page(session, catalog, "Z")


def test_the_calendar_takes_the_overrides(session):
    from datetime import date

    from marketplace.catalogs.models import HolidayOverride

    day = date(2026, 11, 23)
    assert queries.work_calendar(session).is_workday(day)
    session.add(HolidayOverride(day=day, is_workday=False, source="测试"))
    session.flush()
    assert not queries.work_calendar(session).is_workday(day)
