"""One process of clients that pledge: by the full operation, or by its own statements through bare psycopg 3.

`python -m benchmarks._pledging WAY URL SECONDS CLIENTS`: says "ready", waits for a line, pledges, says how often.
The statements are not written down here: each client does the operation twice while SQLAlchemy's events note every
statement with its values and rows; what differs between the two is made anew for every repetition (references, keys,
ids given by the database), all else is sent as it was.
"""

import json
import re
import secrets
import sys
import tempfile
import threading
import time
from pathlib import Path

import psycopg
import sqlalchemy as sa
from psycopg.types.json import Json

WARM = 12
TOKEN = re.compile(r"(?<![2-9a-hj-km-np-z])[2-9a-hj-km-np-z]{12}(?![2-9a-hj-km-np-z])")
_ready = threading.Lock()


def make_app(url: str):
    """Return the site on this database, without a worker of its own."""
    from marketplace import create_app
    from marketplace.config import Config

    return create_app(Config(instance=Path(tempfile.mkdtemp()), database_url=url, secret_key="b" * 40, testing=True,
                             jobs="none", rate_limits=False))


def pledge(client: dict[str, int]) -> None:
    """Promise ten yuan as a view does: load, one transaction, one operation."""
    from marketplace.core.access import SYSTEM
    from marketplace.core.clock import utc_now
    from marketplace.core.db import transaction
    from marketplace.core.money import Money
    from marketplace.funding import operations
    from marketplace.funding.models import Funder
    from marketplace.organizations.models import Organization
    from marketplace.payments.models import ReceivingAccount
    from marketplace.projects.models import Project

    with transaction() as session:
        operations.promise(
            session, actor=SYSTEM, funder=session.get_one(Funder, client["funder"]),
            project=session.get_one(Project, client["project"]), now=utc_now(), amount=Money.yuan(10),
            receiver=session.get_one(Organization, client["receiver"]), client_key=f"form-{secrets.token_hex(8)}",
            account=session.get_one(ReceivingAccount, client["account"]))


class Noted:
    """The statements of one operation with their values and rows."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, object, list[tuple[object, ...]]]] = []

    def __call__(self, _connection, cursor, statement, values, _context, _many) -> None:
        rows = []
        if cursor.description is not None:
            rows = cursor.fetchall()
            cursor.scroll(0, mode="absolute")
        self.steps.append((statement, values, rows))


def note(engine: sa.Engine, client: dict[str, int]) -> Noted:
    """Do the operation once and note its statements."""
    noted = Noted()
    sa.event.listen(engine, "after_cursor_execute", noted)
    try:
        pledge(client)
    finally:
        sa.event.remove(engine, "after_cursor_execute", noted)
    return noted


class Replay:
    """The same statements, made anew: `send` runs them once on a bare connection."""

    def __init__(self, first: Noted, second: Noted) -> None:
        assert [s for s, _, _ in first.steps] == [s for s, _, _ in second.steps], "two operations, two lists of statements"
        self.steps = []
        self._plans: dict[str, tuple[str, object]] = {}
        for number, ((text, a, rows), (_, b, _)) in enumerate(zip(first.steps, second.steps, strict=True)):
            many = isinstance(a, list)
            made = [self._plan(number, one, other, first, second)
                    for one, other in zip(a if many else [a], b if many else [b], strict=True)]
            self.steps.append((text, many, made, bool(rows)))
        self.count = len(self.steps)

    def _plan(self, number: int, a: dict, b: dict, first: Noted, second: Noted) -> list[tuple[str, str, object]]:
        """Return how each value is made: kept, taken from an earlier row, or with fresh references."""
        plan = []
        for name, value in a.items():
            other = b[name]
            if isinstance(value, Json):
                plan.append((name, "json", json.dumps(value.obj, ensure_ascii=False)))
            elif isinstance(value, int) and not isinstance(value, bool) and value != other:
                plan.append((name, "row", self._origin(number, value, other, first, second)))
            elif isinstance(value, str) and value != other:
                plan.append((name, "text", value))
            else:
                plan.append((name, "same", value))
        return plan

    @staticmethod
    def _origin(number: int, a: int, b: int, first: Noted, second: Noted) -> tuple[int, int, int]:
        """Return which earlier statement gave this number: (statement, row, column)."""
        for step in range(number):
            rows, others = first.steps[step][2], second.steps[step][2]
            for at, (row, other) in enumerate(zip(rows, others, strict=False)):
                for column, (x, y) in enumerate(zip(row, other, strict=True)):
                    if (x, y) == (a, b):
                        return step, at, column
        raise AssertionError(f"nobody gave {a} / {b}")

    def send(self, connection: psycopg.Connection) -> None:
        """Run the statements once, in one transaction."""
        fresh: dict[str, str] = {}
        seen: list[list[tuple[object, ...]]] = []

        def anew(text: str) -> str:
            changed = TOKEN.sub(lambda m: fresh.setdefault(m[0], _ref()), text)
            return changed if changed != text else fresh.setdefault(text, secrets.token_hex(32)[:len(text)])

        made = {"same": lambda value: value, "row": lambda value: seen[value[0]][value[1]][value[2]], "text": anew,
                "json": lambda value: TOKEN.sub(lambda m: fresh.get(m[0], m[0]), value)}
        for text, many, plans, has_rows in self.steps:
            values = [{name: made[how](value) for name, how, value in plan} for plan in plans]
            cursor = connection.cursor()
            if many:
                cursor.executemany(text, values)
            else:
                cursor.execute(text, values[0])
            seen.append(cursor.fetchall() if has_rows else [])
        connection.commit()


def _ref() -> str:
    """Return a fresh reference, made as cheaply as can be: the yardstick shall be fast."""
    return secrets.token_hex(6)


def run_full(app, client: dict[str, int], gate: threading.Barrier, stop: threading.Event, counts: list[int]) -> None:
    """Pledge by the operation until told to stop."""
    with app.app_context():
        for _ in range(WARM):
            pledge(client)
        gate.wait()
        gate.wait()
        done = 0
        while not stop.is_set():
            pledge(client)
            done += 1
        counts.append(done)


def run_bare(replay: Replay, url: str, gate: threading.Barrier, stop: threading.Event, counts: list[int]) -> None:
    """Send the statements until told to stop."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        for _ in range(WARM):
            replay.send(connection)
        gate.wait()
        gate.wait()
        done = 0
        while not stop.is_set():
            replay.send(connection)
            done += 1
        counts.append(done)


def main() -> None:
    """Run the clients of this process."""
    way, url, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    clients = json.loads(sys.argv[4])
    app = make_app(url)
    gate, stop, counts = threading.Barrier(len(clients) + 1), threading.Event(), []
    if way == "full":
        jobs = [(run_full, (app, client, gate, stop, counts)) for client in clients]
    else:
        from marketplace.core.db import db

        replays = []
        with app.app_context():
            for client in clients:
                for _ in range(WARM):
                    pledge(client)
                replays.append(Replay(note(db.engine, client), note(db.engine, client)))
            db.session.remove()
            db.engine.dispose()
        jobs = [(run_bare, (replay, url, gate, stop, counts)) for replay in replays]
    threads = [threading.Thread(target=job, args=words) for job, words in jobs]
    for thread in threads:
        thread.start()
    gate.wait()
    print("ready", flush=True)
    sys.stdin.readline()
    gate.wait()
    began, cpu = time.perf_counter(), time.process_time()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    print(json.dumps({"done": sum(counts), "seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu,
                      "statements": replays[0].count if way == "bare" else 0}), flush=True)


if __name__ == "__main__":
    main()
