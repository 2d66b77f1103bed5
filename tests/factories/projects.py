"""Units that buy, their people, and projects in every state, made by the real operations."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.queries import load_actor
from marketplace.catalogs.models import Area, Catalog, CatalogItem
from marketplace.catalogs.queries import work_calendar
from marketplace.core.access import Actor, Role
from marketplace.core.clock import at_beijing
from marketplace.core.money import Money
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import name_key
from marketplace.projects import operations
from marketplace.projects.models import Project
from marketplace.projects.rules import earliest_deadline
from tests.factories import NOW
from tests.factories.accounts import make_person

CLOSES = at_beijing(date(2026, 12, 7), 17)  # a Monday, ten working days after NOW
CATEGORY, AREA = "A040203", "440605011"
_numbers = count(1)


@dataclass(frozen=True)
class Desk:
    """A unit with a handler and an approver."""

    unit: Organization
    handler: Actor
    approver: Actor


def make_places(session: Session) -> None:
    """The catalogue and the areas that projects point to; once per database."""
    if session.scalar(select(Catalog.id)) is None:
        catalog = Catalog(name="指导性目录", year=2026, state="published", published_at=NOW, created_at=NOW,
                          effective_from=None, effective_to=None)
        for code, name, parent in (("A", "公共服务", None), ("A04", "养老服务", "A"), ("A0402", "基本养老服务", "A04"),
                                   (CATEGORY, "老年助餐服务", "A0402"), ("A05", "社会救助服务", "A"),
                                   ("A0501", "救助服务", "A05")):
            catalog.items.append(CatalogItem(
                code=code, name_zh=name, name_en=code, parent_code=parent, level=(len(code) + 1) // 2, is_official=True,
                effective_from=None, effective_to=None, replaced_by=None))
        session.add(catalog)
    if session.get(Area, "440605") is None:
        session.add(Area(code="440605", name="澜川区", level=1))
        session.flush()
        session.add_all([Area(code=AREA, name="桐浦街道", level=2, parent_code="440605"),
                         Area(code="440605121", name="白鹭街道", level=2, parent_code="440605")])
    session.flush()


def make_unit(session: Session, *, name: str | None = None, parent: Organization | None = None) -> Organization:
    """A unit that buys, at its place in the tree."""
    name = name or f"桐浦街道办事处{next(_numbers)}"
    unit = Organization(name=name, name_key=name_key(name), kind="unit", standing="government", is_buyer=True,
                        parent=parent, area_code=AREA, created_at=NOW)
    session.add(unit)
    session.flush()
    unit.path = f"{parent.path if parent else '/'}{unit.id}/"
    session.flush()
    return unit


def make_actor(session: Session, unit: Organization | None, role: Role, name: str = "何静") -> Actor:
    """A person with one mandate, as the actor of a request."""
    person = make_person(session, name=name, role=role, organization_id=unit.id if unit else None)
    session.flush()
    return load_actor(session, person.id)


def make_desk(session: Session, *, parent: Organization | None = None, name: str | None = None) -> Desk:
    """A unit with its handler and approver."""
    make_places(session)
    unit = make_unit(session, parent=parent, name=name)
    return Desk(unit, make_actor(session, unit, Role.HANDLER, "何静"), make_actor(session, unit, Role.APPROVER, "梁伟"))


def facts(**changes: object) -> dict[str, object]:
    """Everything that a project needs to be published."""
    return {
        "title": "桐浦街道长者助餐服务", "summary": "在 6 个社区提供工作日午餐", "category_code": CATEGORY, "area_code": AREA,
        "body": "辖区 6 个社区有 60 周岁以上老人 4,120 人。本项目要在 6 个社区提供工作日午餐，堂食与送餐并行。",
        "target_group": "60 周岁以上老人", "beneficiaries": 320, "place": "桐浦街道 6 个社区",
        "budget": Money.yuan(368_000), "ceiling": Money.yuan(368_000), "funding_source": "街道部门预算",
        "price_weight": 20, "panel_size": 5, "closes_at": CLOSES,
        "service_from": date(2027, 1, 1), "service_to": date(2027, 12, 31),
        "contact_name": "何老师", "contact_phone": "0000-86210716",
        "indicators": [{"name": "工作日午餐", "target": "48000", "unit": "人次", "evidence": "刷卡记录"},
                       {"name": "服务对象满意度", "target": "≥ 90%", "evidence": "社区参与验收"}],
        "criteria": [{"name": "服务方案", "weight": 40, "levels": "31-40 完整可行\n0-30 一般"},
                     {"name": "团队配备", "weight": 25}, {"name": "以往经验", "weight": 15}],
        "milestones": [{"title": "签约后首付", "percent": 40, "condition": "合同签订"},
                       {"title": "中期验收后", "percent": 40, "condition": "中期验收合格"},
                       {"title": "终期验收后", "percent": 20, "condition": "终期验收合格"}],
        **changes,
    }


def closing(session: Session, now: datetime, workdays: int = 15) -> datetime:
    """A lawful deadline for a notice of this moment, whatever day it is."""
    return earliest_deadline(now, workdays, work_calendar(session))


def make_draft(session: Session, desk: Desk | None = None, *, now: datetime = NOW, **changes: object) -> Project:
    """A complete draft."""
    desk = desk or make_desk(session)
    return operations.draft_project(session, actor=desk.handler, buyer=desk.unit, now=now, **facts(**changes))


def make_submitted(session: Session, desk: Desk | None = None, *, now: datetime = NOW, **changes: object) -> Project:
    """A draft that waits for the approver."""
    desk = desk or make_desk(session)
    project = make_draft(session, desk, now=now, **changes)
    operations.submit_for_review(session, actor=desk.handler, project=project, now=now)
    return project


def make_published(session: Session, desk: Desk | None = None, *, now: datetime = NOW, closes_at: datetime = CLOSES,
                   **changes: object) -> Project:
    """A project in the open until CLOSES."""
    desk = desk or make_desk(session)
    project = make_submitted(session, desk, now=now, **changes)
    return operations.publish(session, actor=desk.approver, project=project, closes_at=closes_at, now=now)


def make_opened(session: Session, desk: Desk | None = None, *, closes_at: datetime = CLOSES,
                **changes: object) -> Project:
    """A project whose offers were opened a minute after the deadline."""
    project = make_published(session, desk, closes_at=closes_at, **changes)
    operations.mark_opened(session, project=project, now=closes_at + timedelta(seconds=60))
    return project
