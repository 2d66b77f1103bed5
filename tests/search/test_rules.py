"""Comparing index and database."""

from marketplace.search.rules import compare

A, B, C = ("project", "a"), ("project", "b"), ("project", "c")


def test_equal_fingerprints_are_no_difference() -> None:
    assert not compare({A: "1", B: "2"}, {A: "1", B: "2"})


def test_what_is_missing_extra_and_stale_is_named() -> None:
    difference = compare({A: "1", B: "2"}, {B: "old", C: "3"})
    assert difference
    assert (difference.missing, difference.extra, difference.stale) == ((A,), (C,), (B,))
