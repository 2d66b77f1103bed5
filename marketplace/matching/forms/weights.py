"""What an operator types about weights: points of 100, the adjustments beside them, why."""

from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms.validators import DataRequired, InputRequired
from wtforms.widgets import HiddenInput

from marketplace.core.errors import DomainError, Invalid
from marketplace.matching.rules.weights import CRITERIA, CRITERION_LABELS, FULL, LIMITS, Criterion, Weights, check
from marketplace.web.errors import blame
from marketplace.web.fields import TextField, WholeField

MOST_REASON = 200
_NEEDED = (InputRequired(_("请填一个整数，不给分就填 0")),)


class HiddenWhole(WholeField):
    """A whole number that the page carries along."""

    widget = HiddenInput()


class WeightForm(FlaskForm):
    """Six criteria that total 100, four adjustments, the reason; `seen`: the version that the page began with."""

    category = WholeField(_(CRITERION_LABELS[Criterion.CATEGORY]), _NEEDED)
    text = WholeField(_(CRITERION_LABELS[Criterion.TEXT]), _NEEDED)
    area = WholeField(_(CRITERION_LABELS[Criterion.AREA]), _NEEDED)
    track = WholeField(_(CRITERION_LABELS[Criterion.TRACK]), _NEEDED)
    budget = WholeField(_(CRITERION_LABELS[Criterion.BUDGET]), _NEEDED)
    capacity = WholeField(_(CRITERION_LABELS[Criterion.CAPACITY]), _NEEDED)
    newcomer = WholeField(_("新组织加分"), _NEEDED)
    load = WholeField(_("在手项目每多一个扣分"), _NEEDED)
    switching = WholeField(_("保持已发布配对加分"), _NEEDED)
    least = WholeField(_("最低分：低于它就不提建议"), _NEEDED)
    reason = TextField(_("为什么改"), [DataRequired(_("请写明为什么改，供以后查对"))], most=MOST_REASON)
    seen = HiddenWhole()

    @classmethod
    def of(cls, weights: Weights) -> "WeightForm":
        """Return the form as weights stand."""
        return cls(formdata=None, data=plain_of(weights))

    @property
    def total(self) -> int:
        """Return what the criteria add up to as typed; what is no number counts as 0."""
        return sum(self[str(one)].data or 0 for one in CRITERIA)

    @property
    def is_full(self) -> bool:
        """Say whether the criteria total 100."""
        return self.total == FULL

    def to_weights(self) -> Weights:
        """Return the weights; raises Invalid beside the field when a number is missing or out of bounds."""
        points = {one: self._number(str(one)) for one in CRITERIA}
        return check(Weights(points, **{name: self._number(name) for name in LIMITS}))

    def _number(self, name: str) -> int:
        """Return one number as typed."""
        value: int | None = self[name].data
        if value is None:
            raise Invalid(str(self[name].errors[0] if self[name].errors else _NEEDED[0].message), field=name)
        return value

    def blame(self, error: DomainError) -> None:
        """Put a refusal beside the field that it speaks of; the sum is said above the form."""
        blame(self, error)


def plain_of(weights: Weights) -> dict[str, Any]:
    """Return weights by the names of the form's fields."""
    return {**{str(one): weights.points[one] for one in CRITERIA}, **{name: getattr(weights, name) for name in LIMITS}}
