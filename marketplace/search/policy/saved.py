"""Who may save searches, and who may see and change a saved one: its owner, nobody else."""

from marketplace.core.access import ALLOWED, Actor, Decision, denied
from marketplace.core.text import N_
from marketplace.search.models.saved import SavedSearch


def may_save(actor: Actor) -> Decision:
    """Say whether this actor may save searches: any person who is signed in."""
    return ALLOWED if actor.is_signed_in else denied(N_("请先登录，再保存搜索"))


def may_keep(actor: Actor, search: SavedSearch) -> Decision:
    """Say whether the search is this person's own and has not been deleted; to others it does not exist."""
    if actor.person_id is not None and actor.person_id == search.person_id and search.ended_at is None:
        return ALLOWED
    return denied(N_("没有这个保存的搜索"), hidden=True)
