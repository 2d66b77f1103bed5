import pytest
from sqlalchemy import select

from marketplace.catalogs import operations, queries
from marketplace.catalogs.models import Area, PurchaseList, PurchaseListLine
from marketplace.catalogs.rules import LineFacts, Progress, VersionState
from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.audit import AuditEvent
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.core.outbox import Job
from tests.factories import NOW
from tests.factories.catalogs import clerk, line_facts, make_catalog, make_list, publish
from tests.factories.organizations import make_organization, make_unit


def titles(version):
    return [item.title for item in version.items]


def test_the_areas_load_once_and_load_again_unchanged(session):
    first = operations.load_areas(session, actor=SYSTEM, now=NOW)
    assert first > 30
    assert operations.load_areas(session, actor=SYSTEM, now=NOW) == 0
    session.get(Area, "990106001").name = "旧名"
    assert operations.load_areas(session, actor=SYSTEM, now=NOW) == 1
    towns = session.scalars(select(Area).where(Area.level == 2)).all()
    assert len({(t.tile_x, t.tile_y) for t in towns}) == len(towns) == 7


def test_an_edition_replaces_the_one_in_force_and_a_published_one_is_never_edited(session):
    old = make_catalog(session, year=2025)
    new = operations.draft_edition(session, actor=SYSTEM, year=2026, source=old, now=NOW)
    operations.save_item(session, actor=SYSTEM, catalog=new, code="A040204", name_zh="老年探访服务", now=NOW)
    operations.publish_catalog(session, actor=SYSTEM, catalog=new, now=NOW)
    assert (old.state, new.state, old.effective_to) == ("replaced", "published", new.effective_from)
    assert queries.published_catalog(session).ref == new.ref
    assert queries.category_names(session)["A040204"] == "老年探访服务"
    with pytest.raises(Denied):
        operations.save_item(session, actor=SYSTEM, catalog=new, code="A06", name_zh="其他", now=NOW)
    with pytest.raises(IllegalStep):
        operations.publish_catalog(session, actor=SYSTEM, catalog=new, now=NOW)


def test_one_draft_edition_a_year(session):
    make_catalog(session, is_published=False)
    with pytest.raises(Conflict):
        make_catalog(session, is_published=False)


def test_an_edition_whose_tree_is_broken_is_not_published(session):
    catalog = make_catalog(session, is_published=False, codes=(("A04", "社会保障服务"),))
    with pytest.raises(Invalid, match="上级编码"):
        operations.publish_catalog(session, actor=SYSTEM, catalog=catalog, now=NOW)
    operations.save_item(session, actor=SYSTEM, catalog=catalog, code="A", name_zh="公共服务", replaced_by="B", now=NOW)
    with pytest.raises(Invalid, match="替代编码"):
        operations.publish_catalog(session, actor=SYSTEM, catalog=catalog, now=NOW)
    empty = operations.draft_edition(session, actor=SYSTEM, year=2030, now=NOW)
    with pytest.raises(Invalid, match="还没有条目"):
        operations.publish_catalog(session, actor=SYSTEM, catalog=empty, now=NOW)


def test_lines_of_a_draft_edition_are_checked(session):
    catalog = make_catalog(session, is_published=False)
    for facts in ({"name_zh": " "}, {"name_zh": "甲", "replaced_by": "A06"},
                  {"name_zh": "甲", "effective_from": NOW.date(), "effective_to": NOW.date().replace(year=2020)}):
        with pytest.raises(Invalid):
            operations.save_item(session, actor=SYSTEM, catalog=catalog, code="A06", now=NOW, **facts)
    with pytest.raises(Conflict):
        operations.remove_item(session, actor=SYSTEM, catalog=catalog, code="A04", now=NOW)
    operations.remove_item(session, actor=SYSTEM, catalog=catalog, code="A05", now=NOW)
    assert "A05" not in [i.code for i in catalog.items]


