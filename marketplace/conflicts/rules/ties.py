"""What ties providers to the bodies and people behind a project, found by index and never by comparing pairs. Pure.

A tie stands between one provider and one anchor: the buyer, a funder, or (reviewers) the project itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from marketplace.conflicts.rules.declared import OWNING, RELATION_LABELS, UNSURE, Declarer, Relation, counts_on
from marketplace.conflicts.rules.facts import Backer, Body, Declared, Facts, Side, Stating, Tie, plain_key
from marketplace.conflicts.rules.grounds import Ground
from marketplace.core.text import N_
from marketplace.organizations.rules import RELATIONS

MANAGING = frozenset({"legal_representative", "controls", "controlled", "manages", "managed", "sponsor", "branch"})
ABOVE = frozenset({"controlled", "managed", "sponsor"})       # the related party stands above the one that states it
SAME_NAME = N_("法定代表人（负责人）同名")
DONOR_NAME = N_("出资人与法定代表人（负责人）同名")


@dataclass
class _Index:
    """Providers by everything that identifies them; other bodies behind projects by key."""

    by_code: dict[str, Body] = field(default_factory=dict)
    by_name: dict[str, list[Body]] = field(default_factory=lambda: defaultdict(list))
    by_representative: dict[str, list[Body]] = field(default_factory=lambda: defaultdict(list))
    by_host: dict[int, list[Body]] = field(default_factory=lambda: defaultdict(list))
    below: dict[int, list[Body]] = field(default_factory=lambda: defaultdict(list))


def _index(bodies: Iterable[Body]) -> _Index:
    """Return the providers among these bodies by code, name, representative, host and every unit above them."""
    made = _Index()
    for one in bodies:
        if not one.is_provider:
            continue
        if one.credit_code:
            made.by_code[one.credit_code] = one
        made.by_name[plain_key(one.name)].append(one)
        if one.representative:
            made.by_representative[plain_key(one.representative)].append(one)
        if one.host is not None:
            made.by_host[one.host].append(one)
        for above in one.path:
            made.below[above].append(one)
    return made


def ties(facts: Facts) -> Iterator[Tie]:
    """Yield every tie of the providers among `facts.bodies`; the work grows with the ties, not with the pairs."""
    index = _index(facts.bodies.values())
    yield from _of_buyers(facts, index)
    yield from _of_related(facts, index)
    yield from _of_funders(facts, index)
    yield from _of_people(facts, index)
    yield from _of_declarations(facts, index)


def _of_buyers(facts: Facts, index: _Index) -> Iterator[Tie]:
    """Yield the buyer itself, units above and below it, hosts, and representatives of the same name."""
    for key in sorted(facts.buyers & facts.bodies.keys()):
        buyer = facts.bodies[key]
        if buyer.is_provider:
            yield Tie(Ground.BUYER_ITSELF, key, Side.BUYER, key, buyer.name)
        kin = [*index.below.get(key, ()), *_providers(facts, buyer.path)]
        yield from (Tie(Ground.UNIT_TREE, one.key, Side.BUYER, key, buyer.name) for one in kin if one.key != key)
        hosts = [*index.by_host.get(key, ()), *_providers(facts, (buyer.host or 0,))]
        yield from (Tie(Ground.HOSTED, one.key, Side.BUYER, key, buyer.name) for one in hosts)
        for one in _named_alike(buyer, index):
            yield Tie(Ground.SAME_REPRESENTATIVE, one.key, Side.BUYER, key, buyer.name, one.representative,
                      plain_key(one.representative))


def _providers(facts: Facts, keys: Iterable[int]) -> list[Body]:
    """Return those of the keys that are providers in question."""
    return [body for key in keys if (body := facts.bodies.get(key)) is not None and body.is_provider]


def _named_alike(body: Body, index: _Index) -> list[Body]:
    """Return the other providers whose representative bears the name of this body's representative."""
    name = plain_key(body.representative)
    return [one for one in index.by_representative.get(name, ()) if one.key != body.key] if name else []


@dataclass(frozen=True)
class _Link:
    """A stated relation between a provider and a body behind projects.

    `is_sure`: by code, and said by the provider itself or by a verified body.
    """

    provider: int
    body: int
    relation: str
    evidence: str
    by_code: bool
    is_sure: bool


def _links(facts: Facts, index: _Index, behind: Mapping[int, Body]) -> Iterator[_Link]:
    """Yield stated relations between a provider and one of the bodies `behind`, from whichever side they are stated."""
    codes = {one.credit_code: one for one in behind.values() if one.credit_code}
    names: dict[str, list[Body]] = defaultdict(list)
    for one in behind.values():
        names[plain_key(one.name)].append(one)
    for said in facts.stating:
        by = facts.bodies.get(said.by)
        if by is None:
            continue
        if by.is_provider:
            yield from _stated_by_provider(said, codes, names)
        if by.key in behind:
            yield from _stated_by_other(said, by, index)


