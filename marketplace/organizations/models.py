"""Units (a tree), providers and foundations: the registry and each organization's profile."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money


class Organization(Model):
    """A government unit, provider, foundation or other body. A unit has a parent and a path in the tree."""

    __tablename__ = "organization"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    name: Mapped[str] = mapped_column(index=True)
    name_key: Mapped[str] = mapped_column(index=True)       # rules.name_key: look-alike names share it
    name_pinyin: Mapped[str] = mapped_column(default="")
    kind: Mapped[str] = mapped_column(index=True)           # rules.OrganizationKind
    standing: Mapped[str]                                   # rules.Standing: registered, filed, ...
    credit_code: Mapped[str | None]
    is_buyer: Mapped[bool] = mapped_column(default=False)
    is_provider: Mapped[bool] = mapped_column(default=False)
    is_funder: Mapped[bool] = mapped_column(default=False)
    is_charity: Mapped[bool] = mapped_column(default=False)
    may_fundraise: Mapped[bool] = mapped_column(default=False)   # 公开募捐资格
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"), index=True)
    path: Mapped[str] = mapped_column(default="", index=True)    # "/1/4/": ids from the root; units only
    host_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))   # 承接、托管 body of a filed one
    area_code: Mapped[str | None]                           # registered place; never a hard rule
    address: Mapped[str | None]
    legal_representative: Mapped[str | None]
    contact_name: Mapped[str | None]
    contact_phone: Mapped[str | None]
    contact_email: Mapped[str | None]
    bank_name: Mapped[str | None]
    bank_account: Mapped[str | None]
    founded_on: Mapped[date | None]
    website: Mapped[str | None]
    about: Mapped[str] = mapped_column(default="")
    business_scope: Mapped[str] = mapped_column(default="")
    staff_total: Mapped[int | None]
    staff_certified: Mapped[int | None]
    capacity_projects: Mapped[int | None]                   # at once
    capacity_money: Mapped[Money | None]                    # at once
    verification: Mapped[str] = mapped_column(default="unverified", index=True)
    verified_at: Mapped[datetime | None]
    verified_by: Mapped[int | None]
    verification_note: Mapped[str | None]
    public_since: Mapped[datetime | None]                   # first verified, or taken over from a public source
    source_ref: Mapped[str | None] = mapped_column(unique=True)  # id in an imported file
    created_at: Mapped[datetime]
    version_id: Mapped[int] = mapped_column()

    parent: Mapped["Organization | None"] = relationship(remote_side=[id], foreign_keys=[parent_id])  # noqa: A003
    host: Mapped["Organization | None"] = relationship(remote_side=[id], foreign_keys=[host_id])  # noqa: A003
    ratings: Mapped[list["Rating"]] = relationship(back_populates="organization", cascade="all, delete-orphan")
    listings: Mapped[list["CreditListing"]] = relationship(back_populates="organization", cascade="all, delete-orphan")
    categories: Mapped[list["ServiceCategory"]] = relationship(
        back_populates="organization", cascade="all, delete-orphan")
    areas: Mapped[list["ServedArea"]] = relationship(back_populates="organization", cascade="all, delete-orphan")
    past_projects: Mapped[list["PastProject"]] = relationship(
        back_populates="organization", cascade="all, delete-orphan")
    related_parties: Mapped[list["RelatedParty"]] = relationship(
        back_populates="organization", cascade="all, delete-orphan")

    __mapper_args__ = {"version_id_col": version_id}  # noqa: RUF012 - SQLAlchemy's own form
    __table_args__ = (
        Index("uq_organization_credit_code", "credit_code", unique=True,
              sqlite_where=text("credit_code IS NOT NULL"), postgresql_where=text("credit_code IS NOT NULL")),
        CheckConstraint("verification IN ('unverified', 'submitted', 'verified', 'returned')", name="verification"),
        CheckConstraint("(verification = 'verified') = (verified_at IS NOT NULL)", name="verified_has_time"),
        CheckConstraint("verification <> 'verified' OR standing <> 'registered' OR credit_code IS NOT NULL",
                        name="verified_has_code"),
        CheckConstraint("capacity_money IS NULL OR capacity_money >= 0", name="capacity_money"),
        CheckConstraint("capacity_projects IS NULL OR capacity_projects >= 0", name="capacity_projects"),
    )


class Rating(Model):
    """An evaluation grade (等级) as its issuer gave it; never computed (rulebook 3.4)."""

    __tablename__ = "rating"

    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    grade: Mapped[int]                                      # 1 to 5: 1A to 5A
    issuer: Mapped[str]
    issued_on: Mapped[date]
    expires_on: Mapped[date]

    organization: Mapped[Organization] = relationship(back_populates="ratings")
    __table_args__ = (CheckConstraint("grade BETWEEN 1 AND 5", name="grade"),
                      CheckConstraint("expires_on > issued_on", name="dates"))


class CreditListing(Model):
    """An entry in the abnormal-activity or serious-violation list, half-open [listed_on, removed_on)."""

    __tablename__ = "credit_listing"

    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    kind: Mapped[str]                                       # abnormal, serious
    listed_on: Mapped[date]
    removed_on: Mapped[date | None]
    reason: Mapped[str]
    source: Mapped[str]

    organization: Mapped[Organization] = relationship(back_populates="listings")
    __table_args__ = (CheckConstraint("kind IN ('abnormal', 'serious')", name="kind"),
                      CheckConstraint("removed_on IS NULL OR removed_on >= listed_on", name="dates"))


class ServiceCategory(Model):
    """A catalogue code the organization says it serves."""

    __tablename__ = "service_category"

    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    code: Mapped[str] = mapped_column(index=True)

    organization: Mapped[Organization] = relationship(back_populates="categories")
    __table_args__ = (UniqueConstraint("organization_id", "code"),)


class ServedArea(Model):
    """An area code the organization says it serves."""

    __tablename__ = "served_area"

    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    area_code: Mapped[str] = mapped_column(index=True)

    organization: Mapped[Organization] = relationship(back_populates="areas")
    __table_args__ = (UniqueConstraint("organization_id", "area_code"),)


class PastProject(Model):
    """A project the organization says it carried out, or that this platform knows."""

    __tablename__ = "past_project"

    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    title: Mapped[str]
    buyer_name: Mapped[str]
    category_code: Mapped[str | None]
    area_code: Mapped[str | None]
    amount: Mapped[Money | None]
    started_on: Mapped[date | None]
    ended_on: Mapped[date | None]
    outcome: Mapped[str] = mapped_column(default="")
    is_confirmed: Mapped[bool] = mapped_column(default=False)   # by a contract on this platform

    organization: Mapped[Organization] = relationship(back_populates="past_projects")
    __table_args__ = (CheckConstraint("amount IS NULL OR amount >= 0", name="amount"),)


class RelatedParty(Model):
    """A person or body that controls, manages or is controlled (GPR 18): by code where there is one."""

    __tablename__ = "related_party"

    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    name: Mapped[str]
    credit_code: Mapped[str | None]
    relation: Mapped[str]

    organization: Mapped[Organization] = relationship(back_populates="related_parties")
