"""A site on disk whose writer and web workers are processes of their own, to be killed while its content changes.

Another suite adds its own part by a `change` (what is done once, in one transaction) and checks of its own after
`settle()`; see test_search_torture.py.
"""

import contextlib
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from flask import Flask
from sqlalchemy.orm import Session

from marketplace.config import ROOT
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.outbox import LEASE, claim_due
from marketplace.web.worker import run_claim

ROUNDS, CHANGES = 20, 2_000        # changes in all
CHILD = textwrap.dedent("""
    import sys, threading, time
    from pathlib import Path
    from marketplace import create_app
    from marketplace.config import Config
    from marketplace.web import worker
    role, url, folder, engine = sys.argv[1:5]
    app = create_app(Config(instance=Path(folder), database_url=url, secret_key="t" * 40, base_url="http://localhost",
                            testing=True, rate_limits=False, jobs="none", search=engine))
    print("ready", flush=True)
    if role == "writer":
        worker.work(app, threading.Event())
    worker.start_thread(app)
    client = app.test_client()
    while True:
        answer = client.get("/search?q=助餐")
        if answer.status_code != 200:
            print("bad", answer.status_code, flush=True)
        time.sleep(0.05)
""")


class Torture:
    """The processes of one site."""

    def __init__(self, app: Flask, engine: str, seed: int) -> None:
        self.app, self.engine = app, engine
        self.config = app.extensions["marketplace.config"]
        self.dice = random.Random(seed)
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.kills = 0
        self.said: list[str] = []

    def start(self, role: str) -> None:
        """Start a process and wait until it serves."""
        log = Path(self.config.instance) / f"{role}.log"
        with log.open("a") as errors:
            made = self.running[role] = subprocess.Popen(
                [sys.executable, "-c", CHILD, role, self.config.database_url, str(self.config.instance), self.engine],
                cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert made.stdout is not None
        assert made.stdout.readline() == "ready\n", log.read_text()[-2000:]

    def kill(self, role: str) -> None:
        """End a process as a power cut would."""
        killed = self.running.pop(role)
        killed.send_signal(signal.SIGKILL)
        self.said += (killed.communicate()[0] or "").splitlines()
        self.kills += 1

    def run(self, change: Callable[[Session, int], None], *, rounds: int, changes: int) -> None:
        """Make the changes one after the other; in every round kill the writer and a web worker, each somewhere."""
        number = 0
        for role in ("writer", "web"):
            self.start(role)
        for _ in range(rounds):
            share = changes // rounds
            moments = {"writer": self.dice.randrange(share), "web": self.dice.randrange(share)}
            for at in range(share):
                with self.app.app_context(), transaction() as session:
                    change(session, number)
                number += 1
                for role, moment in moments.items():
                    if at == moment:
                        time.sleep(self.dice.uniform(0.0, 0.4))     # anywhere in a batch, a commit, a merge
                        self.kill(role)
                        self.start(role)

    def settle(self) -> None:
        """Kill what runs, and do what is left, also what the killed had leased."""
        for role in list(self.running):
            self.kill(role)
        with self.app.app_context():
            while True:
                with transaction() as session:
                    claims = claim_due(session, now=utc_now() + 2 * LEASE, limit=50)
                if not claims:
                    break
                assert all(run_claim(claim) for claim in claims)
            db.session.rollback()

    def close(self) -> None:
        """Leave nothing running."""
        for process in self.running.values():
            process.kill()
            process.communicate()


@contextlib.contextmanager
def torture(app: Flask, engine: str, seed: int) -> Iterator[Torture]:
    """Lend a site for torture."""
    made = Torture(app, engine, seed)
    try:
        yield made
    finally:
        made.close()