def _stated_by_provider(said: Stating, codes: Mapping[str, Body], names: Mapping[str, list[Body]]) -> Iterator[_Link]:
    """Yield what a provider states about a body behind projects; what it says against itself is believed."""
    if said.code:
        if said.code in codes:
            yield _Link(said.by, codes[said.code].key, said.relation, said.code, by_code=True, is_sure=True)
        return
    for other in names.get(plain_key(said.name), ()):
        yield _Link(said.by, other.key, said.relation, plain_key(said.name), by_code=False, is_sure=False)


def _stated_by_other(said: Stating, by: Body, index: _Index) -> Iterator[_Link]:
    """Yield what a body behind projects states about a provider; sure only when that body is verified."""
    if said.code:
        if said.code in index.by_code:
            yield _Link(index.by_code[said.code].key, by.key, said.relation, said.code, by_code=True,
                        is_sure=by.is_verified)
        return
    for one in index.by_name.get(plain_key(said.name), ()):
        yield _Link(one.key, by.key, said.relation, plain_key(said.name), by_code=False, is_sure=False)


def _of_related(facts: Facts, index: _Index) -> Iterator[Tie]:
    """Yield what is stated between providers and buyers, and a controller that both name by its code."""
    buyers = {key: facts.bodies[key] for key in facts.buyers & facts.bodies.keys()}
    for link in _links(facts, index, buyers):
        if link.provider == link.body:
            continue
        ground = Ground.OTHER_RELATED if link.by_code else Ground.NAMED_RELATED
        if link.is_sure and link.relation in MANAGING:
            ground = Ground.CONTROL
        yield Tie(ground, link.provider, Side.BUYER, link.body, buyers[link.body].name,
                  RELATIONS.get(link.relation, link.relation), f"{link.relation}:{link.evidence}")
    for provider, buyer, code in _shared_controllers(facts, buyers):
        yield Tie(Ground.SHARED_CONTROLLER, provider, Side.BUYER, buyer, buyers[buyer].name, code, code)


def _shared_controllers(facts: Facts, behind: Mapping[int, Body]) -> Iterator[tuple[int, int, str]]:
    """Yield (provider, body behind projects, code) where both name the same code as standing above them."""
    said: dict[str, tuple[list[int], list[int]]] = {}
    for one in facts.stating:
        by = facts.bodies.get(one.by)
        if by is None or not one.code or one.relation not in ABOVE:
            continue
        below, sides = said.setdefault(one.code, ([], []))
        if by.is_provider:
            below.append(by.key)
        if by.key in behind:
            sides.append(by.key)
    for code, (below, sides) in said.items():
        yield from ((provider, body, code) for body in sides for provider in below if provider != body)


def _of_funders(facts: Facts, index: _Index) -> Iterator[Tie]:
    """Yield the funder itself and its interested parties; by name alone only a flag (CL 40, 59)."""
    backers: dict[int, list[Backer]] = defaultdict(list)
    for backer in facts.backers:
        if backer.body is not None and backer.body in facts.bodies:
            backers[backer.body].append(backer)
        elif backer.person:
            name = plain_key(backer.person)
            for one in index.by_representative.get(name, ()):
                yield Tie(Ground.FUNDER_UNSURE, one.key, Side.FUNDER, backer.key, backer.name, DONOR_NAME, name)
    behind = {key: facts.bodies[key] for key in backers}
    for provider, body, ground, detail, evidence in _funder_ties(facts, index, behind):
        for backer in backers[body]:
            yield Tie(ground, provider, Side.FUNDER, backer.key, backer.name, detail, evidence)


def _funder_ties(facts: Facts, index: _Index,
                 behind: Mapping[int, Body]) -> Iterator[tuple[int, int, Ground, str, str]]:
    """Yield (provider, funding body, ground, detail, evidence)."""
    for key, body in behind.items():
        if body.is_provider:
            yield key, key, Ground.FUNDER_ITSELF, "", ""
        for one in _named_alike(body, index):
            yield one.key, key, Ground.FUNDER_UNSURE, SAME_NAME, plain_key(one.representative)
        for one in index.by_host.get(key, ()):
            yield one.key, key, Ground.FUNDER_RELATED, RELATIONS["managed"], "host"
    for link in _links(facts, index, behind):
        if link.provider != link.body:
            sure = link.is_sure and link.relation in MANAGING
            yield (link.provider, link.body, Ground.FUNDER_RELATED if sure else Ground.FUNDER_UNSURE,
                   RELATIONS.get(link.relation, link.relation), f"{link.relation}:{link.evidence}")


