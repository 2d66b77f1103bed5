"""Pools of two funders and projects in every standing to gifts, for tests of plans and of the shortlist."""

from dataclasses import dataclass, field
from datetime import datetime

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.db import transaction
from marketplace.core.money import Money
from marketplace.funding.models import CostLine, Funder, MatchingPool
from marketplace.fundplans import operations
from marketplace.fundplans.models import FundPlan
from marketplace.fundplans.rules import Wish
from marketplace.fundplans.rules.solving import solve
from marketplace.integrations.flows import OrtoolsFlows
from marketplace.integrations.programs import HighsPrograms
from marketplace.matching.models import MatchingRun, Pairing, WeightSet
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from tests.factories import NOW
from tests.factories.accounts import actor_of, make_person, sign_in, with_password
from tests.factories.funding import World, make_funder, make_pool
from tests.factories.organizations import make_organization
from tests.factories.payments import make_account
from tests.factories.projects import Desk, make_desk, make_published

YUAN = Money.yuan
WISH = Wish("第一轮", 50)


@dataclass
class Market:
    """Everything by name. The operator, an officer of each funder; `lines`: a project whose gap is named costs."""

    desk: Desk
    operator: Actor
    officer: Actor
    other_officer: Actor
    funder: Funder
    other: Funder
    wide: MatchingPool
    narrow: MatchingPool
    withheld: MatchingPool
    projects: dict[str, Project] = field(default_factory=dict)


def make_market(session: Session) -> Market:
    """Three pools, five projects: two with a gap from the budget, one from named costs, one unknown, one closed to gifts."""
    desk = make_desk(session)
    funder = make_funder(session, net_assets_last_year=YUAN(9_000_000), income_last_year=YUAN(3_000_000))
    other = make_funder(session, is_name_withheld=True)
    market = Market(
        desk, person(session, Role.OPERATOR, None), person(session, Role.FUNDER, funder),
        person(session, Role.FUNDER, other), funder, other,
        make_pool(session, funder=funder, name="银龄池", cap=YUAN(72_000), ratio=(9, 1)),
        make_pool(session, funder=funder, name="助餐池", cap=YUAN(20_000), ratio=(1, 1), categories=("A04",)),
        make_pool(session, funder=other, name="白鹭池", cap=YUAN(30_000), ratio=(1, 1), areas=("440605121",)))
    budgets = {"early": (85_000, "A0501", "440605121"), "dense": (50_000, "A040203", "440605011"),
               "lines": (300_000, "A040203", "440605011"), "unknown": (200_000, "A040203", "440605011"),
               "shut": (70_000, "A040203", "440605011")}
    for name, (budget, category, area) in budgets.items():
        one = make_published(session, desk, title=f"项目{name}", budget=YUAN(budget), ceiling=YUAN(budget),
                             category_code=category, area_code=area)
        one.takes_matching = name != "shut"
        market.projects[name] = one
    unknown = market.projects["unknown"]
    unknown.procedure, unknown.state, unknown.opened_at, unknown.awarded_at = "open_tender", "awarded", NOW, NOW
    session.flush()
    session.add(CostLine(project_id=market.projects["lines"].id, name="周末加餐", amount=YUAN(40_000), created_at=NOW))
    session.flush()
    return market


def person(session: Session, role: Role, funder: Funder | None) -> Actor:
    """Somebody with an account."""
    return actor_of(session, with_password(session, make_person(
        session, name="沈官员", role=role, organization_id=funder.organization_id if funder else None)))


def money_world(session: Session, market: Market, name: str) -> World:
    """A project of the market with somebody who receives, for pledges."""
    receiver = make_organization(session, kind="foundation", legal_representative="汪海", contact_phone="13800009999")
    session.flush()
    return World(market.desk, market.projects[name], receiver, make_account(session, receiver))


def publish_pairings(session: Session, totals: dict[Project, int], *, number: int = 1) -> MatchingRun:
    """A published run that pairs each project with one provider at this total (tenths)."""
    weights = session.query(WeightSet).filter_by(number=1).one_or_none()
    if weights is None:
        weights = WeightSet(number=1, plain={}, reason="默认", created_at=NOW)
        session.add(weights)
        session.flush()
    run = MatchingRun(number=number, title="试配", scope=f"/{number}/", weight_set_id=weights.id, state="done", phase="storing",
                      progress=100, inputs_sha256="0" * 64, created_at=NOW, started_at=NOW, finished_at=NOW,
                      publication="published", published_at=NOW)
    session.add(run)
    session.flush()
    provider = make_organization(session, name=f"承接组织{number}", legal_representative="邓林", contact_phone="13700007777")
    session.flush()
    for project, total in totals.items():
        session.add(Pairing(run_id=run.id, project_id=project.id, provider_id=provider.id, total=total,
                            contributions={"category": total}))
    session.flush()
    return run


def make_solved(session: Session, market: Market, *, actor: Actor | None = None, is_own: bool = False) -> FundPlan:
    """A plan that was reckoned."""
    plan = operations.make_plan(session, actor=actor or market.operator, wish=WISH, now=NOW, is_own=is_own)
    reckon(session, plan)
    return plan


def reckon(session: Session, plan: FundPlan, *, now: datetime = NOW) -> None:
    """Do what the worker does."""
    instance = operations.begin_attempt(session, plan_ref=plan.ref, attempt=plan.attempt, now=now)
    assert instance is not None
    operations.keep_solution(session, plan_ref=plan.ref, attempt=plan.attempt, now=now, solution=solve(
        instance, programs=HighsPrograms(), flows=OrtoolsFlows()))


@dataclass
class Site:
    """References by name and ids of people, for tests through HTTP."""

    refs: dict[str, str] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)

    def enter(self, client: FlaskClient, name: str) -> FlaskClient:
        """Sign somebody in."""
        return sign_in(client, self.people[name])


def build(app: Flask, *, solves: bool = True) -> Site:
    """The market on the site, with one plan across funders."""
    made = Site()
    with app.app_context(), transaction() as session:
        market = make_market(session)
        strangers = {"unverified": make_funder(session, is_verified=False), "no_funder": None}
        bare = make_organization(session, kind="foundation", legal_representative="无名", contact_phone="13700001234")
        session.flush()
        people = {"operator": market.operator, "officer": market.officer, "other": market.other_officer,
                  "unverified": person(session, Role.FUNDER, strangers["unverified"]),
                  "no_funder": _member(session, bare), "auditor": person(session, Role.AUDITOR, None),
                  "handler": market.desk.handler}
        made.people = {name: actor.person_id for name, actor in people.items()}
        plan = operations.make_plan(session, actor=market.operator, wish=WISH, now=NOW, is_own=False)
        if solves:
            reckon(session, plan)
        made.refs = {"plan": plan.ref, "funder": market.funder.ref, "wide": market.wide.ref,
                     **{name: one.ref for name, one in market.projects.items()}}
    return made


def _member(session: Session, body: Organization) -> Actor:
    """An officer of a body that is no funder."""
    return actor_of(session, with_password(session, make_person(
        session, name="陆官员", role=Role.FUNDER, organization_id=body.id)))


__all__ = ["NOW", "SYSTEM", "WISH", "YUAN", "Market", "Site", "build", "make_market", "make_solved", "money_world", "person",
           "publish_pairings", "reckon"]
