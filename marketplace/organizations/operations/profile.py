"""Applies changes to an organization's profile: plain fields, and whole lists (ratings, areas, past projects ...)."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.errors import Conflict, Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.organizations import rules
from marketplace.organizations.models import (
    CreditListing,
    Organization,
    PastProject,
    Rating,
    RelatedParty,
    ServedArea,
    ServiceCategory,
)
from marketplace.organizations.rules import OrganizationKind, Standing

TEXT_FIELDS = ("area_code", "address", "legal_representative", "contact_name", "contact_phone", "contact_email",
               "bank_name", "bank_account", "website")
LONG_FIELDS = ("about", "business_scope")
NUMBER_FIELDS = ("staff_total", "staff_certified", "capacity_projects")
OPERATOR_FIELDS = frozenset({"is_buyer", "is_provider", "is_funder", "is_charity", "may_fundraise", "host"})
PLAIN_FIELDS = frozenset({"name", "kind", "standing", "credit_code", "founded_on", "capacity_money", *TEXT_FIELDS,
                          *LONG_FIELDS, *NUMBER_FIELDS, *OPERATOR_FIELDS})
LISTS = ("ratings", "listings", "categories", "areas", "past_projects", "related_parties")
MAX_TEXT, MAX_LONG, MAX_ROWS = 200, 5_000, 100
_PHONE = re.compile(r"^\+?[\d\-（）() 转#]{6,30}$")

Row = Mapping[str, object]


def apply_changes(session: Session, organization: Organization, changes: Mapping[str, object]) -> list[str]:
    """Write `changes` onto the row and return the names of what really changed; raises Invalid, Conflict."""
    unknown = set(changes) - PLAIN_FIELDS - set(LISTS)
    if unknown:
        msg = f"not part of a profile: {', '.join(sorted(unknown))}"
        raise TypeError(msg)
    changed = []
    for name in sorted(set(changes) & PLAIN_FIELDS):
        value = _checked(name, changes[name])
        if getattr(organization, name) != value:
            if name == "credit_code":
                _refuse_taken_code(session, organization, value)
            setattr(organization, name, value)
            changed.append(name)
    if "name" in changed:
        organization.name_key = rules.name_key(organization.name)
    for name in (one for one in LISTS if one in changes):
        rows = changes[name]
        assert isinstance(rows, Iterable)
        if _LIST_WRITERS[name](organization, list(rows)):
            changed.append(name)
    _check_staff(organization)
    return changed


def _checked(name: str, value: object) -> object:
    """Return the tidy value of one plain field; raises Invalid naming the field."""
    if name == "name":
        return rules.check_name(str(value))
    if name == "kind":
        return OrganizationKind(str(value))
    if name == "standing":
        return Standing(str(value))
    if name == "credit_code":
        return rules.check_credit_code(None if value is None else str(value))
    if name in TEXT_FIELDS:
        return _text(name, value)
    if name in LONG_FIELDS:
        return _bounded(name, str(value or "").strip(), MAX_LONG)
    if name in NUMBER_FIELDS and value is not None and not (isinstance(value, int) and 0 <= value <= 10**6):
        raise Invalid(N_("请填 0 到 1000000 之间的整数"), field=name)
    return value


def _text(name: str, value: object) -> str | None:
    """Return one line of text, or None for nothing; telephone and web addresses have their own shape."""
    text = _bounded(name, " ".join(str(value or "").split()), MAX_TEXT) or None
    if text and name == "contact_phone" and not _PHONE.match(text):
        raise Invalid(N_("“{typed}”不像电话号码。请填手机号或带区号的座机"), field=name, typed=text)
    if text and name == "website" and not text.startswith(("https://", "http://")):
        raise Invalid(N_("网址要以 https:// 或 http:// 开头"), field=name)
    if text and name == "legal_representative":
        return rules.check_name(text, field=name)
    return text


def _bounded(name: str, text: str, most: int) -> str:
    """Refuse a text that is too long or holds control characters."""
    if len(text) > most:
        raise Invalid(N_("最多 {most} 个字，现在是 {length} 个字"), field=name, most=most, length=len(text))
    if "\x00" in text:
        raise Invalid(N_("内容里有看不见的字符，请删去后重新手打"), field=name)
    return text


def _refuse_taken_code(session: Session, organization: Organization, code: object) -> None:
    """One organization per credit code."""
    if code is None:
        return
    with session.no_autoflush:
        taken = session.scalar(select(Organization.id).where(Organization.credit_code == code))
    if taken is not None and taken != organization.id:
        raise Conflict(N_("统一社会信用代码 {code} 已有组织登记。请联系平台核对，不要重复登记"), code=code)


def _check_staff(organization: Organization) -> None:
    """Certified staff are part of the staff."""
    total, certified = organization.staff_total, organization.staff_certified
    if total is not None and certified is not None and certified > total:
        raise Invalid(N_("持证社工人数不能多于专职人员总数"), field="staff_certified")


def _limit(name: str, rows: list[object]) -> None:
    """Refuse absurdly long lists."""
    if len(rows) > MAX_ROWS:
        raise Invalid(N_("最多填 {most} 行"), field=name, most=MAX_ROWS)


def _day(row: Row, key: str, field: str) -> date:
    """Return a date that must be there."""
    value = row.get(key)
    if not isinstance(value, date):
        raise Invalid(N_("请填日期，例如 2026-06-30"), field=field)
    return value


def _ratings(organization: Organization, rows: list[Row]) -> bool:
    """Replace the ratings; each has grade 1 to 5, issuer, both dates."""
    _limit("ratings", list(rows))
    wanted = []
    for row in rows:
        grade, issuer = row.get("grade"), str(row.get("issuer") or "").strip()
        start, end = _day(row, "issued_on", "ratings"), _day(row, "expires_on", "ratings")
        if not isinstance(grade, int) or not 1 <= grade <= 5:  # noqa: PLR2004 - 1A to 5A
            raise Invalid(N_("评估等级是 1A 到 5A"), field="ratings")
        if not issuer:
            raise Invalid(N_("请填写评估等级的授予机关"), field="ratings")
        if end <= start:
            raise Invalid(N_("等级有效期的终止日要晚于授予日"), field="ratings")
        wanted.append((grade, issuer, start, end))
    if sorted(wanted) == sorted((one.grade, one.issuer, one.issued_on, one.expires_on) for one in organization.ratings):
        return False
    organization.ratings = [Rating(grade=grade, issuer=issuer, issued_on=start, expires_on=end)
                            for grade, issuer, start, end in wanted]
    return True


def _listings(organization: Organization, rows: list[Row]) -> bool:
    """Replace the credit-list entries; each names its reason and where it was published."""
    made = []
    for row in rows:
        kind, removed = str(row.get("kind")), row.get("removed_on")
        listed = _day(row, "listed_on", "listings")
        if kind not in rules.LISTING_LABELS:
            raise Invalid(N_("请选择是哪一种名录"), field="listings")
        if removed is not None and (not isinstance(removed, date) or removed < listed):
            raise Invalid(N_("移出日期不能早于列入日期"), field="listings")
        reason, source = str(row.get("reason") or "").strip(), str(row.get("source") or "").strip()
        if not reason or not source:
            raise Invalid(N_("请写明列入原因和公布出处"), field="listings")
        made.append(CreditListing(kind=kind, listed_on=listed, removed_on=removed, reason=reason, source=source))
    return _replace(organization, "listings", made, ("kind", "listed_on", "removed_on", "reason", "source"))


def _categories(organization: Organization, codes: list[object]) -> bool:
    """Replace the catalogue codes that it says it serves."""
    _limit("categories", codes)
    made = [ServiceCategory(code=code) for code in dict.fromkeys(str(one) for one in codes)]
    return _replace(organization, "categories", made, ("code",))


def _areas(organization: Organization, codes: list[object]) -> bool:
    """Replace the area codes that it says it serves."""
    _limit("areas", codes)
    made = [ServedArea(area_code=code) for code in dict.fromkeys(str(one) for one in codes)]
    return _replace(organization, "areas", made, ("area_code",))


def _past_projects(organization: Organization, rows: list[Row]) -> bool:
    """Replace the past projects it states itself; those known from a contract here stay untouched."""
    _limit("past_projects", list(rows))
    made = [one for one in organization.past_projects if one.is_confirmed]
    for row in rows:
        title, buyer = str(row.get("title") or "").strip(), str(row.get("buyer_name") or "").strip()
        if not title or not buyer:
            raise Invalid(N_("以往项目要写明项目名称和委托单位"), field="past_projects")
        amount, start, end = row.get("amount"), row.get("started_on"), row.get("ended_on")
        assert amount is None or isinstance(amount, Money)
        if isinstance(start, date) and isinstance(end, date) and end < start:
            raise Invalid(N_("项目“{title}”的结束日期早于开始日期"), field="past_projects", title=title)
        made.append(PastProject(
            title=_bounded("past_projects", title, MAX_TEXT), buyer_name=_bounded("past_projects", buyer, MAX_TEXT),
            category_code=row.get("category_code") or None, area_code=row.get("area_code") or None, amount=amount,
            started_on=start, ended_on=end, outcome=str(row.get("outcome") or "").strip()[:MAX_LONG]))
    columns = ("title", "buyer_name", "category_code", "area_code", "amount", "started_on", "ended_on", "outcome")
    return _replace(organization, "past_projects", made, columns)


def _related_parties(organization: Organization, rows: list[Row]) -> bool:
    """Replace the persons and bodies tied to it (GPR 18)."""
    _limit("related_parties", list(rows))
    made = []
    for row in rows:
        relation = str(row.get("relation") or "other")
        if relation not in rules.RELATIONS:
            raise Invalid(N_("请选择关联关系"), field="related_parties")
        code = row.get("credit_code")
        made.append(RelatedParty(
            name=rules.check_name(str(row.get("name") or ""), field="related_parties"), relation=relation,
            credit_code=rules.check_credit_code(None if code is None else str(code), field="related_parties")))
    return _replace(organization, "related_parties", made, ("name", "credit_code", "relation"))


def _replace(organization: Organization, name: str, made: Sequence[object], columns: tuple[str, ...]) -> bool:
    """Put `made` in the place of a list unless both say the same; return whether it changed."""
    def said(rows: Iterable[object]) -> list[str]:
        return sorted(repr([getattr(row, column) for column in columns]) for row in rows)

    if said(made) == said(getattr(organization, name)):
        return False
    keep = {id(one) for one in getattr(organization, name)} & {id(one) for one in made}
    for old in [one for one in getattr(organization, name) if id(one) not in keep]:
        getattr(organization, name).remove(old)
    if organization.id is not None:
        _flush_removals(organization)
    getattr(organization, name).extend(one for one in made if id(one) not in keep)
    return True


def _flush_removals(organization: Organization) -> None:
    """Delete the removed rows first: a code that stays in the list would meet its own old row."""
    from sqlalchemy.orm import object_session

    if session := object_session(organization):
        session.flush()


_LIST_WRITERS: Mapping[str, Callable[[Organization, list], bool]] = {  # type: ignore[type-arg]
    "ratings": _ratings, "listings": _listings, "categories": _categories, "areas": _areas,
    "past_projects": _past_projects, "related_parties": _related_parties,
}
