"""A pledging event, who may raise a paddle there, its rounds, and every entry of every recorder."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money
from marketplace.funding.models import Funder, Pledge
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project


class PledgingEvent(Model):
    """One evening. It cannot go live before its footing is chosen: a closed guest list, or a filed plan (CL 22-24)."""

    __tablename__ = "pledging_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    title: Mapped[str]
    host_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)      # who runs it
    receiver_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))              # who receives the money
    account_id: Mapped[int] = mapped_column(ForeignKey("receiving_account.id"))
    place: Mapped[str] = mapped_column(default="")
    starts_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="draft")     # draft, live, closed
    footing: Mapped[str] = mapped_column(default="")        # guest_list, filed_plan; empty: not chosen yet
    plan_number: Mapped[str] = mapped_column(default="")
    plan_filed_on: Mapped[date | None]                      # at least ten days before the evening
    plan_url: Mapped[str] = mapped_column(default="")
    target: Mapped[Money | None]                            # shown in the hall only behind a filed plan's number
    sign_days: Mapped[int] = mapped_column(default=7)       # from the evening to the signed commitment
    asks_two_recorders: Mapped[bool] = mapped_column(default=True)
    display_key: Mapped[str] = mapped_column(unique=True, default=new_ref)
    round_number: Mapped[int] = mapped_column(default=0)    # of the round that is open; 0: none
    live_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime]
    version_id: Mapped[int] = mapped_column()

    host: Mapped[Organization] = relationship(foreign_keys=[host_id])
    receiver: Mapped[Organization] = relationship(foreign_keys=[receiver_id])
    guests: Mapped[list["Guest"]] = relationship(back_populates="event", order_by="Guest.paddle")
    rounds: Mapped[list["PledgingRound"]] = relationship(back_populates="event", order_by="PledgingRound.number")

    __mapper_args__ = {"version_id_col": version_id}  # noqa: RUF012
    __table_args__ = (
        CheckConstraint("state IN ('draft', 'live', 'closed')", name="state"),
        CheckConstraint("footing IN ('', 'guest_list', 'filed_plan')", name="footing"),
        CheckConstraint("state = 'draft' OR footing <> ''", name="live_has_footing"),
        CheckConstraint("(footing = 'filed_plan') = (plan_number <> '')", name="plan_has_number"),
        CheckConstraint("(plan_number <> '') = (plan_filed_on IS NOT NULL)", name="plan_has_day"),
        CheckConstraint("target IS NULL OR (target > 0 AND footing = 'filed_plan')", name="target_behind_a_plan"),
        CheckConstraint("state = 'draft' OR live_at IS NOT NULL", name="live_has_time"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_has_time"),
        CheckConstraint("sign_days BETWEEN 1 AND 90", name="sign_days"),
    )


class Guest(Model):
    """One verified organization or named person on the list, and the paddle that stands for it."""

    __tablename__ = "pledging_guest"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    event_id: Mapped[int] = mapped_column(ForeignKey("pledging_event.id"))
    funder_id: Mapped[int] = mapped_column(ForeignKey("funder.id"))
    paddle: Mapped[int]
    shown_name: Mapped[str]                                  # on the hall screen, after somebody checked it
    is_name_withheld: Mapped[bool] = mapped_column(default=False)
    name_checked_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    checked_in_at: Mapped[datetime | None]
    checked_in_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    was_added_at_door: Mapped[bool] = mapped_column(default=False)
    added_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))   # who wrote the shown name last
    added_at: Mapped[datetime]

    event: Mapped[PledgingEvent] = relationship(back_populates="guests")
    funder: Mapped[Funder] = relationship()

    __table_args__ = (
        UniqueConstraint("event_id", "paddle"),
        UniqueConstraint("event_id", "funder_id"),
        CheckConstraint("paddle BETWEEN 1 AND 9999", name="paddle"),
        CheckConstraint("(checked_in_at IS NULL) = (checked_in_by IS NULL)", name="checked_in_has_person"),
        CheckConstraint("name_checked_by IS NULL OR added_by IS NULL OR name_checked_by <> added_by",
                        name="name_by_two"),
    )


class PledgingRound(Model):
    """One ask: a project and a level ("now 20,000"). Recorders key paddles into the open round."""

    __tablename__ = "pledging_round"

    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("pledging_event.id"))
    number: Mapped[int]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    cost_line_id: Mapped[int | None] = mapped_column(ForeignKey("cost_line.id"))
    level: Mapped[Money]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    event: Mapped[PledgingEvent] = relationship(back_populates="rounds")
    project: Mapped[Project] = relationship()

    __table_args__ = (UniqueConstraint("event_id", "number"), CheckConstraint("level > 0", name="level"))


class PaddlePledge(Model):
    """What one recorder keyed: paddle and amount. Never changed; a wrong one is reversed by another row.

    The first recorder's entries make verbal pledges; the second's are kept to compare. `device_key` is made on the
    device, so an entry that is sent again after a broken line stays one entry.
    """

    __tablename__ = "paddle_pledge"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    device_key: Mapped[str] = mapped_column(unique=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("pledging_event.id"), index=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("pledging_round.id"), index=True)
    recorder: Mapped[str]                                    # first, second
    paddle: Mapped[int]
    amount: Mapped[Money]
    repeat: Mapped[int] = mapped_column(default=0)           # the same paddle again in the same round, said so
    pledge_id: Mapped[int | None] = mapped_column(ForeignKey("pledge.id"), index=True)
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("paddle_pledge.id"), unique=True)
    reason: Mapped[str] = mapped_column(default="")
    keyed_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    keyed_at: Mapped[datetime]                               # as the device said, for the log only
    recorded_at: Mapped[datetime]                            # when the server had it

    round: Mapped[PledgingRound] = relationship()
    pledge: Mapped[Pledge | None] = relationship()

    __table_args__ = (
        CheckConstraint("recorder IN ('first', 'second')", name="recorder"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("recorder = 'first' OR pledge_id IS NULL", name="second_only_compares"),
        Index("uq_paddle_pledge_once", "round_id", "recorder", "paddle", "repeat", unique=True,
              sqlite_where=text("reverses_id IS NULL"), postgresql_where=text("reverses_id IS NULL")),
    )


class SignReminder(Model):
    """That the funder of a verbal pledge was reminded to sign: each step once."""

    __tablename__ = "sign_reminder"

    id: Mapped[int] = mapped_column(primary_key=True)
    pledge_id: Mapped[int] = mapped_column(ForeignKey("pledge.id"))
    step: Mapped[str]                                        # rules.reminder_step: after the evening, days left, a day
    sent_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("pledge_id", "step"),)
