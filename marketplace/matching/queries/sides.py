"""What the buyer's and the provider's pages show: ranked lists with their people, comparisons, why or why not."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.conflicts.queries import barred_together, ties_together
from marketplace.contracts.models import Contract
from marketplace.core.clock import beijing_date
from marketplace.core.money import Money
from marketplace.matching.models import MatchingRun, Pairing
from marketplace.matching.models.outreach import ProjectDecline
from marketplace.matching.queries import market
from marketplace.matching.queries import outreach as queries
from marketplace.matching.queries.closed import closed_projects_like
from marketplace.matching.queries.market import Tools
from marketplace.matching.rules.hard import RULES, HardRule, RuleText, named
from marketplace.matching.rules.outreach import Closed
from marketplace.matching.rules.ranking import Explanation, Ranked
from marketplace.matching.rules.runs import PairingState, Publication
from marketplace.matching.rules.weights import CRITERIA, TENTHS, Criterion, Weights
from marketplace.organizations.models import Organization, Rating, ServedArea, ServiceCategory
from marketplace.organizations.rules import grade_on
from marketplace.projects.models import Project

SHOWN, FIRST = 50, 10
NEAREST = 5                              # shown where nobody is suitable


@dataclass(frozen=True)
class Served:
    """An organization that has worked for this buyer before: signed contracts on this platform."""

    organization: Organization
    contracts: int
    last_on: date | None
    amount: Money


@dataclass(frozen=True)
class Candidate:
    """One organization of the list. `served`: contracts with this buyer before."""

    organization: Organization
    ranked: Ranked
    served: int = 0


@dataclass(frozen=True)
class Suggested:
    """The buyer's list: groups of ties in order, who was ruled out by what, who served this buyer before."""

    groups: Sequence[Sequence[Candidate]]
    ruled_out: Sequence[tuple[RuleText, int]]
    considered: int
    nobody: bool
    served: Sequence[Served]
    weights: Weights
    paired: Sequence[Pairing] = ()       # by the runs in force

    @property
    def is_cut(self) -> bool:
        """Say whether the list may go on: more organizations can reach the least total than are listed."""
        return len(self.rows) >= SHOWN

    @property
    def first(self) -> list[list[Candidate]]:
        """Return the leading groups of those who reach the least total: about FIRST organizations, no group cut."""
        many = 0
        for number, group in enumerate(self.upper):
            many += len(group)
            if number and many > FIRST:
                return self.upper[:number]
        return self.upper

    @property
    def more(self) -> list[list[Candidate]]:
        """Return the groups that reach the least total beyond the leading ones."""
        return self.upper[len(self.first):]

    @property
    def rows(self) -> list[Candidate]:
        """Return everybody in order."""
        return [one for group in self.groups for one in group]

    @property
    def upper(self) -> list[list[Candidate]]:
        """Return the groups of those who reach the least total; a group is cut where the line runs through it."""
        return self._part(lambda one: one.ranked.total >= self.weights.least * TENTHS)

    @property
    def lower(self) -> list[list[Candidate]]:
        """Return the groups of those who do not."""
        return self._part(lambda one: one.ranked.total < self.weights.least * TENTHS)

    def _part(self, belongs: Callable[[Candidate], bool]) -> list[list[Candidate]]:
        """Return the groups without whoever does not belong, empty ones left out."""
        kept = ([one for one in group if belongs(one)] for group in self.groups)
        return [group for group in kept if group]

    @property
    def suitable(self) -> int:
        """Return how many reach the least total."""
        return sum(one.ranked.total >= self.weights.least * TENTHS for one in self.rows)


def suggested(session: Session, project: Project, *, tools: Tools, now: datetime, most: int = SHOWN) -> Suggested:
    """Return the ranked list of a project with everything its page says about it."""
    weights = market.weights_in_force(session)
    ranking = market.rank_project(session, project, tools=tools, now=now, most=most)
    served = served_before(session, project.buyer_id)
    times = {one.organization.id: one.contracts for one in served}
    bodies = _organizations(session, [row.provider_key for row in ranking.rows])
    rows = [Candidate(bodies[row.provider_key], row, times.get(row.provider_key, 0))
            for row in ranking.rows if row.provider_key in bodies]
    groups = [sorted(group, key=lambda one: one.organization.name)      # ties: the order says nothing
              for _, group in groupby(rows, key=lambda one: one.ranked.group)]
    ruled_out = sorted(((RULES[rule], many) for rule, many in ranking.ruled_out.items() if many),
                       key=lambda pair: -pair[1])
    return Suggested(groups, ruled_out, ranking.considered, ranking.nobody, served, weights, paired(session, project))


