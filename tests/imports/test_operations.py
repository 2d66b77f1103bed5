"""Applying and undoing: all or nothing, nothing twice, nothing while others depend on it."""

import pytest
from sqlalchemy import func, select

from marketplace.catalogs import operations as catalogs
from marketplace.catalogs.jobs import IMPORT_TARGETS
from marketplace.catalogs.models import PurchaseList, PurchaseListItem
from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.outbox import Job
from marketplace.files.operations import store
from marketplace.imports import operations, policy
from marketplace.imports.jobs import IMPORT_TARGETS as OWN_TARGETS
from marketplace.imports.models import ImportBatch
from marketplace.imports.operations import import_organizations
from marketplace.imports.rules import STEPS, ImportState, Outcome
from marketplace.integrations.workbooks import CalamineReader
from marketplace.organizations.models import Organization
from marketplace.projects.jobs import IMPORT_TARGETS as PROJECT_TARGETS
from marketplace.projects.models import Project
from tests.factories import NOW
from tests.factories.accounts import actor_of, make_person
from tests.factories.catalogs import clerk, make_list, publish
from tests.factories.organizations import make_organization, make_unit, operator
from tests.factories.sheets import workbook

TARGET = IMPORT_TARGETS["purchase_list"]
HEAD = ["项目名称", "购买主体", "预算（万元）"]


class Folder:
    """A file store in memory."""

    def put(self, data):
        import hashlib

        return hashlib.sha256(data).hexdigest()

    def get(self, sha256):
        raise FileNotFoundError(sha256)


def sheets_of(rows):
    return CalamineReader().read(workbook({"表": [HEAD, *rows]}), filename="a.xlsx")


@pytest.fixture
def desk(session):
    """A unit and its handler."""
    unit = make_unit(session)
    return unit, actor_of(session, make_person(session, role=Role.HANDLER, organization_id=unit.id))


def uploaded(session, desk, rows):
    unit, actor = desk
    file = store(session, actor=actor, store=Folder(), name="a.xlsx", data=workbook({"表": [HEAD, *rows]}), now=NOW,
                 purpose="import_sheet", organization_id=unit.id)
    return operations.upload(session, actor=actor, target=TARGET, file=file, sheets=sheets_of(rows), now=NOW,
                             options={"unit": unit.ref, "year": 2026})


def checked(session, desk, rows):
    batch = uploaded(session, desk, rows)
    found = operations.check_import(session, actor=desk[1], batch=batch, target=TARGET, sheets=sheets_of(rows),
                                    mapping=batch.mapping, now=NOW)
    return batch, found


def count(session, kind=PurchaseListItem):
    return session.scalar(select(func.count()).select_from(kind))


@pytest.mark.parametrize("state", ImportState)
@pytest.mark.parametrize("action", ["check", "start", "finish", "fail", "undo"])
def test_an_import_takes_only_the_steps_of_its_table(state, action):
    legal = {("uploaded", "check"): "checked", ("checked", "check"): "checked", ("failed", "check"): "checked",
             ("undone", "check"): "checked", ("checked", "start"): "applying", ("applying", "finish"): "applied",
             ("applying", "fail"): "failed", ("applied", "undo"): "undone"}
    if (state.value, action) in legal:
        assert STEPS.after(state, action) == legal[state.value, action]
    else:
        with pytest.raises(IllegalStep):
            STEPS.after(state, action)


def test_nothing_is_saved_before_the_import_is_accepted(session, desk):
    batch, found = checked(session, desk, [["甲", "民政办", 1]])
    assert (batch.state, batch.check["new"], batch.check["budget_fen"]) == ("checked", 1, 1_000_000)
    assert count(session, PurchaseList) == 0
    assert operations.start_import(session, actor=desk[1], batch=batch, target=TARGET, checked=found, now=NOW)
    assert (batch.state, batch.done, count(session)) == ("applied", 1, 1)


def test_a_file_that_failed_the_virus_check_is_not_imported(session, desk):
    batch, found = checked(session, desk, [["甲", "民政办", 1]])
    batch.file.scan_state = "infected"
    with pytest.raises(Invalid, match="安全检查"):
        operations.start_import(session, actor=desk[1], batch=batch, target=TARGET, checked=found, now=NOW)
    assert count(session, PurchaseList) == 0


def test_a_second_click_does_not_import_twice(session, desk):
    batch, found = checked(session, desk, [["甲", "民政办", 1]])
    operations.start_import(session, actor=desk[1], batch=batch, target=TARGET, checked=found, now=NOW)
    with pytest.raises(Denied):
        operations.start_import(session, actor=desk[1], batch=batch, target=TARGET, checked=found, now=NOW)
    with pytest.raises(Conflict):
        operations.apply_chunk(session, actor=desk[1], batch=batch, target=TARGET, rows=found.plan.rows, now=NOW)
    assert count(session) == 1


