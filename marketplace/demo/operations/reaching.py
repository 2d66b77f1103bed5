"""A buyer tells everybody above a line about a project; organizations follow, one declines with its reason."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.demo.operations.interests import running_units
from marketplace.demo.operations.world import World
from marketplace.matching.operations import outreach
from marketplace.matching.queries import market
from marketplace.matching.queries.market import Tools
from marketplace.matching.rules.outreach import LEAST_TOLD, LINES, above, counts_above
from marketplace.matching.rules.ranking import Ranked
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState

TEXT = ("本项目正在公开征集，项目页有完整需求、评分办法和时间安排。贵组织登记的服务内容与本项目相近，特此告知。"
        "是否响应由贵组织自行决定，告知不影响评审；有疑问请在项目页公开提问，答复向所有组织公开。")
DECLINED = "服务期与在手的两个项目重叠，督导和社工排不开，本期不承接"
LOOKED_AT = 6                # open projects of the unit among which one is chosen
SEVERAL = 10                 # a line that reaches so many is taken if there is one
FOLLOWERS = 5
SUITS = 3                    # of the projects that suit it best, an organization follows all but the last of so many


def reach_out(session: Session, world: World, *, tools: Tools, now: datetime) -> None:
    """Tell organizations about one open project; let its followers follow, and one organization decline another."""
    told = _tell(session, world, tools, now)
    for one in world.bidders[:FOLLOWERS]:
        if told is not None:
            outreach.follow(session, actor=one.actor, project=told, now=now)
    own = world.bidders[0]
    provider = session.get_one(Organization, own.organization_id)
    suits = [project for project, _ in market.projects_for(session, provider, tools=tools, now=now)
             if told is None or project.id != told.id][:SUITS]
    for project in suits[:-1]:
        outreach.follow(session, actor=own.actor, project=project, now=now)
    for project in suits[-1:]:
        outreach.decline(session, actor=own.actor, project=project, reason=DECLINED, now=now)


def _tell(session: Session, world: World, tools: Tools, now: datetime) -> Project | None:
    """Let the first unit with open projects tell about one of them; return it."""
    for unit in running_units(session, world)[:1]:
        if chosen := _choice(session, world, _open(session, unit.organization_id, now), tools, now):
            project, line = chosen
            outreach.tell_providers(session, actor=unit.handler, project=project, line=line, text=TEXT, tools=tools,
                                    now=now)
            return project
    return None


def _choice(session: Session, world: World, projects: Sequence[Project], tools: Tools,
            now: datetime) -> tuple[Project, int] | None:
    """Return a project with its line: one that reaches the organization of the sign-ins, else the first with a line."""
    own, found = world.bidders[0].organization_id, []
    for project in projects:
        rows = market.rank_project(session, project, tools=tools, now=now, most=outreach.EVERYBODY).rows
        if (line := line_of(rows)) is not None:
            found.append((project, line))
            if own in {row.provider_key for row in above(rows, line)}:
                return project, line
    return found[0] if found else None


def _open(session: Session, buyer_id: int, now: datetime) -> list[Project]:
    """Return a buyer's open projects, those that stay open longest first."""
    return list(session.scalars(
        select(Project).where(Project.state == ProjectState.PUBLISHED, Project.buyer_id == buyer_id,
                              Project.closes_at > now).order_by(Project.closes_at.desc(), Project.id).limit(LOOKED_AT)))


def line_of(rows: Sequence[Ranked]) -> int | None:
    """Return the highest line that reaches several organizations, else the lowest lawful one; None for nobody."""
    counts = counts_above(rows)
    return next((line for least in (SEVERAL, LEAST_TOLD) for line in reversed(LINES) if counts[line] >= least),
                LINES[0] if counts[LINES[0]] else None)
