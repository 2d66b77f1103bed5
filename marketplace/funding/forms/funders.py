"""A funder's facts, its registration, and the operator's decisions on funders and flags."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import BooleanField, SelectField
from wtforms.validators import DataRequired, Optional

from marketplace.web.fields import LongTextField, MoneyField, TextField

FACTS = ("is_state_owned", "overseas_number", "council_above", "income_last_year", "net_assets_last_year",
         "is_name_withheld", "payer_accounts")


class FunderForm(FlaskForm):
    """What a funder tells of itself."""

    is_state_owned = BooleanField(_l("国有企业"))
    approval_file = FileField(_l("对外捐赠的批准文件"), [Optional()])
    overseas_number = TextField(_l("代表机构登记证号或临时活动备案号"), [Optional()], most=60)
    council_above = MoneyField(_l("达到多少要理事会决议"), [Optional()])
    income_last_year = MoneyField(_l("上年总收入"), [Optional()])
    net_assets_last_year = MoneyField(_l("上年末净资产"), [Optional()])
    is_name_withheld = BooleanField(_l("公开页面不显示我们的名称"))
    payer_accounts = LongTextField(_l("付款账户"), [Optional()], most=2000)

    def facts(self) -> dict[str, object]:
        """Return the typed facts by column; the file is kept by the view."""
        return {name: self[name].data if self[name].data is not None else _EMPTY.get(name) for name in FACTS}


_EMPTY: dict[str, object] = {"overseas_number": "", "payer_accounts": "", "is_state_owned": False,
                             "is_name_withheld": False}


class RegisterForm(FunderForm):
    """A new funder of the own organization: itself, or a named fund inside it."""

    kind = SelectField(_l("资助方类型"), [DataRequired(_l("请选择资助方类型"))])
    fund_name = TextField(_l("专项基金名称"), [Optional()], most=80)


class PersonForm(FlaskForm):
    """A named person, entered by the operator."""

    person_name = TextField(_l("姓名"), [DataRequired(_l("请填姓名"))], most=80)
    is_name_withheld = BooleanField(_l("公开页面不显示姓名"))


class NoteForm(FlaskForm):
    """What the operator looked at, or why not."""

    note = LongTextField(_l("核对了什么"), [DataRequired(_l("请写明核对了哪些材料，或不通过的原因"))], most=1000)
