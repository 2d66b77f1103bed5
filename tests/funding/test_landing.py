"""Where donated and matched money may stand: by procedure, by the notice, by how far the project is."""

import itertools

import pytest

from marketplace.core.access import SYSTEM
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.money import Money
from marketplace.funding import operations
from marketplace.funding.models import CostLine
from marketplace.funding.rules import landing as rules
from marketplace.funding.rules.landing import Family, Landing, Place
from marketplace.projects.rules import ProjectState
from tests.factories import NOW
from tests.factories.funding import held, make_pledge, make_world, paid

PROCEDURES = {
    "grant_round": Family.GRANT, "adoption": Family.ADOPTION, "below_threshold": Family.BELOW_THRESHOLD,
    "open_tender": Family.PROCUREMENT, "invited_tender": Family.PROCUREMENT,
    "competitive_negotiation": Family.PROCUREMENT, "competitive_consultation": Family.PROCUREMENT,
    "request_for_quotations": Family.PROCUREMENT, "single_source": Family.PROCUREMENT,
    "framework": Family.PROCUREMENT, "something_new": Family.PROCUREMENT,
}
LANDING_OF = {Family.GRANT: Landing.GRANT_AGREEMENT, Family.ADOPTION: Landing.ADOPTION_AGREEMENT,
              Family.BELOW_THRESHOLD: Landing.NOTICED_AGREEMENT, Family.PROCUREMENT: Landing.EXTRA_OUTPUTS}
CLOSED = {ProjectState.DRAFT, ProjectState.IN_REVIEW, ProjectState.FAILED, ProjectState.TERMINATED}
AFTER = {ProjectState.AWARDED, ProjectState.CONTRACTED}


@pytest.mark.parametrize(("procedure", "state", "noticed"),
                         list(itertools.product(PROCEDURES, ProjectState, (False, True))))
def test_every_procedure_in_every_state_with_and_without_the_notice(procedure, state, noticed):
    family = PROCEDURES[procedure]
    place = Place(procedure, noticed, state)
    open_ = state not in CLOSED and (
        family in (Family.GRANT, Family.ADOPTION)
        or (family is Family.BELOW_THRESHOLD and noticed)
        or (family is Family.PROCUREMENT and state in AFTER))
    assert (rules.refusal(place) == "") == open_
    if open_:
        assert rules.landing_of(place) is LANDING_OF[family]
    else:
        with pytest.raises(Invalid) as refused:
            rules.landing_of(place)
        assert refused.value.field == "project"


def test_a_procedure_is_known_with_its_version_too():
    assert rules.family_of("below_threshold@2026.1") is Family.BELOW_THRESHOLD


def test_every_landing_and_family_has_words_and_a_source():
    assert set(rules.LANDING_LABELS) == set(Landing)
    assert set(rules.SOURCES) == set(Family)


NOTICED = Place("below_threshold", takes_matching=True, state="awarded")


def test_what_the_contract_pays_is_never_paid_again():
    with pytest.raises(Invalid) as refused:
        rules.check(NOTICED, None, cost_source="contract")
    assert refused.value.field == "cost_line"


@pytest.mark.parametrize("wanted", [None, Landing.NOTICED_AGREEMENT])
def test_the_landing_of_the_procedure_is_the_default(wanted):
    assert rules.check(NOTICED, wanted, cost_source=None) is Landing.NOTICED_AGREEMENT


def test_extra_outputs_may_be_asked_for_after_the_award_and_name_their_cost():
    assert rules.check(NOTICED, "extra_outputs", cost_source="extra") is Landing.EXTRA_OUTPUTS
    with pytest.raises(Invalid) as refused:
        rules.check(NOTICED, "extra_outputs", cost_source=None)
    assert refused.value.field == "cost_line"
    with pytest.raises(Invalid) as refused:
        rules.check(Place("below_threshold", takes_matching=True, state="published"), "extra_outputs", cost_source="extra")
    assert refused.value.field == "landing"


def test_a_procurement_gift_cannot_stand_in_an_agreement_of_a_grant():
    with pytest.raises(Invalid) as refused:
        rules.check(Place("open_tender", takes_matching=True, state="awarded"), "grant_agreement", cost_source="extra")
    assert refused.value.field == "landing"


def test_a_tender_takes_no_pledge_before_its_award_even_if_the_notice_says_so(session):
    world = make_world(session)
    world.project.procedure = "open_tender"
    with pytest.raises(Invalid) as refused:
        make_pledge(session, world)
    assert refused.value.field == "project"


def test_a_project_whose_notice_is_silent_takes_no_pledge(session):
    with pytest.raises(Invalid):
        make_pledge(session, make_world(session, takes_matching=False))


# ---- cost lines: no cost is paid twice ----

def extra(session, world, yuan=10_000, source="extra", name="无障碍改造"):
    return operations.add_cost_line(session, actor=SYSTEM, project=world.project, name=name, source=source,
                                    amount=Money.yuan(yuan), now=NOW)


def funded(session, line):
    session.refresh(line)
    return line.funded


def test_a_contract_line_takes_no_pledge(session):
    world = make_world(session)
    with pytest.raises(Invalid) as refused:
        make_pledge(session, world, cost_line=extra(session, world, source="contract"))
    assert refused.value.field == "cost_line"


def test_a_cost_line_of_another_project_is_refused(session):
    world, other = make_world(session), make_world(session)
    with pytest.raises(Invalid) as refused:
        make_pledge(session, world, cost_line=extra(session, other))
    assert refused.value.field == "cost_line"


def test_one_cost_takes_pledges_to_its_last_fen_and_not_one_more(session):
    world = make_world(session)
    line = extra(session, world)
    make_pledge(session, world, cost_line=line, amount=Money.yuan(6_000))
    make_pledge(session, world, cost_line=line, amount=Money.yuan(4_000))
    with pytest.raises(Conflict), session.begin_nested():
        make_pledge(session, world, cost_line=line, amount=Money(1))
    assert funded(session, line) == Money.yuan(10_000)


@pytest.mark.parametrize("way", ["cancel", "refund", "lost"])
def test_what_falls_away_may_be_paid_by_another_gift(session, way):
    world = make_world(session)
    line = extra(session, world)
    pledge = make_pledge(session, world, cost_line=line)
    if way == "cancel":
        operations.cancel(session, actor=SYSTEM, pledge=pledge, reason="捐赠人经营困难", now=NOW)
    elif way == "refund":
        operations.ask_refund(session, actor=SYSTEM, pledge=paid(session, world, pledge), amount=pledge.amount,
                              reason="项目终止", now=NOW)
        operations.refund_returned(session, actor=SYSTEM, pledge=pledge, amount=pledge.amount, now=NOW,
                                   from_account=world.suspense, idem_key="back")
    else:
        operations.open_dispute(session, actor=SYSTEM, pledge=held(session, world, pledge), amount=pledge.amount,
                                idem_key="dispute", now=NOW)
        operations.close_dispute(session, actor=SYSTEM, pledge=pledge, amount=pledge.amount, won=False,
                                 from_account=world.stripe, idem_key="dispute:closed", now=NOW)
    assert funded(session, line) == Money(0)
    make_pledge(session, world, cost_line=line)
    assert funded(session, line) == Money.yuan(10_000)


def test_the_database_itself_keeps_the_contract_line_empty(session):
    world = make_world(session)
    line = extra(session, world, source="contract")
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(CostLine.__table__.update().where(CostLine.id == line.id).values(funded=Money(1)))