def paired(session: Session, project: Project) -> Sequence[Pairing]:
    """Return the pairs of a project in the runs that are in force, best first."""
    return session.scalars(
        select(Pairing).join(MatchingRun).where(
            Pairing.project_id == project.id, Pairing.state != PairingState.REMOVED,
            MatchingRun.publication == Publication.PUBLISHED)
        .options(joinedload(Pairing.provider), joinedload(Pairing.run))
        .order_by(Pairing.total.desc(), Pairing.id)).all()


def _organizations(session: Session, ids: Iterable[int]) -> dict[int, Organization]:
    """Return organizations by id; whoever was deleted since the market was read is left out."""
    return {one.id: one for one in session.scalars(select(Organization).where(Organization.id.in_(list(ids))))}


def served_before(session: Session, buyer_id: int) -> list[Served]:
    """Return who had signed contracts with this buyer, most contracts first."""
    found: dict[int, list[Contract]] = {}
    for contract in session.scalars(
            select(Contract).where(Contract.buyer_id == buyer_id, Contract.state == "signed")
            .options(joinedload(Contract.provider)).order_by(Contract.signed_on)):
        found.setdefault(contract.provider_id, []).append(contract)
    rows = [Served(mine[0].provider, len(mine), mine[-1].signed_on, Money(sum(one.amount.fen for one in mine)))
            for mine in found.values()]
    return sorted(rows, key=lambda one: (-one.contracts, one.organization.name))


@dataclass(frozen=True)
class Compared:
    """One organization side by side with others: facts that people ask for, and how it stands to the project."""

    organization: Organization
    explanation: Explanation
    rules: Sequence[RuleText]
    grade: int | None
    contracts: int                       # signed on this platform
    served: int                          # of these, with this buyer
    running: int                         # whose service period is not over

    @property
    def ranked(self) -> Ranked | None:
        """Return its contributions, unless a rule stands against it."""
        return self.explanation.ranked


def compared(session: Session, project: Project, refs: Sequence[str], *, tools: Tools, now: datetime) -> list[Compared]:
    """Return the named organizations side by side, in the order in which they were named; strange names left out."""
    found = []
    today = beijing_date(now)
    for body in queries.by_refs(session, refs):
        mine = session.execute(
            select(Contract.buyer_id, Project.service_to).join(Project, Project.id == Contract.project_id)
            .where(Contract.provider_id == body.id, Contract.state == "signed")).all()
        explanation = market.explain_pair(session, project, body, tools=tools, now=now)
        ratings = session.scalars(select(Rating).where(Rating.organization_id == body.id)).all()
        found.append(Compared(
            body, explanation, [RULES[rule] for rule in named(explanation.bits)], grade_on(ratings, today), len(mine),
            sum(row.buyer_id == project.buyer_id for row in mine),
            sum(row.service_to is None or row.service_to >= today for row in mine)))
    return found


@dataclass(frozen=True)
class Beside:
    """Two organizations that are tied to each other: what kind of tie, whether it keeps them out of one contract."""

    one: Organization
    other: Organization
    label: str
    bars: bool


def tied_to_each_other(session: Session, bodies: Iterable[Organization], *, now: datetime) -> list[Beside]:
    """Return which of a few organizations are tied to each other, those that may not share a contract first."""
    by_key = {one.id: one for one in bodies}
    found = [Beside(by_key[tie.one], by_key[tie.other], tie.label, tie.bars)
             for tie in ties_together(session, list(by_key), today=beijing_date(now))]
    return sorted(found, key=lambda tie: (not tie.bars, tie.one.name, tie.other.name))


