"""Submit a sealed bid: CPU of the operation and its commit, against one ORM insert and commit of the same bytes."""

import os
import secrets
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

BOUND = 8.0


class Base(DeclarativeBase):
    """A base of its own, so that the yardstick's table is no table of the product."""


class Plain(Base):
    """The yardstick: the same bytes in one row, with a key and a time, and nothing else."""

    __tablename__ = "bench_plain"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[str]
    data: Mapped[bytes] = mapped_column(sa.LargeBinary)


def run(quick: bool = False) -> list[dict[str, object]]:
    """Return the figure: both sides in the same file database, synchronous=FULL, in turn, medians of CPU time."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from marketplace import create_app
    from marketplace.config import Config
    from marketplace.core.db import db, transaction
    from marketplace.web import migrate

    rounds = 60 if quick else 300
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Config(instance=Path(folder), secret_key="b" * 40, testing=True, jobs="none", rate_limits=False))
        with app.app_context():
            migrate.upgrade(db.engine)
            with db.engine.connect().execution_options(writing=True) as connection, connection.begin():
                Base.metadata.create_all(connection)
                assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            actors, project_ref, offer, now = _stage(rounds)
            sealer = app.extensions["marketplace.services"].sealer
            bid_times: list[float] = []
            plain_times: list[float] = []
            size = 0
            for actor in actors:
                taken, size = _submit(transaction, sealer, actor, project_ref, offer, now)
                bid_times.append(taken)
                plain_times.append(_insert(transaction, size))
            db.session.remove()
            db.engine.dispose()
    bid, plain = (statistics.median(times[10:]) * 1000 for times in (bid_times, plain_times))
    ratio = bid / plain
    return [{"name": "submit a sealed bid", "value": round(bid, 2), "unit": "ms CPU", "ratio": round(ratio, 2),
             "to": f"one ORM insert + commit of the same {size // 1024} KiB ({plain:.2f} ms CPU)",
             "bound": BOUND, "met": ratio <= BOUND}]


def _stage(organizations: int):
    """Publish one project and bring bidders who have saved a draft, as everybody who bids has."""
    from marketplace.bids import operations
    from marketplace.core.db import transaction
    from marketplace.web.services import services
    from tests.factories import NOW
    from tests.factories.bids import an_offer, make_bidder
    from tests.factories.projects import make_published

    offer = an_offer(plan="由中央厨房统一制作，十一点前送到各社区助餐点。" * 60)
    with transaction() as session:
        project = make_published(session)
        bidders = [make_bidder(session) for _ in range(organizations)]
        for bidder in bidders:
            operations.save_draft(session, actor=bidder.actor, project=project, fields={"plan": offer.plan},
                                  sealer=services().sealer, now=NOW)
        return [bidder.actor for bidder in bidders], project.ref, offer, NOW + timedelta(hours=1)


def _submit(transaction, sealer, actor, project_ref, offer, now) -> tuple[float, int]:  # noqa: PLR0917
    """Return the CPU seconds of one submission, as the view does it: load, operation, commit; and the bytes stored."""
    from marketplace.bids import operations
    from marketplace.projects import queries as projects

    begun = time.process_time()
    with transaction() as session:
        project = projects.by_ref(session, project_ref)
        bid = operations.submit_bid(session, actor=actor, project=project, offer=offer, sealer=sealer, now=now,
                                    replaces=None)
        size = len(bid.own_copy) + len(bid.envelopes[0].sealed)
    return time.process_time() - begun, size


def _insert(transaction, size: int) -> float:
    """Return the CPU seconds of one ORM insert and commit of as many bytes."""
    data = os.urandom(size)
    at = secrets.token_hex(8)
    begun = time.process_time()
    with transaction() as session:
        session.add(Plain(at=at, data=data))
    return time.process_time() - begun


if __name__ == "__main__":
    for line in run(quick="--quick" in sys.argv):
        print(line)
