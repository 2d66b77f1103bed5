"""Weight sets: versioned rows that the database itself refuses to change; the newest is the one in force."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import DDL, JSON, CheckConstraint, ForeignKey, event
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.accounts.models import Person
from marketplace.core.db import Model, new_ref
from marketplace.matching.rules.weights import Weights, from_plain


class WeightSet(Model):
    """One version: what each criterion may give, who set it and why. `number` counts from 1."""

    __tablename__ = "weight_set"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    number: Mapped[int] = mapped_column(unique=True)
    plain: Mapped[dict[str, object]] = mapped_column(JSON)       # rules.weights.Weights.as_plain
    reason: Mapped[str]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))   # None: the system's first version
    created_at: Mapped[datetime]

    person: Mapped[Person | None] = relationship()

    __table_args__ = (CheckConstraint("number >= 1", name="number"), CheckConstraint("reason <> ''", name="reason"))

    @property
    def weights(self) -> Weights:
        """Return the weights as the rules know them."""
        return from_plain(self.plain)


def kept(table: str) -> Mapping[str, tuple[str, ...]]:
    """Return the triggers that keep the rows of a table as they were written, for each engine."""
    return {
        "sqlite": (
            f"""CREATE TRIGGER {table}_unchanged BEFORE UPDATE ON {table}
            BEGIN SELECT RAISE(ABORT, '{table} rows are never changed'); END""",
            f"""CREATE TRIGGER {table}_undeleted BEFORE DELETE ON {table}
            BEGIN SELECT RAISE(ABORT, '{table} rows are never deleted'); END""",
        ),
        "postgresql": (
            f"""CREATE FUNCTION {table}_guard() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION '{table} rows are never changed or deleted'; END $$""",
            f"""CREATE TRIGGER {table}_unchanged BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION {table}_guard()""",
            f"""CREATE TRIGGER {table}_untruncated BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION {table}_guard()""",
        ),
    }


def guard(model: type[Model], guards: Mapping[str, tuple[str, ...]]) -> None:
    """Make the triggers with the table, where tables are made from the models."""
    for dialect, statements in guards.items():
        for statement in statements:
            event.listen(model.__table__, "after_create",
                         DDL(statement).execute_if(dialect=dialect))  # type: ignore[no-untyped-call]


WEIGHT_GUARDS = kept(WeightSet.__tablename__)
guard(WeightSet, WEIGHT_GUARDS)
