"""The same paddle from several devices at once, an entry undone twice at once, a queue sent again while the first is on its way."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from marketplace.accounts.queries import load_actor
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import DomainError
from marketplace.core.money import Money
from marketplace.funding.models import FundedProject, Pledge
from marketplace.pledging import operations
from marketplace.pledging.models import PaddlePledge, PledgingEvent
from marketplace.pledging.queries import hall
from marketplace.pledging.rules import Reason, Recorder
from tests.factories.funding import make_pool
from tests.factories.pledging import keyed, make_live

TAPS = 5
pytestmark = pytest.mark.race


@pytest.fixture
def evening(fresh_app):
    """A running event with a pool that matches what is raised."""
    with fresh_app.app_context():
        with transaction() as session:
            made = make_live(session, now=utc_now())
            make_pool(session, matches_verbal=True)
            session.flush()
            ids = {"ref": made.event.ref, "host": made.host.person_id, "second": made.second.person_id}
        db.session.remove()
    return ids


def at_once(app, count, work):
    """Run `work(number)` in so many threads that start together; return what each gave or raised."""
    together = Barrier(count)

    def one(number):
        with app.app_context():
            together.wait()
            try:
                with transaction() as session:
                    return work(session, number)
            except DomainError as refused:
                return refused
            finally:
                db.session.remove()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def enter(session, ids, number, *, key="", is_again=False):
    """One entry of the first recorder."""
    event = session.scalars(select(PledgingEvent).where(PledgingEvent.ref == ids["ref"])).one()
    return operations.record_entry(
        session, actor=load_actor(session, ids["host"]), event=event, recorder=Recorder.FIRST, now=utc_now(),
        keyed=keyed(1, key=key or f"device-{number}-000001", is_again=is_again)).entry.id


def sums(app, ids):
    """What stands now: entries, pledges, what the hall and the project's sums say."""
    with app.app_context():
        session = db.session()
        figures = hall.figures(session, ids["ref"])
        kept = session.scalars(select(FundedProject).where(FundedProject.kind == "own")).one_or_none()
        found = (session.scalar(select(func.count()).select_from(PaddlePledge)),
                 session.scalar(select(func.count()).select_from(Pledge).where(Pledge.kind == "own")), figures.verbal,
                 figures.reserved, kept.open if kept else Money(0))
        db.session.remove()
    return found


def test_five_devices_keying_one_paddle_at_once_make_one_pledge(fresh_app, evening):
    answers = at_once(fresh_app, TAPS, lambda session, number: enter(session, evening, number))
    assert len(set(answers)) == 1
    assert sums(fresh_app, evening) == (1, 1, Money.yuan(20_000), Money.yuan(20_000), Money.yuan(20_000))


def test_one_entry_sent_five_times_at_once_is_one_even_when_it_says_again(fresh_app, evening):
    answers = at_once(fresh_app, TAPS, lambda session, _: enter(session, evening, 0, key="device-one-0001", is_again=True))
    assert len(set(answers)) == 1
    assert sums(fresh_app, evening)[:3] == (1, 1, Money.yuan(20_000))


def test_five_times_again_at_once_is_five_pledges_or_a_sentence(fresh_app, evening):
    answers = at_once(fresh_app, TAPS, lambda session, number: enter(session, evening, number, is_again=True))
    taken = [answer for answer in answers if isinstance(answer, int)]
    assert all("另一台设备" in str(answer) for answer in answers if not isinstance(answer, int))
    assert len(set(taken)) == len(taken) >= 1
    assert sums(fresh_app, evening)[:3] == (len(taken), len(taken), Money.yuan(20_000 * len(taken)))


def test_an_entry_undone_by_five_at_once_is_reversed_once(fresh_app, evening):
    at_once(fresh_app, 1, lambda session, number: enter(session, evening, number))

    def undo(session, _):
        event = session.scalars(select(PledgingEvent).where(PledgingEvent.ref == evening["ref"])).one()
        entry = session.scalars(select(PaddlePledge).where(PaddlePledge.reverses_id.is_(None))).one()
        return operations.undo_entry(session, actor=load_actor(session, evening["host"]), entry=entry, event=event,
                                     reason=Reason.MISHEARD, now=utc_now()).id

    answers = at_once(fresh_app, TAPS, undo)
    assert len(set(answers)) == 1
    assert sums(fresh_app, evening) == (2, 1, Money(0), Money(0), Money(0))


def test_both_recorders_at_once_keep_their_own_records(fresh_app, evening):
    def both(session, number):
        event = session.scalars(select(PledgingEvent).where(PledgingEvent.ref == evening["ref"])).one()
        return operations.record_entry(
            session, actor=load_actor(session, evening["second" if number else "host"]), event=event, now=utc_now(),
            recorder=Recorder.SECOND if number else Recorder.FIRST, keyed=keyed(2)).entry.recorder

    assert sorted(at_once(fresh_app, 2, both)) == ["first", "second"]
    assert sums(fresh_app, evening)[:3] == (2, 1, Money.yuan(20_000))


def test_two_rounds_opened_at_once_come_one_after_the_other(fresh_app, evening):
    def open_round(session, number):
        event = session.scalars(select(PledgingEvent).where(PledgingEvent.ref == evening["ref"])).one()
        return operations.open_round(session, actor=load_actor(session, evening["host"]), event=event, now=utc_now(),
                                     project=event.rounds[0].project, level=Money.yuan(1_000 + number)).number

    assert sorted(at_once(fresh_app, 2, open_round)) == [2, 3]
    with fresh_app.app_context():
        event = db.session.scalars(select(PledgingEvent)).one()
        assert [each.closed_at is None for each in event.rounds] == [False, False, True]
        db.session.remove()
