"""Pools of matching money, the versions of their rules, their caps, and what they gave to which pledge."""

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money
from marketplace.documents.models import guard_table, guards
from marketplace.funding.models.funders import Funder
from marketplace.payments.models import ReceivingAccount


class MatchingPool(Model):
    """A sum that one funder promises to put beside what others give. The hot row: touched last in every transaction."""

    __tablename__ = "matching_pool"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    funder_id: Mapped[int] = mapped_column(ForeignKey("funder.id"), index=True)
    name: Mapped[str]
    purpose: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="draft")     # draft, open, paused, closed
    cap: Mapped[Money]
    reserved: Mapped[Money] = mapped_column(default=Money(0))
    captured: Mapped[Money] = mapped_column(default=Money(0))
    rule_version: Mapped[int] = mapped_column(default=0)    # of the rule in force; 0: none yet
    filed_plan_number: Mapped[str] = mapped_column(default="")   # of a filed public-fundraising plan, if there is one
    receiver_account_id: Mapped[int | None] = mapped_column(ForeignKey("receiving_account.id"))
    opened_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    funder: Mapped[Funder] = relationship()
    receiver_account: Mapped[ReceivingAccount | None] = relationship()
    rules: Mapped[list["MatchingRule"]] = relationship(back_populates="pool", order_by="MatchingRule.version")

    __table_args__ = (
        CheckConstraint("cap > 0", name="cap"),
        CheckConstraint("reserved >= 0 AND captured >= 0 AND reserved + captured <= cap", name="no_overspend"),
        CheckConstraint("state IN ('draft', 'open', 'paused', 'closed')", name="state"),
        CheckConstraint("state = 'draft' OR (opened_at IS NOT NULL AND rule_version > 0)", name="opened_has_rule"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_has_time"),
    )


class MatchingRule(Model):
    """One version of a pool's rule; it never changes. A new version counts for pledges made after it."""

    __tablename__ = "matching_rule"

    id: Mapped[int] = mapped_column(primary_key=True)
    pool_id: Mapped[int] = mapped_column(ForeignKey("matching_pool.id"))
    version: Mapped[int]
    numerator: Mapped[int]                                  # ratio as an exact fraction: 1/2 gives 50 fen for 100
    denominator: Mapped[int]
    per_pledge_cap: Mapped[Money | None]
    per_donor_cap: Mapped[Money | None]
    per_project_cap: Mapped[Money | None]
    per_round_cap: Mapped[Money | None]                     # a round: one pledging event, or one grant round
    min_donors: Mapped[int] = mapped_column(default=0)      # confirmed only once N different donors pledged
    threshold: Mapped[Money | None]                         # ... and once the project's pledges reach this sum
    threshold_percent: Mapped[int | None]                   # ... and this share of the project's budget
    floor: Mapped[Money | None]                             # a small project's pledge gets this, but never above itself
    floor_budget: Mapped[Money | None]                      # "small": a budget up to this
    own_percent: Mapped[int] = mapped_column(default=0)     # proved own contribution, per cent of the budget
    categories: Mapped[list[str]] = mapped_column(JSON, default=list)      # catalogue code prefixes; empty: all
    areas: Mapped[list[str]] = mapped_column(JSON, default=list)           # area code prefixes; empty: all
    receiver_kinds: Mapped[list[str]] = mapped_column(JSON, default=list)  # OrganizationKind; empty: all
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]                            # inclusive day in Beijing
    priority: Mapped[int] = mapped_column(default=100)      # lower first, between pools on the same pledge
    confirm_days: Mapped[int] = mapped_column(default=0)    # days between money held and matching money confirmed
    reserve_days: Mapped[int] = mapped_column(default=30)   # how long a promise may keep matching money reserved
    matches_verbal: Mapped[bool] = mapped_column(default=False)   # reserve already when the paddle is raised
    sentence: Mapped[str]                                   # the rule in words, as generated when it was made
    made_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime]

    pool: Mapped[MatchingPool] = relationship(back_populates="rules")

    __table_args__ = (
        UniqueConstraint("pool_id", "version"),
        CheckConstraint("numerator > 0 AND denominator > 0", name="ratio"),
        CheckConstraint("(floor IS NULL) = (floor_budget IS NULL)", name="floor_has_budget"),
        CheckConstraint("own_percent BETWEEN 0 AND 100", name="own_percent"),
        CheckConstraint("threshold_percent IS NULL OR threshold_percent BETWEEN 1 AND 100", name="threshold_percent"),
        CheckConstraint("min_donors >= 0 AND confirm_days >= 0 AND reserve_days > 0", name="counts"),
        CheckConstraint("ends_on IS NULL OR starts_on IS NULL OR ends_on >= starts_on", name="dates"),
    )