def test_a_list_goes_from_draft_over_the_approver_to_the_public(session):
    unit = make_unit(session)
    handler, approver = clerk(unit), clerk(unit, role=Role.APPROVER, person_id=502)
    made = operations.open_list(session, actor=handler, unit=unit, year=2026, now=NOW)
    assert operations.open_list(session, actor=handler, unit=unit, year=2026, now=NOW) is made
    version = made.versions[0]
    with pytest.raises(Invalid, match="还没有内容"):
        operations.submit_version(session, actor=handler, version=version, now=NOW)
    operations.add_line(session, actor=handler, version=version, facts=line_facts(title="甲"), now=NOW)
    operations.submit_version(session, actor=handler, version=version, now=NOW)
    with pytest.raises(Denied, match="正在审核"):
        operations.add_line(session, actor=handler, version=version, facts=line_facts(), now=NOW)
    with pytest.raises(Denied):
        operations.publish_version(session, actor=handler, version=version, now=NOW)
    operations.publish_version(session, actor=approver, version=version, now=NOW)
    assert (version.state, version.published_at, version.published_by) == ("published", NOW, 502)
    kinds = {job.kind for job in session.scalars(select(Job))}
    assert {"catalogs.list_submitted", "catalogs.list_published"} <= kinds
    assert "purchase_lists.publish" in session.scalars(select(AuditEvent.action)).all()


def test_who_submitted_does_not_publish(session):
    unit = make_unit(session)
    both = Actor(person_id=7, organization_id=unit.id, unit_path=unit.path, roles=frozenset({Role.HANDLER, Role.APPROVER}))
    version = make_list(session, unit=unit).versions[0]
    operations.submit_version(session, actor=both, version=version, now=NOW)
    with pytest.raises(Denied, match="另一位审核人"):
        operations.publish_version(session, actor=both, version=version, now=NOW)


def test_a_returned_list_says_why_and_can_be_edited_again(session):
    unit = make_unit(session)
    version = make_list(session, unit=unit).versions[0]
    operations.submit_version(session, actor=clerk(unit), version=version, now=NOW)
    approver = clerk(unit, role=Role.APPROVER, person_id=502)
    with pytest.raises(Invalid):
        operations.return_version(session, actor=approver, version=version, reason=" ", now=NOW)
    operations.return_version(session, actor=approver, version=version, reason="缺目录编码", now=NOW)
    assert (version.state, version.return_reason, version.submitted_at) == ("draft", "缺目录编码", None)
    operations.add_line(session, actor=clerk(unit), version=version, facts=line_facts(), now=NOW)


def test_an_amendment_copies_the_lines_needs_a_reason_and_supersedes(session):
    made = make_list(session, is_published=True, facts=[line_facts(title="甲"), line_facts(title="乙")])
    with pytest.raises(Invalid):
        operations.amend(session, actor=SYSTEM, purchase_list=made, reason=" ", now=NOW)
    second = operations.amend(session, actor=SYSTEM, purchase_list=made, reason="追加预算", now=NOW)
    with pytest.raises(Conflict):
        operations.amend(session, actor=SYSTEM, purchase_list=made, reason="再来", now=NOW)
    operations.change_line(session, actor=SYSTEM, item=second.items[0], now=NOW,
                           facts=LineFacts("甲", budget=Money.yuan(5)))
    operations.remove_line(session, actor=SYSTEM, item=second.items[1], now=NOW)
    operations.add_line(session, actor=SYSTEM, version=second, facts=line_facts(title="丙"), now=NOW)
    assert titles(made.versions[0]) == ["甲", "乙"]
    publish(session, second)
    assert [v.state for v in made.versions] == [VersionState.SUPERSEDED, VersionState.PUBLISHED]
    assert titles(second) == ["甲", "丙"]
    assert made.versions[0].items[0].line_id == second.items[0].line_id


