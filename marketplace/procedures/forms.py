"""The operator's form for a local number."""

from typing import Any

from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, InputRequired

from marketplace.procedures.rules import LOCAL_LIMITS, NUMBER_LABELS
from marketplace.web.fields import ChineseDateField, TextField


def _(sentence: str) -> Any:
    """Translate when the page is made."""
    return lazy_gettext(sentence)


class LocalSettingForm(FlaskForm):
    """What the local rule says about one number."""

    key = SelectField(_("哪一项"), choices=[])
    value = IntegerField(_("数值"), validators=[InputRequired(_("请填写整数"))])
    source = TextField(_("依据"), most=200, validators=[DataRequired(_("请写明依据的文件名称和文号"))])
    effective_from = ChineseDateField(_("生效日期"), validators=[InputRequired(_("请填写生效日期"))])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.key.choices = [SelectChoice(name, _bounds(name)) for name in LOCAL_LIMITS]


def _bounds(name: str) -> str:
    """Return a number's words with the bounds that a place may choose from."""
    low, high = LOCAL_LIMITS[name]
    return gettext("%(label)s（%(low)s 至 %(high)s）", label=gettext(NUMBER_LABELS[name]), low=low, high=high)
