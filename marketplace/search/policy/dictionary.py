"""Who keeps the dictionary of the search: the operators."""

from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_
from marketplace.search.models.dictionary import DictionaryVersion


def may_keep_dictionary(actor: Actor) -> Decision:
    """Let operators, and commands run by the system, keep the dictionary."""
    if actor.is_system or actor.has(Role.OPERATOR):
        return ALLOWED
    return denied(N_("搜索词典由系统管理员维护"))


def may_edit_version(actor: Actor, version: DictionaryVersion) -> Decision:
    """Only the draft is edited: a published version stays as it is."""
    if not version.is_draft:
        return denied(N_("已发布的词典不能修改。修改会记在新的草稿里"))
    return may_keep_dictionary(actor)
