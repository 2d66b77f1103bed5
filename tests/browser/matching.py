"""A market to match: a unit with open projects, providers that fit some of them, runs in several states, edits."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalogs.queries import work_calendar
from marketplace.core.access import Actor, Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.matching.models import MatchingRun
from marketplace.matching.operations.driving import drive
from marketplace.matching.operations.edits import commit_edit
from marketplace.matching.operations.publishing import publish
from marketplace.matching.operations.runs import RunOrder, cancel_run, start_run
from marketplace.matching.operations.weights import save_weights
from marketplace.matching.queries.previews import preview_edit
from marketplace.matching.rules.edits import Edit
from marketplace.matching.rules.runs import EditKind
from marketplace.matching.rules.weights import DEFAULT_POINTS, Criterion, Weights
from marketplace.organizations.models import Organization, PastProject, ServedArea, ServiceCategory
from marketplace.projects import operations as projects
from marketplace.projects.models import Project
from marketplace.projects.rules import earliest_deadline
from marketplace.web.services import services
from tests.factories.accounts import actor_of, make_person
from tests.factories.organizations import make_organization, make_unit
from tests.factories.projects import CATEGORY, facts, make_places

PLACE, RELIEF = "440605121", "A0501"
POSTED = (
    ("meals", "白鹭街道长者助餐服务", CATEGORY, "为 60 周岁以上老人提供工作日午餐，堂食与送餐并行", {}),
    ("delivery", "白鹭街道独居老人送餐到户", CATEGORY, "为独居和失能老人送餐到户，同时探访报平安", {}),
    ("diet", "白鹭街道长者食堂营养指导", CATEGORY, "为长者食堂配餐提供营养指导和食品安全培训", {}),
    ("visits", "白鹭街道困难家庭探访帮扶", RELIEF, "定期探访困难家庭，链接救助资源", {}),
    ("relief", "白鹭街道临时救助转介服务", RELIEF, "为临时遇困的居民做评估和转介", {}),
    ("nobody", "白鹭街道流浪救助夜间外展", RELIEF, "夜间外展，劝导并转介流浪人员", {"certified_min": 60}),
)
GIVEN = (
    ("warm", "白鹭街道暖餐社会服务中心", CATEGORY, 1, 12, "老年助餐、送餐到户、长者食堂运营", 3),
    ("silver", "澜川区银发膳食服务社", CATEGORY, 1, 8, "长者食堂、营养配餐、食品安全培训", 1),
    ("fresh", "澜川区新禾为老服务中心", CATEGORY, 2, 4, "独居老人送餐和探访", 0),
    ("harbor", "澜川区港湾社会工作服务中心", RELIEF, 1, 20, "困难家庭探访、救助资源链接、个案管理", 2),
    ("bridge", "澜川区桥边社会救助服务社", RELIEF, None, 9, "临时救助评估和转介", 0),
    ("full", "澜川区满堂公益服务中心", RELIEF, 0, 15, "救助转介与外展服务", 4),
)


def build_market(session: Session, *, now: datetime) -> dict[str, str]:
    """Return the references of the unit, its six open projects and six providers."""
    make_places(session)
    made = now - timedelta(days=60)
    unit = make_unit(session, name="白鹭街道办事处", area_code=PLACE, now=made)
    session.flush()
    handler, approver = (actor_of(session, make_person(session, name=name, role=role, organization_id=unit.id, now=made))
                         for name, role in (("冯岚", Role.HANDLER), ("彭立", Role.APPROVER)))
    refs = {"match_unit": unit.ref}
    began = now - timedelta(days=1)
    closes = earliest_deadline(began, 8, work_calendar(session))
    for name, title, category, summary, more in POSTED:
        project = projects.draft_project(session, actor=handler, buyer=unit, now=began, **facts(**{
            "title": title, "category_code": category, "area_code": PLACE, "summary": summary, "body": summary,
            "place": "白鹭街道", "budget": Money.yuan(120_000), "ceiling": Money.yuan(120_000), "closes_at": closes,
            "fair_type": "常规性项目", **more}))
        projects.submit_for_review(session, actor=handler, project=project, now=began)
        projects.publish(session, actor=approver, project=project, closes_at=closes, now=began)
        refs[f"match_{name}"] = project.ref
    for name, title, category, places, certified, about, past in GIVEN:
        body = make_organization(session, name=title, now=made, about=about, business_scope=about,
                                 staff_certified=certified, capacity_projects=places)
        body.is_provider = True
        body.categories.append(ServiceCategory(code=category))
        body.areas.append(ServedArea(area_code=PLACE))
        body.past_projects += [PastProject(
            title=f"{about[:4]}项目第{number + 1}期", buyer_name="澜川区民政局", category_code=category, area_code=PLACE,
            amount=Money.yuan(100_000), started_on=None, ended_on=None) for number in range(past)]
        session.flush()
        refs[f"match_{name}"] = body.ref
    return refs


def run_now(actor: Actor, title: str, *, scope: str = "") -> str:
    """Start a run, compute it, return its ref."""
    with transaction() as session:
        ref = start_run(session, actor=actor, order=RunOrder(title, scope), now=utc_now(),
                        due_at=utc_now() + timedelta(days=30)).ref
    drive(transaction, run_ref=ref, engines=services(), clock=utc_now)
    return ref


def run_by(ref: str) -> MatchingRun:
    """A run by its ref."""
    return db.session().scalars(select(MatchingRun).where(MatchingRun.ref == ref)).one()


def overrule(actor: Actor, ref: str, refs: Mapping[str, str], kind: EditKind, reason: str, *, project: str = "",
             provider: str = "", value: int | None = None) -> None:
    """Commit an edit of a run."""
    session = db.session()
    whose = session.scalars(select(Project.id).where(Project.ref == refs.get(project, ""))).first()
    whom = session.scalars(select(Organization.id).where(Organization.ref == refs.get(provider, ""))).first()
    plan = preview_edit(session, run_by(ref), Edit(kind, whose, whom, value), engines=services(), now=utc_now()).ready()
    with transaction() as writing:
        commit_edit(writing, actor=actor, run=run_by(ref), plan=plan, edits=plan.number, reason=reason, now=utc_now())


def build_runs(actor: Actor, refs: Mapping[str, str]) -> dict[str, str]:
    """Return the references of a published run, a draft with edits, a cancelled one and one that waits."""
    scope = db.session().scalars(select(Organization.path).where(Organization.ref == refs["match_unit"])).one()
    first = run_now(actor, "十一月第一次")
    with transaction() as session:
        publish(session, actor=actor, run=run_by(first), edits=0, replaces=None, now=utc_now())
        save_weights(session, actor=actor, reason="区里要求多看承接余力", now=utc_now(), weights=Weights({
            **DEFAULT_POINTS, Criterion.TEXT: 20, Criterion.CAPACITY: 15}, newcomer=6))
    second = run_now(actor, "十一月第二次")
    overrule(actor, second, refs, EditKind.FORBID, "该组织说明近期人手不足", project="match_meals", provider="match_warm")
    overrule(actor, second, refs, EditKind.CAPACITY, "电话确认可以再接一个", provider="match_bridge", value=2)
    with transaction() as session:
        gone = start_run(session, actor=actor, order=RunOrder("选错了范围", scope), now=utc_now(),
                         due_at=utc_now() + timedelta(days=30))
        cancel_run(session, actor=actor, run=gone, now=utc_now())
        waiting = start_run(session, actor=actor, order=RunOrder("夜里计算的全部项目", scope), now=utc_now(),
                            due_at=utc_now() + timedelta(days=30))
        return {"run_live": first, "run_draft": second, "run_cancelled": gone.ref, "run_waiting": waiting.ref}


def operator_actor(session: Session) -> Actor:
    """An operator."""
    return actor_of(session, make_person(session, name="孟工", role=Role.OPERATOR))
