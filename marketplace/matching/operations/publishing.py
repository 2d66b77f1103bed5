"""Putting a run in force and taking it out: one transaction, so that the pairing others see is never half changed."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.conflicts.rules import PEER_SOURCE
from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.matching.models import MatchingRun, Pairing
from marketplace.matching.operations.runs import locked
from marketplace.matching.policy import runs as policy
from marketplace.matching.queries.together import tied_among
from marketplace.matching.queries.wishes import barred
from marketplace.matching.rules.runs import JOB_RUN_PUBLISHED, PUBLICATION_STEPS, PairingState, Publication

_CHANGED = N_("别人刚刚发布或撤回了方案。请刷新页面，看过现在生效的方案后再操作")
_EDITED = N_("这个方案刚刚被别人调整过。请刷新页面，看过调整后再发布")


def live_run(session: Session, scope: str) -> MatchingRun | None:
    """Return the run that is in force for a scope, its row locked."""
    return session.scalar(select(MatchingRun).where(
        MatchingRun.scope == scope, MatchingRun.publication == Publication.PUBLISHED)
        .with_for_update(of=MatchingRun).execution_options(populate_existing=True))


def publish(session: Session, *, actor: Actor, run: MatchingRun, edits: int, replaces: str | None,
            now: datetime) -> MatchingRun:
    """MatchingRun: draft or unpublished -> published. The one in force before: published -> superseded.

    `edits`: the number of the last edit the person saw; `replaces`: the ref of the run he saw in force, None for none.
    Raises Conflict when either has changed meanwhile: of two people publishing at once one wins.
    """
    before = live_run(session, run.scope)
    run = locked(session, run.ref)
    require(policy.may_publish(actor, run))
    if (before.ref if before else None) != replaces:
        raise Conflict(_CHANGED)
    if run.edits != edits:
        raise Conflict(_EDITED)
    _check_bars(session, run, now=now)
    if before is not None:
        before.publication = PUBLICATION_STEPS.after(Publication(before.publication), "supersede")
        before.unpublished_at, before.superseded_by_id = now, run.id
        session.flush()
        record(session, actor=actor, action="matching.supersede", subject=("matching_run", before.ref), now=now,
               by=run.ref)
    run.publication = PUBLICATION_STEPS.after(Publication(run.publication), "publish")
    run.published_at, run.published_by, run.unpublished_at = now, actor.person_id, None
    try:
        session.flush()
    except IntegrityError as taken:
        raise Conflict(_CHANGED) from taken
    record(session, actor=actor, action="matching.publish", subject=("matching_run", run.ref), now=now,
           number=run.number, edits=run.edits, replaces=replaces, inputs_sha256=run.inputs_sha256)
    enqueue(session, JOB_RUN_PUBLISHED, now=now, run_ref=run.ref)
    return run


def _check_bars(session: Session, run: MatchingRun, *, now: datetime) -> None:
    """Raise Invalid when a rule has come to stand against a pair that was not confirmed: it may not be proposed.

    Two tied providers in one project, confirmed or not, are refused too.
    """
    pairs = session.execute(select(Pairing.project_id, Pairing.provider_id, Pairing.state).where(
        Pairing.run_id == run.id, Pairing.state != PairingState.REMOVED)).all()
    proposed = [(project, provider) for project, provider, state in pairs if state == PairingState.PROPOSED]
    if found := barred(session, proposed, now=now):
        raise Invalid(N_("{n} 对配对在计算以后出现了利益冲突、谢绝或资格变化。请重新计算，或先在人工调整里排除"), n=len(found))
    if tied := tied_among(session, [(project, provider) for project, provider, _ in pairs], now=now):
        raise Invalid(N_("{n} 个项目里有两个互相关联的组织，不能同时承接同一合同（{source}）。请重新计算，或先在人工调整里排除或解除其中一个"),
                      n=len({project for project, _, _ in tied}), source=PEER_SOURCE)


def unpublish(session: Session, *, actor: Actor, run: MatchingRun, reason: str, now: datetime) -> MatchingRun:
    """MatchingRun: published -> unpublished, with a reason; its pairs stay as they are and may be published again."""
    run = locked(session, run.ref)
    require(policy.may_unpublish(actor, run))
    if not reason.strip():
        raise Invalid(N_("请写明为什么撤回方案"), field="reason")
    run.publication = PUBLICATION_STEPS.after(Publication(run.publication), "unpublish")
    run.unpublished_at = now
    session.flush()
    record(session, actor=actor, action="matching.unpublish", subject=("matching_run", run.ref), now=now,
           reason=reason.strip())
    return run
