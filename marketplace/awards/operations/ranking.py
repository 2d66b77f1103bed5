"""From sheets to a ranking: the check of offers, and the sum that anybody can repeat."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.awards import policy
from marketplace.awards.models import Panel, PanelSeat, Ranking, Score
from marketplace.awards.operations.panel import lock_project, sheets_are_in
from marketplace.awards.queries.qualification import hard_problems
from marketplace.awards.queries.sheet import opened_bids, panel_of
from marketplace.awards.rules import Candidate, SeatState, committee_is_ok, quality_points, rank
from marketplace.bids.models import OpenedOffer, SealedBid
from marketplace.core import audit
from marketplace.core.access import SYSTEM, Actor, require
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Conflict, IllegalStep, Invalid
from marketplace.core.text import N_
from marketplace.procedures.queries import rule_set_of
from marketplace.procedures.rules import ROUNDINGS, RuleSet
from marketplace.projects import operations as projects
from marketplace.projects.models import Project


def set_validity(session: Session, *, actor: Actor, offer: OpenedOffer, is_valid: bool, reason: str,
                 now: datetime) -> OpenedOffer:
    """Record the result of the qualification check of one offer (87 arts 44, 63); a refusal needs its reason.

    An offer that a hard rule bars cannot be called valid. After the ranking an offer can still be refused,
    never let in again.
    """
    project = offer.bid.project
    lock_project(session, project)
    require(policy.may_check_offers(actor, project))
    panel = panel_of(session, project)
    if is_valid and panel is not None and panel.closed_at is not None:
        raise Conflict(N_("评审已汇总，不能再把响应改为有效"))
    if is_valid and (problems := hard_problems(project, offer, day=beijing_date(now))):
        raise Invalid(N_("这份响应不能认定为有效：{problem}"), field="is_valid", problem=problems[0])
    if not is_valid and not reason.strip():
        raise Invalid(N_("请写明无效的理由，理由会告知该组织"), field="reason")
    offer.is_valid = is_valid
    offer.invalid_reason = "" if is_valid else reason.strip()
    session.flush()
    audit.record(session, actor=actor, action="awards.set_validity", subject=("project", project.ref),
                 now=now, bid=offer.bid.ref, is_valid=is_valid, reason=offer.invalid_reason)
    return offer


def close_scoring(session: Session, *, actor: Actor, project: Project, now: datetime) -> list[Ranking]:
    """Sum up the sheets and rank the valid offers, best first. Fewer than the least number: it fails.

    Raises Invalid when an offer still counts as valid that a hard rule bars, IllegalStep while a sheet is
    missing, Conflict the second time.
    """
    lock_project(session, project)
    require(policy.may_close_scoring(actor, project))
    panel = panel_of(session, project)
    if panel is not None and panel.closed_at is not None:
        raise Conflict(N_("评审已经汇总过"))
    rules = rule_set_of(project.rule_set, project.rules_snapshot)
    bids = opened_bids(session, project, valid_only=True)
    _refuse_barred(project, bids, now)
    if len(bids) < rules.min_bids:
        audit.record(session, actor=actor, action="awards.too_few_valid", subject=("project", project.ref),
                     now=now, valid=len(bids), least=rules.min_bids)
        projects.fail(session, actor=SYSTEM, project=project, now=now,
                      reason=f"有效响应 {len(bids)} 家，不足 {rules.min_bids} 家")
        return []
    if panel is None:
        raise IllegalStep(N_("还没有抽取评审小组"))
    _check_complete(panel, rules)
    rows = _ranked(session, project, panel, bids=bids, rules=rules, now=now)
    panel.closed_at = now
    session.flush()
    audit.record(session, actor=actor, action="awards.close_scoring", subject=("project", project.ref),
                 now=now, ranking=[[row.bid.ref, row.rank, str(row.total), row.lot] for row in rows])
    return rows


def _refuse_barred(project: Project, bids: list[SealedBid], now: datetime) -> None:
    """Refuse to go on while a barred offer counts as valid: a person must look and write the reason."""
    for bid in bids:
        if bid.offer is not None and (problems := hard_problems(project, bid.offer, day=beijing_date(now))):
            raise Invalid(N_("{name}：{problem}。请先在资格审查中认定为无效"), field="offers",
                          name=bid.organization.name, problem=problems[0])


def _check_complete(panel: Panel, rules: RuleSet) -> None:
    """Refuse a panel with an empty seat, a missing sheet, or too few experts."""
    waiting = [seat for seat in panel.seats if seat.state in (SeatState.DRAWN, SeatState.SEATED)]
    if waiting:
        raise IllegalStep(N_("还有 {count} 份评分表没有提交"), count=len(waiting))
    if not sheets_are_in(panel):
        raise IllegalStep(N_("评审小组应有 {size} 人，有空缺。请先补抽专家"), size=panel.size)
    experts = sum(seat.is_expert for seat in panel.seats if seat.state == SeatState.SUBMITTED)
    if not committee_is_ok(panel.size, experts, least=rules.panel_min):
        raise IllegalStep(N_("评审小组须为单数，专家不少于三分之二"))


def _ranked(session: Session, project: Project, panel: Panel, *, bids: list[SealedBid], rules: RuleSet,
            now: datetime) -> list[Ranking]:
    """Make the rows of the ranking from the submitted sheets alone."""
    scores = session.scalars(
        select(Score).join(PanelSeat, PanelSeat.id == Score.seat_id)
        .where(Score.project_id == project.id, PanelSeat.state == SeatState.SUBMITTED)).all()
    by_ref = {bid.ref: bid for bid in bids}
    candidates = []
    for bid in bids:
        own = [one for one in scores if one.bid_id == bid.id]
        given = {criterion.id: [one.points for one in own
                                if one.criterion_id == criterion.id and one.points is not None]
                 for criterion in project.criteria}
        assert bid.offer is not None
        candidates.append(Candidate(bid.ref, bid.offer.price, quality_points(given)))
    ranked = rank(candidates, method=project.scoring_method, price_weight=project.price_weight,
                  places=rules.score_places, rounding=ROUNDINGS[rules.score_rounding], seed=panel.seed)
    rows = [Ranking(project_id=project.id, bid=by_ref[one.key], price_points=one.price_points,
                    quality_points=one.quality_points, total=one.total, rank=one.rank, lot=one.lot, made_at=now)
            for one in ranked]
    session.add_all(rows)
    return rows
