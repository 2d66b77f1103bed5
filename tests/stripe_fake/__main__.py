"""Serves the fake for a trial site: python -m tests.stripe_fake --port 12111 --webhook http://127.0.0.1:5000/stripe/webhook/hk."""

import argparse
import threading

from tests.stripe_fake.core import KEY, SECRET, FakeStripe
from tests.stripe_fake.server import StripeServer

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=12111)
    parser.add_argument("--key", default=KEY)
    parser.add_argument("--secret", default=SECRET)
    parser.add_argument("--webhook", required=True)
    words = parser.parse_args()
    server = StripeServer(FakeStripe(key=words.key, secret=words.secret), port=words.port, webhook=words.webhook)
    print(f"{server.url}  key {words.key}  webhook secret {words.secret}", flush=True)  # noqa: T201 - a command
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()
