"""Declaring interests and settling what a person must look at. Every act adds a row; none changes one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from marketplace.conflicts import policy, queries
from marketplace.conflicts.models import ConflictDeclaration, ConflictSettlement, DeclaredRelation
from marketplace.conflicts.rules import (
    GROUNDS,
    JOB_DECLARED,
    JOB_SETTLED,
    MAX_WORDS,
    STATEMENT,
    Clearing,
    Declarer,
    Outcome,
    Stated,
    check_stated,
)
from marketplace.core import audit
from marketplace.core.access import Actor, require
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import check_credit_code


def declare(session: Session, *, actor: Actor, organization: Organization, stated: Sequence[Stated], says_none: bool,
            now: datetime, words: str = "") -> ConflictDeclaration:
    """Declare a provider's relations, or that there are none; it supersedes the declaration before.

    Only its administrator may. "None" alone lifts nothing: an operator clears each flag, knowing it.
    """
    require(policy.may_declare(actor, organization))
    stated = _checked(Declarer.PROVIDER, stated, says_none=says_none, today=beijing_date(now))
    made = ConflictDeclaration(declarer=Declarer.PROVIDER, organization_id=organization.id, person_id=None)
    _keep(session, made, actor=actor, stated=stated, words=words, now=now)
    audit.record(session, actor=actor, action="conflicts.declare", subject=("organization", organization.ref), now=now,
                 declaration=made.ref, says_none=says_none, relations=[one.relation for one in stated])
    enqueue(session, JOB_DECLARED, now=now, organization_ref=organization.ref)
    return made


def declare_own(session: Session, *, actor: Actor, stated: Sequence[Stated], says_none: bool, now: datetime,
                words: str = "") -> ConflictDeclaration:
    """Declare the actor's own relations with providers (GPR 9): they bar pairs of the units the actor buys for."""
    require(policy.may_declare_own(actor))
    stated = _checked(Declarer.STAFF, stated, says_none=says_none, today=beijing_date(now))
    made = ConflictDeclaration(declarer=Declarer.STAFF, organization_id=actor.organization_id,
                               person_id=actor.person_id)
    _keep(session, made, actor=actor, stated=stated, words=words, now=now)
    audit.record(session, actor=actor, action="conflicts.declare_own", subject=("conflict_declaration", made.ref),
                 now=now, says_none=says_none, relations=[one.relation for one in stated])
    return made


def _checked(declarer: Declarer, stated: Sequence[Stated], *, says_none: bool, today: date) -> list[Stated]:
    """Return the relations with tidy codes; Invalid with what to write where somebody could not check one."""
    check_stated(declarer, stated, says_none=says_none, today=today)
    return [replace(one, code=check_credit_code(one.code or "", field=f"relations-{place}-code"))
            for place, one in enumerate(stated)]


def _keep(session: Session, made: ConflictDeclaration, *, actor: Actor, stated: Sequence[Stated], words: str,
          now: datetime) -> None:
    """Write a declaration with its relations."""
    if len(words) > MAX_WORDS:
        raise Invalid(N_("说明最长 {most} 个字"), field="words", most=MAX_WORDS)
    made.says_none, made.words, made.statement = not stated, words.strip(), STATEMENT[Declarer(made.declarer)]
    made.declared_by, made.declared_at = actor.person_id or 0, now
    made.relations = [
        DeclaredRelation(position=place, relation=one.relation, body_name=one.body, body_code=one.code,
                         person_name=one.person, since=one.since, until=one.until, words=one.words)
        for place, one in enumerate(stated, 1)]
    session.add(made)
    session.flush()


def settle(session: Session, *, actor: Actor, provider: Organization, tie_key: str, outcome: Outcome, reason: str,
           now: datetime) -> ConflictSettlement:
    """Settle one tie after looking: cleared, or confirmed (then it bars). A newer finding supersedes.

    Raises Conflict for a tie that follows from the register itself, and for a flag between two bodies that is to be
    cleared before the provider has declared. Raises Denied (404) when the tie no longer holds.
    """
    require(policy.may_settle(actor, provider))
    found = queries.case(session, provider, tie_key, today=beijing_date(now))
    if not found.may_be_settled:
        raise Conflict(N_("这一项由登记的事实直接认定，不能人工排除。事实有误的，请先更正组织资料、认捐或评审小组的记录"))
    if outcome is Outcome.CLEARED and found.needs_declaration:
        raise Conflict(N_("{provider}还没有声明利益关系。请先请其在“利益关系”页声明，再来排除"), provider=provider.name)
    reason = reason.strip()
    if not reason:
        raise Invalid(N_("请写明依据，例如核对了哪份材料、谁已回避"), field="reason")
    if len(reason) > MAX_WORDS:
        raise Invalid(N_("依据最长 {most} 个字"), field="reason", most=MAX_WORDS)
    declared = queries.declarations_of(session, provider)
    made = ConflictSettlement(
        tie_key=tie_key, ground=found.tie.ground, provider_id=provider.id, other_name=found.tie.other,
        detail=found.tie.detail, outcome=outcome, reason=reason, declaration_id=declared[0].id if declared else None,
        settled_by=actor.person_id, settled_at=now)
    session.add(made)
    session.flush()
    audit.record(session, actor=actor, action="conflicts.settle", subject=("organization", provider.ref), now=now,
                 settlement=made.ref, ground=found.tie.ground, outcome=outcome, reason=reason,
                 by_withdrawal=GROUNDS[found.tie.ground].clearing is Clearing.WITHDRAWAL)
    enqueue(session, JOB_SETTLED, now=now, settlement_ref=made.ref, organization_ref=provider.ref)
    return made
