"""Opens, changes and closes pools. A pool's promise stands in the ledger from the moment it is open."""

from dataclasses import fields
from datetime import datetime
from typing import TypedDict, Unpack

from sqlalchemy import func, literal, select, update
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, IllegalStep, Invalid
from marketplace.core.money import MAX_FEN, Money
from marketplace.core.publishing import public_changed
from marketplace.core.text import N_
from marketplace.funding import policy
from marketplace.funding.models import Funder, MatchingPool, MatchingRule
from marketplace.funding.operations.scarce import POOL
from marketplace.funding.rules import explain
from marketplace.funding.rules.pools import POOL_LIFECYCLE, PoolState, read_plan_number
from marketplace.funding.rules.terms import RuleTerms, check_terms
from marketplace.ledger.models import Journal
from marketplace.ledger.operations import post
from marketplace.ledger.rules import AccountKind, Posting, account
from marketplace.payments.models import ReceivingAccount

MOST_NAME, MOST_PURPOSE = 100, 2_000
_LISTS = ("categories", "areas", "receiver_kinds")


class PoolFacts(TypedDict, total=False):
    """What a pool may have besides its name, cap and rule."""

    purpose: str
    receiver_account: ReceivingAccount | None
    filed_plan_number: str


def open_pool(session: Session, *, actor: Actor, funder: Funder, name: str, cap: Money, terms: RuleTerms, now: datetime,
              **facts: Unpack[PoolFacts]) -> MatchingPool:
    """Draft a pool with the first version of its rule. It promises and matches nothing until it is started.

    `receiver_account`: where its matching money is paid; the pledge's own account unless given. `filed_plan_number`: of
    a filed plan of public fundraising (CL 24), which lets its remaining sum be shown to everybody.
    """
    require(policy.may_open_pool(actor, funder))
    name = _named(name)
    purpose, plan = facts.get("purpose", "").strip(), read_plan_number(facts.get("filed_plan_number", ""))
    _check_cap(cap)
    check_terms(terms)
    if len(purpose) > MOST_PURPOSE:
        raise Invalid(N_("用途说明不超过 {most} 字"), field="purpose", most=MOST_PURPOSE)
    receiver = facts.get("receiver_account")
    if receiver is not None and receiver.verified_at is None:
        raise Invalid(N_("收款账户还没有核验，不能用来收配套资金"), field="receiver_account")
    pool = MatchingPool(
        funder=funder, name=name, purpose=purpose, cap=cap, receiver_account_id=receiver.id if receiver else None,
        filed_plan_number=plan, opened_at=None, closed_at=None, created_by=actor.person_id, created_at=now,
        changed_at=now, rule_version=1)
    session.add(pool)
    session.flush()
    _write_rule(session, actor=actor, pool=pool, terms=terms, version=1, now=now)
    record(session, actor=actor, action="funding.pool_drafted", subject=("pool", pool.ref), now=now, cap_fen=cap.fen,
           funder=funder.ref, rule=explain.sentence(terms))
    return pool


def start_pool(session: Session, *, actor: Actor, pool: MatchingPool, now: datetime) -> None:
    """Open a pool, or open a paused one again. Pool: draft, paused -> open. From the draft on its cap is promised."""
    require(policy.may_manage_pool(actor, pool))
    before = _step(session, pool, "start", now, opened_at=pool.opened_at or now)
    if before is PoolState.DRAFT:
        post(session, actor=actor, idem_key=f"pool:{pool.ref}:opened", kind="pool.opened", subject=("pool", pool.ref),
             now=now, postings=[Posting(_commitment(pool), _available(pool), pool.cap)])
    _tell(session, actor, pool, "funding.pool_opened", now, cap_fen=pool.cap.fen)


def pause_pool(session: Session, *, actor: Actor, pool: MatchingPool, now: datetime) -> None:
    """Stop matching new pledges for a while; what is reserved stays. Pool: open -> paused."""
    require(policy.may_manage_pool(actor, pool))
    _step(session, pool, "pause", now)
    _tell(session, actor, pool, "funding.pool_paused", now)


def close_pool(session: Session, *, actor: Actor, pool: MatchingPool, now: datetime) -> None:
    """End a pool: what nobody has claimed is no longer promised, what is reserved or confirmed stays.

    Pool: open, paused -> closed. Reservations that lapse later are freed from the promise too.
    """
    require(policy.may_manage_pool(actor, pool))
    _step(session, pool, "close", now, closed_at=now)
    rest = Money(pool.cap.fen - pool.reserved.fen - pool.captured.fen)
    if rest.fen:
        post(session, actor=actor, idem_key=f"pool:{pool.ref}:closed", kind="pool.closed", subject=("pool", pool.ref),
             now=now, postings=[Posting(_available(pool), _commitment(pool), rest)])
    _tell(session, actor, pool, "funding.pool_closed", now, freed_fen=rest.fen)


def change_rule(session: Session, *, actor: Actor, pool: MatchingPool, terms: RuleTerms, now: datetime) -> MatchingRule:
    """Put a new version of the rule in force. It counts for pledges made from now on; what was given stays as it is."""
    require(policy.may_manage_pool(actor, pool))
    check_terms(terms)
    if pool.state == PoolState.CLOSED:
        raise IllegalStep(N_("资金池已关闭，规则不再改"))
    session.flush()
    version = pool.rule_version
    done = session.connection().execute(
        update(POOL).where(POOL.c.id == pool.id, POOL.c.rule_version == version, POOL.c.state != PoolState.CLOSED)
        .values(rule_version=version + 1, changed_at=now))
    if not done.rowcount:
        raise Conflict(N_("规则刚刚被别人改过。请刷新页面，看过新规则再改"))
    session.refresh(pool)
    rule = _write_rule(session, actor=actor, pool=pool, terms=terms, version=version + 1, now=now)
    _tell(session, actor, pool, "funding.rule_changed", now, version=rule.version, rule=rule.sentence)
    return rule


