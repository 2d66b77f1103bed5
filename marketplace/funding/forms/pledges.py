"""A new promise, and the steps that follow it: approve, return, cancel, confirm, refund, release."""

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import BooleanField, FieldList, Form, FormField, RadioField, SelectField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional

from marketplace.core.errors import Invalid
from marketplace.core.text import N_
from marketplace.funding.rules.funders import PURPOSE_LABELS
from marketplace.funding.rules.pledges import LEFTOVER_LABELS, MAX_NAMING, MAX_PURPOSE, MOST_MANAGEMENT, Part
from marketplace.web.fields import ChineseDateField, LongTextField, MoneyField, TextField, WholeField
from marketplace.web.stepup import StepUp

MOST_ROWS = 12
BLANK_ROWS = 3


class InstalmentForm(Form):
    """One instalment: day and sum; an empty row is left out."""

    due_on = ChineseDateField(_l("日期"), [Optional()])
    amount = MoneyField(_l("金额"), [Optional()])


class PledgeForm(FlaskForm):
    """The facts of a commitment."""

    amount = MoneyField(_l("认捐金额"), [InputRequired(_l("请填认捐金额"))])
    account = SelectField(_l("接收单位和账户"), [DataRequired(_l("请选择接收单位的账户"))])
    cost_line = SelectField(_l("支付哪一项费用"), [Optional()])
    purpose = LongTextField(_l("用途"), [Optional()], most=MAX_PURPOSE)
    lottery_purpose = RadioField(_l("公益金用途"), [Optional()], validate_choice=False)
    management_percent = WholeField(_l("接收单位的管理费比例"), [
        Optional(), NumberRange(0, MOST_MANAGEMENT, _l("管理费比例要在 0 到 30 之间"))])
    leftover_rule = RadioField(_l("剩余的钱怎样处理"), [DataRequired(_l("请选择剩余的钱怎样处理"))], default="similar")
    naming = TextField(_l("冠名"), [Optional()], most=MAX_NAMING)
    is_name_withheld = BooleanField(_l("公开页面不显示我们的名称"))
    council_resolution = TextField(_l("理事会决议编号"), [Optional()], most=80)
    instalments = FieldList(FormField(InstalmentForm), min_entries=BLANK_ROWS, max_entries=MOST_ROWS)

    def offer(self, *, accounts: list[tuple[str, str]], cost_lines: list[tuple[str, str]], none: str,
              translate: Any) -> None:
        """Fill in the choices."""
        self.account.choices = [SelectChoice("", none), *(SelectChoice(*one) for one in accounts)]
        self.cost_line.choices = [SelectChoice("", none), *(SelectChoice(*one) for one in cost_lines)]
        self.leftover_rule.choices = [SelectChoice(key, translate(label)) for key, label in LEFTOVER_LABELS.items()]
        self.lottery_purpose.choices = [
            SelectChoice(key.value, translate(label)) for key, label in PURPOSE_LABELS.items()]

    def parts(self) -> list[Part]:
        """Return the instalments; raises Invalid for a row with only a day or only a sum."""
        found = []
        for row in self.instalments:
            day, amount = row.form.due_on.data, row.form.amount.data
            if (day is None) != (amount is None):
                raise Invalid(N_("每一期要同时填日期和金额"), field="instalments")
            if day is not None:
                found.append(Part(day, amount))
        return found


class ApproveForm(StepUp, FlaskForm):
    """The second person's approval."""


class ReasonForm(FlaskForm):
    """Why a step is taken that cannot be undone."""

    reason = LongTextField(_l("原因"), [DataRequired(_l("请写明原因，记录会一直保留"))], most=500)


class SumForm(StepUp, FlaskForm):
    """A sum that somebody confirms with the password."""

    amount = MoneyField(_l("金额"), [InputRequired(_l("请填金额"))])


class RefundForm(StepUp, FlaskForm):
    """A sum to be returned, why, with the password."""

    amount = MoneyField(_l("退回金额"), [InputRequired(_l("请填退回金额"))])
    reason = LongTextField(_l("原因"), [DataRequired(_l("请写明原因，记录会一直保留"))], most=500)


class ReleaseForm(FlaskForm):
    """A release for one milestone, with what shows that it is reached."""

    milestone = SelectField(_l("里程碑"), [DataRequired(_l("请选择里程碑"))])
    amount = MoneyField(_l("拨付金额"), [InputRequired(_l("请填拨付金额"))])
    payee = SelectField(_l("拨付给"), [DataRequired(_l("请选择拨付给谁"))])
    evidence = LongTextField(_l("达成依据"), [DataRequired(_l("请写明里程碑已达成的依据"))], most=1000)
    evidence_file = FileField(_l("证明材料"), [Optional()])
