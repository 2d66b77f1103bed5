"""flask demo walk: one project from a line of the purchase list to the printed contract, each step in words."""

import json
import sys
import time
from functools import partial
from pathlib import Path
from random import Random

import click
from flask.cli import with_appcontext
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.awards.models import Award
from marketplace.awards.rules import JOB_AWARD_MADE
from marketplace.catalogs.queries import work_calendar
from marketplace.contracts import operations as contracts
from marketplace.contracts.models import Contract
from marketplace.contracts.rules import JOB_CONTRACT_DRAWN_UP
from marketplace.core.access import SYSTEM
from marketplace.core.clock import beijing, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied
from marketplace.demo import operations
from marketplace.demo.cli.build import found, keep_sign_ins
from marketplace.demo.cli.steps import run_jobs, step
from marketplace.demo.operations import walking
from marketplace.demo.operations.walking import Cast
from marketplace.demo.rules.plan import DEFAULT_SEED
from marketplace.inbox.models import Message
from marketplace.organizations.rules import OrganizationKind
from marketplace.projects.models import Project
from marketplace.projects.rules import JOB_OPENING_DUE, ProjectState
from marketplace.web import migrate
from marketplace.web.services import config, services

SMALL = ((OrganizationKind.SERVICE_AGENCY, 12), (OrganizationKind.FOUNDATION, 1))


class Told:
    """The steps as they were told: printed at once, kept for the report."""

    def __init__(self, *, as_json: bool) -> None:
        self.steps: list[str] = []
        self._err = as_json

    def __call__(self, sentence: str) -> None:
        """Tell one step."""
        self.steps.append(sentence)
        click.echo(f"{len(self.steps):>2}. {sentence}", err=self._err)


@click.command("walk")
@with_appcontext
@click.option("--json", "as_json", is_flag=True)
def walk(as_json: bool) -> None:  # noqa: FBT001
    """Play one project from the purchase list to the contract PDF; makes what it needs, can be repeated."""
    began = time.perf_counter()
    tell = Told(as_json=as_json)
    who = _cast()
    rng = Random()  # noqa: S311 - words and half points of a demo, no secret
    project_ref = _until_the_deadline(who, rng, tell)
    _open(project_ref, tell)
    award_ref = _judge(who, project_ref, rng, tell)
    report = _contract(award_ref, tell) | {"project": project_ref, "steps": tell.steps}
    report["seconds"] = round(time.perf_counter() - began, 1)
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        click.echo(f"合同：{report['contract_pdf']}\nSHA-256：{report['sha256']}\n查验：{report['verify_url']}")


def _cast() -> Cast:
    """Return the cast; an empty database gets a small world first. Exit 2 where there is real data."""
    migrate.upgrade(db.engine)
    try:
        operations.refuse_real_data(db.session())
    except Conflict as refused:
        click.echo(str(refused), err=True)
        sys.exit(2)
    if operations.is_empty(db.session()):
        _small_world()
    with transaction() as session:
        who = walking.cast(session, calendar=work_calendar(session), now=utc_now())
    if who is None:
        click.echo("演示库里缺少演示所需的单位或组织。请先运行 flask demo build", err=True)
        sys.exit(2)
    return who


def _small_world() -> None:
    """Make the units, experts and a dozen organizations that a walk needs."""
    world = operations.begin(seed=DEFAULT_SEED, now=utc_now(), sealer=services().sealer,
                             calendar=work_calendar(db.session()))
    step("单位、目录、账号", lambda session: found(session, world, DEFAULT_SEED))
    for kind, count in SMALL:
        step(f"登记组织（{kind}）", partial(operations.register_bodies, world=world, kind=kind, count=count))
    step("演示账号", lambda session: operations.hand_out_sign_ins(session, world))
    step("整理消息", lambda session: operations.settle_news(session, now=world.now))
    keep_sign_ins(world)


def _project(session: Session, ref: str) -> Project:
    """Return the walk's project."""
    return session.scalars(select(Project).where(Project.ref == ref)).one()


def _until_the_deadline(who: Cast, rng: Random, tell: Told) -> str:
    """List line, project, four sealed bids - in one transaction, for its deadline lies behind us - and a late one."""
    with transaction() as session:
        item = walking.list_line(session, who)
        tell(f"年度购买清单新增并公布一行：“{item.title}”，预算 {walking.BUDGET.wan()} 万元")
        project = walking.post(session, who, item, rng)
        tell(f"由清单生成项目，经办{who.handler.name}起草、审核{who.approver.name}批准，以“{project.rule_set}”规则发布，"
             f"编号 {project.number}，{beijing(who.closes_at):%Y-%m-%d %H:%M} 截止")
        for bid in walking.submit(session, who, project, services().sealer, rng):
            tell(f"{bid.organization.name}提交响应，内容密封，回执 {bid.receipt_number}，摘要 {bid.commitment[:16]}…")
        ref = project.ref
    try:
        with transaction() as session:
            walking.submit_late(session, who, _project(session, ref), services().sealer, rng)
    except Denied as refused:
        tell(f"{who.names[4]}晚了一秒，被拒绝：{refused}")
    else:
        msg = "a late bid was taken"
        raise RuntimeError(msg)
    return ref


