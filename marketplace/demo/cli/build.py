"""flask demo build: an invented district, built in an empty database or in place of an earlier demo world."""

import json
import resource
import sys
import time
from functools import partial

import click
from flask.cli import with_appcontext
from sqlalchemy import BigInteger, cast, func, select, type_coerce
from sqlalchemy.orm import Session

from marketplace.catalogs.queries import work_calendar
from marketplace.core import audit
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict
from marketplace.demo import operations
from marketplace.demo.cli.matching import show_matching
from marketplace.demo.cli.steps import say, step
from marketplace.demo.operations import World
from marketplace.demo.rules.plan import DEFAULT_SEED, PROJECTS, plan
from marketplace.ledger import operations as ledger
from marketplace.projects.models import Project
from marketplace.search import operations as search
from marketplace.web import migrate
from marketplace.web.services import config, public_sources, services

BATCH = 40
LEAST_OF_A_KIND = 8    # a panel needs bidders even in the smallest world
KILO = 1024


@click.command("build")
@with_appcontext
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True, help="The same seed gives the same world.")
@click.option("--size", type=int, default=PROJECTS, show_default=True, help="How many projects (to 100000).")
@click.option("--no-index", is_flag=True, help="Do not build the full-text index.")
@click.option("--json", "as_json", is_flag=True)
def build(seed: int, size: int, no_index: bool, as_json: bool) -> None:  # noqa: FBT001
    """Build the demo world in an empty database, or in place of an earlier demo world."""
    began = time.perf_counter()
    _fresh_database()
    world = _build(seed, size)
    if not no_index:
        say("建立全文索引 ……")
        search.rebuild(db.session(), services=services(), sources=public_sources(), now=utc_now())
        db.session.rollback()
    report = _report(world, seconds=time.perf_counter() - began)
    keep_sign_ins(world)
    click.echo(json.dumps(report, ensure_ascii=False) if as_json else _words(report))


def _fresh_database() -> None:
    """Empty an earlier demo world; exit 2 for a database with anything else in it."""
    migrate.upgrade(db.engine)
    try:
        operations.refuse_real_data(db.session())
    except Conflict as refused:
        click.echo(str(refused), err=True)
        sys.exit(2)
    is_old = not operations.is_empty(db.session())
    db.session.rollback()
    db.session.remove()
    if is_old:
        say("清空先前的演示数据 ……")
        migrate.recreate(db.engine)


def _build(seed: int, size: int) -> World:
    """Run the steps of building, each in its own transactions."""
    now = utc_now()
    world = operations.begin(seed=seed, now=now, sealer=services().sealer, calendar=work_calendar(db.session()))
    step("单位、目录、账号", lambda s: found(s, world, seed))
    for kind, whole in operations.KINDS:
        count = max(LEAST_OF_A_KIND, whole * min(size, PROJECTS) // PROJECTS)
        step(f"登记组织（{kind}）", partial(operations.register_bodies, world=world, kind=kind, count=count))
    step("演示账号", lambda s: operations.hand_out_sign_ins(s, world))
    planned = plan(world.rng, now=now, calendar=world.calendar, projects=min(size, PROJECTS))
    operations.write_texts(world, planned, set())
    step("年度购买清单", lambda s: operations.publish_lists(s, world, planned))
    for start in range(0, len(planned), BATCH):
        step(f"项目 {start + 1}–{min(start + BATCH, len(planned))}",
              partial(operations.play, world=world, planned=planned[start:start + BATCH]))
    step("资金", partial(operations.add_money, world=world, files_=services().files))
    if size > PROJECTS:
        _fill_up(world, size)
    else:
        show_matching(world)
    _settle(world)
    return world


def _fill_up(world: World, size: int) -> None:
    """Fill the world up to a benchmark's size with plain rows."""
    for start in range(PROJECTS, size, operations.BATCH):
        count = min(operations.BATCH, size - start)
        step(f"批量项目到 {start + count}", partial(operations.add_projects, world=world, count=count, first=start))
    wanted = operations.organizations_wanted(size)
    while world.organizations < wanted:
        count = min(operations.BATCH, wanted - world.organizations)
        step(f"批量组织到 {world.organizations + count}",
             partial(operations.add_organizations, world=world, count=count))


def found(session: Session, world: World, seed: int) -> None:
    """Lay the ground: units, catalogue, experts."""
    operations.mark(session, now=world.now, seed=seed)
    operations.found_units(session, world)
    operations.publish_catalog(session, world)
    operations.open_expert_pool(session, world)


def _settle(world: World) -> None:
    """Settle the news of the past, seal audit and ledger; what is news today waits for the worker of the site."""
    left = 0

    def settle(session: Session) -> None:
        nonlocal left
        left = operations.settle_news(session, now=world.now)

    step("整理待办与消息", settle)
    say(f"{left} 件待办消息与合同打印由网站的后台任务接着办理")
    for seal in (audit.seal_batch, ledger.seal_batch):
        sealed = True
        while sealed:
            with transaction() as session:
                sealed = bool(seal(session))


def _report(world: World, *, seconds: float) -> dict[str, object]:
    """Return the figures of the finished world."""
    session = db.session()
    fen = cast(func.sum(type_coerce(Project.budget, BigInteger)), BigInteger)   # PostgreSQL sums to NUMERIC
    count, money = session.execute(select(func.count(), fen).select_from(Project)).one()
    states = dict(session.execute(select(Project.state, func.count()).group_by(Project.state)).all())
    return {
        "projects": count, "organizations": world.organizations, "money_fen": money or 0,
        "seconds": round(seconds, 1), "peak_mb": round(peak_mb(), 1), "states": states, "fates": world.fates,
    }


def peak_mb() -> float:
    """Return the most memory that this process and its finished children held."""
    own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (own + children) / KILO


def keep_sign_ins(world: World) -> None:
    """Leave the sign-ins where ./run finds them to print."""
    width = max(len(login) for _, login, _ in world.sign_ins)
    lines = [f"演示账号（密码都是 {operations.PASSWORD}）:"]
    lines += [f"  {login:<{width}}  {role}（{place}）" for role, login, place in world.sign_ins]
    path = config().instance / "demo-sign-ins.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    say("\n".join(lines))


def _words(report: dict[str, object]) -> str:
    """Return the report for people."""
    money = int(str(report["money_fen"])) / 10**10
    return (f"演示数据已建好：{report['projects']} 个项目（{money:.2f} 亿元），{report['organizations']} 家组织，"
            f"用时 {report['seconds']} 秒，内存峰值 {report['peak_mb']} MB")
