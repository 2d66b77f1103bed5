"""Turns sentence patterns into text: {a|b} picks one way to say it, <name> puts in a fact, <20-60:5> a number."""

import random
import re
from collections.abc import Mapping

_CHOICE = re.compile(r"\{([^{}]*)\}")
_NUMBER = re.compile(r"<(\d+)-(\d+)(?::(\d+))?>")
_FACT = re.compile(r"<([a-z_]+)>")


def weave(rng: random.Random, pattern: str, facts: Mapping[str, str] | None = None) -> str:
    """Return one text of a pattern; inner choices are made first. Raises KeyError for a fact that is not given."""
    known = facts or {}
    text, count = pattern, 1
    while count:
        text, count = _CHOICE.subn(lambda found: rng.choice(found[1].split("|")), text)
    text = _NUMBER.sub(lambda found: str(pick_number(rng, int(found[1]), int(found[2]), int(found[3] or 1))), text)
    return _FACT.sub(lambda found: known[found[1]], text)


def pick_number(rng: random.Random, least: int, most: int, step: int = 1) -> int:
    """Return a number from `least` to `most` in whole steps."""
    return least + step * rng.randrange((most - least) // step + 1)


def shingles(text: str, size: int = 8) -> frozenset[str]:
    """Return the runs of `size` characters of a text, white space left out: what two texts may share too much of."""
    plain = "".join(text.split())
    return frozenset(plain[start:start + size] for start in range(max(len(plain) - size + 1, 1)))


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the share of common runs in the shorter text: the stricter of the usual two measures."""
    return len(one & other) / min(len(one), len(other))
