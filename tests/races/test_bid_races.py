"""Bids under threads, processes and kill -9, on both databases."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from marketplace.bids import operations
from marketplace.bids.models import OpenedOffer, Opening, SealedBid, SealedEnvelope
from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied
from marketplace.projects import queries as projects
from tests.factories import NOW
from tests.factories.bids import an_offer, make_bidder
from tests.factories.projects import CLOSES, make_published

pytestmark = pytest.mark.race

OPENS = CLOSES + timedelta(seconds=60)
LAST_MOMENT = CLOSES - timedelta(microseconds=1)
SCRIPT_HEAD = """
    import sys, os, time
    from datetime import timedelta
    from pathlib import Path
    from marketplace import create_app
    from marketplace.bids import operations
    from marketplace.config import Config
    from marketplace.core.access import SYSTEM, Actor, Role
    from marketplace.core.db import db, transaction
    from marketplace.core.errors import DomainError
    from marketplace.projects import queries as projects
    from tests.factories import NOW
    from tests.factories.bids import an_offer
    from tests.factories.projects import CLOSES
    url, folder, ref, organization, person = sys.argv[1:6]
    app = create_app(Config(instance=Path(folder), database_url=url, secret_key="t" * 40, testing=True, jobs="none"))
    actor = Actor(person_id=int(person), name="周敏", organization_id=int(organization), roles=frozenset({Role.PROVIDER_MEMBER}))
    sealer = app.extensions["marketplace.services"].sealer
