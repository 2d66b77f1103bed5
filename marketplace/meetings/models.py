"""An event of short talks: its tables, organizations, absences, decisions, and every version of its schedule."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project


class MeetingEvent(Model):
    """One fair day with rounds of equal length. `revision` grows with every change of what decides the schedule."""

    __tablename__ = "meeting_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    title: Mapped[str]
    host_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"), index=True)   # None: the platform
    place: Mapped[str] = mapped_column(default="")
    starts_at: Mapped[datetime]                              # of the first round
    rounds: Mapped[int]
    minutes: Mapped[int]
    break_minutes: Mapped[int] = mapped_column(default=0)
    pause_after: Mapped[int] = mapped_column(default=0)      # the round after which a longer pause comes; 0: none
    pause_minutes: Mapped[int] = mapped_column(default=0)
    is_open_to_units: Mapped[bool] = mapped_column(default=False)    # units bring their own projects
    state: Mapped[str] = mapped_column(default="draft")
    revision: Mapped[int] = mapped_column(default=0)
    edition: Mapped[int] = mapped_column(default=0, server_default="0")   # of what participants see: calendars count it
    over_at: Mapped[datetime | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime]
    version_id: Mapped[int] = mapped_column()

    host: Mapped[Organization | None] = relationship()
    tables: Mapped[list["MeetingTable"]] = relationship(back_populates="event", order_by="MeetingTable.number")
    visitors: Mapped[list["MeetingVisitor"]] = relationship(back_populates="event", order_by="MeetingVisitor.id")
    schedules: Mapped[list["MeetingSchedule"]] = relationship(
        back_populates="event", order_by="MeetingSchedule.number.desc()")

    __mapper_args__ = {"version_id_col": version_id}  # noqa: RUF012
    __table_args__ = (
        CheckConstraint("state IN ('draft', 'scheduled', 'published', 'over')", name="state"),
        CheckConstraint("rounds BETWEEN 1 AND 40", name="rounds"),
        CheckConstraint("minutes BETWEEN 5 AND 240", name="minutes"),
        CheckConstraint("break_minutes BETWEEN 0 AND 60", name="break_minutes"),
        CheckConstraint("pause_minutes BETWEEN 0 AND 240", name="pause_minutes"),
        CheckConstraint("pause_after >= 0 AND pause_after < rounds", name="pause_after"),
        CheckConstraint("(state = 'over') = (over_at IS NOT NULL)", name="over_has_time"),
    )


class MeetingTable(Model):
    """A table of the event: one project sits there through all rounds."""

    __tablename__ = "meeting_table"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    event_id: Mapped[int] = mapped_column(ForeignKey("meeting_event.id"))
    number: Mapped[int]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    least: Mapped[int] = mapped_column(default=0)            # meetings that it is to have at least
    added_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    added_at: Mapped[datetime]

    event: Mapped[MeetingEvent] = relationship(back_populates="tables")
    project: Mapped[Project] = relationship()
    absences: Mapped[list["MeetingAbsence"]] = relationship(
        cascade="all, delete-orphan", order_by="MeetingAbsence.round")

    __table_args__ = (
        UniqueConstraint("event_id", "number"), UniqueConstraint("event_id", "project_id"),
        CheckConstraint("number BETWEEN 1 AND 9999", name="number"), CheckConstraint("least >= 0", name="least"),
    )


class MeetingVisitor(Model):
    """An organization that goes from table to table."""

    __tablename__ = "meeting_visitor"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    event_id: Mapped[int] = mapped_column(ForeignKey("meeting_event.id"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    least: Mapped[int] = mapped_column(default=0)
    added_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    added_at: Mapped[datetime]

    event: Mapped[MeetingEvent] = relationship(back_populates="visitors")
    organization: Mapped[Organization] = relationship()
    absences: Mapped[list["MeetingAbsence"]] = relationship(
        cascade="all, delete-orphan", order_by="MeetingAbsence.round")

    __table_args__ = (UniqueConstraint("event_id", "organization_id"), CheckConstraint("least >= 0", name="least"))


class MeetingAbsence(Model):
    """One round that a table or an organization misses."""

    __tablename__ = "meeting_absence"

    id: Mapped[int] = mapped_column(primary_key=True)
    table_id: Mapped[int | None] = mapped_column(ForeignKey("meeting_table.id"))
    visitor_id: Mapped[int | None] = mapped_column(ForeignKey("meeting_visitor.id"))
    round: Mapped[int]

    __table_args__ = (
        UniqueConstraint("table_id", "round"), UniqueConstraint("visitor_id", "round"),
        CheckConstraint("(table_id IS NULL) <> (visitor_id IS NULL)", name="one_side"),
        CheckConstraint("round BETWEEN 1 AND 40", name="round"),
    )


class MeetingDecision(Model):
    """That a pair must meet (in a round, or in any), or must not: hard, with who and why; lifted, never erased."""

    __tablename__ = "meeting_decision"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    event_id: Mapped[int] = mapped_column(ForeignKey("meeting_event.id"), index=True)
    kind: Mapped[str]                                        # pin, forbid
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    round: Mapped[int | None]                                # of a pin; None: any
    reason: Mapped[str]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime]
    lifted_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    lifted_at: Mapped[datetime | None]

    project: Mapped[Project] = relationship()
    organization: Mapped[Organization] = relationship()

    __table_args__ = (
        CheckConstraint("kind IN ('pin', 'forbid')", name="kind"),
        CheckConstraint("kind = 'pin' OR round IS NULL", name="forbid_has_no_round"),
        CheckConstraint("reason <> ''", name="reason"),
        Index("uq_meeting_decision_pair", "event_id", "project_id", "organization_id", unique=True,
              sqlite_where=text("lifted_at IS NULL"), postgresql_where=text("lifted_at IS NULL")),
    )


class MeetingSchedule(Model):
    """One version of a schedule. Its meetings are never changed; the next version replaces it whole."""

    __tablename__ = "meeting_schedule"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    event_id: Mapped[int] = mapped_column(ForeignKey("meeting_event.id"))
    number: Mapped[int]
    state: Mapped[str]                                       # rules.RunState
    phase: Mapped[int] = mapped_column(default=0)
    revision: Mapped[int]                                    # of the event when it was begun
    rounds: Mapped[int] = mapped_column(default=0)           # of the event at that time
    keeps_before: Mapped[bool] = mapped_column(default=False)    # few changes rather than the most points
    points_from: Mapped[str] = mapped_column(default="")     # where the points came from
    inputs_hash: Mapped[str] = mapped_column(default="")
    total: Mapped[int] = mapped_column(default=0)            # tenths of a point
    bound: Mapped[int] = mapped_column(default=0)
    meeting_count: Mapped[int] = mapped_column(default=0)
    is_exact: Mapped[bool] = mapped_column(default=False)    # everybody there in all rounds
    findings: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)   # who has no partner; why it failed
    started_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    started_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]
    replaced_at: Mapped[datetime | None]

    event: Mapped[MeetingEvent] = relationship(back_populates="schedules")
    meetings: Mapped[list["Meeting"]] = relationship(
        back_populates="schedule", order_by="(Meeting.round, Meeting.table_number)")

    __table_args__ = (
        UniqueConstraint("event_id", "number"),
        CheckConstraint("state IN ('waiting', 'running', 'ready', 'published', 'replaced', 'failed', 'cancelled')",
                        name="state"),
        CheckConstraint("(state IN ('waiting', 'running')) = (done_at IS NULL)", name="done_has_time"),
        CheckConstraint("state <> 'published' OR published_at IS NOT NULL", name="published_has_time"),
        CheckConstraint("total >= 0 AND total <= bound", name="total"),
        Index("uq_meeting_schedule_under_way", "event_id", unique=True,
              sqlite_where=text("state IN ('waiting', 'running')"),
              postgresql_where=text("state IN ('waiting', 'running')")),
        Index("uq_meeting_schedule_published", "event_id", unique=True, sqlite_where=text("state = 'published'"),
              postgresql_where=text("state = 'published'")),
    )


class Meeting(Model):
    """One talk of a version: which organization sits at which project's table in which round."""

    __tablename__ = "meeting"

    id: Mapped[int] = mapped_column(primary_key=True)
    schedule_id: Mapped[int] = mapped_column(ForeignKey("meeting_schedule.id"))
    round: Mapped[int]
    table_number: Mapped[int]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    points: Mapped[int]                                      # tenths
    is_pinned: Mapped[bool] = mapped_column(default=False)
    cancelled_at: Mapped[datetime | None]
    cancelled_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    cancel_reason: Mapped[str] = mapped_column(default="")

    schedule: Mapped[MeetingSchedule] = relationship(back_populates="meetings")
    project: Mapped[Project] = relationship()
    organization: Mapped[Organization] = relationship()

    __table_args__ = (
        UniqueConstraint("schedule_id", "round", "project_id", name="uq_meeting_table_once_a_round"),
        UniqueConstraint("schedule_id", "round", "organization_id", name="uq_meeting_visitor_once_a_round"),
        UniqueConstraint("schedule_id", "project_id", "organization_id", name="uq_meeting_pair_once"),
        CheckConstraint("round BETWEEN 1 AND 40", name="round"),
        CheckConstraint("points >= 0", name="points"),
        CheckConstraint("(cancelled_at IS NULL) = (cancel_reason = '')", name="cancelled_has_reason"),
    )
