"""Reads of bids: nothing before the opening except one's own."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from marketplace.bids import operations, queries
from marketplace.bids.models import OrganizationKey, SealedBid
from marketplace.core.access import ANONYMOUS, SYSTEM, Role
from marketplace.core.errors import Denied, SealBroken
from tests.factories import NOW
from tests.factories.bids import make_bid, make_bidder
from tests.factories.projects import CLOSES, make_actor, make_desk, make_published

OPENS = CLOSES + timedelta(seconds=60)


@pytest.fixture
def sealer(app):
    return app.extensions["marketplace.services"].sealer


@pytest.fixture
def stage(session, sealer):
    """A desk, its project, and three bidders with their bids."""
    desk = make_desk(session)
    project = make_published(session, desk)
    bidders = [make_bidder(session) for _ in range(3)]
    bids = [make_bid(session, project, sealer, one) for one in bidders]
    return desk, project, bidders, bids


def visible(session, actor, project):
    return [bid.receipt_number for bid in queries.bids_visible_to(session, actor=actor, project=project)]


def test_before_the_opening_everybody_but_the_bidder_sees_no_bid_at_all(session, stage):
    desk, project, bidders, bids = stage
    others = [ANONYMOUS, SYSTEM, desk.handler, desk.approver, make_bidder(session).actor,
              *[make_actor(session, None, role) for role in (Role.OPERATOR, Role.AUDITOR, Role.SECURITY_OFFICER, Role.EXPERT)]]
    for actor in others:
        assert visible(session, actor, project) == []
        assert queries.own_bid(session, actor, project) is None
        assert queries.own_versions(session, actor, project) == []
        assert queries.own_projects(session, actor) == []
    assert visible(session, bidders[0].actor, project) == [bids[0].receipt_number]


def test_after_the_opening_the_buyer_sees_all_and_a_bidder_still_only_its_own(session, stage, sealer):
    desk, project, bidders, bids = stage
    operations.open_bids(session, actor=SYSTEM, project=project, sealer=sealer, now=OPENS)
    assert visible(session, desk.handler, project) == [bid.receipt_number for bid in bids]
    assert visible(session, bidders[1].actor, project) == [bids[1].receipt_number]
    assert visible(session, make_desk(session).handler, project) == []
    assert visible(session, ANONYMOUS, project) == []


def test_a_strangers_reference_and_an_invented_one_are_the_same_refusal(session, stage):
    _desk, _project, bidders, bids = stage
    for ref in (bids[0].ref, "aaaaaaaaaaaa"):
        with pytest.raises(Denied) as refused:
            queries.own_by_ref(session, bidders[1].actor, ref)
        assert refused.value.hidden
    assert queries.own_by_ref(session, bidders[0].actor, bids[0].ref) is bids[0]


def test_an_own_copy_that_does_not_fit_the_receipt_is_refused(session, stage, sealer):
    _desk, _project, bidders, bids = stage
    session.execute(update(SealedBid).where(SealedBid.id == bids[0].id).values(commitment="0" * 64))
    session.refresh(bids[0])
    with pytest.raises(SealBroken):
        queries.own_offer(session, bidders[0].actor, bids[0], sealer=sealer)


def test_a_lost_wrapped_key_is_a_clear_refusal(session, stage, sealer):
    _desk, _project, bidders, bids = stage
    session.query(OrganizationKey).delete()
    with pytest.raises(SealBroken, match="审计"):
        queries.own_offer(session, bidders[0].actor, bids[0], sealer=sealer)


def test_my_bids_lists_drafts_and_bids_of_the_whole_organization(session, stage, sealer):
    desk, project, bidders, bids = stage
    draft_only = make_published(session, desk)
    operations.save_draft(session, actor=bidders[0].actor, project=draft_only, fields={"plan": "x"}, sealer=sealer, now=NOW)
    rows = {row.project.id: row for row in queries.own_projects(session, bidders[0].actor)}
    assert set(rows) == {project.id, draft_only.id}
    assert rows[project.id].bid is bids[0]
    assert rows[draft_only.id].has_draft
    assert rows[draft_only.id].bid is None


def test_waiting_openings_are_those_that_are_due_and_not_done(session, stage, sealer):
    _desk, project, _bidders, _bids = stage
    assert list(queries.waiting_openings(session, now=OPENS - timedelta(seconds=1))) == []
    assert list(queries.waiting_openings(session, now=OPENS)) == [project]
    operations.open_bids(session, actor=SYSTEM, project=project, sealer=sealer, now=OPENS)
    assert list(queries.waiting_openings(session, now=OPENS)) == []


def test_the_record_of_no_opening_has_no_lines(session, stage, sealer):
    _desk, project, bidders, bids = stage
    assert queries.record_lines(queries.opening_of(session, project)) == []
    operations.open_bids(session, actor=SYSTEM, project=project, sealer=sealer, now=OPENS)
    lines = queries.record_lines(queries.opening_of(session, project))
    assert [(line.organization_id, line.receipt, line.verdict) for line in lines] == [
        (one.organization.id, bid.receipt_number, "intact") for one, bid in zip(bidders, bids, strict=True)]


def test_an_actor_without_an_organization_is_no_bidder(session, stage):
    assert not queries.bidder(session, ANONYMOUS, stage[1], day_of=NOW).is_provider


def test_this_machines_clock_and_the_databases_agree_within_two_seconds(session):
    assert abs(queries.clock_skew(session)) < timedelta(seconds=2)
    assert queries.clock_skew(session) == queries.clock_skew(session), "measured once a minute"


def test_the_name_of_whoever_handed_it_in(session, stage):
    assert queries.submitter_name(session, stage[3][0]) == "周敏"
