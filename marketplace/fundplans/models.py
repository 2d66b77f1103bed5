"""Plans of money with their frozen inputs, what they propose line by line, and which projects a funder follows."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint, false, true
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.accounts.models import Person
from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money
from marketplace.documents.models import guard_table, guards
from marketplace.funding.models import Funder, MatchingPool
from marketplace.matching.models.weights import guard, kept
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project


class FundPlan(Model):
    """One proposal of which funds could pay for which projects. `organization`: whose pools; None: everybody's.

    Values and bounds in tenths of a point. `attempt` counts the times it was asked for: late jobs of an older one do
    nothing.
    """

    __tablename__ = "fund_plan"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"), index=True)
    title: Mapped[str]
    points: Mapped[int]                                          # of projects without a published pairing
    runs: Mapped[list[str]] = mapped_column(JSON, default=list)  # refs of the matching runs that gave the values
    inputs_sha256: Mapped[str]
    state: Mapped[str] = mapped_column(default="draft")          # rules.PlanState
    phase: Mapped[str] = mapped_column(default="waiting")        # rules.Phase
    attempt: Mapped[int] = mapped_column(default=1)
    cancel_asked_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")
    method: Mapped[str] = mapped_column(default="")              # rules.Method
    value: Mapped[int | None]
    bound: Mapped[int | None]                                    # no plan on these inputs brings more
    first_value: Mapped[int | None]                              # what first come, first served would bring
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime]
    asked_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))   # of this attempt
    asked_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    solved_at: Mapped[datetime | None]
    shared_at: Mapped[datetime | None]
    shared_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    withdrawn_at: Mapped[datetime | None]
    withdraw_reason: Mapped[str] = mapped_column(default="")

    organization: Mapped[Organization | None] = relationship()
    person: Mapped[Person | None] = relationship(foreign_keys=[created_by])
    projects: Mapped[list["FundPlanProject"]] = relationship(back_populates="plan", order_by="FundPlanProject.position")
    funds: Mapped[list["FundPlanFund"]] = relationship(back_populates="plan", order_by="FundPlanFund.position")
    lines: Mapped[list["FundPlanLine"]] = relationship(back_populates="plan", order_by="FundPlanLine.id")

    __table_args__ = (
        CheckConstraint("title <> ''", name="title"),
        CheckConstraint("points BETWEEN 1 AND 100", name="points"),
        CheckConstraint("state IN ('draft', 'solved', 'shared', 'withdrawn')", name="state"),
        CheckConstraint("phase IN ('waiting', 'bound', 'greedy', 'exact', 'lines', 'done', 'cancelled', 'failed')",
                        name="phase"),
        CheckConstraint("method IN ('', 'exact', 'greedy')", name="method"),
        CheckConstraint("(phase = 'failed') = (error <> '')", name="failed_has_error"),
        CheckConstraint("(phase = 'done') = (solved_at IS NOT NULL)", name="done_has_time"),
        CheckConstraint("state NOT IN ('solved', 'shared') OR phase = 'done'", name="solved_is_done"),
        CheckConstraint("state <> 'draft' OR phase <> 'done'", name="draft_is_not_done"),
        CheckConstraint("(solved_at IS NULL) = (value IS NULL) AND (solved_at IS NULL) = (bound IS NULL)"
                        " AND (solved_at IS NULL) = (first_value IS NULL)", name="solved_has_values"),
        CheckConstraint("value IS NULL OR (value <= bound AND first_value <= value AND first_value >= 0)",
                        name="values"),
        CheckConstraint("(shared_at IS NULL) = (shared_by IS NULL)", name="shared_has_person"),
        CheckConstraint("state <> 'shared' OR shared_at IS NOT NULL", name="shared_has_time"),
        CheckConstraint("(state = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn_has_time"),
        CheckConstraint("(state = 'withdrawn') = (withdraw_reason <> '')", name="withdrawn_has_reason"),
    )


class FundPlanProject(Model):
    """One project as it stood when the plan was made, and what the plan does with it. `gap` None: not known.

    `position`: the order in which projects were published. `is_first`: first come, first served would have paid it.
    `costs`: the named costs that make up the gap (ref, name, fen). `drafted`: papers from plans that wait for a
    signature; the gap is what is left beside them.
    """

    __tablename__ = "fund_plan_project"

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("fund_plan.id"))
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    position: Mapped[int]
    value: Mapped[int]                                           # tenths of a point
    is_paired: Mapped[bool]                                      # the value is that of a published pairing
    budget: Mapped[Money]
    gap: Mapped[Money | None]
    basis: Mapped[str]                                           # rules.gaps.Basis
    category: Mapped[str] = mapped_column(default="")
    area: Mapped[str] = mapped_column(default="")
    costs: Mapped[list[dict[str, object]]] = mapped_column(JSON, default=list, server_default=sql("'[]'"))
    drafted: Mapped[Money] = mapped_column(default=Money(0), server_default="0")
    outcome: Mapped[str] = mapped_column(default="")             # rules.Outcome; empty: not reckoned yet
    is_first: Mapped[bool] = mapped_column(default=False)

    plan: Mapped[FundPlan] = relationship(back_populates="projects")
    project: Mapped[Project] = relationship()
    lines: Mapped[list["FundPlanLine"]] = relationship(back_populates="project_row", order_by="FundPlanLine.id")

    __table_args__ = (
        UniqueConstraint("plan_id", "project_id"),
        CheckConstraint("value >= 1", name="value"),
        CheckConstraint("budget > 0 AND (gap IS NULL OR gap > 0)", name="gap"),
        CheckConstraint("basis IN ('cost_lines', 'budget', 'unknown')", name="basis"),
        CheckConstraint("(gap IS NULL) = (basis = 'unknown')", name="unknown_is_not_zero"),
        CheckConstraint("outcome IN ('', 'funded', 'no_fund', 'too_large', 'used_up', 'gap_unknown')", name="outcome"),
        CheckConstraint("gap IS NOT NULL OR outcome IN ('', 'gap_unknown')", name="unknown_gets_nothing"),
    )


class FundPlanFund(Model):
    """One pool as it stood: of a project it bears at most `parts` of `whole`, at most `cap`; `available` in all.

    `already`: project ref -> fen it gave that project before. `price`: thousandths of a point that one more 万元 of it
    would bring. `pledge_cap`, `donor_cap`: its rule's caps for one pledge and one donor. `has_receiver`: somebody of
    its `receiver_kinds` can receive. `drafted`, `signed`: of papers from plans, taken off `available`.
    """

    __tablename__ = "fund_plan_fund"

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("fund_plan.id"))
    pool_id: Mapped[int] = mapped_column(ForeignKey("matching_pool.id"), index=True)
    position: Mapped[int]
    rule_version: Mapped[int]
    parts: Mapped[int]
    whole: Mapped[int]
    cap: Mapped[Money | None]
    available: Mapped[Money]
    categories: Mapped[list[str]] = mapped_column(JSON, default=list)
    areas: Mapped[list[str]] = mapped_column(JSON, default=list)
    already: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    pledge_cap: Mapped[Money | None]
    donor_cap: Mapped[Money | None]
    receiver_kinds: Mapped[list[str]] = mapped_column(JSON, default=list, server_default=sql("'[]'"))
    has_receiver: Mapped[bool] = mapped_column(default=True, server_default=true())
    is_lottery: Mapped[bool] = mapped_column(default=False, server_default=false())
    drafted: Mapped[Money] = mapped_column(default=Money(0), server_default="0")
    signed: Mapped[Money] = mapped_column(default=Money(0), server_default="0")
    spent: Mapped[Money] = mapped_column(default=Money(0))
    first_spent: Mapped[Money] = mapped_column(default=Money(0))
    price: Mapped[int] = mapped_column(default=0)

    plan: Mapped[FundPlan] = relationship(back_populates="funds")
    pool: Mapped[MatchingPool] = relationship()

    __table_args__ = (
        UniqueConstraint("plan_id", "pool_id"),
        CheckConstraint("parts > 0 AND whole >= parts", name="share"),
        CheckConstraint("available > 0 AND (cap IS NULL OR cap > 0)", name="available"),
        CheckConstraint("pledge_cap IS NULL OR pledge_cap > 0", name="pledge_cap"),
        CheckConstraint("donor_cap IS NULL OR donor_cap > 0", name="donor_cap"),
        CheckConstraint("spent >= 0 AND spent <= available AND first_spent >= 0 AND first_spent <= available",
                        name="spent"),
        CheckConstraint("price >= 0", name="price"),
    )

    @property
    def unspent(self) -> Money:
        """Return what the plan leaves in the pool."""
        return self.available - self.spent


class FundPlanLine(Model):
    """What the plan proposes that one pool's funder promises to one project. It is no promise: a person makes those.

    `parts`: by named cost (ref, name, fen), where the gap is one of named costs: each part is a promise of its own.
    """

    __tablename__ = "fund_plan_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("fund_plan.id"))
    project_row_id: Mapped[int] = mapped_column(ForeignKey("fund_plan_project.id"))
    fund_row_id: Mapped[int] = mapped_column(ForeignKey("fund_plan_fund.id"), index=True)
    amount: Mapped[Money]
    parts: Mapped[list[dict[str, object]]] = mapped_column(JSON, default=list, server_default=sql("'[]'"))

    plan: Mapped[FundPlan] = relationship(back_populates="lines")
    project_row: Mapped[FundPlanProject] = relationship(back_populates="lines")
    fund_row: Mapped[FundPlanFund] = relationship()

    __table_args__ = (
        UniqueConstraint("project_row_id", "fund_row_id"),
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_fund_plan_line_plan", "plan_id"),
    )


class FundFollow(Model):
    """A funder followed a project, or stopped. Rows are only added; the newest of a pair holds."""

    __tablename__ = "fund_follow"

    id: Mapped[int] = mapped_column(primary_key=True)
    funder_id: Mapped[int] = mapped_column(ForeignKey("funder.id"))
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    is_on: Mapped[bool]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]

    funder: Mapped[Funder] = relationship()
    project: Mapped[Project] = relationship()

    __table_args__ = (Index("ix_fund_follow_pair", "funder_id", "project_id", "id"),)


FOLLOW_GUARDS = kept(FundFollow.__tablename__)
guard(FundFollow, FOLLOW_GUARDS)

# what a plan was reckoned on is frozen: the database itself refuses to change it
PLAN_GUARDS = guards("fund_plan", ("organization_id", "title", "points", "runs", "inputs_sha256", "created_by",
                                   "created_at"))
PROJECT_GUARDS = guards("fund_plan_project", ("plan_id", "project_id", "position", "value", "is_paired", "budget",
                                              "gap", "basis", "category", "area"))
FUND_GUARDS = guards("fund_plan_fund", ("plan_id", "pool_id", "position", "rule_version", "parts", "whole", "cap",
                                        "available", "categories", "areas", "already"))


def _later(table: str, columns: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the same guard for columns that came later: a second trigger, which needs no function of its own."""
    return {dialect: (lines[-1].replace(f"TRIGGER {table}_unchanged", f"TRIGGER {table}_limits_unchanged"),)
            for dialect, lines in guards(table, columns).items()}


PROJECT_LIMIT_GUARDS = _later("fund_plan_project", ("costs", "drafted"))
FUND_LIMIT_GUARDS = _later("fund_plan_fund", ("pledge_cap", "donor_cap", "receiver_kinds", "has_receiver", "is_lottery",
                                              "drafted", "signed"))
guard_table(FundPlan.__table__, PLAN_GUARDS)
guard_table(FundPlanProject.__table__, PROJECT_GUARDS)
guard_table(FundPlanFund.__table__, FUND_GUARDS)
guard_table(FundPlanProject.__table__, PROJECT_LIMIT_GUARDS)
guard_table(FundPlanFund.__table__, FUND_LIMIT_GUARDS)
