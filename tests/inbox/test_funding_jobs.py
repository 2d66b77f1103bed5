"""Who hears of money, and who does not; every handler may run twice."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.core.access import SYSTEM
from marketplace.core.clock import beijing_date
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.funding import operations
from marketplace.funding.models import Commitment, MoneyFlag, Pledge, Release
from marketplace.funding.rules import news
from marketplace.funding.rules.buckets import Move
from marketplace.funding.rules.gaming import FlagKind
from marketplace.inbox.jobs import HANDLERS, funding
from marketplace.inbox.models import Message
from tests.factories import NOW
from tests.factories.funding import held, keeper, make_funder, make_pledge, make_world, officer, paid, proposed
from tests.factories.payments import make_operator

FULL = Money.yuan(10_000)


class Scene:
    """A world with a funder's two people and the receiver's two; ids only, for later transactions."""

    def __init__(self, session):
        self.world, self.funder = make_world(session), make_funder(session)
        self.first, self.second = (officer(session, self.funder, name=name) for name in ("沈官员", "顾主任"))
        self.keeper, self.other_keeper = (keeper(session, self.world, name=name) for name in ("方会计", "余出纳"))
        self.stranger = officer(session, make_funder(session), name="外人")


@pytest.fixture
def told(ctx, monkeypatch):
    """The news of one handler, run twice: [(person, subject, verb, done)]."""
    monkeypatch.setattr(funding, "utc_now", lambda: NOW)

    def run(handler, **payload):
        before = set(db.session.scalars(select(Message.id)).all())
        handler(**payload)
        once = db.session.scalars(select(Message).where(Message.id.not_in(before)).order_by(Message.id)).all()
        found = [(m.person_id, m.subject, m.verb, m.done_at is not None) for m in once]
        handler(**payload)
        again = select(Message.id).where(Message.id.not_in(before)).order_by(Message.id)
        assert db.session.scalars(again).all() == [m.id for m in once]
        return found

    return run


def done(todo_key):
    db.session.expire_all()
    return [m.done_at is not None for m in db.session.scalars(select(Message).where(Message.todo_key == todo_key))]


def prepare(session, scene, actor, **facts):
    return operations.prepare_commitment(
        session, actor=actor, funder=facts.pop("funder", scene.funder), project=scene.world.project, amount=FULL,
        receiver=scene.world.receiver, account=scene.world.account, now=NOW, **facts)


def test_every_kind_of_news_of_money_has_its_handler():
    kinds = [value for name, value in vars(news).items() if name.startswith("JOB_")]
    assert len(kinds) == 10
    assert all(kind in HANDLERS for kind in kinds)


def test_an_approval_waits_with_the_funders_other_people_and_closes(told):
    with transaction() as session:
        scene = Scene(session)
        ref = prepare(session, scene, scene.first).ref
    assert told(funding.ask_for_approval, commitment_ref=ref) == [
        (scene.second.person_id, "批准“{title}”认捐书 {number}，{amount} 元", "批准", False)]
    with transaction() as session:
        found = session.scalars(select(Commitment).where(Commitment.ref == ref)).one()
        operations.approve_commitment(session, actor=scene.second, commitment=found, now=NOW)
    assert {person for person, *_ in told(funding.tell_signed, commitment_ref=ref)} == {
        scene.first.person_id, scene.keeper.person_id, scene.other_keeper.person_id}
    assert done(f"commitment:{ref}") == [True]
    assert told(funding.ask_for_approval, commitment_ref=ref) == []


def test_a_lone_person_is_asked_himself(told):
    with transaction() as session:
        scene = Scene(session)
        funder = make_funder(session)
        alone = officer(session, funder)
        ref = prepare(session, scene, alone, funder=funder).ref
    assert [person for person, *_ in told(funding.ask_for_approval, commitment_ref=ref)] == [alone.person_id]


def test_a_guests_paper_waits_with_the_receivers_other_people(told):
    with transaction() as session:
        scene = Scene(session)
        person = make_funder(session, kind="person")
        pledge = make_pledge(session, scene.world, funder=person, is_verbal=True)
        ref = prepare(session, scene, scene.keeper, funder=person, pledge=pledge, is_on_paper=True).ref
    assert told(funding.ask_for_approval, commitment_ref=ref) == [
        (scene.other_keeper.person_id, "登记“{funder}”签字的认捐书 {number}", "登记扫描件", False)]


def test_a_returned_one_goes_back_to_its_preparer_with_the_reason(told):
    with transaction() as session:
        scene = Scene(session)
        commitment = prepare(session, scene, scene.first)
        operations.return_commitment(session, actor=scene.second, commitment=commitment, reason="金额有误", now=NOW)
        ref = commitment.ref
    assert [(person, subject) for person, subject, *_ in told(funding.tell_returned, commitment_ref=ref)] == [
        (scene.first.person_id, "“{title}”认捐书 {number} 被退回")]


def move(pledge_ref, step, key="k1"):
    return {"pledge_ref": pledge_ref, "move": step, "amount_fen": 500_000, "key": key}


def test_money_that_arrived_is_to_be_confirmed_by_the_receiver_and_told_to_the_funder(told):
    with transaction() as session:
        scene = Scene(session)
        pledge = paid(session, scene.world, make_pledge(session, scene.world, funder=scene.funder))
        ref = pledge.ref
    found = told(funding.tell_move, **move(ref, Move.ARRIVE))
    assert {(person, verb) for person, _, verb, _ in found} == {
        (scene.keeper.person_id, "确认到账"), (scene.other_keeper.person_id, "确认到账"),
        (scene.first.person_id, ""), (scene.second.person_id, "")}
    with transaction() as session:
        pledge = session.scalars(select(Pledge).where(Pledge.ref == ref)).one()
        operations.confirm(session, actor=SYSTEM, pledge=pledge, amount=FULL, idem_key="c", now=NOW)
    assert {person for person, *_ in told(funding.tell_move, **move(ref, Move.CONFIRM))} == {
        scene.first.person_id, scene.second.person_id}
    assert done(f"confirm-money:{ref}") == [True, True]


@pytest.mark.parametrize("step", sorted(news.TOLD))
def test_every_told_step_reaches_somebody_and_never_a_stranger(told, step):
    with transaction() as session:
        scene = Scene(session)
        ref = make_pledge(session, scene.world, funder=scene.funder).ref
    found = told(funding.tell_move, **move(ref, step))
    assert found
    assert scene.stranger.person_id not in {person for person, *_ in found}


def test_a_named_person_has_nobody_here_to_tell(told):
    with transaction() as session:
        scene = Scene(session)
        ref = make_pledge(session, scene.world, funder=make_funder(session, kind="person")).ref
    assert {person for person, *_ in told(funding.tell_move, **move(ref, Move.DROP))} == {
        scene.keeper.person_id, scene.other_keeper.person_id}
    assert told(funding.remind_to_sign, pledge_ref=ref, days=3) == []


def test_a_release_waits_with_everybody_who_may_be_the_second_person(told):
    with transaction() as session:
        scene = Scene(session)
        pledge = held(session, scene.world, make_pledge(session, scene.world, funder=scene.funder))
        ref, desk = proposed(session, scene.world, pledge).ref, scene.world.desk
    assert {person for person, *_ in told(funding.ask_for_release, release_ref=ref)} == {
        desk.approver.person_id, scene.first.person_id, scene.second.person_id}
    with transaction() as session:
        release = session.scalars(select(Release).where(Release.ref == ref)).one()
        operations.confirm_release(session, actor=desk.approver, release=release, now=NOW)
    assert told(funding.tell_release, release_ref=ref) == [
        (desk.handler.person_id, "“{title}”第 {milestone} 个节点拨付 {amount} 元已确认", "", False)]
    assert done(f"release:{ref}") == [True] * 3
    assert told(funding.ask_for_release, release_ref=ref) == []


def test_a_release_of_a_persons_gift_waits_with_the_buyer_alone(told):
    with transaction() as session:
        scene = Scene(session)
        pledge = held(session, scene.world, make_pledge(session, scene.world, funder=make_funder(session, kind="person")))
        ref = proposed(session, scene.world, pledge).ref
    assert {person for person, *_ in told(funding.ask_for_release, release_ref=ref)} == {scene.world.desk.approver.person_id}


def test_who_proposed_a_release_is_not_asked_for_the_second_yes(told):
    with transaction() as session:
        scene = Scene(session)
        pledge = held(session, scene.world, make_pledge(session, scene.world, funder=scene.funder))
        desk = scene.world.desk
        ref = operations.propose_release(session, actor=desk.approver, pledge=pledge, milestone=1, amount=FULL, now=NOW,
                                         payee=scene.funder.organization, evidence="验收报告").ref
    assert desk.approver.person_id not in {person for person, *_ in told(funding.ask_for_release, release_ref=ref)}


def test_a_part_that_is_confirmed_leaves_the_asking_open(told):
    with transaction() as session:
        scene = Scene(session)
        pledge = paid(session, scene.world, make_pledge(session, scene.world, funder=scene.funder))
        ref = pledge.ref
    told(funding.tell_move, **move(ref, Move.ARRIVE))
    with transaction() as session:
        pledge = session.scalars(select(Pledge).where(Pledge.ref == ref)).one()
        operations.confirm(session, actor=SYSTEM, pledge=pledge, amount=Money(1), idem_key="c", now=NOW)
    told(funding.tell_move, **move(ref, Move.CONFIRM))
    assert done(f"confirm-money:{ref}") == [False, False]


def test_the_receiver_alone_is_warned_of_a_persons_promise(told):
    with transaction() as session:
        scene = Scene(session)
        ref = make_pledge(session, scene.world, funder=make_funder(session, kind="person")).ref
    assert {person for person, *_ in told(funding.warn_of_expiry, pledge_ref=ref)} == {
        scene.keeper.person_id, scene.other_keeper.person_id}


def test_a_withdrawn_release_is_no_news(told):
    with transaction() as session:
        scene = Scene(session)
        release = proposed(session, scene.world, held(session, scene.world, make_pledge(session, scene.world)))
        operations.withdraw_release(session, actor=SYSTEM, release=release, reason="有误", now=NOW)
        ref = release.ref
    assert told(funding.tell_release, release_ref=ref) == []


def test_a_flag_waits_with_the_operators_until_it_is_decided(told):
    with transaction() as session:
        scene = Scene(session)
        operator = make_operator(session)
        flag = operations.raise_flag(session, pledge=make_pledge(session, scene.world), kind=FlagKind.SAME_PAYER, facts={}, now=NOW)
        ref = flag.ref
    found = told(funding.ask_to_look, flag_ref=ref)
    assert {(subject, verb) for _, subject, verb, _ in found} == {("核查“{title}”的认捐 {code}：{flag}", "核查")}
    assert operator.person_id in {person for person, *_ in found}
    assert scene.keeper.person_id not in {person for person, *_ in found}
    with transaction() as session:
        flag = session.scalars(select(MoneyFlag).where(MoneyFlag.ref == ref)).one()
        operations.clear_flag(session, actor=operator, flag=flag, note="核对", now=NOW)
    assert told(funding.close_flag, flag_ref=ref) == []
    assert set(done(f"flag:{ref}")) == {True}
    assert told(funding.ask_to_look, flag_ref=ref) == []


@pytest.mark.parametrize("days", [3, 7])
def test_an_unsigned_promise_is_remembered_and_a_signed_one_not(told, days):
    with transaction() as session:
        scene = Scene(session)
        verbal = make_pledge(session, scene.world, funder=scene.funder, is_verbal=True)
        signed = make_pledge(session, scene.world, funder=scene.funder)
        refs = verbal.ref, signed.ref
    assert {person for person, *_ in told(funding.remind_to_sign, pledge_ref=refs[0], days=days)} == {
        scene.first.person_id, scene.second.person_id}
    assert told(funding.remind_to_sign, pledge_ref=refs[1], days=days) == []


def test_people_are_warned_before_a_promise_lapses(told, monkeypatch):
    with transaction() as session:
        scene = Scene(session)
        verbal = make_pledge(session, scene.world, funder=scene.funder, is_verbal=True)
        signed = make_pledge(session, scene.world, funder=scene.funder)
        ends, refs = signed.expires_at, (verbal.ref, signed.ref)
    own = {scene.first.person_id, scene.second.person_id}
    assert {person for person, *_ in told(funding.warn_of_expiry, pledge_ref=refs[0])} == own
    assert {person for person, *_ in told(funding.warn_of_expiry, pledge_ref=refs[1])} == own | {
        scene.keeper.person_id, scene.other_keeper.person_id}
    message = db.session.scalars(select(Message).order_by(Message.id.desc()).limit(1)).one()
    assert message.facts["day"] == str(beijing_date(ends))
    monkeypatch.setattr(funding, "utc_now", lambda: ends + timedelta(seconds=1))
    assert told(funding.warn_of_expiry, pledge_ref=refs[1]) == []


@pytest.mark.parametrize(("handler", "payload"), [
    (funding.ask_for_approval, {"commitment_ref": "gone"}), (funding.tell_signed, {"commitment_ref": "gone"}),
    (funding.tell_returned, {"commitment_ref": "gone"}), (funding.tell_move, move("gone", Move.ARRIVE)),
    (funding.ask_for_release, {"release_ref": "gone"}), (funding.tell_release, {"release_ref": "gone"}),
    (funding.ask_to_look, {"flag_ref": "gone"}), (funding.close_flag, {"flag_ref": "gone"}),
    (funding.remind_to_sign, {"pledge_ref": "gone", "days": 3}), (funding.warn_of_expiry, {"pledge_ref": "gone"}),
])
def test_news_of_what_is_gone_is_no_news(told, handler, payload):
    assert told(handler, **payload) == []
