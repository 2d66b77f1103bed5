"""States of catalogue editions and purchase lists, the shape of codes, what columns of sheets mean. Pure."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from marketplace.core.errors import Invalid
from marketplace.core.lifecycle import Lifecycle
from marketplace.core.money import Money
from marketplace.core.sheets import Field, Kind
from marketplace.core.text import N_

JOB_LIST_SUBMITTED = "catalogs.list_submitted"     # list_ref, unit_ref, unit, year, number, by
JOB_LIST_RETURNED = "catalogs.list_returned"       # list_ref, unit_ref, unit, year, number, reason, created_by
JOB_LIST_PUBLISHED = "catalogs.list_published"     # list_ref, unit_ref, unit, year, number
JOB_NAMES_CHANGED = "catalogs.names_changed"       # codes: of categories or areas that are called otherwise now

FIRST_YEAR, LAST_YEAR = 2000, 2100
MAX_LINES = 5_000
MAX_LINE, MAX_TEXT = 200, 5_000
_CODE = re.compile(r"^[A-Z](?:\d{2}){0,3}$")
LOCAL_LENGTH = 7


class CatalogState(StrEnum):
    """Where an edition of the guiding catalogue stands."""

    DRAFT = "draft"
    PUBLISHED = "published"
    REPLACED = "replaced"


CATALOG_LABELS: Mapping[CatalogState, str] = {
    CatalogState.DRAFT: N_("草稿"), CatalogState.PUBLISHED: N_("现行"), CatalogState.REPLACED: N_("已被替代"),
}
CATALOG_STEPS: Lifecycle[CatalogState] = Lifecycle({
    (CatalogState.DRAFT, "publish"): CatalogState.PUBLISHED,
    (CatalogState.PUBLISHED, "replace"): CatalogState.REPLACED,
}, CATALOG_LABELS)
TIER_LABELS: Mapping[str, str] = {"central": N_("中央"), "province": N_("省级"), "city": N_("市级"), "district": N_("区级")}


class VersionState(StrEnum):
    """Where a version of a purchase list stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"


VERSION_LABELS: Mapping[VersionState, str] = {
    VersionState.DRAFT: N_("草稿"), VersionState.SUBMITTED: N_("待审核"),
    VersionState.PUBLISHED: N_("已公布"), VersionState.SUPERSEDED: N_("旧版本"),
}
VERSION_STEPS: Lifecycle[VersionState] = Lifecycle({
    (VersionState.DRAFT, "edit"): VersionState.DRAFT,
    (VersionState.DRAFT, "submit"): VersionState.SUBMITTED,
    (VersionState.SUBMITTED, "return"): VersionState.DRAFT,
    (VersionState.SUBMITTED, "publish"): VersionState.PUBLISHED,
    (VersionState.PUBLISHED, "supersede"): VersionState.SUPERSEDED,
}, VERSION_LABELS)


class Progress(StrEnum):
    """What became of a line of a published list."""

    NOT_POSTED = "not_posted"
    DRAFTED = "drafted"
    POSTED = "posted"
    CONTRACTED = "contracted"


PROGRESS_LABELS: Mapping[Progress, str] = {
    Progress.NOT_POSTED: N_("未发布"), Progress.DRAFTED: N_("已起草"), Progress.POSTED: N_("已发布"),
    Progress.CONTRACTED: N_("已签约"),
}


def progress(*, project_ref: str | None, posted_at: datetime | None, contracted_at: datetime | None) -> Progress:
    """Return what became of a line."""
    if contracted_at:
        return Progress.CONTRACTED
    if posted_at:
        return Progress.POSTED
    return Progress.DRAFTED if project_ref else Progress.NOT_POSTED


def check_code(code: str) -> str:
    """Return a catalogue code in capitals; raises Invalid unless it has the shape A, A04, A0402 or A040203."""
    plain = code.strip().upper()
    if not _CODE.match(plain):
        raise Invalid(N_("“{code}”不是目录编码。编码是一个字母加 0、2、4 或 6 位数字，例如 A0402"), field="code", code=code)
    return plain


