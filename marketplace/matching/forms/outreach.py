"""Forms of outreach: a line and a text, how many to draw, recommendations with opinions, a reason."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from wtforms import FieldList, Form, FormField, SelectField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired

from marketplace.matching.rules.outreach import MAX_OPINION, MAX_REASON, MAX_TEXT, MOST_INVITED, may_choose
from marketplace.web.fields import LongTextField, TextField, WholeField
from marketplace.web.stepup import StepUp

ROWS = 6


def _(sentence: str) -> Any:
    """Translate when the page is made."""
    return lazy_gettext(sentence)


class TellForm(FlaskForm):
    """From which line on everybody is told, and what."""

    line = SelectField(_("分数线"), coerce=int, validate_choice=False)
    text = LongTextField(_("告知内容"), [InputRequired(_("请写明要告知的内容"))], most=MAX_TEXT)

    def offer(self, counts: Mapping[int, int]) -> "TellForm":
        """Give the lines that may be chosen, and the one chosen, with how many organizations each reaches; no name."""
        self.line.choices = [
            SelectChoice(line, gettext("%(line)s 分以上，共 %(n)s 家", line=line, n=many))
            for line, many in counts.items() if may_choose(line, many) or line == self.line.data]
        return self


class DrawForm(FlaskForm):
    """How many are invited by lot."""

    wanted = WholeField(_("邀请几家"), [InputRequired(_("请填写邀请家数"))])


class RecommendRow(Form):
    """One recommended organization; an empty row is left out."""

    name = TextField(_("组织名称或统一社会信用代码"), most=120)
    opinion = LongTextField(_("推荐意见"), most=MAX_OPINION)


class RecommendForm(StepUp, FlaskForm):
    """One side's written recommendation, signed with the password."""

    rows = FieldList(FormField(RecommendRow), min_entries=ROWS, max_entries=MOST_INVITED)

    def opinions(self) -> dict[str, str]:
        """Return what was typed: name or code -> opinion."""
        return {row["name"].data.strip(): (row["opinion"].data or "").strip()
                for row in self.rows if (row["name"].data or "").strip()}


class DeclineForm(FlaskForm):
    """Why an organization does not take a project."""

    reason = LongTextField(_("不承接的理由"), [InputRequired(_("请写明不承接的理由"))], most=MAX_REASON)
