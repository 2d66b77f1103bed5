"""Panel, scores, ranking, award, notices, objections. The database proves that an award fits its project."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.accounts.models import Person
from marketplace.bids.models import SealedBid
from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project


class ExpertProfile(Model):
    """A person in the expert pool: fields, employer (for recusal), available or not."""

    __tablename__ = "expert_profile"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    fields: Mapped[list[object]] = mapped_column(JSON, default=list)      # catalogue codes of level 2
    employer: Mapped[str] = mapped_column(default="")
    employer_organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    is_available: Mapped[bool] = mapped_column(default=True)

    person: Mapped[Person] = relationship()


class Panel(Model):
    """The panel of one project: size, the seed of the draw, who drew it."""

    __tablename__ = "panel"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), unique=True)
    size: Mapped[int]
    seed: Mapped[str]                                      # published with the result
    pool: Mapped[list[object]] = mapped_column(JSON)       # the whole order of the draw, person refs
    drawn_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    drawn_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]                     # every sheet is in, ranking made

    project: Mapped[Project] = relationship()
    seats: Mapped[list["PanelSeat"]] = relationship(back_populates="panel", order_by="PanelSeat.draw_order")
    __table_args__ = (CheckConstraint("size >= 3 AND size % 2 = 1", name="size_odd"),)


class PanelSeat(Model):
    """One drawn member (or the buyer's representative): declares conflicts, then scores alone."""

    __tablename__ = "panel_seat"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    panel_id: Mapped[int] = mapped_column(ForeignKey("panel.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    is_expert: Mapped[bool]
    draw_order: Mapped[int]
    state: Mapped[str] = mapped_column(default="drawn")    # rules.SeatState
    declared_at: Mapped[datetime | None]
    recusal_reason: Mapped[str] = mapped_column(default="")
    submitted_at: Mapped[datetime | None]
    dissent: Mapped[str] = mapped_column(default="")

    panel: Mapped[Panel] = relationship(back_populates="seats")
    person: Mapped[Person] = relationship()
    __table_args__ = (
        UniqueConstraint("panel_id", "person_id"), UniqueConstraint("panel_id", "draw_order"),
        CheckConstraint("state IN ('drawn', 'seated', 'recused', 'submitted')", name="state"),
        CheckConstraint("(state = 'submitted') = (submitted_at IS NOT NULL)", name="submitted_has_time"),
        CheckConstraint("(state = 'drawn') = (declared_at IS NULL)", name="declared_has_time"),
    )


class Score(Model):
    """Points of one member for one bid under one criterion; 0 to the criterion's weight."""

    __tablename__ = "score"

    id: Mapped[int] = mapped_column(primary_key=True)
    seat_id: Mapped[int] = mapped_column(ForeignKey("panel_seat.id"), index=True)
    project_id: Mapped[int]
    bid_id: Mapped[int]
    criterion_id: Mapped[int]
    points: Mapped[Decimal | None] = mapped_column(Numeric(6, 2))  # empty while only a comment is there
    comment: Mapped[str] = mapped_column(default="")
    saved_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("seat_id", "bid_id", "criterion_id"),
        ForeignKeyConstraint(["project_id", "bid_id"], ["sealed_bid.project_id", "sealed_bid.id"]),
        ForeignKeyConstraint(["project_id", "criterion_id"], ["criterion.project_id", "criterion.id"]),
        CheckConstraint("points >= 0 AND points <= 100", name="points"),
    )


class Ranking(Model):
    """The computed result of one bid: parts, total, rank. Equal rank means a tie."""

    __tablename__ = "ranking"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    bid_id: Mapped[int] = mapped_column(unique=True)
    price_points: Mapped[Decimal] = mapped_column(Numeric(8, 4))
    quality_points: Mapped[Decimal] = mapped_column(Numeric(8, 4))
    total: Mapped[Decimal] = mapped_column(Numeric(8, 4))
    rank: Mapped[int]
    lot: Mapped[int | None]                                # order of the draw that broke a tie for first
    made_at: Mapped[datetime]

    bid: Mapped[SealedBid] = relationship()
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "bid_id"], ["sealed_bid.project_id", "sealed_bid.id"]),
        CheckConstraint("rank >= 1", name="rank"),
    )


class Award(Model):
    """The decision for one bid of this project (中选). At most one live award a project."""

    __tablename__ = "award"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    project_id: Mapped[int] = mapped_column(index=True)
    bid_id: Mapped[int]
    price: Mapped[Money]
    reason: Mapped[str]
    state: Mapped[str] = mapped_column(default="notified") # rules.AwardState
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    awarded_at: Mapped[datetime]
    objections_until: Mapped[datetime]                     # exclusive end of the objection window
    revoked_at: Mapped[datetime | None]

    bid: Mapped[SealedBid] = relationship()
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "bid_id"], ["sealed_bid.project_id", "sealed_bid.id"]),
        Index("uq_award_live", "project_id", unique=True,
              sqlite_where=sql("state = 'notified'"), postgresql_where=sql("state = 'notified'")),
        CheckConstraint("(state = 'revoked') = (revoked_at IS NOT NULL)", name="revoked_has_time"),
        CheckConstraint("price > 0", name="price"),
    )


class Notice(Model):
    """An official notice (公告) as it was published: facts copied, never edited."""

    __tablename__ = "notice"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    kind: Mapped[str] = mapped_column(index=True)          # rules.NoticeKind
    unique_key: Mapped[str] = mapped_column(unique=True)   # one notice for one event
    title: Mapped[str]
    facts: Mapped[dict[str, object]] = mapped_column(JSON)
    published_at: Mapped[datetime] = mapped_column(index=True)

    project: Mapped[Project] = relationship()


class Objection(Model):
    """An objection (异议) below the threshold, to the buyer; while open no contract is drawn up."""

    __tablename__ = "objection"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    text: Mapped[str]
    raised_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    raised_at: Mapped[datetime]
    answer: Mapped[str | None]
    upheld: Mapped[bool | None]
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    answered_at: Mapped[datetime | None]

    project: Mapped[Project] = relationship()
    organization: Mapped[Organization] = relationship()
    __table_args__ = (
        CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answered_has_time"),
        CheckConstraint("(answer IS NULL) = (upheld IS NULL)", name="answered_has_outcome"),
        Index("uq_objection_open", "project_id", "organization_id", unique=True,
              sqlite_where=sql("answer IS NULL"), postgresql_where=sql("answer IS NULL")),
    )
