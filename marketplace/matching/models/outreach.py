"""What follows from a list: whom a buyer told or invited, which projects an organization follows or declines."""

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.accounts.models import Person
from marketplace.core.db import Model, new_ref
from marketplace.matching.models.weights import guard, kept
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

_STANDING = "withdrawn_at IS NULL"


class ProjectFollow(Model):
    """An organization that keeps an eye on a project. Only its own people see it."""

    __tablename__ = "project_follow"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    followed_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    followed_at: Mapped[datetime]

    project: Mapped[Project] = relationship()
    __table_args__ = (UniqueConstraint("project_id", "organization_id"),)


class ProjectDecline(Model):
    """An organization that says it will not take a project (HardRule.DECLINED); it may withdraw that."""

    __tablename__ = "project_decline"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    reason: Mapped[str]
    declined_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    declined_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]

    project: Mapped[Project] = relationship()
    __table_args__ = (
        Index("uq_project_decline_standing", "project_id", "organization_id", unique=True,
              sqlite_where=text(_STANDING), postgresql_where=text(_STANDING)),
        CheckConstraint("reason <> ''", name="reason"),
        CheckConstraint("withdrawn_at IS NULL OR withdrawn_at >= declined_at", name="withdrawn_later"),
    )


class Telling(Model):
    """One text sent to every organization above a line; public. At most one a project and day; never changed."""

    __tablename__ = "telling"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    told_on: Mapped[date]                                        # Beijing's day
    line: Mapped[int]                                            # points
    text: Mapped[str]
    told: Mapped[int]                                            # how many organizations stand above the line
    reached: Mapped[int]                                         # of these, who has an account here to read it
    considered: Mapped[int]                                      # how many there were to choose from
    told_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    told_at: Mapped[datetime]

    project: Mapped[Project] = relationship()
    __table_args__ = (
        UniqueConstraint("project_id", "told_on"),
        CheckConstraint("line BETWEEN 0 AND 100", name="line"),
        CheckConstraint("told >= 1 AND considered >= told", name="told"),
        CheckConstraint("reached BETWEEN 0 AND told", name="reached"),
        CheckConstraint("text <> ''", name="text"),
    )


class ToldProvider(Model):
    """One organization that a telling reached, with the points it had then. Never public."""

    __tablename__ = "told_provider"

    telling_id: Mapped[int] = mapped_column(ForeignKey("telling.id"), primary_key=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), primary_key=True, index=True)
    total: Mapped[int]                                           # tenths of a point


class InvitationList(Model):
    """Whom a project invites under a procedure without an open notice; locked away until the award.

    By lot: `seed` and `pool` (refs in the order of the draw) are published with the award, the digest at once.
    Recommended: complete once both the buyer and an expert have signed.
    """

    __tablename__ = "invitation_list"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), unique=True)
    way: Mapped[str]                                             # rules.outreach.Way: draw, recommend
    seed: Mapped[str | None]
    seed_sha256: Mapped[str | None]
    pool: Mapped[list[str]] = mapped_column(JSON, default=list)
    made_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime]
    complete_at: Mapped[datetime | None]

    project: Mapped[Project] = relationship()
    rows: Mapped[list["Invitation"]] = relationship(back_populates="sheet", order_by="Invitation.place")
    signatures: Mapped[list["InvitationSignature"]] = relationship(back_populates="sheet",
                                                                   order_by="InvitationSignature.signed_at")
    __table_args__ = (
        CheckConstraint("way IN ('draw', 'recommend')", name="way"),
        CheckConstraint("(way = 'draw') = (seed IS NOT NULL AND seed_sha256 IS NOT NULL)", name="draw_has_seed"),
        CheckConstraint("way <> 'draw' OR complete_at IS NOT NULL", name="draw_is_complete"),
    )


class Invitation(Model):
    """One organization on the list: its place, who put it there, and the written opinion of who recommended it."""

    __tablename__ = "invitation"

    id: Mapped[int] = mapped_column(primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("invitation_list.id"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    place: Mapped[int]
    side: Mapped[str]                                            # rules.outreach.Side
    opinion: Mapped[str] = mapped_column(default="")

    sheet: Mapped[InvitationList] = relationship(back_populates="rows")
    organization: Mapped[Organization] = relationship()
    __table_args__ = (
        UniqueConstraint("list_id", "organization_id"), UniqueConstraint("list_id", "place"),
        CheckConstraint("side IN ('lot', 'buyer', 'expert')", name="side"),
        CheckConstraint("(side = 'lot') = (opinion = '')", name="recommended_has_opinion"),
        CheckConstraint("place >= 1", name="place"),
    )


class InvitationSignature(Model):
    """A signature under one side's recommendation; two different people, one for each side."""

    __tablename__ = "invitation_signature"

    id: Mapped[int] = mapped_column(primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("invitation_list.id"))
    side: Mapped[str]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    signed_at: Mapped[datetime]

    sheet: Mapped[InvitationList] = relationship(back_populates="signatures")
    person: Mapped[Person] = relationship()
    __table_args__ = (
        UniqueConstraint("list_id", "side"), UniqueConstraint("list_id", "person_id"),
        CheckConstraint("side IN ('buyer', 'expert')", name="side"),
    )


TELLING_GUARDS = kept(Telling.__tablename__)
guard(Telling, TELLING_GUARDS)
