"""What a ranked list is made of: contributions that sum to the total shown, ties, who was ruled out. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from marketplace.matching.rules.hard import HardRule
from marketplace.matching.rules.weights import TENTHS, Criterion


class Channel(StrEnum):
    """How a candidate was found: by its category, or by its words although its category differs."""

    CATEGORY = "category"
    TEXT = "text"


@dataclass(frozen=True)
class Part:
    """One contribution in tenths of a point, of at most `most`. `is_known` is false where a neutral value stands in."""

    criterion: Criterion
    tenths: int
    most: int
    is_known: bool = True


@dataclass(frozen=True)
class Ranked:
    """One provider for one project. `group`: providers in the same group are ties (gap under 3 points), from 1."""

    provider_key: int
    total: int
    parts: tuple[Part, ...]
    channel: Channel = Channel.CATEGORY
    shared: tuple[str, ...] = ()
    group: int = 1
    is_newcomer: bool = False

    @property
    def points(self) -> float:
        """Return the total as people read it, one decimal."""
        return self.total / TENTHS


@dataclass(frozen=True)
class Ranking:
    """The list of one project: best first; `nobody` when even the best is under the least total.

    `ruled_out`: how many providers each rule removes (one provider may fail several), `considered`: how many there are.
    """

    rows: tuple[Ranked, ...]
    ruled_out: Mapping[HardRule, int] = field(default_factory=dict)
    considered: int = 0
    nobody: bool = False


@dataclass(frozen=True)
class Explanation:
    """How one provider stands to one project: the rules it fails, or its place in the list and what it lacks.

    `short`: tenths of a point under the least total, 0 when it reaches it. `place`: from 1 among those not ruled out,
    None when it was found by neither channel or is ruled out. `lacking`: criteria by how many tenths full marks would
    add, most first.
    """

    bits: HardRule
    ranked: Ranked | None = None
    place: int | None = None
    short: int = 0
    lacking: tuple[tuple[Criterion, int], ...] = ()
