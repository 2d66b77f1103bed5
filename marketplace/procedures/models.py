"""Local settings: the numbers of a rule set that this place has set for itself, each with its document."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.db import Model, new_ref


class LocalSetting(Model):
    """One number from one day on. Rows are added, never changed: the past can be read back."""

    __tablename__ = "local_setting"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    procedure: Mapped[str]                                 # below_threshold
    key: Mapped[str]                                       # a field of rules.RuleSet
    value: Mapped[int]
    source: Mapped[str]                                    # name and number of the local rule
    effective_from: Mapped[date]
    set_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    set_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("procedure", "key", "effective_from"),)
