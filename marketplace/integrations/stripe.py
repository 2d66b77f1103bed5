"""Stripe behind PaymentGateway: one client for each receiving body's own account. Nothing of ours ever holds money.

No Connect, no transfers, no application fee: a payment goes from the payer to the account of the receiving body.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import stripe

from marketplace.config import StripeAccount
from marketplace.core.errors import Denied, PaymentRefused, Unavailable
from marketplace.core.money import Money
from marketplace.core.ports import Movement, PaymentPage, PaymentRequest, RefundAnswer
from marketplace.core.text import N_

T = TypeVar("T")
API_VERSION = "2026-10-28.endive"   # the answers that this file understands, whatever the account's own setting
TOLERANCE = timedelta(minutes=5)
RETRIES = 2
PAGE = 100
PAGE_LIFE = timedelta(hours=24)
_SENT_AT = re.compile(r"(?:^|,)t=(\d{1,12})(?:,|$)")
_REFUND_STATES = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}
_FORGED = N_("这条消息的签名不对，没有采用")
_OLD = N_("这条消息的时间和现在相差超过五分钟，没有采用")


class StripeGateway:
    """Implements PaymentGateway with Stripe's own library."""

    def __init__(self, accounts: Sequence[StripeAccount], *, api: str = "",
                 http_client: stripe.HTTPClient | None = None) -> None:
        self._accounts = {account.label: account for account in accounts}
        self._api = api
        self._http_client = http_client
        self._clients: dict[str, stripe.StripeClient] = {}

    def open_payment(self, label: str, wanted: PaymentRequest) -> PaymentPage:
        """Open a Checkout page, or a bare payment where no page is wanted."""
        client = self._client(label)
        options: Any = {"idempotency_key": wanted.ref}
        if not wanted.return_url:
            intent = _asked(lambda: client.v1.payment_intents.create(_intent(wanted), options))
            return PaymentPage(None, intent.id, "", intent.livemode)
        page = _asked(lambda: client.v1.checkout.sessions.create(_session(wanted), options))
        return PaymentPage(page.id, _id(page.payment_intent), page.url or "", page.livemode)

    def close_payment(self, label: str, page_id: str) -> None:
        """Expire a Checkout page. One that is complete or expired already stays as it is."""
        client = self._client(label)
        page = _asked(lambda: client.v1.checkout.sessions.retrieve(page_id))
        if page.status == "open":
            _asked(lambda: client.v1.checkout.sessions.expire(page_id))

    def refund(self, label: str, *, ref: str, intent_id: str, amount: Money, charge_ref: str) -> RefundAnswer:
        """Create a refund of a payment."""
        client = self._client(label)
        wanted: Any = {"payment_intent": intent_id, "amount": amount.fen,
                       "metadata": {"refund": ref, "charge": charge_ref}}
        made = _asked(lambda: client.v1.refunds.create(wanted, {"idempotency_key": ref}))
        return RefundAnswer(made.id, _REFUND_STATES.get(made.status or "", "pending"))

    def read_event(self, label: str, *, body: bytes, signature: str, now: datetime) -> Mapping[str, object]:
        """Check the signature over the bytes as they came, and their age by our clock; then read them."""
        secret = self._account(label).webhook_secret
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret)
        except (stripe.SignatureVerificationError, ValueError) as refused:
            raise Denied(_FORGED) from refused
        sent = _SENT_AT.search(signature)
        if sent is None or abs(now - datetime.fromtimestamp(int(sent[1]), tz=UTC)) > TOLERANCE:
            raise Denied(_OLD)
        try:
            event = json.loads(body)
        except ValueError as broken:
            raise Denied(_FORGED) from broken
        if not isinstance(event, dict) or event.get("object") != "event":
            raise Denied(_FORGED)
        return event

    def events(self, label: str, *, since: datetime, until: datetime) -> Iterator[Mapping[str, object]]:
        """List the account's events (Stripe keeps thirty days)."""
        client = self._client(label)
        window: Any = {"created": _between(since, until), "limit": PAGE}
        for event in _all(lambda: client.v1.events.list(window)):
            yield event.to_dict()

    def movements(self, label: str, *, since: datetime, until: datetime) -> Iterator[Movement]:
        """List the account's balance transactions."""
        client = self._client(label)
        window: Any = {"created": _between(since, until), "limit": PAGE}
        for row in _all(lambda: client.v1.balance_transactions.list(window)):
            yield Movement(row.id, row.type, _id(row.source) or "", row.amount, row.fee, row.net,
                           row.currency.upper(), datetime.fromtimestamp(row.created, tz=UTC))

    def _account(self, label: str) -> StripeAccount:
        """Return an account of this site."""
        try:
            return self._accounts[label]
        except KeyError:
            raise Unavailable(N_("本站没有接入这个 Stripe 账户")) from None

    def _client(self, label: str) -> stripe.StripeClient:
        """Return the client of an account, made when first needed."""
        account = self._account(label)
        if label not in self._clients:
            addresses: Any = {"api": self._api} if self._api else None
            self._clients[label] = stripe.StripeClient(
                account.key, stripe_version=API_VERSION, base_addresses=addresses, max_network_retries=RETRIES,
                http_client=self._http_client)
        return self._clients[label]


