"""Which providers may not stand in one contract, among many at once, in a fixed number of statements."""

from collections.abc import Collection
from datetime import date

from sqlalchemy.orm import Session

from marketplace.conflicts.queries.facts import load_peers
from marketplace.conflicts.rules import PeerTie, barred_from, peer_ties


def barred_together(session: Session, provider_ids: Collection[int], *, today: date) -> dict[int, frozenset[int]]:
    """Return for each of these providers beside which of the others it may not stand (GPR 18); flags left out."""
    if len(provider_ids) < 2:  # noqa: PLR2004 - nobody is tied to itself
        return {}
    return barred_from(peer_ties(load_peers(session, provider_ids, today=today), only_bars=True))


def ties_together(session: Session, provider_ids: Collection[int], *, today: date) -> list[PeerTie]:
    """Return the strongest tie of each pair among these providers, flags included; for few of them, as a page shows."""
    if len(provider_ids) < 2:  # noqa: PLR2004
        return []
    strongest: dict[tuple[int, int], PeerTie] = {}
    for tie in peer_ties(load_peers(session, provider_ids, today=today)):
        strongest.setdefault((tie.one, tie.other), tie)
    return list(strongest.values())