"""


class Stage:
    """A published project and some bidders, in a database of their own."""

    def __init__(self, app, bidders=1):
        self.app = app
        self.config = app.extensions["marketplace.config"]
        self.sealer = app.extensions["marketplace.services"].sealer
        with app.app_context(), transaction() as session:
            project = make_published(session)
            self.ref = project.ref
            made = [make_bidder(session) for _ in range(bidders)]
            self.actors = [Actor(person_id=b.actor.person_id, name="周敏", organization_id=b.organization.id,
                                 roles=frozenset({Role.PROVIDER_MEMBER})) for b in made]

    def submit(self, actor, *, now=NOW, **more):
        with self.app.app_context(), transaction() as session:
            bid = operations.submit_bid(session, actor=actor, project=projects.by_ref(session, self.ref), offer=an_offer(),
                                        sealer=self.sealer, now=now, **more)
            return bid.receipt_number

    def open(self):
        with self.app.app_context(), transaction() as session:
            opening = operations.open_bids(session, actor=SYSTEM, project=projects.by_ref(session, self.ref),
                                           sealer=self.sealer, now=OPENS)
            return None if opening is None else opening.bids

    def states(self):
        with self.app.app_context():
            rows = db.session.execute(select(SealedBid.state, func.count()).group_by(SealedBid.state)).all()
            return dict(map(tuple, rows))

    def count(self, model):
        with self.app.app_context():
            return db.session.scalar(select(func.count()).select_from(model))

    def state(self):
        with self.app.app_context():
            return projects.by_ref(db.session(), self.ref).state

    def process(self, body, actor=None):
        """Start another process on the same database; it prints line by line."""
        actor = actor or self.actors[0]
        return subprocess.Popen(
            [sys.executable, "-u", "-c", textwrap.dedent(SCRIPT_HEAD) + textwrap.dedent(body), self.config.database_url,
             str(self.config.instance), self.ref, str(actor.organization_id), str(actor.person_id)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path.cwd())


def together(*tasks):
    """Run all at the same moment; return what each returned or raised."""
    gate, results = threading.Barrier(len(tasks)), [None] * len(tasks)

    def run(place, task):
        gate.wait()
        try:
            results[place] = task()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[place] = error

    threads = [threading.Thread(target=run, args=(n, task)) for n, task in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_of_two_bids_at_once_by_one_organization_one_stands_and_the_other_is_told(fresh_app):
    stage = Stage(fresh_app)
    results = together(*[lambda: stage.submit(stage.actors[0], replaces=None)] * 6)
    receipts = [r for r in results if isinstance(r, str)]
    assert len(receipts) == 1
    assert all(isinstance(r, Conflict) and "同事刚刚提交" in str(r) for r in results if not isinstance(r, str))
    assert stage.states() == {"sealed": 1}


def test_replacements_at_once_leave_exactly_one_live_bid_and_a_record_of_each(fresh_app):
    stage = Stage(fresh_app)
    stage.submit(stage.actors[0])
    results = together(*[lambda: stage.submit(stage.actors[0])] * 6)
    taken = [r for r in results if isinstance(r, str)]
    assert len(taken) == 6 or all(isinstance(r, Conflict) for r in results if not isinstance(r, str))
    assert stage.states() == {"sealed": 1, "replaced": len(taken)}


def test_two_processes_of_one_organization_leave_one_live_bid(fresh_app):
    stage = Stage(fresh_app)
    body = """
        with app.app_context():
            try:
                with transaction() as session:
                    project = projects.by_ref(session, ref)
                    time.sleep(0.3)
                    bid = operations.submit_bid(session, actor=actor, project=project, offer=an_offer(), sealer=sealer,
                                                now=NOW, replaces=None)
                print("taken")
            except DomainError as error:
                print("refused", error)
    """
    running = [stage.process(body) for _ in range(2)]
    lines = [one.communicate(timeout=60) for one in running]
    ends = sorted(out.split()[0] for out, _ in lines)
    assert ends == ["refused", "taken"], lines
    assert stage.states() == {"sealed": 1}


def test_many_organizations_that_submit_at_once_all_get_their_receipt(fresh_app):
    stage = Stage(fresh_app, bidders=10)
    results = together(*[lambda a=a: stage.submit(a, now=LAST_MOMENT) for a in stage.actors])
    assert len({r for r in results if isinstance(r, str)}) == 10, results
    assert stage.open() == 10


def test_at_the_opening_every_receipt_given_is_an_opened_bid_and_every_other_was_refused(fresh_app):
    stage = Stage(fresh_app, bidders=11)
    for actor in stage.actors[:3]:
        stage.submit(actor)
    late = [lambda a=a: stage.submit(a, now=LAST_MOMENT) for a in stage.actors[3:]]
    results = together(*late, stage.open)
    receipts = [r for r in results[:-1] if isinstance(r, str)]
    refused = [r for r in results[:-1] if not isinstance(r, str)]
    assert all(isinstance(r, Denied) for r in refused), refused
    assert results[-1] == 3 + len(receipts)
    assert stage.states() == {"opened": 3 + len(receipts)}
    assert stage.count(OpenedOffer) == 3 + len(receipts)


def test_openings_at_once_open_once(fresh_app):
    stage = Stage(fresh_app, bidders=4)
    for actor in stage.actors:
        stage.submit(actor)
    results = together(*[stage.open] * 5)
    assert sorted(results, key=str) == [4, None, None, None, None]
    assert (stage.count(Opening), stage.count(OpenedOffer)) == (1, 4)


def test_a_withdrawal_at_the_opening_is_either_in_time_or_refused(fresh_app):
    stage = Stage(fresh_app, bidders=4)
    for actor in stage.actors:
        stage.submit(actor)

    def withdraw():
        with stage.app.app_context(), transaction() as session:
            bid = session.scalars(select(SealedBid).where(SealedBid.organization_id == stage.actors[0].organization_id)).one()
            return operations.withdraw_bid(session, actor=stage.actors[0], bid=bid, now=LAST_MOMENT).state

    gone, opened = together(withdraw, stage.open)
    if gone == "withdrawn":
        assert opened == 3
        assert stage.states() == {"withdrawn": 1, "opened": 3}
    else:
        assert isinstance(gone, Denied)
        assert opened == 4


def test_a_process_killed_in_the_middle_of_an_opening_leaves_nothing_half_done_and_opening_again_works(fresh_app):
    stage = Stage(fresh_app, bidders=5)
    for actor in stage.actors:
        stage.submit(actor)
    opener = stage.process("""
        class Slow:
            count = 0
            def unseal(self, *args, **kwargs):
                Slow.count += 1
                if Slow.count == 4:
                    db.session.flush()          # three offers are in the clear, in an open transaction
                    print("three", flush=True)
                    time.sleep(60)
                return sealer.unseal(*args, **kwargs)
        with app.app_context(), transaction() as session:
            operations.open_bids(session, actor=SYSTEM, project=projects.by_ref(session, ref), sealer=Slow(),
                                 now=CLOSES + timedelta(seconds=60))
        print("done")
    """)
    assert opener.stdout.readline().strip() == "three", opener.stderr.read()
    os.kill(opener.pid, signal.SIGKILL)
    out, _err = opener.communicate(timeout=30)
    assert "done" not in out
    assert opener.returncode == -signal.SIGKILL
    assert (stage.state(), stage.states()) == ("published", {"sealed": 5})
    assert (stage.count(OpenedOffer), stage.count(Opening)) == (0, 0)
    assert stage.open() == 5
    assert (stage.state(), stage.states(), stage.count(OpenedOffer)) == ("opened", {"opened": 5}, 5)


def test_a_process_killed_while_submitting_leaves_a_bid_for_each_receipt_and_no_half_bid(fresh_app):
    stage = Stage(fresh_app)
    body = """
        with app.app_context():
            while True:
                with transaction() as session:
                    bid = operations.submit_bid(session, actor=actor, project=projects.by_ref(session, ref), offer=an_offer(),
                                                sealer=sealer, now=NOW)
                    number = bid.receipt_number
                print(number, flush=True)
    """
    shown = []
    for rounds in (3, 8):
        runner = stage.process(body)
        shown += [runner.stdout.readline().strip() for _ in range(rounds)]
        os.kill(runner.pid, signal.SIGKILL)
        rest, err = runner.communicate(timeout=30)
        assert runner.returncode == -signal.SIGKILL, err
        shown += [line for line in rest.split("\n")[:-1] if line]
    with stage.app.app_context():
        stored = set(db.session.scalars(select(SealedBid.receipt_number)))
        halves = db.session.scalar(select(func.count()).select_from(SealedBid).outerjoin(SealedEnvelope).where(
            SealedEnvelope.id.is_(None)))
    assert set(shown) <= stored
    assert len(stored) - len(shown) <= 2, "at most the one whose receipt was not printed any more, per kill"
    assert halves == 0
    assert stage.states()["sealed"] == 1


def test_two_processes_that_start_on_an_empty_database_make_one_key(fresh_app):
    stage = Stage(fresh_app, bidders=4)
    results = together(*[lambda a=a: stage.submit(a) for a in stage.actors])
    assert all(isinstance(r, str) for r in results), results
    lines = [line for line in stage.config.seal_key_path.read_text().splitlines() if not line.startswith("#")]
    assert len(lines) == 1
    assert stage.open() == 4


def test_autosaves_of_two_windows_at_once_lose_no_confirmed_text(fresh_app):
    stage = Stage(fresh_app)

    def save(text):
        with stage.app.app_context(), transaction() as session:
            operations.save_draft(session, actor=stage.actors[0], project=projects.by_ref(session, stage.ref),
                                  fields={"plan": text}, sealer=stage.sealer, now=NOW, version=0)
            return text

    results = together(*[lambda n=n: save(f"第 {n} 稿") for n in range(5)])
    saved = [r for r in results if isinstance(r, str)]
    assert len(saved) == 1
    assert all(isinstance(r, Conflict) for r in results if not isinstance(r, str)), results
