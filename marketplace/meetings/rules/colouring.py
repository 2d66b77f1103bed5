"""When each pair meets: edge colouring of the bipartite graph of pairs by Koenig's chains, mindful of absences. Pure.

Where everybody is there in every round, a chain always finds a place (Koenig 1916): the schedule keeps every pair.
"""

from collections.abc import Iterator

from marketplace.meetings.rules.problems import FREE, Problem


class Grid:
    """Who sits where: for each party and round the pair that meets, for each pair its round."""

    def __init__(self, problem: Problem) -> None:
        self.left: list[int] = problem.left.tolist()
        self.right: list[int] = problem.right.tolist()
        self.present: list[list[bool]] = problem.presence.tolist()
        self.rounds = problem.rounds
        self.at = [[FREE] * problem.rounds for _ in self.present]
        self.round_of: dict[int, int] = {}
        self.crowd: list[int] = problem.presence.sum(axis=0).tolist()

    def put(self, pair: int, place: int) -> None:
        """Seat a pair in a round."""
        self.at[self.left[pair]][place] = self.at[self.right[pair]][place] = pair
        self.round_of[pair] = place

    def take(self, pair: int) -> int:
        """Take a pair off the grid; return the round in which it sat."""
        place = self.round_of.pop(pair)
        self.at[self.left[pair]][place] = self.at[self.right[pair]][place] = FREE
        return place

    def is_free(self, party: int, place: int) -> bool:
        """Say whether a party is there in a round and has no meeting."""
        return self.present[party][place] and self.at[party][place] == FREE

    def free_rounds(self, party: int) -> list[int]:
        """Return the rounds in which a party is there and has no meeting."""
        return [place for place in range(self.rounds) if self.is_free(party, place)]

    def other(self, pair: int, party: int) -> int:
        """Return whom a party meets in a pair."""
        return self.right[pair] if self.left[pair] == party else self.left[pair]

    def seat(self, pair: int) -> bool:
        """Seat a pair: in a round that both have free, or by moving others along one chain; False without either."""
        one, two = self.left[pair], self.right[pair]
        mine, theirs = self.free_rounds(one), self.free_rounds(two)
        if common := [place for place in mine if place in theirs]:
            self.put(pair, min(common, key=lambda place: (self.crowd[place], place)))
            return True
        return any(self._swap(pair, chain, place) for place, chain in self._chains(one, two, mine, theirs))

    def _chains(self, one: int, two: int, mine: list[int], theirs: list[int]) -> Iterator[tuple[int, list[int]]]:
        """Yield (round for the new pair, pairs to swap to and fro) for every two rounds, one free on each side."""
        for first in mine:
            for second in theirs:
                if self.present[two][first] and (chain := self._chain(two, first, second, one)) is not None:
                    yield first, [*chain, second]
                if self.present[one][second] and (chain := self._chain(one, second, first, two)) is not None:
                    yield second, [*chain, first]

    def _chain(self, party: int, busy: int, free: int, stop: int) -> list[int] | None:
        """Return the pairs from `party` on that sit in turn in `busy` and `free`; None where one could not change."""
        chain = []
        while (pair := self.at[party][busy]) != FREE:
            party = self.other(pair, party)
            if party == stop or not self.present[party][free]:
                return None
            chain.append(pair)
            busy, free = free, busy
        return chain

    def _swap(self, pair: int, chain: list[int], place: int) -> bool:
        """Move each pair of a chain to the other of its two rounds, and seat the new pair in `place`."""
        *moved, other = chain
        for each in moved:
            was = self.take(each)
            self.round_of[each] = other if was == place else place
        for each in moved:
            self.put(each, self.round_of[each])
        self.put(pair, place)
        return True