def level_of(code: str) -> int:
    """Return the level of a code: A 1, A04 2, A0402 3, A040203 4."""
    return (len(code) + 1) // 2


def parent_of(code: str) -> str | None:
    """Return the code above, or None for the top."""
    return code[:-2] if len(code) > 2 else code[0] if len(code) == 2 else None  # noqa: PLR2004


def is_local(code: str) -> bool:
    """Say whether a code is a local leaf below the central tree."""
    return len(code) >= LOCAL_LENGTH


def check_year(year: int) -> int:
    """Return the year; raises Invalid outside 2000 to 2100."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise Invalid(N_("年度请填 2000 到 2100 之间的年份"), field="year")
    return year


class FundKind(StrEnum):
    """Where the money of a line or project comes from, as lists and searches group it."""

    BUDGET = "budget"
    LOTTERY = "lottery"
    GIVING = "giving"
    OTHER = "other"


FUND_LABELS: Mapping[FundKind, str] = {
    FundKind.BUDGET: N_("财政资金"), FundKind.LOTTERY: N_("彩票公益金"), FundKind.GIVING: N_("慈善捐赠"),
    FundKind.OTHER: N_("其他资金"),
}
_FUND_WORDS = (
    (FundKind.GIVING, ("慈善", "捐", "基金会", "募")), (FundKind.LOTTERY, ("福彩", "体彩", "彩票", "公益金")),
    (FundKind.BUDGET, ("财政", "预算", "资金", "经费", "拨款")),
)


def fund_kind(source: str) -> FundKind | None:
    """Return the group of a source of money by the words a clerk wrote; None where nothing is written."""
    if not source.strip():
        return None
    return next((kind for kind, words in _FUND_WORDS if any(word in source for word in words)), FundKind.OTHER)


HEADINGS_FILE = Path(__file__).parent / "data" / "headings.csv"


def _fields(sheet: str, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return the fields with the headings that clerks use for them, from the data file."""
    with HEADINGS_FILE.open(encoding="utf-8", newline="") as file:
        words = {row["field"]: row for row in csv.DictReader(file) if row["sheet"] == sheet}
    return tuple(replace(field, headings=tuple(words[field.name]["headings"].split()),
                         never=tuple(words[field.name]["never"].split())) for field in fields)


CATALOG_FIELDS: tuple[Field, ...] = _fields("catalog", (
    Field("code", N_("编码"), kind=Kind.CODE, required=True),
    Field("name_zh", N_("名称"), kind=Kind.LINE, required=True),
    Field("name_en", N_("英文名称"), kind=Kind.LINE),
    Field("parent", N_("上级编码"), kind=Kind.CODE),
    Field("level", N_("级别"), kind=Kind.CODE),
    Field("is_official", N_("来源"), kind=Kind.LINE),
    Field("is_active", N_("是否有效"), kind=Kind.LINE),
    Field("year", N_("年度"), kind=Kind.CODE),
    Field("effective_from", N_("生效日期"), kind=Kind.DATE),
    Field("effective_to", N_("失效日期"), kind=Kind.DATE),
    Field("replaced_by", N_("替代编码"), kind=Kind.CODE),
))
LIST_FIELDS: tuple[Field, ...] = _fields("purchase_list", (
    Field("title", N_("项目名称"), kind=Kind.LINE, required=True),
    Field("office", N_("购买主体"), kind=Kind.UNIT),
    Field("town", N_("镇街"), kind=Kind.TOWN),
    Field("catalog_code", N_("目录编码"), kind=Kind.LINE),
    Field("content", N_("服务内容"), kind=Kind.TEXT, many=True),
    Field("target_group", N_("服务对象"), kind=Kind.TEXT),
    Field("budget", N_("预算金额"), kind=Kind.AMOUNT),
    Field("funding_source", N_("资金来源"), kind=Kind.LINE),
    Field("period", N_("服务期限"), kind=Kind.DATE),
    Field("method", N_("购买方式"), kind=Kind.LINE),
    Field("expected_on", N_("预计时间"), kind=Kind.DATE),
    Field("contact", N_("联系人及电话"), kind=Kind.LINE, many=True),
    Field("remark", N_("备注"), kind=Kind.TEXT, many=True),
    Field("serial", N_("序号"), kind=Kind.SERIAL),
))
LIST_COLUMNS: tuple[str, ...] = (   # the usual columns of Excel and print, after the serial number
    "title", "office", "catalog_code", "content", "target_group", "budget", "funding_source", "period", "method",
    "expected_on", "contact", "remark",
)
TEXTS: tuple[str, ...] = tuple(name for name in LIST_COLUMNS if name != "budget")
LONG_TEXTS = frozenset({"content", "target_group", "remark"})


