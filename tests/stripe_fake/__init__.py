"""Stripe in small: a state machine behind the API that we use, an HTTP client and a loopback server in front of it.

It keeps to the real contract where money depends on it: idempotency keys (first answer again, an error for other
parameters), over-refunds refused, unknown parameters refused, events signed, sent again until they are taken, in any
order. `tests/independent/test_stripe_requests.py` holds requests and answers against Stripe's own description.
"""
