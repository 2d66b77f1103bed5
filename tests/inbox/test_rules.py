from datetime import timedelta

import pytest

from marketplace.core.clock import at_beijing
from marketplace.inbox.rules import GROUP_LABELS, KIND_ICONS, Group, Kind, group_of
from tests.factories import NOW  # Monday 2026-11-23, 10:00 in Beijing


@pytest.mark.parametrize(("due", "group"), [
    (NOW - timedelta(days=3), Group.LATE),
    (NOW, Group.LATE),
    (NOW + timedelta(minutes=1), Group.TODAY),
    (at_beijing(NOW.date(), 23, 59), Group.TODAY),
    (NOW + timedelta(days=1), Group.WEEK),
    (at_beijing((NOW + timedelta(days=6)).date(), 23, 59), Group.WEEK),
    (at_beijing((NOW + timedelta(days=7)).date(), 0, 0), Group.LATER),
    (None, Group.LATER),
])
def test_a_todo_is_grouped_by_its_deadline_on_the_beijing_calendar(due, group):
    assert group_of(due, NOW) == group


def test_every_group_and_kind_has_its_word_and_icon():
    assert set(GROUP_LABELS) == set(Group)
    assert set(KIND_ICONS) == set(Kind)
