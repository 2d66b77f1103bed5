"""Who hears of a plan of money: those who may open it, once; not who looks on; when it is shared, those it concerns."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from marketplace.accounts.queries import load_actor
from marketplace.core.access import SYSTEM, Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.outbox import Job
from marketplace.funding.operations import unverify_funder
from marketplace.fundplans import operations
from marketplace.fundplans.models import FundPlan
from marketplace.fundplans.queries import plans as queries
from marketplace.fundplans.rules import JOB_PLAN_ENDED, JOB_SOLVE_PLAN, LOOKS_FOR
from marketplace.inbox.jobs.fundplans import tell_ended, tell_shared
from marketplace.inbox.models import Message
from marketplace.web.formats import fill
from marketplace.web.worker import run_until_idle
from tests.factories.accounts import make_person
from tests.fundplans.scene import WISH, make_market, person, reckon

ASKED = utc_now() - timedelta(hours=1)
SOON, LATE = ASKED + LOOKS_FOR, ASKED + LOOKS_FOR * 2


@dataclass
class Site:
    """Ids of people by name, the plan of the foundation and the one across funders, not reckoned yet."""

    app: object
    people: dict[str, int] = field(default_factory=dict)
    own: str = ""
    wide: str = ""


@pytest.fixture
def site(app):
    made = Site(app)
    with app.app_context(), transaction() as session:
        market = make_market(session)
        body = market.funder.organization_id
        made.people = {
            "officer": market.officer.person_id, "colleague": person(session, Role.FUNDER, market.funder).person_id,
            "admin": person(session, Role.PROVIDER_ADMIN, market.funder).person_id,
            "member": make_person(session, role=Role.PROVIDER_MEMBER, organization_id=body).id,
            "other": market.other_officer.person_id, "operator": market.operator.person_id,
            "second": person(session, Role.OPERATOR, None).person_id, "auditor": person(session, Role.AUDITOR, None).person_id}
        made.own = operations.make_plan(session, actor=market.officer, wish=WISH, now=ASKED, is_own=True).ref
        made.wide = operations.make_plan(session, actor=market.operator, wish=WISH, now=ASKED, is_own=False).ref
        session.execute(delete(Job).where(Job.kind == JOB_SOLVE_PLAN))     # the tests do the worker's part
    return made


def ends(site, ref, now):
    """The worker reckons one plan; then the news is told."""
    with site.app.app_context():
        with transaction() as session:
            reckon(session, plan_of(session, ref), now=now)
        run_until_idle()


def plan_of(session, ref):
    return session.scalars(select(FundPlan).where(FundPlan.ref == ref)).one()


def told(site):
    """Every message about plans: (who, sentence, link), by name."""
    names = {key: name for name, key in site.people.items()}
    with site.app.test_request_context():
        return [(names[one.person_id], fill(one.subject, one.facts), one.url)
                for one in db.session().scalars(select(Message).where(Message.subject.contains("资金方案")).order_by(Message.id))]


def test_a_reckoned_plan_is_told_to_the_people_of_its_foundation_but_not_to_who_looks_on(site):
    ends(site, site.own, SOON)
    found = told(site)
    assert {name for name, _, _ in found} == {"colleague", "admin"}
    assert {url for _, _, url in found} == {f"/fund/plans/{site.own}"}
    assert {said for _, said, _ in found} == {"资金方案“第一轮”已算出：2 个项目补齐缺口，共 90,000.00 元"}


def test_who_asked_hears_of_it_when_it_took_longer_than_anybody_looks(site):
    ends(site, site.own, LATE)
    assert {name for name, _, _ in told(site)} == {"officer", "colleague", "admin"}


def test_everybody_told_may_open_the_plan(site):
    ends(site, site.own, LATE)
    ends(site, site.wide, LATE)
    with site.app.app_context():
        session = db.session()
        for name, _, url in told(site):
            ref = url.rsplit("/", 1)[1]
            assert queries.plan_by_ref(session, ref, actor=load_actor(session, site.people[name])).ref == ref


def test_a_plan_across_funders_is_told_to_operators_and_to_no_funder_before_it_is_shared(site):
    ends(site, site.wide, SOON)
    assert {name for name, _, _ in told(site)} == {"second"}
    with site.app.app_context():
        with transaction() as session:
            operations.share_plan(session, actor=load_actor(session, site.people["operator"]), plan=plan_of(session, site.wide), now=LATE)
        run_until_idle()
    found = told(site)[1:]
    assert {name for name, _, _ in found} == {"officer", "colleague", "admin", "other"}
    assert {(said, url) for _, said, url in found} == {("资金方案“第一轮”用到您单位的资金池", f"/fund/plans/{site.wide}")}


def test_a_foundation_that_shares_its_plan_tells_the_operators(site):
    ends(site, site.own, SOON)
    before = len(told(site))
    with site.app.app_context():
        with transaction() as session:
            operations.share_plan(session, actor=load_actor(session, site.people["officer"]), plan=plan_of(session, site.own), now=LATE)
        run_until_idle()
    found = told(site)[before:]
    assert {name for name, _, _ in found} == {"operator", "second"}
    assert all("发来资金方案“第一轮”" in said and url == f"/ops/fund-plans/{site.own}" for _, said, url in found)


def test_a_funder_no_longer_verified_is_not_told_of_a_shared_plan(site):
    ends(site, site.wide, SOON)
    with site.app.app_context():
        with transaction() as session:
            plan = plan_of(session, site.wide)
            other = next(one.pool.funder for one in plan.funds if one.pool.name == "白鹭池")
            operations.share_plan(session, actor=load_actor(session, site.people["operator"]), plan=plan, now=LATE)
            unverify_funder(session, actor=SYSTEM, funder=other, note="证书过期", now=LATE)
        run_until_idle()
    assert "other" not in {name for name, _, _ in told(site)}


def test_a_failed_plan_is_told_with_its_reason_and_a_second_attempt_is_told_again(site):
    with site.app.app_context():
        with transaction() as session:
            operations.fail_attempt(session, plan_ref=site.own, attempt=1, error="条件互相矛盾。", now=SOON)
        run_until_idle()
    found = told(site)
    assert {(name, said) for name, said, _ in found} == {("colleague", "资金方案“第一轮”没有算成"), ("admin", "资金方案“第一轮”没有算成")}
    with site.app.test_request_context():
        one = db.session().scalars(select(Message).where(Message.subject.contains("没有算成"))).first()
        assert fill(one.body, one.facts) == "没有保存任何安排。原因：条件互相矛盾。可以用同一份数据再算一次，或另建方案。"
    with site.app.app_context(), transaction() as session:
        operations.solve_again(session, actor=load_actor(session, site.people["colleague"]), plan=plan_of(session, site.own), now=LATE)
    ends(site, site.own, LATE)
    assert {name for name, said, _ in told(site) if "已算出" in said} == {"officer", "admin"}, "the colleague asked this time"


def test_news_that_comes_twice_too_late_or_of_nothing_is_told_once_or_not(site):
    ends(site, site.own, LATE)
    found = told(site)
    with site.app.app_context():
        tell_ended(site.own, 1, tells_asker=True)              # the worker tries again
        tell_ended(site.own, 2, tells_asker=True)
        tell_ended("nothing22222", 1, tells_asker=True)
        tell_ended(site.wide, 1, tells_asker=True)             # still being reckoned
        tell_shared(site.own)
        tell_shared("nothing22222")
    assert told(site) == found
    with site.app.app_context(), transaction() as session:
        reckon(session, plan_of(session, site.wide), now=LATE)
        operations.withdraw_plan(session, actor=load_actor(session, site.people["operator"]), plan=plan_of(session, site.wide),
                                 reason="数据有误", now=LATE)
    with site.app.app_context():
        run_until_idle()
    assert told(site) == found, "withdrawn before anybody heard of it"


def test_a_cancelled_plan_is_news_to_nobody(site):
    with site.app.app_context():
        with transaction() as session:
            operations.cancel_plan(session, actor=load_actor(session, site.people["officer"]), plan=plan_of(session, site.own), now=SOON)
        run_until_idle()
        assert db.session().scalars(select(Job).where(Job.kind == JOB_PLAN_ENDED, Job.payload["plan_ref"].as_string() == site.own)).all() == []
    assert [one for one in told(site) if one[2].endswith(site.own)] == []
