"""The funder's desk: each project with what was promised, paid, held and spent, beside whom, and what is still due."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.access import Actor
from marketplace.core.money import Money
from marketplace.core.money import total as add_up
from marketplace.funding.models import Funder, MatchingPool, Pledge
from marketplace.funding.queries.flows import Turnover, flows, turnover, year_span
from marketplace.funding.queries.sums import bucket_sums, by_bucket, fen
from marketplace.funding.rules.buckets import Bucket, PledgeState
from marketplace.funding.rules.figures import Figures, figures
from marketplace.funding.rules.payout import Payout, payout, rule_for
from marketplace.funding.rules.reports import ReportDue, next_report
from marketplace.projects.models import Project

# the further a pledge is, the later it stands here; a project is as far as its last pledge
_ORDER = (PledgeState.DISPUTED, PledgeState.VERBAL, PledgeState.PLEDGED, PledgeState.PAID, PledgeState.HELD,
          PledgeState.RELEASED, PledgeState.DISBURSED, PledgeState.REFUNDED, PledgeState.CANCELLED,
          PledgeState.EXPIRED, PledgeState.WRITTEN_OFF)
_NAMED = 3


@dataclass(frozen=True)
class PortfolioRow:
    """One project of a funder. `co_funders` names at most three others; `co_count` counts them all."""

    project: Project
    promised: Money
    verbal: Money
    figures: Figures
    state: str
    co_funders: Sequence[str]
    co_count: int
    report: ReportDue | None
    year: Turnover | None = None
    receivers: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True)
class Portfolio:
    """All projects of a funder with their sums, and what is due this year."""

    rows: Sequence[PortfolioRow]
    totals: Figures
    verbal: Money
    given: Money
    payout: Payout | None
    year: int


def funders_of(session: Session, actor: Actor) -> list[Funder]:
    """Return the funders for which the actor's organization signs: itself first, then its named funds."""
    if actor.organization_id is None:
        return []
    return list(session.scalars(select(Funder).where(Funder.organization_id == actor.organization_id)
                                .options(joinedload(Funder.organization)).order_by(Funder.fund_name, Funder.id)))


def pools_of(session: Session, funder: Funder) -> list[MatchingPool]:
    """Return a funder's pools, the newest first."""
    return list(session.scalars(select(MatchingPool).where(MatchingPool.funder_id == funder.id)
                                .order_by(MatchingPool.id.desc())))


def portfolio(session: Session, funder: Funder, *, today: date) -> Portfolio:
    """Return a funder's portfolio: one row a project, the latest first."""
    groups = session.execute(
        select(Pledge.project_id, func.max(Pledge.id), *bucket_sums(Pledge)).where(Pledge.funder_id == funder.id)
        .group_by(Pledge.project_id).order_by(func.max(Pledge.id).desc())).all()
    ids = [row[0] for row in groups]
    projects = {one.id: one for one in session.scalars(
        select(Project).where(Project.id.in_(ids)).options(joinedload(Project.buyer)))}
    verbal = _verbal(session, funder)
    states, receivers, refs = _pledges(session, funder)
    years = turnover(flows(session, list(refs), span=year_span(today.year)))
    others = _co_funders(session, funder, ids)
    rows = []
    for row in groups:
        project, fen_ = projects[row[0]], by_bucket(row[2:])
        spoken = verbal.get(project.id, 0)
        of_project = [years[ref] for ref, owner in refs.items() if owner == project.id and ref in years]
        rows.append(PortfolioRow(
            project, promised=Money(sum(fen_.values()) - fen_[Bucket.DROPPED] - fen_[Bucket.REFUNDED] - spoken),
            verbal=Money(spoken), figures=figures(fen_, verbal=spoken), state=_state(states[project.id]),
            co_funders=others.get(project.id, [])[:_NAMED], co_count=len(others.get(project.id, [])),
            report=next_report(project.service_from, project.service_to, today=today),
            year=_sum(of_project), receivers=receivers[project.id]))
    given = add_up([one.given for one in years.values()])
    totals = sum((row.figures for row in rows), Figures())
    return Portfolio(rows, totals, add_up([row.verbal for row in rows]), given, _payout(funder, given), today.year)


def _verbal(session: Session, funder: Funder) -> dict[int, int]:
    """Return what is only spoken yet, by project."""
    rows = session.execute(select(Pledge.project_id, fen(Pledge.open)).where(
        Pledge.funder_id == funder.id, Pledge.is_verbal.is_(True)).group_by(Pledge.project_id))
    return {row[0]: int(row[1]) for row in rows}


def _pledges(session: Session, funder: Funder) -> tuple[dict[int, set[str]], dict[int, list[str]], dict[str, int]]:
    """Return by project the states and receivers of a funder's pledges, and the project of each pledge."""
    states: dict[int, set[str]] = {}
    receivers: dict[int, list[str]] = {}
    refs: dict[str, int] = {}
    pledges = session.scalars(select(Pledge).where(Pledge.funder_id == funder.id)
                              .options(joinedload(Pledge.receiver)).order_by(Pledge.id))
    for one in pledges:
        states.setdefault(one.project_id, set()).add(one.state)
        named = receivers.setdefault(one.project_id, [])
        if one.receiver.name not in named:
            named.append(one.receiver.name)
        refs[one.ref] = one.project_id
    return states, receivers, refs


def _state(states: set[str]) -> str:
    """Return how far a project's pledges are: the least far of those that still move, else the last."""
    return next((state for state in _ORDER if state in states), PledgeState.PLEDGED)


def _co_funders(session: Session, funder: Funder, project_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return by project the other funders of signed pledges, without those that asked not to be named."""
    rows = session.execute(
        select(Pledge.project_id, Funder.id).join(Funder, Funder.id == Pledge.funder_id)
        .where(Pledge.project_id.in_(project_ids), Pledge.funder_id != funder.id, Pledge.is_verbal.is_(False),
               Pledge.amount > Money(0), Pledge.is_name_withheld.is_(False), Funder.is_name_withheld.is_(False))
        .distinct().order_by(Pledge.project_id, Funder.id)).all()
    named = {one.id: one.name for one in session.scalars(
        select(Funder).where(Funder.id.in_({row[1] for row in rows})).options(joinedload(Funder.organization)))}
    found: dict[int, list[str]] = {}
    for project_id, funder_id in rows:
        found.setdefault(project_id, []).append(named[funder_id])
    return found


def _sum(years: Sequence[Turnover]) -> Turnover:
    """Add up turnovers."""
    return Turnover(add_up([one.arrived for one in years]), add_up([one.returned for one in years]),
                    add_up([one.spent for one in years]))


def _payout(funder: Funder, given: Money) -> Payout | None:
    """Return what a funder must still spend this year; None where no rule binds it or its sums are not filled in."""
    body = funder.organization
    if body is None:
        return None
    rule = rule_for(body.kind, may_fundraise=body.may_fundraise, net_assets=funder.net_assets_last_year)
    if rule is None:
        return None
    return payout(rule, income=funder.income_last_year, net_assets=funder.net_assets_last_year, spent=given)


def state_counts(session: Session, funder: Funder) -> Mapping[str, int]:
    """Return how many pledges stand in each state; "" counts all."""
    rows = session.execute(
        select(Pledge.state, func.count()).where(Pledge.funder_id == funder.id).group_by(Pledge.state))
    counts = {state: int(count) for state, count in rows}
    return {"": sum(counts.values()), **counts}
