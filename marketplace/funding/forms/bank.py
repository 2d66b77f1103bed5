"""Forms of the treasurer: statements, identifying lines, orders to pay, receipts."""

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, SelectField
from wtforms.validators import InputRequired, Optional

from marketplace.core.money import Money
from marketplace.payments.rules.mappings import AUTOMATIC, MAPPINGS
from marketplace.payments.rules.receipts import ReceiptFacts, ReceiptKind
from marketplace.web.fields import ChineseDateField, MoneyField, TextField
from marketplace.web.stepup import StepUp


class StatementForm(FlaskForm):
    """A statement and its layout."""

    file = FileField(_l("对账单文件"), [FileRequired(_l("请选择从网上银行下载的对账单"))])
    mapping = SelectField(_l("版式"))

    def offer(self) -> None:
        """Fill in the layouts."""
        self.mapping.choices = [(AUTOMATIC, gettext("自动识别")), *(
            (name, gettext(mapping.label)) for name, mapping in MAPPINGS.items())]


class ImportForm(FlaskForm):
    """The word that lines are missing, where balances break."""

    gaps_known = BooleanField(_l("我知道这份对账单有缺口，仍要导入；缺的明细以后补导"))


class IdentifyForm(FlaskForm):
    """A pledge by its code, and how much of the line is its."""

    code = TextField(_l("认捐编号"), [InputRequired(_l("请填写认捐编号"))], most=30)
    amount = MoneyField(_l("金额"), [Optional()])


class ReasonForm(FlaskForm):
    """Why something is taken back."""

    reason = TextField(_l("原因"), [InputRequired(_l("请写明原因，记录会一直保留"))], most=300)


class ApproveOrderForm(StepUp, FlaskForm):
    """The second person's word, with the password."""


class ReceiptForm(FlaskForm):
    """What stands on a receipt."""

    code = TextField(_l("票据代码"), [Optional()], most=40)
    number = TextField(_l("票据号码"), [InputRequired(_l("请填写票据号码"))], most=40)
    amount = MoneyField(_l("票据金额"), [InputRequired(_l("请填写票据金额"))], least=Money(1))
    issued_on = ChineseDateField(_l("开具日期"), [InputRequired(_l("请填写开具日期"))])
    file = FileField(_l("票据扫描件"), [Optional()])

    def facts(self, kind: ReceiptKind) -> ReceiptFacts:
        """Return what was typed."""
        return ReceiptFacts(kind, self.number.data or "", self.amount.data, self.issued_on.data, self.code.data or "")