def _open(ref: str, tell: Told) -> None:
    """Let the outbox job open the bids."""
    run_jobs(JOB_OPENING_DUE, key="project_ref", value=ref,
              done=lambda: _project(db.session(), ref).state != ProjectState.PUBLISHED)
    project = _project(db.session(), ref)
    if project.state != ProjectState.OPENED:
        raise RuntimeError(project.end_reason)
    tell(f"后台任务启封：四份响应的摘要逐一核对一致，{beijing(project.opened_at or utc_now()):%Y-%m-%d %H:%M:%S} 记录")
    db.session.rollback()


def _judge(who: Cast, ref: str, rng: Random, tell: Told) -> str:
    """Panel, scores, ranking, award, notices to the losers."""
    with transaction() as session:
        drawn, left, came = walking.seat_panel(session, who, _project(session, ref), utc_now())
        tell("抽取评审小组五人：" + "、".join(seat.person.name for seat in drawn))
        tell(f"{left.person.name}申请回避（{left.recusal_reason}），按抽取顺序由{came.person.name}递补")
    with transaction() as session:
        ranking = walking.score(session, who, _project(session, ref), utc_now(), rng)
        tell("五位评委各自评分并提交，汇总排名：" + "；".join(
            f"第{row.rank}名 {row.bid.organization.name} {row.total.quantize(walking.CENT)} 分" for row in ranking))
        award = walking.decide(session, who, _project(session, ref), ranking, utc_now())
        tell(f"审核人决定{award.bid.organization.name}中选，价格 {award.price.grouped()} 元，结果公告发布")
        losers = [row.bid.organization_id for row in ranking if row.bid_id != award.bid_id]
        award_ref = award.ref
    run_jobs(JOB_AWARD_MADE, key="award_ref", value=award_ref, done=lambda: _told(ref, losers) == len(losers))
    tell(f"{len(losers)} 家未中选组织都收到了结果通知（各自的得分与排名）")
    return award_ref


def _told(ref: str, losers: list[int]) -> int:
    """Return how many of the losers have a message about this project's result."""
    bid_refs = _bid_urls(ref, losers)
    told = db.session.scalars(select(Message.organization_id).where(
        Message.organization_id.in_(losers), Message.url.in_(bid_refs)).distinct()).all()
    return len(told)


def _bid_urls(ref: str, losers: list[int]) -> list[str]:
    """Return the addresses that messages to losers lead to."""
    return walking.result_urls(db.session(), ref, losers)


def _contract(award_ref: str, tell: Told) -> dict[str, object]:
    """Let the objection period pass, fix the terms, print, say where to verify."""
    missing_glyphs = services().pdf.missing_glyphs
    missing_glyphs("")
    with transaction() as session:
        award = session.scalars(select(Award).where(Award.ref == award_ref)).one()
        after = award.objections_until + walking.ONE_MINUTE
        contract = contracts.draw_up_contract(session, actor=SYSTEM, award=award, now=after, is_demo=True,
                                              missing_glyphs=missing_glyphs)
        assert contract is not None
        contract_ref = contract.ref
        tell(f"异议期到 {beijing(award.objections_until):%Y-%m-%d %H:%M} 结束，没有异议（时钟由参数给出）")
        tell(f"合同 {contract.number} 的条款定稿并锁定，摘要 {contract.terms_sha256[:16]}…")
        walking.print_now(session, contract_ref, utc_now())
    run_jobs(JOB_CONTRACT_DRAWN_UP, key="contract_ref", value=contract_ref,
              done=lambda: _issued(contract_ref).document is not None)
    contract = _issued(contract_ref)
    document = contract.document
    assert document is not None
    path = _copy(contract.number, document.sha256)
    url = f"{config().base_url}/v/{contract.verify_code}"
    tell(f"合同 PDF 共 {document.pages} 页，已存档：{path}")
    tell(f"SHA-256 {document.sha256}；查验页 {url}")
    made = {"contract_pdf": str(path), "sha256": document.sha256, "pages": document.pages, "verify_url": url,
            "contract": contract.number}
    db.session.rollback()
    return made


def _issued(ref: str) -> Contract:
    """Return the contract as it stands now."""
    return db.session.scalars(select(Contract).where(Contract.ref == ref)).one()


def _copy(number: str, sha256: str) -> Path:
    """Leave a copy of the stored bytes under the contract's number; return its absolute path."""
    path = (config().instance / "walk" / f"{number}.pdf").resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(services().files.get(sha256))
    return path
