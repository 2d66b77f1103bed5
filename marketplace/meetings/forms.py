"""Forms of meetings: text becomes typed values. No database, no permission."""

from collections.abc import Iterable

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import BooleanField, HiddenField, RadioField, SelectField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Optional

from marketplace.meetings.operations import Terms
from marketplace.meetings.rules import EventFacts, read_rounds
from marketplace.meetings.rules.edits import EDIT_LABELS, MAX_REASON, EditKind
from marketplace.web.fields import DeadlineField, TextField, WholeField

ASKED_FOR = (EditKind.PIN, EditKind.FORBID, EditKind.SWAP, EditKind.AWAY)


def choices(pairs: Iterable[tuple[str, str]], *, first: str = "") -> list[SelectChoice]:
    """Return choices whose names need no translation, behind an empty one where `first` names it."""
    made = [SelectChoice(value, name) for value, name in pairs]
    return [SelectChoice("", first), *made] if first else made


class EventForm(FlaskForm):
    """What an event is, when, and how its rounds follow one another."""

    title = TextField(_l("洽谈会名称"), [InputRequired(_l("请填洽谈会名称"))], most=60)
    starts_at = DeadlineField(_l("第一轮开始时间"), [InputRequired(_l("请填开始时间，例如 2026-11-28 09:00"))])
    place = TextField(_l("地点"), most=100)
    rounds = WholeField(_l("轮次"), [InputRequired(_l("请填轮次"))], default=8)
    minutes = WholeField(_l("每轮时长"), [InputRequired(_l("请填每轮时长"))], default=20)
    break_minutes = WholeField(_l("轮间休息"), [Optional()], default=5)
    pause_after = WholeField(_l("第几轮后长休"), [Optional()])
    pause_minutes = WholeField(_l("长休时长"), [Optional()])
    is_open_to_units = BooleanField(_l("请各单位自己报项目"))

    def facts(self) -> EventFacts:
        """Return what was typed."""
        return EventFacts(self.title.data or "", self.starts_at.data, self.place.data or "", self.rounds.data or 0,
                          self.minutes.data or 0, self.break_minutes.data or 0, self.pause_after.data or 0,
                          self.pause_minutes.data or 0, bool(self.is_open_to_units.data))


class TermsForm(FlaskForm):
    """Least number of meetings and missed rounds of a party, the number of a table."""

    number = WholeField(_l("桌号"), [Optional()])
    least = WholeField(_l("最少场次"), [Optional()])
    away = TextField(_l("缺席轮次"), most=60)

    def terms(self, rounds: int) -> Terms:
        """Return what was typed; raises Invalid for rounds that are not there."""
        return Terms(self.least.data or 0, read_rounds(self.away.data or "", rounds), self.number.data)


class TableForm(TermsForm):
    """A project for a table."""

    project = SelectField(_l("项目"), [Optional()])
    typed = TextField(_l("或填项目编号"), most=60)


class VisitorForm(TermsForm):
    """An organization for the list."""

    organization = TextField(_l("组织"), [InputRequired(_l("请填统一社会信用代码或全称"))], most=100)


class ImportForm(FlaskForm):
    """A sheet of participants."""

    file = FileField(_l("名单表格（CSV 或 XLSX）"), [InputRequired(_l("请选文件"))])


class EditForm(FlaskForm):
    """An edit that a person proposes; read from the address, so that a preview can be opened again."""

    class Meta:
        """Nothing changes by looking: the commit beside the preview carries the token."""

        csrf = False

    kind = RadioField(_l("要改什么"), [InputRequired(_l("请选一种"))], default=str(EditKind.PIN),
                      choices=[SelectChoice(str(each), _l(EDIT_LABELS[each])) for each in ASKED_FOR])
    table = SelectField(_l("项目（桌）"), [Optional()])
    visitor = SelectField(_l("组织"), [Optional()])
    other = SelectField(_l("与哪一桌互换"), [Optional()])
    round = WholeField(_l("第几轮"), [Optional()])
    away = TextField(_l("缺席轮次"), most=60)
    reason = TextField(_l("理由"), [InputRequired(_l("请写明理由"))], most=MAX_REASON)


class CommitForm(FlaskForm):
    """What was previewed: the event's revision then, and the digest of the schedule that was shown."""

    revision = HiddenField()
    shown = HiddenField()


class ReasonForm(FlaskForm):
    """Why meetings are cancelled, or a decision lifted."""

    reason = TextField(_l("理由"), [InputRequired(_l("请写明理由"))], most=MAX_REASON)