def _of_people(facts: Facts, index: _Index) -> Iterator[Tie]:
    """Yield staff and reviewers who act or acted for a provider, and the employers of reviewers (GPR 9)."""
    for hat in facts.hats:
        if hat.provider != hat.unit:
            yield Tie(Ground.STAFF_MANDATE, hat.provider, Side.BUYER, hat.unit, hat.person_name, "", f"p{hat.person}")
    for one in facts.reviewers:
        who = f"p{one.person}"
        for provider in one.acted_for:
            yield Tie(Ground.REVIEWER_MANDATE, provider, Side.PROJECT, one.project, one.person_name, "", who)
        employer = facts.bodies.get(one.employer or 0)
        if employer is not None and employer.is_provider:
            yield Tie(Ground.REVIEWER_EMPLOYER, employer.key, Side.PROJECT, one.project, one.person_name, "", who)
        for body in index.by_name.get(plain_key(one.employer_name), ()) if one.employer is None else ():
            yield Tie(Ground.REVIEWER_UNSURE, body.key, Side.PROJECT, one.project, one.person_name, "",
                      f"{who}:{plain_key(one.employer_name)}")


def _of_declarations(facts: Facts, index: _Index) -> Iterator[Tie]:
    """Yield what declarations in force say today, within their three years."""
    behind = _Behind(facts)
    for one in facts.declared:
        if not counts_on(one.since, one.until, facts.today):
            continue
        if one.declarer is Declarer.STAFF:
            yield from _declared_by_staff(one, index)
        else:
            yield from _declared_by_provider(one, behind)


def _declared_by_staff(one: Declared, index: _Index) -> Iterator[Tie]:
    """Yield the providers that a person who buys for a unit declares a relation with."""
    named = [index.by_code[one.code]] if one.code in index.by_code else []
    if not one.code:
        named = index.by_name.get(plain_key(one.name), [])
    ground = Ground.STAFF_DECLARED if one.code and one.relation not in UNSURE else Ground.STAFF_UNSURE
    for body in named:
        for unit in one.owners:
            yield Tie(ground, body.key, Side.BUYER, unit, one.person_name, RELATION_LABELS[one.relation],
                      f"p{one.person}:{one.relation}:{one.code or plain_key(one.name)}")


class _Behind:
    """Buyers and funders by code and name: what a provider's declaration may speak of."""

    def __init__(self, facts: Facts) -> None:
        self.by_code: dict[str, list[tuple[Side, int, str]]] = defaultdict(list)
        self.by_name: dict[str, list[tuple[Side, int, str]]] = defaultdict(list)
        sides = [(Side.BUYER, key, facts.bodies[key]) for key in facts.buyers & facts.bodies.keys()]
        sides += [(Side.FUNDER, one.key, facts.bodies[one.body]) for one in facts.backers
                  if one.body is not None and one.body in facts.bodies]
        for side, anchor, body in sides:
            if body.credit_code:
                self.by_code[body.credit_code].append((side, anchor, body.name))
            self.by_name[plain_key(body.name)].append((side, anchor, body.name))
        for one in facts.backers:
            if one.person:
                self.by_name[plain_key(one.person)].append((Side.FUNDER, one.key, one.name))


def _declared_by_provider(one: Declared, behind: _Behind) -> Iterator[Tie]:
    """Yield the buyers and funders that a provider declares a relation with."""
    found = behind.by_code.get(one.code, []) if one.code else behind.by_name.get(plain_key(one.name), [])
    is_sure = bool(one.code) and one.relation not in UNSURE
    for side, anchor, name in found:
        for provider in one.owners:
            yield Tie(_declared_ground(one, side, is_sure=is_sure), provider, side, anchor, name,
                      RELATION_LABELS[one.relation],
                      f"{one.relation}:{one.code or plain_key(one.name)}:{plain_key(one.person_name)}")


def _declared_ground(one: Declared, side: Side, *, is_sure: bool) -> Ground:
    """Return the ground of a relation that a provider declares: bodies that own each other, or people who must go."""
    if side is Side.FUNDER:
        return Ground.FUNDER_RELATED if is_sure and one.relation in (*OWNING, Relation.BOARD) else Ground.FUNDER_UNSURE
    if not is_sure:
        return Ground.PROVIDER_UNSURE
    return Ground.CONTROL if one.relation in OWNING and not one.person_name else Ground.PROVIDER_DECLARED
