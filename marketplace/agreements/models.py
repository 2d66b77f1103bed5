"""Donation agreements: frozen terms, the pledges they carry, who signed."""

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.contracts.models import Contract
from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money
from marketplace.documents.models import Document, guard_table, guards
from marketplace.files.models import StoredFile
from marketplace.funding.models import Pledge
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project


class DonationAgreement(Model):
    """Money beside a project, for outputs beyond its contract. `terms` copies every printed fact and never changes."""

    __tablename__ = "donation_agreement"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    number: Mapped[str] = mapped_column(unique=True)
    verify_code: Mapped[str] = mapped_column(unique=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    contract_id: Mapped[int | None] = mapped_column(ForeignKey("contract.id"))    # the purchase contract beside it
    receiver_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    amount: Mapped[Money]
    terms: Mapped[dict[str, object]] = mapped_column(JSON)
    terms_sha256: Mapped[str]
    is_demo: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(default="frozen")    # frozen, issued, signed
    document_id: Mapped[int | None] = mapped_column(ForeignKey("document.id"))
    signed_copy_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    signed_on: Mapped[date | None]
    frozen_at: Mapped[datetime]
    issued_at: Mapped[datetime | None]
    render_error: Mapped[str] = mapped_column(default="")

    project: Mapped[Project] = relationship()
    contract: Mapped[Contract | None] = relationship()
    receiver: Mapped[Organization] = relationship(foreign_keys=[receiver_id])
    provider: Mapped[Organization] = relationship(foreign_keys=[provider_id])
    document: Mapped[Document | None] = relationship()
    signed_copy: Mapped[StoredFile | None] = relationship()
    items: Mapped[list["AgreementItem"]] = relationship(back_populates="agreement", order_by="AgreementItem.position")

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("state IN ('frozen', 'issued', 'signed')", name="state"),
        CheckConstraint("(state = 'frozen') = (document_id IS NULL)", name="issued_has_document"),
        CheckConstraint("(state = 'signed') = (signed_on IS NOT NULL)", name="signed_has_date"),
    )


AGREEMENT_GUARDS = guards("donation_agreement", (
    "number", "verify_code", "project_id", "contract_id", "receiver_id", "provider_id", "amount", "terms",
    "terms_sha256", "is_demo", "frozen_at"))
guard_table(DonationAgreement.__table__, AGREEMENT_GUARDS)


class AgreementItem(Model):
    """One pledge in an agreement, with what it brings there: matching money that grew later stands in the next one."""

    __tablename__ = "agreement_item"

    id: Mapped[int] = mapped_column(primary_key=True)
    agreement_id: Mapped[int] = mapped_column(ForeignKey("donation_agreement.id"))
    position: Mapped[int]
    pledge_id: Mapped[int] = mapped_column(ForeignKey("pledge.id"), index=True)
    amount: Mapped[Money]

    agreement: Mapped[DonationAgreement] = relationship(back_populates="items")
    pledge: Mapped[Pledge] = relationship()

    __table_args__ = (UniqueConstraint("agreement_id", "position"), UniqueConstraint("agreement_id", "pledge_id"),
                      CheckConstraint("amount > 0", name="amount"))
