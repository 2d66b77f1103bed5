"""Who may import, and who may see and undo an import. Pure."""

from marketplace.core.access import ALLOWED, Actor, Decision, denied
from marketplace.core.text import N_
from marketplace.imports.models import ImportBatch
from marketplace.imports.rules import STEPS, ImportState, ImportTarget


def may_import(actor: Actor, target: ImportTarget) -> Decision:
    """Ask the target itself."""
    return target.may_import(actor)


def may_see(actor: Actor, batch: ImportBatch) -> Decision:
    """Show an import to who made it and to colleagues who act for the same organization; 404 for others."""
    if actor.is_system or (actor.is_signed_in and actor.person_id == batch.created_by):
        return ALLOWED
    if batch.organization_id is not None and actor.organization_id == batch.organization_id:
        return ALLOWED
    return denied(N_("没有这次导入"), hidden=True)


def may_step(actor: Actor, batch: ImportBatch, target: ImportTarget, action: str) -> Decision:
    """Check, apply or undo: who may import this target and sees the batch, in a state that allows the step."""
    seen = may_see(actor, batch)
    if not seen:
        return seen
    if not STEPS.allows(ImportState(batch.state), action):
        return denied(N_("这次导入现在不能做这一步"))
    return may_import(actor, target)
