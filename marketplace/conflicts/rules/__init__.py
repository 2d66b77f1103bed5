"""Grounds of conflicts, ties found from facts, what a declaration may say. Pure."""

from marketplace.conflicts.rules.declared import (
    LOOK_BACK_YEARS,
    MAX_NAME,
    MAX_WORDS,
    MOST_RELATIONS,
    RELATION_LABELS,
    STAFF_RELATIONS,
    STATEMENT,
    Declarer,
    Relation,
    Stated,
    check_stated,
    counts_on,
    years_before,
)
from marketplace.conflicts.rules.facts import Backer, Body, Declared, Facts, Hat, Reviewer, Side, Stating, Tie
from marketplace.conflicts.rules.grounds import (
    CHOICES,
    GROUNDS,
    JOB_DECLARED,
    JOB_SETTLED,
    OUTCOME_LABELS,
    Clearing,
    Ground,
    Kind,
    Outcome,
    Strength,
    is_bar,
    strength_after,
)
from marketplace.conflicts.rules.peers import PEER_LABELS, PEER_SOURCE, PeerTie, barred_from, peer_ties
from marketplace.conflicts.rules.ties import ties

__all__ = [
    "CHOICES", "GROUNDS", "JOB_DECLARED", "JOB_SETTLED", "LOOK_BACK_YEARS", "MAX_NAME", "MAX_WORDS", "MOST_RELATIONS",
    "OUTCOME_LABELS", "PEER_LABELS", "PEER_SOURCE", "RELATION_LABELS",
    "STAFF_RELATIONS", "STATEMENT", "Backer", "Body", "Clearing", "Declared", "Declarer", "Facts", "Ground", "Hat",
    "Kind", "Outcome", "PeerTie", "Relation", "Reviewer", "Side", "Stated", "Stating", "Strength", "Tie", "barred_from",
    "check_stated", "counts_on", "is_bar", "peer_ties", "strength_after", "ties", "years_before",
]
