"""News of judging: seats, sheets, decisions, objections. Each bidder hears of its own place only."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.queries import people_of
from marketplace.awards.models import Award, Objection, PanelSeat, Ranking
from marketplace.awards.rules import AwardState, SeatState
from marketplace.bids.models import SealedBid
from marketplace.catalogs.queries import work_calendar
from marketplace.core.access import Role
from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.core.text import N_
from marketplace.inbox.jobs.audience import (
    BIDDER_ROLES,
    BUYER_ROLES,
    approvers,
    bidders,
    desk_url,
    project_url,
    tell_organizations,
)
from marketplace.inbox.operations import finish, send
from marketplace.inbox.rules import Kind, Letter
from marketplace.procedures.queries import rule_set_of
from marketplace.projects import queries
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState
from marketplace.web.formats import day


def tell_seats(project_ref: str, seat_refs: list[str], **_facts: object) -> None:
    """Ask drawn members to declare and seated ones to score; close what is done."""
    now = utc_now()
    with transaction() as session:
        finish(session, todo_key=f"draw:{project_ref}", now=now)
        for seat in session.scalars(select(PanelSeat).where(PanelSeat.ref.in_(seat_refs))):
            if seat.state != SeatState.DRAWN:
                finish(session, todo_key=f"declare:{seat.ref}", now=now)
            if seat.state in (SeatState.RECUSED, SeatState.SUBMITTED):
                finish(session, todo_key=f"score:{seat.ref}", now=now)
            else:
                _ask_member(session, seat)


def _ask_member(session: Session, seat: PanelSeat) -> None:
    """Send the member what comes next."""
    project = seat.panel.project
    if seat.state == SeatState.DRAWN:
        key, subject, verb = "declare", N_("声明与“{title}”有无利害关系"), N_("声明")
        body = N_("您被抽中为评审小组成员。声明以后才能看到响应文件。")
    else:
        key, subject, verb = "score", N_("为“{title}”评分"), N_("评分")
        body = N_("逐项给分，全部填好后提交评分表。提交后不能再改。")
    send(session, person=seat.person, now=utc_now(), letter=Letter(
        kind=Kind.PANEL, subject=subject, body=body, facts={"title": project.title}, verb=verb,
        url=f"/panel/{seat.ref}", todo_key=f"{key}:{seat.ref}",
        organization_id=None if seat.is_expert else project.buyer_id))


def tell_sheets_in(project_ref: str, **_facts: object) -> None:
    """Ask the buyer's approvers to close the scoring and decide."""
    with transaction() as session:
        project = queries.by_ref(session, project_ref)
        if project is not None and project.state == ProjectState.OPENED:
            _ask_to_decide(session, project)


def _ask_to_decide(session: Session, project: Project) -> None:
    """Send the to-do of the decision."""
    for person in approvers(session, project):
        send(session, person=person, now=utc_now(), letter=Letter(
            kind=Kind.AWARD, subject=N_("汇总“{title}”的评分并定标"), body=N_("评分表已经交齐。"),
            facts={"title": project.title}, verb=N_("定标"), url=desk_url(project, "award"),
            todo_key=f"decide:{project.ref}", organization_id=project.buyer_id))


def tell_award(award_ref: str, **_facts: object) -> None:
    """Tell the winner, and every other bidder its own place and points; tell the unit until when to wait."""
    now = utc_now()
    with transaction() as session:
        award = session.scalar(select(Award).where(Award.ref == award_ref))
        if award is None or award.state != AwardState.NOTIFIED:
            return
        project = award.bid.project
        finish(session, todo_key=f"decide:{project.ref}", now=now)
        facts: dict[str, object] = {"title": project.title, "until": day(award.objections_until - timedelta(seconds=1))}
        places = {row.bid_id: row for row in session.scalars(
            select(Ranking).where(Ranking.project_id == project.id))}
        for bid in session.scalars(select(SealedBid).where(SealedBid.project_id == project.id)):
            if bid.offer is not None:
                _tell_bidder(session, bid, award, places.get(bid.id), facts)
        for person in people_of(session, project.buyer_id, BUYER_ROLES):
            send(session, person=person, now=now, letter=Letter(
                kind=Kind.AWARD, subject=N_("“{title}”结果已公告，公示至 {until}"), facts=facts,
                url=f"{project_url(project)}/result", unique_key=f"award:{award.ref}",
                organization_id=project.buyer_id))