def change_cap(session: Session, *, actor: Actor, pool: MatchingPool, cap: Money, now: datetime) -> None:
    """Raise or lower the sum of a pool; never below what is reserved and confirmed (Invalid, with both amounts)."""
    require(policy.may_manage_pool(actor, pool))
    _check_cap(cap)
    session.flush()
    before = session.connection().execute(
        select(POOL.c.cap, POOL.c.reserved, POOL.c.captured, POOL.c.state).where(POOL.c.id == pool.id)
        .with_for_update(key_share=True)).one()
    if before.state == PoolState.CLOSED:
        raise IllegalStep(N_("资金池已关闭，总额不再改"))
    used = before.reserved + before.captured
    done = session.connection().execute(
        update(POOL).where(POOL.c.id == pool.id, POOL.c.reserved + POOL.c.captured <= literal(cap, POOL.c.cap.type))
        .values(cap=cap, changed_at=now))
    if not done.rowcount:
        raise Invalid(N_("总额 {cap} 元低于已保留 {reserved} 元与已确认 {captured} 元之和 {used} 元，最低只能改到 {used} 元"),
                      field="cap", cap=str(cap), reserved=str(before.reserved), captured=str(before.captured),
                      used=str(used))
    session.refresh(pool)
    if before.state != PoolState.DRAFT and cap != before.cap:
        _post_difference(session, actor, pool, before.cap, now)
    _tell(session, actor, pool, "funding.cap_changed", now, before_fen=before.cap.fen, cap_fen=cap.fen)


def _post_difference(session: Session, actor: Actor, pool: MatchingPool, before: Money, now: datetime) -> None:
    """Post what the funder promises more, or less, than before. The pool's row is locked, so its moment is unique."""
    more = pool.cap > before
    debit, credit = (_commitment(pool), _available(pool)) if more else (_available(pool), _commitment(pool))
    amount = pool.cap - before if more else before - pool.cap
    number = session.scalar(select(func.count()).select_from(Journal).where(
        Journal.subject_kind == "pool", Journal.subject_ref == pool.ref))
    post(session, actor=actor, idem_key=f"pool:{pool.ref}:cap:{number}", kind="pool.cap_changed",
         subject=("pool", pool.ref), now=now, postings=[Posting(debit, credit, amount)])


def _named(name: str) -> str:
    """Return a usable name, or raise Invalid."""
    name = " ".join(name.split())
    if not name or len(name) > MOST_NAME:
        raise Invalid(N_("请填资金池名称，不超过 {most} 字"), field="name", most=MOST_NAME)
    return name


def _check_cap(cap: Money) -> None:
    """Refuse a cap that promises nothing, or more than any account holds."""
    if cap.fen <= 0:
        raise Invalid(N_("资金池总额要大于 0"), field="cap")
    if cap.fen > MAX_FEN:
        raise Invalid(N_("资金池总额太大。请检查单位是元还是万元"), field="cap")


def _write_rule(session: Session, *, actor: Actor, pool: MatchingPool, terms: RuleTerms, version: int,
                now: datetime) -> MatchingRule:
    """Insert one version of a rule with its sentence."""
    values = {term.name: getattr(terms, term.name) for term in fields(terms)}
    values |= {name: list(getattr(terms, name)) for name in _LISTS}
    rule = MatchingRule(pool_id=pool.id, version=version, sentence=explain.sentence(terms), made_by=actor.person_id,
                        made_at=now, **values)
    session.add(rule)
    session.flush()
    session.expire(pool, ["rules"])
    return rule


def _step(session: Session, pool: MatchingPool, action: str, now: datetime, **values: object) -> PoolState:
    """Take a step of the lifecycle by a guarded UPDATE; return the state before."""
    session.flush()
    before = PoolState(pool.state)
    after = POOL_LIFECYCLE.after(before, action)
    done = session.connection().execute(
        update(POOL).where(POOL.c.id == pool.id, POOL.c.state == before).values(state=after, changed_at=now, **values))
    session.refresh(pool)
    if not done.rowcount:
        raise IllegalStep(N_("现在是“{state}”，不能做这一步。请刷新页面查看最新状态"),
                          state=POOL_LIFECYCLE.labels[PoolState(pool.state)], action=action)
    return before


def _available(pool: MatchingPool) -> str:
    """Return the account of what nobody has claimed."""
    return account(AccountKind.POOL_AVAILABLE, pool.ref)


def _commitment(pool: MatchingPool) -> str:
    """Return the account of what the pool's funder has promised."""
    return account(AccountKind.COMMITMENT, pool.funder.ref)


def _tell(session: Session, actor: Actor, pool: MatchingPool, action: str, now: datetime, **facts: object) -> None:
    """Write the audit, and tell the index that the pool's public face changed."""
    record(session, actor=actor, action=action, subject=("pool", pool.ref), now=now, **facts)
    public_changed(session, kind="pool", ref=pool.ref, now=now)
