"""Forms of the catalogue and the purchase lists: text to typed values."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, SelectField
from wtforms.validators import DataRequired, InputRequired, NumberRange

from marketplace.catalogs.rules import FIRST_YEAR, LAST_YEAR, LIST_COLUMNS, MAX_LINE, MAX_TEXT, LineFacts
from marketplace.core.errors import DomainError
from marketplace.core.sheets import clean_line, clean_text
from marketplace.web.fields import ChineseDateField, LongTextField, MoneyField, TextField

YEAR = (InputRequired(_l("请填年度")), NumberRange(FIRST_YEAR, LAST_YEAR, _l("年度请填 2000 到 2100 之间的年份")))


class NewListForm(FlaskForm):
    """The year of a new list."""

    year = IntegerField(_l("年度"), YEAR)


class LineForm(FlaskForm):
    """One line of a purchase list, in the usual columns."""

    title = TextField(_l("项目名称"), [DataRequired(_l("请填项目名称"))], most=MAX_LINE)
    office = TextField(_l("购买主体"), most=MAX_LINE)
    catalog_code = SelectField(_l("目录编码"), default="")
    content = LongTextField(_l("服务内容"), most=MAX_TEXT)
    target_group = LongTextField(_l("服务对象"), most=MAX_TEXT)
    budget = MoneyField(_l("预算金额"))
    funding_source = TextField(_l("资金来源"), most=MAX_LINE)
    period = TextField(_l("服务期限"), most=MAX_LINE)
    method = TextField(_l("购买方式"), most=MAX_LINE)
    expected_on = TextField(_l("预计时间"), most=MAX_LINE)
    contact = TextField(_l("联系人及电话"), most=MAX_LINE)
    remark = LongTextField(_l("备注"), most=MAX_TEXT)

    def __init__(self, *args: Any, categories: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.catalog_code.choices = [("", _l("（不对应）")), *(
            (code, f"{'　' * (len(code) // 2)}{code} {name}") for code, name in categories.items())]
        if self.catalog_code.data and self.catalog_code.data not in categories:
            self.catalog_code.choices.append((self.catalog_code.data, self.catalog_code.data))

    def facts(self) -> LineFacts:
        """Return the line as typed, cleaned as an import would."""
        values: dict[str, Any] = {}
        for name in LIST_COLUMNS:
            value = self[name].data
            clean = clean_text if isinstance(self[name], LongTextField) else clean_line
            values[name] = clean(value) if isinstance(value, str) else value
        return LineFacts(**{**values, "catalog_code": values["catalog_code"] or None})

    def blame(self, error: DomainError, sentence: str) -> None:
        """Show a refusal at the field it belongs to."""
        field = self[getattr(error, "field", None) or "title"]
        field.errors = [*field.errors, sentence]


class ReasonForm(FlaskForm):
    """Why the list changes; public with the version."""

    reason = LongTextField(_l("变更原因"), most=1_000)


class AmendForm(FlaskForm):
    """Begin the next version."""

    reason = LongTextField(_l("变更原因"), [DataRequired(_l("请写明变更原因，它会随新版一起公开"))], most=1_000)


class ReturnForm(FlaskForm):
    """Why the approver sends a list back."""

    why = LongTextField(_l("退回原因"), [DataRequired(_l("请写明退回原因，经办人才知道改哪里"))], most=1_000)


class EditionForm(FlaskForm):
    """Begin an edition of the catalogue."""

    year = IntegerField(_l("年度"), YEAR)
    name = TextField(_l("名称"), most=MAX_LINE)
    is_copy = BooleanField(_l("从现行目录复制所有条目"), default=True)


class PublishCatalogForm(FlaskForm):
    """When an edition begins to apply."""

    effective_from = ChineseDateField(_l("生效日期"))


class CatalogItemForm(FlaskForm):
    """One line of a draft edition."""

    code = TextField(_l("编码"), [DataRequired(_l("请填编码，例如 A040203"))], most=7)
    name_zh = TextField(_l("名称"), [DataRequired(_l("请填目录名称"))], most=MAX_LINE)
    name_en = TextField(_l("英文名称"), most=MAX_LINE)
    parent_code = TextField(_l("上级编码"), most=7)
    is_official = BooleanField(_l("来自上级目录（不勾选为本区自设）"))
    is_active = BooleanField(_l("在用"), default=True)
    effective_from = ChineseDateField(_l("生效日期"))
    effective_to = ChineseDateField(_l("失效日期"))
    replaced_by = TextField(_l("替代编码"), most=7)

    def facts(self) -> dict[str, Any]:
        """Return what the edition will say about the code."""
        names = ("name_zh", "name_en", "is_official", "is_active", "effective_from", "effective_to")
        made = {name: self[name].data for name in names}
        made["name_en"] = made["name_en"] or ""
        made["parent_code"] = (self.parent_code.data or "").upper() or None
        made["replaced_by"] = (self.replaced_by.data or "").upper() or None
        return made
