"""Random lives of pledges, pools and payments against an oracle of thirty lines that shares no code with the product.

After every step: journals balance and counters, caps, allocations and ledger agree with the rows (books.check_books:
I1 to I4, I12), and every allocation is what the oracle says (I5 repetition, I6, I7, I11).
"""

from collections import Counter
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from marketplace.core.access import SYSTEM
from marketplace.core.errors import DomainError, Invalid
from marketplace.core.money import Money
from marketplace.funding import operations
from marketplace.funding.models import Allocation, MatchingPool, Pledge
from tests.factories import NOW
from tests.factories.funding import make_funder, make_pledge, make_pool, make_world
from tests.funding.books import check_books

_keys = count(1)
RULES = (   # priority order: ratio, cap, per pledge, per donor, per project
    (1, 2, 500_000, 90_000, None, 300_001), (3, 1, 700_003, None, 250_000, None), (1, 1, 10**9, None, None, 600_000))
TERM = timedelta(days=30)


class Oracle:
    """What ought to be, in plain integers."""

    def __init__(self):
        self.caps = [rule[2] for rule in RULES]
        self.open = [True] * len(RULES)
        self.claims = []            # dicts: pledge, pool, amount, returned, clawing, state, donor, project, due
        self.unpaid = Counter()     # (pool, project) -> matched money that is promised, not paid

    def live(self, **same):
        return [c for c in self.claims if c["state"] != "returned" and all(c[k] == v for k, v in same.items())]

    def used(self, **same):
        return sum(c["amount"] - c["returned"] for c in self.live(**same))

    def promise(self, pledge, donor, project, amount, now):
        for pool, (num, den, _, most, per_donor, per_project) in enumerate(RULES):
            if not self.open[pool]:
                continue
            ask = amount * num // den
            rooms = [self.caps[pool] - self.used(pool=pool)]
            rooms += [most] if most else []
            rooms += [per_donor - self.used(pool=pool, donor=donor)] if per_donor else []
            rooms += [per_project - self.used(pool=pool, project=project)] if per_project else []
            give = max(min(ask, *rooms), 0)
            if give:
                self.claims.append({"pledge": pledge, "pool": pool, "amount": give, "returned": 0, "clawing": 0,
                                    "state": "reserved", "donor": donor, "project": project, "due": now + TERM})
                amount -= amount if give == ask else -(-give * den // num)
            if amount <= 0:
                break

    def confirm(self, pledge):
        for claim in self.live(pledge=pledge, state="reserved"):
            claim["state"] = "captured"
            self.unpaid[claim["pool"], claim["project"]] += claim["amount"] - claim["returned"]

    def fall(self, pledge, part, whole):
        claims = [c for c in self.live(pledge=pledge) if c["amount"] > c["returned"] + c["clawing"]]
        claims.sort(key=self.claims.index)
        lives = [c["amount"] - c["returned"] - c["clawing"] for c in claims]
        total = sum(lives)
        back = total - total * (whole - part) // whole
        shares = [back * x // total for x in lives]
        for at in sorted(range(len(lives)), key=lambda i: (-(back * lives[i] % total), i))[:back - sum(shares)]:
            shares[at] += 1
        for claim, share in zip(claims, shares, strict=True):
            key = claim["pool"], claim["project"]
            at_once = share if claim["state"] == "reserved" else min(share, self.unpaid[key])
            self.unpaid[key] -= at_once if claim["state"] == "captured" else 0
            claim["returned"] += at_once
            claim["clawing"] += share - at_once
            self._close(claim)

    def restored(self, pool, project, amount):
        claims = sorted(self.live(pool=pool, project=project, state="captured"), key=self.claims.index)
        for claim in sorted(claims, key=lambda c: c["clawing"] == 0):   # asked back first, oldest first
            if claim["clawing"]:
                take = min(amount, claim["clawing"])
                claim["clawing"] -= take
                claim["returned"] += take
                amount -= take
                self._close(claim)
        assert amount == 0

    def lapse(self, now, arrived):
        for claim in self.live(state="reserved"):
            if claim["due"] and claim["due"] <= now:
                if claim["pledge"] in arrived:
                    claim["due"] = None
                else:
                    claim["returned"] = claim["amount"]
                    self._close(claim)

    @staticmethod
    def _close(claim):
        if claim["returned"] == claim["amount"]:
            claim["state"] = "returned"


class Life(RuleBasedStateMachine):
    """One random life; `session` and `stage` are given by the test."""

    session, stage = None, None
    pledges = Bundle("pledges")

    def __init__(self):
        super().__init__()
        self.savepoint = self.session.begin_nested()
        self.oracle, self.now, self.refs, self.last = Oracle(), NOW, [], None
        self.worlds, self.donors, backers = self.stage
        self.pools = [
            make_pool(self.session, funder=backer, ratio=(num, den), cap=Money(cap), priority=at, **{
                name: Money(value) for name, value in
                (("per_pledge_cap", most), ("per_donor_cap", donor), ("per_project_cap", project)) if value}).id
            for at, ((num, den, cap, most, donor, project), backer) in enumerate(zip(RULES, backers, strict=True))]

    def teardown(self):
        self.savepoint.rollback()
        self.session.expire_all()

    def pledge(self, number):
        return self.session.get_one(Pledge, self.refs[number])

    def do(self, verb, *args, twice=True, **kwargs):
        """The step and, as networks do, the same step again: the second changes nothing (I5)."""
        verb(*args, **kwargs)
        if twice:
            verb(*args, **kwargs)

    @rule(target=pledges, donor=st.integers(0, 2), world=st.integers(0, 1), amount=st.integers(1, 400_000))
    def promise(self, donor, world, amount):
        key = f"life-{next(_keys)}"
        made = [make_pledge(self.session, self.worlds[world], funder=self.donors[donor], amount=Money(amount), client_key=key,
                            now=self.now) for _ in range(2)]
        assert made[0].id == made[1].id
        self.refs.append(made[0].id)
        self.oracle.promise(len(self.refs) - 1, donor, world, amount, self.now)
        return len(self.refs) - 1

    @initialize(target=pledges, amount=st.integers(10_001, 400_000))
    def a_promise_that_is_half_paid(self, amount):
        number = self.promise(0, 0, amount)
        self.pay_and_confirm(number, 2)
        return number

    @initialize(target=pledges, amount=st.integers(10_001, 200_000))
    def a_promise_that_is_confirmed(self, amount):
        number = self.promise(1, 0, amount)
        self.pay_and_confirm(number, 1)
        return number

    @rule(number=pledges, share=st.integers(1, 2))
    def pay_and_confirm(self, number, share):
        pledge = self.pledge(number)
        amount = Money(-(-pledge.open.fen // share))
        if not amount.fen:
            return
        world = next(w for w in self.worlds if w.project.id == pledge.project_id)
        key = f"line-{next(_keys)}"
        self.do(operations.arrive, self.session, actor=SYSTEM, pledge=pledge, amount=amount, from_account=world.suspense,
                idem_key=key, now=self.now)
        self.do(operations.confirm, self.session, actor=SYSTEM, pledge=pledge, amount=amount, idem_key=f"{key}:c", now=self.now)
        if not pledge.open.fen:
            self.oracle.confirm(number)

    @rule(number=consumes(pledges))
    def cancel(self, number):
        pledge = self.pledge(number)
        opened, standing = pledge.open.fen, (pledge.amount - pledge.dropped - pledge.refunded).fen
        if not opened:
            return
        operations.cancel(self.session, actor=SYSTEM, pledge=pledge, reason="不再支付", now=self.now)
        if self.oracle.live(pledge=number):
            self.oracle.fall(number, opened, standing)

    @rule(number=pledges, part=st.integers(1, 400_000))
    def refund(self, number, part):
        pledge = self.pledge(number)
        part = min(part, pledge.held.fen)
        if not part:
            return
        standing = (pledge.amount - pledge.dropped - pledge.refunded).fen
        self._refund(pledge, part)
        if any(c["amount"] > c["returned"] + c["clawing"] for c in self.oracle.live(pledge=number)):
            self.oracle.fall(number, part, standing)

    def _refund(self, pledge, part, *, ask=True):
        world = next(w for w in self.worlds if w.project.id == pledge.project_id)
        if ask:
            operations.ask_refund(self.session, actor=SYSTEM, pledge=pledge, amount=Money(part), reason="捐赠人要求退回",
                                  now=self.now, idem_key=f"ask-{next(_keys)}")
        self.do(operations.refund_returned, self.session, actor=SYSTEM, pledge=pledge, amount=Money(part),
                from_account=world.suspense, idem_key=f"back-{next(_keys)}", now=self.now)

    @rule(share=st.integers(1, 3))
    def pay_matching_money(self, share):
        for matched in self.session.scalars(select(Pledge).where(Pledge.kind == "matched").order_by(Pledge.id)).all():
            amount = Money(-(-matched.open.fen // share))
            if amount.fen:
                world = next(at for at, w in enumerate(self.worlds) if w.project.id == matched.project_id)
                operations.arrive(self.session, actor=SYSTEM, pledge=matched, amount=amount,
                                  from_account=self.worlds[world].suspense, idem_key=f"line-{next(_keys)}", now=self.now)
                operations.confirm(self.session, actor=SYSTEM, pledge=matched, amount=amount, idem_key=f"ok-{next(_keys)}",
                                   now=self.now)
                self.oracle.unpaid[self.pools.index(matched.pool_id), world] -= amount.fen

    @rule(share=st.integers(1, 3))
    def clawed_money_comes_back(self, share):
        for matched in self.session.scalars(select(Pledge).where(Pledge.kind == "matched").order_by(Pledge.id)).all():
            part = -(-matched.refunding.fen // share)
            if part:
                self._refund(matched, part, ask=False)
                world = next(at for at, w in enumerate(self.worlds) if w.project.id == matched.project_id)
                self.oracle.restored(self.pools.index(matched.pool_id), world, part)

    @rule(days=st.sampled_from([1, 10, 31]))
    def time_passes(self, days):
        self.now += timedelta(days=days)
        arrived = {at for at, key in enumerate(self.refs) if (p := self.session.get_one(Pledge, key))
                   and (p.paid + p.held + p.released + p.disbursed + p.disputed).fen}
        for _ in range(2):
            operations.expire_reservations(self.session, now=self.now)
        self.oracle.lapse(self.now, arrived)

    @rule(pool=st.integers(0, 2))
    def pause_or_start(self, pool):
        step = operations.pause_pool if self.oracle.open[pool] else operations.start_pool
        step(self.session, actor=SYSTEM, pool=self.session.get_one(MatchingPool, self.pools[pool]), now=self.now)
        self.oracle.open[pool] = not self.oracle.open[pool]

    @rule(pool=st.integers(0, 2), cap=st.integers(1, 900_000))
    def change_cap(self, pool, cap):
        row = self.session.get_one(MatchingPool, self.pools[pool])
        if cap < self.oracle.used(pool=pool):
            with pytest.raises(Invalid):
                operations.change_cap(self.session, actor=SYSTEM, pool=row, cap=Money(cap), now=self.now)
            return
        operations.change_cap(self.session, actor=SYSTEM, pool=row, cap=Money(cap), now=self.now)
        self.oracle.caps[pool] = cap

    @rule(number=pledges)
    def more_than_there_is_is_refused(self, number):
        pledge = self.pledge(number)
        with pytest.raises(DomainError):
            operations.ask_refund(self.session, actor=SYSTEM, pledge=pledge, amount=pledge.paid + pledge.held + Money(1),
                                  reason="多退一分", now=self.now)

    @invariant()
    def everything_agrees(self):
        check_books(self.session)
        rows = self.session.scalars(select(Allocation).order_by(Allocation.id).execution_options(populate_existing=True)).all()
        assert [(self.refs.index(a.pledge_id), self.pools.index(a.pool_id), a.amount.fen, a.returned.fen, a.clawing.fen, a.state)
                for a in rows] == [(c["pledge"], c["pool"], c["amount"], c["returned"], c["clawing"], c["state"])
                                   for c in self.oracle.claims]
        for pledge in self.session.scalars(select(Pledge).execution_options(populate_existing=True)):
            assert pledge.disbursed <= pledge.amount - pledge.open - pledge.refunded - pledge.dropped


def test_any_life_of_pledges_and_pools_is_what_the_oracle_says(session):
    Life.session = session
    Life.stage = ([make_world(session), make_world(session)], [make_funder(session) for _ in range(3)],
                  [make_funder(session) for _ in RULES])
    run_state_machine_as_test(Life, settings=settings(
        max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)))
