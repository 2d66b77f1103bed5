"""Who may not stand beside whom in one project, looked up only where some project may get several providers."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.conflicts.queries import barred_together
from marketplace.conflicts.rules import PEER_SOURCE
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Invalid
from marketplace.core.text import N_
from marketplace.matching.rules import together
from marketplace.matching.rules.edits import Edit, Pair, Wishes
from marketplace.matching.rules.problem import Problem
from marketplace.matching.rules.together import Clash, Tied
from marketplace.organizations.models import Organization


def tied_in(session: Session, problem: Problem, *, now: datetime) -> Tied:
    """Return the ties that can matter in a problem; no statement where every project asks for one provider."""
    return barred_together(session, together.candidates(problem), today=beijing_date(now))


def tied_among(session: Session, pairs: Iterable[Pair], *, now: datetime) -> list[Clash]:
    """Return every two tied providers that share a project among these pairs, as the register stands now."""
    pairs = list(pairs)
    keys = sorted({key for providers in together.shared(pairs).values() for key in providers})
    return together.clashes(pairs, barred_together(session, keys, today=beijing_date(now)))


def refusal(session: Session, one: int, other: int) -> Invalid:
    """Return what is said where somebody would put a provider beside a tied one."""
    first, second = session.get(Organization, one), session.get(Organization, other)
    return Invalid(
        N_("“{name}”与这个项目已安排的“{other}”有关联，不能同时承接同一合同（{source}）。请先解除或排除其中一家，或更正关联方资料"),
        field="provider", name=first.name if first else "", other=second.name if second else "", source=PEER_SOURCE)


def check_fixed_apart(session: Session, clashes: Iterable[Clash], edit: Edit, *, before: Wishes, after: Wishes) -> None:
    """Raise Invalid when an edit puts a provider beside a pinned or confirmed one that it is tied to.

    Two that people had fixed before the tie came up stay as they are: a person takes one out.
    """
    for clash in new_ones(clashes, before):
        if set(clash.pairs) <= after.fixed:
            raise refusal(session, *((clash.other, clash.one) if edit.provider == clash.other else clash[1:]))


def new_ones(clashes: Iterable[Clash], before: Wishes) -> list[Clash]:
    """Return the clashes without those of two providers that people had fixed before."""
    return [one for one in clashes if not set(one.pairs) <= before.fixed]
