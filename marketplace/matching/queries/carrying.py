"""What of the run in force is carried into a new one: confirmed pairs, pins, forbids, where they still may hold."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from marketplace.core.text import N_
from marketplace.matching.queries.market import explain_pair, market_of
from marketplace.matching.queries.orders import Confirmed, Engines, Note, Order, Overruled
from marketplace.matching.queries.together import tied_among
from marketplace.matching.queries.wishes import columns_of
from marketplace.matching.rules.edges import Edges
from marketplace.matching.rules.edits import Candidate, Pair
from marketplace.matching.rules.hard import RULES, HardRule, named
from marketplace.matching.rules.problem import ASSUMED_FREE, pairs_of, with_candidates
from marketplace.matching.rules.runs import EditKind
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

NO_PART = N_("项目不在这次匹配里")
WITHDRAWN = N_("项目或组织已从现行方案撤出")
NO_CANDIDATE = N_("组织不再是这个项目的候选，不用排除")
NO_UNITS = N_("项目需要的组织已经够了")
NO_PLACES = N_("组织没有名额了")
TIED = N_("与同一项目已指定或确认的组织有关联，不能同时承接同一合同（政府采购法实施条例第十八条）")
_TIED_CONFIRMED = N_("{count} 个已确认的配对没有沿用：同一项目先确认的组织与它有关联，不能同时承接同一合同（政府采购法实施条例第十八条）")
_LEFT = N_("第 {number} 号方案的 {count} 条指定和排除没有沿用；仍需要的，请在新方案里重新填写")
_TAKEN = N_("沿用了第 {number} 号方案的 {count} 条指定和排除，记入调整记录")
_REFUSED = N_("第 {number} 号方案的 {count} 条指定或排除不能沿用：{why}")


def confirmed(session: Session, order: Order, ids: Sequence[int], bars: Mapping[int, Mapping[int, int]], *,
              now: datetime) -> tuple[Order, list[Note]]:
    """Return the order with the confirmed pairs that stay frozen, and what is said of the others.

    They stay where the project takes part and no conflict stands against them; of two that are tied to each other in
    one project the one confirmed first.
    """
    kept: dict[Pair, Confirmed] = {pair: one for pair, one in order.confirmed.items() if pair[0] in set(ids)}
    barred = {pair for pair in kept if bars.get(pair[0], {}).get(pair[1], 0) & int(HardRule.CONFLICT)}
    kept = {pair: one for pair, one in kept.items() if pair not in barred}
    later = _later(session, sorted(kept, key=lambda pair: (kept[pair].at, pair)), now=now)
    notes = [Note(sentence, {"count": len(pairs)}) for sentence, pairs in (
        (N_("{count} 个已确认的配对因为利益冲突没有沿用"), barred), (_TIED_CONFIRMED, later)) if pairs]
    if order.dropped:
        notes.append(Note(_LEFT, {"number": order.live_number, "count": order.dropped}))
    return replace(order, confirmed={pair: one for pair, one in kept.items() if pair not in later}), notes


def _later(session: Session, pairs: Sequence[Pair], *, now: datetime) -> set[Pair]:
    """Return which of the pairs, in their order, come after one of the same project to which they are tied."""
    place = {pair: at for at, pair in enumerate(pairs)}
    clashes = sorted((sorted(one.pairs, key=place.__getitem__) for one in tied_among(session, pairs, now=now)),
                     key=lambda both: place[both[1]])
    gone: set[Pair] = set()
    for first, second in clashes:
        if first not in gone:
            gone.add(second)
    return gone


@dataclass
class _Room:
    """What is still to be given while pins are taken over one after the other."""

    edges: Edges
    units: Counter[int] = field(default_factory=Counter)
    places: Counter[int] = field(default_factory=Counter)

    def take(self, pair: Pair) -> None:
        """Take one unit and one place."""
        self.units[pair[0]] -= 1
        self.places[pair[1]] -= 1


def _room(order: Order, edges: Edges) -> _Room:
    """Return what projects ask for and providers have beyond the confirmed pairs."""
    free = [ASSUMED_FREE if one < 0 else one for one in edges.free.tolist()]
    made = _Room(edges, Counter(dict(zip(edges.need_keys.tolist(), edges.wants.tolist(), strict=True))),
                 Counter(dict(zip(edges.provider_keys.tolist(), free, strict=True))))
    for pair in order.confirmed:
        made.take(pair)
    return made


def overruled(session: Session, order: Order, edges: Edges, *, engines: Engines,
              now: datetime) -> tuple[Order, Edges, list[Note]]:
    """Return the order with the pins and forbids that may still hold, the candidates with theirs, what is said.

    A pin must break no hard rule and find a unit and a place; those made first come first, confirmed pairs before.
    """
    if not order.overruled:
        return order, edges, []
    among = set(pairs_of(edges, np.ones(len(edges.needs), np.bool_)))
    edges = with_candidates(edges, {pair: one.candidate for pair, one in order.confirmed.items()})
    room, refused = _room(order, edges), Counter[str]()
    kept: list[Overruled] = []
    brought: dict[Pair, Candidate] = {}
    for one in order.overruled:
        why, extra = _looked_at(session, order, one, room, among=among, engines=engines, now=now)
        if why:
            refused[why] += 1
            continue
        kept.append(one)
        if extra is not None:
            brought[one.edit.pair] = extra
    later = _later(session, [*order.confirmed, *(one.edit.pair for one in kept if one.edit.kind == EditKind.PIN)],
                   now=now)
    refused[TIED] += len(later)
    kept = [one for one in kept if one.edit.kind != EditKind.PIN or one.edit.pair not in later]
    edges = with_candidates(edges, {pair: one for pair, one in brought.items() if pair not in later})
    return replace(order, overruled=tuple(kept)), edges, _said(order.live_number, len(kept), refused)


def _looked_at(session: Session, order: Order, one: Overruled, room: _Room, *, among: set[Pair], engines: Engines,
               now: datetime) -> tuple[str, Candidate | None]:
    """Return why a pin or forbid cannot be taken over, "" where it can; with the columns of a pair that is new."""
    project, provider = one.edit.pair
    if one.is_idle or project not in room.edges.need_keys:
        return WITHDRAWN if one.is_idle else NO_PART, None
    if one.edit.kind == EditKind.FORBID:
        return "" if one.edit.pair in among else NO_CANDIDATE, None
    why, extra = "", None
    if one.edit.pair not in among:
        why, extra = _scored(session, order, project, provider, engines=engines, now=now)
        if extra is not None and provider not in room.edges.provider_keys:
            room.places.setdefault(provider, ASSUMED_FREE if extra.free < 0 else extra.free)
    if not why and room.units[project] < 1:
        why = NO_UNITS
    if not why and room.places[provider] < 1:
        why = NO_PLACES
    if why:
        return why, None
    room.take(one.edit.pair)
    return "", extra


def _scored(session: Session, order: Order, project_id: int, provider_id: int, *, engines: Engines,
            now: datetime) -> tuple[str, Candidate | None]:
    """Return the hard rule that a pair breaks which is no candidate, or its columns."""
    project, provider = session.get(Project, project_id), session.get(Organization, provider_id)
    assert project is not None
    assert provider is not None          # the edit of the run in force keeps both from being deleted
    seen = explain_pair(session, project, provider, tools=engines, now=now, weights=order.weights)
    if rules := named(seen.bits):
        return RULES[rules[0]].label, None
    return "", columns_of(market_of(session, tools=engines, now=now), provider_id, seen.ranked)


def _said(number: int, taken: int, refused: Counter[str]) -> list[Note]:
    """Return how many were taken over, and how many not for which reason, most first."""
    notes = [Note(_TAKEN, {"number": number, "count": taken})] if taken else []
    return notes + [Note(_REFUSED, {"number": number, "count": many, "why": why})
                    for why, many in sorted(refused.items(), key=lambda pair: (-pair[1], pair[0])) if many]
