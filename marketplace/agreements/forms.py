"""The form that registers a signed agreement."""

from datetime import date
from typing import cast

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms.validators import InputRequired

from marketplace.web.fields import ChineseDateField


class AgreementSigningForm(FlaskForm):
    """The day that the signed agreement bears, and its scan."""

    signed_on = ChineseDateField(lazy_gettext("签订日期"), validators=[InputRequired(lazy_gettext("请填写签订日期"))])
    scan = FileField(lazy_gettext("各方签字盖章后的扫描件"), validators=[FileRequired(lazy_gettext("请选择扫描件"))])

    @property
    def day(self) -> date:
        """Return the day."""
        return cast("date", self.signed_on.data)
