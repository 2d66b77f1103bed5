"""Whether an edit makes sense and breaks no rule, with the sentence that says why not. Reads only."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.clock import beijing_date
from marketplace.core.errors import Invalid
from marketplace.core.text import N_
from marketplace.matching.queries.changes import MOST_BOUND
from marketplace.matching.queries.facts import in_reach
from marketplace.matching.queries.market import bars_of, explain_pair, market_of, need_of
from marketplace.matching.queries.orders import Engines
from marketplace.matching.rules.candidates import Wish, candidates
from marketplace.matching.rules.edges import Edges
from marketplace.matching.rules.edits import Added, Candidate, Edit, Pair, Wishes
from marketplace.matching.rules.hard import RULES, HardRule, named
from marketplace.matching.rules.market import Market
from marketplace.matching.rules.ranking import Channel, Ranked
from marketplace.matching.rules.runs import EditKind
from marketplace.matching.rules.weights import CRITERIA, Weights
from marketplace.organizations.models import CreditListing, Organization
from marketplace.organizations.rules import Verification, is_listed
from marketplace.projects.models import Project

MOST_PLACES, MOST_WANTED = 1_000, 20
LISTS = ("serious", "abnormal")
NO_SUCH_PROJECT = N_("这个项目没有参加这次匹配。请先用“加入”把它加进来，或重新计算")
NO_SUCH_PROVIDER = N_("这个组织不是任何项目的候选")
_ONE_SIDE = N_("请选一个项目，或者一个组织")
_RELEASE_FIRST = N_("这里有已确认的配对。请先解除确认，再做这项调整")


@dataclass(frozen=True)
class Known:
    """What a check looks at: the stored pairs, what holds, the pairs that stand, what the run was asked for."""

    edges: Edges
    wishes: Wishes
    pairs: frozenset[Pair]
    weights: Weights
    scope: str
    reach: str

    def has_project(self, key: int | None) -> bool:
        """Say whether a project takes part in the run, or was added to it."""
        return key is not None and (key in self.edges.need_keys or key in self.wishes.added)

    def has_provider(self, key: int | None) -> bool:
        """Say whether a provider is a candidate anywhere."""
        return key is not None and (key in self.edges.provider_keys
                                    or any(one == key for _, one in self.wishes.brought))

    def is_candidate(self, pair: Pair) -> bool:
        """Say whether a pair is among the candidates."""
        if pair in self.wishes.brought:
            return True
        rows = (self.edges.need_keys[self.edges.needs] == pair[0]) \
            & (self.edges.provider_keys[self.edges.providers] == pair[1])
        return bool(rows.any())


def checked(session: Session, known: Known, edit: Edit, *, engines: Engines, now: datetime) -> Edit:
    """Return the edit, with the columns of what is new to the run; raises Invalid when it may not be.

    New may be the pair of a pin, or a project that was posted after the run and is added to it.
    """
    if edit.kind == EditKind.ADD and edit.project is not None and not known.has_project(edit.project):
        return _posted_later(session, known, edit, engines=engines, now=now)
    if edit.kind != EditKind.CAPACITY and edit.project is not None and not known.has_project(edit.project):
        raise Invalid(NO_SUCH_PROJECT, field="project")
    if edit.kind == EditKind.PIN:
        return _pin(session, known, edit, engines=engines, now=now)
    _CHECKS[edit.kind](known, edit)
    return edit


def _pin(session: Session, known: Known, edit: Edit, *, engines: Engines, now: datetime) -> Edit:
    """Check a pin against what holds, then against every hard rule as it stands today."""
    wishes = known.wishes
    if edit.pair in wishes.pins:
        raise Invalid(N_("这个组织已经指定给这个项目"), field="provider")
    if edit.project in wishes.no_projects or edit.provider in wishes.no_providers:
        raise Invalid(N_("项目或组织已经撤出。请先让它重新加入，再指定"), field="provider")
    project, provider = session.get(Project, edit.project), session.get(Organization, edit.provider)
    if project is None or provider is None:
        raise Invalid(N_("没有这个项目或组织"), field="provider")
    seen = explain_pair(session, project, provider, tools=engines, now=now, weights=known.weights)
    check_bits(_without_capacity(wishes, edit, seen.bits), provider.name)
    if wishes.capacities.get(provider.id) == 0:
        raise Invalid(N_("“{name}”没有承接能力（0 个名额）。请先改它的承接能力，再指定"), field="provider",
                      name=provider.name)
    if known.is_candidate(edit.pair):
        return edit
    return replace(edit, candidate=columns_of(market_of(session, tools=engines, now=now), provider.id, seen.ranked))


def columns_of(market: Market, key: int, ranked: Ranked | None) -> Candidate:
    """Return the columns of a provider that no rule rules out, as the run would have stored them."""
    assert ranked is not None
    place, parts = market.place_of[key], {part.criterion: part for part in ranked.parts}
    bits = sum(1 << at for at, one in enumerate(CRITERIA) if parts[one].is_known)
    return Candidate(key, tuple(parts[one].tenths for one in CRITERIA), bits, int(ranked.channel == Channel.TEXT),
                     bool(market.is_new[place]), int(market.running[place]), int(market.free[place]))


def _posted_later(session: Session, known: Known, edit: Edit, *, engines: Engines, now: datetime) -> Edit:
    """Find the candidates of a project that was posted after the run; raises Invalid when it is not of its kind."""
    if edit.provider is not None:
        raise Invalid(_ONE_SIDE, field="project")
    project = session.scalar(select(Project).where(
        Project.id == edit.project, in_reach(known.reach, now=now),
        Project.buyer_path.startswith(known.scope, autoescape=True)))
    if project is None:
        raise Invalid(N_("这个项目不在这次匹配的范围内，或者已经不再征集"), field="project")
    market = market_of(session, tools=engines, now=now)
    found = candidates(market, [need_of(session, project, tools=engines)],
                       Wish(known.weights, bars=bars_of(session, [project.id], now=now)))
    return replace(edit, added=Added(int(found.wants[0]), tuple(found.ruled_out[0].tolist()), tuple(
        Candidate(int(found.provider_keys[at]), tuple(parts), bits, channel, bool(found.is_new[at]),
                  int(found.running[at]), int(found.free[at]))
        for at, parts, bits, channel in zip(found.providers.tolist(), found.parts.tolist(), found.known.tolist(),
                                            found.channels.tolist(), strict=True))))


def _without_capacity(wishes: Wishes, edit: Edit, bits: HardRule) -> HardRule:
    """Return the rules that still count where a person gave the provider places."""
    given = wishes.capacities.get(edit.provider or 0, 0)
    return HardRule(bits & ~HardRule.NO_CAPACITY) if given else bits


def check_bits(bits: HardRule, name: str) -> None:
    """Raise Invalid naming the first rule that rules a provider out, and what would change it."""
    if rules := named(bits):
        text = RULES[rules[0]]
        raise Invalid(N_("不能指定“{name}”：{rule}（{source}）。{remedy}"), field="provider", name=name,
                      rule=text.label, source=text.source, remedy=text.remedy)


def check_bars(session: Session, edit: Edit, *, now: datetime) -> None:
    """Raise Invalid when a conflict of interest or a decline stands against a pin now: it outranks the pin."""
    if edit.kind not in {EditKind.PIN, EditKind.CONFIRM}:
        return
    project, key = edit.pair
    bits = HardRule(bars_of(session, [project], [key], now=now).get(project, {}).get(key, 0))
    provider = session.get(Organization, key)
    check_bits(bits, provider.name if provider else "")


def barred(session: Session, pairs: Iterable[Pair], *, now: datetime) -> frozenset[Pair]:
    """Return which pairs a rule has come to stand against since they were scored: conflict, decline, check, lists."""
    asked = sorted(pairs)
    if not asked:
        return frozenset()
    keys = sorted({provider for _, provider in asked})
    bars = bars_of(session, sorted({project for project, _ in asked}), keys, now=now)
    out = _out_of_market(session, keys, today=beijing_date(now))
    return frozenset(one for one in asked if one[1] in out or bars.get(one[0], {}).get(one[1], 0))


def _out_of_market(session: Session, keys: Sequence[int], *, today: date) -> set[int]:
    """Return the organizations that are not verified now, or stand on a list today."""
    found: set[int] = set()
    listings: dict[int, list[CreditListing]] = {}
    for start in range(0, len(keys), MOST_BOUND):
        some = keys[start:start + MOST_BOUND]
        found.update(session.scalars(select(Organization.id).where(
            Organization.id.in_(some), Organization.verification != Verification.VERIFIED)))
        for row in session.scalars(select(CreditListing).where(CreditListing.organization_id.in_(some))):
            listings.setdefault(row.organization_id, []).append(row)
    return found | {key for key, rows in listings.items() if any(is_listed(rows, kind, today) for kind in LISTS)}


def _forbid(known: Known, edit: Edit) -> None:
    """Check a forbid."""
    if edit.pair in known.wishes.confirmed:
        raise Invalid(_RELEASE_FIRST, field="provider")
    if edit.pair in known.wishes.forbids:
        raise Invalid(N_("这个组织已经被排除在这个项目之外"), field="provider")
    if not known.is_candidate(edit.pair):
        raise Invalid(N_("这个组织本来就不是这个项目的候选，不用排除"), field="provider")


def _release(known: Known, edit: Edit) -> None:
    """Check a release: something must hold."""
    wishes = known.wishes
    if edit.pair not in wishes.pins | wishes.forbids | wishes.confirmed:
        raise Invalid(N_("这一对没有指定、排除或确认，不用解除"), field="provider")


def _confirm(known: Known, edit: Edit) -> None:
    """Check a confirmation: the pair must stand and not be confirmed."""
    if edit.pair not in known.pairs:
        raise Invalid(N_("这一对不在方案里，不能确认"), field="provider")
    if edit.pair in known.wishes.confirmed:
        raise Invalid(N_("这一对已经确认"), field="provider")


def _withdraw(known: Known, edit: Edit) -> None:
    """Check a withdrawal: of one side that takes part, with no confirmed pair."""
    _one_side(known, edit)
    wishes = known.wishes
    if edit.project in wishes.no_projects or edit.provider in wishes.no_providers:
        raise Invalid(N_("它已经撤出"), field="project" if edit.project else "provider")
    if any(edit.project == pair[0] or edit.provider == pair[1] for pair in wishes.confirmed):
        raise Invalid(_RELEASE_FIRST, field="project" if edit.project else "provider")


def _add(known: Known, edit: Edit) -> None:
    """Check a return: of one side that was withdrawn."""
    _one_side(known, edit)
    if edit.project not in known.wishes.no_projects and edit.provider not in known.wishes.no_providers:
        raise Invalid(N_("它没有撤出，不用加入"), field="project" if edit.project else "provider")


def _one_side(known: Known, edit: Edit) -> None:
    """Check that one project or one candidate provider is named."""
    if (edit.project is None) == (edit.provider is None):
        raise Invalid(_ONE_SIDE, field="project")
    if edit.provider is not None and not known.has_provider(edit.provider):
        raise Invalid(NO_SUCH_PROVIDER, field="provider")


def _capacity(known: Known, edit: Edit) -> None:
    """Check a number of places."""
    if not known.has_provider(edit.provider):
        raise Invalid(NO_SUCH_PROVIDER, field="provider")
    if edit.value is None or not 0 <= edit.value <= MOST_PLACES:
        raise Invalid(N_("承接能力须是 0 到 {most} 的整数"), field="value", most=MOST_PLACES)


def _wanted(known: Known, edit: Edit) -> None:
    """Check a number of providers asked for."""
    if not known.has_project(edit.project):
        raise Invalid(NO_SUCH_PROJECT, field="project")
    if edit.value is None or not 1 <= edit.value <= MOST_WANTED:
        raise Invalid(N_("所需组织数须是 1 到 {most} 的整数"), field="value", most=MOST_WANTED)


_CHECKS: dict[EditKind, Callable[[Known, Edit], None]] = {
    EditKind.FORBID: _forbid, EditKind.RELEASE: _release, EditKind.CONFIRM: _confirm, EditKind.WITHDRAW: _withdraw,
    EditKind.ADD: _add, EditKind.CAPACITY: _capacity, EditKind.WANTED: _wanted,
}
