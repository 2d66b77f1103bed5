"""What people type about accounts: sign-in, activation, profile, members."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import PasswordField, RadioField, SelectField, SelectMultipleField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, Length, Optional, Regexp

from marketplace.accounts.rules import LOCALES, MAX_NAME, MAX_PASSWORD, MAX_TITLE, TEXT_SIZES, Profile
from marketplace.web.fields import LongTextField, TextField

_PHONE = Regexp(r"^[0-9+（）() \-转]{5,30}$", message=_("电话只写数字，例如 0000-86123450 或 13800000000"))
_EMAIL = Regexp(r"^[^@\s]{1,64}@[^@\s]{1,180}$", message=_("邮箱要像 name@example.cn"))


class SignInForm(FlaskForm):
    """Account name and password."""

    login = TextField(_("账号（手机号或邮箱）"), [DataRequired(_("请填账号"))])
    password = PasswordField(_("密码"), [DataRequired(_("请填密码")), Length(max=MAX_PASSWORD)])


class ActivateForm(FlaskForm):
    """Account name, the code on the slip, and the password chosen by its owner."""

    login = TextField(_("账号（手机号或邮箱）"), [DataRequired(_("请填账号"))])
    code = TextField(_("激活码"), [DataRequired(_("请填激活单上的激活码"))])
    password = PasswordField(_("设一个密码"), [DataRequired(_("请设一个密码"))])


class ProfileForm(FlaskForm):
    """One's own data. The account name is not among them."""

    name = TextField(_("姓名"), [DataRequired(_("请填姓名"))], most=MAX_NAME)
    title = TextField(_("职务"), [Optional()], most=MAX_TITLE)
    phone = TextField(_("联系电话"), [Optional(), _PHONE])
    email = TextField(_("电子邮箱"), [Optional(), _EMAIL])
    locale = RadioField(_("语言"), choices=[SelectChoice(key, _(label)) for key, label in LOCALES.items()])
    text_size = RadioField(_("字号"), choices=[SelectChoice(key, _(label)) for key, label in TEXT_SIZES.items()])

    def to_profile(self) -> Profile:
        """Return the values as the operation takes them."""
        return Profile(**{name: getattr(self, name).data or "" for name in Profile.__dataclass_fields__})


class PasswordForm(FlaskForm):
    """The current password and the new one."""

    current = PasswordField(_("现在的密码"), [DataRequired(_("请填现在的密码"))])
    password = PasswordField(_("新密码"), [DataRequired(_("请填新密码"))])


class InviteForm(FlaskForm):
    """A new member: who, where, as what. The choices are what the administrator may grant."""

    login = TextField(_("账号（手机号或邮箱）"), [DataRequired(_("请填手机号或邮箱"))])
    name = TextField(_("姓名"), [DataRequired(_("请填姓名"))], most=MAX_NAME)
    title = TextField(_("职务"), [Optional()], most=MAX_TITLE)
    organization = SelectField(_("单位"), validators=[DataRequired(_("请选择单位"))])
    roles = SelectMultipleField(_("身份"), validators=[DataRequired(_("请至少选一种身份"))])


class AppointForm(FlaskForm):
    """The security officer's new account or new role."""

    login = TextField(_("账号（手机号或邮箱）"), [DataRequired(_("请填手机号或邮箱"))])
    name = TextField(_("姓名"), [DataRequired(_("请填姓名"))], most=MAX_NAME)
    role = SelectField(_("身份"), validators=[DataRequired(_("请选择身份"))])
    organization = TextField(_("单位全名"), [Optional()])


class RoleForm(FlaskForm):
    """One more role for a person who has an account."""

    role = SelectField(_("身份"), validators=[DataRequired(_("请选择身份"))])
    organization = TextField(_("单位全名"), [Optional()])


class ReasonForm(FlaskForm):
    """Why an account is closed."""

    reason = LongTextField(_("原因"), [DataRequired(_("请写明停用的原因，例如“调离”"))], most=200)
