"""Forms of card payments: link an account, give money back."""

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import SelectField
from wtforms.validators import InputRequired

from marketplace.web.fields import MoneyField, TextField


class LinkForm(FlaskForm):
    """Which receiving body a configured Stripe account belongs to."""

    label = SelectField(lazy_gettext("Stripe 账户"), choices=[], validators=[InputRequired(lazy_gettext("请选择账户"))])
    organization = TextField(lazy_gettext("接收方编号"), [InputRequired(lazy_gettext("请填接收方编号"))], most=40)


class RefundForm(FlaskForm):
    """How much goes back to the payer, and why."""

    amount = MoneyField(lazy_gettext("退回金额"), [InputRequired(lazy_gettext("请填退回金额"))])
    reason = TextField(lazy_gettext("原因"), [InputRequired(lazy_gettext("请写明原因"))], most=200)
