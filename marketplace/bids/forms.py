"""Forms of the bid editor: one a part, all optional until the check page; text is kept as typed."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import HiddenField, SelectMultipleField
from wtforms.fields import SelectChoice
from wtforms.validators import ValidationError

from marketplace.bids import rules
from marketplace.bids.rules import Part
from marketplace.web.fields import LongTextField, MoneyField, TextField


def _(sentence: str) -> Any:
    """Translate when the page is made."""
    return lazy_gettext(sentence)


class PartForm(FlaskForm):
    """What the forms of all parts share: the version that the writer saw."""

    version = HiddenField(default="0")

    def typed(self) -> dict[str, object]:
        """Return the draft's fields as typed."""
        return {field.name: field.data or "" for field in self if field.name not in {"version", "csrf_token"}}

    def seen_version(self) -> int | None:
        """Return the version the writer saw; None from a page that carried none."""
        return int(self.version.data) if (self.version.data or "").isdigit() else None


class PriceForm(PartForm):
    """The price."""

    price = MoneyField(_("总价"))

    def typed(self) -> dict[str, object]:
        """Return the price as typed, so that 36.8万 comes back as 36.8万."""
        return {"price": self.price._value()}  # noqa: SLF001 - the field's own text


class PlanForm(PartForm):
    """What will be done."""

    summary = LongTextField(_("方案摘要"), most=rules.MAX_SUMMARY)
    plan = LongTextField(_("实施方案"), most=rules.MAX_TEXT)


class TeamForm(PartForm):
    """Who will do it."""

    team = LongTextField(_("团队与人员"), most=rules.MAX_TEXT)


class TrackRecordForm(PartForm):
    """What was done before."""

    track_record = LongTextField(_("业绩"), most=rules.MAX_TEXT)


class BudgetForm(PartForm):
    """How the price comes about."""

    budget_notes = LongTextField(_("预算说明"), most=rules.MAX_TEXT)


class ContactForm(PartForm):
    """Whom the buyer calls."""

    contact_name = TextField(_("联系人"), most=rules.MAX_SHORT)
    contact_phone = TextField(_("联系电话"), most=rules.MAX_SHORT)


class FileForm(FlaskForm):
    """One PDF to attach."""

    file = FileField(_("选择 PDF 文件"))

    def validate_file(self, field: FileField) -> None:
        """Ask for a file when none was chosen."""
        if not field.data or not field.data.filename:
            raise ValidationError(gettext("请先选择文件"))


class CheckForm(FlaskForm):
    """The last page: the promises, and what the writer saw when ticking them."""

    promises = SelectMultipleField(_("声明"), choices=[
        SelectChoice(key, _(text)) for key, text in rules.PROMISES.items()])
    version = HiddenField(default="0")
    replaces = HiddenField(default="")

    def validate_promises(self, field: SelectMultipleField) -> None:
        """Name the promise that is not ticked."""
        for key, sentence in rules.PROMISES.items():
            if key not in (field.data or []):
                raise ValidationError(gettext("请勾选声明：%(promise)s", promise=gettext(sentence)))


PART_FORMS: Mapping[Part, type[PartForm]] = {
    Part.PRICE: PriceForm, Part.PLAN: PlanForm, Part.TEAM: TeamForm, Part.TRACK_RECORD: TrackRecordForm,
    Part.BUDGET: BudgetForm, Part.CONTACT: ContactForm,
}
WRITTEN_PARTS = (Part.PRICE, Part.PLAN, Part.TEAM, Part.TRACK_RECORD, Part.BUDGET, Part.FILES, Part.CONTACT)
