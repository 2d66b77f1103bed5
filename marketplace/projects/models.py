"""Posted projects: the requirement, how it will be judged and paid, and where it stands."""

from dataclasses import fields
from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint, false
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.catalogs.models import PurchaseListLine
from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money
from marketplace.files.models import StoredFile
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import KIND_LABELS, OrganizationKind
from marketplace.procedures.rules import MOST_CERTIFIED
from marketplace.projects.rules import Draft


class Project(Model):
    """A project of one buyer. State and its evidence are tied by CHECK; "closed" is a fact of the clock."""

    __tablename__ = "project"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    number: Mapped[str | None] = mapped_column(unique=True)      # given when published
    buyer_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    buyer_path: Mapped[str] = mapped_column(default="", index=True)   # of the unit tree, copied for filters
    line_id: Mapped[int | None] = mapped_column(ForeignKey("purchase_list_line.id"), unique=True)
    title: Mapped[str]
    summary: Mapped[str] = mapped_column(default="")             # one or two sentences for lists
    body: Mapped[str] = mapped_column(default="")                # 要做什么
    target_group: Mapped[str] = mapped_column(default="")
    beneficiaries: Mapped[int | None]                            # a count, never names
    category_code: Mapped[str | None] = mapped_column(index=True)
    area_code: Mapped[str | None] = mapped_column(index=True)
    place: Mapped[str] = mapped_column(default="")               # where it is done, in words
    fair_type: Mapped[str] = mapped_column(default="")           # one of the six types of the fair
    procedure: Mapped[str] = mapped_column(default="below_threshold")
    rule_set: Mapped[str] = mapped_column(default="")            # name and version, fixed when published
    rules_snapshot: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    budget: Mapped[Money | None] = mapped_column(index=True)
    ceiling: Mapped[Money | None]                                # 最高限价; at most the budget
    funding_source: Mapped[str] = mapped_column(default="")
    takes_matching: Mapped[bool] = mapped_column(default=False, server_default=false())  # the notice says so (2.7a)
    scoring_method: Mapped[str] = mapped_column(default="comprehensive")  # comprehensive, lowest_price, fixed_price
    price_weight: Mapped[int] = mapped_column(default=10)        # per cent of 100
    panel_size: Mapped[int] = mapped_column(default=5)
    service_from: Mapped[date | None]
    service_to: Mapped[date | None]
    term_reason: Mapped[str] = mapped_column(default="")         # why longer than 12 months (Order 102, art 24)
    contact_name: Mapped[str] = mapped_column(default="")
    contact_phone: Mapped[str] = mapped_column(default="")
    special_conditions: Mapped[str] = mapped_column(default="")  # published qualification beyond the legal ones
    qualified_kinds: Mapped[list[str]] = mapped_column(JSON, default=list, server_default=sql("'[]'"))  # empty: any
    certified_min: Mapped[int | None]                            # certified social workers, at least
    grade_min: Mapped[int | None]                                # 1 to 5; only where the rule set names the rating
    state: Mapped[str] = mapped_column(default="draft", index=True)
    return_reason: Mapped[str] = mapped_column(default="")       # why the approver sent it back
    published_at: Mapped[datetime | None] = mapped_column(index=True)
    closes_at: Mapped[datetime | None] = mapped_column(index=True)
    opened_at: Mapped[datetime | None]
    awarded_at: Mapped[datetime | None]
    contracted_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]                            # failed or terminated
    end_reason: Mapped[str] = mapped_column(default="")
    open_objections: Mapped[int] = mapped_column(default=0)      # written downward by awards: stops the contract
    opening_flaws: Mapped[int] = mapped_column(default=0)
    source_ref: Mapped[str | None] = mapped_column(index=True)   # id in an imported file
    source_note: Mapped[str] = mapped_column(default="")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime]
    submitted_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))    # who sent it to the approver
    changed_at: Mapped[datetime] = mapped_column(index=True)     # last step or edit: kept counts follow it
    version_id: Mapped[int] = mapped_column()

    buyer: Mapped[Organization] = relationship()
    line: Mapped[PurchaseListLine | None] = relationship()
    indicators: Mapped[list["Indicator"]] = relationship(back_populates="project", cascade="all, delete-orphan",
                                                         order_by="Indicator.position")
    criteria: Mapped[list["Criterion"]] = relationship(back_populates="project", cascade="all, delete-orphan",
                                                       order_by="Criterion.position")
    milestones: Mapped[list["PlannedMilestone"]] = relationship(
        back_populates="project", cascade="all, delete-orphan", order_by="PlannedMilestone.position")
    files: Mapped[list["ProjectFile"]] = relationship(back_populates="project", cascade="all, delete-orphan")
    addenda: Mapped[list["Addendum"]] = relationship(back_populates="project", order_by="Addendum.number")

    __mapper_args__ = {"version_id_col": version_id}  # noqa: RUF012
    __table_args__ = (
        CheckConstraint("budget IS NULL OR budget > 0", name="budget"),
        CheckConstraint("ceiling IS NULL OR (ceiling > 0 AND budget IS NOT NULL AND ceiling <= budget)",
                        name="ceiling"),
        CheckConstraint("price_weight BETWEEN 0 AND 100", name="price_weight"),
        CheckConstraint("beneficiaries IS NULL OR beneficiaries >= 0", name="beneficiaries"),
        CheckConstraint(f"certified_min IS NULL OR certified_min BETWEEN 1 AND {MOST_CERTIFIED}", name="certified_min"),
        CheckConstraint("grade_min IS NULL OR grade_min BETWEEN 1 AND 5", name="grade_min"),
        CheckConstraint("state IN ('draft', 'in_review', 'published', 'opened', 'awarded', 'contracted', 'failed',"
                        " 'terminated')", name="state"),
        CheckConstraint("state IN ('draft', 'in_review', 'terminated') OR (number IS NOT NULL"
                        " AND published_at IS NOT NULL AND closes_at IS NOT NULL AND budget IS NOT NULL)",
                        name="published_has_evidence"),
        CheckConstraint("closes_at IS NULL OR published_at IS NULL OR closes_at > published_at", name="closes_later"),
        CheckConstraint("state NOT IN ('opened', 'awarded', 'contracted') OR opened_at IS NOT NULL",
                        name="opened_has_time"),
        CheckConstraint("state NOT IN ('awarded', 'contracted') OR awarded_at IS NOT NULL", name="awarded_has_time"),
        CheckConstraint("(state = 'contracted') = (contracted_at IS NOT NULL)", name="contracted_has_time"),
        CheckConstraint("(state IN ('failed', 'terminated')) = (ended_at IS NOT NULL)", name="ended_has_time"),
        Index("ix_project_list", "published_at", "id"),
        Index("ix_project_deadline", "closes_at", "id"),
        Index("ix_project_unit", "buyer_id", "state"),
        Index("uq_project_source", "buyer_id", "source_ref", unique=True),
    )

    @property
    def kind_labels(self) -> list[str]:
        """Return the names of the kinds of organization that may take part."""
        return [KIND_LABELS[OrganizationKind(kind)] for kind in self.qualified_kinds]

    def as_draft(self) -> Draft:
        """Return the plain values that the checks before publishing look at."""
        copied = {f.name: getattr(self, f.name) for f in fields(Draft) if f.name not in _COUNTED}
        return Draft(weights=[c.weight for c in self.criteria], percents=[m.percent for m in self.milestones],
                     indicators=len(self.indicators), **copied)