def test_a_published_list_is_not_edited_in_place(session):
    version = make_list(session, is_published=True).versions[0]
    for act in (lambda: operations.add_line(session, actor=SYSTEM, version=version, facts=line_facts(), now=NOW),
                lambda: operations.change_line(session, actor=SYSTEM, item=version.items[0], facts=line_facts(), now=NOW),
                lambda: operations.remove_line(session, actor=SYSTEM, item=version.items[0], now=NOW)):
        with pytest.raises(Denied, match="变更清单"):
            act()


def test_a_line_that_became_a_project_is_not_removed_and_stays_in_every_later_version(session):
    made = make_list(session, is_published=True)
    line = made.versions[0].items[0].line
    second = operations.amend(session, actor=SYSTEM, purchase_list=made, reason="减少", now=NOW)
    operations.remove_line(session, actor=SYSTEM, item=second.items[0], now=NOW)
    operations.mark_line_posted(session, line=line, project_ref="p1", now=NOW)
    operations.submit_version(session, actor=SYSTEM, version=second, now=NOW)
    with pytest.raises(Conflict, match="漏了"):
        operations.publish_version(session, actor=SYSTEM, version=second, now=NOW)
    operations.return_version(session, actor=SYSTEM, version=second, reason="补上", now=NOW)
    other = make_list(session, unit=make_unit(session, name="白鹭街道办事处"), is_published=True)
    operations.mark_line_posted(session, line=other.versions[0].items[0].line, project_ref="p2", now=NOW)
    third = operations.amend(session, actor=SYSTEM, purchase_list=other, reason="减少", now=NOW)
    with pytest.raises(IllegalStep, match="已经生成项目"):
        operations.remove_line(session, actor=SYSTEM, item=third.items[0], now=NOW)


def test_lines_move_to_posted_and_contracted_once(session):
    line = make_list(session, is_published=True).versions[0].items[0].line
    for _ in range(2):
        operations.mark_line_posted(session, line=line, project_ref="p1", now=NOW)
        assert queries.progress_of(line) is Progress.POSTED
    for _ in range(2):
        operations.mark_line_contracted(session, line=line, now=NOW)
    assert queries.progress_of(line) is Progress.CONTRACTED
    assert session.scalars(select(AuditEvent.action)).all().count("purchase_lists.line_contracted") == 1


def test_a_code_outside_the_catalogue_in_force_is_refused_for_a_line(session):
    make_catalog(session)
    version = make_list(session).versions[0]
    operations.add_line(session, actor=SYSTEM, version=version, facts=line_facts(catalog_code="A0402"), now=NOW)
    with pytest.raises(Invalid) as caught:
        operations.add_line(session, actor=SYSTEM, version=version, facts=line_facts(catalog_code="B99"), now=NOW)
    assert caught.value.field == "catalog_code"


def test_removing_the_last_mention_removes_the_line(session):
    version = make_list(session, lines=1).versions[0]
    operations.remove_line(session, actor=SYSTEM, item=version.items[0], now=NOW)
    assert session.scalars(select(PurchaseListLine)).all() == []


def test_strangers_siblings_and_providers_keep_nobody_elses_list(session):
    district = make_unit(session, name="澜川区民政局")
    town = make_unit(session, name="云岭镇人民政府", parent=district)
    sibling = make_unit(session, name="望溪镇人民政府", parent=district)
    version = make_list(session, unit=town).versions[0]
    provider = make_organization(session)
    for actor in (clerk(sibling), clerk(provider), clerk(town, role=Role.UNIT_ADMIN), Actor()):
        with pytest.raises(Denied):
            operations.add_line(session, actor=actor, version=version, facts=line_facts(), now=NOW)
        with pytest.raises(Denied):
            operations.open_list(session, actor=actor, unit=town, year=2027, now=NOW)
    operations.add_line(session, actor=clerk(district), version=version, facts=line_facts(), now=NOW)
    with pytest.raises(Denied):
        operations.open_list(session, actor=SYSTEM, unit=provider, year=2026, now=NOW)
    assert session.query(PurchaseList).count() == 1
