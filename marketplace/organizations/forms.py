"""Forms of organizations: text becomes typed values. No database, no permission."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    FieldList,
    Form,
    FormField,
    HiddenField,
    IntegerField,
    SelectField,
    SelectMultipleField,
)
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, NumberRange, Optional

from marketplace.organizations.models import Organization
from marketplace.organizations.rules import KIND_LABELS, LISTING_LABELS, OPEN_KINDS, RELATIONS, STANDING_OF_KIND
from marketplace.organizations.rules import OrganizationKind as Kind
from marketplace.web.fields import ChineseDateField, LongTextField, MoneyField, TextField

BLANK_ROWS = 2


def _choices(labels: Mapping[Any, str]) -> list[SelectChoice]:
    """Return choices whose labels are message ids."""
    return [SelectChoice(str(value), _l(label)) for value, label in labels.items()]


def _first_empty(labels: Mapping[Any, str]) -> list[SelectChoice]:
    """Return choices behind an empty one."""
    return [SelectChoice("", _l("请选择")), *_choices(labels)]


def _named(names: Mapping[str, str]) -> list[SelectChoice]:
    """Return choices whose names need no translation."""
    return [SelectChoice(code, name) for code, name in names.items()]


class RegistrationForm(FlaskForm):
    """A new organization and its first administrator."""

    name = TextField(_l("组织全称"), [InputRequired(_l("请填写登记证书上的全称"))], most=100)
    kind = SelectField(_l("组织类型"), [InputRequired(_l("请选择组织类型"))],
                       choices=_first_empty({kind: KIND_LABELS[kind] for kind in OPEN_KINDS}))
    credit_code = TextField(_l("统一社会信用代码"), most=30)
    legal_representative = TextField(_l("法定代表人（负责人）"), most=50)
    person_name = TextField(_l("管理员姓名"), most=50)
    login = TextField(_l("管理员手机号或邮箱"), most=100)
    agree = BooleanField(_l("我受该组织委托办理登记，所填内容真实"), [InputRequired(_l("请确认受托办理"))])

    def organization(self) -> dict[str, object]:
        """Return the facts of the organization."""
        kind = Kind(self.kind.data)
        return {"name": self.name.data, "kind": kind, "standing": STANDING_OF_KIND[kind],
                "credit_code": self.credit_code.data or None,
                "legal_representative": self.legal_representative.data or None}

    def administrator(self) -> dict[str, str]:
        """Return login and name of its first administrator."""
        return {"login": self.login.data or "", "name": self.person_name.data or ""}


GRADES = [SelectChoice("", "—"), *(SelectChoice(str(grade), f"{grade}A") for grade in range(5, 0, -1))]


class RatingRow(Form):
    """One grade; a row without a grade is left out."""

    grade = SelectField(_l("等级"), choices=GRADES, validate_choice=False)
    issuer = TextField(_l("授予机关"), most=100)
    issued_on = ChineseDateField(_l("授予日期"))
    expires_on = ChineseDateField(_l("有效期至"))


class PastProjectRow(Form):
    """One project carried out; a row without a title is left out."""

    title = TextField(_l("项目名称"), most=200)
    buyer_name = TextField(_l("委托单位"), most=200)
    amount = MoneyField(_l("金额（元）"))
    started_on = ChineseDateField(_l("开始"))
    ended_on = ChineseDateField(_l("结束"))
    outcome = TextField(_l("成效、评价"), most=200)
    category_code = HiddenField()
    area_code = HiddenField()


class RelatedRow(Form):
    """One related person or body; a row without a name is left out."""

    name = TextField(_l("姓名或名称"), most=100)
    credit_code = TextField(_l("统一社会信用代码（单位填）"), most=30)
    relation = SelectField(_l("关系"), choices=_first_empty(RELATIONS), validate_choice=False)


class ListingRow(Form):
    """One entry in a credit list; a row without a kind is left out."""

    kind = SelectField(_l("名录"), choices=_first_empty(LISTING_LABELS), validate_choice=False)
    listed_on = ChineseDateField(_l("列入日期"))
    removed_on = ChineseDateField(_l("移出日期"))
    reason = TextField(_l("列入原因"), most=200)
    source = TextField(_l("公布出处"), most=200)


_COUNT = [Optional(), NumberRange(0, 10**6)]


class ProfileForm(FlaskForm):
    """The whole profile, in sections; rows left empty are left out."""

    version = HiddenField()
    name = TextField(_l("组织全称"), [InputRequired(_l("请填写全称"))], most=100)
    kind = SelectField(_l("组织类型"), choices=_choices(KIND_LABELS))
    credit_code = TextField(_l("统一社会信用代码"), most=30)
    legal_representative = TextField(_l("法定代表人（负责人）"), most=50)
    founded_on = ChineseDateField(_l("成立日期"))
    area_code = SelectField(_l("登记所在地"), choices=[])
    address = TextField(_l("办公地址"), most=200)
    contact_name = TextField(_l("联系人"), most=50)
    contact_phone = TextField(_l("联系电话"), most=30)
    contact_email = TextField(_l("电子邮箱"), most=100)
    website = TextField(_l("网址"), most=200)
    bank_name = TextField(_l("开户银行"), most=100)
    bank_account = TextField(_l("银行账号"), most=50)
    about = LongTextField(_l("组织简介"), most=5_000)
    business_scope = LongTextField(_l("业务范围（照章程填写）"), most=5_000)
    staff_total = IntegerField(_l("专职人员"), _COUNT)
    staff_certified = IntegerField(_l("其中持证社工"), _COUNT)
    capacity_projects = IntegerField(_l("同时承接项目数上限"), _COUNT)
    capacity_money = MoneyField(_l("同时承接金额上限（元）"))
    categories = SelectMultipleField(_l("服务类别"), choices=[])
    areas = SelectMultipleField(_l("服务地域"), choices=[])
    ratings = FieldList(FormField(RatingRow), min_entries=BLANK_ROWS)
    past_projects = FieldList(FormField(PastProjectRow), min_entries=BLANK_ROWS)
    related_parties = FieldList(FormField(RelatedRow), min_entries=BLANK_ROWS)

    def offer(self, *, categories: Mapping[str, str], areas: Mapping[str, str]) -> None:
        """Set the choices that come from the catalogue and the area table."""
        self.categories.choices = _named(categories)
        self.areas.choices = _named(areas)
        self.area_code.choices = [SelectChoice("", _l("请选择")), *_named(areas)]

    def seen_version(self) -> int:
        """Return the version that the editor was opened with; what is no number fits no version."""
        text = str(self.version.data or "")
        is_number = text.isascii() and text.isdigit() and len(text) < 10  # noqa: PLR2004 - fits 32 bits
        return int(text) if is_number else 0

    def changes(self) -> dict[str, object]:
        """Return the profile as `operations.update_profile` takes it."""
        made: dict[str, object] = {name: _or_none(getattr(self, name).data) for name in PLAIN}
        kind = Kind(self.kind.data)
        made |= {"kind": kind, "standing": STANDING_OF_KIND[kind], "about": self.about.data or "",
                 "business_scope": self.business_scope.data or ""}
        made |= {"categories": self.categories.data or [], "areas": self.areas.data or []}
        made["ratings"] = [{**row, "grade": _whole(row["grade"])} for row in _rows(self.ratings, "grade")]
        made["past_projects"] = _rows(self.past_projects, "title")
        made["related_parties"] = _rows(self.related_parties, "name")
        return made


class ListingsForm(FlaskForm):
    """The credit lists of one organization, kept by an operator."""

    listings = FieldList(FormField(ListingRow), min_entries=BLANK_ROWS)

    def rows(self) -> list[dict[str, object]]:
        """Return the entries."""
        return _rows(self.listings, "kind")


class DecisionForm(FlaskForm):
    """The operator's decision: verify with a note, or return with a reason."""

    note = LongTextField(_l("核验意见或退回原因"), most=500)


