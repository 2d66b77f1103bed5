"""The decision: one bid of this project, at its own price, published at once; and taking it back."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from marketplace.awards import policy
from marketplace.awards.models import Award, Ranking
from marketplace.awards.operations.notices import project_facts, publish_notice, result_facts
from marketplace.awards.operations.panel import lock_project
from marketplace.awards.queries.result import first_of, live_award, ranking_of
from marketplace.awards.queries.sheet import panel_of
from marketplace.awards.rules import (
    JOB_AWARD_MADE,
    JOB_AWARD_REVOKED,
    JOB_OBJECTIONS_OVER,
    AwardState,
    NoticeKind,
)
from marketplace.bids.models import SealedBid
from marketplace.catalogs.queries import work_calendar
from marketplace.core import audit
from marketplace.core.access import Actor, require
from marketplace.core.errors import Conflict, IllegalStep, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.procedures.queries import rule_set_of
from marketplace.projects import operations as projects
from marketplace.projects.models import Project


def award(session: Session, *, actor: Actor, project: Project, bid: SealedBid, reason: str,
          now: datetime) -> Award:
    """Award the project to one of its ranked, valid bids, at the offered price. Project: opened -> awarded.

    The first in the ranking needs no reason, any other one does (87 art 68). The result notice is published at
    once; winner and losers are told; the objection window runs in working days. Of two approvers, one gets
    Conflict.
    """
    lock_project(session, project)
    require(policy.may_decide(actor, project))
    if live_award(session, project) is not None:
        raise Conflict(N_("这个项目已经有中选决定。请刷新页面查看"))
    require(policy.may_award(actor, project))
    if bid.project_id != project.id:
        raise Invalid(N_("这份响应不属于本项目，不能中选"), field="bid")
    panel = panel_of(session, project)
    if panel is None or panel.closed_at is None:
        raise IllegalStep(N_("评审还没有汇总，不能定标"))
    ranking = ranking_of(session, project)
    _check_choice(bid, ranking, reason)
    rules = rule_set_of(project.rule_set, project.rules_snapshot)
    projects.mark_awarded(session, project=project, now=now)
    assert bid.offer is not None
    made = Award(project_id=project.id, bid=bid, price=bid.offer.price, reason=reason.strip(),
                 state=AwardState.NOTIFIED, decided_by=actor.person_id, awarded_at=now,
                 objections_until=work_calendar(session).workdays_end(now, rules.objection_workdays))
    session.add(made)
    session.flush()
    publish_notice(
        session, actor=actor, project=project, kind=NoticeKind.RESULT, title=project.title, now=now,
        facts=result_facts(session, made, project=project, panel=panel, ranking=ranking, rules=rules),
        unique_key=f"result:{made.ref}")
    audit.record(session, actor=actor, action="awards.award", subject=("project", project.ref), now=now,
                 award=made.ref, bid=bid.ref, price_fen=made.price.fen, reason=made.reason,
                 objections_until=made.objections_until)
    enqueue(session, JOB_AWARD_MADE, now=now, award_ref=made.ref)
    enqueue(session, JOB_OBJECTIONS_OVER, now=now, due_at=made.objections_until, award_ref=made.ref)
    return made


def _check_choice(bid: SealedBid, ranking: list[Ranking], reason: str) -> None:
    """Refuse a bid without a place or refused since, and a choice other than the first without a reason."""
    place = next((row for row in ranking if row.bid_id == bid.id), None)
    if place is None or bid.offer is None or not bid.offer.is_valid:
        raise Invalid(N_("这份响应无效或没有进入排名，不能中选"), field="bid")
    if place is not first_of(ranking) and not reason.strip():
        raise Invalid(N_("不选排名第一的响应人，须写明理由"), field="reason")


def revoke(session: Session, *, actor: Actor, award: Award, reason: str, now: datetime) -> Award:
    """Take an award back before there is a contract, for a published reason. Project: awarded -> opened."""
    project = award.bid.project
    lock_project(session, project)
    require(policy.may_revoke(actor, project))
    if not reason.strip():
        raise Invalid(N_("请写明撤销的理由，理由会公布并告知有关各方"), field="reason")
    return take_back(session, actor=actor, award=award, reason=reason.strip(), now=now)


def take_back(session: Session, *, actor: Actor, award: Award, reason: str, now: datetime) -> Award:
    """Revoke, correct the notice, tell everybody. The caller holds the project and has checked who may."""
    done = session.execute(
        update(Award).where(Award.id == award.id, Award.state == AwardState.NOTIFIED)
        .values(state=AwardState.REVOKED, revoked_at=now).execution_options(synchronize_session=False)
    )
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这个中选决定已经撤销"))
    session.refresh(award)
    project = award.bid.project
    projects.reopen_award(session, project=project, now=now)
    publish_notice(session, actor=actor, project=project, kind=NoticeKind.CORRECTION, title=project.title, now=now,
                   facts={**project_facts(project), "winner": award.bid.organization.name, "reason": reason},
                   unique_key=f"correction:{award.ref}")
    audit.record(session, actor=actor, action="awards.revoke", subject=("project", project.ref), now=now,
                 award=award.ref, reason=reason)
    enqueue(session, JOB_AWARD_REVOKED, now=now, award_ref=award.ref, reason=reason)
    return award
