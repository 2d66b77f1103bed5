"""Forms of projects: text becomes typed values. No database, no permission."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import BooleanField, FieldList, Form, FormField, HiddenField, RadioField, SelectField, SelectMultipleField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, ValidationError

from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.organizations.rules import KIND_LABELS
from marketplace.procedures.rules import HIGHEST_GRADE, QUALIFIED_KINDS, SCORING_LABELS
from marketplace.projects.models import Project
from marketplace.projects.queries import Filters
from marketplace.projects.rules import (
    DUE_DAYS,
    FAIR_TYPES,
    MAX_QUESTION,
    MAX_TITLE,
    PUBLIC_STATUSES,
    BudgetBand,
    DisplayStatus,
    Section,
    Sort,
)
from marketplace.web.errors import say
from marketplace.web.fields import ChineseDateField, DeadlineField, LongTextField, MoneyField, TextField

BLANK_ROWS = 2
MORE_ROWS = 3
MAX_ROWS = 50
MANY = 12                          # values of one facet in an address
LONGEST_CODE = 12                  # of catalogue and areas


class NumberField(TextField):
    """A whole number, full-width digits too. Data: int or None."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the first value; empty is None."""
        self.data: Any = None
        typed = valuelist[0].replace(",", "").strip() if valuelist else ""
        if not typed:
            return
        try:
            self.data = int(typed)
        except ValueError:
            raise ValidationError(gettext("“%(typed)s”不是整数", typed=typed)) from None

    def _value(self) -> str:
        """Return what was typed, or the number."""
        return self.raw_data[0] if self.raw_data else "" if self.data is None else str(self.data)


class SectionForm(FlaskForm):
    """One part of the editor; `names` are columns of a project."""

    names: tuple[str, ...] = ()
    version = HiddenField()

    def changes(self) -> dict[str, object]:
        """Return the typed values by column; what the browser did not send stays as it is."""
        return {name: _empty_text(self[name].data, self[name]) for name in self.names if self[name].raw_data}

    @classmethod
    def of(cls, project: Project, **kwargs: Any) -> "SectionForm":
        """Return the form filled with a project's values."""
        values = {name: getattr(project, name) for name in cls.names}
        answers = {name: "y" if value else "" for name, value in values.items() if isinstance(value, bool)}
        return cls(data=values | answers | {"version": str(project.version_id)}, **kwargs)


def _empty_text(value: object, field: object) -> object:
    """Return what a column takes: codes and values may be unknown, texts are empty."""
    if isinstance(field, SelectField) and value == "":
        return None
    return value


class BasicsForm(SectionForm):
    """What, for how much, where."""

    names = ("title", "summary", "category_code", "area_code", "place", "fair_type", "budget", "ceiling",
             "funding_source", "takes_matching")
    title = TextField(_l("项目名称"), [InputRequired(_l("请填写项目名称"))], most=MAX_TITLE)
    summary = TextField(_l("一句话说明"), most=200)
    category_code = SelectField(_l("服务类别"), validate_choice=False)
    area_code = SelectField(_l("服务所在镇街"), validate_choice=False)
    place = TextField(_l("服务地点"), most=200)
    fair_type = SelectField(_l("项目类型"), choices=[
        SelectChoice("", _l("请选择")), *(SelectChoice(name, _l(name)) for name in FAIR_TYPES)])
    budget = MoneyField(_l("预算"))
    ceiling = MoneyField(_l("最高限价"))
    funding_source = TextField(_l("资金来源"), most=200)
    takes_matching = SelectField(_l("社会配套资金"), validate_choice=False, choices=[
        SelectChoice("", _l("不接受")), SelectChoice("y", _l("可以接受，用于合同以外增加的内容"))])

    def offer(self, categories: Mapping[str, str], areas: Mapping[str, str]) -> "BasicsForm":
        """Give the two code fields their choices, in the order of the tree; a code unknown today stays choosable."""
        for field, names in ((self.category_code, categories), (self.area_code, areas)):
            choices = [SelectChoice("", gettext("请选择")),
                       *(SelectChoice(code, f"{code} {names[code]}") for code in sorted(names))]
            if field.data and field.data not in names:
                choices.append(SelectChoice(field.data, gettext("%(code)s（不在现行目录）", code=field.data)))
            field.choices = choices
        return self

    def changes(self) -> dict[str, object]:
        """Return the typed values; the type of project is a text, matching money a yes or no."""
        changes = super().changes()
        if "fair_type" in changes:
            changes["fair_type"] = changes["fair_type"] or ""
        if "takes_matching" in changes:
            changes["takes_matching"] = changes["takes_matching"] == "y"
        return changes