def _session(wanted: PaymentRequest) -> Any:
    """Return the Checkout page of one payment: what is paid for stands in words, our reference in every object."""
    return {
        "mode": "payment", "client_reference_id": wanted.ref, "metadata": {"charge": wanted.ref},
        "line_items": [{"quantity": 1, "price_data": {
            "currency": wanted.currency.lower(), "unit_amount": wanted.amount.fen,
            "product_data": {"name": wanted.description}}}],
        "payment_intent_data": {"metadata": {"charge": wanted.ref}, "description": wanted.description},
        "success_url": wanted.return_url, "cancel_url": wanted.cancel_url, "submit_type": "pay",
    }


def _intent(wanted: PaymentRequest) -> Any:
    """Return a payment without a page."""
    return {"amount": wanted.amount.fen, "currency": wanted.currency.lower(), "description": wanted.description,
            "metadata": {"charge": wanted.ref}, "automatic_payment_methods": {"enabled": True}}


def _between(since: datetime, until: datetime) -> Mapping[str, int]:
    """Return a half-open window as Stripe counts time."""
    return {"gte": int(since.timestamp()), "lt": int(until.timestamp())}


def _id(thing: Any) -> str | None:
    """Return the id of an object that Stripe gives either as an id or in full."""
    return thing if thing is None or isinstance(thing, str) else str(thing.id)


def _all(first: Callable[[], Any]) -> Iterator[Any]:
    """Walk through all pages of a list."""
    page = _asked(first)
    while True:
        yield from page.data
        if not page.has_more:
            return
        page = _asked(page.next_page)


def _asked(call: Callable[[], T]) -> T:
    """Ask Stripe; tell apart what is not known (Unavailable) and what was refused."""
    try:
        return call()
    except (stripe.APIConnectionError, stripe.RateLimitError) as away:
        raise Unavailable(N_("现在连不上 Stripe。请过几分钟再试，没有重复扣款")) from away
    except (stripe.AuthenticationError, stripe.PermissionError) as wrong:
        raise Unavailable(N_("Stripe 不认本站的密钥。请联系平台管理员")) from wrong
    except (stripe.CardError, stripe.InvalidRequestError, stripe.IdempotencyError) as refused:
        raise PaymentRefused(N_("Stripe 没有接受这一步（{code}）"), code=refused.code or type(refused).__name__) from refused
    except stripe.StripeError as broken:
        raise Unavailable(N_("现在连不上 Stripe。请过几分钟再试，没有重复扣款")) from broken
