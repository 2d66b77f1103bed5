"""Forms of judging: declare, score, check, decide, object. Text to typed values, no database."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, RadioField, SelectMultipleField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, InputRequired, ValidationError

from marketplace.core.errors import Invalid
from marketplace.core.text import N_
from marketplace.web.fields import LongTextField, TextField, _Typed


def _(sentence: str) -> Any:
    """Translate when the page is made."""
    return lazy_gettext(sentence)


class PointsField(_Typed):
    """Points of a criterion: 8, 8.5, ８．５. Data: Decimal or None; the weight is checked by the operation."""

    def written(self, value: Decimal) -> str:
        """Return the number without needless zeros."""
        return f"{value.normalize():f}"

    def read(self, typed: str) -> Decimal:
        """Return the number."""
        try:
            return Decimal(typed.removesuffix("分").strip())
        except InvalidOperation:
            raise Invalid(N_("“{typed}”不是分数。请填数字，例如 8.5"), typed=typed) from None


class ScoreForm(FlaskForm):
    """The sheet of one offer; fields come from the project's criteria (`score_form`)."""

    ids: Sequence[int] = ()

    def points(self) -> dict[int, Decimal | None]:
        """Return the points by criterion id; None where the box is empty."""
        return {key: self[f"points_{place}"].data for place, key in enumerate(self.ids)}

    def comments(self) -> dict[int, str]:
        """Return the comments by criterion id."""
        return {key: self[f"comment_{place}"].data or "" for place, key in enumerate(self.ids)}

    def pairs(self) -> list[tuple[Any, Any]]:
        """Return the two fields of each criterion in order."""
        return [(self[f"points_{place}"], self[f"comment_{place}"]) for place in range(len(self.ids))]

    def blame(self, refused: Invalid, sentence: str) -> None:
        """Put an operation's refusal beside the criterion that it names."""
        name = refused.facts.get("criterion")
        field = next((points for points, _ in self.pairs() if points.label.text == name), None)
        if field is None:
            self.form_errors.append(sentence)
        else:
            field.errors = [*field.errors, sentence]


def choices(pairs: Iterable[tuple[str, str]]) -> list[SelectChoice]:
    """Return (value, words) as choices of a form."""
    return [SelectChoice(value, words) for value, words in pairs]


def score_form(criteria: Sequence[tuple[int, str]], values: Mapping[str, object] | None = None) -> ScoreForm:
    """Return the sheet of one offer for criteria (id, name); `values` fills it when it is not a post."""
    parts: dict[str, Any] = {"ids": [key for key, _ in criteria]}
    for place, (_, name) in enumerate(criteria):
        parts[f"points_{place}"] = PointsField(name)
        parts[f"comment_{place}"] = LongTextField(lazy_gettext("评语"), most=1_000)
    made: ScoreForm = type("BoundScoreForm", (ScoreForm,), parts)(data=dict(values or {}))
    return made


class DeclareForm(FlaskForm):
    """Whether one must withdraw."""

    has_conflict = RadioField(_("您与采购人或任何一家响应人有利害关系吗？"),
                              choices=[SelectChoice("no", _("没有，我可以公正评审")),
                                       SelectChoice("yes", _("有，我申请回避"))],
                              validators=[InputRequired(_("请选择有没有利害关系"))])
    reason = LongTextField(_("回避原因"), most=500)


class SubmitForm(FlaskForm):
    """Hand the sheet in."""

    dissent = LongTextField(_("不同意见和理由"), most=2_000)
    confirm = BooleanField(_("我独立完成了评分，提交后不能再改"),
                           validators=[DataRequired(_("请勾选确认后再提交"))])


class DrawForm(FlaskForm):
    """Draw the panel; the buyer may name representatives."""

    representatives = SelectMultipleField(_("采购人代表"), choices=[])


class ValidityForm(FlaskForm):
    """The outcome of the check of one offer."""

    bid = HiddenField()
    is_valid = RadioField(_("审查结论"), choices=[SelectChoice("yes", _("有效")), SelectChoice("no", _("无效"))],
                          validators=[InputRequired(_("请选择审查结论"))])
    reason = TextField(_("无效的理由"), most=500)


class AwardForm(FlaskForm):
    """The decision. The number is typed again: nobody publishes a result by a slip of the finger."""

    bid = RadioField(_("中选人"), choices=[], validators=[InputRequired(_("请选择中选人"))])
    reason = LongTextField(_("理由"), most=2_000)
    confirm = TextField(_("输入项目编号，确认公布结果"), most=60)

    def __init__(self, *args: Any, number: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.number = number

    def validate_confirm(self, field: TextField) -> None:
        """Refuse another number."""
        if field.data.replace(" ", "") != self.number:
            raise ValidationError(gettext("请照样输入项目编号 %(number)s", number=self.number))


class ReasonForm(FlaskForm):
    """A step that needs a reason."""

    reason = LongTextField(_("理由"), most=2_000, validators=[DataRequired(_("请写明理由"))])


class ObjectionForm(FlaskForm):
    """An objection to a result."""

    text = LongTextField(_("异议的事实和理由"), most=5_000, validators=[DataRequired(_("请写明异议的事实和理由"))])


class AnswerForm(FlaskForm):
    """The buyer's answer to an objection."""

    outcome = RadioField(_("结论"), validators=[InputRequired(_("请选择结论"))], choices=[
        SelectChoice("no", _("异议不成立，维持结果")), SelectChoice("reopen", _("异议成立，撤销结果，重新定标")),
        SelectChoice("fail", _("异议成立，撤销结果，项目流标"))])
    answer = LongTextField(_("答复的理由"), most=5_000, validators=[DataRequired(_("请写明答复的理由"))])


class ExpertForm(FlaskForm):
    """A person of the pool."""

    login = TextField(_("账号（手机号或邮箱）"), most=120, validators=[DataRequired(_("请填写账号"))])
    fields = SelectMultipleField(_("评审领域"), choices=[])
    employer = TextField(_("工作单位"), most=120)
    is_available = BooleanField(_("可以参加抽取"), default=True)