class RequirementForm(SectionForm):
    """What is to be done, for whom."""

    names = ("body", "target_group", "beneficiaries", "qualified_kinds", "certified_min", "grade_min",
             "special_conditions")
    body = LongTextField(_l("要做什么"))
    target_group = TextField(_l("服务对象"), most=200)
    beneficiaries = NumberField(_l("服务人数"))
    qualified_kinds = SelectMultipleField(_l("组织类型"), validate_choice=False, choices=[
        SelectChoice(str(kind), _l(KIND_LABELS[kind])) for kind in QUALIFIED_KINDS])
    certified_min = NumberField(_l("持证社工，至少"))
    grade_min = SelectField(_l("评估等级，不低于"), validate_choice=False, choices=[
        SelectChoice("", _l("不要求")), *(SelectChoice(str(grade), f"{grade}A") for grade in range(1, HIGHEST_GRADE + 1))])
    qualification = HiddenField(default="y")     # says that the boxes were shown: none ticked means any kind
    special_conditions = LongTextField(_l("特定资格条件"), most=2_000)

    def changes(self) -> dict[str, object]:
        """Return the typed values; no box ticked is any kind of organization, a grade is a number."""
        changes = super().changes()
        if self.qualification.raw_data:
            changes["qualified_kinds"] = list(dict.fromkeys(self.qualified_kinds.data or ()))
        if "grade_min" in changes:
            typed = str(changes["grade_min"] or "")
            changes["grade_min"] = int(typed) if typed.isdecimal() else None
        return changes


class IndicatorRow(Form):
    """One indicator; a row without a name is left out."""

    name = TextField(_l("指标"), most=200)
    target = TextField(_l("目标值"), most=60)
    unit = TextField(_l("单位"), most=20)
    evidence = TextField(_l("佐证"), most=200)


class CriterionRow(Form):
    """One criterion; a row without a name is left out."""

    name = TextField(_l("评分项"), most=200)
    weight = NumberField(_l("分值"))
    levels = LongTextField(_l("分档说明"), most=2_000)


class MilestoneRow(Form):
    """One payment; a row without a title is left out."""

    title = TextField(_l("付款节点"), most=200)
    percent = NumberField(_l("比例（%）"))
    condition = TextField(_l("付款条件"), most=200)
    days_after = NumberField(_l("几日内付款"))


class RowsForm(SectionForm):
    """A part of the editor that is a list; `rows_of` names the list, `key` the column without which a row is empty."""

    rows_of = ""
    key = "name"
    columns: tuple[str, ...] = ()
    rows: FieldList

    def changes(self) -> dict[str, object]:
        """Return the columns and the rows that were filled."""
        filled = [{name: _cell(row[name].data, name) for name in self.columns} for row in self.rows
                  if any((row[name].data or "") != "" for name in self.columns if name != "days_after")]
        return super().changes() | ({self.rows_of: filled} if len(self.rows) else {})

    @classmethod
    def of(cls, project: Project, **kwargs: Any) -> "RowsForm":
        """Return the form filled with a project's rows and two blank ones."""
        rows = [{name: getattr(row, name) for name in cls.columns} for row in getattr(project, cls.rows_of)]
        data = {name: getattr(project, name) for name in cls.names}
        return cls(data=data | {"version": str(project.version_id), "rows": rows + [{}] * BLANK_ROWS}, **kwargs)

    def add_rows(self) -> None:
        """Put more blank rows at the end."""
        for _ in range(min(MORE_ROWS, MAX_ROWS - len(self.rows))):
            self.rows.append_entry()


def _cell(value: object, name: str) -> object:
    """Return what a row's column takes."""
    if name == "days_after":
        return 30 if value is None else value
    return value if value is not None or name in {"weight", "percent"} else ""


class IndicatorsForm(RowsForm):
    """The indicators."""

    rows_of, columns = "indicators", ("name", "target", "unit", "evidence")
    rows = FieldList(FormField(IndicatorRow), max_entries=MAX_ROWS)


class ScoringForm(RowsForm):
    """How offers are compared."""

    names = ("scoring_method", "price_weight", "panel_size")
    rows_of, columns = "criteria", ("name", "weight", "levels")
    scoring_method = RadioField(_l("评审办法"), choices=[
        SelectChoice(str(method), _l(label)) for method, label in SCORING_LABELS.items()])
    price_weight = NumberField(_l("价格分"), [InputRequired(_l("请填写价格分；不计价格填 0"))])
    panel_size = NumberField(_l("评审小组人数"), [InputRequired(_l("请填写评审小组人数"))])
    rows = FieldList(FormField(CriterionRow), max_entries=MAX_ROWS)


