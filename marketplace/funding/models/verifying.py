"""What the independent check of all money found, newest last."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.db import Model


class VerifyRun(Model):
    """One run of `flask funding verify`: how much was read and what did not fit."""

    __tablename__ = "verify_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    ok: Mapped[bool]
    entries: Mapped[int]
    entries_per_second: Mapped[int]
    invariants: Mapped[dict[str, bool]] = mapped_column(JSON)
    problems: Mapped[list[dict[str, object]]] = mapped_column(JSON)   # the first of each kind
    found: Mapped[int] = mapped_column(default=0)                     # how many there are in all

    __table_args__ = (
        CheckConstraint("entries >= 0 AND found >= 0", name="counts"),
        CheckConstraint("(found = 0) = ok", name="ok_means_nothing_found"),
    )
