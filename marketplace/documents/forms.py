"""The form of the verify page: a code typed from paper."""

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import InputRequired, Length

MAX_TYPED = 60


class CodeForm(FlaskForm):
    """Asks for the code under the QR. A look-up changes nothing, so it is sent by GET without a token."""

    class Meta:
        """No token: the form only reads."""

        csrf = False

    code = StringField(lazy_gettext("查验码"), validators=[
        InputRequired(lazy_gettext("请输入文件上的查验码")), Length(max=MAX_TYPED, message=lazy_gettext("查验码没有这么长，请核对"))])
