"""Reads for the pages: what waits for a person's look, what was settled, who declared what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, selectinload

from marketplace.conflicts.models import ConflictDeclaration, ConflictSettlement, DeclaredRelation
from marketplace.conflicts.queries.facts import Loaded, load, newest
from marketplace.conflicts.queries.pairs import Finding, finding
from marketplace.conflicts.rules import GROUNDS, Clearing, Declarer, Ground, Side, Strength, Tie, strength_after, ties
from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState

MOST_TOUCHED = 500
RUNNING = (ProjectState.PUBLISHED, ProjectState.OPENED, ProjectState.AWARDED)


def running_projects(session: Session) -> list[int]:
    """Return the projects for which a conflict matters now: published, without a contract yet, not ended."""
    return list(session.scalars(select(Project.id).where(Project.state.in_(RUNNING)).order_by(Project.id)))


@dataclass(frozen=True)
class Case:
    """One tie that a person looks at. `outcome` is empty until somebody settled it; `declared_at`: the provider did."""

    tie: Tie
    provider_ref: str
    provider_name: str
    finding: Finding
    projects: tuple[int, ...]
    outcome: str = ""
    declared_at: datetime | None = None

    @property
    def may_be_settled(self) -> bool:
        """Say whether a person's look, or a withdrawal, can change anything here."""
        return GROUNDS[self.tie.ground].clearing is not Clearing.NEVER

    @property
    def needs_declaration(self) -> bool:
        """Say whether it may be cleared only after the provider declared. Not where asking would reveal the panel."""
        is_look = GROUNDS[self.tie.ground].clearing is Clearing.LOOK
        return is_look and self.tie.side is not Side.PROJECT and self.declared_at is None


def _cases(session: Session, loaded: Loaded, wanted: Sequence[Tie]) -> list[Case]:
    """Return ties with the names that pages show."""
    keys = {tie.provider for tie in wanted}
    names = {row.id: row for row in session.execute(
        select(Organization.id, Organization.ref, Organization.name).where(Organization.id.in_(keys)))}
    declared = {row.organization_id: row.declared_at for row in session.execute(
        select(ConflictDeclaration.organization_id, ConflictDeclaration.declared_at)
        .where(ConflictDeclaration.id.in_(newest(Declarer.PROVIDER)), ConflictDeclaration.organization_id.in_(keys)))}
    made = []
    for tie in wanted:
        provider, outcome = names[tie.provider], loaded.settled.get(tie.key, "")
        strength = strength_after(tie.ground, outcome or None) or Strength.FLAG
        made.append(Case(
            tie, provider.ref, provider.name,
            finding(tie.ground, strength, provider=provider.name, other=tie.other, detail=tie.detail, tie_key=tie.key),
            tuple(loaded.behind.get((tie.side, tie.anchor), ())), outcome, declared.get(tie.provider)))
    return made


def waiting(session: Session, *, clearing: Clearing, today: date, provider: Organization | None = None) -> list[Case]:
    """Return the unsettled ties of running projects that this kind of clearing can lift, declared ones first."""
    wanted = None if provider is None else [provider.id]
    loaded = load(session, running_projects(session), wanted, today=today)
    open_ = {tie.key: tie for tie in ties(loaded.facts)
             if GROUNDS[tie.ground].clearing is clearing and tie.key not in loaded.settled
             and loaded.behind.get((tie.side, tie.anchor))}
    return sorted(_cases(session, loaded, list(open_.values())),
                  key=lambda one: (one.needs_declaration, -len(one.projects), one.provider_name, one.tie.key))


def case(session: Session, provider: Organization, tie_key: str, *, today: date) -> Case:
    """Return one tie of a provider with a running project, settled or not; Denied (404) when it no longer holds."""
    loaded = load(session, running_projects(session), [provider.id], today=today)
    found = next((tie for tie in ties(loaded.facts)
                  if tie.key == tie_key and loaded.behind.get((tie.side, tie.anchor))), None)
    if found is None:
        raise Denied(N_("这项关系已经不存在，不用再核对"), hidden=True)
    return _cases(session, loaded, [found])[0]


