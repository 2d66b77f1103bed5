"""What ties providers to each other (GPR 18, paragraph 1), found by index and never by comparing pairs. Pure.

The same facts, by the same identifiers and as strong, as between a buyer and a provider; here both are suppliers.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from marketplace.conflicts.rules.declared import OWNING, Declarer, counts_on
from marketplace.conflicts.rules.facts import Body, Facts, plain_key
from marketplace.conflicts.rules.grounds import GROUNDS, Ground, Strength
from marketplace.conflicts.rules.ties import ABOVE, MANAGING
from marketplace.core.text import N_

PEER_SOURCE = N_("政府采购法实施条例第十八条第一款")
PEER_LABELS: Mapping[Ground, str] = {                # strongest first; nobody's name stands in them
    Ground.UNIT_TREE: N_("互为上下级单位"), Ground.CONTROL: N_("有控股、管理、举办关系或同一负责人（按代码）"),
    Ground.HOSTED: N_("一方承接、托管另一方"), Ground.SAME_REPRESENTATIVE: N_("法定代表人（负责人）同名"),
    Ground.NAMED_RELATED: N_("关联方名称与另一方相同，没有代码"), Ground.OTHER_RELATED: N_("登记为其他关联方"),
    Ground.SHARED_CONTROLLER: N_("由同一方控制或举办"),
}


@dataclass(frozen=True)
class PeerTie:
    """One ground between two providers, by keys; `one` is the smaller key."""

    one: int
    other: int
    ground: Ground

    @property
    def label(self) -> str:
        """Return what kind of tie it is, in words."""
        return PEER_LABELS[self.ground]

    @property
    def strength(self) -> Strength:
        """Return whether the two may not stand in one contract, or a person must look."""
        return GROUNDS[self.ground].strength

    @property
    def bars(self) -> bool:
        """Say whether the two may not stand in one contract."""
        return self.strength is Strength.BARS


def peer_ties(facts: Facts, *, only_bars: bool = False) -> list[PeerTie]:
    """Return what ties the providers among `facts.bodies` to each other: each pair and ground once, in order.

    `only_bars`: without flags, of which a name that many share can give a great many.
    """
    bodies = {key: one for key, one in facts.bodies.items() if one.is_provider}
    found = {*_registered(bodies), *_stated(facts, bodies), *_declared(facts, bodies)}
    if not only_bars:
        found |= {*_named_alike(bodies), *_sharing(facts, bodies)}
    place = {ground: at for at, ground in enumerate(PEER_LABELS)}
    made = {PeerTie(min(one, other), max(one, other), ground) for one, other, ground in found if one != other}
    kept = (tie for tie in made if tie.bars or not only_bars)
    return sorted(kept, key=lambda tie: (tie.one, tie.other, place[tie.ground]))


_Found = tuple[int, int, Ground]


def _registered(bodies: Mapping[int, Body]) -> Iterator[_Found]:
    """Yield what the register holds: units above, hosts."""
    for body in bodies.values():
        yield from ((body.key, above, Ground.UNIT_TREE) for above in body.path if above in bodies)
        if body.host is not None and body.host in bodies:
            yield body.key, body.host, Ground.HOSTED


def _stated(facts: Facts, bodies: Mapping[int, Body]) -> Iterator[_Found]:
    """Yield related parties that are stated: by code of a verified body they are sure, by name alone never."""
    by_code = {one.credit_code: one.key for one in bodies.values() if one.credit_code}
    by_name = _by(bodies.values(), "name")
    for said in facts.stating:
        by = bodies.get(said.by)
        if by is None:
            continue
        if not said.code:
            yield from ((by.key, key, Ground.NAMED_RELATED) for key in by_name.get(plain_key(said.name), ()))
        elif said.code in by_code:
            sure = by.is_verified and said.relation in MANAGING
            yield by.key, by_code[said.code], Ground.CONTROL if sure else Ground.OTHER_RELATED


def _declared(facts: Facts, bodies: Mapping[int, Body]) -> Iterator[_Found]:
    """Yield what providers declare of other providers by code, within the three years; people's ties are flags."""
    by_code = {one.credit_code: one.key for one in bodies.values() if one.credit_code}
    for one in facts.declared:
        if one.declarer is not Declarer.PROVIDER or one.code not in by_code \
                or not counts_on(one.since, one.until, facts.today):
            continue
        for owner in one.owners:
            if owner in bodies:
                sure = bodies[owner].is_verified and one.relation in OWNING and not one.person_name
                yield owner, by_code[one.code], Ground.CONTROL if sure else Ground.OTHER_RELATED


def _named_alike(bodies: Mapping[int, Body]) -> Iterator[_Found]:
    """Yield those whose representatives bear the same name: it may be another person."""
    for keys in _by(bodies.values(), "representative").values():
        yield from ((one, other, Ground.SAME_REPRESENTATIVE) for one, other in combinations(keys, 2))


def _sharing(facts: Facts, bodies: Mapping[int, Body]) -> Iterator[_Found]:
    """Yield those that state the same code as standing above them."""
    below: dict[str, set[int]] = defaultdict(set)
    for said in facts.stating:
        if said.code and said.relation in ABOVE and said.by in bodies:
            below[said.code].add(said.by)
    for keys in below.values():
        yield from ((one, other, Ground.SHARED_CONTROLLER) for one, other in combinations(sorted(keys), 2))


def _by(bodies: Iterable[Body], field: str) -> dict[str, list[int]]:
    """Return the keys of bodies by a name of theirs; empty names left out."""
    found: dict[str, list[int]] = defaultdict(list)
    for one in bodies:
        if name := plain_key(getattr(one, field)):
            found[name].append(one.key)
    return found


def barred_from(ties: Collection[PeerTie]) -> dict[int, frozenset[int]]:
    """Return for each provider beside whom it may not stand in one contract; flags left out."""
    found: dict[int, set[int]] = defaultdict(set)
    for tie in ties:
        if tie.bars:
            found[tie.one].add(tie.other)
            found[tie.other].add(tie.one)
    return {key: frozenset(others) for key, others in found.items()}
