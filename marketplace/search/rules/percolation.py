"""One document against many saved searches: the same answer as asking an engine each of them, found the short way.

A request that can only be satisfied with one of a few tokens is filed under these tokens; one without words under its
rarest kind of condition. A document wakes what is filed under its own tokens and values; only these are looked at.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from marketplace.core.searching import Clause, IndexRow, Role, SearchRequest, holds

K = TypeVar("K", bound=Hashable)
Signs = frozenset[tuple[str, str]]
_ALWAYS: Signs = frozenset({("", "")})
_TOKEN, _KIND = "token", "kind"


def signs_of(request: SearchRequest) -> Signs:
    """Return signs of which every hit bears at least one: (what, value). The shortest list that the request allows."""
    lists = list(_conditions(request))
    words = _words(request)
    if words is not None:
        return words
    return min(lists, key=len) if lists else _ALWAYS


def _conditions(request: SearchRequest) -> Iterator[Signs]:
    """Yield for each filter the values that let a document through."""
    for facet, values in request.filters.items():
        if values:
            yield frozenset((f"value:{facet}", value) for value in values)
    if request.kinds:
        yield frozenset((_KIND, kind) for kind in request.kinds)


def _words(request: SearchRequest) -> Signs | None:
    """Return the tokens of which a hit has at least one; None when the text demands nothing.

    A MUST clause has to be there. Of n COUNTED clauses at least `least` have to be there, so one of any n - least + 1
    of them is: the ones that are said in the fewest ways are taken.
    """
    must = [clause for clause in request.clauses if clause.role == Role.MUST]
    if must:
        return min((_tokens((clause,)) for clause in must), key=_width)
    counted = [clause for clause in request.clauses if clause.role == Role.COUNTED]
    if request.least < 1:
        return None
    if request.least > len(counted):
        return frozenset()
    ordered = sorted(counted, key=lambda clause: _width(_tokens((clause,))))
    return _tokens(ordered[:len(counted) - request.least + 1])


def _tokens(clauses: Iterable[Clause]) -> Signs:
    """Return one token of every alternative, the longest: it wakes the fewest documents."""
    return frozenset((_TOKEN, max(alternative.tokens, key=len)) for clause in clauses
                     for alternative in clause.alternatives if alternative.tokens)


def _width(signs: Signs) -> tuple[int, int]:
    """Return how much a list of signs wakes: its number, then how short its shortest token is."""
    return len(signs), -min((len(token) for _, token in signs), default=0)


def signs_on(row: IndexRow) -> Iterator[tuple[str, str]]:
    """Yield the signs that a document bears."""
    yield from _ALWAYS
    yield _KIND, row.kind
    for facet, values in row.values.items():
        for value in values:
            yield f"value:{facet}", value
    for token in frozenset().union(*row.tokens.values()):
        yield _TOKEN, token


class Percolator(Generic[K]):
    """Saved requests by name. Equal requests are looked at once, whoever saved them."""

    def __init__(self, requests: Mapping[K, SearchRequest] | None = None) -> None:
        self._requests: dict[K, SearchRequest] = {}
        self._filed: dict[tuple[str, str], dict[K, None]] = {}
        for name, request in (requests or {}).items():
            self.add(name, request)

    def __len__(self) -> int:
        return len(self._requests)

    def __contains__(self, name: object) -> bool:
        return name in self._requests

    def add(self, name: K, request: SearchRequest) -> None:
        """File a request; an earlier one of that name is forgotten."""
        self.remove(name)
        self._requests[name] = request
        for sign in signs_of(request):
            self._filed.setdefault(sign, {})[name] = None

    def remove(self, name: K) -> None:
        """Forget a request."""
        request = self._requests.pop(name, None)
        for sign in signs_of(request) if request else ():
            self._filed[sign].pop(name, None)

    def woken(self, row: IndexRow) -> list[K]:
        """Return the requests that the document may satisfy, each once."""
        found: dict[K, None] = {}
        for sign in signs_on(row):
            if names := self._filed.get(sign):
                found.update(names)
        return list(found)

    def match(self, row: IndexRow) -> list[K]:
        """Return the requests that the document satisfies."""
        return [name for name in self.woken(row) if holds(row, self._requests[name])]
