import pytest

from marketplace.desks.rules import PIPELINE, tile_classes
from marketplace.projects.rules import STATUS_LABELS


def test_the_most_is_darkest_and_the_least_is_lightest():
    shades = tile_classes({"a": 31, "b": 91, "c": 60, "d": 32})
    assert shades == {"a": "t1", "b": "t5", "c": "t3", "d": "t1"}


@pytest.mark.parametrize("counts", [{"a": 0, "b": 0}, {"a": 7}])
def test_places_that_are_alike_look_alike(counts):
    assert set(tile_classes(counts).values()) == {"t2"}


def test_no_places_need_no_shades():
    assert tile_classes({}) == {}


def test_every_step_of_the_pipeline_has_a_word():
    assert [status for status in PIPELINE if status not in STATUS_LABELS] == []
