"""The fake behind Stripe's own library: an HTTP client that never leaves the process."""

import json
from urllib.parse import urlsplit

import stripe

from tests.stripe_fake.core import FakeStripe, public


class FakeHTTPClient(stripe.HTTPClient):
    """Answers what StripeClient asks from one or several fakes, told apart by their key."""

    name = "fake"

    def __init__(self, *fakes: FakeStripe) -> None:
        super().__init__()
        self.fakes = {f"Bearer {fake.key}": fake for fake in fakes}
        self.is_down = False

    def request(self, method, url, headers, post_data=None):
        if self.is_down:
            raise stripe.APIConnectionError("the network is down", should_retry=False)
        parts = urlsplit(url)
        fake = self.fakes.get(headers["Authorization"]) or next(iter(self.fakes.values()))
        text = (post_data or "") if method.upper() == "POST" else parts.query
        try:
            status, body, more = fake.handle(method.upper(), parts.path, dict(headers), text)
        except ConnectionError as lost:
            raise stripe.APIConnectionError(str(lost), should_retry=False) from lost
        return json.dumps(public(body)), status, {"Content-Type": "application/json", **more}

    def close(self):
        pass