@dataclass(frozen=True)
class LineFacts:
    """What one version says about one line."""

    title: str
    office: str = ""
    catalog_code: str | None = None
    content: str = ""
    target_group: str = ""
    budget: Money | None = None
    funding_source: str = ""
    period: str = ""
    method: str = ""
    expected_on: str = ""
    contact: str = ""
    remark: str = ""

    def check(self) -> None:
        """Raise Invalid for a line without a name, and for a text that is too long."""
        if not self.title.strip():
            raise Invalid(N_("请填项目名称"), field="title")
        for name in TEXTS:
            most = MAX_TEXT if name in LONG_TEXTS else MAX_LINE
            if len(getattr(self, name) or "") > most:
                raise Invalid(N_("最多 {most} 个字，现在是 {length} 个字"), field=name, most=most,
                              length=len(getattr(self, name)))


class Change(StrEnum):
    """How a line of one version differs from the version before."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    SAME = "same"


CHANGE_LABELS: Mapping[Change, str] = {
    Change.ADDED: N_("新增"), Change.REMOVED: N_("删除"), Change.CHANGED: N_("修改"), Change.SAME: N_("不变"),
}


@dataclass(frozen=True)
class LineChange:
    """One line in the comparison of two versions; `fields` names what differs."""

    change: Change
    before: LineFacts | None
    after: LineFacts | None
    fields: tuple[str, ...] = ()


def compare(before: Mapping[int, LineFacts], after: Mapping[int, LineFacts]) -> list[LineChange]:
    """Compare two versions by line: in the order of the new one, then what it left out."""
    made = []
    for line, facts in after.items():
        old = before.get(line)
        if old is None:
            made.append(LineChange(Change.ADDED, None, facts))
        else:
            names = differing(old, facts)
            made.append(LineChange(Change.CHANGED if names else Change.SAME, old, facts, names))
    made.extend(LineChange(Change.REMOVED, facts, None) for line, facts in before.items() if line not in after)
    return made


def differing(before: LineFacts, after: LineFacts) -> tuple[str, ...]:
    """Return the names of the facts that differ."""
    return tuple(name for name in LIST_COLUMNS if (getattr(before, name) or None) != (getattr(after, name) or None))


def match_lines(known: Sequence[tuple[str, str]], asked: Sequence[tuple[str, str]]) -> list[int | None]:
    """Match rows of a sheet to lines on hand by (office, title): the n-th of equal rows is the n-th line.

    Returns for each asked row the index of its line, or None for a new one.
    """
    places: dict[tuple[str, str], list[int]] = {}
    for index, key in enumerate(known):
        places.setdefault(key, []).append(index)
    used: dict[tuple[str, str], int] = {}
    made: list[int | None] = []
    for key in asked:
        count = used.get(key, 0)
        used[key] = count + 1
        made.append(places[key][count] if count < len(places.get(key, ())) else None)
    return made
