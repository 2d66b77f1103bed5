"""Large ledgers for measuring: written in bulk by bare inserts, whole to the last check."""

import secrets
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

BITE = 5_000
FEN = 1_000


def close(app: Flask) -> None:
    """Let go of the database."""
    from marketplace.core.db import db

    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def _app(folder: Path) -> Flask:
    """Return a migrated site in a folder of its own."""
    from marketplace import create_app
    from marketplace.config import Config
    from marketplace.core.db import db
    from marketplace.web import migrate

    app = create_app(Config(instance=folder, secret_key="b" * 40, testing=True, jobs="none", rate_limits=False))
    with app.app_context():
        migrate.upgrade(db.engine)
    return app


class Writer:
    """Writes pledges of ten yuan with one yuan for one of matching money, every row as the operations would."""

    def __init__(self, session) -> None:
        from marketplace.core.db import Model
        from tests.factories.funding import make_funder, make_world

        self.session, self.tables = session, Model.metadata.tables
        self.world = make_world(session)
        self.funder, self.backer = make_funder(session), make_funder(session)
        self.rows: dict[str, list[dict[str, object]]] = {}
        self.pledges = session.scalar(sa.text("SELECT coalesce(max(id), 0) FROM pledge"))
        self.journals = session.scalar(sa.text("SELECT coalesce(max(id), 0) FROM journal"))

    def pool(self, pledges: int, *, confirmed: bool):
        """Open a pool and write its pledges: all of them confirmed by the receiving body and matched, or all promised."""
        from marketplace.core.money import Money
        from tests.factories.funding import make_pool

        pool = make_pool(self.session, funder=self.backer, cap=Money(FEN * pledges * 2), confirm_days=0)
        self.session.flush()
        self.journals = self.session.scalar(sa.text("SELECT max(id) FROM journal"))
        rule = pool.rules[0].id if pool.rules else self.session.scalar(
            sa.text("SELECT id FROM matching_rule WHERE pool_id = :pool"), {"pool": pool.id})
        for _ in range(pledges):
            self._pledge(pool, rule, confirmed=confirmed)
            if len(self.rows.get("pledge", ())) >= BITE:
                self._flush()
        self._flush()
        self._sums(pool, pledges, confirmed=confirmed)
        return pool

    def _pledge(self, pool, rule: int, *, confirmed: bool) -> None:
        """Write one pledge with its claim on the pool and their journals."""
        from marketplace.core.money import Money
        from tests.factories import NOW

        self.pledges += 1
        ref, world = secrets.token_hex(6), self.world
        self._add("pledge", id=self.pledges, ref=ref, code=ref, client_key=ref, kind="own", funder_id=self.funder.id,
                  project_id=world.project.id, receiver_id=world.receiver.id, amount=Money(FEN), open=Money(FEN),
                  state="pledged", is_verbal=False, landing="agreement", pledged_at=NOW, signed_at=NOW, changed_at=NOW)
        self._post("pledge.promise", ref, f"pledge:{ref}:promise", f"commitment:{self.funder.ref}", f"promised:{ref}")
        self._add("allocation", ref=ref, idem_key=f"match:{ref}", pool_id=pool.id, rule_id=rule, pledge_id=self.pledges,
                  base=Money(FEN), asked=Money(FEN), amount=Money(FEN), state="captured" if confirmed else "reserved",
                  reason="1:1", reserved_at=NOW, captured_at=NOW if confirmed else None,
                  expires_at=None if confirmed else NOW + timedelta(days=30))
        self._post("match.reserved", ref, f"match:{ref}:1", f"pool-available:{pool.ref}", f"pool-reserved:{pool.ref}")
        if confirmed:
            self._post("match.captured", ref, f"match:{ref}:capture", f"pool-reserved:{pool.ref}", f"promised:{self._matched(pool)}")

    @staticmethod
    def _matched(pool) -> str:
        """Return the reference of the pool's pledge for the project."""
        return f"m{pool.ref[1:]}"

    def _post(self, kind: str, ref: str, key: str, debit: str, credit: str) -> None:
        """Write one journal with its hash."""
        from marketplace.core.money import Money
        from marketplace.ledger.rules import Heading, journal_hash, written
        from tests.factories import NOW

        self.journals += 1
        own = secrets.token_hex(6)
        heading = Heading(own, key, kind, "pledge", ref, written(NOW), None, None)
        self._add("journal", id=self.journals, ref=own, idem_key=key, kind=kind, subject_kind="pledge", subject_ref=ref, at=NOW,
                  own_hash=journal_hash(heading, [(debit, credit, FEN)]))
        self._add("transfer", journal_id=self.journals, line=1, debit=debit, credit=credit, amount=Money(FEN))

    def _add(self, table: str, **row: object) -> None:
        self.rows.setdefault(table, []).append(row)

    def _flush(self) -> None:
        """Write what was gathered."""
        for name in ("pledge", "journal", "transfer", "allocation"):
            if rows := self.rows.pop(name, []):
                self.session.connection().execute(sa.insert(self.tables[name]).inline(), rows)

    def _sums(self, pool, pledges: int, *, confirmed: bool) -> None:
        """Bring counters, project sums and the matched pledge to what was written."""
        from marketplace.core.money import Money
        from tests.factories import NOW

        whole, world, run = Money(FEN * pledges), self.world, self.session.connection().execute
        run(sa.update(self.tables["matching_pool"]).where(self.tables["matching_pool"].c.id == pool.id)
            .values(captured=whole if confirmed else Money(0), reserved=Money(0) if confirmed else whole))
        for scope, subject in (("donor", self.funder.ref), ("project", world.project.ref)):
            run(sa.insert(self.tables["pool_cap"]), {"pool_id": pool.id, "scope": scope, "subject_ref": subject, "cap": None, "used": whole})
        sums = self.tables["funded_project"]
        for kind, number in (("own", pledges), *((("matched", 1),) if confirmed else ())):
            done = run(sa.update(sums).where(sums.c.project_id == world.project.id, sums.c.kind == kind).values(
                amount=sums.c.amount + whole, open=sums.c.open + whole, donors=sums.c.donors + number))
            if not done.rowcount:
                run(sa.insert(sums), {"project_id": world.project.id, "kind": kind, "amount": whole, "open": whole, "donors": number})
        if confirmed:
            self.pledges += 1
            ref = self._matched(pool)
            self._add("pledge", id=self.pledges, ref=ref, code=ref, client_key=ref, kind="matched", funder_id=self.backer.id,
                      pool_id=pool.id, project_id=world.project.id, receiver_id=world.receiver.id, amount=whole, open=whole,
                      state="pledged", is_verbal=False, landing="agreement", pledged_at=NOW, signed_at=NOW, changed_at=NOW)
            self._flush()
        self.session.expire_all()


def _seal() -> None:
    """Seal everything."""
    from marketplace.core.db import transaction
    from marketplace.ledger.operations import seal_batch

    while True:
        with transaction() as session:
            if not seal_batch(session):
                return


def checked(folder: Path, entries: int):
    """Write a ledger of at least so many entries; return what the check of it says."""
    from marketplace.core.clock import utc_now
    from marketplace.core.db import db, transaction
    from marketplace.funding.queries import verifying

    app = _app(folder)
    with app.app_context():
        with transaction() as session:
            writer = Writer(session)
            writer.pool(entries // 10 + 1, confirmed=True)      # three journals each: six entries
            writer.pool(entries // 10 + 1, confirmed=False)     # two journals each: four entries
        _seal()
        report = verifying.verify(verifying.snapshot(db.session()), now=utc_now())
    close(app)
    return report


def two_pools(folder: Path, small: int, large: int):
    """Return a site with two open pools of so many confirmed pledges, and their references."""
    from marketplace.core.db import transaction

    app = _app(folder)
    with app.app_context(), transaction() as session:
        refs = [Writer(session).pool(count, confirmed=True).ref for count in (small, large)]
    return app, *refs
