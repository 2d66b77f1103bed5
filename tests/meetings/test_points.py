"""Where the points come from: the newest matching run that has a project, the registry for the rest."""

from datetime import timedelta

import numpy as np

from marketplace.matching.models.runs import MatchingRun, RunInput, RunNeed
from marketplace.matching.models.weights import WeightSet
from marketplace.matching.rules.edges import Edges
from marketplace.meetings.queries.points import points_of
from tests.factories import NOW
from tests.factories.meetings import make_fair


def make_run(session, project, pairs, *, days=0, number=1):
    """A finished run with one project: organization -> tenths."""
    weights = session.query(WeightSet).first()
    if weights is None:
        weights = WeightSet(number=1, plain={}, reason="默认", created_at=NOW)
        session.add(weights)
        session.flush()
    at = NOW + timedelta(days=days)
    run = MatchingRun(number=number, title=f"第 {number} 次", weight_set_id=weights.id, state="done", phase="done",
                      inputs_sha256="0" * 64, created_at=at, started_at=at, finished_at=at)
    session.add(run)
    session.flush()
    bodies = sorted(pairs)
    parts = np.zeros((len(bodies), 6), np.int16)
    parts[:, 0] = [pairs[body] for body in bodies]
    zeros, keys = np.zeros(len(bodies), np.int32), np.array(bodies, np.int64)
    edges = Edges(np.array([project.id], np.int64), keys, zeros, np.arange(len(bodies), dtype=np.int32), parts,
                  zeros.astype(np.uint8), zeros.astype(np.uint8), np.ones(1, np.int32), np.zeros((1, 12), np.int32),
                  zeros.astype(np.bool_), zeros, zeros)
    session.add_all([RunInput(run_id=run.id, edges=edges.as_bytes(), held=[]),
                     RunNeed(run_id=run.id, project_id=project.id, wants=1, given=0, candidates=len(bodies),
                             state="unassigned", reason="taken")])
    session.flush()
    return run


def test_the_newest_run_that_has_a_project_gives_its_points_and_others_stay_below_its_candidates(session):
    fair = make_fair(session, tables=2, organizations=3)
    bodies = [body.id for body in fair.organizations]
    make_run(session, fair.projects[0], {bodies[0]: 111}, number=1)
    run = make_run(session, fair.projects[0], {bodies[0]: 930, bodies[1]: 640}, days=1, number=2)
    made = points_of(session, [project.id for project in fair.projects], bodies)
    assert made.matrix.tolist() == [[930, 640, 640], [800, 800, 800]]
    assert made.source == run.ref


def test_a_run_without_a_candidate_who_comes_leaves_the_points_of_the_registry(session):
    fair = make_fair(session, tables=1, organizations=2)
    make_run(session, fair.projects[0], {fair.desk.unit.id: 930})
    made = points_of(session, [fair.projects[0].id], [body.id for body in fair.organizations])
    assert made.matrix.tolist() == [[800, 800]]
