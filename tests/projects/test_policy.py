"""Who may do what with a project, without a database."""

from datetime import timedelta

import pytest

from marketplace.core.access import ANONYMOUS, SYSTEM, Actor, Role
from marketplace.organizations.models import Organization
from marketplace.projects import policy
from marketplace.projects.models import Enquiry, Project
from marketplace.projects.rules import ProjectState
from tests.factories import NOW

CLOSES = NOW + timedelta(days=14)
STATES = list(ProjectState)


def actor(role: Role, organization: int | None = 4, path: str = "/1/4/", person: int = 9) -> Actor:
    return Actor(person_id=person, organization_id=organization, unit_path=path, roles=frozenset({role}))


def project(state: str = "published", **changes: object) -> Project:
    values = {"buyer_id": 4, "buyer_path": "/1/4/", "created_by": 1, "submitted_by": 2, "closes_at": CLOSES,
              "published_at": None if state in ("draft", "in_review") else NOW, **changes}
    return Project(state=state, **values)


HANDLER, APPROVER, ADMIN = actor(Role.HANDLER), actor(Role.APPROVER), actor(Role.UNIT_ADMIN)
PARENT = actor(Role.APPROVER, organization=1, path="/1/")
SIBLING = actor(Role.APPROVER, organization=5, path="/1/5/")
PROVIDER = actor(Role.PROVIDER_ADMIN, organization=77, path="")
AUDITOR = actor(Role.AUDITOR, organization=None, path="")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("who", "sees"), [
    (HANDLER, set(STATES)), (ADMIN, set(STATES)), (SYSTEM, set(STATES)),
    (PARENT, set(STATES) - {"draft"}), (AUDITOR, set(STATES) - {"draft"}),
    (SIBLING, set(STATES) - {"draft", "in_review"}), (PROVIDER, set(STATES) - {"draft", "in_review"}),
    (ANONYMOUS, set(STATES) - {"draft", "in_review"}),
])
def test_who_sees_a_project_in_each_state(state: ProjectState, who: Actor, sees: set[str]) -> None:
    decision = policy.may_view(who, project(state))
    assert decision.allowed == (state in sees)
    assert decision.allowed or decision.hidden


def test_a_draft_discarded_before_publishing_stays_inside() -> None:
    discarded = project("terminated", published_at=None)
    assert policy.may_view(HANDLER, discarded)
    assert policy.may_view(PARENT, discarded).hidden
    assert policy.may_view(ANONYMOUS, discarded).hidden


def test_drafting_is_for_the_own_units_handlers_and_approvers() -> None:
    unit = Organization(id=4, name="街道", is_buyer=True)
    assert policy.may_draft(HANDLER, unit)
    assert policy.may_draft(APPROVER, unit)
    assert policy.may_draft(SYSTEM, unit)
    for who in (ADMIN, PARENT, SIBLING, PROVIDER, ANONYMOUS):
        assert not policy.may_draft(who, unit)


@pytest.mark.parametrize("who", [PARENT, SIBLING, PROVIDER, ANONYMOUS, ADMIN])
def test_only_the_own_unit_edits_submits_reviews_publishes_ends(who: Actor) -> None:
    for decision in (
        policy.may_edit(who, project("draft")), policy.may_submit(who, project("draft")),
        policy.may_review(who, project("in_review")), policy.may_publish(who, project("in_review"), people=3),
        policy.may_publish_addendum(who, project(), NOW), policy.may_answer(who, project()),
        policy.may_terminate(who, project()), policy.may_fail(who, project()),
    ):
        assert not decision


def test_strangers_get_404_for_the_unpublished_and_403_for_the_published() -> None:
    assert policy.may_edit(SIBLING, project("draft")).hidden
    assert not policy.may_terminate(SIBLING, project()).hidden


@pytest.mark.parametrize("state", [s for s in STATES if s != "draft"])
def test_only_drafts_are_edited(state: ProjectState) -> None:
    assert policy.may_edit(HANDLER, project("draft"))
    assert not policy.may_edit(HANDLER, project(state))


def test_a_handler_neither_reviews_nor_publishes_nor_ends_what_is_public() -> None:
    for decision in (policy.may_review(HANDLER, project("in_review")), policy.may_publish(HANDLER, project("in_review"), people=3),
                     policy.may_terminate(HANDLER, project()), policy.may_fail(HANDLER, project())):
        assert not decision
    assert policy.may_terminate(HANDLER, project("draft"))


@pytest.mark.parametrize(("person", "people", "allowed"), [(1, 2, False), (2, 2, False), (9, 2, True), (1, 1, True)])
def test_four_eyes(person: int, people: int, allowed: bool) -> None:
    who = actor(Role.APPROVER, person=person)
    assert bool(policy.may_publish(who, project("in_review"), people=people)) is allowed


def test_questions_are_for_the_signed_in_outside_the_unit_while_there_is_time() -> None:
    assert policy.may_ask(PROVIDER, project(), NOW)
    assert policy.may_ask(SIBLING, project(), NOW)
    assert not policy.may_ask(ANONYMOUS, project(), NOW)
    assert not policy.may_ask(HANDLER, project(), NOW)
    assert not policy.may_ask(PROVIDER, project(), CLOSES - timedelta(days=2))
    assert policy.may_ask(PROVIDER, project(), CLOSES - timedelta(days=2, seconds=1))
    assert not policy.may_ask(PROVIDER, project("opened"), NOW)
    assert policy.may_ask(PROVIDER, project("draft"), NOW).hidden


def test_a_waiting_question_is_seen_by_buyer_and_asker_only() -> None:
    waiting = Enquiry(project=project(), asked_by=9, question="?", asked_at=NOW)
    assert policy.may_see_enquiry(HANDLER, waiting)
    assert policy.may_see_enquiry(actor(Role.PROVIDER_ADMIN, organization=77, person=9), waiting)
    assert not policy.may_see_enquiry(actor(Role.PROVIDER_ADMIN, organization=78, person=10), waiting)
    assert not policy.may_see_enquiry(ANONYMOUS, waiting)
    waiting.answered_at = NOW
    assert policy.may_see_enquiry(ANONYMOUS, waiting)
    hidden = Enquiry(project=project("draft"), asked_by=9, question="?", asked_at=NOW)
    assert policy.may_see_enquiry(SIBLING, hidden).hidden


def test_answers_and_addenda_end_with_the_deadline_or_the_opening() -> None:
    assert policy.may_answer(HANDLER, project())
    assert not policy.may_answer(HANDLER, project("opened"))
    assert policy.may_publish_addendum(HANDLER, project(), CLOSES - timedelta(seconds=1))
    assert not policy.may_publish_addendum(HANDLER, project(), CLOSES)


def test_only_open_projects_take_offers() -> None:
    assert policy.is_open(project(), NOW)
    assert not policy.is_open(project(), CLOSES)
    assert not policy.is_open(project("opened"), NOW)
    assert not policy.is_open(project("draft"), NOW)


def test_the_opening_job_may_declare_a_failure() -> None:
    assert policy.may_fail(SYSTEM, project())
    assert policy.may_fail(APPROVER, project())
