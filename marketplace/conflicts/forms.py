"""Forms of declaring and settling: text becomes typed values. No database, no permission."""

from collections.abc import Iterable
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import FieldList, Form, FormField, RadioField, SelectField
from wtforms.fields import SelectChoice
from wtforms.validators import AnyOf, InputRequired, Optional

from marketplace.conflicts.models import ConflictDeclaration
from marketplace.conflicts.rules import (
    CHOICES,
    GROUNDS,
    MAX_NAME,
    MAX_WORDS,
    MOST_RELATIONS,
    RELATION_LABELS,
    STAFF_RELATIONS,
    Declarer,
    Ground,
    Outcome,
    Relation,
    Stated,
)
from marketplace.core.errors import Invalid
from marketplace.web.errors import say
from marketplace.web.fields import ChineseDateField, LongTextField, TextField

NONE, SOME = "none", "some"


def _choices(relations: Iterable[Relation]) -> list[SelectChoice]:
    """Return kinds of relations behind an empty choice."""
    return [SelectChoice("", _l("请选择")), *(SelectChoice(str(one), _l(RELATION_LABELS[one])) for one in relations)]


class RelationRow(Form):
    """One relation; a row without anything in it is left out."""

    relation = SelectField(_l("关系"), choices=_choices(Relation), default="")
    body = TextField(_l("对方单位或组织的全称"), most=MAX_NAME)
    code = TextField(_l("对方的统一社会信用代码"), most=30)
    person = TextField(_l("涉及的人员姓名"), most=50)
    since = ChineseDateField(_l("开始"), [Optional()])
    until = ChineseDateField(_l("结束"), [Optional()])
    words = LongTextField(_l("补充说明"), most=200)


class DeclarationForm(FlaskForm):
    """A declaration: none, or these relations."""

    answer = RadioField(_l("近三年内有没有应当申报的关系？"), [InputRequired(_l("请选择“没有”或“有”"))],
                        choices=[SelectChoice(NONE, _l("没有")), SelectChoice(SOME, _l("有，如下"))])
    relations = FieldList(FormField(RelationRow), max_entries=2 * MOST_RELATIONS)   # too many are refused, not cut
    words = LongTextField(_l("其他说明"), most=MAX_WORDS)

    @classmethod
    def of(cls, newest: ConflictDeclaration | None, declarer: Declarer) -> "DeclarationForm":
        """Return the form as the declaration in force would fill it, with a blank row; a post overrides."""
        rows: list[dict[str, Any]] = [
            {"relation": one.relation, "body": one.body_name, "code": one.body_code, "person": one.person_name,
             "since": one.since, "until": one.until, "words": one.words} for one in newest.relations
        ] if newest else []
        answer = None if newest is None else NONE if newest.says_none else SOME
        made = cls(data={"answer": answer, "relations": rows or [{}], "words": newest.words if newest else ""})
        if not len(made.relations):
            made.relations.append_entry()
        for row in made.relations:
            if declarer is Declarer.STAFF:
                row.form.relation.choices = _choices(STAFF_RELATIONS)
        return made

    def add_row(self, declarer: Declarer) -> None:
        """Put one more blank row at the end."""
        if len(self.relations) < MOST_RELATIONS:
            row = self.relations.append_entry()
            if declarer is Declarer.STAFF:
                row.form.relation.choices = _choices(STAFF_RELATIONS)

    def stated(self) -> list[Stated]:
        """Return the relations that were filled in; a row without a kind counts as "other", never as nothing."""
        return [
            Stated(Relation(one.relation.data or Relation.OTHER), one.body.data or "", one.code.data or None,
                   one.person.data or "", one.since.data, one.until.data, one.words.data or "")
            for one in self._filled()]

    def _filled(self) -> list[Any]:
        """Return the rows in which anything stands."""
        return [row.form for row in self.relations if any(one.data for one in row.form)]

    def blame(self, refused: Invalid) -> None:
        """Put the sentence of a refusal beside its field, also inside a row, or above the form."""
        name = refused.field or ""
        field: Any = self._fields.get(name)
        parts = name.split("-")
        if parts[0] == "relations" and parts[-1] in RelationRow()._fields:
            field = self._filled()[int(parts[1])][parts[-1]]
        if name == "says_none":
            field = self.answer
        if field is None or field.type == "FieldList":
            self.form_errors.append(say(refused))
        else:
            field.errors = [*field.errors, say(refused)]
            self.relations.errors = [row.errors for row in self.relations]   # so that the form knows of them


class SettleForm(FlaskForm):
    """What an operator found, with what it rests on."""

    outcome = RadioField(_l("核对结果"), [InputRequired(_l("请选择核对结果")), AnyOf([str(one) for one in Outcome])],
                         choices=[])
    reason = LongTextField(_l("依据"), [InputRequired(_l("请写明依据"))], most=MAX_WORDS)

    @classmethod
    def of(cls, ground: Ground) -> "SettleForm":
        """Return the form in the words of what may lift this ground."""
        made = cls()
        words = CHOICES.get(GROUNDS[ground].clearing, {})
        made.outcome.choices = [SelectChoice(str(one), _l(label)) for one, label in words.items()]
        return made