def barred_beside(session: Session, bodies: Iterable[Organization], *, now: datetime) -> dict[int, list[Organization]]:
    """Return for each of these organizations the others with which it may not share a contract, by name."""
    by_key = {one.id: one for one in bodies}
    found = barred_together(session, list(by_key), today=beijing_date(now))
    return {key: sorted((by_key[one] for one in others), key=lambda body: body.name) for key, others in found.items()}


@dataclass(frozen=True)
class WhyNot:
    """How one organization stands to one project, what stands against it, what would help."""

    organization: Organization
    explanation: Explanation
    rules: Sequence[tuple[HardRule, RuleText]]
    weights: Weights
    closed: Closed | None
    decline: ProjectDecline | None
    is_followed: bool
    missing: Sequence[Criterion] = field(default=())

    @property
    def is_suitable(self) -> bool:
        """Say whether it would be proposed: no rule against it, and enough points."""
        return self.explanation.ranked is not None and not self.explanation.short

    @property
    def best_step(self) -> tuple[Criterion, int] | None:
        """Return the criterion that would add most points, and how many (tenths): the counterfactual."""
        steps = [pair for pair in self.explanation.lacking if pair[1] > 0]
        return max(steps, key=lambda pair: pair[1]) if steps else None


def why_not(session: Session, project: Project, provider: Organization, *, tools: Tools, now: datetime) -> WhyNot:
    """Return how an organization stands to a project, with figures of closed projects like it."""
    explanation = market.explain_pair(session, project, provider, tools=tools, now=now, with_panel=False)
    return WhyNot(
        provider, explanation, [(rule, RULES[rule]) for rule in named(explanation.bits)],
        market.weights_in_force(session), closed_projects_like(session, project),
        queries.standing_decline(session, project, provider.id), queries.is_followed(session, project, provider.id),
        unknown(explanation.ranked))


def unknown(ranked: Ranked | None) -> list[Criterion]:
    """Return the criteria for which a neutral value stands in."""
    return [part.criterion for part in ranked.parts if not part.is_known] if ranked else []


@dataclass(frozen=True)
class ForMe:
    """What an organization's page shows: open projects that suit it, what it follows, declines and has not said."""

    organization: Organization
    suitable: Sequence[tuple[Project, Ranked]]
    others: Sequence[tuple[Project, Ranked]]
    followed: Sequence[Project]
    declined: Sequence[ProjectDecline]
    missing: Sequence[Criterion]
    weights: Weights
    followed_ids: frozenset[int] = frozenset()


def for_me(session: Session, provider: Organization, *, tools: Tools, now: datetime) -> ForMe:
    """Return the open projects for one organization, best first. Drafts of buyers are never among them."""
    weights = market.weights_in_force(session)
    rows = [(project, ranked) for project, ranked in market.projects_for(session, provider, tools=tools, now=now)
            if project.state == "published" and project.closes_at is not None and now < project.closes_at]
    followed = queries.followed_by(session, provider.id)
    line = weights.least * TENTHS
    return ForMe(
        provider, [pair for pair in rows if pair[1].total >= line], [pair for pair in rows if pair[1].total < line],
        followed, queries.declines_of(session, provider.id), unsaid(session, provider), weights,
        frozenset(project.id for project in followed))


def unsaid(session: Session, provider: Organization) -> list[Criterion]:
    """Return what an organization has not told about itself, as the criteria that go without it."""
    facts: Mapping[Criterion, object] = {
        Criterion.CATEGORY: session.scalar(select(ServiceCategory.id).where(
            ServiceCategory.organization_id == provider.id).limit(1)),
        Criterion.TEXT: provider.business_scope or provider.about,
        Criterion.AREA: session.scalar(select(ServedArea.id).where(ServedArea.organization_id == provider.id).limit(1)),
        Criterion.CAPACITY: None if provider.capacity_projects is None else True,
    }
    return [one for one in CRITERIA if one in facts and not facts[one]]


def own_organization(session: Session, organization_id: int | None) -> Organization | None:
    """Return the organization that the actor acts for, with what its pages name."""
    if organization_id is None:
        return None
    return session.scalar(select(Organization).where(Organization.id == organization_id).options(
        selectinload(Organization.categories), selectinload(Organization.areas)))
