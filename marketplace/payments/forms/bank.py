"""Forms of receiving accounts: a new one, its proof."""

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms.validators import InputRequired

from marketplace.web.fields import TextField


class AccountForm(FlaskForm):
    """A bank account in the organization's own name."""

    bank_name = TextField(lazy_gettext("开户银行"), [InputRequired(lazy_gettext("请填写开户银行全称"))], most=80)
    number = TextField(lazy_gettext("账号"), [InputRequired(lazy_gettext("请填写账号"))], most=60)
    holder = TextField(lazy_gettext("户名"), [InputRequired(lazy_gettext("请填写户名"))], most=120)
    proof = FileField(lazy_gettext("开户证明"), [FileRequired(lazy_gettext("请选择开户证明的扫描件"))])


class ProofForm(FlaskForm):
    """The bank's proof of an account."""

    proof = FileField(lazy_gettext("开户证明"), [FileRequired(lazy_gettext("请选择开户证明的扫描件"))])
