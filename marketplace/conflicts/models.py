"""Declarations of interests with their relations, and what an operator settled. Rows are added, never changed."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.accounts.models import Person
from marketplace.core.db import Model, new_ref
from marketplace.documents.models import guard_table
from marketplace.organizations.models import Organization


class ConflictDeclaration(Model):
    """What a provider, or one person who buys for a unit, declares. The newest one counts; older ones stay."""

    __tablename__ = "conflict_declaration"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    declarer: Mapped[str]                                    # rules.Declarer: provider, staff
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))   # the provider; of staff: the unit
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))        # of staff: who
    says_none: Mapped[bool]
    statement: Mapped[str]                                   # the sentence as it stood above the signature
    words: Mapped[str] = mapped_column(default="")
    declared_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    declared_at: Mapped[datetime]

    organization: Mapped[Organization] = relationship()
    person: Mapped[Person | None] = relationship(foreign_keys=[person_id])
    author: Mapped[Person] = relationship(foreign_keys=[declared_by])
    relations: Mapped[list["DeclaredRelation"]] = relationship(
        back_populates="declaration", order_by="DeclaredRelation.position")

    __table_args__ = (
        CheckConstraint("declarer IN ('provider', 'staff')", name="declarer"),
        CheckConstraint("(declarer = 'staff') = (person_id IS NOT NULL)", name="staff_is_a_person"),
        Index("ix_conflict_declaration_newest", "organization_id", "person_id", "id"),
    )


class DeclaredRelation(Model):
    """One relation in a declaration: with which body or person, of what kind, from when to when."""

    __tablename__ = "declared_relation"

    id: Mapped[int] = mapped_column(primary_key=True)
    declaration_id: Mapped[int] = mapped_column(ForeignKey("conflict_declaration.id"))
    position: Mapped[int]
    relation: Mapped[str]                                    # rules.Relation
    body_name: Mapped[str]
    body_code: Mapped[str | None]                            # unified social credit code, where it is known
    person_name: Mapped[str] = mapped_column(default="")
    since: Mapped[date | None]
    until: Mapped[date | None]                               # None: it goes on
    words: Mapped[str] = mapped_column(default="")

    declaration: Mapped[ConflictDeclaration] = relationship(back_populates="relations")

    __table_args__ = (
        UniqueConstraint("declaration_id", "position"),
        CheckConstraint("relation IN ('employment', 'board', 'control', 'kin', 'sponsor', 'requirement', 'other')",
                        name="relation"),
        CheckConstraint("body_name <> ''", name="body_name"),
        CheckConstraint("until IS NULL OR since IS NULL OR until >= since", name="dates"),
    )


class ConflictSettlement(Model):
    """What an operator found about one tie. `tie_key` names the ground, both sides and the evidence looked at."""

    __tablename__ = "conflict_settlement"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    tie_key: Mapped[str] = mapped_column(index=True)         # rules.Tie.key: other evidence is another tie
    ground: Mapped[str]
    provider_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    other_name: Mapped[str]                                  # as it stood then
    detail: Mapped[str] = mapped_column(default="")
    outcome: Mapped[str]                                     # rules.Outcome: cleared, confirmed
    reason: Mapped[str]
    declaration_id: Mapped[int | None] = mapped_column(ForeignKey("conflict_declaration.id"))   # what it rests on
    settled_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    settled_at: Mapped[datetime]

    provider: Mapped[Organization] = relationship()
    declaration: Mapped[ConflictDeclaration | None] = relationship()
    settler: Mapped[Person] = relationship()

    __table_args__ = (
        CheckConstraint("outcome IN ('cleared', 'confirmed')", name="outcome"),
        CheckConstraint("reason <> ''", name="reason"),
    )


TABLES = ("conflict_declaration", "declared_relation", "conflict_settlement")
_REFUSED = "what was declared or settled is never changed"
_FUNCTION = f"""CREATE FUNCTION conflict_guard() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"""


def _guards(table: str) -> Mapping[str, tuple[str, ...]]:
    """Return, by dialect, the statements that make the database itself refuse to change or delete a row."""
    return {
        "sqlite": tuple(
            f"CREATE TRIGGER {table}_{name} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
            for name, verb in (("unchanged", "UPDATE"), ("undeleted", "DELETE"))),
        "postgresql": (
            *((_FUNCTION,) if table == TABLES[0] else ()),     # the first table is made before the others
            f"""CREATE TRIGGER {table}_unchanged BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION conflict_guard()""",
            f"""CREATE TRIGGER {table}_untruncated BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION conflict_guard()"""),
    }


GUARDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {table: _guards(table) for table in TABLES}
for _model in (ConflictDeclaration, DeclaredRelation, ConflictSettlement):
    guard_table(_model.__table__, GUARDS[_model.__tablename__])
