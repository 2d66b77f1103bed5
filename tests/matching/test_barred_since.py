"""A bar that came up after a run: no edit of any kind brings the pair in."""

import pytest

from marketplace.core.access import SYSTEM
from marketplace.core.errors import Conflict, Invalid
from marketplace.matching.operations import publish
from marketplace.organizations.models import CreditListing
from tests.factories import NOW
from tests.factories.matching import make_run, make_world
from tests.matching.test_edits import commit, declined, edited, free_one, partner, plan_of, related, standing


@pytest.fixture
def world(session):
    return make_world(session, projects=3, providers=4)


def bar(session, world, provider, how):
    """What came up since the run: a tie with the buyer, a decline; a list."""
    if how == "conflict":
        related(session, provider, world.desk.unit)
    elif how == "decline":
        for one in world.projects:
            declined(session, one, provider)
    else:
        session.add(CreditListing(organization_id=provider.id, kind="serious", listed_on=NOW.date(), reason="未按规定报送年报", source="信用中国"))
    session.flush()


@pytest.mark.parametrize("how", ["conflict", "decline", "list"])
def test_an_edit_brings_in_nobody_who_was_barred_since_the_run(session, world, how):
    run = make_run(session, world)
    project, other = world.projects[0], free_one(session, world, run)
    gone = partner(session, world, run, project)
    before = plan_of(session, run, "forbid", project=project, provider=gone)
    assert other.id in {provider for _, provider in before.difference.come}
    bar(session, world, other, how)
    plan = plan_of(session, run, "forbid", project=project, provider=gone)
    assert other.id not in {provider for _, provider in plan.difference.come}
    with pytest.raises(Conflict, match="重新预览"):
        commit(session, world, run, before)          # previewed before it came up
    edited(session, world, run, "forbid", project=project, provider=gone)
    assert other.id not in {provider for _, provider in standing(session, run)}


@pytest.mark.parametrize("how", ["conflict", "decline", "list"])
def test_a_run_with_a_pair_that_was_barred_since_is_not_published(session, world, how):
    run = make_run(session, world)
    gone = partner(session, world, run, world.projects[0])
    bar(session, world, gone, how)
    with pytest.raises(Invalid, match="重新计算"):
        publish(session, actor=SYSTEM, run=run, edits=0, replaces=None, now=NOW)
    edited(session, world, run, "withdraw", provider=gone)
    assert publish(session, actor=SYSTEM, run=run, edits=1, replaces=None, now=NOW).publication == "published"
