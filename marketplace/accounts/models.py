"""People who sign in, what they may do for whom, and the traces that guard sign-in."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, UniqueConstraint, table, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref

# The columns of the tree of units that this slice reads; its model belongs to the slice above (organizations).
ORGANIZATIONS = table("organization", Column("id", Integer), Column("ref", String), Column("name", String),
                      Column("path", String))
_LIVE = "revoked_at IS NULL"
_ADMINISTRATIVE_LIVE = "revoked_at IS NULL AND role IN ('operator', 'security_officer', 'auditor')"
_PLATFORM_LIVE = "revoked_at IS NULL AND organization_id IS NULL"


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
              sqlite_where=text(_LIVE), postgresql_where=text(_LIVE)),
        Index("uq_mandate_platform", "person_id", "role", unique=True,
              sqlite_where=text(_PLATFORM_LIVE), postgresql_where=text(_PLATFORM_LIVE)),
        Index("uq_mandate_administrative", "person_id", unique=True,   # 三员分立, held by the database too
              sqlite_where=text(_ADMINISTRATIVE_LIVE), postgresql_where=text(_ADMINISTRATIVE_LIVE)),
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


class SignIn(Model):
    """One signed-in browser. The cookie holds the token, the table its hash; ended here, it is ended everywhere."""

    __tablename__ = "sign_in"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    epoch: Mapped[int]                             # the person's session_epoch when it began
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    address: Mapped[str]
    device: Mapped[str]                            # the browser's own words, shortened