class PaymentForm(RowsForm):
    """When how much is paid."""

    rows_of, key, columns = "milestones", "title", ("title", "percent", "condition", "days_after")
    rows = FieldList(FormField(MilestoneRow), max_entries=MAX_ROWS)


class TimeForm(SectionForm):
    """Deadline, service period, contact."""

    names = ("closes_at", "service_from", "service_to", "term_reason", "contact_name", "contact_phone")
    closes_at = DeadlineField(_l("截止时间"))
    service_from = ChineseDateField(_l("服务开始日期"))
    service_to = ChineseDateField(_l("服务结束日期"))
    term_reason = TextField(_l("超过 12 个月的理由"), most=500)
    contact_name = TextField(_l("联系人"), most=50)
    contact_phone = TextField(_l("联系电话"), most=50)


class FilesForm(FlaskForm):
    """One attachment."""

    file = FileField(_l("选择文件"))
    title = TextField(_l("文件名称"), most=MAX_TITLE)


SECTION_FORMS: Mapping[Section, type[SectionForm]] = {
    Section.BASICS: BasicsForm, Section.REQUIREMENT: RequirementForm, Section.INDICATORS: IndicatorsForm,
    Section.SCORING: ScoringForm, Section.PAYMENT: PaymentForm, Section.TIME: TimeForm,
}


class NewForm(FlaskForm):
    """The first line of a new draft."""

    title = TextField(_l("项目名称"), [InputRequired(_l("请填写项目名称"))], most=MAX_TITLE)
    budget = MoneyField(_l("预算"), least=Money(1))


class ReasonForm(FlaskForm):
    """A reason that others will read."""

    reason = LongTextField(_l("理由"), [InputRequired(_l("请写明理由"))], most=2_000)


class PublishForm(FlaskForm):
    """The approver's deadline."""

    closes_at = DeadlineField(_l("截止时间"), [InputRequired(_l("请填写截止时间"))])


class AddendumForm(FlaskForm):
    """A clarification or correction."""

    text = LongTextField(_l("澄清或更正的内容"), [InputRequired(_l("请写明内容"))], most=5_000)
    affects_offers = BooleanField(_l("可能影响响应文件的编制"), default=True)
    closes_at = DeadlineField(_l("新的截止时间"))


class QuestionForm(FlaskForm):
    """A question in the open."""

    question = LongTextField(_l("您的问题"), [InputRequired(_l("请写下您的问题"))], most=MAX_QUESTION)


class AnswerForm(FlaskForm):
    """An answer in the open."""

    answer = LongTextField(_l("答复"), [InputRequired(_l("请写下答复"))], most=5_000)


def blame(form: FlaskForm, refused: Invalid) -> None:
    """Put the sentence of a refusal where its field stands, or above the form."""
    sentence = say(refused)
    field = form._fields.get(refused.field or "")
    if field is None or isinstance(field, FieldList):
        form.form_errors.append(sentence)
    else:
        field.errors = [*field.errors, sentence]


def _known(values: Sequence[str], kind: type[DisplayStatus] | type[BudgetBand]) -> tuple[Any, ...]:
    """Return the values that the kind knows, each once."""
    members = set(kind)
    return tuple(kind(value) for value in dict.fromkeys(values[:MANY]) if value in members)


def filters_from(args: Any) -> Filters:
    """Read the list's filters from an address (a MultiDict); what nobody could have chosen is left out."""
    due, sort = args.get("due", ""), args.get("sort", "")
    return Filters(
        statuses=tuple(s for s in _known(args.getlist("status"), DisplayStatus) if s in PUBLIC_STATUSES),
        categories=_codes(args.getlist("category")), areas=_codes(args.getlist("area")),
        bands=_known(args.getlist("budget"), BudgetBand),
        due_days=int(due) if due in {str(days) for days in DUE_DAYS} else None,
        sort=Sort(sort) if sort in set(Sort) else Sort.NEWEST)


def _codes(values: Sequence[str]) -> tuple[str, ...]:
    """Return the values that look like codes, each once."""
    return tuple(v for v in dict.fromkeys(values[:MANY]) if v.isascii() and v.isalnum() and len(v) <= LONGEST_CODE)
