"""Forms of pledging events: text becomes typed values. No database, no permission."""

from collections.abc import Iterable
from datetime import date
from typing import cast

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, HiddenField, IntegerField, RadioField, SelectField, SelectMultipleField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, NumberRange, Optional

from marketplace.core.money import Money
from marketplace.funding.models import Commitment
from marketplace.pledging.operations import Shown
from marketplace.pledging.rules import (
    FOOTING_LABELS,
    MAX_PADDLE,
    REASON_LABELS,
    EventFacts,
    Footing,
    Plan,
    Reason,
    Recorder,
)
from marketplace.web.fields import ChineseDateField, DeadlineField, MoneyField, TextField

MOST_DAYS = 90
REASONS = (Reason.MISHEARD, Reason.WRONG_PADDLE, Reason.TWICE, Reason.WITHDRAWN)


def choices(pairs: Iterable[tuple[str, str]], *, first: str = "") -> list[SelectChoice]:
    """Return choices whose names need no translation, behind an empty one where `first` names it."""
    made = [SelectChoice(value, name) for value, name in pairs]
    return [SelectChoice("", first), *made] if first else made


class EventForm(FlaskForm):
    """What an event is, when, and into whose account the money goes."""

    title = TextField(_l("认捐会名称"), [InputRequired(_l("请填认捐会名称"))], most=60)
    starts_at = DeadlineField(_l("开始时间"), [InputRequired(_l("请填开始时间，例如 2026-11-28 19:30"))])
    place = TextField(_l("地点"), most=100)
    account = SelectField(_l("接收方和收款账户"), [InputRequired(_l("请选接收方已核验的收款账户"))])
    sign_days = IntegerField(_l("会后几天内签认捐书"), [InputRequired(_l("请填天数")), NumberRange(1, MOST_DAYS, _l("请填 1 到 90 天"))],
                             default=7)
    asks_two_recorders = BooleanField(_l("两个人分别记录，结束前核对一致"), default=True)

    def facts(self, target: Money | None = None) -> EventFacts:
        """Return what was filled in; a target comes with the footing, not from here."""
        return EventFacts(title=self.title.data or "", starts_at=self.starts_at.data, place=self.place.data or "",
                          sign_days=self.sign_days.data or 7, target=target,
                          asks_two_recorders=bool(self.asks_two_recorders.data))


class FootingForm(FlaskForm):
    """On what ground the event stands."""

    footing = RadioField(_l("办会依据"), [InputRequired(_l("请选一种依据"))],
                         choices=[SelectChoice(str(each), _l(label)) for each, label in FOOTING_LABELS.items()])
    plan_number = TextField(_l("募捐方案备案编号"), most=40)
    plan_filed_on = ChineseDateField(_l("备案日期"), [Optional()])
    plan_url = TextField(_l("“慈善中国”备案页网址"), most=200)
    target = MoneyField(_l("募捐目标"), [Optional()])

    def plan(self) -> Plan | None:
        """Return the plan where that ground was chosen."""
        if self.footing.data != Footing.FILED_PLAN:
            return None
        return Plan(self.plan_number.data or "", self.plan_filed_on.data, self.plan_url.data or "")


class ShownForm(FlaskForm):
    """How a guest stands in the hall."""

    paddle = IntegerField(_l("牌号"), [Optional(), NumberRange(1, MAX_PADDLE, _l("牌号从 1 到 9999"))])
    name = TextField(_l("大屏上的名称"), most=60)
    is_withheld = BooleanField(_l("大屏不显示名称（写“不具名”）"))

    def shown(self) -> Shown:
        """Return number, name and whether it is withheld."""
        return Shown(self.paddle.data, self.name.data or "", bool(self.is_withheld.data))


class GuestForm(ShownForm):
    """A verified funder for the list."""

    funder = SelectField(_l("已核验的资助方"), [InputRequired(_l("请选资助方"))])


class ImportForm(FlaskForm):
    """A sheet with the list."""

    file = FileField(_l("名单表格（CSV 或 XLSX）"), [InputRequired(_l("请选文件"))])


class RoundForm(FlaskForm):
    """What is asked for now."""

    project = SelectField(_l("项目"), [InputRequired(_l("请选项目"))])
    cost_line = SelectField(_l("用于哪项费用"), [Optional()])
    level = MoneyField(_l("档位"), [InputRequired(_l("请填档位，例如 20000"))])


class EntryForm(FlaskForm):
    """One line of a recorder."""

    line = TextField(_l("牌号，金额"), [InputRequired(_l("请写牌号和金额，例如 27, 20000"))], most=60)
    is_again = BooleanField(_l("同一块牌再认捐一笔"))
    device_key = HiddenField()
    round = HiddenField()


class UndoForm(FlaskForm):
    """Why an entry is reversed."""

    reason = SelectField(_l("撤销原因"), choices=[SelectChoice(str(each), _l(REASON_LABELS[each])) for each in REASONS],
                         default=str(Reason.MISHEARD))
    note = TextField(_l("说明"), most=100)


class SettleForm(FlaskForm):
    """Which record is right."""

    round = HiddenField()
    paddle = HiddenField()
    right = HiddenField(validators=[InputRequired()])

    def which(self) -> tuple[int, int, Recorder] | None:
        """Return round, paddle and the recorder who is right; None for what no page of ours sends."""
        number, paddle = self.round.data or "", self.paddle.data or ""
        if not (number.isdigit() and paddle.isdigit()) or self.right.data not in set(Recorder):
            return None
        return int(number), int(paddle), Recorder(self.right.data)


class SignedCopiesForm(FlaskForm):
    """Which commitments a scan shows, the day they bear, and the scan."""

    papers = SelectMultipleField(_l("扫描件里的认捐书"), [InputRequired(_l("请勾选扫描件里的认捐书"))])
    signed_on = ChineseDateField(_l("签字日期"), [InputRequired(_l("请填写签字日期"))])
    scan = FileField(_l("签字盖章后的扫描件"), validators=[FileRequired(_l("请选择扫描件"))])

    def offer(self, waiting: Iterable[Commitment]) -> "SignedCopiesForm":
        """Give the choice its commitments."""
        self.papers.choices = [SelectChoice(paper.ref, f"{paper.number} {paper.funder.name} {paper.amount.grouped()} 元")
                               for paper in waiting]
        return self

    @property
    def day(self) -> date:
        """Return the day on the papers."""
        return cast("date", self.signed_on.data)
