"""Edits of a run: what people overrule, folded into what holds now. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from marketplace.matching.rules.runs import EditKind

Pair = tuple[int, int]                   # (project key, provider key)


@dataclass(frozen=True)
class Candidate:
    """The columns of a pair that was no candidate and is pinned all the same; points in tenths, as in Edges."""

    provider: int
    parts: tuple[int, ...]
    known: int = 0
    channel: int = 0
    is_new: bool = False
    running: int = 0
    free: int = -1

    def as_plain(self) -> dict[str, object]:
        """Return plain values for a row."""
        return {"provider": self.provider, "parts": list(self.parts), "known": self.known, "channel": self.channel,
                "is_new": self.is_new, "running": self.running, "free": self.free}


def candidate_from_plain(plain: Mapping[str, object]) -> Candidate:
    """Return the candidate that `as_plain` wrote."""
    parts = plain["parts"]
    assert isinstance(parts, list)
    numbers = {name: int(str(plain[name])) for name in ("provider", "known", "channel", "running", "free")}
    return Candidate(parts=tuple(int(one) for one in parts), is_new=bool(plain["is_new"]), **numbers)


@dataclass(frozen=True)
class Added:
    """The columns of a project that was posted after the run and is added to it, as in Edges; with its candidates."""

    wants: int
    ruled_out: tuple[int, ...]
    candidates: tuple[Candidate, ...] = ()

    def as_plain(self) -> dict[str, object]:
        """Return plain values for a row."""
        return {"wants": self.wants, "ruled_out": list(self.ruled_out),
                "candidates": [one.as_plain() for one in self.candidates]}


def added_from_plain(plain: Mapping[str, object]) -> Added:
    """Return the project that `as_plain` wrote."""
    ruled_out, candidates = plain["ruled_out"], plain["candidates"]
    assert isinstance(ruled_out, list)
    assert isinstance(candidates, list)
    return Added(int(str(plain["wants"])), tuple(int(one) for one in ruled_out),
                 tuple(candidate_from_plain(one) for one in candidates))


@dataclass(frozen=True)
class Edit:
    """One thing a person overrules, by keys. `value`: places of a provider, providers asked for by a project."""

    kind: EditKind
    project: int | None = None
    provider: int | None = None
    value: int | None = None
    candidate: Candidate | None = None
    added: Added | None = None

    @property
    def columns(self) -> dict[str, object] | None:
        """Return the columns that it brings along, for a row."""
        brought = self.candidate or self.added
        return brought.as_plain() if brought else None

    @property
    def pair(self) -> Pair:
        """Return the pair that it names."""
        assert self.project is not None
        assert self.provider is not None
        return self.project, self.provider


@dataclass(frozen=True)
class Wishes:
    """What holds after all edits: the last word on a pair, a project or a provider counts.

    `apart`: pairs that the solver may not choose because the provider is tied to another one of the same project
    (rules.together); no edit makes them, each solution finds them anew.
    """

    pins: frozenset[Pair] = frozenset()
    forbids: frozenset[Pair] = frozenset()
    confirmed: frozenset[Pair] = frozenset()
    no_projects: frozenset[int] = frozenset()
    no_providers: frozenset[int] = frozenset()
    capacities: Mapping[int, int] = field(default_factory=dict)
    wanted: Mapping[int, int] = field(default_factory=dict)
    candidates: Mapping[Pair, Candidate] = field(default_factory=dict)
    added: Mapping[int, Added] = field(default_factory=dict)
    apart: frozenset[Pair] = frozenset()

    @property
    def brought(self) -> dict[Pair, Candidate]:
        """Return the pairs that edits brought along."""
        found = {(key, one.provider): one for key, project in self.added.items() for one in project.candidates}
        return {**found, **self.candidates}

    @property
    def fixed(self) -> frozenset[Pair]:
        """Return the pairs that the solver must keep: confirmed or pinned, both sides taking part."""
        return frozenset(pair for pair in self.pins | self.confirmed
                         if pair[0] not in self.no_projects and pair[1] not in self.no_providers)

    def as_plain(self) -> dict[str, object]:
        """Return plain values in a canonical order, for a hash."""
        apart = {"apart": sorted(self.apart)} if self.apart else {}
        return {
            **apart, "pins": sorted(self.pins), "forbids": sorted(self.forbids), "confirmed": sorted(self.confirmed),
            "no_projects": sorted(self.no_projects), "no_providers": sorted(self.no_providers),
            "capacities": sorted(self.capacities.items()), "wanted": sorted(self.wanted.items()),
            "candidates": [[*pair, one.as_plain()] for pair, one in sorted(self.candidates.items())],
            "added": [[key, one.as_plain()] for key, one in sorted(self.added.items())],
        }

    def after(self, edit: Edit) -> "Wishes":
        """Return what holds after one more edit."""
        return _STEPS[edit.kind](self, edit)


def _pinned(wishes: Wishes, edit: Edit) -> Wishes:
    """Ask for a pair; a forbid of it no longer holds."""
    extra = {edit.pair: edit.candidate} if edit.candidate else {}
    return replace(wishes, pins=wishes.pins | {edit.pair}, forbids=wishes.forbids - {edit.pair},
                   candidates={**wishes.candidates, **extra})


def _forbidden(wishes: Wishes, edit: Edit) -> Wishes:
    """Rule a pair out; a pin of it no longer holds."""
    return replace(wishes, forbids=wishes.forbids | {edit.pair}, pins=wishes.pins - {edit.pair})


def _confirmed(wishes: Wishes, edit: Edit) -> Wishes:
    """Freeze a pair."""
    return replace(wishes, confirmed=wishes.confirmed | {edit.pair}, forbids=wishes.forbids - {edit.pair})


def _released(wishes: Wishes, edit: Edit) -> Wishes:
    """Let the solver decide on a pair again."""
    gone = {edit.pair}
    return replace(wishes, pins=wishes.pins - gone, forbids=wishes.forbids - gone, confirmed=wishes.confirmed - gone)


def _withdrawn(wishes: Wishes, edit: Edit) -> Wishes:
    """Take a project or a provider out."""
    if edit.project is not None:
        return replace(wishes, no_projects=wishes.no_projects | {edit.project})
    assert edit.provider is not None
    return replace(wishes, no_providers=wishes.no_providers | {edit.provider})


def _added(wishes: Wishes, edit: Edit) -> Wishes:
    """Let a project or a provider take part again, or a project that was posted later take part."""
    new = {edit.project: edit.added} if edit.project is not None and edit.added else {}
    return replace(wishes, no_projects=wishes.no_projects - {edit.project},
                   no_providers=wishes.no_providers - {edit.provider}, added={**wishes.added, **new})


def _capacity(wishes: Wishes, edit: Edit) -> Wishes:
    """Say how many places a provider has."""
    assert edit.provider is not None
    assert edit.value is not None
    return replace(wishes, capacities={**wishes.capacities, edit.provider: edit.value})


def _wanted(wishes: Wishes, edit: Edit) -> Wishes:
    """Say how many providers a project asks for."""
    assert edit.project is not None
    assert edit.value is not None
    return replace(wishes, wanted={**wishes.wanted, edit.project: edit.value})


_STEPS = {
    EditKind.PIN: _pinned, EditKind.FORBID: _forbidden, EditKind.CONFIRM: _confirmed, EditKind.RELEASE: _released,
    EditKind.WITHDRAW: _withdrawn, EditKind.ADD: _added, EditKind.CAPACITY: _capacity, EditKind.WANTED: _wanted,
}


def fold(edits: Iterable[Edit], start: Wishes | None = None) -> Wishes:
    """Return what holds after all edits, in their order."""
    wishes = start or Wishes()
    for edit in edits:
        wishes = wishes.after(edit)
    return wishes
