"""What a declaration may say: kinds of relations, the look-back of three years, what is missing in one. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.core.errors import Invalid
from marketplace.core.text import N_

LOOK_BACK_YEARS = 3              # GPR 9: "within the three years before the procurement"
MOST_RELATIONS = 20
MAX_WORDS = 500
MAX_NAME = 100


class Declarer(StrEnum):
    """Whose relations are declared: those of a provider, or those of one person who buys for a unit."""

    PROVIDER = "provider"
    STAFF = "staff"


class Relation(StrEnum):
    """What ties the two (GPR 9 and 18)."""

    EMPLOYMENT = "employment"
    BOARD = "board"
    CONTROL = "control"
    KIN = "kin"
    SPONSOR = "sponsor"
    REQUIREMENT = "requirement"
    OTHER = "other"


RELATION_LABELS: Mapping[Relation, str] = {
    Relation.EMPLOYMENT: N_("劳动关系、受雇"), Relation.BOARD: N_("担任理事、监事、董事或负责人"),
    Relation.CONTROL: N_("控股、实际控制"), Relation.KIN: N_("与法定代表人（负责人）是夫妻、直系血亲、三代以内旁系血亲或近姻亲"),
    Relation.SPONSOR: N_("举办者、发起人、托管或上下级管理"), Relation.REQUIREMENT: N_("为其编写项目需求、做整体设计或项目管理"),
    Relation.OTHER: N_("其他可能影响公平的关系"),
}
STAFF_RELATIONS = (Relation.EMPLOYMENT, Relation.BOARD, Relation.CONTROL, Relation.KIN, Relation.OTHER)
UNSURE = frozenset({Relation.REQUIREMENT, Relation.OTHER})     # a person must look, whatever the identifiers say
OWNING = frozenset({Relation.CONTROL, Relation.SPONSOR})       # between the two bodies themselves, not their people

STATEMENT: Mapping[Declarer, str] = {
    Declarer.PROVIDER: N_("本组织确认：除所列关系外，近三年内与采购单位、出资方及其工作人员没有政府采购法实施条例第九条、第十八条所列的关系。如有变化，"
                          "及时重新声明。"),
    Declarer.STAFF: N_("我确认：除所列关系外，近三年内与任何承接主体没有政府采购法实施条例第九条所列的关系。涉及所列组织的采购，我主动回避。如有变化，及时重新声明。"),
}


@dataclass(frozen=True)
class Stated:
    """One relation as somebody writes it down. `code` or `body` says which body; `person` who, where it is one."""

    relation: Relation
    body: str = ""
    code: str | None = None
    person: str = ""
    since: date | None = None
    until: date | None = None
    words: str = ""


def years_before(day: date, years: int) -> date:
    """Return the same day some years earlier; 29 February becomes 28 February."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def counts_on(since: date | None, until: date | None, today: date) -> bool:
    """Say whether a relation counts today: begun, and not ended three years ago or longer. No end: it goes on.

    Counted from today, not from the notice: a relation that ended on this day three years ago no longer counts.
    """
    if since is not None and since > today:
        return False
    return until is None or until > years_before(today, LOOK_BACK_YEARS)


def check_stated(declarer: Declarer, stated: Sequence[Stated], *, says_none: bool, today: date) -> None:
    """Refuse a declaration that says both or neither, or leaves open with whom: Invalid with what to write."""
    if says_none and stated:
        raise Invalid(N_("选择“没有”时，请把下面各项关系清空；仍有关系的请选择“有”"), field="says_none")
    if not says_none and not stated:
        raise Invalid(N_("请至少写明一项关系；确实没有的请选择“没有”"), field="says_none")
    if len(stated) > MOST_RELATIONS:
        raise Invalid(N_("一次最多申报 {most} 项关系"), field="says_none", most=MOST_RELATIONS)
    for number, one in enumerate(stated, 1):
        _check_one(declarer, one, number, today)


def _check_one(declarer: Declarer, one: Stated, number: int, today: date) -> None:
    """Refuse one relation that nobody could check."""
    if declarer is Declarer.STAFF and one.relation not in STAFF_RELATIONS:
        raise Invalid(N_("第 {number} 项：这一类关系由组织申报"), field=f"relations-{number - 1}-relation", number=number)
    if not one.body:
        raise Invalid(N_("第 {number} 项：请写明对方单位或组织的名称"), field=f"relations-{number - 1}-body", number=number)
    if one.since is not None and one.since > today:
        raise Invalid(N_("第 {number} 项：开始日期不能晚于今天"), field=f"relations-{number - 1}-since", number=number)
    if one.since is not None and one.until is not None and one.until < one.since:
        raise Invalid(N_("第 {number} 项：结束日期早于开始日期"), field=f"relations-{number - 1}-until", number=number)
