"""What ties are found from, and what one is: bodies, people behind projects, what was stated and declared. Pure."""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.conflicts.rules.declared import Declarer, Relation
from marketplace.conflicts.rules.grounds import Ground

DIGEST = 32


class Side(StrEnum):
    """From which side of a project the other party comes."""

    BUYER = "buyer"
    FUNDER = "funder"
    PROJECT = "project"


def plain_key(name: str | None) -> str:
    """Return a name without spaces, in one width and case. Equal keys are the same letters, no look-alikes."""
    return "".join(unicodedata.normalize("NFKC", name or "").casefold().split())


@dataclass(frozen=True)
class Body:
    """One organization as the ties see it. `path`: ids of units from the root down to it; empty outside the tree."""

    key: int
    name: str
    credit_code: str | None = None
    representative: str = ""
    path: tuple[int, ...] = ()
    host: int | None = None
    is_verified: bool = True
    is_provider: bool = True


@dataclass(frozen=True)
class Stating:
    """A related party that organization `by` states: its name, its code where given, the relation."""

    by: int
    name: str
    code: str | None
    relation: str


@dataclass(frozen=True)
class Backer:
    """One funder: an organization (its key) or a named person."""

    key: int
    body: int | None
    person: str = ""
    name: str = ""


@dataclass(frozen=True)
class Hat:
    """A person who buys for unit `unit` and acts, or acted within three years, for provider `provider`."""

    unit: int
    person: int
    person_name: str
    provider: int


@dataclass(frozen=True)
class Reviewer:
    """A person on a project's panel: employer by registry or only by name, providers acted for within three years."""

    project: int
    person: int
    person_name: str
    employer: int | None = None
    employer_name: str = ""
    acted_for: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Declared:
    """One relation of a declaration in force. `owners`: the provider, or of staff the units they buy for now."""

    declarer: Declarer
    owners: tuple[int, ...]
    relation: Relation
    name: str
    code: str | None
    person: int | None = None
    person_name: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Facts:
    """Everything ties are found from: bodies by key, who is behind the projects, what was stated and declared."""

    bodies: Mapping[int, Body]
    buyers: frozenset[int]
    backers: Sequence[Backer] = ()
    stating: Sequence[Stating] = ()
    hats: Sequence[Hat] = ()
    reviewers: Sequence[Reviewer] = ()
    declared: Sequence[Declared] = ()
    today: date = date.min


@dataclass(frozen=True)
class Tie:
    """One ground between a provider and an anchor; `anchor`: buyer, funder or project key, by side.

    `other`, `detail`: names for people. `evidence` is what was compared: when it changes, the tie is another one.
    """

    ground: Ground
    provider: int
    side: Side
    anchor: int
    other: str
    detail: str = ""
    evidence: str = ""

    @property
    def key(self) -> str:
        """Return the name under which a person settles this tie; it tells nothing by itself."""
        whole = f"{self.ground}|{self.provider}|{self.side}|{self.anchor}|{self.evidence}"
        return hashlib.sha256(whole.encode()).hexdigest()[:DIGEST]
