"""Processes of sixteen threads each that pledge, pay, confirm and cancel against one pool, and are killed while they do.

As a program it is one such process: a line of JSON on stdin tells a round, "done KEY" on stdout is said after each
commit, "over" when the pool is exhausted. Every request has a key of its own; a process started anew begins with the
requests that nobody heard an answer to, as a browser would that sends a form again.
"""

import contextlib
import hashlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from flask import Flask

from marketplace.config import ROOT

PROCESSES, THREADS = 4, 16
PATIENCE = 240.0     # seconds a round may take before it counts as hung


class Pledgers:
    """The processes of one site."""

    def __init__(self, app: Flask, seed: int) -> None:
        self.config = app.extensions["marketplace.config"]
        self.dice = random.Random(seed)
        self.running: dict[int, subprocess.Popen[str]] = {}
        self.listening: dict[int, threading.Thread] = {}
        self.kills = 0
        self.acknowledged: list[str] = []
        self.told: dict[str, object] = {}
        self.over: set[int] = set()
        self.news = threading.Condition()
        self.faults: list[str] = []

    def start(self, number: int) -> None:
        """Start a process; when a round runs it joins in, from the requests that got no answer."""
        log = (Path(self.config.instance) / f"pledger{number}.log").open("a")
        made = self.running[number] = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.pledgers", self.config.database_url, str(self.config.instance), str(number)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        log.close()
        self.listening[number] = threading.Thread(target=self._listen, args=(number, made), daemon=True)
        self.listening[number].start()
        if self.told:
            self._tell(number)

    def _listen(self, number: int, process: "subprocess.Popen[str]") -> None:
        """Hear what a process says until it ends."""
        for line in process.stdout or ():
            word, _, rest = line.strip().partition(" ")
            with self.news:
                if word == "done":
                    self.acknowledged.append(rest)
                elif word == "over" and self.running.get(number) is process:
                    self.over.add(number)
                elif word == "fault":
                    self.faults.append(rest)
                self.news.notify_all()

    def _tell(self, number: int) -> None:
        """Tell a process the round, and which request of each thread is the first without an answer."""
        process = self.running[number]
        prefix = f"{self.told['round']}-{number}-"
        starts = [0] * THREADS
        for key in self.acknowledged:
            if key.startswith(prefix):
                thread, at = key.removeprefix(prefix).split("-")
                starts[int(thread)] = max(starts[int(thread)], int(at) + 1)
        with contextlib.suppress(BrokenPipeError):
            assert process.stdin is not None
            process.stdin.write(json.dumps({**self.told, "starts": starts}) + "\n")
            process.stdin.flush()

    def kill(self, number: int) -> None:
        """End a process as a power cut would."""
        process = self.running.pop(number)
        process.send_signal(signal.SIGKILL)
        self._bury(number, process)
        self.kills += 1

    def _bury(self, number: int, process: "subprocess.Popen[str]") -> None:
        """Hear the last words of an ended process and close what led to it."""
        process.wait()
        self.listening.pop(number).join(30)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def round(self, told: dict[str, object], *, kills: int) -> list[str]:
        """Run one round until the pool is exhausted, killing a random process `kills` times; return what was acknowledged."""
        with self.news:
            self.acknowledged.clear()
            self.over.clear()
            self.told = told
        for number in range(PROCESSES):
            if number in self.running:
                self._tell(number)
            else:
                self.start(number)
        until = time.monotonic() + PATIENCE
        marks = sorted(self.dice.randrange(1, 60) for _ in range(kills))
        while len(self.over) < PROCESSES:
            assert time.monotonic() < until, f"hung: over {self.over}, {len(self.acknowledged)} done, {self.faults}"
            assert not self.faults, self.faults
            with self.news:
                self.news.wait(0.2)
                due = bool(marks) and len(self.acknowledged) >= marks[0]
            if due:
                marks.pop(0)
                time.sleep(self.dice.uniform(0.0, 0.05))     # anywhere in a statement, a commit, an answer
                victim = self.dice.choice(sorted(self.running))
                with self.news:
                    self.over.discard(victim)
                self.kill(victim)
                self.start(victim)
        return list(self.acknowledged)

    def close(self) -> None:
        """Leave nothing running."""
        for number, process in self.running.items():
            process.kill()
            self._bury(number, process)


