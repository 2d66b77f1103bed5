"""What an operator types about the dictionary: a concept, a file, the note of a version."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import HiddenField, RadioField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired

from marketplace.core.errors import Invalid
from marketplace.search.rules.dictionary import EntryKind
from marketplace.search.rules.wordbook import (
    KIND_LABELS,
    MAX_NOTE,
    MAX_TERM,
    MOST_BROADER,
    TYPED_MARKS,
    Concept,
    Simplify,
    clean,
    split_names,
)
from marketplace.web.errors import say
from marketplace.web.fields import LongTextField, TextField

_FIELDS = {"term": "words", "concept": "name", "kind": "kind", "broader": "broader"}


class ConceptForm(FlaskForm):
    """A concept: its name, kind, what is wider, its other words one a line; `seen`: how it stood when it was opened."""

    name = TextField(_("概念"), [DataRequired(_("请写概念的名称"))], most=MAX_TERM)
    kind = RadioField(_("类别"), default=str(EntryKind.CONCEPT),
                      choices=[SelectChoice(str(one), _(word)) for one, word in KIND_LABELS.items()])
    broader = TextField(_("上级概念"), most=(MAX_TERM + 1) * MOST_BROADER)
    words = LongTextField(_("其他说法"))
    seen = HiddenField()

    def to_concept(self, simplify: Simplify) -> Concept:
        """Return the concept in the characters of the dictionary."""
        words = split_names(self.words.data or "", simplify, TYPED_MARKS.replace("、", ""))
        return Concept(clean(self.name.data or "", simplify), EntryKind(self.kind.data),
                       split_names(self.broader.data or "", simplify, TYPED_MARKS), words)

    def blame(self, error: Invalid) -> None:
        """Put a refusal beside the field that it speaks of."""
        field = self[_FIELDS.get(error.field or "", "words")]
        field.errors = [*field.errors, say(error)]


class ImportForm(FlaskForm):
    """A CSV file, and whether it is the whole dictionary."""

    file = FileField(_("词典文件"), [FileRequired(_("请选择文件"))])
    mode = RadioField(_("怎么导入"), default="merge", choices=[
        SelectChoice("merge", _("加到现有词典里")), SelectChoice("whole", _("代替整部词典"))])

    @property
    def is_whole(self) -> bool:
        """Say whether the file takes the place of everything."""
        return bool(self.mode.data == "whole")


class PublishForm(FlaskForm):
    """What was changed, in a sentence."""

    note = TextField(_("这次改了什么"), [DataRequired(_("请用一句话写明这次改了什么"))], most=MAX_NOTE)
