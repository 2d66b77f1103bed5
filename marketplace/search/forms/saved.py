"""What people choose about a saved search."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import HiddenField, RadioField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired

from marketplace.search.rules.saved import CHANNEL_LABELS, FREQUENCY_LABELS, MAX_NAME, Channel, Frequency, Wish
from marketplace.web.fields import TextField


class WishForm(FlaskForm):
    """A name, how often, by which way."""

    name = TextField(_("名称"), [DataRequired(_("请给这个搜索起个名称"))], most=MAX_NAME)
    frequency = RadioField(_("多久提醒一次"), default=Frequency.DAILY,
                           choices=[SelectChoice(str(one), _(word)) for one, word in FREQUENCY_LABELS.items()])
    channel = RadioField(_("用什么方式"), default=Channel.EMAIL,
                         choices=[SelectChoice(str(one), _(word)) for one, word in CHANNEL_LABELS.items()])

    def to_wish(self) -> Wish:
        """Return the values as the operations take them."""
        return Wish(self.name.data or "", Frequency(self.frequency.data), Channel(self.channel.data))


class SaveForm(WishForm):
    """The same with the question, as it stands in an address."""

    question = HiddenField()
