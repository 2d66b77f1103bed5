"""Candidate pairs made with numbers alone, and small markets of rows with runs over them."""

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, Role
from marketplace.matching.models import MatchingRun
from marketplace.matching.operations import RunOrder, drive, publish, start_run
from marketplace.matching.queries import boards, market
from marketplace.matching.rules.edges import Edges
from marketplace.matching.rules.hard import RULES
from marketplace.matching.rules.problem import in_order
from marketplace.matching.rules.weights import CRITERIA
from marketplace.organizations.models import Organization, PastProject, ServedArea, ServiceCategory
from marketplace.projects.models import Project
from marketplace.web.services import services
from tests.factories import NOW
from tests.factories.organizations import make_organization
from tests.factories.projects import AREA, CATEGORY, Desk, make_actor, make_desk, make_published

SHARES = np.array((25, 25, 15, 15, 10, 10))


def make_edges(needs: int, providers: int, *, seed: int = 1, candidates: int = 50, tightness: float = 1.08,
               new_share: float = 0.08, wants: int = 1, blocks: int | None = None) -> Edges:
    """A market in blocks. `tightness`: places for each place asked for (1.08 tight, 7.5 slack)."""
    rng = np.random.default_rng(seed)
    blocks = blocks or max(1, providers // 100)
    block_of = rng.integers(0, blocks, providers)
    members = [np.flatnonzero(block_of == one) for one in range(blocks)]
    places = np.bincount(rng.integers(0, providers, int(needs * wants * tightness)), minlength=providers)
    quality = rng.normal(0, 60, providers)
    slots = np.repeat(np.arange(providers), places)
    truth = slots[rng.integers(0, len(slots), needs)]
    rows = []
    for need in range(needs):
        around = members[block_of[truth[need]]]
        around = around[places[around] > 0]
        picked = rng.choice(around, min(len(around), candidates), replace=False)
        base = 560 + quality[picked] + rng.normal(0, 90, len(picked)) + np.where(picked == truth[need], 180, 0)
        rows.append((np.full(len(picked), need), picked, np.clip(base, 60, 990).astype(np.int64)))
    need, provider, base = (np.concatenate(column) for column in zip(*rows, strict=True))
    parts = (base[:, None] * SHARES // 100).astype(np.int16)
    parts[:, 0] += (base - parts.sum(axis=1)).astype(np.int16)
    return in_order(Edges(
        need_keys=np.arange(1, needs + 1, dtype=np.int64), provider_keys=np.arange(1, providers + 1, dtype=np.int64),
        needs=need.astype(np.int32), providers=provider.astype(np.int32), parts=parts,
        known=np.full(len(need), 63, np.uint8), channels=(rng.random(len(need)) < 0.05).astype(np.uint8),
        wants=np.full(needs, wants, np.int32),
        ruled_out=rng.integers(0, 50, (needs, len(RULES))).astype(np.int32), is_new=rng.random(providers) < new_share,
        running=rng.integers(0, 2, providers).astype(np.int32), free=places.astype(np.int32)))


def edges_of(values: dict[tuple[int, int], int], *, free: dict[int, int] | None = None,
             wants: dict[int, int] | None = None, new: set[int] = frozenset(),
             running: dict[int, int] | None = None, needs: set[int] = frozenset(),
             providers: set[int] = frozenset()) -> Edges:
    """Candidate pairs from (project, provider) -> tenths; all points stand in the first criterion."""
    need_keys = sorted({need for need, _ in values} | set(needs))
    provider_keys = sorted({provider for _, provider in values} | set(providers))
    parts = np.zeros((len(values), len(CRITERIA)), np.int16)
    parts[:, 0] = list(values.values())
    return in_order(Edges(
        need_keys=np.array(need_keys, np.int64), provider_keys=np.array(provider_keys, np.int64),
        needs=np.array([need_keys.index(need) for need, _ in values], np.int32),
        providers=np.array([provider_keys.index(provider) for _, provider in values], np.int32),
        parts=parts, known=np.full(len(values), 63, np.uint8), channels=np.zeros(len(values), np.uint8),
        wants=np.array([(wants or {}).get(need, 1) for need in need_keys], np.int32),
        ruled_out=np.zeros((len(need_keys), len(RULES)), np.int32),
        is_new=np.array([key in new for key in provider_keys], np.bool_),
        running=np.array([(running or {}).get(key, 0) for key in provider_keys], np.int32),
        free=np.array([(free or {}).get(key, 1) for key in provider_keys], np.int32)))


# ---- rows in a database ----

TRADES = (("老年助餐服务", "为老人提供工作日午餐、送餐上门"), ("精神障碍社区康复", "为精神障碍居民提供社区康复训练"),
          ("青少年课后服务", "为双职工家庭的孩子提供课后托管和阅读"), ("困境儿童陪伴", "为困境儿童提供个案陪伴和家庭辅导"))


@dataclass(frozen=True)
class World:
    """A unit with open projects, and providers that could do them."""

    desk: Desk
    projects: list[Project]
    providers: list[Organization]
    operator: Actor


def make_providers(session: Session, count: int, *, capacity: int | None = 1) -> list[Organization]:
    """Verified providers of the trade, serving the area; each better known than the one before."""
    found = []
    for number in range(count):
        title, about = TRADES[number % len(TRADES)]
        one = make_organization(session, about=about, business_scope=title)
        one.is_provider, one.public_since, one.capacity_projects = True, NOW, capacity
        session.add_all([ServiceCategory(organization_id=one.id, code=CATEGORY),
                         ServedArea(organization_id=one.id, area_code=AREA)])
        session.add_all([PastProject(organization_id=one.id, title=f"{title}项目{at}", is_confirmed=True, buyer_name="桐浦街道办事处")
                         for at in range(number)])
        found.append(one)
    session.flush()
    return found


def make_world(session: Session, *, projects: int = 3, providers: int = 4, capacity: int | None = 1) -> World:
    """Open projects of one unit and providers for them; no market of an earlier test is remembered."""
    market._kept.clear()
    desk = make_desk(session)
    posted = [make_published(session, desk, title=f"桐浦街道{TRADES[at % len(TRADES)][0]}第{at + 1}期",
                             body=TRADES[at % len(TRADES)][1]) for at in range(projects)]
    operator = make_actor(session, None, Role.OPERATOR, "何伟")
    return World(desk, posted, make_providers(session, providers, capacity=capacity), operator)


def compute(session: Session, run: MatchingRun, *, now: datetime = NOW, carries: bool = False) -> MatchingRun:
    """The run, computed inside the open session of a test."""
    drive(lambda: nullcontext(session), run_ref=run.ref, engines=services(), clock=lambda: now, carries=carries)
    session.refresh(run)
    return run


def make_run(session: Session, world: World, *, title: str = "十一月匹配", is_published: bool = False,
             now: datetime = NOW, carries: bool = False) -> MatchingRun:
    """A run that is computed, published when asked; with the overrides of the run in force when asked."""
    run = start_run(session, actor=world.operator, order=RunOrder(title, carries=carries), now=now)
    compute(session, run, now=now, carries=carries)
    if is_published:
        live = boards.live(session, run.scope)
        publish(session, actor=world.operator, run=run, edits=run.edits, replaces=live.ref if live else None, now=now)
    return run