def test_a_chunk_repeated_after_a_crash_adds_nothing(session, desk):
    _, found = checked(session, desk, [["甲", "民政办", 1], ["乙", "民政办", 2]])
    options = {"unit": desk[0].ref, "year": 2026}
    first = TARGET.apply(session, actor=desk[1], rows=found.plan.rows, options=options, now=NOW)
    again = TARGET.apply(session, actor=desk[1], rows=found.plan.rows, options=options, now=NOW)
    assert (len(first), again, count(session)) == (2, [], 2)


def test_a_large_import_that_stops_takes_everything_back(session, desk):
    batch, found = checked(session, desk, [[f"项目{n}", "民政办", n] for n in range(1, 252)])
    assert not operations.start_import(session, actor=desk[1], batch=batch, target=TARGET, checked=found, now=NOW)
    assert "imports.apply" in session.scalars(select(Job.kind)).all()
    operations.apply_chunk(session, actor=desk[1], batch=batch, target=TARGET, rows=found.plan.rows[:100], now=NOW)
    assert (batch.done, batch.total, count(session)) == (100, 251, 100)
    operations.fail_import(session, actor=SYSTEM, batch=batch, target=TARGET, message="停", now=NOW)
    assert (batch.state, batch.done, batch.changes, count(session), count(session, PurchaseList)) == ("failed", 0, [], 0, 0)


def test_undo_is_refused_once_the_list_went_on_and_changes_nothing(session, desk):
    batch, found = checked(session, desk, [["甲", "民政办", 1], ["乙", "民政办", 2]])
    operations.start_import(session, actor=desk[1], batch=batch, target=TARGET, checked=found, now=NOW)
    version = session.scalars(select(PurchaseList)).one().versions[0]
    item = version.items[0]
    catalogs.change_line(session, actor=desk[1], item=item, facts=catalogs.facts_of(item).__class__("甲", office="民政办"), now=NOW)
    with pytest.raises(Conflict, match="又改过"):
        operations.undo_import(session, actor=desk[1], batch=batch, target=TARGET, now=NOW)
    assert (batch.state, count(session)) == ("applied", 2)
    publish(session, version)
    with pytest.raises(Conflict, match="提交或公布"):
        operations.undo_import(session, actor=desk[1], batch=batch, target=TARGET, now=NOW)


def test_importing_into_a_published_list_begins_a_version_and_undo_removes_it(session, desk):
    made = make_list(session, unit=desk[0], is_published=True)
    before = [item.title for item in made.versions[0].items]
    batch, found = checked(session, desk, [["甲", "民政办", 1]])
    operations.start_import(session, actor=desk[1], batch=batch, target=TARGET, checked=found, now=NOW)
    assert [v.state for v in made.versions] == ["published", "draft"]
    assert [item.title for item in made.versions[0].items] == before
    operations.undo_import(session, actor=desk[1], batch=batch, target=TARGET, now=NOW)
    assert [v.state for v in made.versions] == ["published"]


def test_a_list_that_is_being_checked_takes_no_import(session, desk):
    made = make_list(session, unit=desk[0])
    batch, found = checked(session, desk, [["甲", "民政办", 1]])
    catalogs.submit_version(session, actor=SYSTEM, version=made.versions[0], now=NOW)
    with pytest.raises(IllegalStep, match="正在审核"):
        operations.start_import(session, actor=desk[1], batch=batch, target=TARGET, checked=found, now=NOW)


def test_an_import_is_seen_by_its_unit_only(session, desk):
    batch = uploaded(session, desk, [["甲", "民政办", 1]])
    assert policy.may_see(desk[1], batch)
    assert policy.may_see(clerk(desk[0], person_id=999), batch)
    stranger = clerk(make_unit(session, name="白鹭街道办事处"), person_id=998)
    assert not policy.may_see(stranger, batch)
    assert policy.may_see(stranger, batch).hidden
    assert not policy.may_step(clerk(desk[0], role=Role.UNIT_ADMIN, person_id=997), batch, TARGET, "check")
    assert not policy.may_step(desk[1], batch, TARGET, "undo")
    assert count(session, ImportBatch) == 1


def test_another_units_list_is_not_imported_into(session, desk):
    other = make_unit(session, name="白鹭街道办事处")
    with pytest.raises(Denied):
        TARGET.begin(session, actor=desk[1], options={"unit": other.ref, "year": 2026}, now=NOW)
    with pytest.raises(Invalid):
        TARGET.begin(session, actor=desk[1], options={"unit": "none", "year": 2026}, now=NOW)


