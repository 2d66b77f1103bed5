"""Forms of card payments of a pledge: how much to pay now, how much to give back."""

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms.validators import InputRequired

from marketplace.web.fields import MoneyField, TextField


class CardForm(FlaskForm):
    """How much of the pledge is paid now: all that is open, or an instalment."""

    amount = MoneyField(lazy_gettext("这次付款"), [InputRequired(lazy_gettext("请填金额"))])


class CardRefundForm(FlaskForm):
    """How much goes back to the payer's card, and why."""

    amount = MoneyField(lazy_gettext("退回金额"), [InputRequired(lazy_gettext("请填退回金额"))])
    reason = TextField(lazy_gettext("原因"), [InputRequired(lazy_gettext("请写明原因"))], most=200)
