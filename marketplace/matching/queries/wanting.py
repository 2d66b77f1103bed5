"""What one project lacks when it stands alone: demand, supply, the rule that removes most. Reads only."""

from dataclasses import replace

import numpy as np
from sqlalchemy.orm import Session

from marketplace.core.ports import FlowSolver
from marketplace.matching.models import MatchingRun
from marketplace.matching.queries.previews import shortage_of, standing_of
from marketplace.matching.rules.shortage import Shortage, shortage


def shortage_of_project(session: Session, run: MatchingRun, project: int, *, flows: FlowSolver) -> Shortage | None:
    """Return why a project could not be served even alone; else what it competes for; None when no place is short."""
    standing = standing_of(session, run)
    made = standing.problem(standing.wishes)
    alone = replace(made, units=np.where(made.edges.need_keys == project, made.units, 0))
    found = shortage(alone, flows)
    if found is not None:
        return found
    every = shortage_of(session, run, flows=flows)
    return every if every is not None and project in every.keys else None