RULE_GUARDS = guards("matching_rule", (
    "pool_id", "version", "numerator", "denominator", "per_pledge_cap", "per_donor_cap", "per_project_cap",
    "per_round_cap", "min_donors", "threshold", "threshold_percent", "floor", "floor_budget", "own_percent",
    "categories", "areas", "receiver_kinds", "starts_on", "ends_on", "priority", "confirm_days", "reserve_days",
    "matches_verbal", "sentence", "made_by", "made_at"))
guard_table(MatchingRule.__table__, RULE_GUARDS)


class PoolCap(Model):
    """How much one pool has reserved and confirmed for one donor, project or round, and its cap there."""

    __tablename__ = "pool_cap"

    id: Mapped[int] = mapped_column(primary_key=True)
    pool_id: Mapped[int] = mapped_column(ForeignKey("matching_pool.id"))
    scope: Mapped[str]                                      # donor, project, round
    subject_ref: Mapped[str]
    cap: Mapped[Money | None]                               # None: counted, not limited
    used: Mapped[Money] = mapped_column(default=Money(0))

    __table_args__ = (
        UniqueConstraint("pool_id", "scope", "subject_ref"),
        CheckConstraint("scope IN ('donor', 'project', 'round')", name="scope"),
        CheckConstraint("used >= 0 AND (cap IS NULL OR used <= cap)", name="no_overspend"),
    )


class Allocation(Model):
    """What a pool put beside one pledge: reserved, then captured (confirmed) or returned. One row for each claim."""

    __tablename__ = "allocation"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    idem_key: Mapped[str] = mapped_column(unique=True)
    pool_id: Mapped[int] = mapped_column(ForeignKey("matching_pool.id"), index=True)
    rule_id: Mapped[int] = mapped_column(ForeignKey("matching_rule.id"))
    pledge_id: Mapped[int] = mapped_column(ForeignKey("pledge.id"), index=True)
    base: Mapped[Money]                                     # the part of the pledge that it is reckoned on
    asked: Mapped[Money]                                    # ratio x base (or the floor), before any cap
    amount: Mapped[Money]                                   # what was given then
    returned: Mapped[Money] = mapped_column(default=Money(0))
    clawing: Mapped[Money] = mapped_column(default=Money(0))   # asked back, but paid already: waits for the refund
    state: Mapped[str] = mapped_column(default="reserved")  # reserved, captured, returned
    reason: Mapped[str]                                     # why this sum, in one sentence (message id filled in)
    limited_by: Mapped[str] = mapped_column(default="")     # rules.matching.Limit; empty: nothing
    reserved_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    capture_after: Mapped[datetime | None]                  # the money is held: the delay before confirming ends then
    captured_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]

    pool: Mapped[MatchingPool] = relationship()
    rule: Mapped[MatchingRule] = relationship()

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("returned >= 0 AND returned <= amount", name="returned"),
        CheckConstraint("asked >= amount AND base > 0", name="asked"),
        CheckConstraint("clawing >= 0 AND clawing <= amount - returned", name="clawing"),
        CheckConstraint("state IN ('reserved', 'captured', 'returned')", name="state"),
        CheckConstraint("(state = 'returned') = (returned = amount)", name="returned_is_all"),
        CheckConstraint("state <> 'captured' OR captured_at IS NOT NULL", name="captured_has_time"),
        Index("ix_allocation_due", "state", "expires_at"),
        Index("ix_allocation_capture", "state", "capture_after"),
        Index("uq_allocation_live", "pool_id", "pledge_id", unique=True,
              sqlite_where=text("state <> 'returned'"), postgresql_where=text("state <> 'returned'")),
    )
