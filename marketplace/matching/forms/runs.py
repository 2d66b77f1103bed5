"""What an operator types about runs: what to start, what to overrule and why."""

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, RadioField, SelectField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired

from marketplace.core.errors import DomainError
from marketplace.matching.rules.runs import EDIT_LABELS, REACH_LABELS, EditKind, Reach
from marketplace.web.errors import blame
from marketplace.web.fields import TextField, WholeField

MOST_REASON = 200
MOST_TITLE = 80
BY_HAND = (EditKind.PIN, EditKind.FORBID, EditKind.WITHDRAW, EditKind.ADD, EditKind.CAPACITY, EditKind.WANTED,
           EditKind.CONFIRM, EditKind.RELEASE)
PAIR_KINDS = frozenset({EditKind.PIN, EditKind.FORBID, EditKind.CONFIRM, EditKind.RELEASE})
VALUE_KINDS = frozenset({EditKind.CAPACITY, EditKind.WANTED})


class Blamed(FlaskForm):
    """A form that takes a refusal beside the field that it speaks of."""

    def blame(self, error: DomainError) -> None:
        """Put a refusal beside its field, or above the form."""
        blame(self, error)

    def tell(self, name: str, sentence: str) -> None:
        """Put a sentence beside a field."""
        self[name].errors = [*self[name].errors, sentence]


class StartForm(Blamed):
    """What a new run computes: whose projects and which of them; by the weights in force."""

    title = TextField(_("名称"), most=MOST_TITLE)
    scope = SelectField(_("范围"), default="")
    reach = RadioField(_("哪些项目"), default=str(Reach.OPEN),
                       choices=[SelectChoice(str(one), _(word)) for one, word in REACH_LABELS.items()])
    carries = BooleanField(_("沿用现行方案的指定和排除"), default=True)


class EditForm(Blamed):
    """One overruling: its kind, project, organization, a number, and why. `seen`: the last edit he looked at."""

    kind = RadioField(_("做什么"), default=str(EditKind.PIN),
                      choices=[SelectChoice(str(one), _(EDIT_LABELS[one])) for one in BY_HAND])
    project = TextField(_("项目"))
    provider = TextField(_("组织"))
    value = WholeField(_("数量"))
    reason = TextField(_("理由"), most=MOST_REASON)
    seen = HiddenField()

    def is_complete(self, *, with_reason: bool) -> bool:
        """Check what this kind needs; says beside each field what is missing."""
        if not self.validate():
            return False
        kind = EditKind(self.kind.data)
        project, provider = bool(self.project.data), bool(self.provider.data)
        if (kind in PAIR_KINDS or kind == EditKind.WANTED) and not project:
            self.tell("project", gettext("请填项目的编号或名称"))
        if (kind in PAIR_KINDS or kind == EditKind.CAPACITY) and not provider:
            self.tell("provider", gettext("请填组织的名称或统一社会信用代码"))
        if kind in {EditKind.ADD, EditKind.WITHDRAW} and project == provider:
            self.tell("project", gettext("撤出或恢复时，项目和组织只填一个"))
        if kind in VALUE_KINDS and self.value.data is None:
            self.tell("value", gettext("请填一个整数"))
        if with_reason and not self.reason.data:
            self.tell("reason", gettext("请写明理由。理由和您的姓名会一起留存"))
        return not self.errors


class ReasonForm(Blamed):
    """Why a run is published or taken back."""

    reason = TextField(_("理由"), [DataRequired(_("请写明理由"))], most=MOST_REASON)