def touched(session: Session, one: Case, *, limit: int = 20) -> list[Project]:
    """Return running projects that a tie concerns, newest first."""
    return list(session.scalars(
        select(Project).where(Project.id.in_(one.projects[-MOST_TOUCHED:]))
        .order_by(Project.published_at.desc(), Project.id).limit(limit)))


def settled() -> Select[ConflictSettlement]:
    """Return the statement of what was found last about each tie, newest first."""
    last = select(func.max(ConflictSettlement.id)).group_by(ConflictSettlement.tie_key)
    return (select(ConflictSettlement).where(ConflictSettlement.id.in_(last))
            .options(selectinload(ConflictSettlement.provider), selectinload(ConflictSettlement.settler))
            .order_by(ConflictSettlement.id.desc()))


def settlement(session: Session, ref: str) -> ConflictSettlement:
    """Return one finding; raises Denied (404) when there is none."""
    found = session.scalar(select(ConflictSettlement).where(ConflictSettlement.ref == ref))
    if found is None:
        raise Denied(N_("没有这条核对结论"), hidden=True)
    return found


def history(session: Session, tie_key: str) -> list[ConflictSettlement]:
    """Return everything that was found about one tie, newest first."""
    return list(session.scalars(select(ConflictSettlement).where(ConflictSettlement.tie_key == tie_key)
                                .order_by(ConflictSettlement.id.desc())))


def declarations_of(session: Session, organization: Organization) -> list[ConflictDeclaration]:
    """Return what a provider declared, newest first; the first one is in force."""
    return _declarations(session, select(ConflictDeclaration).where(
        ConflictDeclaration.declarer == Declarer.PROVIDER, ConflictDeclaration.organization_id == organization.id))


def declarations_by(session: Session, person_id: int) -> list[ConflictDeclaration]:
    """Return what a person who buys declared about himself, newest first; the first one is in force."""
    return _declarations(session, select(ConflictDeclaration).where(
        ConflictDeclaration.declarer == Declarer.STAFF, ConflictDeclaration.person_id == person_id))


def declarations_naming(session: Session, organization: Organization) -> list[ConflictDeclaration]:
    """Return what people who buy declare now and in which this provider is named, by code or by its whole name."""
    names = DeclaredRelation.body_name == organization.name
    if organization.credit_code:
        names = or_(names, DeclaredRelation.body_code == organization.credit_code)
    return _declarations(session, select(ConflictDeclaration).where(
        ConflictDeclaration.id.in_(newest(Declarer.STAFF)), ConflictDeclaration.relations.any(names)))


def _declarations(session: Session, found: Select[ConflictDeclaration]) -> list[ConflictDeclaration]:
    """Return declarations with their relations and authors."""
    return list(session.scalars(found.options(selectinload(ConflictDeclaration.relations),
                                              selectinload(ConflictDeclaration.author))
                                .order_by(ConflictDeclaration.id.desc())))


def against(session: Session, provider: Organization, *, today: date) -> list[Finding]:
    """Return what stands between a provider and buyers or funders of running projects, as the provider may read it.

    Nothing about panels: who sits there is secret before the result.
    """
    loaded = load(session, running_projects(session), [provider.id], today=today)
    found: dict[tuple[Ground, str], Finding] = {}
    for tie in ties(loaded.facts):
        strength = strength_after(tie.ground, loaded.settled.get(tie.key))
        if strength is not None and tie.side is not Side.PROJECT and loaded.behind.get((tie.side, tie.anchor)):
            seen = tie.other if "{other}" in GROUNDS[tie.ground].told else ""
            found.setdefault((tie.ground, seen), finding(
                tie.ground, strength, provider=provider.name, other=tie.other, detail=tie.detail, tie_key=tie.key))
    if provider.id in loaded.unknown:
        found[Ground.IDENTITY, ""] = finding(Ground.IDENTITY, Strength.FLAG, provider=provider.name)
    return sorted(found.values(), key=lambda one: not one.bars)
