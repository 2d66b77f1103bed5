"""What the score knows of both sides: plain values, taken from rows, files or a planted world. Pure."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class NeedFacts:
    """One posted project as the score sees it. Money in fen; empty or None is unknown, and unknown is never zero.

    `texts`: what is compared, most important first (title, target group, summary, requirement), Simplified characters.
    `areas`: the project's area code first, then those above it. The `required_...` are the published qualification.
    `required_grade` is set only where the rule set of the procedure names the rating.
    """

    key: int
    ref: str
    texts: tuple[str, ...]
    category: str = ""
    areas: tuple[str, ...] = ()
    budget_fen: int | None = None
    procedure: str = "below_threshold"
    wants: int = 1
    required_kinds: frozenset[str] = frozenset()
    required_certified: int | None = None
    required_grade: int | None = None
    buyer_key: int | None = None

    @property
    def title(self) -> str:
        """Return its title."""
        return self.texts[0] if self.texts else ""


@dataclass(frozen=True)
class ProviderFacts:
    """One organization as the score sees it. `areas`: codes it says it serves, with everything below; empty: unknown.

    `wider_areas`: what lies above those areas: it serves a part of them. Where `areas_are_stated` is false they are
    known only from where it works, so that an area beside them is no hard rule.
    `finished`: projects confirmed by contracts; `told`: those it says itself. `typical_fen`: median of past amounts.
    `free`: projects it can take on now, None where it has not said; `running`: what it has in hand.
    """

    key: int
    ref: str
    name: str
    texts: tuple[str, ...]
    categories: tuple[str, ...] = ()
    areas: frozenset[str] = frozenset()
    wider_areas: frozenset[str] = frozenset()
    areas_are_stated: bool = True
    kind: str = ""
    certified: int | None = None
    grade: int | None = None
    free: int | None = None
    running: int = 0
    free_fen: int | None = None
    typical_fen: int | None = None
    finished: int = 0
    told: int = 0
    reviews: int = 0
    review_tenths: int = 0                  # sum of overall marks, tenths of 5
    is_legal_person: bool = True
    is_verified: bool = True
    is_abnormal: bool = False
    is_serious: bool = False
    changed_at: datetime | None = None

    @property
    def is_newcomer(self) -> bool:
        """Say whether no project of it is known to be finished: neither by contract nor by its own word."""
        return self.finished + self.told == 0
