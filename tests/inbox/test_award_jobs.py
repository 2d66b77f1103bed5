"""News of judging: everybody hears of what is his, and of nothing else."""

from sqlalchemy import select

from marketplace.awards import operations as award_operations
from marketplace.awards import queries as award_queries
from marketplace.awards.models import Award, Objection, PanelSeat
from marketplace.core.db import db, transaction
from marketplace.inbox.jobs import awards, contracts
from marketplace.inbox.models import Message
from marketplace.web.services import services
from tests.factories.awards import LATER, OPENED, bidder_of, draw, make_award, make_case, make_ranked, member, seat_all
from tests.factories.contracts import make_contract


def open_todos(kind="panel"):
    return {(m.person_id, m.verb) for m in db.session.scalars(
        select(Message).where(Message.kind == kind, Message.verb != "", Message.done_at.is_(None)))}


def twice(handler, **payload):
    handler(**payload)
    before = db.session.scalars(select(Message.id)).all()
    handler(**payload)
    assert db.session.scalars(select(Message.id)).all() == before


def test_drawn_members_declare_then_score_then_are_done(ctx):
    with transaction() as session:
        case = make_case(session, services().sealer)
        panel = draw(session, case)
        ref, seats = case.project.ref, [(seat.ref, seat.person_id) for seat in panel.seats]
    refs = [seat for seat, _ in seats]
    twice(awards.tell_seats, project_ref=ref, seat_refs=refs)
    assert open_todos() == {(person, "声明") for _, person in seats}
    with transaction() as session:
        seat = session.scalars(select(PanelSeat).where(PanelSeat.ref == refs[0])).one()
        award_operations.declare(session, actor=member(session, seat), seat=seat, has_conflict=False, now=OPENED)
        recused = session.scalars(select(PanelSeat).where(PanelSeat.ref == refs[1])).one()
        award_operations.declare(session, actor=member(session, recused), seat=recused, has_conflict=True, now=OPENED,
                                 reason="曾在该组织任理事")
        everybody = [s.ref for s in session.scalars(select(PanelSeat))]
        successor = session.scalars(select(PanelSeat.person_id).where(PanelSeat.ref.not_in(refs))).one()
    twice(awards.tell_seats, project_ref=ref, seat_refs=everybody)
    expected = {(person, "声明") for _, person in seats[2:]} | {(seats[0][1], "评分"), (successor, "声明")}
    assert open_todos() == expected


def test_the_todo_of_the_draw_is_closed_by_the_draw(ctx):
    from marketplace.inbox.jobs import bids

    with transaction() as session:
        case = make_case(session, services().sealer)
        ref = case.project.ref
    bids.tell_of_opening(project_ref=ref)
    assert {verb for _, verb in open_todos()} == {"抽取"}
    awards.tell_seats(project_ref=ref, seat_refs=[])
    assert open_todos() == set()


def test_complete_sheets_ask_the_approver_to_decide(ctx):
    with transaction() as session:
        case = make_ranked(session, services().sealer)
        ref, approver = case.project.ref, case.desk.approver.person_id
    twice(awards.tell_sheets_in, project_ref=ref)
    assert open_todos("award") == {(approver, "定标")}


def test_an_award_tells_each_bidder_its_own_place_and_nobody_elses(ctx):
    with transaction() as session:
        case = make_ranked(session, services().sealer)
        made = make_award(session, case)
        ref, winner = made.ref, bidder_of(session, made.bid).person_id
        places = {bidder_of(session, row.bid).person_id: (row.rank, f"{row.total:.2f}")
                  for row in award_queries.ranking_of(session, case.project)}
    awards.tell_sheets_in(project_ref=case_ref(ref))
    twice(awards.tell_award, award_ref=ref)
    told = {m.person_id: m for m in db.session.scalars(select(Message).where(Message.person_id.in_(places)))}
    assert set(told) == set(places)
    assert told[winner].subject == "“{title}”：本机构中选"
    for person, message in told.items():
        assert message.url.startswith("/bids/")
        if person != winner:
            assert (message.facts["rank"], message.facts["points"]) == places[person]
            others = {points for other, (_, points) in places.items() if other != person} - {places[person][1]}
            assert not any(points in str(message.facts) for points in others)
    assert open_todos("award") == set()


def case_ref(award_ref: str) -> str:
    """The reference of the awarded project."""
    return db.session.scalars(select(Award).where(Award.ref == award_ref)).one().bid.project.ref


def test_an_objection_is_answered_by_the_approver_in_time_and_heard_by_the_objector(ctx):
    with transaction() as session:
        case = make_ranked(session, services().sealer)
        make_award(session, case)
        loser = award_queries.ranking_of(session, case.project)[1].bid
        objector = bidder_of(session, loser)
        made = award_operations.raise_objection(session, actor=objector, project=case.project, text="评分有误", now=LATER)
        ref, approver = made.ref, case.desk.approver
    twice(awards.ask_for_answer, objection_ref=ref)
    assert open_todos("objection") == {(approver.person_id, "答复")}
    asked = db.session.scalars(select(Message).where(Message.kind == "objection")).one()
    assert (asked.due_at - LATER).days >= 9, "seven working days"
    with transaction() as session:
        objection = session.scalars(select(Objection)).one()
        award_operations.answer_objection(session, actor=approver, objection=objection, upheld=False, answer="经复核无误", now=LATER)
    twice(awards.tell_answer, objection_ref=ref)
    assert open_todos("objection") == set()
    heard = db.session.scalars(select(Message).where(Message.person_id == objector.person_id)).one()
    assert (heard.subject, heard.facts["answer"]) == ("“{title}”的异议不成立", "经复核无误")


def test_a_revoked_award_is_told_to_every_bidder_and_decided_again(ctx):
    with transaction() as session:
        case = make_ranked(session, services().sealer)
        made = make_award(session, case)
        award_operations.revoke(session, actor=case.desk.approver, award=made, reason="中选人放弃", now=LATER)
        ref, approver = made.ref, case.desk.approver.person_id
    twice(awards.tell_revocation, award_ref=ref, reason="中选人放弃")
    told = db.session.scalars(select(Message).where(Message.subject == "“{title}”的中选决定已撤销")).all()
    assert [m.facts["reason"] for m in told] == ["中选人放弃"] * 3
    assert open_todos("award") == {(approver, "定标")}


def test_a_contract_is_signed_by_the_buyer_and_announced_to_the_provider_alone(ctx):
    with transaction() as session:
        deal, contract = make_contract(session, services().sealer)
        ref, provider = contract.ref, deal.provider.actor.person_id
        buyer = {deal.desk.handler.person_id, deal.desk.approver.person_id}
    twice(contracts.ask_for_signatures, contract_ref=ref)
    assert open_todos("contract") == {(person, "签订") for person in buyer}
    news = db.session.scalars(select(Message).where(Message.kind == "contract", Message.verb == "")).all()
    assert [m.person_id for m in news] == [provider]


def test_no_seat_is_told_to_anybody_but_its_member(ctx):
    with transaction() as session:
        case = make_case(session, services().sealer)
        panel = draw(session, case)
        seat_all(session, panel)
        ref, refs = case.project.ref, [seat.ref for seat in panel.seats]
        members = {seat.person_id for seat in panel.seats}
    awards.tell_seats(project_ref=ref, seat_refs=refs)
    assert set(db.session.scalars(select(Message.person_id))) == members
