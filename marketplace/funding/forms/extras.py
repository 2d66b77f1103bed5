"""A cost that gifts may pay, an own contribution with its proof, the decision on one."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import RadioField
from wtforms.validators import DataRequired, InputRequired, Optional

from marketplace.web.fields import LongTextField, MoneyField, TextField


class CostLineForm(FlaskForm):
    """One cost of a project: beyond its contract (gifts may pay it), or paid by it (none may)."""

    name = TextField(_l("费用名称"), [DataRequired(_l("请填费用名称"))], most=80)
    amount = MoneyField(_l("金额"), [InputRequired(_l("请填金额"))])
    source = RadioField(_l("由谁支付"), [DataRequired(_l("请选择由谁支付"))], default="extra")


class ClaimForm(FlaskForm):
    """What an organization adds itself."""

    kind = RadioField(_l("自筹的形式"), [DataRequired(_l("请选择自筹的形式"))])
    amount = MoneyField(_l("金额或估值"), [InputRequired(_l("请填金额或估值"))])
    description = LongTextField(_l("内容"), [DataRequired(_l("请写明自筹的内容"))], most=1000)
    valuation = LongTextField(_l("怎样估价"), [Optional()], most=1000)
    proof_file = FileField(_l("证明材料"), [FileRequired(_l("请上传证明材料"))])


class AnswerForm(FlaskForm):
    """Accept or refuse; a refusal says why."""

    note = LongTextField(_l("说明"), [Optional()], most=500)