_COUNTED = {"weights", "percents", "indicators"}


class Indicator(Model):
    """A quantity or quality the service must reach, and what proves it."""

    __tablename__ = "indicator"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    position: Mapped[int]
    name: Mapped[str]
    target: Mapped[str]
    unit: Mapped[str] = mapped_column(default="")
    evidence: Mapped[str] = mapped_column(default="")

    project: Mapped[Project] = relationship(back_populates="indicators")


class Criterion(Model):
    """What the panel scores besides the price: weights and the price weight total 100."""

    __tablename__ = "criterion"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    position: Mapped[int]
    name: Mapped[str]
    weight: Mapped[int]                                          # points of 100
    levels: Mapped[str] = mapped_column(default="")              # one interval a line: "16-20 方案完整 ..."

    project: Mapped[Project] = relationship(back_populates="criteria")
    __table_args__ = (CheckConstraint("weight BETWEEN 1 AND 100", name="weight"), UniqueConstraint("project_id", "id"))


class PlannedMilestone(Model):
    """A payment step: per cent of the price, and what must be done first. Percentages total 100."""

    __tablename__ = "planned_milestone"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    position: Mapped[int]
    title: Mapped[str]
    percent: Mapped[int]
    condition: Mapped[str] = mapped_column(default="")
    days_after: Mapped[int] = mapped_column(default=30)          # calendar days to pay after the condition is met

    project: Mapped[Project] = relationship(back_populates="milestones")
    __table_args__ = (CheckConstraint("percent BETWEEN 1 AND 100", name="percent"),)


class ProjectFile(Model):
    """A published attachment."""

    __tablename__ = "project_file"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"))
    title: Mapped[str]
    added_at: Mapped[datetime]

    project: Mapped[Project] = relationship(back_populates="files")
    file: Mapped[StoredFile] = relationship()


class Addendum(Model):
    """A public clarification or change after publishing; may move the deadline, never silently."""

    __tablename__ = "addendum"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    number: Mapped[int]
    text: Mapped[str]
    closes_at_before: Mapped[datetime | None]
    closes_at_after: Mapped[datetime | None]
    published_by: Mapped[int]
    published_at: Mapped[datetime]

    project: Mapped[Project] = relationship(back_populates="addenda")
    __table_args__ = (UniqueConstraint("project_id", "number"),)


class Enquiry(Model):
    """A question asked in the open; the asker's name is never shown. An unanswered one is visible to the buyer."""

    __tablename__ = "enquiry"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    asked_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    question: Mapped[str]
    asked_at: Mapped[datetime]
    answer: Mapped[str | None]
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    answered_at: Mapped[datetime | None]

    project: Mapped[Project] = relationship()
    __table_args__ = (CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answered_has_time"),)
