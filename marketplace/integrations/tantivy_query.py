"""What tantivy is asked: the fields of its index, and our requests as its queries."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import tantivy
from tantivy import FieldType, Occur, Query

from marketplace.core.searching import NUMBERS, ZONE_WEIGHTS, Clause, Role, SearchRequest, Sort, Zone

Subqueries = list[tuple[Occur, Query]]

def _schema() -> tantivy.Schema:
    """Return the fields: keys, tokens by zone, exact values as paths of one object, numbers, places, prior."""
    builder = tantivy.SchemaBuilder()
    for name in ("key", "kind"):
        builder.add_text_field(name, stored=name == "key", tokenizer_name="raw", index_option="basic")
    for zone in Zone:
        builder.add_text_field(str(zone), tokenizer_name="whitespace", index_option="basic")      # see `words`
    builder.add_text_field("stamp", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_json_field("values", tokenizer_name="raw", index_option="basic")
    builder.add_json_field("slots", tokenizer_name="raw", index_option="basic", fast=True)
    for name in NUMBERS:
        builder.add_integer_field(f"number_{name}", indexed=True, fast=True)
    for sort in Sort:
        builder.add_integer_field(f"order_{sort}", indexed=True, fast=True)
    builder.add_float_field("prior", fast=True)
    return builder.build()


SCHEMA = _schema()
SLOTS = 10                         # columns of one facet
_KEPT = {ord(space): 0xE000 + ord(space) for space in " \t\n\x0b\x0c\r"}      # inside a token: private characters


def words(tokens: Iterable[str]) -> str:
    """Return tokens as one text that the engine cuts at spaces: far less work than a list. No token is cut."""
    held = list(tokens)
    text = " ".join(held)
    if text.isprintable() and text.count(" ") == len(held) - 1:
        return text
    return " ".join(token.translate(_KEPT) for token in held)


def slots(values: Mapping[str, Sequence[str]]) -> dict[str, str | list[str]]:
    """Return values in columns that hold one value a document, which are counted ten times faster than several.

    The first value of a facet stands in its first column, the second in its second; the last column holds the rest.
    """
    found: dict[str, str | list[str]] = {}
    for name, given in values.items():
        found |= {slot(name, number): one for number, one in enumerate(given[:SLOTS - 1])}
        if rest := given[SLOTS - 1:]:
            found[slot(name, SLOTS - 1)] = list(rest)
    return found


def slot(name: str, number: int) -> str:
    """Return what a column of a facet is called."""
    return f"{number}_{name}"


def term(zone: Zone, token: str) -> Query:
    """Return the query for one token."""
    return Query.term_query(SCHEMA, zone.value, token.translate(_KEPT), index_option="basic")


def _silent(query: Query) -> Query:
    """Return a query that only lets through and adds nothing."""
    return Query.const_score_query(query, 0.0)


def _worth(clause: Clause) -> Query | None:
    """Return a clause as the best of its constants; None when nothing could satisfy it."""
    found = [Query.const_score_query(_whole(zone, alternative.tokens), value)
             for alternative in clause.alternatives if alternative.tokens for zone in clause.zones
             if (value := clause.weight * (alternative.factor * ZONE_WEIGHTS.get(zone, 1.0))) > 0]
    return Query.disjunction_max_query(found) if len(found) > 1 else found[0] if found else None


def _there(clause: Clause) -> Query | None:
    """Return what lets through where a clause is worth something: zones lie inside one another, the widest decides."""
    ways = {alternative.tokens for alternative in clause.alternatives
            if alternative.tokens and not alternative.is_inside and clause.weight * alternative.factor > 0}
    widest = [zone for zone in _WIDE_FIRST if zone in clause.zones][:1]
    zones = [*widest, *(zone for zone in clause.zones if zone not in _WIDE_FIRST)]
    found = [_whole(zone, tokens) for tokens in sorted(ways) for zone in zones]
    return Query.boolean_query([(Occur.Should, one) for one in found]) if found else None


def _whole(zone: Zone, tokens: Iterable[str]) -> Query:
    """Return the query for all of some tokens in a zone."""
    parts: Subqueries = [(Occur.Must, term(zone, token)) for token in dict.fromkeys(tokens)]
    return parts[0][1] if len(parts) == 1 else Query.boolean_query(parts)


def demanded(request: SearchRequest) -> Query:
    """Return what the clauses demand, worth nothing."""
    return _silent(_demanded(request, _there))


def valued(request: SearchRequest, filters: Iterable[Query]) -> Query:
    """Return the hits of a request with what its clauses are worth in them.

    What is demanded is read once, with its worth; what only adds is read beside it, one list of documents a zone.
    """
    parts: Subqueries = [(Occur.Must, _demanded(request, _worth)), *((Occur.Must, _silent(one)) for one in filters)]
    added = [one for clause in request.clauses if clause.role == Role.BONUS for one in _added(clause)]
    if added:
        parts.append((Occur.Should, Query.boolean_query([(Occur.Should, one) for one in added])))
    return Query.boolean_query(parts)


def _demanded(request: SearchRequest, query_of: Callable[[Clause], Query | None]) -> Query:
    """Return what the clauses demand, each clause as the query that is made of it; None where nothing can hold it."""
    found = [(clause.role, (_there if clause.role == Role.NOT else query_of)(clause))
             for clause in request.clauses if clause.role != Role.BONUS]
    counted = [query for role, query in found if query is not None and role == Role.COUNTED]
    if (Role.MUST, None) in found or request.least > len(counted):
        return Query.empty_query()
    parts: Subqueries = [(_OCCURS[role], query) for role, query in found if query is not None and role in _OCCURS]
    if request.least == len(counted):
        parts += [(Occur.Must, query) for query in counted]       # each: the engine goes along the rarest
    else:
        some: Subqueries = [(Occur.Should, query) for query in counted]
        least = {"minimum_number_should_match": request.least} if request.least > 0 else {}
        parts.append((Occur.Must if least else Occur.Should, Query.boolean_query(some, **least)))
    if not any(occur == Occur.Must for occur, _ in parts):
        parts.append((Occur.Must, _silent(Query.all_query())))
    return Query.boolean_query(parts)


def _added(clause: Clause) -> list[Query]:
    """Return a clause as constants that add up to what it is worth; zones lie in one another, so one way is a sum."""
    steps = [ZONE_WEIGHTS.get(zone, 1.0) for zone in _WIDE_FIRST]
    if len(clause.alternatives) != 1 or set(clause.zones) != set(_WIDE_FIRST) or steps != sorted(steps):
        return [query for query in [_worth(clause)] if query is not None]
    way, = clause.alternatives
    value = clause.weight * way.factor
    return [Query.const_score_query(_whole(zone, way.tokens), value * (step - before))
            for zone, step, before in zip(_WIDE_FIRST, steps, [0.0, *steps], strict=False)
            if way.tokens and value * (step - before) > 0]


_OCCURS: Mapping[Role, Occur] = {Role.MUST: Occur.Must, Role.NOT: Occur.MustNot}
_WIDE_FIRST = (Zone.TEXT, Zone.LEAD, Zone.TITLE)


def chosen(request: SearchRequest) -> dict[str, Query]:
    """Return the filters by facet; kinds and ranges together under no name."""
    rest = [any_of("kind", request.kinds)] if request.kinds else []
    rest += [_within(name, *bounds) for name, bounds in request.ranges.items() if bounds != (None, None)]
    found = {f: any_of(f"values.{f}", values) for f, values in request.filters.items() if values}
    return {**found, "": Query.boolean_query([(Occur.Must, one) for one in rest])} if rest else found


def any_of(field: str, values: Iterable[str]) -> Query:
    """Return the query for any of some values; a single one is looked up where the other conditions hold."""
    wanted = list(values)
    if len(wanted) == 1:
        return Query.term_query(SCHEMA, field, wanted[0], index_option="basic")
    return Query.term_set_query(SCHEMA, field, wanted)


def spelled(facet: str, values: Iterable[str]) -> str:
    """Return the condition of any of some values in the engine's own words."""
    quoted = ('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    return "(" + " OR ".join(f"values.{facet}:{one}" for one in quoted) + ")"


def _within(name: str, start: int | None, end: int | None) -> Query:
    """Return the query for a number in [start, end)."""
    if name not in NUMBERS:
        return Query.empty_query()
    return Query.range_query(SCHEMA, f"number_{name}", FieldType.Integer, lower_bound=start, upper_bound=end,
                             include_upper=end is None)


def both(spoken: Query, filters: Iterable[Query]) -> Query:
    """Return a query narrowed by filters."""
    parts: Subqueries = [(Occur.Must, _silent(one)) for one in filters]
    return Query.boolean_query([(Occur.Must, spoken), *parts]) if parts else spoken
