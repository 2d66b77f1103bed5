"""Official notices (公告): facts copied when published, never edited. A correction is a notice of its own."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.awards.models import Award, ExpertProfile, Notice, Panel, Ranking
from marketplace.awards.rules import NoticeKind, SeatState
from marketplace.core import audit
from marketplace.core.access import Actor
from marketplace.core.publishing import public_changed
from marketplace.procedures.rules import RuleSet
from marketplace.projects.models import Project


def publish_notice(session: Session, *, actor: Actor, project: Project, kind: NoticeKind, title: str,
                   facts: Mapping[str, object], unique_key: str, now: datetime) -> Notice:
    """Publish a notice of a project; the same event (`unique_key`) gives the same notice, however often it is told.

    Called by operations and jobs that have checked who may; `facts` are plain values for all to read.
    """
    if found := session.scalar(select(Notice).where(Notice.unique_key == unique_key)):
        return found
    notice = Notice(project_id=project.id, kind=kind, unique_key=unique_key, title=title, facts=dict(facts),
                    published_at=now)
    session.add(notice)
    session.flush()
    audit.record(session, actor=actor, action="awards.publish_notice", subject=("notice", notice.ref), now=now,
                 kind=str(kind), project=project.ref, title=title)
    public_changed(session, kind="notice", ref=notice.ref, now=now)
    return notice


def project_facts(project: Project) -> dict[str, object]:
    """Return the lines that stand at the head of every notice (GPR 43)."""
    buyer = project.buyer
    return {
        "title": project.title, "number": project.number, "buyer": buyer.name, "buyer_address": buyer.address or "",
        "contact_name": project.contact_name, "contact_phone": project.contact_phone,
        "budget_fen": project.budget.fen if project.budget else None,
        "ceiling_fen": project.ceiling.fen if project.ceiling else None,
        "rule_set": project.rule_set, "scoring_method": project.scoring_method,
        "category_code": project.category_code, "place": project.place,
    }


def selection_facts(project: Project) -> dict[str, object]:
    """Return what the notice of a selection says: the requirement, how it is judged, until when."""
    return {
        **project_facts(project), "summary": project.summary, "body": project.body,
        "special_conditions": project.special_conditions, "price_weight": project.price_weight,
        "criteria": [[one.name, one.weight] for one in project.criteria],
        "indicators": _indicators(project), "closes_at": project.closes_at.isoformat() if project.closes_at else None,
        "service": _service(project),
    }


def result_facts(session: Session, award: Award, *, project: Project, panel: Panel, ranking: list[Ranking],
                 rules: RuleSet) -> dict[str, object]:
    """Return what the notice of a result says: winner, price, service, panel, order, and how to object (GPR 43).

    Points of those who did not win are told to each of them alone (87 art 69); the order is public.
    """
    winner = award.bid.organization
    won = next(row for row in ranking if row.bid_id == award.bid_id)
    return {
        **project_facts(project),
        "winner": winner.name, "winner_code": winner.credit_code, "winner_address": winner.address or "",
        "price_fen": award.price.fen, "winner_total": f"{won.total:.{rules.score_places}f}", "reason": award.reason,
        "service": _service(project), "indicators": _indicators(project), "bids": len(ranking),
        "ranking": [[row.rank, row.bid.organization.name, row.lot] for row in ranking],
        "panel": _members(session, panel),
        "draw": {"seed": panel.seed, "pool": panel.pool, "size": panel.size,
                 "drawn_at": panel.drawn_at.isoformat()},
        "objections_until": award.objections_until.isoformat(), "objection_workdays": rules.objection_workdays,
        "objection_basis": rules.source("objection_workdays"),
    }


def _members(session: Session, panel: Panel) -> list[dict[str, object]]:
    """Return the members who scored: secret until now, named from now on (87 art 66)."""
    seats = [seat for seat in panel.seats if seat.state == SeatState.SUBMITTED]
    profiles = {seat.person_id: session.get(ExpertProfile, seat.person_id) for seat in seats}
    return [
        {"name": seat.person.name, "is_expert": seat.is_expert, "ref": seat.person.ref,
         "employer": profile.employer if (profile := profiles[seat.person_id]) else ""}
        for seat in seats
    ]


def _indicators(project: Project) -> list[list[str]]:
    """Return the quantities and qualities asked for."""
    return [[one.name, one.target, one.unit] for one in project.indicators]


def _service(project: Project) -> dict[str, object]:
    """Return what is bought, for whom, when."""
    return {
        "target_group": project.target_group, "beneficiaries": project.beneficiaries,
        "from": project.service_from.isoformat() if project.service_from else None,
        "to": project.service_to.isoformat() if project.service_to else None,
    }
