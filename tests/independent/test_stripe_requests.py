"""Every request that our code makes to Stripe is accepted by Stripe's own request-checking mock, and our fake answers
with fields that Stripe's own description knows.

The mock comes from the Go proxy at a pinned version. Where Go is older than it asks for (Debian's), the Go that it needs
comes from the same proxy. Nothing is skipped: without Go, or without the proxy, these tests fail and say so.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.money import Money
from marketplace.core.ports import PaymentRequest
from tests.stripe_fake.core import KEY
from tests.stripe_fake.site import make_site

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "test-results" / "stripe-mock"
MOCK = "github.com/stripe/stripe-mock@v0.203.0"
NEEDED = (1, 22)
GO = "golang.org/toolchain@v0.0.1-go1.24.4.linux-{}"
CALLS = {   # what the gateway can ask; a new call must be made in the story below, or the last test fails
    ("POST", "/v1/checkout/sessions"), ("GET", "/v1/checkout/sessions/"), ("POST", "/v1/checkout/sessions//expire"),
    ("POST", "/v1/payment_intents"), ("POST", "/v1/refunds"), ("GET", "/v1/events"), ("GET", "/v1/balance_transactions"),
}
pytestmark = [pytest.mark.documents, pytest.mark.on_sqlite("what is asked of Stripe does not depend on the database")]


def go(program, *words):
    """Run Go with its own settings, so that the machine's do not matter."""
    env = {**os.environ, "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local", "GOBIN": str(FOLDER)}
    return subprocess.run([program, *words], cwd="/", env=env, capture_output=True, text=True, check=True).stdout


def new_enough():
    """A Go that can build the mock: the machine's, or one from the proxy."""
    own = shutil.which("go")
    assert own, "Go is not installed: apt-get install golang-go (./test documents does it)"
    found = re.search(r"go(\d+)\.(\d+)", go(own, "version"))
    if (int(found[1]), int(found[2])) >= NEEDED:
        return own
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    folder = Path(json.loads(go(own, "mod", "download", "-json", GO.format(machine)))["Dir"])
    for part in (folder / "bin", folder / "pkg" / "tool"):
        subprocess.run(["chmod", "-R", "u+x", part], check=True)
    return str(folder / "bin" / "go")


@pytest.fixture(scope="module")
def say(request):
    """Write a plain line past the capture."""
    plugins = request.config.pluginmanager

    def line(words):
        with plugins.get_plugin("capturemanager").global_and_fixture_disabled():
            plugins.get_plugin("terminalreporter").write_line(words)

    return line


@pytest.fixture(scope="module")
def mock(say):
    """Stripe's mock, served on loopback; its address."""
    program = FOLDER / "stripe-mock"
    if not program.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        say(f"building {MOCK} with Go ...")
        go(new_enough(), "install", MOCK)
    process = subprocess.Popen([program, "-http-addr", "127.0.0.1:", "-https-addr", "127.0.0.1:"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    address = next((found[1] for line in process.stdout if (found := re.search(r"HTTP at address: (\S+)", line))), None)
    assert address, "stripe-mock did not start"
    yield f"http://{address}"
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.fixture
def told(app):
    """Everything that our code asks of Stripe in a story that uses every call; with what the fake answered."""
    site = make_site(app)
    site.open_page("100")
    site.client.post(site.path + "/close")
    site.deliver_all()
    site.paid()
    for amount in ("1000", "250.5"):
        site.as_(site.keeper).post(f"{site.path}/{site.charge().ref}/refund", data={"amount": amount, "reason": "缩减"})
    site.fake.dispute(site.charge().stripe_charge_id, 100)
    site.work()
    site.deliver_all()
    site.app.test_cli_runner().invoke(args=["payments", "reconcile", "--day", str(beijing_date(utc_now()))])
    for _ in range(101):
        site.fake.payout(1)
    site.app.test_cli_runner().invoke(args=["payments", "reconcile", "--day", str(beijing_date(utc_now()))])
    with app.app_context():
        app.extensions["marketplace.services"].payments.open_payment(
            "hk", PaymentRequest("instalment-2", Money(12_345), "CNY", "认捐第二期"))
    return site.fake.requests


def ask(mock, request):
    """Ask the mock what the fake was asked: status and answer."""
    query = f"?{request['text']}" if request["method"] == "GET" and request["text"] else ""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-www-form-urlencoded",
               **{name: request["headers"][name] for name in ("stripe-version", "idempotency-key")
                  if name in request["headers"]}}
    made = urllib.request.Request(mock + request["path"] + query, method=request["method"], headers=headers,
                                  data=request["text"].encode() if request["method"] == "POST" else None)
    try:
        with urllib.request.urlopen(made, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def test_stripes_own_mock_accepts_every_request(mock, told, say):
    wrong = [(one["method"], one["path"], one["text"], answer) for one in told
             for status, answer in [ask(mock, one)] if status != 200]
    assert wrong == []
    say(f"stripe-mock v0.203.0 accepted all {len(told)} requests")


def test_the_story_makes_every_call_that_the_gateway_can_make(told):
    made = {(one["method"], re.sub(r"/(cs|pi|re)_[a-z0-9_]+", "/", one["path"])) for one in told}
    assert made == CALLS
    source = (ROOT / "marketplace" / "integrations" / "stripe.py").read_text()
    assert len(set(re.findall(r"client\.v1\.[a-z_.]+", source))) == len(CALLS)


def test_every_money_request_carries_a_key_of_its_own_row(told):
    keys = [one["headers"].get("idempotency-key") for one in told if one["method"] == "POST"
            and not one["path"].endswith("/expire")]
    assert all(keys)
    assert len(set(keys)) == len(keys)
    assert {one["headers"]["stripe-version"] for one in told} == {"2026-10-28.endive"}


def test_the_mock_refuses_what_stripe_would_refuse(mock, told):
    session = next(one for one in told if one["path"] == "/v1/checkout/sessions")
    for more in ("&application_fee=1", "&mode=gift", "&line_items[0][price_data][unit_amount]=many"):
        status, answer = ask(mock, {**session, "text": session["text"] + more})
        assert (status, answer["error"]["type"]) == (400, "invalid_request_error"), more


def test_our_fake_answers_with_fields_and_types_of_stripes_own_description(mock, told):
    wrong = set()
    for one in told:
        ours, theirs = one["body"], ask(mock, one)[1]
        if one["status"] != 200:
            continue
        pairs = [(row, theirs["data"][0]) for row in ours["data"]] if ours.get("object") == "list" else [(ours, theirs)]
        for our, their in pairs:
            for name, value in our.items():
                if name.startswith("_"):
                    continue
                if name not in their and name not in UNSAID:
                    wrong.add((our["object"], name, "unknown"))
                elif value is not None and their.get(name) is not None and type(value) is not type(their[name]):
                    wrong.add((our["object"], name, type(value).__name__, type(their[name]).__name__))
    assert wrong == set()


UNSAID = {   # optional fields of the description that the mock's one example leaves out
    "failure_reason", "failure_balance_transaction",
}
