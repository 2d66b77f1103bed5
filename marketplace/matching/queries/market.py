"""The market of this site: its providers as columns, kept in each process, and what they are to one project."""

import threading
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.conflicts import queries as conflicts
from marketplace.conflicts.rules import Kind
from marketplace.core.clock import beijing_date
from marketplace.core.ports import Converter
from marketplace.matching.models import ProjectDecline, WeightSet
from marketplace.matching.queries import facts
from marketplace.matching.rules import lists
from marketplace.matching.rules.facts import NeedFacts
from marketplace.matching.rules.grams import Reader
from marketplace.matching.rules.hard import HardRule
from marketplace.matching.rules.market import Market
from marketplace.matching.rules.ranking import Explanation, Ranked, Ranking
from marketplace.matching.rules.weights import Weights, from_plain
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.search.queries.dictionary import current_label, current_version, entries_of
from marketplace.search.rules.dictionary import Entry

SMALL = 5_000                            # so many providers are read again at once when one of them changes
LARGE_MAY_LAG = timedelta(seconds=60)    # a larger market is that old at most when it is asked
MOST_FOR_ME = 50


class Tools(Protocol):
    """What a market is made with; the services of an app have it."""

    converter: Converter


@dataclass(frozen=True)
class _Kept:
    """A market, what it was made from, and when that was last looked at."""

    market: Market
    stamp: object
    looked_at: datetime


_kept: dict[str, _Kept] = {}
_lock = threading.Lock()


@lru_cache(maxsize=2)
def _reader(entries: tuple[Entry, ...]) -> Reader:
    """Return the reader of one version of the dictionary."""
    return Reader(entries)


def reader_of(session: Session) -> Reader:
    """Return the reader of the dictionary in force."""
    return _reader(entries_of(session, current_label(session)))


def weights_in_force(session: Session) -> Weights:
    """Return the newest weight set; those that come with the product where nobody has set any."""
    plain = session.scalar(select(WeightSet.plain).order_by(WeightSet.number.desc()).limit(1))
    return from_plain(plain) if plain is not None else Weights()


def market_of(session: Session, *, tools: Tools, now: datetime) -> Market:
    """Return the market as it stands.

    A small one is read again as soon as a provider changed, a large one within a minute; lists are read every day.
    """
    key = str(session.get_bind().engine.url)
    kept = _kept.get(key)
    if kept and len(kept.market) > SMALL and timedelta() <= now - kept.looked_at < LARGE_MAY_LAG:
        return kept.market
    stamp = (beijing_date(now), current_label(session), current_version(session), facts.stamp(session))
    if kept is None or kept.stamp != stamp:
        with _lock:
            kept = _kept.get(key)
            if kept is None or kept.stamp != stamp:
                every = facts.provider_facts(session, simple=tools.converter.to_simplified, now=now)
                kept = _Kept(Market(every, reader_of(session)), stamp, now)
    _kept[key] = replace(kept, looked_at=now)
    return kept.market


def bars_of(session: Session, project_ids: Collection[int], provider_ids: Collection[int] | None = None, *,
            now: datetime, with_panel: bool = True) -> dict[int, dict[int, int]]:
    """Return what rules single pairs out: project -> provider -> bits (conflicts, declare first, declined).

    `with_panel` False: without ties to the panel, for what a provider reads.
    """
    found: dict[int, dict[int, int]] = {}
    bits = conflicts.conflict_bits(session, project_ids, provider_ids, today=beijing_date(now), with_panel=with_panel)
    for (project, provider), bit in bits.pairs.items():
        rule = HardRule.CONFLICT if bit.kind == Kind.CONFLICT else HardRule.DECLARE_FIRST
        found.setdefault(project, {})[provider] = int(rule)
    declined = select(ProjectDecline.project_id, ProjectDecline.organization_id).where(
        ProjectDecline.project_id.in_(project_ids), ProjectDecline.withdrawn_at.is_(None))
    for project, provider in session.execute(declined):
        row = found.setdefault(project, {})
        row[provider] = row.get(provider, 0) | int(HardRule.DECLINED)
    return found


def need_of(session: Session, project: Project, *, tools: Tools) -> NeedFacts:
    """Return one project as the score sees it."""
    return facts.need_facts(session, [project], simple=tools.converter.to_simplified)[0]


def rank_project(session: Session, project: Project, *, tools: Tools, now: datetime, weights: Weights | None = None,
                 most: int = 50) -> Ranking:
    """Return the ranked list of one project. In a large market conflicts are looked up for the best of it only."""
    market = market_of(session, tools=tools, now=now)
    used, need = weights or weights_in_force(session), need_of(session, project, tools=tools)
    among = None
    if len(market) > SMALL:
        among = [row.provider_key for row in lists.rank(market, need, used, most=2 * most).rows]
    bars = bars_of(session, [project.id], among, now=now)
    return lists.rank(market, need, used, most=most, bars=bars.get(project.id))


def explain_pair(session: Session, project: Project, provider: Organization, *, tools: Tools, now: datetime,
                 weights: Weights | None = None, with_panel: bool = True) -> Explanation:
    """Return which rules one provider fails for a project, or where it stands and what it lacks."""
    market = market_of(session, tools=tools, now=now)
    bars = bars_of(session, [project.id], [provider.id], now=now, with_panel=with_panel)
    return lists.explain(market, need_of(session, project, tools=tools), provider.id,
                         weights or weights_in_force(session), bars=bars.get(project.id))


def projects_for(session: Session, provider: Organization, *, tools: Tools, now: datetime,
                 most: int = MOST_FOR_ME) -> list[tuple[Project, Ranked]]:
    """Return the open projects that suit one provider, best first; none where a rule stands against it."""
    market = market_of(session, tools=tools, now=now)
    if provider.id not in market.place_of:
        return []
    projects = list(session.scalars(
        select(Project).where(facts.in_reach("open", now=now)).options(joinedload(Project.buyer)).order_by(Project.id)))
    needs = facts.need_facts(session, projects, simple=tools.converter.to_simplified)
    bars = bars_of(session, [one.id for one in projects], [provider.id], now=now, with_panel=False)
    ranked = lists.for_provider(market, needs, provider.id, weights_in_force(session), bars=bars)
    by_key = {one.id: one for one in projects}
    return [(by_key[key], row) for key, row in ranked[:most]]
