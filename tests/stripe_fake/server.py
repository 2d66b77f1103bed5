"""The fake on a loopback port: API, a Checkout page that a browser can click, webhooks with retries, controls for tests."""

import html
import json
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.stripe_fake.core import FakeStripe, Refusal, public

RETRIES = 8
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Checkout</title><body><main>
<h1>{name}</h1><p id="sum">{sum} {currency}</p>
<form method="post"><button name="do" value="pay">Pay</button> <button name="do" value="decline">Pay with a card that is declined</button>
<button name="do" value="later">Pay with a method that is confirmed later</button> <button name="do" value="back">Back</button></form>
<p role="status">{say}</p></main></body></html>"""


class Deliveries:
    """Sends each event to the webhook until it answers 2xx; a test may double, mix, delay or hold them."""

    def __init__(self, fake: FakeStripe, address: str) -> None:
        self.fake, self.address = fake, address
        self.times, self.mixed, self.delay, self.held, self.pause = 1, False, 0.0, False, 0.2
        self.answers: list[tuple[str, int]] = []
        self._waiting: list[dict] = []
        self._changed = threading.Condition()
        self._busy = 0
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="deliveries")
        fake.on_event = self.add
        self._thread.start()

    def add(self, event: dict) -> None:
        with self._changed:
            self._waiting += [event] * self.times
            self._changed.notify_all()

    def set(self, **values: object) -> None:
        with self._changed:
            for name, value in values.items():
                setattr(self, name, value)
            self._changed.notify_all()

    def settled(self, seconds: float = 20) -> bool:
        """Wait until nothing is left to send; False when that took too long."""
        end = time.monotonic() + seconds
        with self._changed:
            while self._waiting or self._busy:
                if time.monotonic() > end:
                    return False
                self._changed.wait(0.05)
        return True

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(10)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and (self.held or not self._waiting):
                    self._changed.wait(0.1)
                if self._stopped:
                    return
                at = random.randrange(len(self._waiting)) if self.mixed else 0
                event = self._waiting.pop(at)
                self._busy += 1
            time.sleep(self.delay)
            self._send(event)
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _send(self, event: dict) -> None:
        for attempt in range(RETRIES):
            if self._stopped:
                return
            body, headers = self.fake.signed(event)
            try:
                with urllib.request.urlopen(urllib.request.Request(self.address, body, headers), timeout=20) as answer:
                    self.answers.append((event["id"], answer.status))
                    return
            except urllib.error.HTTPError as refused:
                with refused:
                    self.answers.append((event["id"], refused.code))
            except OSError:
                self.answers.append((event["id"], 0))
            time.sleep(self.pause * (attempt + 1))


class StripeServer:
    """The fake served on 127.0.0.1; `webhook` is where it reports."""

    def __init__(self, fake: FakeStripe, *, port: int = 0, webhook: str = "") -> None:
        self.fake = fake
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        fake.checkout_base = self.url
        self.deliveries = Deliveries(fake, webhook)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True, name="stripe")
        self._thread.start()

    def stop(self) -> None:
        self.deliveries.stop()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def control(self, name: str, values: dict) -> dict:
        """Do what a test asks for over HTTP; the same calls exist as methods."""
        fake = self.fake
        acts: dict[str, Callable[[], object]] = {
            "webhooks": lambda: self.deliveries.set(**values),
            "settled": lambda: {"settled": self.deliveries.settled()},
            "break": lambda: fake.breakage.append(values["how"]),
            "pay": lambda: fake.pay(values["session"]), "later": lambda: fake.settle_later(values["session"], ok=values["ok"]),
            "dispute": lambda: fake.dispute(values["charge"], values.get("amount"), inquiry=values.get("inquiry", False)),
            "close_dispute": lambda: fake.close_dispute(values["dispute"], won=values["won"]),
            "refund": lambda: fake.refund(values["charge"], values["amount"]),
            "settle_refund": lambda: fake.settle_refund(values["refund"], ok=values["ok"]),
            "payout": lambda: fake.payout(values["amount"]), "again": lambda: [self.deliveries.add(e) for e in fake.events],
        }
        done = acts[name]()
        return public(done) if isinstance(done, dict) else {}


def _handler(server: StripeServer) -> type[BaseHTTPRequestHandler]:
    """The handler of one server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path.startswith("/v1/"):
                self._api("GET", parts.path, parts.query)
            elif parts.path.startswith("/pay/"):
                self._page(parts.path.removeprefix("/pay/"))
            else:
                self._answer(404, b"", "text/plain")

        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            if parts.path.startswith("/v1/"):
                self._api("POST", parts.path, text)
            elif parts.path.startswith("/pay/"):
                self._act(parts.path.removeprefix("/pay/"), parse_qs(text).get("do", [""])[0])
            elif parts.path.startswith("/control/"):
                made = server.control(parts.path.removeprefix("/control/"), json.loads(text or "{}"))
                self._answer(200, json.dumps(made).encode(), "application/json")
            else:
                self._answer(404, b"", "text/plain")

        def _api(self, method: str, path: str, text: str) -> None:
            try:
                status, body, more = server.fake.handle(method, path, dict(self.headers), text)
            except ConnectionError:
                self.close_connection = True
                return
            self._answer(status, json.dumps(public(body)).encode(), "application/json", more)

        def _page(self, session_id: str, say: str = "") -> None:
            session = server.fake.objects.get(session_id)
            if session is None:
                self._answer(404, b"", "text/plain")
                return
            if session["status"] != "open":
                say = f"This page is {session['status']}."
            page = PAGE.format(name=html.escape(session["_name"]), sum=f"{session['amount_total'] / 100:.2f}",
                               currency=session["currency"].upper(), say=html.escape(say))
            self._answer(200, page.encode(), "text/html; charset=utf-8")

        def _act(self, session_id: str, what: str) -> None:
            session, fake = server.fake.objects[session_id], server.fake
            try:
                if what == "decline":
                    fake.decline(session_id)
                    self._page(session_id, "Your card was declined.")
                    return
                if what in {"pay", "later"}:
                    (fake.pay if what == "pay" else fake.pay_later)(session_id)
            except Refusal as refused:
                self._page(session_id, str(refused))
                return
            self._answer(303, b"", "text/plain",
                         {"Location": session["cancel_url"] if what == "back" else session["success_url"]})

        def _answer(self, status: int, body: bytes, kind: str, more: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(more or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return Handler
