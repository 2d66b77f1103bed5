"""The public face of pools for the search: what each is for and its rule; never its size or what is left of it."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalogs.rules import FundKind
from marketplace.core.publishing import PublicDocument
from marketplace.funding.models import Funder, MatchingPool, MatchingRule

SHOWN = ("open", "paused", "closed")
BATCH = 500
_FUND_OF_KIND = {"lottery": FundKind.LOTTERY, "government_budget": FundKind.BUDGET}


def public_documents(session: Session, refs: Sequence[str] | None = None) -> Iterator[PublicDocument]:
    """Yield pools that were opened, each with the rule in force; all of them when `refs` is None."""
    rows = (
        select(MatchingPool, MatchingRule)
        .join(MatchingRule, (MatchingRule.pool_id == MatchingPool.id)
              & (MatchingRule.version == MatchingPool.rule_version))
        .options(joinedload(MatchingPool.funder).joinedload(Funder.organization))
        .where(MatchingPool.state.in_(SHOWN)).order_by(MatchingPool.id).execution_options(yield_per=BATCH))
    if refs is not None:
        rows = rows.where(MatchingPool.ref.in_(refs))
    for pool, rule in session.execute(rows):
        yield _document(pool, rule)


def _document(pool: MatchingPool, rule: MatchingRule) -> PublicDocument:
    """Copy what a visitor may read on the pool's page."""
    funder = pool.funder
    facets: dict[str, tuple[str, ...]] = {"fund": (str(_FUND_OF_KIND.get(funder.kind, FundKind.GIVING)),)}
    if rule.categories:
        facets["category"] = tuple(rule.categories)
    if rule.areas:
        facets["area"] = tuple(rule.areas)
    return PublicDocument(
        kind="pool", ref=pool.ref, title=pool.name, body="\n".join(filter(None, (pool.purpose, rule.sentence))),
        url=f"/pools/{pool.ref}", buyer="" if funder.is_name_withheld else funder.name, published_at=pool.opened_at,
        category=rule.categories[0] if rule.categories else "", area=rule.areas[0] if rule.areas else "",
        words=tuple(filter(None, (pool.filed_plan_number,))), facets=facets,
        lead=(pool.purpose,) if pool.purpose else ())
