"""How a pool's matching money came to be: every allocation with what was asked, what limited it, what it is and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from marketplace.funding.models import Allocation, Funder, MatchingPool, MatchingRule, Pledge
from marketplace.funding.queries.estimates import terms_of
from marketplace.funding.rules.matching import Translate, retell, why
from marketplace.projects.models import Project

PAGE = 100
_AT_ONCE = 1_000


@dataclass(frozen=True)
class Line:
    """One allocation with the pledge beside which it stands."""

    allocation: Allocation
    pledge: Pledge
    project: Project
    funder: Funder
    rule: MatchingRule


def _lines(pool: MatchingPool, state: str) -> Select[Allocation, Pledge, Project, Funder, MatchingRule]:
    """Return a pool's allocations with what belongs to each."""
    query = (
        select(Allocation, Pledge, Project, Funder, MatchingRule).join(Pledge, Pledge.id == Allocation.pledge_id)
        .join(Project, Project.id == Pledge.project_id).join(Funder, Funder.id == Pledge.funder_id)
        .join(MatchingRule, MatchingRule.id == Allocation.rule_id)
        .options(joinedload(Funder.organization)).where(Allocation.pool_id == pool.id))
    return query.where(Allocation.state == state) if state else query


def page(session: Session, pool: MatchingPool, *, state: str = "",
         after: str = "") -> tuple[Sequence[Line], str | None]:
    """Return one page, newest first, and the key that leads to the next."""
    query = _lines(pool, state).order_by(Allocation.id.desc()).limit(PAGE + 1)
    if after:
        start = session.scalar(select(Allocation.id).where(Allocation.ref == after, Allocation.pool_id == pool.id))
        query = query.where(Allocation.id < (start or 0))
    rows = [Line(one, pledge, project, funder, rule)
            for one, pledge, project, funder, rule in session.execute(query)]
    return rows[:PAGE], rows[PAGE - 1].allocation.ref if len(rows) > PAGE else None


def every_line(session: Session, pool: MatchingPool, *, state: str = "") -> Iterator[Line]:
    """Yield all allocations in the order in which they were made."""
    rows = session.execute(_lines(pool, state).order_by(Allocation.id).execution_options(yield_per=_AT_ONCE))
    for one, pledge, project, funder, rule in rows:
        yield Line(one, pledge, project, funder, rule)


def reason(line: Line, translate: Translate) -> str:
    """Return why it is this sum, in the reader's language; what was stored where it cannot be told again."""
    one = line.allocation
    if line.pledge.amount.fen * line.rule.numerator // line.rule.denominator != one.asked.fen:
        return one.reason       # beside other pools: the part it was reckoned on is only in the stored sentence
    return why(retell(terms_of(line.rule), pledged=line.pledge.amount, base=line.pledge.amount, asked=one.asked,
                      given=one.amount, limited_by=one.limited_by), translate)
