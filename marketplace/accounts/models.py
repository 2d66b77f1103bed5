"""People who sign in, what they may do for whom, and the traces that guard sign-in."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref


class Person(Model):
    """One human with one account. `login` is a mobile number or an e-mail address, lower case."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    login: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    title: Mapped[str | None]                      # 职务、职称
    password_hash: Mapped[str | None]              # None until activated with a slip
    is_active: Mapped[bool] = mapped_column(default=True)
    session_epoch: Mapped[int] = mapped_column(default=0)   # bumped to end every session of this person
    locale: Mapped[str] = mapped_column(default="zh_Hans_CN")
    text_size: Mapped[str] = mapped_column(default="normal")
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    last_sign_in_at: Mapped[datetime | None]
    current_mandate_id: Mapped[int | None]         # whom the person acts for now; chosen on the profile page

    mandates: Mapped[list["Mandate"]] = relationship(back_populates="person")

    __table_args__ = (
        CheckConstraint("(password_hash IS NULL) = (activated_at IS NULL)", name="activated_has_password"),
        CheckConstraint("login = lower(login)", name="login_lower"),
    )


class Mandate(Model):
    """A person may act in one role, for one organization (or, organization NULL, on the platform as expert)."""

    __tablename__ = "mandate"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"), index=True)
    role: Mapped[str]
    granted_by: Mapped[int | None]
    granted_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(back_populates="mandates")

    __table_args__ = (
        Index("uq_mandate_live", "person_id", "organization_id", "role", unique=True,
              sqlite_where=text("revoked_at IS NULL"), postgresql_where=text("revoked_at IS NULL")),
    )


class ActivationSlip(Model):
    """A one-time code printed by the unit's administrator; only its hash is kept."""

    __tablename__ = "activation_slip"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    code_hash: Mapped[str] = mapped_column(unique=True)
    issued_by: Mapped[int]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]


class SignInFailure(Model):
    """Failed sign-ins of one account name from one address; five lock that pair for 15 minutes."""

    __tablename__ = "sign_in_failure"

    id: Mapped[int] = mapped_column(primary_key=True)
    login_key: Mapped[str]                         # hash of the typed name: unknown names are counted alike
    address: Mapped[str]
    failures: Mapped[int] = mapped_column(default=0)
    first_at: Mapped[datetime]
    locked_until: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("login_key", "address"),)
