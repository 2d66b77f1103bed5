"""Who may make, see and handle plans: every side against every state."""

from dataclasses import dataclass
from functools import partial

import pytest

from marketplace.core.access import ANONYMOUS, SYSTEM, Actor, Role
from marketplace.fundplans import policy
from marketplace.fundplans.rules import Phase, PlanState
from tests.factories import NOW

OWN, OTHER = 7, 8


@dataclass
class Plan:
    organization_id: int | None = None
    state: str = "solved"
    phase: str = "done"
    cancel_asked_at: object = None


@dataclass
class Giver:
    organization_id: int | None = OWN
    verified_at: object = NOW


MAY_SOLVE_AGAIN = partial(policy.may_solve_again, funders=[Giver()])


def somebody(role: Role, organization_id: int | None = None) -> Actor:
    return Actor(person_id=1, organization_id=organization_id, roles=frozenset({role}))


OPERATOR, AUDITOR = somebody(Role.OPERATOR), somebody(Role.AUDITOR)
OFFICER, STRANGER = somebody(Role.FUNDER, OWN), somebody(Role.FUNDER, OTHER)


@pytest.mark.parametrize(("actor", "plan", "funders", "sees"), [
    (OPERATOR, Plan(), [], True), (AUDITOR, Plan(), [], True), (SYSTEM, Plan(), [], True),
    (OFFICER, Plan(), [Giver()], False),                                   # not shared yet
    (OFFICER, Plan(state="shared"), [Giver()], True),
    (OFFICER, Plan(state="shared"), [Giver(verified_at=None)], False),     # no longer verified
    (STRANGER, Plan(state="shared"), [Giver()], False),                    # no pool of his in it
    (OFFICER, Plan(state="withdrawn"), [Giver()], False), (ANONYMOUS, Plan(state="shared"), [Giver()], False),
    (OFFICER, Plan(OWN), [Giver()], True), (STRANGER, Plan(OWN), [Giver()], False),
    (OPERATOR, Plan(OWN), [Giver()], False), (OPERATOR, Plan(OWN, state="shared"), [Giver()], True),
    (AUDITOR, Plan(OWN, state="shared"), [Giver()], True), (somebody(Role.PROVIDER_MEMBER, OWN), Plan(OWN), [Giver()], False),
])
def test_a_plan_is_seen_by_its_maker_and_once_shared_by_those_it_concerns(actor, plan, funders, sees):
    assert bool(policy.may_see(actor, plan, funders)) == sees
    assert sees or policy.may_see(actor, plan, funders).hidden


@pytest.mark.parametrize(("actor", "may"), [(OPERATOR, True), (SYSTEM, True), (AUDITOR, False), (OFFICER, False)])
def test_across_funders_the_operator_plans(actor, may):
    assert bool(policy.may_plan_for_all(actor)) == may


@pytest.mark.parametrize(("funders", "said"), [
    ([], "还没有登记"), ([Giver(verified_at=None)], "还没有核验"), ([Giver(OTHER)], "还没有登记"),
    ([Giver(verified_at=None), Giver()], "")])
def test_an_organization_plans_when_one_of_its_funders_is_verified(funders, said):
    decision = policy.may_plan_own(OFFICER, funders)
    assert bool(decision) == (said == "")
    assert said in decision.reason


@pytest.mark.parametrize(("funder", "may"), [(Giver(), True), (Giver(verified_at=None), False), (None, False), (Giver(OTHER), False)])
def test_gaps_are_for_people_of_verified_funders(funder, may):
    assert bool(policy.may_look_behind(OFFICER, funder)) == may
    assert not policy.may_look_behind(ANONYMOUS, funder)


@pytest.mark.parametrize(("rule", "plan", "may"), [
    (policy.may_share, Plan(state="solved"), True), (policy.may_share, Plan(state="shared"), False),
    (policy.may_withdraw, Plan(state="shared"), True), (policy.may_withdraw, Plan(state="withdrawn"), False),
    (policy.may_cancel, Plan(state="draft", phase="greedy"), True), (policy.may_cancel, Plan(), False),
    (policy.may_cancel, Plan(state="draft", phase="greedy", cancel_asked_at=NOW), False),
    (policy.may_cancel, Plan(state="withdrawn", phase="waiting"), False),
    (MAY_SOLVE_AGAIN, Plan(state="draft", phase=Phase.FAILED), True),
    (MAY_SOLVE_AGAIN, Plan(state="draft", phase="waiting"), False),
    (MAY_SOLVE_AGAIN, Plan(state=PlanState.WITHDRAWN, phase=Phase.CANCELLED), False),
])
def test_steps_belong_to_the_side_that_made_the_plan(rule, plan, may):
    assert bool(rule(OPERATOR, plan)) == may
    assert not rule(OFFICER, plan)
    plan.organization_id = OWN
    assert bool(rule(OFFICER, plan)) == may
    assert not rule(OPERATOR, plan)


@pytest.mark.parametrize(("funders", "may"), [
    ([Giver()], True), ([Giver(verified_at=None)], False), ([], False), ([Giver(verified_at=None), Giver()], True)])
def test_a_funder_that_lost_its_verification_reads_its_plans_and_begins_nothing(funders, may):
    own = Plan(OWN, state="draft", phase=Phase.FAILED)
    assert policy.may_see(OFFICER, own, funders)
    assert policy.may_see(OFFICER, Plan(OWN), funders)
    assert bool(policy.may_plan_own(OFFICER, funders)) == may
    assert bool(policy.may_solve_again(OFFICER, own, funders)) == may
    assert policy.may_withdraw(OFFICER, own)


@pytest.mark.parametrize(("actor", "funder", "state", "may"), [
    (OFFICER, Giver(), "solved", True), (OFFICER, Giver(), "shared", True), (OFFICER, Giver(verified_at=None), "solved", False),
    (STRANGER, Giver(), "solved", False), (OPERATOR, Giver(), "shared", False), (OFFICER, Giver(), "withdrawn", False),
    (OFFICER, Giver(), "draft", False)])
def test_a_paper_is_prepared_from_a_line_by_people_of_the_verified_funder_while_the_plan_stands(actor, funder, state, may):
    assert bool(policy.may_draft(actor, Plan(OWN, state=state), funder)) == may
