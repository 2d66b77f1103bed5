"""Sealed bids. No column here, or anywhere, holds a price before the opening."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project


class OrganizationKey(Model):
    """The data key of one organization's drafts and own copies, wrapped by the outside key."""

    __tablename__ = "organization_key"

    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), primary_key=True)
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class ProjectKey(Model):
    """The data key of one project's bids, wrapped by the outside key."""

    __tablename__ = "project_key"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True)
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    mode: Mapped[str] = mapped_column(default="single_key")
    created_at: Mapped[datetime]


class BidDraft(Model):
    """What an organization is writing, encrypted under its own key."""

    __tablename__ = "bid_draft"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    saved_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    saved_at: Mapped[datetime]
    version_id: Mapped[int] = mapped_column()

    project: Mapped[Project] = relationship()
    __mapper_args__ = {"version_id_col": version_id}  # noqa: RUF012
    __table_args__ = (UniqueConstraint("project_id", "organization_id"),)


class SealedBid(Model):
    """A submitted bid. One live bid per organization and project; a newer one replaces it, both stay on record."""

    __tablename__ = "sealed_bid"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    receipt_number: Mapped[str] = mapped_column(unique=True)
    commitment: Mapped[str]                                # SHA-256 over nonce and canonical offer
    own_copy: Mapped[bytes] = mapped_column(LargeBinary)   # under the organization's key
    state: Mapped[str] = mapped_column(default="sealed")   # sealed, replaced, withdrawn, opened, unreadable
    submitted_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    submitted_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]                      # replaced or withdrawn

    project: Mapped[Project] = relationship()
    organization: Mapped[Organization] = relationship()
    envelopes: Mapped[list["SealedEnvelope"]] = relationship(back_populates="bid", cascade="all, delete-orphan")
    offer: Mapped["OpenedOffer | None"] = relationship(back_populates="bid")

    __table_args__ = (
        Index("uq_sealed_bid_live", "project_id", "organization_id", unique=True,
              sqlite_where=text("state IN ('sealed', 'opened', 'unreadable')"),
              postgresql_where=text("state IN ('sealed', 'opened', 'unreadable')")),
        CheckConstraint("state IN ('sealed', 'replaced', 'withdrawn', 'opened', 'unreadable')", name="state"),
        CheckConstraint("(state IN ('replaced', 'withdrawn')) = (ended_at IS NOT NULL)", name="ended_has_time"),
        UniqueConstraint("project_id", "id"),
    )


class SealedEnvelope(Model):
    """One envelope of a bid (1 or 2 by rule set): ciphertext under the project's key, padded."""

    __tablename__ = "sealed_envelope"

    id: Mapped[int] = mapped_column(primary_key=True)
    bid_id: Mapped[int] = mapped_column(ForeignKey("sealed_bid.id"), index=True)
    kind: Mapped[str] = mapped_column(default="whole")     # whole, technical, price
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    bid: Mapped[SealedBid] = relationship(back_populates="envelopes")
    __table_args__ = (UniqueConstraint("bid_id", "kind"),)


class Opening(Model):
    """The opening of a project's bids: when, how many, each commitment checked. At most one a project."""

    __tablename__ = "opening"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), unique=True)
    opened_at: Mapped[datetime]
    bids: Mapped[int]
    record: Mapped[list[object]] = mapped_column(JSON)     # receipt number, organization, commitment, verdict

    project: Mapped[Project] = relationship()
    __table_args__ = (CheckConstraint("bids >= 0", name="bids"),)


class OpenedOffer(Model):
    """A bid in the clear, from the opening on."""

    __tablename__ = "opened_offer"

    id: Mapped[int] = mapped_column(primary_key=True)
    bid_id: Mapped[int] = mapped_column(ForeignKey("sealed_bid.id"), unique=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    price: Mapped[Money]
    summary: Mapped[str]
    plan: Mapped[str]
    team: Mapped[str]
    track_record: Mapped[str]
    budget_notes: Mapped[str]
    contact_name: Mapped[str]
    contact_phone: Mapped[str]
    answers: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    opened_at: Mapped[datetime]
    is_valid: Mapped[bool] = mapped_column(default=True)   # qualification check after opening
    invalid_reason: Mapped[str] = mapped_column(default="")

    bid: Mapped[SealedBid] = relationship(back_populates="offer")
    __table_args__ = (CheckConstraint("price > 0", name="price"),)
