"""The part of the build that shows matching: interests, tellings, runs, a fair to come, plans of money."""

from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.access import Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.demo import operations
from marketplace.demo.cli.steps import run_jobs, say, step
from marketplace.demo.operations import World
from marketplace.fundplans.rules import JOB_SOLVE_PLAN
from marketplace.matching import operations as matching
from marketplace.matching.models import MatchingRun
from marketplace.matching.operations import RunOrder
from marketplace.matching.rules.runs import Reach
from marketplace.meetings.rules import JOB_SCHEDULE_DUE
from marketplace.web.services import services

PAIRING = RunOrder("公开项目首期匹配")
TRIAL = RunOrder("公开和筹备中的项目一起匹配（试算）", reach=Reach.ALL)


def show_matching(world: World) -> None:
    """Bring everything that the matching view shows: first what decides about pairs, then the pairs and their uses."""
    step("利益关系", partial(operations.declare_interests, world=world))
    step("告知、关注和谢绝", partial(operations.reach_out, world=world, tools=services(), now=utc_now()))
    publish(pair(PAIRING))
    pair(TRIAL)                                               # stays unpublished, to be compared
    arrange_fair(world)
    plan_money(world)


def pair(order: RunOrder) -> str:
    """Compute one run; return its reference."""
    say(f"{order.title} ……")
    with transaction() as session:
        operator = operations.signed_in(session, Role.OPERATOR)
        ref = matching.start_run(session, actor=operator, order=order, now=utc_now()).ref
    matching.drive(transaction, run_ref=ref, engines=services(), clock=utc_now)
    return ref


def publish(run_ref: str) -> None:
    """Put a run in force."""
    with transaction() as session:
        run = session.scalars(select(MatchingRun).where(MatchingRun.ref == run_ref)).one()
        operator = operations.signed_in(session, Role.OPERATOR)
        matching.publish(session, actor=operator, run=run, edits=0, replaces=None, now=utc_now())


def arrange_fair(world: World) -> None:
    """Prepare the fair, let the outbox make its timetable, publish it."""
    ref = step("洽谈会名单", partial(operations.prepare_fair, world=world))
    if ref is None:
        say("没有可以安排洽谈的项目，不办洽谈会")
        return
    run_jobs(JOB_SCHEDULE_DUE, key="schedule_ref", value=ref,
             done=lambda: operations.is_scheduled(db.session(), ref))
    if not step("公布洽谈表", partial(operations.publish_fair, world=world, schedule_ref=ref, now=utc_now())):
        say("洽谈表没有排成，原因写在洽谈会页面")


def plan_money(world: World) -> None:
    """Let buyers name costs and other funders open pools; have both plans reckoned, send the common one."""
    def prepare(session: Session) -> None:
        operations.name_costs(session, world)
        operations.open_other_pools(session, world)
        operations.follow_projects(session, world)

    step("捐赠费用、资金池、选项目", prepare)
    for ref in step("资金方案", partial(operations.ask_for_plans, now=utc_now())):
        run_jobs(JOB_SOLVE_PLAN, key="plan_ref", value=ref, done=partial(_is_planned, ref))
    step("发出统筹方案", partial(operations.share_common_plan, now=utc_now()))


def _is_planned(ref: str) -> bool:
    """Say whether the worker has done with a plan."""
    return operations.is_planned(db.session(), ref)
