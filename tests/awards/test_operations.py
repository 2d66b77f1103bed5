"""From the draw to the award and back: what each step changes, and what it refuses."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from marketplace.awards import operations, queries, rules
from marketplace.awards.models import Award, Notice, Objection, Score
from marketplace.core.access import SYSTEM, Role
from marketplace.core.audit import AuditEvent
from marketplace.core.clock import at_beijing
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.core.outbox import Job
from marketplace.organizations.models import CreditListing
from marketplace.projects.rules import ProjectState
from tests.factories import NOW, awards
from tests.factories.accounts import make_person
from tests.factories.awards import LATER, OPENED, SEED
from tests.factories.projects import make_actor, make_desk, make_published


def jobs(session, kind):
    session.flush()
    return [job.payload for job in session.scalars(select(Job).where(Job.kind == kind).order_by(Job.id))]


def events(session, action):
    return list(session.scalars(select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.id)))


# ---- the draw ----

def test_the_draw_seats_the_first_of_the_published_order(session, sealer):
    case = awards.make_case(session, sealer)
    panel = awards.draw(session, case)
    order = rules.draw_order(SEED, panel.pool)
    assert panel.pool == order
    assert [seat.person.ref for seat in panel.seats] == order[:5]
    assert {seat.state for seat in panel.seats} == {"drawn"}
    assert events(session, "awards.draw_panel")[0].facts["seed"] == SEED
    assert len(jobs(session, rules.JOB_SEATS_CHANGED)[0]["seat_refs"]) == 5


def test_without_a_given_seed_two_draws_have_different_ones(session, sealer):
    first, second = awards.make_case(session, sealer), awards.make_case(session, sealer)
    seeds = {operations.draw_panel(session, actor=case.desk.handler, project=case.project, now=OPENED).seed
             for case in (first, second)}
    assert len(seeds) == 2
    assert all(len(seed) == 32 for seed in seeds)


def test_a_panel_of_four_where_five_are_asked_is_refused(session, sealer):
    case = awards.make_case(session, sealer, experts=4)
    with pytest.raises(Conflict) as refused:
        awards.draw(session, case)
    assert refused.value.facts == {"wanted": 5, "found": 4}
    assert queries.panel_of(session, case.project) is None


def test_an_even_panel_is_refused(session, sealer):
    case = awards.make_case(session, sealer)
    case.project.panel_size = 4
    with pytest.raises(Invalid):
        awards.draw(session, case)


def test_nobody_who_works_for_a_bidder_or_the_buyer_is_in_the_draw(session, sealer):
    case = awards.make_case(session, sealer, experts=5)
    bidder = queries.bidders(session, case.project)[0]
    by_registry = awards.make_expert(session, organization=bidder)
    by_name = awards.make_expert(session, employer=f" {bidder.name} ")
    at_buyer = awards.make_expert(session, organization=case.desk.unit)
    lapsed = awards.make_expert(session)
    mandate = make_mandate(session, lapsed, bidder)
    mandate.revoked_at = OPENED - timedelta(days=300)
    panel = awards.draw(session, case)
    assert not {by_registry.ref, by_name.ref, at_buyer.ref, lapsed.ref} & set(panel.pool)
    assert len(panel.pool) == 5


def make_mandate(session, person, organization):
    from marketplace.accounts.operations import grant

    return grant(session, actor=SYSTEM, person=person, organization_id=organization.id, role=Role.PROVIDER_MEMBER, now=NOW)


def test_who_left_a_bidder_more_than_three_years_ago_may_be_drawn(session, sealer):
    case = awards.make_case(session, sealer, experts=4)
    person = awards.make_expert(session)
    mandate = make_mandate(session, person, queries.bidders(session, case.project)[0])
    mandate.revoked_at = OPENED - timedelta(days=1_100)
    assert person.ref in awards.draw(session, case).pool


def test_an_expert_of_a_unit_above_the_buyer_is_not_drawn(session, sealer):
    parent = make_desk(session)
    desk = make_desk(session, parent=parent.unit)
    project = make_published(session, desk)
    awards.bids.make_opening(session, project, sealer)
    for _ in range(5):
        awards.make_expert(session)
    tied = awards.make_expert(session, organization=parent.unit)
    panel = operations.draw_panel(session, actor=desk.handler, project=project, now=OPENED)
    assert tied.ref not in panel.pool


def test_experts_of_the_field_are_drawn_alone_when_there_are_enough(session, sealer):
    case = awards.make_case(session, sealer, experts=0)
    for _ in range(10):
        awards.make_expert(session, fields=["A04"])
    others = {awards.make_expert(session, fields=["A05"]).ref for _ in range(3)}
    assert not others & set(awards.draw(session, case).pool)


def test_other_fields_join_the_draw_when_the_field_is_too_small(session, sealer):
    case = awards.make_case(session, sealer, experts=0)
    for _ in range(3):
        awards.make_expert(session, fields=["A04"])
    others = {awards.make_expert(session, fields=["A05"]).ref for _ in range(3)}
    assert others <= set(awards.draw(session, case).pool)


def test_one_representative_of_the_buyer_may_sit_in_a_panel_of_five(session, sealer):
    case = awards.make_case(session, sealer)
    person = make_person(session, name="梁伟", role=Role.HANDLER, organization_id=case.desk.unit.id)
    panel = operations.draw_panel(session, actor=case.desk.handler, project=case.project, now=OPENED,
                                  representatives=[person])
    assert [(seat.is_expert, seat.person_id == person.id) for seat in panel.seats][-1] == (False, True)
    assert sum(seat.is_expert for seat in panel.seats) == 4


def test_two_representatives_or_a_stranger_as_representative_are_refused(session, sealer):
    case = awards.make_case(session, sealer)
    staff = [make_person(session, name="梁伟", role=Role.HANDLER, organization_id=case.desk.unit.id) for _ in range(2)]
    stranger = make_person(session, name="外人")
    for people in (staff, [stranger]):
        with pytest.raises(Invalid) as refused:
            operations.draw_panel(session, actor=case.desk.handler, project=case.project, now=OPENED,
                                  representatives=people)
        assert refused.value.field == "representatives"


def test_the_panel_is_drawn_only_after_the_opening_and_only_once(session, sealer):
    desk = make_desk(session)
    project = make_published(session, desk)
    with pytest.raises(Denied):
        operations.draw_panel(session, actor=desk.handler, project=project, now=OPENED)
    case = awards.make_case(session, sealer)
    awards.draw(session, case)
    with pytest.raises(Conflict):
        awards.draw(session, case)


def test_another_unit_cannot_draw_and_learns_nothing(session, sealer):
    case = awards.make_case(session, sealer)
    with pytest.raises(Denied) as refused:
        operations.draw_panel(session, actor=make_desk(session).handler, project=case.project, now=OPENED)
    assert refused.value.hidden


# ---- declarations ----

def test_a_recused_member_is_replaced_by_the_next_in_the_draw(session, sealer):
    case = awards.make_case(session, sealer)
    panel = awards.draw(session, case)
    seat = panel.seats[1]
    operations.declare(session, actor=awards.member(session, seat), seat=seat, has_conflict=True,
                       reason="曾任该组织理事", now=OPENED)
    assert (seat.state, seat.recusal_reason) == ("recused", "曾任该组织理事")
    assert panel.seats[-1].person.ref == panel.pool[5]
    assert (panel.seats[-1].state, panel.seats[-1].draw_order) == ("drawn", 6)
    assert len(operations.panel.active_seats(panel)) == 5


def test_a_substitute_with_a_new_conflict_is_passed_over(session, sealer):
    case = awards.make_case(session, sealer)
    panel = awards.draw(session, case)
    sixth = session.scalars(select(awards.Person).where(awards.Person.ref == panel.pool[5])).one()
    make_mandate(session, sixth, queries.bidders(session, case.project)[0])
    seat = panel.seats[0]
    operations.declare(session, actor=awards.member(session, seat), seat=seat, has_conflict=True, reason="亲属", now=OPENED)
    assert panel.seats[-1].person.ref == panel.pool[6]


def test_withdrawing_needs_a_reason(session, sealer):
    seat = awards.draw(session, awards.make_case(session, sealer)).seats[0]
    with pytest.raises(Invalid):
        operations.declare(session, actor=awards.member(session, seat), seat=seat, has_conflict=True, reason=" ", now=OPENED)
    assert seat.state == "drawn"


def test_when_the_draw_is_used_up_the_seat_stays_empty_and_scoring_cannot_be_closed(session, sealer):
    case = awards.make_case(session, sealer, experts=5)
    panel = awards.draw(session, case)
    seat = panel.seats[0]
    operations.declare(session, actor=awards.member(session, seat), seat=seat, has_conflict=True, reason="亲属", now=OPENED)
    assert len(panel.seats) == 5
    with pytest.raises(Conflict, match="用完"):
        operations.draw_substitutes(session, actor=case.desk.handler, project=case.project, now=OPENED)
    awards.score_all(session, panel)
    with pytest.raises(IllegalStep, match="空缺"):
        operations.close_scoring(session, actor=case.desk.handler, project=case.project, now=LATER)
    joined = awards.make_expert(session)
    made = operations.draw_substitutes(session, actor=case.desk.handler, project=case.project, now=OPENED)
    assert [seat.person_id for seat in made] == [joined.id]
    assert panel.pool[-1] == joined.ref
    awards.score_all(session, panel)
    assert len(operations.close_scoring(session, actor=case.desk.handler, project=case.project, now=LATER)) == 3


def test_a_full_panel_needs_no_substitutes(session, sealer):
    case = awards.make_case(session, sealer)
    awards.draw(session, case)
    with pytest.raises(Conflict):
        operations.draw_substitutes(session, actor=case.desk.handler, project=case.project, now=OPENED)


def test_nobody_declares_for_another(session, sealer):
    first, second, *_ = awards.draw(session, awards.make_case(session, sealer)).seats
    with pytest.raises(Denied) as refused:
        operations.declare(session, actor=awards.member(session, first), seat=second, has_conflict=False, now=OPENED)
    assert refused.value.hidden


def test_a_member_may_withdraw_while_scoring_and_the_scores_do_not_count(session, sealer):
    case = awards.make_case(session, sealer)
    panel = awards.draw(session, case)
    seat = panel.seats[0]
    awards.seat_all(session, panel)
    awards.fill_sheet(session, seat, share=Decimal("0.1"), step=Decimal(0))
    operations.declare(session, actor=awards.member(session, seat), seat=seat, has_conflict=True, reason="亲属", now=OPENED)
    awards.score_all(session, panel)
    rows = operations.close_scoring(session, actor=case.desk.handler, project=case.project, now=LATER)
    assert rows[0].quality_points == Decimal("64.0000")


# ---- sheets ----

def scoring(session, sealer, **changes):
    case = awards.make_case(session, sealer, **changes)
    panel = awards.draw(session, case)
    awards.seat_all(session, panel)
    return case, panel, panel.seats[0], queries.opened_bids(session, case.project)[0]


def save(session, seat, bid, points, *, actor=None):
    criterion = seat.panel.project.criteria[0]
    operations.save_scores(session, actor=actor or awards.member(session, seat), seat=seat, bid=bid,
                           points={criterion.id: Decimal(points)}, comments={criterion.id: "好"}, now=OPENED)


@pytest.mark.parametrize("points", ["-0.01", "40.01", "100", "1.005", "NaN", "Infinity"])
def test_points_outside_the_weight_or_finer_than_two_decimals_are_refused(session, sealer, points):
    _, _, seat, bid = scoring(session, sealer)
    with pytest.raises(Invalid):
        save(session, seat, bid, points)


@pytest.mark.parametrize("points", ["0", "40", "12.34", "12.340"])
def test_points_from_zero_to_the_weight_are_kept_and_can_be_changed(session, sealer, points):
    _, _, seat, bid = scoring(session, sealer)
    save(session, seat, bid, "7")
    save(session, seat, bid, points)
    score = session.scalars(select(Score).where(Score.seat_id == seat.id)).one()
    assert (score.points, score.comment) == (Decimal(points), "好")


def test_a_member_without_declaration_cannot_score(session, sealer):
    case = awards.make_case(session, sealer)
    seat = awards.draw(session, case).seats[0]
    with pytest.raises(Denied, match="声明"):
        save(session, seat, queries.opened_bids(session, case.project)[0], "5")


def test_nobody_writes_on_anothers_sheet(session, sealer):
    case, panel, seat, bid = scoring(session, sealer)
    for actor in (awards.member(session, panel.seats[1]), case.desk.approver):
        with pytest.raises(Denied) as refused:
            save(session, seat, bid, "5", actor=actor)
        assert refused.value.hidden


def test_a_bid_or_criterion_of_another_project_cannot_be_scored(session, sealer):
    _, _, seat, bid = scoring(session, sealer)
    other, _, _other_seat, other_bid = scoring(session, sealer)
    with pytest.raises(Invalid):
        save(session, seat, other_bid, "5")
    with pytest.raises(Invalid):
        operations.save_scores(session, actor=awards.member(session, seat), seat=seat, bid=bid,
                               points={other.project.criteria[0].id: Decimal(1)}, comments={}, now=OPENED)


def test_the_database_refuses_a_score_for_a_bid_of_another_project(session, sealer):
    case, _, seat, _ = scoring(session, sealer)
    *_, other_bid = scoring(session, sealer)
    session.add(Score(seat_id=seat.id, project_id=case.project.id, bid_id=other_bid.id,
                      criterion_id=case.project.criteria[0].id, points=Decimal(1), saved_at=OPENED))
    with pytest.raises(IntegrityError):
        session.flush()


def test_an_incomplete_sheet_cannot_be_submitted(session, sealer):
    _, _, seat, bid = scoring(session, sealer)
    save(session, seat, bid, "5")
    with pytest.raises(Invalid) as refused:
        operations.submit_sheet(session, actor=awards.member(session, seat), seat=seat, now=OPENED)
    assert refused.value.facts["count"] == 8


def test_a_submitted_sheet_is_final(session, sealer):
    _, _, seat, bid = scoring(session, sealer)
    awards.fill_sheet(session, seat)
    operations.submit_sheet(session, actor=awards.member(session, seat), seat=seat, dissent="价格分偏高", now=OPENED)
    assert (seat.state, seat.submitted_at, seat.dissent) == ("submitted", OPENED, "价格分偏高")
    with pytest.raises(Denied):
        save(session, seat, bid, "5")
    with pytest.raises(Denied):
        operations.submit_sheet(session, actor=awards.member(session, seat), seat=seat, now=OPENED)
    with pytest.raises(IllegalStep):
        operations.declare(session, actor=awards.member(session, seat), seat=seat, has_conflict=True, reason="悔", now=OPENED)


def test_the_buyer_is_told_when_the_last_sheet_is_in_and_not_before(session, sealer):
    case = awards.make_case(session, sealer)
    panel = awards.draw(session, case)
    awards.seat_all(session, panel)
    for number, seat in enumerate(panel.seats, 1):
        awards.fill_sheet(session, seat)
        operations.submit_sheet(session, actor=awards.member(session, seat), seat=seat, now=OPENED)
        assert len(jobs(session, rules.JOB_SHEETS_IN)) == (number == 5)


def test_a_comment_of_endless_length_is_refused(session, sealer):
    case, _, seat, bid = scoring(session, sealer)
    with pytest.raises(Invalid) as refused:
        operations.save_scores(session, actor=awards.member(session, seat), seat=seat, bid=bid, points={},
                               comments={case.project.criteria[0].id: "长" * 1001}, now=OPENED)
    assert refused.value.field == "comment"


# ---- the check of offers ----

def test_an_invalid_offer_needs_a_reason_and_leaves_the_ranking(session, sealer):
    case = awards.make_case(session, sealer, prices=(356_000, 340_000, 361_000, 350_000))
    offer = queries.opened_bids(session, case.project)[0].offer
    with pytest.raises(Invalid):
        operations.set_validity(session, actor=case.desk.handler, offer=offer, is_valid=False, reason=" ", now=OPENED)
    operations.set_validity(session, actor=case.desk.handler, offer=offer, is_valid=False, reason="未按要求签署", now=OPENED)
    panel = awards.draw(session, case)
    awards.score_all(session, panel)
    rows = operations.close_scoring(session, actor=case.desk.handler, project=case.project, now=LATER)
    assert offer.bid_id not in {row.bid_id for row in rows}
    assert (len(rows), offer.invalid_reason) == (3, "未按要求签署")


def test_an_offer_can_be_declared_valid_again_until_the_ranking(session, sealer):
    case = awards.make_case(session, sealer, prices=(356_000, 340_000, 361_000, 350_000))
    offer = queries.opened_bids(session, case.project)[0].offer
    for is_valid in (False, True):
        operations.set_validity(session, actor=case.desk.handler, offer=offer, is_valid=is_valid, reason="x", now=OPENED)
    assert (offer.is_valid, offer.invalid_reason) == (True, "")
    panel = awards.draw(session, case)
    awards.score_all(session, panel)
    operations.close_scoring(session, actor=case.desk.handler, project=case.project, now=LATER)
    operations.set_validity(session, actor=case.desk.handler, offer=offer, is_valid=False, reason="弄虚作假", now=LATER)
    with pytest.raises(Conflict):
        operations.set_validity(session, actor=case.desk.handler, offer=offer, is_valid=True, reason="", now=LATER)


def list_bidder(session, case, *, number=0):
    bid = queries.opened_bids(session, case.project)[number]
    session.add(CreditListing(organization=bid.organization, kind="serious", listed_on=date(2026, 12, 1), reason="处罚",
                              source="公示", removed_on=None))
    session.flush()
    session.expire(bid.organization, ["listings"])
    return bid


def test_a_bidder_on_the_serious_list_that_day_cannot_count_as_valid(session, sealer):
    case = awards.make_case(session, sealer, prices=(356_000, 340_000, 361_000, 350_000))
    bid = list_bidder(session, case)
    with pytest.raises(Invalid):
        operations.set_validity(session, actor=case.desk.handler, offer=bid.offer, is_valid=True, reason="", now=OPENED)
    awards.score_all(session, awards.draw(session, case))
    with pytest.raises(Invalid) as refused:
        operations.close_scoring(session, actor=case.desk.handler, project=case.project, now=LATER)
    assert refused.value.facts["name"] == bid.organization.name
    operations.set_validity(session, actor=case.desk.handler, offer=bid.offer, is_valid=False, reason="失信", now=LATER)
    assert len(operations.close_scoring(session, actor=case.desk.handler, project=case.project, now=LATER)) == 3


def test_fewer_valid_offers_than_the_least_number_fail_the_project(session, sealer):
    case = awards.make_case(session, sealer)
    offer = queries.opened_bids(session, case.project)[0].offer
    operations.set_validity(session, actor=case.desk.handler, offer=offer, is_valid=False, reason="未签署", now=OPENED)
    assert operations.close_scoring(session, actor=case.desk.handler, project=case.project, now=LATER) == []
    assert case.project.state == ProjectState.FAILED
    assert "2" in case.project.end_reason


def test_a_price_above_the_ceiling_is_barred(session, sealer):
    case = awards.make_case(session, sealer)
    bid = queries.opened_bids(session, case.project)[0]
    assert queries.hard_problems(case.project, bid.offer, day=date(2026, 12, 7)) == []
    bid.offer.price = Money.yuan(368_001)
    assert queries.hard_problems(case.project, bid.offer, day=date(2026, 12, 7)) == ["报价超过最高限价"]
    bid.organization.credit_code = None
    bid.organization.verification, bid.organization.verified_at = "returned", None
    assert "没有有效的统一社会信用代码" in queries.hard_problems(case.project, bid.offer, day=date(2026, 12, 7))


# ---- ranking ----

def test_the_ranking_adds_the_mean_of_the_members_and_the_price_points(session, sealer):
    case = awards.make_ranked(session, sealer)
    rows = queries.ranking_of(session, case.project)
    bids = queries.opened_bids(session, case.project)
    first = next(row for row in rows if row.bid_id == bids[0].id)
    base = min(bid.offer.price.fen for bid in bids)
    price = rules.round_points(rules.price_points({b.ref: b.offer.price for b in bids}, 20)[bids[0].ref], 4)
    assert first.quality_points == Decimal("64.0000")
    assert first.price_points == price
    assert first.total == rules.round_points(Decimal(64) + Decimal(base) / bids[0].offer.price.fen * 20, 2)
    assert [row.rank for row in rows] == [1, 2, 3]
    assert rows[0].total >= rows[1].total >= rows[2].total


def test_scoring_cannot_be_closed_while_a_sheet_is_missing_nor_twice(session, sealer):
    case = awards.make_case(session, sealer)
    with pytest.raises(IllegalStep, match="抽取"):
        operations.close_scoring(session, actor=case.desk.handler, project=case.project, now=LATER)
    panel = awards.draw(session, case)
    with pytest.raises(IllegalStep, match="5"):
        operations.close_scoring(session, actor=case.desk.handler, project=case.project, now=LATER)
    awards.score_all(session, panel)
    operations.close_scoring(session, actor=case.desk.handler, project=case.project, now=LATER)
    with pytest.raises(Conflict):
        operations.close_scoring(session, actor=case.desk.handler, project=case.project, now=LATER)


def test_a_panel_with_too_few_experts_cannot_close_the_scoring(session, sealer):
    case = awards.make_case(session, sealer)
    panel = awards.draw(session, case)
    awards.score_all(session, panel)
    panel.seats[0].is_expert = panel.seats[1].is_expert = False
    with pytest.raises(IllegalStep, match="三分之二"):
        operations.close_scoring(session, actor=case.desk.handler, project=case.project, now=LATER)


def test_by_lowest_price_the_cheapest_valid_offer_comes_first(session, sealer):
    case = awards.make_ranked(session, sealer, scoring_method="lowest_price", price_weight=100, criteria=[])
    prices = [row.bid.offer.price for row in queries.ranking_of(session, case.project)]
    assert prices == sorted(prices)


def test_a_tie_for_first_is_broken_by_the_recorded_lot(session, sealer):
    case = awards.make_case(session, sealer, prices=(350_000, 350_000, 350_000))
    panel = awards.draw(session, case)
    awards.seat_all(session, panel)
    for seat in panel.seats:
        awards.fill_sheet(session, seat, step=Decimal(0))
        operations.submit_sheet(session, actor=awards.member(session, seat), seat=seat, now=OPENED)
    operations.close_scoring(session, actor=case.desk.handler, project=case.project, now=LATER)
    rows = queries.ranking_of(session, case.project)
    refs = [row.bid.ref for row in rows]
    assert [(row.rank, row.lot) for row in rows] == [(1, 1), (1, 2), (1, 3)]
    assert refs == rules.draw_order(f"{SEED}:tie:", refs)


# ---- the award ----

def test_the_award_goes_to_the_first_at_its_own_price_and_is_published(session, sealer):
    case = awards.make_ranked(session, sealer)
    award = awards.make_award(session, case)
    first = queries.ranking_of(session, case.project)[0].bid
    notice = session.scalars(select(Notice).where(Notice.kind == "result")).one()
    assert (award.bid_id, award.price) == (first.id, first.offer.price)
    assert case.project.state == ProjectState.AWARDED
    assert notice.facts["winner"] == first.organization.name
    assert notice.facts["price_fen"] == first.offer.price.fen
    assert notice.facts["ranking"][0][1] == first.organization.name
    assert len(notice.facts["panel"]) == 5
    assert jobs(session, rules.JOB_AWARD_MADE) == [{"award_ref": award.ref}] * 2      # the inbox tells; agreements look at donors


def test_the_objection_window_ends_after_three_working_days(session, sealer):
    award = awards.make_award(session, awards.make_ranked(session, sealer))  # decided on Tuesday, 8 December
    assert award.objections_until == at_beijing(date(2026, 12, 12))
    job = session.scalars(select(Job).where(Job.kind == rules.JOB_OBJECTIONS_OVER)).one()
    assert (job.due_at, job.payload) == (award.objections_until, {"award_ref": award.ref})


def test_losers_totals_are_not_in_the_notice(session, sealer):
    case = awards.make_ranked(session, sealer)
    awards.make_award(session, case)
    notice = session.scalars(select(Notice).where(Notice.kind == "result")).one()
    winner, *losers = queries.ranking_of(session, case.project)
    assert Decimal(notice.facts["winner_total"]) == winner.total
    for row in losers:
        assert str(row.total.quantize(Decimal("0.01"))) not in str(notice.facts)
        assert str(row.bid.offer.price.fen) not in str(notice.facts)


def test_another_than_the_first_needs_a_reason(session, sealer):
    case = awards.make_ranked(session, sealer)
    with pytest.raises(Invalid) as refused:
        awards.make_award(session, case, place=1, reason=" ")
    assert refused.value.field == "reason"
    award = awards.make_award(session, case, place=1, reason="排名第一的响应人书面放弃")
    assert award.reason == "排名第一的响应人书面放弃"


def test_the_next_counts_as_first_when_the_first_was_refused(session, sealer):
    case = awards.make_ranked(session, sealer)
    first, second, _ = queries.ranking_of(session, case.project)
    operations.set_validity(session, actor=case.desk.handler, offer=first.bid.offer, is_valid=False, reason="造假", now=LATER)
    with pytest.raises(Invalid):
        awards.make_award(session, case, place=0, reason="仍选第一")
    assert awards.make_award(session, case, place=1, reason="").bid_id == second.bid_id


def test_a_bid_of_another_project_cannot_win(session, sealer):
    case, other = awards.make_ranked(session, sealer), awards.make_ranked(session, sealer)
    bid = queries.ranking_of(session, other.project)[0].bid
    with pytest.raises(Invalid):
        operations.award(session, actor=case.desk.approver, project=case.project, bid=bid, reason="", now=LATER)
    assert case.project.state == ProjectState.OPENED


def test_the_database_refuses_an_award_to_a_bid_of_another_project(session, sealer):
    case, other = awards.make_ranked(session, sealer), awards.make_ranked(session, sealer)
    bid = queries.ranking_of(session, other.project)[0].bid
    session.add(Award(project_id=case.project.id, bid_id=bid.id, price=Money.yuan(1), reason="", awarded_at=LATER,
                      objections_until=LATER, decided_by=None, revoked_at=None))
    with pytest.raises(IntegrityError):
        session.flush()


def test_the_database_keeps_one_live_award_a_project(session, sealer):
    case = awards.make_ranked(session, sealer)
    award = awards.make_award(session, case)
    session.add(Award(project_id=case.project.id, bid_id=award.bid_id, price=award.price, reason="", awarded_at=LATER,
                      objections_until=LATER, decided_by=None, revoked_at=None))
    with pytest.raises(IntegrityError):
        session.flush()


def test_only_an_approver_of_the_buyer_decides(session, sealer):
    case = awards.make_ranked(session, sealer)
    bid = queries.ranking_of(session, case.project)[0].bid
    for actor, hidden in ((case.desk.handler, False), (make_desk(session).approver, True),
                          (awards.bidder_of(session, bid), True)):
        with pytest.raises(Denied) as refused:
            operations.award(session, actor=actor, project=case.project, bid=bid, reason="", now=LATER)
        assert refused.value.hidden == hidden


def test_nothing_is_awarded_before_the_sheets_are_summed_up(session, sealer):
    case = awards.make_case(session, sealer)
    bid = queries.opened_bids(session, case.project)[0]
    with pytest.raises(IllegalStep):
        operations.award(session, actor=case.desk.approver, project=case.project, bid=bid, reason="", now=LATER)


def test_the_second_decision_is_a_conflict(session, sealer):
    case = awards.make_ranked(session, sealer)
    awards.make_award(session, case)
    with pytest.raises(Conflict):
        awards.make_award(session, case, place=1, reason="另选")


def test_a_revoked_award_opens_the_decision_again_and_corrects_the_notice(session, sealer):
    case = awards.make_ranked(session, sealer)
    award = awards.make_award(session, case)
    with pytest.raises(Invalid):
        operations.revoke(session, actor=case.desk.approver, award=award, reason="", now=LATER)
    operations.revoke(session, actor=case.desk.approver, award=award, reason="中选人放弃", now=LATER)
    assert (award.state, award.revoked_at, case.project.state) == ("revoked", LATER, ProjectState.OPENED)
    assert session.scalars(select(Notice).where(Notice.kind == "correction")).one().facts["reason"] == "中选人放弃"
    with pytest.raises(Denied):
        operations.revoke(session, actor=case.desk.approver, award=award, reason="再撤", now=LATER)
    second = awards.make_award(session, case, place=1, reason="第一名放弃")
    assert case.project.state == ProjectState.AWARDED
    assert second.ref != award.ref


# ---- objections ----

def awarded(session, sealer):
    case = awards.make_ranked(session, sealer)
    award = awards.make_award(session, case)
    loser = awards.bidder_of(session, queries.ranking_of(session, case.project)[1].bid)
    return case, award, loser


def object_to(session, case, actor, *, now=LATER, text="评分有误"):
    return operations.raise_objection(session, actor=actor, project=case.project, text=text, now=now)


def test_a_participant_objects_within_the_window_and_the_contract_waits(session, sealer):
    case, award, loser = awarded(session, sealer)
    last = award.objections_until - timedelta(microseconds=1)
    objection = object_to(session, case, loser, now=last)
    assert case.project.open_objections == 1
    assert objection.organization_id == loser.organization_id
    assert jobs(session, rules.JOB_OBJECTION_RAISED) == [{"objection_ref": objection.ref}]


def test_the_end_of_the_window_is_exclusive(session, sealer):
    case, award, loser = awarded(session, sealer)
    with pytest.raises(Denied, match="已结束"):
        object_to(session, case, loser, now=award.objections_until)


def test_who_took_no_part_cannot_object(session, sealer):
    case, _, _ = awarded(session, sealer)
    stranger = awards.bids.make_bidder(session).actor
    for actor in (stranger, case.desk.approver):
        with pytest.raises(Denied):
            object_to(session, case, actor)
    assert case.project.open_objections == 0


def test_one_open_objection_an_organization_and_it_needs_a_text(session, sealer):
    case, _, loser = awarded(session, sealer)
    with pytest.raises(Invalid):
        object_to(session, case, loser, text="  ")
    with pytest.raises(Invalid):
        object_to(session, case, loser, text="长" * 5001)
    object_to(session, case, loser)
    with pytest.raises(Conflict):
        object_to(session, case, loser)
    assert case.project.open_objections == 1


def test_an_objection_that_is_not_upheld_frees_the_contract_after_the_window(session, sealer):
    case, award, loser = awarded(session, sealer)
    objection = object_to(session, case, loser)
    with pytest.raises(Invalid):
        operations.answer_objection(session, actor=case.desk.approver, objection=objection, upheld=False, answer="", now=LATER)
    late = award.objections_until + timedelta(days=1)
    operations.answer_objection(session, actor=case.desk.approver, objection=objection, upheld=False, answer="评分无误", now=late)
    due = [job.due_at for job in session.scalars(select(Job).where(Job.kind == rules.JOB_OBJECTIONS_OVER).order_by(Job.id))]
    assert (case.project.open_objections, case.project.state) == (0, ProjectState.AWARDED)
    assert due == [award.objections_until, late]


def test_an_upheld_objection_revokes_the_award(session, sealer):
    case, award, loser = awarded(session, sealer)
    objection = object_to(session, case, loser)
    operations.answer_objection(session, actor=case.desk.approver, objection=objection, upheld=True, answer="中选人资料不实", now=LATER)
    assert (award.state, case.project.state, case.project.open_objections) == ("revoked", ProjectState.OPENED, 0)
    assert jobs(session, rules.JOB_OBJECTION_ANSWERED) == [{"objection_ref": objection.ref}]


def test_an_upheld_objection_may_end_the_project(session, sealer):
    case, _, loser = awarded(session, sealer)
    objection = object_to(session, case, loser)
    operations.answer_objection(session, actor=case.desk.approver, objection=objection, upheld=True, answer="程序有误",
                                ends_project=True, now=LATER)
    assert case.project.state == ProjectState.FAILED
    assert "程序有误" in case.project.end_reason


def test_a_second_upheld_objection_finds_the_award_revoked_already(session, sealer):
    case, _, loser = awarded(session, sealer)
    other = awards.bidder_of(session, queries.ranking_of(session, case.project)[2].bid)
    first, second = object_to(session, case, loser), object_to(session, case, other)
    for objection in (first, second):
        operations.answer_objection(session, actor=case.desk.approver, objection=objection, upheld=True, answer="属实", now=LATER)
    assert (case.project.state, case.project.open_objections) == (ProjectState.OPENED, 0)


def test_with_another_objection_open_the_contract_still_waits(session, sealer):
    case, _, loser = awarded(session, sealer)
    other = awards.bidder_of(session, queries.ranking_of(session, case.project)[2].bid)
    first, _ = object_to(session, case, loser), object_to(session, case, other)
    operations.answer_objection(session, actor=case.desk.approver, objection=first, upheld=False, answer="无误", now=LATER)
    assert case.project.open_objections == 1
    assert len(jobs(session, rules.JOB_OBJECTIONS_OVER)) == 1


def behind_the_sessions_back(session, row, **values):
    """Another transaction was quicker: the row changed, what this session holds of it did not."""
    session.flush()
    session.execute(update(type(row)).where(type(row).id == row.id).values(**values)
                    .execution_options(synchronize_session=False))


def test_an_answer_that_came_second_is_a_conflict(session, sealer):
    case, _, loser = awarded(session, sealer)
    objection = object_to(session, case, loser)
    assert objection.answered_at is None
    behind_the_sessions_back(session, objection, answer="无误", upheld=False, answered_at=LATER)
    with pytest.raises(Conflict):
        operations.answer_objection(session, actor=case.desk.approver, objection=objection, upheld=True, answer="属实", now=LATER)
    assert case.project.open_objections == 1


def test_an_award_that_was_revoked_meanwhile_is_not_revoked_again(session, sealer):
    from marketplace.awards.operations.award import take_back

    case, award, _ = awarded(session, sealer)
    behind_the_sessions_back(session, award, state="revoked", revoked_at=LATER)
    with pytest.raises(Conflict):
        take_back(session, actor=case.desk.approver, award=award, reason="再撤", now=LATER)
    assert case.project.state == ProjectState.AWARDED


def test_the_count_of_objections_rises_only_on_an_awarded_project(session, sealer):
    from marketplace.awards.operations.objections import _count

    case = awards.make_ranked(session, sealer)
    with pytest.raises(Conflict):
        _count(session, case.project, 1)
    with pytest.raises(Conflict):
        _count(session, case.project, -1)
    assert case.project.open_objections == 0


def test_only_an_approver_answers_and_only_once(session, sealer):
    case, _, loser = awarded(session, sealer)
    objection = object_to(session, case, loser)
    for actor in (case.desk.handler, loser):
        with pytest.raises(Denied):
            operations.answer_objection(session, actor=actor, objection=objection, upheld=False, answer="x", now=LATER)
    operations.answer_objection(session, actor=case.desk.approver, objection=objection, upheld=False, answer="x", now=LATER)
    with pytest.raises(Denied):
        operations.answer_objection(session, actor=case.desk.approver, objection=objection, upheld=False, answer="y", now=LATER)


def test_a_contract_that_was_first_stops_a_late_objection(session, sealer):
    case, _, loser = awarded(session, sealer)
    session.execute(update(type(case.project)).where(type(case.project).id == case.project.id)
                    .values(state="contracted", contracted_at=LATER))
    with pytest.raises(Denied):
        object_to(session, case, loser)
    assert session.scalars(select(Objection)).all() == []


# ---- the pool ----

def test_only_an_operator_keeps_the_pool(session):
    person = make_person(session)
    with pytest.raises(Denied):
        operations.enrol_expert(session, actor=make_desk(session).approver, person=person, now=NOW)
    operator = make_actor(session, None, Role.OPERATOR)
    operations.enrol_expert(session, actor=operator, person=person, fields=["A04"], now=NOW)
    profile = operations.enrol_expert(session, actor=operator, person=person, fields=["A05"], is_available=False, now=NOW)
    assert (profile.fields, profile.is_available) == (["A05"], False)
