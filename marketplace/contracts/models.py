"""Contracts: frozen terms, the issued paper, where signing stands."""

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money
from marketplace.documents.models import Document, guard_table, guards
from marketplace.files.models import StoredFile
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project


class Contract(Model):
    """One contract from one award. `terms` copies every fact that is printed; it never changes once written."""

    __tablename__ = "contract"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    number: Mapped[str] = mapped_column(unique=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), unique=True)
    award_id: Mapped[int] = mapped_column(ForeignKey("award.id"), unique=True)
    buyer_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    amount: Mapped[Money]
    terms: Mapped[dict[str, object]] = mapped_column(JSON)
    terms_sha256: Mapped[str]
    verify_code: Mapped[str] = mapped_column(unique=True)  # fixed with the terms: a second print shows the same
    is_demo: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(default="frozen")   # frozen, issued, signed
    document_id: Mapped[int | None] = mapped_column(ForeignKey("document.id"))
    signed_copy_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    signed_on: Mapped[date | None]
    frozen_at: Mapped[datetime]
    issued_at: Mapped[datetime | None]
    sign_by: Mapped[date]                                  # 30 days after the award notice (GPL 46)
    published_at: Mapped[datetime | None]                  # the notice of the contract (GPR 50)
    filed_on: Mapped[date | None]                          # copy handed to the finance department (GPL 47)
    render_error: Mapped[str] = mapped_column(default="")

    project: Mapped[Project] = relationship()
    buyer: Mapped[Organization] = relationship(foreign_keys=[buyer_id])
    provider: Mapped[Organization] = relationship(foreign_keys=[provider_id])
    document: Mapped[Document | None] = relationship()
    signed_copy: Mapped[StoredFile | None] = relationship()

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("state IN ('frozen', 'issued', 'signed')", name="state"),
        CheckConstraint("(state = 'frozen') = (document_id IS NULL)", name="issued_has_document"),
        CheckConstraint("(state = 'signed') = (signed_on IS NOT NULL)", name="signed_has_date"),
        CheckConstraint("published_at IS NULL OR state = 'signed'", name="published_signed"),
        CheckConstraint("filed_on IS NULL OR state = 'signed'", name="filed_signed"),
    )


GUARDS = guards("contract", ("number", "project_id", "award_id", "buyer_id", "provider_id", "amount", "terms",
                             "terms_sha256", "verify_code", "is_demo", "frozen_at", "sign_by"))
guard_table(Contract.__table__, GUARDS)
