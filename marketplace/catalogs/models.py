"""Areas, the guiding catalogue (指导性目录) and annual purchase lists (年度购买服务项目清单)."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money
from marketplace.organizations.models import Organization


class Area(Model):
    """A place: district, town or street, community. `tile_x`, `tile_y` place a town on the tile grid."""

    __tablename__ = "area"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    level: Mapped[int]                                     # 1 district, 2 town or street, 3 community
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("area.code"), index=True)
    aliases: Mapped[str] = mapped_column(default="")       # separated by spaces
    tile_x: Mapped[int | None]
    tile_y: Mapped[int | None]


class Catalog(Model):
    """One edition of the guiding catalogue."""

    __tablename__ = "catalog"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    name: Mapped[str]
    year: Mapped[int]
    tier: Mapped[str] = mapped_column(default="district")  # central, province, city, district
    state: Mapped[str] = mapped_column(default="draft")    # draft, published, replaced
    effective_from: Mapped[date | None]
    effective_to: Mapped[date | None]
    published_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    items: Mapped[list["CatalogItem"]] = relationship(back_populates="catalog", cascade="all, delete-orphan",
                                                      order_by="CatalogItem.code")

    __table_args__ = (
        CheckConstraint("(state = 'draft') = (published_at IS NULL)", name="published_has_time"),
        Index("uq_catalog_published", "tier", "year", unique=True,
              sqlite_where=text("state = 'published'"), postgresql_where=text("state = 'published'")),
    )


class CatalogItem(Model):
    """A line of the catalogue. Codes of 1, 3, 5 characters follow the central tree; 7 are local leaves."""

    __tablename__ = "catalog_item"

    id: Mapped[int] = mapped_column(primary_key=True)
    catalog_id: Mapped[int] = mapped_column(ForeignKey("catalog.id"), index=True)
    code: Mapped[str] = mapped_column(index=True)
    name_zh: Mapped[str]
    name_en: Mapped[str] = mapped_column(default="")
    parent_code: Mapped[str | None]
    level: Mapped[int]
    is_official: Mapped[bool]
    is_active: Mapped[bool] = mapped_column(default=True)
    effective_from: Mapped[date | None]
    effective_to: Mapped[date | None]
    replaced_by: Mapped[str | None]

    catalog: Mapped[Catalog] = relationship(back_populates="items")
    __table_args__ = (UniqueConstraint("catalog_id", "code"),)


class PurchaseList(Model):
    """The purchase list of one unit for one year; its content stands in versions."""

    __tablename__ = "purchase_list"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    unit_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    year: Mapped[int] = mapped_column(index=True)
    created_at: Mapped[datetime]
    version_id: Mapped[int] = mapped_column()

    unit: Mapped[Organization] = relationship()
    versions: Mapped[list["PurchaseListVersion"]] = relationship(back_populates="purchase_list",
                                                                 order_by="PurchaseListVersion.number")
    lines: Mapped[list["PurchaseListLine"]] = relationship(back_populates="purchase_list")

    __mapper_args__ = {"version_id_col": version_id}  # noqa: RUF012
    __table_args__ = (UniqueConstraint("unit_id", "year"),)


class PurchaseListVersion(Model):
    """One version: a draft, the published one, or a superseded one. An amendment says why."""

    __tablename__ = "purchase_list_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    purchase_list_id: Mapped[int] = mapped_column(ForeignKey("purchase_list.id"), index=True)
    number: Mapped[int]
    state: Mapped[str] = mapped_column(default="draft")    # draft, submitted, published, superseded
    reason: Mapped[str] = mapped_column(default="")        # required from version 2 on
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    submitted_by: Mapped[int | None]
    return_reason: Mapped[str] = mapped_column(default="")  # why the approver sent it back
    published_by: Mapped[int | None]
    published_at: Mapped[datetime | None]

    purchase_list: Mapped[PurchaseList] = relationship(back_populates="versions")
    items: Mapped[list["PurchaseListItem"]] = relationship(back_populates="version", cascade="all, delete-orphan",
                                                           order_by="PurchaseListItem.position")

    __table_args__ = (
        UniqueConstraint("purchase_list_id", "number"),
        CheckConstraint("(state IN ('published', 'superseded')) = (published_at IS NOT NULL)",
                        name="published_has_time"),
        Index("uq_purchase_list_version_published", "purchase_list_id", unique=True,
              sqlite_where=text("state = 'published'"), postgresql_where=text("state = 'published'")),
        Index("uq_purchase_list_version_open", "purchase_list_id", unique=True,
              sqlite_where=text("state IN ('draft', 'submitted')"),
              postgresql_where=text("state IN ('draft', 'submitted')")),
    )


class PurchaseListLine(Model):
    """A line through all versions: what became of it is written here by the slices above."""

    __tablename__ = "purchase_list_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    purchase_list_id: Mapped[int] = mapped_column(ForeignKey("purchase_list.id"), index=True)
    project_ref: Mapped[str | None]                        # drafted from this line
    posted_at: Mapped[datetime | None]
    contracted_at: Mapped[datetime | None]

    purchase_list: Mapped[PurchaseList] = relationship(back_populates="lines")


class PurchaseListItem(Model):
    """What one version says about one line."""

    __tablename__ = "purchase_list_item"

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("purchase_list_version.id"), index=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("purchase_list_line.id"), index=True)
    position: Mapped[int]
    title: Mapped[str]
    office: Mapped[str] = mapped_column(default="")        # 购买主体 as written: the section that buys
    catalog_code: Mapped[str | None]
    content: Mapped[str] = mapped_column(default="")
    target_group: Mapped[str] = mapped_column(default="")  # 服务对象
    budget: Mapped[Money | None]
    funding_source: Mapped[str] = mapped_column(default="")
    period: Mapped[str] = mapped_column(default="")
    method: Mapped[str] = mapped_column(default="")
    expected_on: Mapped[str] = mapped_column(default="")
    contact: Mapped[str] = mapped_column(default="")
    remark: Mapped[str] = mapped_column(default="")
    source_sheet: Mapped[str | None]
    source_row: Mapped[int | None]

    version: Mapped[PurchaseListVersion] = relationship(back_populates="items")
    line: Mapped[PurchaseListLine] = relationship()

    __table_args__ = (UniqueConstraint("version_id", "line_id"), UniqueConstraint("version_id", "position"),
                      CheckConstraint("budget IS NULL OR budget >= 0", name="budget"))


class HolidayOverride(Model):
    """A day that differs from the published calendar, with its source (rulebook 2.10)."""

    __tablename__ = "holiday_override"

    day: Mapped[date] = mapped_column(primary_key=True)
    is_workday: Mapped[bool]
    source: Mapped[str]
