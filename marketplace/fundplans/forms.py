"""A new plan, its withdrawal, the filters of the shortlist."""

from collections.abc import Mapping

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional

from marketplace.fundplans.rules import FULL_POINTS, MAX_REASON, MAX_TITLE, USUAL_POINTS, Wish
from marketplace.web.fields import LongTextField, TextField, WholeField


class PlanForm(FlaskForm):
    """What the maker of a plan says."""

    title = TextField(_l("方案名称"), [DataRequired(_l("请填方案名称"))], most=MAX_TITLE)
    points = WholeField(_l("没有配对结果的项目按多少分计"), [
        InputRequired(_l("请填 1 到 100 的整数")), NumberRange(1, FULL_POINTS, _l("请填 1 到 100 的整数"))],
        default=USUAL_POINTS)

    def to_wish(self) -> Wish:
        """Return what was said."""
        return Wish(self.title.data or "", self.points.data or 0)


class WithdrawForm(FlaskForm):
    """Why a plan is withdrawn."""

    reason = LongTextField(_l("撤回原因"), [DataRequired(_l("请写明撤回的原因"))], most=MAX_REASON)


class FilterForm(FlaskForm):
    """What the shortlist is narrowed to; read from the address."""

    class Meta:
        """Read from the address: nothing changes, so no token."""

        csrf = False

    q = TextField(_l("项目名称或编号"), [Optional()], most=60)
    category = SelectField(_l("服务类别"), [Optional()], validate_choice=False)
    area = SelectField(_l("地区"), [Optional()], validate_choice=False)
    followed = BooleanField(_l("只看关注的"))
    known = BooleanField(_l("只看缺口已知的"))

    def offer(self, *, categories: Mapping[str, str], areas: Mapping[str, str], every: str) -> None:
        """Fill in the choices; what the address names and is no choice is left out."""
        for field, names in ((self.category, categories), (self.area, areas)):
            field.choices = [SelectChoice("", every), *(SelectChoice(code, name) for code, name in names.items())]
            field.data = field.data if field.data in names else ""
