"""Matching runs: what was asked, what it was computed from, what it proposes, and every edit of people."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.accounts.models import Person
from marketplace.core.db import Model, new_ref
from marketplace.matching.models.weights import WeightSet, guard, kept
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

_LIVE = "publication = 'published'"
_BUSY = "state IN ('queued', 'running')"


class MatchingRun(Model):
    """One computation of who could do what. At most one of a scope is published; the database holds it.

    `edits` is the number of the last edit: whoever changes the run says on which number he looked.
    """

    __tablename__ = "matching_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    number: Mapped[int] = mapped_column(unique=True)
    title: Mapped[str]
    scope: Mapped[str] = mapped_column(default="")               # unit path; empty: every unit
    reach: Mapped[str] = mapped_column(default="open")           # open, planned, all
    weight_set_id: Mapped[int] = mapped_column(ForeignKey("weight_set.id"))
    state: Mapped[str] = mapped_column(default="queued")
    phase: Mapped[str] = mapped_column(default="waiting")
    progress: Mapped[int] = mapped_column(default=0)             # per cent
    worker: Mapped[str | None]                                   # who computes it; another one may take over
    worked_at: Mapped[datetime | None]                           # when that one was last heard of
    cancel_asked_at: Mapped[datetime | None]
    inputs_sha256: Mapped[str | None] = mapped_column(index=True)
    metrics: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    notes: Mapped[list[dict[str, object]]] = mapped_column(JSON, default=list)  # {sentence, facts}: who was left out
    error: Mapped[str] = mapped_column(default="")
    edits: Mapped[int] = mapped_column(default=0)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    publication: Mapped[str] = mapped_column(default="draft")
    published_at: Mapped[datetime | None]
    published_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    unpublished_at: Mapped[datetime | None]
    superseded_by_id: Mapped[int | None] = mapped_column(ForeignKey("matching_run.id"))

    weight_set: Mapped[WeightSet] = relationship()
    person: Mapped[Person | None] = relationship(foreign_keys=[created_by])
    needs: Mapped[list["RunNeed"]] = relationship(back_populates="run", order_by="RunNeed.project_id")
    pairings: Mapped[list["Pairing"]] = relationship(back_populates="run", order_by="Pairing.id")
    edit_rows: Mapped[list["RunEdit"]] = relationship(back_populates="run", order_by="RunEdit.number")

    __table_args__ = (
        CheckConstraint("title <> ''", name="title"),
        CheckConstraint("reach IN ('open', 'planned', 'all')", name="reach"),
        CheckConstraint("state IN ('queued', 'running', 'done', 'cancelled', 'failed')", name="state"),
        CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
        CheckConstraint("state NOT IN ('running', 'done') OR started_at IS NOT NULL", name="started_has_time"),
        CheckConstraint("(state IN ('done', 'cancelled', 'failed')) = (finished_at IS NOT NULL)",
                        name="finished_has_time"),
        CheckConstraint("state <> 'done' OR inputs_sha256 IS NOT NULL", name="done_has_inputs"),
        CheckConstraint("(state = 'failed') = (error <> '')", name="failed_has_error"),
        CheckConstraint("publication IN ('draft', 'published', 'unpublished', 'superseded')", name="publication"),
        CheckConstraint("publication = 'draft' OR (state = 'done' AND published_at IS NOT NULL)",
                        name="published_is_done"),
        CheckConstraint("(publication IN ('unpublished', 'superseded')) = (unpublished_at IS NOT NULL)",
                        name="unpublished_has_time"),
        CheckConstraint("(publication = 'superseded') = (superseded_by_id IS NOT NULL)", name="superseded_has_heir"),
        Index("uq_matching_run_published", "scope", unique=True,
              sqlite_where=text(_LIVE), postgresql_where=text(_LIVE)),
        Index("uq_matching_run_busy", "scope", "reach", "weight_set_id", unique=True,
              sqlite_where=text(_BUSY), postgresql_where=text(_BUSY)),
    )


class RunInput(Model):
    """What a run was computed from: candidate columns (rules.edges.Edges.as_bytes), pairs that it tries to keep.

    `held`: [project id, provider id] of the pairs that were in force when it began.
    """

    __tablename__ = "matching_run_input"

    run_id: Mapped[int] = mapped_column(ForeignKey("matching_run.id"), primary_key=True)
    edges: Mapped[bytes] = mapped_column(LargeBinary)
    held: Mapped[list[list[int]]] = mapped_column(JSON, default=list)


class RunNeed(Model):
    """What became of one project: how many candidates, which rule removed most, paired or why not.

    `best_...`: the provider highest in its list; `gap`: by how many tenths that provider's place is worth more to
    `rival`, where the project did not get it.
    """

    __tablename__ = "matching_run_need"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("matching_run.id"))
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    wants: Mapped[int]
    given: Mapped[int] = mapped_column(default=0)
    candidates: Mapped[int]
    top_rule: Mapped[int] = mapped_column(default=0)             # one bit of rules.hard.HardRule; 0: none removed any
    top_rule_count: Mapped[int] = mapped_column(default=0)
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    best_provider_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    best_total: Mapped[int | None]                               # tenths of a point
    gap: Mapped[int | None]
    rival_id: Mapped[int | None] = mapped_column(ForeignKey("project.id"))

    run: Mapped[MatchingRun] = relationship(back_populates="needs")
    project: Mapped[Project] = relationship(foreign_keys=[project_id])
    best_provider: Mapped[Organization | None] = relationship()
    rival: Mapped[Project | None] = relationship(foreign_keys=[rival_id])

    __table_args__ = (
        UniqueConstraint("run_id", "project_id"),
        CheckConstraint("state IN ('paired', 'partly', 'unassigned', 'withdrawn')", name="state"),
        CheckConstraint("candidates >= 0 AND given >= 0 AND wants >= 0", name="counts"),
        CheckConstraint("state NOT IN ('paired', 'partly') OR given > 0", name="paired_has_provider"),
        CheckConstraint("(state IN ('unassigned', 'withdrawn', 'partly')) = (reason <> '')", name="nobody_has_reason"),
    )


class Pairing(Model):
    """One proposed pair. `contributions` (criterion -> tenths, adjustments included) sum to `total`, in tenths.

    `known`: bit i is set where criterion i of weights.CRITERIA rests on a known fact. `price`: tenths by which the
    provider's last place is worth more to the next project. `is_pinned`: a person asked for it.
    """

    __tablename__ = "pairing"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    run_id: Mapped[int] = mapped_column(ForeignKey("matching_run.id"))
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    total: Mapped[int]
    contributions: Mapped[dict[str, int]] = mapped_column(JSON)
    known: Mapped[int] = mapped_column(default=0)
    channel: Mapped[str] = mapped_column(default="category")     # category, text
    price: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(default="proposed")
    is_pinned: Mapped[bool] = mapped_column(default=False)
    since_edit: Mapped[int] = mapped_column(default=0)           # the edit that made or removed it; 0: the run itself
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    run: Mapped[MatchingRun] = relationship(back_populates="pairings")
    project: Mapped[Project] = relationship()
    provider: Mapped[Organization] = relationship()

    __table_args__ = (
        UniqueConstraint("run_id", "project_id", "provider_id"),
        CheckConstraint("state IN ('proposed', 'confirmed', 'removed')", name="state"),
        CheckConstraint("channel IN ('category', 'text')", name="channel"),
        CheckConstraint("price >= 0", name="price"),
        CheckConstraint("(state = 'confirmed') = (confirmed_at IS NOT NULL)", name="confirmed_has_time"),
    )


class RunEdit(Model):
    """What a person overruled, with his reason. Rows are never changed or deleted: the database refuses.

    `candidate`: what an edit brings along: the columns of a pair where a pin names a provider that was no candidate
    (rules.edits.Candidate), or those of a project that was posted later (Added).
    """

    __tablename__ = "matching_run_edit"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    run_id: Mapped[int] = mapped_column(ForeignKey("matching_run.id"))
    number: Mapped[int]                                          # from 1 within the run
    kind: Mapped[str]
    project_id: Mapped[int | None] = mapped_column(ForeignKey("project.id"))
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    value: Mapped[int | None]
    candidate: Mapped[dict[str, object] | None] = mapped_column(JSON(none_as_null=True))
    reason: Mapped[str]
    total_before: Mapped[int]                                    # tenths, as RunMetrics.total
    total_after: Mapped[int]
    changed: Mapped[int]                                         # pairs that came or went
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    actor_name: Mapped[str]
    at: Mapped[datetime]

    run: Mapped[MatchingRun] = relationship(back_populates="edit_rows")
    project: Mapped[Project | None] = relationship()
    provider: Mapped[Organization | None] = relationship()

    __table_args__ = (
        UniqueConstraint("run_id", "number"),
        CheckConstraint("number >= 1", name="number"),
        CheckConstraint("reason <> ''", name="reason"),
        CheckConstraint("kind IN ('add', 'withdraw', 'pin', 'forbid', 'capacity', 'wanted', 'confirm', 'release')",
                        name="kind"),
        CheckConstraint("kind NOT IN ('pin', 'forbid', 'confirm', 'release')"
                        " OR (project_id IS NOT NULL AND provider_id IS NOT NULL)", name="pair_is_named"),
        CheckConstraint("kind NOT IN ('add', 'withdraw')"
                        " OR (project_id IS NULL) <> (provider_id IS NULL)", name="one_side_is_named"),
        CheckConstraint("kind <> 'capacity' OR (provider_id IS NOT NULL AND project_id IS NULL AND value >= 0)",
                        name="capacity_has_value"),
        CheckConstraint("kind <> 'wanted' OR (project_id IS NOT NULL AND provider_id IS NULL AND value >= 1)",
                        name="wanted_has_value"),
    )


EDIT_GUARDS = kept(RunEdit.__tablename__)
guard(RunEdit, EDIT_GUARDS)