def _whole(text: object) -> object:
    """Return a whole number where the text is one; the operation refuses anything else."""
    return int(str(text)) if str(text).isascii() and str(text).isdigit() else text


def _or_none(value: object) -> object:
    """Return None for an empty text."""
    return None if value == "" else value


def _rows(entries: FieldList, key: str) -> list[dict[str, object]]:
    """Return the rows of a table whose first cell is filled, empty cells as None."""
    return [{name: _or_none(value) for name, value in entry.data.items() if name != "csrf_token"}
            for entry in entries.entries if entry.data.get(key)]


PLAIN = ("name", "kind", "credit_code", "legal_representative", "founded_on", "area_code", "address", "contact_name",
         "contact_phone", "contact_email", "website", "bank_name", "bank_account", "about", "business_scope",
         "staff_total", "staff_certified", "capacity_projects", "capacity_money")


def profile_data(organization: Organization) -> dict[str, object]:
    """Return what the profile form shows for an organization before anybody typed, with blank rows at the ends."""
    def rows(entries: Sequence[object], columns: tuple[str, ...]) -> list[dict[str, object]]:
        return [*({column: getattr(one, column) for column in columns} for one in entries),
                *({} for _ in range(BLANK_ROWS))]

    own = [one for one in organization.past_projects if not one.is_confirmed]
    graded = [{**row, "grade": str(row["grade"])} if row else row
              for row in rows(organization.ratings, ("grade", "issuer", "issued_on", "expires_on"))]
    return {
        **{name: getattr(organization, name) for name in PLAIN}, "version": str(organization.version_id),
        "categories": [one.code for one in organization.categories],
        "areas": [one.area_code for one in organization.areas], "ratings": graded,
        "past_projects": rows(own, ("title", "buyer_name", "amount", "started_on", "ended_on", "outcome",
                                    "category_code", "area_code")),
        "related_parties": rows(organization.related_parties, ("name", "credit_code", "relation")),
    }