def _tell_bidder(session: Session, bid: SealedBid, award: Award, place: Ranking | None,
                 facts: dict[str, object]) -> None:
    """Send one bidder its own result."""
    own = dict(facts)
    if bid.id == award.bid_id:
        subject, body = N_("“{title}”：本机构中选"), N_("公示至 {until}。没有异议的，公示期满后签订合同。")
    elif place is not None:
        subject = N_("“{title}”：本机构未中选")
        body = N_("本机构得分 {points}，排名第 {rank}。公示期内可以提出异议。")
        own.update(points=f"{place.total:.2f}", rank=place.rank)
    else:
        subject, body = N_("“{title}”：本机构的响应无效"), N_("理由：{reason}")
        own["reason"] = bid.offer.invalid_reason if bid.offer else ""
    for person in people_of(session, bid.organization_id, BIDDER_ROLES):
        send(session, person=person, now=utc_now(), letter=Letter(
            kind=Kind.AWARD, subject=subject, body=body, facts=own, url=f"/bids/{bid.ref}/result",
            unique_key=f"award:{award.ref}:{bid.ref}", organization_id=bid.organization_id))


def tell_revocation(award_ref: str, reason: str = "", **_facts: object) -> None:
    """Tell every bidder that the decision was taken back, and why; the unit decides again."""
    now = utc_now()
    with transaction() as session:
        award = session.scalar(select(Award).where(Award.ref == award_ref))
        if award is None:
            return
        project = award.bid.project
        tell_organizations(session, bidders(session, project), now=now, letter=Letter(
            kind=Kind.AWARD, subject=N_("“{title}”的中选决定已撤销"), body=N_("理由：{reason}"),
            facts={"title": project.title, "reason": reason}, url=project_url(project),
            unique_key=f"revoked:{award.ref}"))
        if project.state == ProjectState.OPENED:
            _ask_to_decide(session, project)


def ask_for_answer(objection_ref: str, **_facts: object) -> None:
    """Ask the buyer's approvers to answer an objection within the working days of the rule set."""
    now = utc_now()
    with transaction() as session:
        objection = session.scalar(select(Objection).where(Objection.ref == objection_ref))
        if objection is None or objection.answered_at is not None:
            return
        project = objection.project
        rules = rule_set_of(project.rule_set, project.rules_snapshot)
        due = work_calendar(session).workdays_end(objection.raised_at, rules.objection_answer_workdays)
        for person in people_of(session, project.buyer_id, (Role.APPROVER,)):
            send(session, person=person, now=now, letter=Letter(
                kind=Kind.OBJECTION, subject=N_("答复对“{title}”结果的异议"), body=N_("答复前不能签订合同。"),
                facts={"title": project.title}, verb=N_("答复"), url=desk_url(project, "award"), due_at=due,
                todo_key=f"objection:{objection.ref}", organization_id=project.buyer_id))


def tell_answer(objection_ref: str, **_facts: object) -> None:
    """Tell the organization that objected how it was answered."""
    now = utc_now()
    with transaction() as session:
        finish(session, todo_key=f"objection:{objection_ref}", now=now)
        objection = session.scalar(select(Objection).where(Objection.ref == objection_ref))
        if objection is None or objection.answer is None:
            return
        project = objection.project
        subject = N_("“{title}”的异议成立") if objection.upheld else N_("“{title}”的异议不成立")
        tell_organizations(session, [objection.organization_id], now=now, letter=Letter(
            kind=Kind.OBJECTION, subject=subject, body=N_("答复：{answer}"),
            facts={"title": project.title, "answer": objection.answer[:200]}, url=project_url(project),
            unique_key=f"objection:{objection.ref}"))
