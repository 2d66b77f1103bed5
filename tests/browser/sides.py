"""Providers of several fits around a project: near, tied, of another category, ruled out; one telling, one follow, one no."""

from datetime import datetime, timedelta
from itertools import count

from sqlalchemy.orm import Session

from marketplace.accounts.queries import load_actor
from marketplace.core.access import SYSTEM, Role
from marketplace.core.money import Money
from marketplace.matching.models.outreach import Invitation, InvitationList
from marketplace.matching.operations import outreach
from marketplace.matching.rules.outreach import Side, Way, seed_digest
from marketplace.organizations import operations as organizations
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import OrganizationKind
from marketplace.projects.models import Project
from marketplace.web.services import services
from tests.factories.accounts import make_person
from tests.factories.organizations import make_organization
from tests.factories.projects import AREA, CATEGORY

MEALS = "为60周岁以上老人提供工作日午餐和送餐服务，运营长者食堂和社区助餐点"
RELIEF = "困难家庭救助探访，另为60周岁以上老人提供工作日午餐，社区堂食与送餐并行"
OTHER_AREA, OTHER_CATEGORY = "440605121", "A0501"
SAID = "本项目在 6 个社区各设一处助餐点，答疑集中在项目页，欢迎提问。"
_numbers = count(1)


def make_provider(session: Session, name: str, *, now: datetime, scope: str = MEALS, codes: tuple[str, ...] = (CATEGORY,),
                  areas: tuple[str, ...] = (AREA,), **profile: object) -> Organization:
    """An organization that says what it does, where, and how much it can take; nobody else shares its people."""
    number = next(_numbers)
    return make_organization(session, name=name, now=now, **{
        "business_scope": scope, "categories": list(codes), "areas": list(areas),
        "legal_representative": f"负责人{number}", "contact_name": f"联系人{number}",
        "contact_phone": f"137{number:08d}", **profile})


FIELDS = ("青少年课后托管和暑期夏令营", "残疾人居家助浴和康复辅具租借", "社区矫正对象心理疏导", "禁毒宣传和戒毒人员帮扶", "流动人口子女阅读推广",
          "环保分类宣传和旧物回收", "婚姻家庭辅导和调解", "退役军人就业培训", "乡村文化活动组织", "应急救护知识普及",
          "志愿者队伍培训和管理", "妇女手工创业孵化", "社区花园营造和绿化认养", "法律援助和普法讲座", "孤独症儿童融合教育",
          "新业态从业者驿站运营", "困境儿童成长陪伴", "社会组织孵化和评估辅导", "宠物文明饲养劝导", "红色故事宣讲")


def make_market(session: Session, *, now: datetime) -> dict[str, Organization]:
    """Eight organizations about meals: four that fit, one found by its words, three whom a rule removes; twenty others."""
    for number, scope in enumerate(FIELDS):
        make_provider(session, f"望江{number}号公益服务中心", now=now, scope=scope, codes=(), areas=(OTHER_AREA,))
    past = [{"title": "社区长者食堂运营", "buyer_name": "望江街道办事处", "amount": Money.yuan(340_000), "category_code": CATEGORY}]
    return {
        "near": make_provider(session, "澜川区长者膳食服务中心", now=now, capacity_projects=4, staff_certified=6,
                              capacity_money=Money.yuan(2_000_000), past_projects=past),
        "tied": make_provider(session, "澜川区银龄乐助服务中心", now=now, capacity_projects=4, staff_certified=5,
                              capacity_money=Money.yuan(2_000_000), past_projects=past),
        "thin": make_provider(session, "澜川区康颐为老服务中心", now=now, areas=()),
        "firm": make_provider(session, "恒屿餐饮配送有限公司", now=now, kind=OrganizationKind.ENTERPRISE, capacity_projects=9,
                              scope="集体用餐配送，承接老人午餐和送餐"),
        "words": make_provider(session, "澜川区友邻救助服务中心", now=now, scope=RELIEF, codes=(OTHER_CATEGORY,), capacity_projects=2),
        "far": make_provider(session, "白鹭街道助老服务中心", now=now, areas=(OTHER_AREA,)),
        "full": make_provider(session, "澜川区乐膳助老中心", now=now, capacity_projects=0),
        "filed": make_provider(session, "桐浦街道邻里食堂互助队", now=now, kind=OrganizationKind.FILED_GROUP, is_verified=False),
    }


def build_sides(session: Session, *, project: Project, other: Project, ended: Project, people: dict[str, int],
                now: datetime) -> dict[str, str]:
    """Return the references of providers to compare; tell about one project, follow it, decline the other.

    `ended` becomes a project by consultation, as a later release will have them, with a list drawn by lot.
    """
    found = make_market(session, now=now - timedelta(days=60))
    for who, name in (("side_admin", "near"), ("side_thin", "thin")):
        people[who] = make_person(session, name="邵宁", role=Role.PROVIDER_ADMIN, organization_id=found[name].id,
                                  now=now - timedelta(days=60)).id
    member, handler = load_actor(session, people["provider_member"]), load_actor(session, people["handler"])
    outreach.tell_providers(session, actor=handler, project=other, line=30, text=SAID, tools=services(), now=now)
    outreach.follow(session, actor=member, project=project, now=now)
    outreach.follow(session, actor=load_actor(session, people["side_admin"]), project=project, now=now)
    outreach.decline(session, actor=member, project=other, reason="同期已有两个助餐项目，人手不够", now=now)
    provider = session.get_one(Organization, member.organization_id)
    organizations.update_profile(session, actor=SYSTEM, organization=provider, now=now, changes={
        "business_scope": "社区为老服务、长者食堂和午餐配送", "categories": [CATEGORY], "staff_total": 24, "staff_certified": 7})
    ended.procedure = "competitive_consultation"
    pool = [found[name].ref for name in ("tied", "near", "firm", "thin")]
    sheet = InvitationList(project_id=ended.id, way=Way.DRAW, seed="7c1f", seed_sha256=seed_digest("7c1f"), pool=pool,
                           made_by=people["approver"], made_at=now, complete_at=now)
    sheet.rows = [Invitation(organization_id=found[name].id, place=place, side=Side.LOT)
                  for place, name in enumerate(("tied", "near", "firm"), 1)]
    session.add(sheet)
    session.flush()
    return {f"side_{name}": body.ref for name, body in found.items()}
