"""Money of a pledge: every state against every move, exact sums, replays, refunds, disputes; ledger and sums agree."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from marketplace.core.access import SYSTEM
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.core.outbox import Job
from marketplace.funding import operations, policy
from marketplace.funding.models import FundedProject, Pledge
from marketplace.funding.operations.moves import Step, take
from marketplace.funding.rules.buckets import ACCOUNT_OF, BUCKETS, MOVES, Bucket, Exit, Move, PledgeState, state_of
from marketplace.funding.rules.news import TOLD
from marketplace.ledger.models import Journal
from marketplace.ledger.queries import balance
from marketplace.ledger.rules import AccountKind, Posting, account
from tests.factories import NOW
from tests.factories.funding import (
    held,
    keeper,
    make_funder,
    make_pledge,
    make_pool,
    make_world,
    officer,
    paid,
    proposed,
    released,
)
from tests.factories.payments import make_account

FULL = Money.yuan(10_000)
PART = Money(333_33)


def agree(session, pledge, world):
    """The pledge's buckets, the project's sums and the ledger say the same."""
    session.refresh(pledge)
    held_by = {bucket: getattr(pledge, bucket) for bucket in BUCKETS}
    assert sum(each.fen for each in held_by.values()) == pledge.amount.fen
    for bucket, kind in ACCOUNT_OF.items():
        parts = [account(kind, pledge.ref)] if kind is not AccountKind.MILESTONE else [
            account(kind, pledge.ref, number) for number in (1, 2, 3)]
        assert sum(balance(session, part).fen for part in parts) == held_by[bucket].fen, bucket
    row = session.scalars(select(FundedProject).where(
        FundedProject.project_id == world.project.id, FundedProject.kind == "own")).one()
    session.refresh(row)
    every = session.scalars(select(Pledge).where(Pledge.project_id == world.project.id, Pledge.kind == "own")).all()
    for bucket in BUCKETS:
        assert getattr(row, bucket).fen == sum(getattr(one, bucket).fen for one in every), bucket
    live = [one for one in every if one.dropped + one.refunded < one.amount]
    assert row.donors == len(live)
    assert row.verbal.fen == sum(one.open.fen for one in every if one.is_verbal)


def bring_to(session, world, bucket):
    """A pledge of 10,000 yuan, all of it in one bucket, brought there by the operations."""
    pledge = make_pledge(session, world)
    if bucket is Bucket.DROPPED:
        operations.cancel(session, actor=SYSTEM, pledge=pledge, reason="解除", now=NOW)
    if bucket in (Bucket.OPEN, Bucket.DROPPED):
        return pledge
    paid(session, world, pledge)
    if bucket is Bucket.PAID:
        return pledge
    operations.confirm(session, actor=SYSTEM, pledge=pledge, amount=FULL, idem_key=f"c{pledge.id}", now=NOW)
    if bucket in (Bucket.RELEASED, Bucket.DISBURSED):
        release = released(session, world, pledge)
        if bucket is Bucket.DISBURSED:
            operations.disburse(session, actor=SYSTEM, release=release, from_account=world.suspense,
                                idem_key=f"d{pledge.id}", now=NOW)
    if bucket in (Bucket.REFUNDING, Bucket.REFUNDED):
        operations.ask_refund(session, actor=SYSTEM, pledge=pledge, amount=FULL, reason="终止", now=NOW)
        if bucket is Bucket.REFUNDED:
            operations.refund_returned(session, actor=SYSTEM, pledge=pledge, amount=FULL, now=NOW,
                                       from_account=world.suspense, idem_key=f"r{pledge.id}")
    if bucket is Bucket.DISPUTED:
        operations.open_dispute(session, actor=SYSTEM, pledge=pledge, amount=FULL, idem_key=f"x{pledge.id}", now=NOW)
    return pledge


STATE_OF = {
    Bucket.OPEN: PledgeState.PLEDGED, Bucket.PAID: PledgeState.PAID, Bucket.HELD: PledgeState.HELD,
    Bucket.RELEASED: PledgeState.RELEASED, Bucket.DISBURSED: PledgeState.DISBURSED,
    Bucket.REFUNDING: PledgeState.REFUNDED, Bucket.REFUNDED: PledgeState.REFUNDED,
    Bucket.DISPUTED: PledgeState.DISPUTED, Bucket.DROPPED: PledgeState.CANCELLED,
}


@pytest.mark.parametrize("bucket", Bucket)
def test_every_state_against_every_move(session, bucket):
    world = make_world(session)
    pledge = bring_to(session, world, bucket)
    assert (pledge.state, getattr(pledge, bucket)) == (STATE_OF[bucket], FULL)
    agree(session, pledge, world)
    for move in Move:
        source, target = MOVES[move]
        values = {"exit": Exit.CANCELLED} if move is Move.DROP else {}
        with session.begin_nested() as point:
            step = Step(move, PART, f"try:{move}", [Posting("commitment:x", "promised:x", PART)], values=values)
            if source is bucket:
                assert take(session, actor=SYSTEM, pledge=pledge, step=step, now=NOW)
                assert (getattr(pledge, source), getattr(pledge, target)) == (FULL - PART, PART)
            else:
                with pytest.raises(Conflict) as refused:
                    take(session, actor=SYSTEM, pledge=pledge, step=step, now=NOW)
                assert refused.value.facts["amount"] == "333.33"
            point.rollback()
        session.refresh(pledge)


def test_every_move_leads_to_another_bucket_and_the_news_names_only_moves():
    assert set(MOVES) == set(Move)
    assert all(source is not target for source, target in MOVES.values())
    assert set(Move) >= TOLD


@pytest.mark.parametrize(("fen", "verbal", "exit_", "state"), [
    ({Bucket.OPEN: 1}, True, None, "verbal"), ({Bucket.OPEN: 1}, False, None, "pledged"),
    ({Bucket.OPEN: 1, Bucket.DISBURSED: 9}, False, None, "pledged"), ({Bucket.PAID: 1, Bucket.HELD: 1}, False, None, "paid"),
    ({Bucket.HELD: 1, Bucket.DROPPED: 5}, False, Exit.EXPIRED, "held"), ({Bucket.DROPPED: 5}, True, Exit.EXPIRED, "expired"),
    ({Bucket.DROPPED: 5}, False, Exit.WRITTEN_OFF, "written_off"), ({Bucket.DISPUTED: 1, Bucket.OPEN: 9}, False, None, "disputed"),
    ({Bucket.REFUNDED: 5, Bucket.DROPPED: 5}, False, Exit.CANCELLED, "refunded"), ({}, False, None, "cancelled"),
])
def test_the_state_is_that_of_the_least_advanced_fen(fen, verbal, exit_, state):
    assert state_of(fen, is_verbal=verbal, exit_=exit_) == state


# ---- arriving ----

def test_money_arrives_in_parts_and_never_more_than_is_promised(session):
    world = make_world(session)
    pledge = make_pledge(session, world)
    operations.arrive(session, actor=SYSTEM, pledge=pledge, amount=PART, from_account=world.suspense, idem_key="l1", now=NOW)
    assert (pledge.state, pledge.open, pledge.paid) == ("pledged", FULL - PART, PART)
    with pytest.raises(Conflict):
        operations.arrive(session, actor=SYSTEM, pledge=pledge, amount=FULL, from_account=world.suspense, idem_key="l2", now=NOW)
    operations.arrive(session, actor=SYSTEM, pledge=pledge, amount=FULL - PART, from_account=world.suspense, idem_key="l3",
                      now=NOW)
    assert (pledge.state, pledge.paid) == ("paid", FULL)
    agree(session, pledge, world)


@pytest.mark.parametrize("times", [2, 5])
def test_the_same_news_of_money_k_times_is_booked_once(session, times):
    world = make_world(session)
    pledge = make_pledge(session, world)
    done = [operations.arrive(session, actor=SYSTEM, pledge=pledge, amount=PART, from_account=world.suspense,
                              idem_key="line-7", now=NOW) for _ in range(times)]
    assert done == [True] + [False] * (times - 1)
    assert pledge.paid == PART
    agree(session, pledge, world)


def test_a_key_that_was_used_for_another_sum_pledge_or_step_is_refused(session):
    world = make_world(session)
    one, other = make_pledge(session, world), make_pledge(session, world)
    book = {"actor": SYSTEM, "from_account": world.suspense, "idem_key": "line-7", "now": NOW}
    operations.arrive(session, pledge=one, amount=PART, **book)
    for wrong in (lambda: operations.arrive(session, pledge=one, amount=FULL - PART, **book),
                  lambda: operations.arrive(session, pledge=other, amount=PART, **book),
                  lambda: operations.unarrive(session, pledge=one, amount=PART, **book)):
        with pytest.raises(Conflict):
            wrong()
    agree(session, one, world)


def test_money_for_an_unsigned_promise_waits(session):
    world = make_world(session)
    pledge = make_pledge(session, world, is_verbal=True)
    with pytest.raises(IllegalStep):
        paid(session, world, pledge)


def test_money_on_another_bodys_account_is_not_booked(session):
    world = make_world(session)
    pledge, foreign = make_pledge(session, world), make_account(session)
    with pytest.raises(Invalid) as refused:
        operations.arrive(session, actor=SYSTEM, pledge=pledge, amount=PART, now=NOW, idem_key="l",
                          from_account=account(AccountKind.SUSPENSE, foreign.ref))
    assert refused.value.field == "account"
    for wrong in ("suspense:nobody", f"held:{world.account.ref}", "nonsense"):
        with pytest.raises(ValueError, match="not an account"):
            operations.arrive(session, actor=SYSTEM, pledge=pledge, amount=PART, now=NOW, idem_key="l", from_account=wrong)


def test_a_wrong_identification_is_taken_back_whole(session):
    world = make_world(session)
    pledge = paid(session, world, make_pledge(session, world))
    operations.unarrive(session, actor=keeper(session, world), pledge=pledge, amount=FULL, from_account=world.suspense,
                        idem_key="undo", now=NOW)
    assert (pledge.state, pledge.open) == ("pledged", FULL)
    assert balance(session, world.suspense) == Money(0)
    agree(session, pledge, world)


@pytest.mark.parametrize("verb", ["arrive", "unarrive", "confirm", "ask_refund", "refund_failed", "refund_returned",
                                  "open_dispute", "close_dispute", "claw_back"])
def test_only_the_receiving_body_books_its_money(session, verb):
    world, funder = make_world(session), make_funder(session)
    pledge = held(session, world, make_pledge(session, world, funder=funder))
    facts = {"pledge": pledge, "amount": PART, "now": NOW}
    if verb == "ask_refund":
        facts["reason"] = "终止"
    else:
        facts["idem_key"] = "k"
    if verb in ("arrive", "unarrive", "refund_returned", "close_dispute", "claw_back"):
        facts["from_account"] = world.suspense
    if verb == "close_dispute":
        facts["won"] = True
    for actor, hidden in ((officer(session, funder), False), (world.desk.handler, False),
                          (officer(session, make_funder(session)), True)):
        with pytest.raises(Denied) as refused:
            getattr(operations, verb)(session, actor=actor, **facts)
        assert refused.value.hidden is hidden


# ---- refunds ----

def test_a_refund_takes_unconfirmed_money_first_and_never_more_than_is_there(session):
    world = make_world(session)
    pledge = held(session, world, make_pledge(session, world), Money.yuan(6_000))
    paid(session, world, pledge, Money.yuan(1_000))
    with pytest.raises(Invalid) as refused:
        operations.ask_refund(session, actor=SYSTEM, pledge=pledge, amount=Money.yuan(7_000) + Money(1), reason="终止", now=NOW)
    assert (refused.value.field, refused.value.facts["have"]) == ("amount", "7,000.00")
    operations.ask_refund(session, actor=SYSTEM, pledge=pledge, amount=Money.yuan(2_500), reason="部分终止", now=NOW)
    assert (pledge.paid, pledge.held, pledge.refunding) == (Money(0), Money.yuan(4_500), Money.yuan(2_500))
    agree(session, pledge, world)


def test_two_equal_refunds_are_two_and_the_same_form_twice_is_one(session):
    world = make_world(session)
    pledge = held(session, world, make_pledge(session, world))
    ask = {"actor": SYSTEM, "pledge": pledge, "amount": PART, "reason": "终止", "now": NOW}
    operations.ask_refund(session, **ask)
    operations.ask_refund(session, **ask)
    assert pledge.refunding == PART + PART
    assert operations.ask_refund(session, idem_key="form-1", **ask)
    assert not operations.ask_refund(session, idem_key="form-1", **ask)
    assert pledge.refunding == PART * 3
    agree(session, pledge, world)


def test_a_refund_fails_and_is_returned_later(session):
    world = make_world(session)
    pledge = held(session, world, make_pledge(session, world))
    operations.ask_refund(session, actor=SYSTEM, pledge=pledge, amount=FULL, reason="终止", now=NOW)
    operations.refund_failed(session, actor=SYSTEM, pledge=pledge, amount=PART, idem_key="failed", now=NOW)
    assert (pledge.held, pledge.refunding, pledge.state) == (PART, FULL - PART, "held")
    back = {"actor": SYSTEM, "pledge": pledge, "amount": FULL - PART, "from_account": world.suspense, "now": NOW}
    assert operations.refund_returned(session, idem_key="back", **back)
    assert not operations.refund_returned(session, idem_key="back", **back)
    assert (pledge.refunded, pledge.refunding) == (FULL - PART, Money(0))
    agree(session, pledge, world)


def test_nobody_calls_a_refund_failed_while_a_payment_order_lists_it(session):
    world = make_world(session)
    pledge = held(session, world, make_pledge(session, world))
    operations.ask_refund(session, actor=SYSTEM, pledge=pledge, amount=FULL, reason="终止", now=NOW)
    order(session, world, "refund", pledge.ref, FULL)
    with pytest.raises(IllegalStep):
        operations.refund_failed(session, actor=keeper(session, world), pledge=pledge, amount=FULL, idem_key="f", now=NOW)
    assert operations.refund_failed(session, actor=SYSTEM, pledge=pledge, amount=FULL, idem_key="f", now=NOW)


def order(session, world, kind, ref, amount):
    """A payment order that lists something and is not paid."""
    from marketplace.payments.models import PaymentOrder, PaymentOrderLine

    made = PaymentOrder(number=f"FK-{ref}", account=world.account, total=amount, prepared_at=NOW)
    made.lines.append(PaymentOrderLine(position=1, subject_kind=kind, subject_ref=ref, payee_name="甲", payee_account="1",
                                       amount=amount, purpose="付款"))
    session.add(made)
    session.flush()


# ---- disputes ----

def test_a_dispute_sets_money_aside_and_won_it_is_held_again(session):
    world = make_world(session)
    pledge = held(session, world, make_pledge(session, world), Money.yuan(4_000))
    paid(session, world, pledge, Money.yuan(1_000))
    both = Money.yuan(3_000)
    for expected in (True, False):
        assert operations.open_dispute(session, actor=SYSTEM, pledge=pledge, amount=both, idem_key="dp", now=NOW) is expected
        assert (pledge.state, pledge.disputed, pledge.paid, pledge.held) == ("disputed", both, Money(0), Money.yuan(2_000))
    operations.close_dispute(session, actor=SYSTEM, pledge=pledge, amount=both, won=True, from_account="", idem_key="dpc", now=NOW)
    assert (pledge.disputed, pledge.held) == (Money(0), Money.yuan(5_000))
    agree(session, pledge, world)


def test_a_lost_dispute_is_money_returned(session):
    world = make_world(session)
    pledge = held(session, world, make_pledge(session, world))
    operations.open_dispute(session, actor=SYSTEM, pledge=pledge, amount=FULL, idem_key="dp", now=NOW)
    operations.close_dispute(session, actor=SYSTEM, pledge=pledge, amount=FULL, won=False, from_account=world.stripe,
                             idem_key="dpc", now=NOW)
    assert (pledge.state, pledge.refunded) == ("refunded", FULL)
    assert balance(session, world.stripe) == FULL          # credit: it left the card account
    agree(session, pledge, world)


def test_a_dispute_of_money_that_is_spent_is_refused(session):
    world = make_world(session)
    pledge = bring_to(session, world, Bucket.DISBURSED)
    with pytest.raises(Conflict):
        operations.open_dispute(session, actor=SYSTEM, pledge=pledge, amount=PART, idem_key="dp", now=NOW)


# ---- news, policy, the table as a whole ----

def test_people_hear_of_the_steps_that_concern_them(session):
    world = make_world(session)
    pledge = held(session, world, make_pledge(session, world))
    told = [job.payload["move"] for job in session.scalars(select(Job).where(Job.kind == "funding.money_moved").order_by(Job.id))
            if job.handler.startswith("inbox.")]
    assert told == ["arrive", "confirm"]
    assert pledge.state == "held"


def test_who_may_pay_by_card(session):
    world, funder = make_world(session), make_funder(session)
    pledge, own = make_pledge(session, world, funder=funder), officer(session, funder)
    assert policy.may_pay_by_card(own, pledge)
    assert not policy.may_pay_by_card(SYSTEM, pledge)
    assert policy.may_pay_by_card(officer(session, make_funder(session)), pledge).hidden
    assert not policy.may_pay_by_card(own, make_pledge(session, world, funder=funder, is_verbal=True))
    assert not policy.may_pay_by_card(own, paid(session, world, pledge))
    funder.verified_at = funder.verified_by = None
    assert not policy.may_pay_by_card(own, pledge)


# ---- matching money is money too ----

def test_matching_money_is_paid_confirmed_and_refunded_and_its_room_comes_back(session):
    world, pool = make_world(session), make_pool(session)
    pledge = held(session, world, make_pledge(session, world))
    matched = session.scalars(select(Pledge).where(Pledge.kind == "matched")).one()
    assert (matched.amount, matched.open) == (FULL, FULL)
    assert not policy.may_cancel(SYSTEM, matched)
    assert not policy.may_write_off(SYSTEM, matched)
    held(session, world, matched)
    operations.ask_refund(session, actor=SYSTEM, pledge=pledge, amount=FULL, reason="终止", now=NOW)
    back = {"actor": SYSTEM, "from_account": world.suspense, "now": NOW, "amount": FULL}
    operations.refund_returned(session, pledge=pledge, idem_key="own", **back)
    session.refresh(matched)
    if not matched.refunding.fen:
        operations.ask_refund(session, actor=SYSTEM, pledge=matched, amount=FULL, reason="终止", now=NOW)
    assert matched.refunding == FULL                        # paid already: asked back from the receiver
    assert operations.refund_returned(session, pledge=matched, idem_key="matched", **back)
    assert not operations.refund_returned(session, pledge=matched, idem_key="matched", **back)
    session.refresh(pool)
    assert (pool.reserved, pool.captured, matched.refunded) == (Money(0), Money(0), FULL)
    assert balance(session, f"pool-available:{pool.ref}") == pool.cap


def test_sums_that_disagree_with_their_pledges_stop_everything(session):
    world = make_world(session)
    pledge = make_pledge(session, world)
    session.execute(FundedProject.__table__.update().values(open=Money(0), dropped=FULL))
    with pytest.raises(RuntimeError), session.begin_nested():
        paid(session, world, pledge)


STEPS = st.lists(st.tuples(st.sampled_from(["arrive", "unarrive", "confirm", "refund", "returned", "failed", "dispute", "won",
                                            "lost", "release", "drop"]), st.integers(1, 400_000)), max_size=14)


@pytest.mark.on_sqlite("a walk of random steps; the tables above run on both")
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(steps=STEPS)
def test_any_walk_keeps_every_fen_in_one_place(session, steps):
    with session.begin_nested() as point:
        world = make_world(session)
        pledge = make_pledge(session, world)
        for at, (verb, fen) in enumerate(steps):
            key, amount = {"idem_key": f"w{pledge.id}:{at}", "now": NOW, "actor": SYSTEM, "pledge": pledge}, Money(fen)
            before = [getattr(pledge, bucket) for bucket in BUCKETS]
            try:
                _walk(session, world, verb, amount, key)
            except (Conflict, Invalid, IllegalStep, Denied):
                session.refresh(pledge)
                assert verb == "dispute" or [getattr(pledge, bucket) for bucket in BUCKETS] == before
            agree(session, pledge, world)
        assert session.scalar(select(func.count()).select_from(Journal)) >= 1
        point.rollback()


def _walk(session, world, verb, amount, key):
    pledge = key["pledge"]
    there = {**key, "amount": amount}
    if verb in ("arrive", "unarrive"):
        getattr(operations, verb)(session, from_account=world.suspense, **there)
    elif verb == "confirm":
        operations.confirm(session, **there)
    elif verb == "refund":
        operations.ask_refund(session, reason="终止", **there)
    elif verb == "returned":
        operations.refund_returned(session, from_account=world.suspense, **there)
    elif verb == "failed":
        operations.refund_failed(session, **there)
    elif verb == "dispute":
        with session.begin_nested():
            operations.open_dispute(session, **there)
    elif verb in ("won", "lost"):
        operations.close_dispute(session, won=verb == "won", from_account=world.stripe, **there)
    elif verb == "release":
        operations.confirm_release(session, actor=world.desk.approver, release=proposed(session, world, pledge, amount), now=NOW)
    else:
        operations.write_off(session, actor=SYSTEM, pledge=pledge, reason="核销", now=NOW)
