"""Matching tables: weight sets, runs with what they were computed from, pairings, edits."""

from marketplace.matching.models.outreach import (
    TELLING_GUARDS,
    Invitation,
    InvitationList,
    InvitationSignature,
    ProjectDecline,
    ProjectFollow,
    Telling,
    ToldProvider,
)
from marketplace.matching.models.runs import EDIT_GUARDS, MatchingRun, Pairing, RunEdit, RunInput, RunNeed
from marketplace.matching.models.weights import WEIGHT_GUARDS, WeightSet

__all__ = [
    "EDIT_GUARDS", "TELLING_GUARDS", "WEIGHT_GUARDS", "Invitation", "InvitationList", "InvitationSignature",
    "MatchingRun", "Pairing", "ProjectDecline", "ProjectFollow", "RunEdit", "RunInput", "RunNeed", "Telling",
    "ToldProvider", "WeightSet",
]
