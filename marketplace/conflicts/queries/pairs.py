"""Which pairs of project and provider are ruled out or must declare first: for many at once, and for one with words."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from sqlalchemy.orm import Session

from marketplace.conflicts.queries.facts import Loaded, load
from marketplace.conflicts.rules import GROUNDS, Ground, Kind, Side, Strength, Tie, strength_after, ties
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

Pair = tuple[int, int]


class Bit(NamedTuple):
    """What stands between one project and one provider, and on which grounds."""

    kind: Kind
    grounds: tuple[Ground, ...]


class Bits(Mapping[Pair, Bit]):
    """(project, provider) -> Bit for every pair that may not simply be made; other pairs are not in it.

    Pairs with a tie are stored (`pairs`). A provider that nobody knows (`unknown`: neither verified nor declared)
    must declare first for every project; those pairs are answered, and counted, without being stored.
    """

    def __init__(self, pairs: Mapping[Pair, Bit], unknown: frozenset[int], projects: Sequence[int]) -> None:
        self.pairs, self.unknown, self.projects = pairs, unknown, frozenset(projects)

    def __getitem__(self, pair: Pair) -> Bit:
        """Return the bit of a pair; KeyError where nothing stands between the two."""
        found = self.pairs.get(pair)
        if found is not None:
            return found
        if pair[1] in self.unknown and pair[0] in self.projects:
            return Bit(Kind.DECLARE_FIRST, (Ground.IDENTITY,))
        raise KeyError(pair)

    def __iter__(self) -> Iterator[Pair]:
        """Yield the stored pairs, then those of unknown providers."""
        yield from self.pairs
        for provider in sorted(self.unknown):
            for project in sorted(self.projects):
                if (project, provider) not in self.pairs:
                    yield project, provider

    def __len__(self) -> int:
        """Count both kinds of pairs, each once."""
        both = sum(1 for _, provider in self.pairs if provider in self.unknown)
        return len(self.pairs) + len(self.unknown) * len(self.projects) - both


def conflict_bits(session: Session, project_ids: Collection[int], provider_ids: Collection[int] | None = None, *,
                  today: date, with_panel: bool = True) -> Bits:
    """Return what stands between these projects and providers (None: all), in a fixed number of statements.

    CONFLICT rules a pair out and outranks every pin; DECLARE_FIRST keeps it out until somebody declared and looked.
    `with_panel` False: for what a provider reads, who must not learn from a tie who sits on a panel.
    """
    loaded = load(session, project_ids, provider_ids, today=today)
    found: dict[Pair, tuple[bool, set[Ground]]] = {}
    for tie, strength in _live(loaded):
        if tie.side is Side.PROJECT and not with_panel:
            continue
        for project in loaded.behind.get((tie.side, tie.anchor), ()):
            is_bar, grounds = found.get((project, tie.provider), (False, set()))
            grounds.add(tie.ground)
            found[project, tie.provider] = (is_bar or strength is Strength.BARS, grounds)
    order = {ground: place for place, ground in enumerate(Ground)}
    pairs = {}
    for pair, (is_bar, grounds) in found.items():
        if pair[1] in loaded.unknown:
            grounds.add(Ground.IDENTITY)
        kind = Kind.CONFLICT if is_bar else Kind.DECLARE_FIRST
        pairs[pair] = Bit(kind, tuple(sorted(grounds, key=order.__getitem__)))
    return Bits(pairs, loaded.unknown, loaded.projects)


def _live(loaded: Loaded) -> Iterator[tuple[Tie, Strength]]:
    """Yield the ties that hold after what was settled, with their strength."""
    for tie in ties(loaded.facts):
        strength = strength_after(tie.ground, loaded.settled.get(tie.key))
        if strength is not None:
            yield tie, strength


@dataclass(frozen=True)
class Finding:
    """One ground between a project and a provider, for people. `facts` fill in both sentences.

    `sentence` is for operators and may name a person; `told` is what the provider may read; buyers read the `label`.
    """

    ground: Ground
    strength: Strength
    label: str
    source: str
    sentence: str
    told: str
    facts: Mapping[str, object] = field(default_factory=dict)
    tie_key: str = ""

    @property
    def bars(self) -> bool:
        """Say whether this alone rules the pair out."""
        return self.strength is Strength.BARS


def explain(session: Session, project: Project, provider: Organization, today: date) -> list[Finding]:
    """Return everything that stands between one project and one provider, bars first; empty where nothing does."""
    loaded = load(session, [project.id], [provider.id], today=today)
    found = [_finding(tie, strength, provider.name) for tie, strength in _live(loaded)
             if loaded.behind.get((tie.side, tie.anchor))]
    if provider.id in loaded.unknown:
        found.append(finding(Ground.IDENTITY, Strength.FLAG, provider=provider.name))
    order = {ground: place for place, ground in enumerate(Ground)}
    once = {(one.tie_key, one.ground): one for one in found}
    return sorted(once.values(), key=lambda one: (not one.bars, order[one.ground]))


def _finding(tie: Tie, strength: Strength, provider: str) -> Finding:
    """Return a tie in words."""
    return finding(tie.ground, strength, provider=provider, other=tie.other, detail=tie.detail, tie_key=tie.key)


def finding(ground: Ground, strength: Strength, *, provider: str, other: str = "", detail: str = "",
            tie_key: str = "") -> Finding:
    """Return a ground in words, with the names that fill them in."""
    text = GROUNDS[ground]
    return Finding(ground, strength, text.label, text.source, text.sentence, text.told,
                   {"provider": provider, "other": other, "detail": detail}, tie_key)


def bars(session: Session, project_id: int, provider_id: int, today: date) -> Finding | None:
    """Return what forbids this pair whatever anybody pins, or None. A flag is no bar, but see `conflict_bits`."""
    project, provider = session.get(Project, project_id), session.get(Organization, provider_id)
    if project is None or provider is None:
        return None
    return next((one for one in explain(session, project, provider, today) if one.bars), None)
