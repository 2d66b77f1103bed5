"""Who may do what with a judgment: every role against every act, and what is hidden rather than refused."""

from datetime import timedelta

import pytest

from marketplace.awards import policy
from marketplace.awards.models import Award, Objection, Panel, PanelSeat
from marketplace.bids.models import SealedBid
from marketplace.core.access import ANONYMOUS, SYSTEM, Actor, Role
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState
from tests.factories import NOW

BUYER, BIDDER, OTHER = 1, 2, 3


def actor(organization, *roles, person=7):
    return Actor(person_id=person, name="甲", organization_id=organization, roles=frozenset(roles))


HANDLER, APPROVER = actor(BUYER, Role.HANDLER), actor(BUYER, Role.APPROVER)
STRANGER, EXPERT = actor(OTHER, Role.APPROVER), actor(None, Role.EXPERT)
AUDITOR, BIDS = actor(None, Role.AUDITOR), actor(BIDDER, Role.PROVIDER_MEMBER)


def project(state=ProjectState.OPENED):
    return Project(buyer_id=BUYER, state=state, opened_at=None if state == ProjectState.PUBLISHED else NOW)


def answer(decision):
    return "yes" if decision else "hidden" if decision.hidden else "no"


@pytest.mark.parametrize(("who", "draw", "award", "revoke", "desk"), [
    (HANDLER, "yes", "no", "no", "yes"), (APPROVER, "yes", "yes", "no", "yes"), (SYSTEM, "yes", "yes", "no", "yes"),
    (STRANGER, "hidden", "hidden", "hidden", "hidden"), (EXPERT, "hidden", "hidden", "hidden", "hidden"),
    (BIDS, "hidden", "hidden", "hidden", "hidden"), (ANONYMOUS, "hidden", "hidden", "hidden", "hidden"),
    (AUDITOR, "hidden", "hidden", "hidden", "yes"),
])
def test_each_role_at_the_desk_of_an_opened_project(who, draw, award, revoke, desk):
    opened = project()
    assert answer(policy.may_draw(who, opened)) == draw
    assert answer(policy.may_check_offers(who, opened)) == draw
    assert answer(policy.may_close_scoring(who, opened)) == draw
    assert answer(policy.may_award(who, opened)) == award
    assert answer(policy.may_revoke(who, opened)) == revoke
    assert answer(policy.may_prepare_decision(who, opened)) == desk


@pytest.mark.parametrize("state", [s for s in ProjectState if s != ProjectState.OPENED])
def test_outside_the_opened_state_nothing_is_drawn_checked_summed_or_awarded(state):
    for may in (policy.may_draw, policy.may_check_offers, policy.may_close_scoring, policy.may_award):
        assert answer(may(APPROVER, project(state))) == "no"


def test_before_the_opening_the_desk_of_the_decision_is_closed():
    assert answer(policy.may_prepare_decision(APPROVER, project(ProjectState.PUBLISHED))) == "no"


@pytest.mark.parametrize(("state", "public"), [
    (ProjectState.OPENED, "hidden"), (ProjectState.FAILED, "hidden"), (ProjectState.AWARDED, "yes"), (ProjectState.CONTRACTED, "yes"),
])
def test_the_members_names_are_public_with_the_result_only(state, public):
    for who in (ANONYMOUS, BIDS, EXPERT, STRANGER):
        assert answer(policy.may_see_panel(who, project(state))) == public
    assert answer(policy.may_see_panel(HANDLER, project(state))) == "yes"
    assert answer(policy.may_see_panel(AUDITOR, project(state))) == "yes"


def test_scores_are_shown_to_nobody_before_the_sum():
    for who, expected in ((APPROVER, "no"), (AUDITOR, "no"), (STRANGER, "hidden")):
        assert answer(policy.may_compare(who, project(), None)) == expected
        assert answer(policy.may_compare(who, project(), Panel(closed_at=None))) == expected
    for who, expected in ((APPROVER, "yes"), (AUDITOR, "yes"), (BIDS, "hidden"), (EXPERT, "hidden")):
        assert answer(policy.may_compare(who, project(), Panel(closed_at=NOW))) == expected


@pytest.mark.parametrize(("state", "read", "score"), [
    ("drawn", "no", "no"), ("seated", "yes", "yes"), ("recused", "no", "no"), ("submitted", "yes", "no")])
def test_only_the_seated_person_reads_and_scores(state, read, score):
    seat = PanelSeat(person_id=7, state=state)
    assert answer(policy.may_sit(EXPERT, seat)) == "yes"
    assert answer(policy.may_read_offers(EXPERT, seat)) == read
    assert answer(policy.may_score(EXPERT, seat)) == score
    for who in (actor(None, Role.EXPERT, person=8), ANONYMOUS):
        for may in (policy.may_sit, policy.may_read_offers, policy.may_score):
            assert answer(may(who, seat)) == "hidden"


def test_a_bidder_reads_its_own_result_after_the_decision():
    for state, expected in ((ProjectState.OPENED, "no"), (ProjectState.AWARDED, "yes"), (ProjectState.FAILED, "yes")):
        bid = SealedBid(organization_id=BIDDER, project=project(state))
        assert answer(policy.may_see_own_result(BIDS, bid)) == expected
        assert answer(policy.may_see_own_result(APPROVER, bid)) == "hidden"


def objecting(who=BIDS, *, took_part=True, state=ProjectState.AWARDED, award_state="notified", after=timedelta(0)):
    award = Award(state=award_state, objections_until=NOW + timedelta(days=3)) if award_state else None
    return policy.may_object(who, project(state), is_participant=took_part, award=award, now=NOW + after)


def test_participants_object_while_the_window_is_open():
    assert objecting()
    assert objecting(after=timedelta(days=3) - timedelta(microseconds=1))
    for refused in (objecting(APPROVER), objecting(took_part=False), objecting(award_state=None),
                    objecting(award_state="revoked"), objecting(state=ProjectState.CONTRACTED), objecting(after=timedelta(days=3))):
        assert answer(refused) == "no"


def test_an_objection_is_read_by_its_organization_the_buyer_and_the_auditor():
    objection = Objection(organization_id=BIDDER, project=project(ProjectState.AWARDED), answered_at=None)
    found = {name: answer(policy.may_see_objection(who, objection)) for name, who in
             (("bidder", BIDS), ("buyer", HANDLER), ("auditor", AUDITOR), ("stranger", STRANGER), ("other", actor(OTHER, Role.PROVIDER_ADMIN)))}
    assert found == {"bidder": "yes", "buyer": "yes", "auditor": "yes", "stranger": "hidden", "other": "hidden"}
    assert answer(policy.may_answer_objection(APPROVER, objection)) == "yes"
    assert answer(policy.may_answer_objection(HANDLER, objection)) == "no"
    objection.answered_at = NOW
    assert answer(policy.may_answer_objection(APPROVER, objection)) == "no"


def test_the_pool_is_the_operators():
    assert policy.may_enrol_expert(actor(None, Role.OPERATOR))
    assert policy.may_enrol_expert(SYSTEM)
    assert answer(policy.may_enrol_expert(APPROVER)) == "no"
