"""Who puts money behind projects: verified organizations, named funds inside a foundation, named persons."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money
from marketplace.files.models import StoredFile
from marketplace.organizations.models import Organization


class Funder(Model):
    """One source of money with a name. `organization` signs; a named fund (专项基金) is signed for by its foundation.

    A named person has no organization: `person_name` and who checked the identity paper, never its number.
    """

    __tablename__ = "funder"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    kind: Mapped[str]                                        # rules.funders.FunderKind
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"), index=True)
    fund_name: Mapped[str] = mapped_column(default="")       # of a named fund inside the organization
    person_name: Mapped[str] = mapped_column(default="")
    is_state_owned: Mapped[bool] = mapped_column(default=False)
    approval_file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))   # a state-owned firm's paper
    overseas_number: Mapped[str] = mapped_column(default="")   # registered office or filed temporary activity
    council_above: Mapped[Money | None]                      # a council resolution is needed at and above this sum
    income_last_year: Mapped[Money | None]
    net_assets_last_year: Mapped[Money | None]
    is_name_withheld: Mapped[bool] = mapped_column(default=False)
    payer_accounts: Mapped[str] = mapped_column(default="")  # digits, one a line: accounts it pays from
    verified_at: Mapped[datetime | None]
    verified_by: Mapped[int | None]
    verification_note: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    version_id: Mapped[int] = mapped_column()

    organization: Mapped[Organization | None] = relationship()
    approval_file: Mapped[StoredFile | None] = relationship()

    __mapper_args__ = {"version_id_col": version_id}  # noqa: RUF012
    __table_args__ = (
        CheckConstraint("(organization_id IS NULL) = (kind = 'person')", name="person_or_organization"),
        CheckConstraint("(kind = 'person') = (person_name <> '')", name="person_has_name"),
        CheckConstraint("(kind = 'named_fund') = (fund_name <> '')", name="named_fund_has_name"),
        CheckConstraint("(verified_at IS NULL) = (verified_by IS NULL)", name="verified_has_person"),
        CheckConstraint("verified_at IS NULL OR kind <> 'overseas' OR overseas_number <> ''",
                        name="overseas_has_number"),
        CheckConstraint("verified_at IS NULL OR NOT is_state_owned OR approval_file_id IS NOT NULL",
                        name="state_owned_has_paper"),
        CheckConstraint("council_above IS NULL OR council_above >= 0", name="council_above"),
        Index("uq_funder_fund", "organization_id", "fund_name", unique=True,
              sqlite_where=text("organization_id IS NOT NULL"), postgresql_where=text("organization_id IS NOT NULL")),
    )

    @property
    def name(self) -> str:
        """Return the name on papers: a named fund with its foundation before it."""
        if self.organization is None:
            return self.person_name
        return f"{self.organization.name}·{self.fund_name}" if self.fund_name else self.organization.name