@contextlib.contextmanager
def pledgers(app: Flask, seed: int) -> Iterator[Pledgers]:
    """Lend processes that pledge."""
    made = Pledgers(app, seed)
    try:
        yield made
    finally:
        made.close()


# ---------- one process ----------

class Fate:
    """What a request is to do, read from its key alone: the same request does the same again."""

    def __init__(self, key: str, told: dict) -> None:
        bits = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
        self.funder = told["funders"][bits % len(told["funders"])]
        self.project = told["projects"][bits // 64 % len(told["projects"])]
        self.fen = 101 + bits // 4096 % 5_900
        self.then = ("cancel", "pay", "", "", "", "", "", "")[bits // 2**48 % 8]


def request(app: Flask, told: dict, key: str, line_id: int) -> bool:
    """Do one request; return whether the pool still has room."""
    from marketplace.core.access import SYSTEM
    from marketplace.core.clock import utc_now
    from marketplace.core.db import transaction
    from marketplace.core.money import Money
    from marketplace.funding import operations
    from marketplace.funding.models import Funder, MatchingPool
    from marketplace.organizations.models import Organization
    from marketplace.payments.models import BankLine, ReceivingAccount
    from marketplace.projects.models import Project

    fate = Fate(key, told)
    with app.app_context():
        with transaction() as session:
            pledge = operations.promise(
                session, actor=SYSTEM, funder=session.get_one(Funder, fate.funder), now=utc_now(), client_key=key,
                project=session.get_one(Project, fate.project), receiver=session.get_one(Organization, told["receiver"]),
                account=session.get_one(ReceivingAccount, told["account"]), amount=Money(fate.fen))
            made = pledge.id
        with transaction() as session:
            pledge = session.get_one(type(pledge), made)
            if fate.then == "cancel" and pledge.open.fen:
                operations.cancel(session, actor=SYSTEM, pledge=pledge, reason="试一试", now=utc_now())
            elif fate.then == "pay" and pledge.open.fen:
                operations.identify_line(session, actor=SYSTEM, line=session.get_one(BankLine, line_id), pledge=pledge,
                                         now=utc_now())
                operations.confirm(session, actor=SYSTEM, pledge=pledge, amount=pledge.paid, idem_key=f"c:{key}", now=utc_now())
            pool = session.get_one(MatchingPool, told["pool"])
            return pool.reserved + pool.captured < pool.cap


def serve(app: Flask, told: dict, worker: int, thread: int, say) -> None:
    """Make the requests of one thread until the pool is exhausted."""
    from marketplace.core.db import db
    from marketplace.core.errors import Conflict

    number, has_room = told["starts"][thread], True
    line_id = told["lines"][worker * THREADS + thread]
    while has_room:
        key = f"{told['round']}-{worker}-{thread}-{number}"
        try:
            has_room = request(app, told, key, line_id)
        except Exception as fault:  # noqa: BLE001 - told to the test unless it only asks to come again
            with app.app_context():
                db.session.remove()
            if isinstance(fault, Conflict) or "locked" in str(fault):
                continue
            say(f"fault {key}: {type(fault).__name__} {' '.join(str(fault).split())[:300]}")
            return
        say(f"done {key}")
        number += 1


def main() -> None:
    """Serve rounds until killed."""
    from marketplace import create_app
    from marketplace.config import Config

    url, folder, worker = sys.argv[1], sys.argv[2], int(sys.argv[3])
    app = create_app(Config(instance=Path(folder), database_url=url, secret_key="t" * 40, base_url="http://localhost",
                            testing=True, rate_limits=False, jobs="none"))
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_size": THREADS}
    speech = threading.Lock()

    def say(words: str) -> None:
        with speech:
            sys.stdout.write(words + "\n")
            sys.stdout.flush()

    for line in sys.stdin:
        told = json.loads(line)
        threads = [threading.Thread(target=serve, args=(app, told, worker, number, say)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        say("over")


if __name__ == "__main__":
    main()
