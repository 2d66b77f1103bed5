"""The builder of a pool and its rule, with five gifts to try it on; the change of a pool's cap."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectField, SelectMultipleField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Optional

from marketplace.core.money import Money
from marketplace.funding.rules.terms import RuleTerms, check_terms, read_ratio
from marketplace.organizations.rules import KIND_LABELS
from marketplace.web.fields import ChineseDateField, LongTextField, MoneyField, TextField, WholeField
from marketplace.web.stepup import StepUp

GIFTS = ("gift1", "gift2", "gift3", "gift4", "gift5")
USUAL_GIFTS = (Money.yuan(500), Money.yuan(2_000), Money.yuan(10_000), Money.yuan(50_000), Money.yuan(200_000))
_LISTS = ("categories", "areas", "receiver_kinds")
_DEFAULTS = {"min_donors": 0, "own_percent": 0, "priority": 100, "confirm_days": 0, "reserve_days": 30}


class RuleForm(FlaskForm):
    """Every field of RuleTerms, and five gifts."""

    ratio = TextField(_l("配比（配套:认捐）"), [DataRequired(_l("请填配比，例如 1:1"))], most=30)
    per_pledge_cap = MoneyField(_l("每笔认捐最多配"), [Optional()])
    per_donor_cap = MoneyField(_l("每个捐赠方最多配"), [Optional()])
    per_project_cap = MoneyField(_l("每个项目最多配"), [Optional()])
    per_round_cap = MoneyField(_l("每场活动或每轮最多配"), [Optional()])
    min_donors = WholeField(_l("至少几个捐赠方认捐后才确认"), [Optional()])
    threshold = MoneyField(_l("项目认捐合计达到多少后才确认"), [Optional()])
    threshold_percent = WholeField(_l("项目认捐达到预算的百分之几后才确认"), [Optional()])
    floor = MoneyField(_l("小项目每笔至少配"), [Optional()])
    floor_budget = MoneyField(_l("预算不超过多少算小项目"), [Optional()])
    own_percent = WholeField(_l("承接单位自筹须达到预算的百分之几"), [Optional()])
    categories = SelectMultipleField(_l("只配这些类别"), [Optional()])
    areas = SelectMultipleField(_l("只配这些地区"), [Optional()])
    receiver_kinds = SelectMultipleField(_l("接收方须为"), [Optional()])
    starts_on = ChineseDateField(_l("从哪天起的认捐"), [Optional()])
    ends_on = ChineseDateField(_l("到哪天止（含当日）"), [Optional()])
    priority = WholeField(_l("优先级（数小的先配）"), [Optional()])
    confirm_days = WholeField(_l("到账确认后等几天再确认配套"), [Optional()])
    reserve_days = WholeField(_l("额度最多保留几天"), [Optional()])
    matches_verbal = BooleanField(_l("口头认捐（举牌）时就保留额度"))
    gift1 = MoneyField(_l("第 1 笔"), [Optional()])
    gift2 = MoneyField(_l("第 2 笔"), [Optional()])
    gift3 = MoneyField(_l("第 3 笔"), [Optional()])
    gift4 = MoneyField(_l("第 4 笔"), [Optional()])
    gift5 = MoneyField(_l("第 5 笔"), [Optional()])

    def offer(self, *, categories: Mapping[str, str], areas: Mapping[str, str], translate: Any,
              names_of_codes: Mapping[str, str] = MappingProxyType({})) -> None:
        """Fill in the choices; a code that is chosen already stays a choice, under its name where it has one."""
        for field, names in ((self.categories, categories), (self.areas, areas)):
            kept = {code: names_of_codes.get(code, code) for code in field.data or () if code not in names}
            field.choices = [SelectChoice(code, name) for code, name in {**names, **kept}.items()]
        self.receiver_kinds.choices = [
            SelectChoice(kind.value, translate(label)) for kind, label in KIND_LABELS.items()]

    def to_terms(self) -> RuleTerms:
        """Return the rule; raises Invalid with the field it belongs to."""
        numerator, denominator = read_ratio(self.ratio.data or "", field="ratio")
        values = {name: self[name].data for name in RuleTerms.__dataclass_fields__ if name in self}
        for name, usual in _DEFAULTS.items():
            values[name] = usual if values[name] is None else values[name]
        values.update({name: tuple(values[name] or ()) for name in _LISTS})
        terms = RuleTerms(numerator=numerator, denominator=denominator, **values)
        check_terms(terms)
        return terms

    def gifts(self) -> list[Money]:
        """Return the gifts to try the rule on; boxes left empty are left out."""
        return [self[name].data for name in GIFTS if self[name].data]


class PoolForm(RuleForm):
    """A new pool with its first rule."""

    name = TextField(_l("资金池名称"), [DataRequired(_l("请填资金池的名称"))], most=60)
    purpose = LongTextField(_l("用途说明"), [Optional()], most=1000)
    cap = MoneyField(_l("总额"), [InputRequired(_l("请填总额"))])
    account = SelectField(_l("配套资金付给哪个账户"), [Optional()], validate_choice=True)
    filed_plan_number = TextField(_l("募捐方案备案编号"), [Optional()], most=40)


class CapForm(StepUp, FlaskForm):
    """The new total of a pool; the password is asked, because it promises money."""

    cap = MoneyField(_l("新的总额"), [InputRequired(_l("请填新的总额"))])


def rule_data(terms: RuleTerms) -> dict[str, Any]:
    """Return the values of the rule's fields for a form that nobody sent yet."""
    values = {name: getattr(terms, name) for name in RuleTerms.__dataclass_fields__}
    return {**values, **{name: list(values[name]) for name in _LISTS}, "ratio": terms.ratio,
            **dict(zip(GIFTS, USUAL_GIFTS, strict=True))}