def organizations_of(session, text, actor):
    from marketplace.core.sheets import read_workbook

    target = OWN_TARGETS["organizations"]
    sheets = CalamineReader().read(text.encode(), filename="a.csv")
    rows, _ = read_workbook(sheets, target.fields)
    return target, target.plan(session, rows=rows, options=target.begin(session, actor=actor, options={}, now=NOW), now=NOW)


def test_organizations_are_imported_changed_and_taken_back_while_nobody_checked_them(session):
    target, plan = organizations_of(session, "来源编号,组织名称,登记类型\nX1,晨光社会工作服务中心,社会服务机构\nX2,晨光基金会,\n", operator())
    made = target.apply(session, actor=operator(), rows=plan.rows, options={}, now=NOW)
    kinds = dict(session.execute(select(Organization.source_ref, Organization.kind)).all())
    assert kinds == {"X1": "service_agency", "X2": "foundation"}
    _, again = organizations_of(session, "来源编号,组织名称,登记类型\nX1,晨光社工服务中心,社会服务机构\n", operator())
    assert [p.outcome for p in again.rows] == [Outcome.CHANGED]
    changed = target.apply(session, actor=operator(), rows=again.rows, options={}, now=NOW)
    with pytest.raises(Conflict):
        target.undo(session, actor=operator(), changes=made, options={}, now=NOW)
    target.undo(session, actor=operator(), changes=changed, options={}, now=NOW)
    target.undo(session, actor=operator(), changes=made, options={}, now=NOW)
    assert count(session, Organization) == 0


def test_an_organization_that_was_checked_is_never_overwritten(session):
    known = make_organization(session, name="晨光社会工作服务中心")
    text = f"组织名称,登记类型,统一社会信用代码\n晨光改名中心,社会服务机构,{known.credit_code}\n甲,社会团体,123\n"
    _, plan = organizations_of(session, text, operator())
    assert [(f.row, f.column) for f in plan.faults] == [(2, "A"), (3, "A")]
    with pytest.raises(Denied):
        organizations_of(session, text, Actor(person_id=1, roles=frozenset({Role.HANDLER})))
    assert import_organizations.FIELDS[1].required


def test_a_unit_imports_only_its_own_projects_and_takes_back_untouched_drafts(session, desk):
    target = PROJECT_TARGETS["projects"]
    options = target.begin(session, actor=desk[1], options={}, now=NOW)
    from marketplace.core.sheets import read_workbook

    text = "项目编号,项目名称,购买主体,预算（元）\nP1,长者助餐服务,,100000\nP2,探访服务项目,别的单位,1\n"
    rows, _ = read_workbook(CalamineReader().read(text.encode(), filename="a.csv"), target.fields)
    plan = target.plan(session, rows=rows, options=options, now=NOW)
    assert [(f.row, f.value) for f in plan.faults] == [(3, "别的单位")]
    made = target.apply(session, actor=desk[1], rows=plan.rows, options=options, now=NOW)
    one = session.scalars(select(Project)).one()
    assert (one.buyer_id, one.source_ref, one.budget.fen, one.state) == (desk[0].id, "P1", 10_000_000, "draft")
    assert [p.outcome for p in target.plan(session, rows=rows[:1], options=options, now=NOW).rows] == [Outcome.UNCHANGED]
    one.title = "改过的名称"
    session.flush()
    with pytest.raises(Conflict):
        target.undo(session, actor=desk[1], changes=made, options=options, now=NOW)
    one.title = "长者助餐服务"
    session.flush()
    target.undo(session, actor=desk[1], changes=made, options=options, now=NOW)
    assert count(session, Project) == 0


def test_a_catalogue_of_another_year_or_with_faults_names_each_row(session):
    target = IMPORT_TARGETS["catalog"]
    from marketplace.core.sheets import read_workbook

    text = ("编码,名称,年度,级别,是否有效,生效日期\nA,公共服务,2026,一级,是,2026年1月1日\nA,重复,2026,,,\nA01,旧,2025,,,\nX-1,坏,2026,,,\n"
            "A02,乙,2026,9,,\nA03,丙,2026,,也许,\nA04,丁,2026,,,明天\n")
    rows, _ = read_workbook(CalamineReader().read(text.encode(), filename="a.csv"), target.fields)
    options = target.begin(session, actor=SYSTEM, options={"year": 2026}, now=NOW)
    plan = target.plan(session, rows=rows, options=options, now=NOW)
    assert [(f.row, f.column) for f in plan.faults] == [(3, "A"), (4, "C"), (5, "A"), (6, "D"), (7, "E"), (8, "F")]
    made = target.apply(session, actor=SYSTEM, rows=plan.rows, options=options, now=NOW)
    target.undo(session, actor=SYSTEM, changes=made, options=options, now=NOW)
    assert target.plan(session, rows=rows[:1], options=options, now=NOW).rows[0].outcome is Outcome.NEW


