"""Imagined pledges against a copy of a pool: what each would get. Estimates, never facts. Pure: nothing is reserved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding.rules.matching import PledgeFacts, Room, Share, Translate, decide, obstacles, why
from marketplace.funding.rules.terms import RuleTerms

ESTIMATE = N_("估算：按现行规则逐笔试算，不占用额度，也不是承诺。实际以认捐当时的规则和余额为准")
_ANY_DAY = date(2026, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Gift:
    """One imagined pledge. Donors, projects and rounds are whatever names the reader gives them."""

    amount: Money
    donor: str = ""
    project: str = ""
    round: str = ""
    facts: PledgeFacts | None = None    # None: the rule covers it, without a budget


@dataclass(frozen=True)
class Used:
    """What a pool has given already, in fen: in all, and by (scope, name)."""

    pool: int = 0
    scopes: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Estimate:
    """What one imagined pledge would get. Not an allocation: it has no reference, no state, no ledger entry."""

    gift: Gift
    share: Share | None                 # None: the rule does not cover it
    refusals: tuple[str, ...] = ()      # Chinese, facts filled in

    @property
    def amount(self) -> Money:
        """Return the estimated matching money."""
        return self.share.amount if self.share else Money(0)

    def say(self, translate: Translate = str) -> str:
        """Return why, in the reader's language."""
        if self.share is None:
            return translate(N_("；")).join(self.refusals)
        return why(self.share, translate)


@dataclass(frozen=True)
class Simulation:
    """The whole estimate: a line a gift, in their order."""

    lines: tuple[Estimate, ...]
    cap: Money
    used: Money                         # before the first gift

    @property
    def pledged(self) -> Money:
        """Return the sum of the imagined pledges."""
        return Money(sum(line.gift.amount.fen for line in self.lines))

    @property
    def matched(self) -> Money:
        """Return the sum of the estimates."""
        return Money(sum(line.amount.fen for line in self.lines))

    @property
    def left(self) -> Money:
        """Return what would be left of the pool."""
        return Money(self.cap.fen - self.used.fen - self.matched.fen)


_CAPS = {"donor": "per_donor_cap", "project": "per_project_cap", "round": "per_round_cap"}


def simulate(terms: RuleTerms, cap: Money, gifts: Iterable[Gift], used: Used | None = None,
             translate: Translate = str) -> Simulation:
    """Play the gifts in their order against a copy of the pool; `used` is where it starts (empty unless given)."""
    used = used or Used()
    given, scopes, lines = used.pool, dict(used.scopes), []
    for gift in gifts:
        facts = replace(gift.facts, amount=gift.amount) if gift.facts else PledgeFacts(
            amount=gift.amount, on=terms.starts_on or terms.ends_on or _ANY_DAY,
            category=next(iter(terms.categories), ""), area=next(iter(terms.areas), ""),
            receiver_kind=next(iter(terms.receiver_kinds), ""))
        if refusals := obstacles(terms, facts):
            words = tuple(translate(refusal.reason).format(**refusal.facts) for refusal in refusals)
            lines.append(Estimate(gift, None, words))
            continue
        keys = {scope: (scope, name) for scope in _CAPS if (name := getattr(gift, scope))}
        left = {scope: limit.fen - scopes.get(key, 0) for scope, key in keys.items()
                if (limit := getattr(terms, _CAPS[scope]))}
        share = decide(terms, facts, Room(pool=cap.fen - given, **left))
        given += share.amount.fen
        for key in keys.values():
            scopes[key] = scopes.get(key, 0) + share.amount.fen
        lines.append(Estimate(gift, share))
    return Simulation(tuple(lines), cap, Money(used.pool))
