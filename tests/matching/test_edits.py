"""People overrule a run: previews that change nothing, commits that change everything at once, rules that outrank pins."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from marketplace.core.access import Actor, Role
from marketplace.core.audit import AuditEvent
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.outbox import Job
from marketplace.matching import operations
from marketplace.matching.models import Pairing, ProjectDecline, RunEdit, RunNeed
from marketplace.matching.queries import previews, runs
from marketplace.matching.queries.previews import preview_edit, standing_of
from marketplace.matching.rules import assignment
from marketplace.matching.rules.edits import Edit
from marketplace.matching.rules.runs import JOB_RUN_PUBLISHED, EditKind
from marketplace.matching.rules.shortage import CannotHold
from marketplace.matching.rules.summary import sums_up
from marketplace.organizations.models import Organization, RelatedParty, ServedArea
from marketplace.web.services import services
from tests.factories import NOW
from tests.factories.matching import make_providers, make_run, make_world
from tests.factories.organizations import credit_code
from tests.factories.projects import make_draft, make_published

HOUR = timedelta(hours=1)


@pytest.fixture
def world(session):
    return make_world(session, projects=3, providers=4)


@pytest.fixture
def run(session, world):
    return make_run(session, world)


def plan_of(session, run, kind, *, project=None, provider=None, value=None):
    edit = Edit(EditKind(kind), project.id if project else None, provider.id if provider else None, value)
    return preview_edit(session, run, edit, engines=services(), now=NOW)


def commit(session, world, run, plan, *, reason="核实后调整", edits=None):
    return operations.commit_edit(session, actor=world.operator, run=run, plan=plan, reason=reason, now=NOW,
                                  edits=run.edits if edits is None else edits)


def edited(session, world, run, kind, **what):
    return commit(session, world, run, plan_of(session, run, kind, **what))


def standing(session, run):
    return {(one.project_id, one.provider_id) for one in session.scalars(
        select(Pairing).where(Pairing.run_id == run.id, Pairing.state != "removed"))}


def given_to(session, run, project):
    return {provider for key, provider in standing(session, run) if key == project.id}


def free_one(session, world, run):
    """The provider that has no pair."""
    busy = {provider for _, provider in standing(session, run)}
    return next(one for one in world.providers if one.id not in busy)


def partner(session, world, run, project):
    key = next(iter(given_to(session, run, project)))
    return next(one for one in world.providers if one.id == key)


def pairing_of(session, run, project):
    return session.scalars(select(Pairing).where(Pairing.run_id == run.id, Pairing.project_id == project.id,
                                                 Pairing.state != "removed")).one()


def consistent(session, run):
    """What is stored is what solving the stored inputs with all edits gives, to the tenth."""
    session.expire_all()
    now = standing_of(session, run)
    solution = assignment.solve(now.problem(now.wishes), services().flows)
    rows = session.scalars(select(Pairing).where(Pairing.run_id == run.id, Pairing.state != "removed")).all()
    assert {(one.project_id, one.provider_id) for one in rows} == set(solution.pairs)
    assert {(one.project_id, one.provider_id): one.total for one in rows} == dict(
        zip(solution.pairs, solution.totals.tolist(), strict=True))
    assert all(sums_up({"contributions": one.contributions, "total": one.total}) for one in rows)
    assert runs.metrics_of(run).total == solution.total == now.total
    needs = session.scalars(select(RunNeed).where(RunNeed.run_id == run.id)).all()
    assert sum(one.given for one in needs) == len(rows)
    return True


# ---- preview ----

def test_a_preview_shows_what_would_change_and_changes_nothing(session, world, run):
    project, before = world.projects[0], standing(session, run)
    other = free_one(session, world, run)
    plan = plan_of(session, run, "pin", project=project, provider=other)
    assert (project.id, other.id) in plan.difference.come
    assert plan.difference.total_before == runs.metrics_of(run).total
    assert plan.difference.total_after == plan.metrics.total <= plan.difference.total_before
    assert plan.number == 0
    assert standing(session, run) == before
    assert session.scalar(select(func.count()).select_from(RunEdit)) == 0
    assert not session.dirty


# ---- each kind ----

def test_a_pin_is_kept_with_its_reason_and_what_it_cost(session, world, run):
    project, other = world.projects[0], free_one(session, world, run)
    plan = plan_of(session, run, "pin", project=project, provider=other)
    row = commit(session, world, run, plan, reason=" 街道已与其试点 ")
    assert (row.number, run.edits, row.reason, row.actor_name) == (1, 1, "街道已与其试点", "何伟")
    assert (row.total_before, row.total_after) == (plan.difference.total_before, plan.difference.total_after)
    assert row.changed == plan.difference.changed > 0
    assert given_to(session, run, project) == {other.id}
    assert pairing_of(session, run, project).is_pinned
    assert runs.metrics_of(run).overrides == 1
    assert consistent(session, run)
    facts = session.scalar(select(AuditEvent.facts).where(AuditEvent.action == "matching.edit_pin"))
    assert (facts["number"], facts["reason"]) == (1, "街道已与其试点")


def test_a_released_pin_leads_back_to_the_best(session, world, run):
    before, project, other = standing(session, run), world.projects[0], free_one(session, world, run)
    edited(session, world, run, "pin", project=project, provider=other)
    edited(session, world, run, "release", project=project, provider=other)
    assert standing(session, run) == before
    assert run.edits == 2
    assert consistent(session, run)


def test_a_forbidden_pair_never_comes_back(session, world, run):
    project = world.projects[1]
    other = partner(session, world, run, project)
    edited(session, world, run, "forbid", project=project, provider=other)
    assert other.id not in given_to(session, run, project)
    edited(session, world, run, "withdraw", provider=free_one(session, world, run))
    assert other.id not in given_to(session, run, project)
    assert consistent(session, run)


def test_a_withdrawn_project_gives_its_provider_back_and_may_return(session, world, run):
    before, project = standing(session, run), world.projects[2]
    edited(session, world, run, "withdraw", project=project)
    need = session.scalars(select(RunNeed).where(RunNeed.run_id == run.id, RunNeed.project_id == project.id)).one()
    assert (need.state, need.reason, need.given) == ("withdrawn", "withdrawn", 0)
    assert runs.metrics_of(run).needs == 2
    edited(session, world, run, "add", project=project)
    assert standing(session, run) == before
    assert consistent(session, run)


def test_a_withdrawn_provider_gets_nothing_and_may_return(session, world, run):
    before = standing(session, run)
    other = partner(session, world, run, world.projects[0])
    edited(session, world, run, "withdraw", provider=other)
    assert other.id not in {provider for _, provider in standing(session, run)}
    edited(session, world, run, "add", provider=other)
    assert standing(session, run) == before


def test_capacity_and_wanted_numbers_are_solved_with(session, world, run):
    best, project = world.providers[3], world.projects[0]
    edited(session, world, run, "capacity", provider=best, value=0)
    assert best.id not in {provider for _, provider in standing(session, run)}
    assert {one.state for one in run.needs} == {"paired"}
    edited(session, world, run, "wanted", project=project, value=2)
    need = session.scalars(select(RunNeed).where(RunNeed.run_id == run.id, RunNeed.project_id == project.id)).one()
    assert need.wants == 2
    assert sum(one.given for one in run.needs) == 3
    assert {one.reason for one in run.needs if one.state == "partly"} <= {"taken"}
    edited(session, world, run, "capacity", provider=best, value=2)
    assert len(given_to(session, run, project)) == 2
    assert consistent(session, run)


def test_a_project_posted_after_the_run_is_added_with_its_candidates(session, world, run):
    late = make_published(session, world.desk, title="桐浦街道老年助餐服务加餐点")
    before = standing(session, run)
    row = edited(session, world, run, "add", project=late)
    assert len(row.candidate["candidates"]) == 4
    assert len(given_to(session, run, late)) == 1
    assert {pair for pair in standing(session, run) if pair[0] != late.id} == before
    assert {one.project_id for one in run.needs} == {late.id, *(one.id for one in world.projects)}
    assert (runs.metrics_of(run).needs, runs.metrics_of(run).given) == (4, 4)
    assert consistent(session, run)
    own = partner(session, world, run, late)
    edited(session, world, run, "forbid", project=late, provider=own)
    assert own.id not in given_to(session, run, late)
    edited(session, world, run, "withdraw", project=late)
    edited(session, world, run, "add", project=late)
    assert consistent(session, run)
    assert run.edits == 4


def test_only_projects_of_the_runs_kind_are_added_later(session, world, run):
    draft = make_draft(session, world.desk)
    late = make_published(session, world.desk, title="后来发布的项目")
    with pytest.raises(Invalid, match="不在这次匹配的范围内"):
        plan_of(session, run, "add", project=draft)
    with pytest.raises(Invalid, match="选一个项目"):
        plan_of(session, run, "add", project=late, provider=world.providers[0])


def test_only_projects_posted_after_the_run_are_offered_to_be_added(session, world, run):
    assert runs.projects_to_add(session, run, "桐浦街道", now=NOW) == []
    late = make_published(session, world.desk, title="桐浦街道后来发布的项目")
    make_draft(session, world.desk)
    assert runs.projects_to_add(session, run, "后来发布", now=NOW) == [late]
    assert runs.projects_to_add(session, run, late.number, now=NOW) == [late]
    edited(session, world, run, "add", project=late)
    assert runs.projects_to_add(session, run, late.ref, now=NOW) == []


# ---- what is refused ----

@pytest.mark.parametrize(("senseless", "sentence"), [
    (("add", {"project": 0}), "没有撤出"), (("add", {}), "选一个项目"), (("withdraw", {"project": 0, "provider": 0}), "选一个项目"),
    (("release", {"project": 0, "provider": 0}), "不用解除"), (("capacity", {"provider": 0, "value": -1}), "0 到 1000"),
    (("capacity", {"provider": 0}), "0 到 1000"), (("wanted", {"project": 0, "value": 0}), "1 到 20"),
    (("wanted", {"value": 2}), "没有参加"), (("capacity", {"value": 2}), "不是任何项目的候选"),
    (("confirm", {"project": 0, "provider": 3}), "不在方案里")])
def test_an_edit_that_makes_no_sense_is_refused_with_a_sentence(session, world, run, senseless, sentence):
    kind, what = senseless
    sides = {"project": world.projects, "provider": [*world.providers[:3], free_one(session, world, run)]}
    with pytest.raises(Invalid, match=sentence):
        plan_of(session, run, kind, **{
            name: sides[name][value] if name in sides else value for name, value in what.items()})


@pytest.mark.parametrize(("kind", "side"), [("pin", "provider"), ("forbid", "provider"), ("withdraw", "project"),
                                            ("withdraw", "provider")])
def test_the_same_edit_twice_is_refused(session, world, run, kind, side):
    what = {"project": world.projects[0], "provider": world.providers[1]}
    what = {"project": what["project"]} if (kind, side) == ("withdraw", "project") else (
        {"provider": what["provider"]} if kind == "withdraw" else what)
    edited(session, world, run, kind, **what)
    with pytest.raises(Invalid):
        plan_of(session, run, kind, **what)


def test_a_project_that_took_no_part_cannot_be_edited(session, world, run):
    late = make_published(session, world.desk, title="后来发布的项目")
    with pytest.raises(Invalid, match="没有参加这次匹配"):
        plan_of(session, run, "pin", project=late, provider=world.providers[0])


def test_nobody_unknown_is_pinned_and_no_stranger_forbidden(session, world, run):
    with pytest.raises(Invalid, match="没有这个项目或组织"):
        preview_edit(session, run, Edit(EditKind.PIN, world.projects[0].id, 10**6), engines=services(), now=NOW)
    with pytest.raises(Invalid, match="本来就不是"):
        plan_of(session, run, "forbid", project=world.projects[0], provider=make_providers(session, 1)[0])
    with pytest.raises(Invalid, match="不是任何项目的候选"):
        plan_of(session, run, "withdraw", provider=make_providers(session, 1)[0])


def test_a_plan_made_ready_holds_all_that_is_stored(session, world, run):
    plan = plan_of(session, run, "withdraw", project=world.projects[0]).ready()
    assert set(plan.pair_rows) == set(plan.solution.pairs)
    assert plan.need_rows[world.projects[0].id]["state"] == "withdrawn"
    assert len(plan.sha256) == 64
    commit(session, world, run, plan)
    assert (run.inputs_sha256, run.metrics) == (plan.sha256, plan.metrics.as_plain())


def test_somebody_who_withdrew_cannot_be_pinned(session, world, run):
    edited(session, world, run, "withdraw", provider=world.providers[0])
    with pytest.raises(Invalid, match="已经撤出"):
        plan_of(session, run, "pin", project=world.projects[0], provider=world.providers[0])


def test_a_pin_that_breaks_a_hard_rule_names_the_rule_and_what_would_change_it(session, world, run):
    far = make_providers(session, 1)[0]
    session.execute(ServedArea.__table__.update().where(ServedArea.organization_id == far.id).values(area_code="110000"))
    far.business_scope = "变更"
    session.flush()
    with pytest.raises(Invalid, match=r"不服务项目所在区域.*补充服务区域"):
        plan_of(session, run, "pin", project=world.projects[0], provider=far)


def test_a_provider_with_no_capacity_cannot_be_pinned_until_it_has_some(session, world, run):
    other = free_one(session, world, run)
    edited(session, world, run, "capacity", provider=other, value=0)
    with pytest.raises(Invalid, match="没有承接能力"):
        plan_of(session, run, "pin", project=world.projects[0], provider=other)
    other.capacity_projects = 0
    session.flush()
    with pytest.raises(Invalid, match="承接能力已满"):
        plan_of(session, run, "pin", project=world.projects[0], provider=other)
    edited(session, world, run, "capacity", provider=other, value=1)
    edited(session, world, run, "pin", project=world.projects[0], provider=other)
    assert given_to(session, run, world.projects[0]) == {other.id}


def related(session, provider, unit):
    """The provider states that it is controlled by the unit."""
    unit.credit_code = unit.credit_code or credit_code(prefix="11")
    session.add(RelatedParty(organization_id=provider.id, name=unit.name, relation="controlled",
                             credit_code=unit.credit_code))
    session.flush()


def declined(session, project, provider):
    session.add(ProjectDecline(project_id=project.id, organization_id=provider.id, reason="人手不足", declined_at=NOW))
    session.flush()


def test_a_decline_outranks_a_pin_even_when_it_comes_after_the_preview(session, world, run):
    project, other = world.projects[0], free_one(session, world, run)
    plan = plan_of(session, run, "pin", project=project, provider=other)
    declined(session, project, other)
    with pytest.raises(Invalid, match="不承接这个项目"):
        commit(session, world, run, plan)
    with pytest.raises(Invalid, match="不承接这个项目"):
        plan_of(session, run, "pin", project=project, provider=other)
    assert run.edits == 0


def test_pins_beyond_the_capacity_name_demand_supply_and_three_fixes(session, world, run):
    other = free_one(session, world, run)
    edited(session, world, run, "pin", project=world.projects[0], provider=other)
    with pytest.raises(CannotHold) as refused:
        plan_of(session, run, "pin", project=world.projects[1], provider=other)
    assert (refused.value.shortage.demand, refused.value.shortage.supply) == (2, 1)
    assert len(refused.value.shortage.fixes) == 3
    with pytest.raises(CannotHold):
        plan_of(session, run, "capacity", provider=other, value=0)


def test_a_pin_of_somebody_who_was_no_candidate_brings_his_points_along(session, world, run):
    late = make_providers(session, 1)[0]
    plan = plan_of(session, run, "pin", project=world.projects[0], provider=late)
    row = commit(session, world, run, plan)
    assert row.candidate["provider"] == late.id
    assert sum(row.candidate["parts"]) > 300
    assert given_to(session, run, world.projects[0]) == {late.id}
    edited(session, world, run, "forbid", project=world.projects[1], provider=partner(session, world, run,
                                                                                      world.projects[1]))
    assert given_to(session, run, world.projects[0]) == {late.id}
    assert consistent(session, run)


# ---- order and number ----

def test_an_edit_previewed_on_an_older_number_is_refused(session, world, run):
    stale = plan_of(session, run, "withdraw", project=world.projects[0])
    edited(session, world, run, "withdraw", project=world.projects[1])
    for edits in (0, 1):
        with pytest.raises(Conflict, match="刚刚调整"):
            commit(session, world, run, stale, edits=edits)
    assert run.edits == 1


def test_an_edit_previewed_before_publishing_is_refused_after_it(session, world, run):
    plan = plan_of(session, run, "withdraw", project=world.projects[0])
    operations.publish(session, actor=world.operator, run=run, edits=0, replaces=None, now=NOW)
    with pytest.raises(Conflict):
        commit(session, world, run, plan)


def test_a_plan_of_another_run_is_refused(session, world, run):
    other = make_run(session, world)
    with pytest.raises(Conflict):
        commit(session, world, other, plan_of(session, run, "withdraw", project=world.projects[0]))


@pytest.mark.parametrize("reason", ["", "  ", "长" * 501])
def test_an_edit_without_a_reason_is_refused(session, world, run, reason):
    with pytest.raises(Invalid, match="理由"):
        commit(session, world, run, plan_of(session, run, "withdraw", project=world.projects[0]), reason=reason)


def test_only_operators_edit(session, world, run):
    plan = plan_of(session, run, "withdraw", project=world.projects[0])
    with pytest.raises(Denied):
        operations.commit_edit(session, actor=Actor(person_id=1, roles=frozenset({Role.AUDITOR})), run=run, plan=plan,
                               edits=0, reason="理由", now=NOW)


def test_a_superseded_run_is_history_and_an_unpublished_one_a_draft(session, world):
    first = make_run(session, world, is_published=True)
    plan = plan_of(session, first, "withdraw", project=world.projects[0])
    second = make_run(session, world, is_published=True)
    session.refresh(first)
    with pytest.raises(Denied, match="已被新方案取代"):
        commit(session, world, first, plan)
    operations.unpublish(session, actor=world.operator, run=second, reason="名单有误", now=NOW)
    edited(session, world, second, "withdraw", project=world.projects[0])
    assert second.edits == 1


@pytest.mark.parametrize("statement", ["UPDATE matching_run_edit SET reason = 'x'", "DELETE FROM matching_run_edit"])
def test_the_database_keeps_an_edit_as_it_was_written(session, world, run, statement):
    edited(session, world, run, "withdraw", project=world.projects[0])
    with pytest.raises(DBAPIError, match="never"), session.begin_nested():
        session.execute(text(statement))


def removed(session, other):
    """The organization is deleted from under the run."""
    for table in ("service_category", "served_area", "past_project"):
        session.execute(text(f"DELETE FROM {table} WHERE organization_id = :id"), {"id": other})
    session.execute(text("UPDATE matching_run_need SET best_provider_id = NULL WHERE best_provider_id = :id"), {"id": other})
    session.execute(text("DELETE FROM organization WHERE id = :id"), {"id": other})
    session.expire_all()


def test_a_candidate_deleted_since_the_run_is_not_proposed(session, world, run):
    project, gone = world.projects[0], free_one(session, world, run).id
    own = partner(session, world, run, project)
    removed(session, gone)
    plan = plan_of(session, run, "forbid", project=project, provider=own)
    assert gone not in {provider for _, provider in plan.solution.pairs}
    assert plan.difference.gone


def test_a_candidate_deleted_between_preview_and_commit_stops_the_commit(session, world, run):
    gone = free_one(session, world, run).id
    plan = plan_of(session, run, "withdraw", provider=partner(session, world, run, world.projects[0]))
    assert gone in {provider for _, provider in plan.difference.come}
    removed(session, gone)
    with pytest.raises(Conflict, match="刚刚被删除"):
        commit(session, world, run, plan)


# ---- confirm ----

def test_a_confirmed_pair_is_frozen_until_it_is_released(session, world):
    run = make_run(session, world, is_published=True)
    project = world.projects[0]
    pair = pairing_of(session, run, project)
    row = operations.confirm_pair(session, actor=world.operator, pairing=pair, edits=0, reason="双方同意", now=NOW)
    assert (pair.state, pair.confirmed_at, pair.confirmed_by) == ("confirmed", NOW, world.operator.person_id)
    assert (row.kind, row.number, run.edits) == ("confirm", 1, 1)
    own = session.get(Organization, pair.provider_id)
    for kind, what in (("forbid", {"project": project, "provider": own}), ("withdraw", {"project": project}),
                       ("withdraw", {"provider": own})):
        with pytest.raises(Invalid, match="已确认的配对"):
            plan_of(session, run, kind, **what)
    with pytest.raises(CannotHold):
        plan_of(session, run, "capacity", provider=own, value=0)
    edited(session, world, run, "withdraw", project=world.projects[1])
    assert pairing_of(session, run, project).state == "confirmed"
    edited(session, world, run, "release", project=project, provider=own)
    assert pairing_of(session, run, project).state == "proposed"
    assert consistent(session, run)


def test_only_a_published_standing_pair_is_confirmed_and_once(session, world, run):
    pair = pairing_of(session, run, world.projects[0])
    with pytest.raises(Denied, match="发布以后"):
        operations.confirm_pair(session, actor=world.operator, pairing=pair, edits=0, reason="同意", now=NOW)
    operations.publish(session, actor=world.operator, run=run, edits=0, replaces=None, now=NOW)
    with pytest.raises(Conflict):
        operations.confirm_pair(session, actor=world.operator, pairing=pair, edits=5, reason="同意", now=NOW)
    operations.confirm_pair(session, actor=world.operator, pairing=pair, edits=0, reason="同意", now=NOW)
    with pytest.raises(IllegalStep):
        operations.confirm_pair(session, actor=world.operator, pairing=pair, edits=1, reason="同意", now=NOW)
    with pytest.raises(Invalid, match="已经确认"):
        plan_of(session, run, "confirm", project=world.projects[0], provider=session.get(Organization, pair.provider_id))
    other = pairing_of(session, run, world.projects[1])
    plan = plan_of(session, run, "confirm", project=world.projects[1], provider=session.get(Organization, other.provider_id))
    with pytest.raises(Invalid, match="配对旁边确认"):
        commit(session, world, run, plan)


def test_confirmed_pairs_are_carried_into_the_next_run(session, world):
    first = make_run(session, world, is_published=True)
    project = world.projects[0]
    edited(session, world, first, "pin", project=project, provider=free_one(session, world, first))
    pair = pairing_of(session, first, project)
    operations.confirm_pair(session, actor=world.operator, pairing=pair, edits=1, reason="同意", now=NOW)
    second = make_run(session, world, now=NOW + HOUR)
    carried = pairing_of(session, second, project)
    assert (carried.provider_id, carried.state, carried.confirmed_at) == (pair.provider_id, "confirmed", NOW)
    assert consistent(session, second)
    edited(session, world, second, "withdraw", project=world.projects[1])
    assert pairing_of(session, second, project).state == "confirmed"


def test_a_new_run_says_which_overrides_of_the_one_in_force_it_did_not_take_over(session, world):
    first = make_run(session, world, is_published=True)
    edited(session, world, first, "pin", project=world.projects[0], provider=free_one(session, world, first))
    second = make_run(session, world)
    assert [one["facts"] for one in second.notes] == [{"number": first.number, "count": 1}]
    assert not any(one.is_pinned for one in second.pairings)


def test_a_confirmed_pair_with_a_conflict_since_is_not_carried_over(session, world):
    first = make_run(session, world, is_published=True)
    pair = pairing_of(session, first, world.projects[0])
    operations.confirm_pair(session, actor=world.operator, pairing=pair, edits=0, reason="同意", now=NOW)
    related(session, session.get(Organization, pair.provider_id), world.desk.unit)
    second = make_run(session, world, now=NOW + HOUR)
    assert second.notes[0]["facts"] == {"count": 1}
    assert pairing_of(session, second, world.projects[0]).provider_id != pair.provider_id


def test_a_conflict_of_interest_outranks_a_pin_and_a_confirmation(session, world):
    run = make_run(session, world, is_published=True)
    project, other = world.projects[0], free_one(session, world, run)
    plan = plan_of(session, run, "pin", project=project, provider=other)
    related(session, other, world.desk.unit)
    with pytest.raises(Invalid, match="利益冲突"):
        commit(session, world, run, plan)
    with pytest.raises(Invalid, match="利益冲突"):
        plan_of(session, run, "pin", project=project, provider=other)
    pair = pairing_of(session, run, world.projects[1])
    related(session, session.get(Organization, pair.provider_id), world.desk.unit)
    with pytest.raises(Invalid, match="利益冲突"):
        operations.confirm_pair(session, actor=world.operator, pairing=pair, edits=0, reason="同意", now=NOW)
    assert run.edits == 0


def test_a_confirmed_pair_of_a_project_that_takes_no_part_any_more_stays_behind(session, world):
    first = make_run(session, world, is_published=True)
    pair = pairing_of(session, first, world.projects[0])
    operations.confirm_pair(session, actor=world.operator, pairing=pair, edits=0, reason="同意", now=NOW)
    late = world.projects[0].closes_at
    for one in world.projects[1:]:
        one.closes_at = late + 2 * HOUR
    session.flush()
    second = make_run(session, world, now=late + HOUR)
    assert {one.project_id for one in second.needs} == {one.id for one in world.projects[1:]}
    assert second.state == "done", second.error


def test_a_confirmed_pair_whose_provider_fell_out_of_the_candidates_stays_with_its_points(session, world):
    first = make_run(session, world, is_published=True)
    project = world.projects[0]
    pair = pairing_of(session, first, project)
    operations.confirm_pair(session, actor=world.operator, pairing=pair, edits=0, reason="同意", now=NOW)
    session.get(Organization, pair.provider_id).capacity_projects = 0
    session.flush()
    second = make_run(session, world, now=NOW + HOUR)
    carried = pairing_of(session, second, project)
    assert (carried.provider_id, carried.state) == (pair.provider_id, "confirmed")
    assert carried.contributions["category"] == pair.contributions["category"]


# ---- a live run ----

def test_an_edit_of_a_run_in_force_tells_its_parties_and_changes_little(session, world):
    run = make_run(session, world, is_published=True)
    before = standing(session, run)
    edited(session, world, run, "forbid", project=world.projects[0], provider=partner(session, world, run,
                                                                                      world.projects[0]))
    assert len(session.scalars(select(Job).where(Job.kind == JOB_RUN_PUBLISHED)).all()) == 2
    assert len(before ^ standing(session, run)) == 2
    assert consistent_live(session, run)


def consistent_live(session, run):
    """A live run keeps what stands: solving again changes nothing."""
    session.expire_all()
    now = previews.standing_of(session, run)
    return set(assignment.solve(now.problem(now.wishes), services().flows).pairs) == set(now.pairs)
