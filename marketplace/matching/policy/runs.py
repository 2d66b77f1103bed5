"""Who may run the matching, set its weights, overrule it and publish it. Pure."""

from collections.abc import Mapping

from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_
from marketplace.matching.models import MatchingRun
from marketplace.matching.rules.runs import PUBLICATION_STEPS, RUN_STEPS, Publication, RunState

HIDDEN = denied(N_("没有这个匹配方案"), hidden=True)
_OPERATORS_ONLY = N_("只有系统管理员可以这样做")


def may_see(actor: Actor) -> Decision:
    """Show runs, weights and the whole market to operators and auditors; to all others they do not exist."""
    return ALLOWED if actor.is_system or actor.has(Role.OPERATOR, Role.AUDITOR) else HIDDEN


def may_run(actor: Actor) -> Decision:
    """Start and cancel runs, set weights."""
    return ALLOWED if actor.is_system or actor.has(Role.OPERATOR) else denied(_OPERATORS_ONLY)


def may_cancel(actor: Actor, run: MatchingRun) -> Decision:
    """Cancel a run that has not ended."""
    if not may_run(actor):
        return may_run(actor)
    if RUN_STEPS.allows(RunState(run.state), "cancel"):
        return ALLOWED
    return denied(N_("这个方案已经计算结束，不能再取消"))


def may_edit(actor: Actor, run: MatchingRun) -> Decision:
    """Overrule a finished run; one that a later run replaced is history."""
    if not may_run(actor):
        return may_run(actor)
    if run.state != RunState.DONE:
        return denied(N_("方案还没有算好，算好后再调整"))
    if PUBLICATION_STEPS.allows(Publication(run.publication), "edit"):
        return ALLOWED
    return denied(N_("这个方案已被新方案取代，只供查阅。请在新方案上调整"))


def may_confirm(actor: Actor, run: MatchingRun) -> Decision:
    """Note that both sides agreed to a pairing; only what was published can have been agreed to."""
    if not may_edit(actor, run):
        return may_edit(actor, run)
    if run.publication == Publication.PUBLISHED:
        return ALLOWED
    return denied(N_("方案发布以后，双方同意的配对才能确认"))


def may_publish(actor: Actor, run: MatchingRun) -> Decision:
    """Put a finished run in force."""
    if not may_run(actor):
        return may_run(actor)
    if run.state != RunState.DONE:
        return denied(N_("方案还没有算好，不能发布"))
    if PUBLICATION_STEPS.allows(Publication(run.publication), "publish"):
        return ALLOWED
    return denied(_NOT_AGAIN[Publication(run.publication)])


_NOT_AGAIN: Mapping[Publication, str] = {
    Publication.PUBLISHED: N_("这个方案已经发布"),
    Publication.SUPERSEDED: N_("这个方案已被新方案取代，不能再发布。请重新计算"),
}


def may_unpublish(actor: Actor, run: MatchingRun) -> Decision:
    """Take a run out of force."""
    if not may_run(actor):
        return may_run(actor)
    if run.publication == Publication.PUBLISHED:
        return ALLOWED
    return denied(N_("这个方案没有发布，不用撤回"))
