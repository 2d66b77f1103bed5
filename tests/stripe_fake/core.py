"""The state machine: what Stripe keeps and answers for one account. No network here."""

import copy
import itertools
import json
import threading
import time
from collections.abc import Callable

from stripe import WebhookSignature

from tests.stripe_fake import shapes
from tests.stripe_fake.forms import flat, read_form

KEY = "sk_test_51fakefakefakefake"
SECRET = "whsec_fakefakefakefakefake"
_ANY_METADATA = "metadata."
ALLOWED = {   # the parameters that an endpoint takes from us; any other is refused, as the real one refuses unknown ones
    "POST checkout/sessions": {
        "mode", "client_reference_id", "success_url", "cancel_url", "submit_type", "locale", "expires_at",
        "line_items.*.quantity", "line_items.*.price_data.currency", "line_items.*.price_data.unit_amount",
        "line_items.*.price_data.product_data.name", "payment_intent_data.description"},
    "POST checkout/sessions/expire": set(),
    "POST payment_intents": {"amount", "currency", "description", "automatic_payment_methods.enabled"},
    "POST payment_intents/confirm": {"payment_method", "return_url"},
    "POST payment_intents/cancel": {"cancellation_reason"},
    "POST refunds": {"payment_intent", "charge", "amount", "reason"},
    "GET events": {"created.gte", "created.lt", "limit", "starting_after", "type"},
    "GET balance_transactions": {"created.gte", "created.lt", "limit", "starting_after", "type", "source"},
}


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """An answer of 4xx."""

    def __init__(self, status: int, kind: str, message: str, *, code: str | None = None, param: str | None = None):
        super().__init__(message)
        self.status = status
        self.body = {"error": {k: v for k, v in {"type": kind, "message": message, "code": code, "param": param}.items()
                               if v is not None}}


def invalid(message: str, *, code: str | None = None, param: str | None = None, status: int = 400) -> Refusal:
    return Refusal(status, "invalid_request_error", message, code=code, param=param)


class FakeStripe:
    """One account. `clock` gives the seconds; `on_event` hears of every event as it happens."""

    def __init__(self, *, key: str = KEY, secret: str = SECRET,
                 clock: Callable[[], float] = time.time,  # noqa: TID251 - a stranger's clock
                 livemode: bool = False, checkout_base: str = "https://checkout.stripe.com") -> None:
        self.key, self.secret, self.clock, self.livemode = key, secret, clock, livemode
        self.checkout_base = checkout_base
        self.objects: dict[str, dict] = {}
        self.events: list[dict] = []
        self.balance: list[dict] = []
        self.requests: list[dict] = []        # every request that was made, with its answer
        self.kept: dict[str, tuple] = {}      # idempotency key -> what was asked, what was answered
        self.on_event: Callable[[dict], None] = lambda _event: None
        self.breakage: list[str] = []         # what befalls the next POSTs: before (500), after (done, then 500), lost
        self.fee_of: Callable[[int], int] = lambda amount: (amount * 34 + 999) // 1000 + 235
        self.refunds_pend = False             # new refunds stay pending until settle_refund
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()

    # ---------- the API ----------

    def handle(self, method: str, path: str, headers: dict, text: str) -> tuple[int, dict, dict]:
        """Answer one request: status, body, headers."""
        with self._lock:
            headers = {k.lower(): v for k, v in headers.items()}
            params = read_form(text)
            status, body, more = self._guarded(method, path, headers, params)
            self.requests.append({"method": method, "path": path, "headers": headers, "text": text, "params": params,
                                  "status": status, "body": copy.deepcopy(body)})
            if status == 200 and method == "POST" and "lost" in self.breakage:
                self.breakage.remove("lost")
                raise ConnectionError("the answer was lost on the way")
            return status, body, {"request-id": self.id("req"), "stripe-version": headers.get("stripe-version", ""), **more}

    def _guarded(self, method: str, path: str, headers: dict, params: dict) -> tuple[int, dict, dict]:
        """Answer with the idempotency of the real one: the first answer again, whatever it was."""
        if headers.get("authorization") != f"Bearer {self.key}":
            return 401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}, {}
        key = headers.get("idempotency-key") if method == "POST" else None
        asked = (method, path, json.dumps(params, sort_keys=True))
        if key and key in self.kept:
            first, status, body = self.kept[key]
            if first != asked:
                return 400, {"error": {"type": "idempotency_error", "message":
                             "Keys for idempotent requests can only be used with the same parameters they were first "
                             "used with."}}, {}
            return status, copy.deepcopy(body), {"idempotent-replayed": "true"}
        status, body, keep = self._answer(method, path, params)
        if key and keep:
            self.kept[key] = (asked, status, copy.deepcopy(body))
        return status, body, {}

    def _answer(self, method: str, path: str, params: dict) -> tuple[int, dict, bool]:
        """Answer; the third says whether a key keeps the answer (not what failed before anything was tried)."""
        broken = {"error": {"type": "api_error", "message": "An error occurred."}}
        if method == "POST" and "before" in self.breakage:
            self.breakage.remove("before")
            return 500, broken, False
        try:
            body = self._route(method, path.removeprefix("/v1/").strip("/").split("/"), params)
        except Refusal as refusal:
            return refusal.status, refusal.body, False
        if method == "POST" and "after" in self.breakage:
            self.breakage.remove("after")
            return 500, broken, False
        return 200, copy.deepcopy(body), True

    def _route(self, method: str, parts: list[str], params: dict) -> dict:
        name, ids, verb = self._parse(parts)
        self._check(method, "/".join([name, *([verb] if verb else [])]), params)
        if method == "GET":
            if name in {"events", "balance_transactions"} and not ids:
                return self._list(name, params)
            return self._get(ids or "")
        made = {
            ("checkout/sessions", None): self._create_session, ("payment_intents", None): self._create_intent,
            ("refunds", None): self._create_refund,
        }.get((name, verb)) if ids is None else None
        if made:
            return made(params)
        if ids and (name, verb) == ("checkout/sessions", "expire"):
            return self.expire(ids)
        if ids and (name, verb) == ("payment_intents", "confirm"):
            return self.confirm_intent(ids, params.get("payment_method", ""))
        if ids and (name, verb) == ("payment_intents", "cancel"):
            return self.cancel_intent(ids)
        raise invalid(f"Unrecognized request URL ({method}: /v1/{'/'.join(parts)}).", status=404)

    @staticmethod
    def _parse(parts: list[str]) -> tuple[str, str | None, str | None]:
        if parts[0] == "checkout":
            parts = ["/".join(parts[:2]), *parts[2:]]
        return parts[0], parts[1] if len(parts) > 1 else None, parts[2] if len(parts) > 2 else None

    def _check(self, method: str, name: str, params: dict) -> None:
        allowed = ALLOWED.get(f"{method} {name}", set() if method == "POST" else {"expand.*"})
        for each in flat(params):
            is_metadata = each.startswith((_ANY_METADATA, "payment_intent_data." + _ANY_METADATA)) and method == "POST"
            if each not in allowed and not is_metadata:
                raise invalid(f"Received unknown parameter: {each}", code="parameter_unknown", param=each)

    def _get(self, object_id: str) -> dict:
        if object_id not in self.objects:
            raise invalid(f"No such object: '{object_id}'", code="resource_missing", param="id", status=404)
        return self.objects[object_id]

    def _list(self, name: str, params: dict) -> dict:
        rows = list(reversed(self.events if name == "events" else self.balance))
        created = params.get("created", {})
        rows = [row for row in rows if int(created.get("gte", 0)) <= row["created"] < int(created.get("lt", 1 << 60))]
        if after := params.get("starting_after"):
            at = next((n for n, row in enumerate(rows) if row["id"] == after), None)
            rows = rows[at + 1:] if at is not None else []
        limit = int(params.get("limit", 10))
        return {"object": "list", "url": f"/v1/{name}", "has_more": len(rows) > limit, "data": rows[:limit]}

    # ---------- sessions and payments ----------

    def _create_session(self, params: dict) -> dict:
        if params.get("mode") != "payment":
            raise invalid("mode must be payment", param="mode")
        items = list(params.get("line_items", {}).values())
        if not items or not params.get("success_url"):
            raise invalid("Missing required param.", code="parameter_missing", param="line_items")
        if any(int(item["price_data"]["unit_amount"]) <= 0 for item in items):
            raise invalid("Invalid positive integer", code="parameter_invalid_integer", param="unit_amount")
        total = sum(int(item["price_data"]["unit_amount"]) * int(item["quantity"]) for item in items)
        session_id = self.id("cs_test" if not self.livemode else "cs_live")
        session = shapes.session(session_id, self, params, total, items[0]["price_data"]["currency"])
        session["_wanted"] = params.get("payment_intent_data", {})
        session["_name"] = items[0]["price_data"]["product_data"]["name"]
        return self._keep(session)

    def _create_intent(self, params: dict) -> dict:
        amount = int(params.get("amount", 0))
        if amount <= 0:
            raise invalid("Invalid positive integer", code="parameter_invalid_integer", param="amount")
        return self._new_intent(amount, params["currency"], params.get("metadata", {}), params.get("description"))

    def _new_intent(self, amount: int, currency: str, metadata: dict, description: str | None) -> dict:
        intent = self._keep(shapes.intent(self.id("pi"), self, amount, currency, metadata, description))
        self.tell("payment_intent.created", intent)
        return intent

    def confirm_intent(self, intent_id: str, method: str) -> dict:
        """Confirm with a test card: pm_card_visa pays, pm_card_chargeDeclined is declined, any other needs the payer."""
        intent = self._get(intent_id)
        if intent["status"] in {"succeeded", "canceled"}:
            raise invalid("This PaymentIntent's status does not allow this.", code="payment_intent_unexpected_state")
        if method == "pm_card_chargeDeclined":
            self._decline(intent)
            raise Refusal(402, "card_error", "Your card was declined.", code="card_declined")
        if method != "pm_card_visa":
            intent["status"], intent["next_action"] = "requires_action", {"type": "use_stripe_sdk"}
            self.tell("payment_intent.requires_action", intent)
            return intent
        self._succeed(intent)
        return intent

    def cancel_intent(self, intent_id: str) -> dict:
        intent = self._get(intent_id)
        if intent["status"] == "succeeded":
            raise invalid("You cannot cancel this PaymentIntent.", code="payment_intent_unexpected_state")
        intent["status"], intent["canceled_at"] = "canceled", self.now()
        self.tell("payment_intent.canceled", intent)
        return intent

    def _intent_of(self, session: dict) -> dict:
        if session["payment_intent"] is None:
            wanted = session["_wanted"]
            intent = self._new_intent(session["amount_total"], session["currency"], wanted.get("metadata", {}),
                                      wanted.get("description"))
            session["payment_intent"] = intent["id"]
        return self.objects[session["payment_intent"]]

    def _open(self, session_id: str) -> dict:
        session = self._get(session_id)
        if session["status"] != "open":
            raise invalid(f"Session is {session['status']}.", code="checkout_session_not_open")
        return session

    def pay(self, session_id: str) -> dict:
        """The payer pays on the Checkout page."""
        with self._lock:
            session = self._open(session_id)
            intent = self._intent_of(session)
            self._succeed(intent)
            session["status"], session["payment_status"], session["url"] = "complete", "paid", None
            self.tell("checkout.session.completed", session)
            return intent

    def decline(self, session_id: str) -> dict:
        """The payer's card is declined; the page stays open for another."""
        with self._lock:
            intent = self._intent_of(self._open(session_id))
            self._decline(intent)
            return intent

    def pay_later(self, session_id: str) -> dict:
        """The payer chose a method that is confirmed later."""
        with self._lock:
            session = self._open(session_id)
            intent = self._intent_of(session)
            intent["status"] = "processing"
            self.tell("payment_intent.processing", intent)
            session["status"], session["url"] = "complete", None
            self.tell("checkout.session.completed", session)
            return intent

    def settle_later(self, session_id: str, *, ok: bool) -> dict:
        """What was to be confirmed later is confirmed, or fails."""
        with self._lock:
            session = self._get(session_id)
            intent = self.objects[session["payment_intent"]]
            if ok:
                self._succeed(intent)
                session["payment_status"] = "paid"
                self.tell("checkout.session.async_payment_succeeded", session)
            else:
                self._decline(intent)
                self.tell("checkout.session.async_payment_failed", session)
            return intent

    def expire(self, session_id: str) -> dict:
        """The page is closed, by us or by its age."""
        session = self._open(session_id)
        session["status"], session["url"] = "expired", None
        self.tell("checkout.session.expired", session)
        return session

    def _succeed(self, intent: dict) -> None:
        charge = self._keep(shapes.charge(self.id("ch"), self, intent, paid=True))
        charge["balance_transaction"] = self._move("charge", charge["id"], intent["amount"],
                                                   self.fee_of(intent["amount"]), intent["currency"])["id"]
        intent.update(status="succeeded", amount_received=intent["amount"], latest_charge=charge["id"],
                      last_payment_error=None, next_action=None)
        self.tell("charge.succeeded", charge)
        self.tell("payment_intent.succeeded", intent)

    def _decline(self, intent: dict) -> None:
        charge = self._keep(shapes.charge(self.id("ch"), self, intent, paid=False))
        intent.update(status="requires_payment_method", latest_charge=charge["id"], last_payment_error={
            "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
            "message": "Your card has insufficient funds.", "charge": charge["id"]})
        self.tell("charge.failed", charge)
        self.tell("payment_intent.payment_failed", intent)

    # ---------- refunds ----------

    def _create_refund(self, params: dict) -> dict:
        intent = self._get(params["payment_intent"]) if "payment_intent" in params else None
        charge_id = intent["latest_charge"] if intent else params.get("charge", "")
        charge = self.objects.get(charge_id or "")
        if charge is None or not charge["paid"]:
            raise invalid("This PaymentIntent does not have a successful charge to refund.", code="resource_missing")
        if charge["disputed"]:
            raise invalid("This charge has been charged back.", code="charge_disputed")
        amount = int(params.get("amount", charge["amount"] - charge["amount_refunded"]))
        left = charge["amount"] - charge["amount_refunded"]
        if left == 0:
            raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
        if not 0 < amount <= left:
            raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
                          param="amount")
        return self.refund(charge["id"], amount, metadata=params.get("metadata", {}), reason=params.get("reason"))

    def refund(self, charge_id: str, amount: int, *, metadata: dict | None = None, reason: str | None = None) -> dict:
        """Make a refund; also what somebody does in the account's own pages."""
        with self._lock:
            charge = self.objects[charge_id]
            refund = self._keep(shapes.refund(self.id("re"), self, charge, amount, metadata or {}, reason))
            if self.refunds_pend:
                refund["status"] = "pending"
            refund["balance_transaction"] = self._move("refund", refund["id"], -amount, 0, charge["currency"])["id"]
            charge["amount_refunded"] += amount
            charge["refunded"] = charge["amount_refunded"] == charge["amount"]
            self.tell("refund.created", refund)
            self.tell("charge.refunded", charge)
            self.tell("refund.updated", refund)
            return refund

    def settle_refund(self, refund_id: str, *, ok: bool = True) -> dict:
        """A pending refund succeeds; or a refund, even one that had succeeded, comes back."""
        with self._lock:
            refund = self.objects[refund_id]
            charge = self.objects[refund["charge"]]
            if ok:
                refund["status"] = "succeeded"
                self.tell("refund.updated", refund)
            else:
                refund["status"], refund["failure_reason"] = "failed", "lost_or_stolen_card"
                charge["amount_refunded"] -= refund["amount"]
                charge["refunded"] = False
                refund["failure_balance_transaction"] = self._move(
                    "refund_failure", refund_id, refund["amount"], 0, charge["currency"])["id"]
                self.tell("refund.failed", refund)
                self.tell("refund.updated", refund)
            return refund

    # ---------- disputes and payouts ----------

    def dispute(self, charge_id: str, amount: int | None = None, *, inquiry: bool = False) -> dict:
        """The payer's bank disputes a charge and takes the money, or only asks."""
        with self._lock:
            charge = self.objects[charge_id]
            dispute = self._keep(shapes.dispute(self.id("dp"), self, charge, amount or charge["amount"], inquiry=inquiry))
            charge["disputed"] = not inquiry
            self.tell("charge.dispute.created", dispute)
            if not inquiry:
                moved = self._move("adjustment", dispute["id"], -dispute["amount"], 8500, charge["currency"])
                dispute["balance_transactions"].append(moved)
                self.tell("charge.dispute.funds_withdrawn", dispute)
            return dispute

    def close_dispute(self, dispute_id: str, *, won: bool) -> dict:
        """The dispute ends."""
        with self._lock:
            dispute = self.objects[dispute_id]
            is_inquiry = dispute["status"].startswith("warning")
            dispute["status"] = "warning_closed" if is_inquiry else "won" if won else "lost"
            self.tell("charge.dispute.updated", dispute)
            if won and not is_inquiry:
                moved = self._move("adjustment", dispute_id, dispute["amount"], 0, dispute["currency"])
                dispute["balance_transactions"].append(moved)
                self.tell("charge.dispute.funds_reinstated", dispute)
            self.tell("charge.dispute.closed", dispute)
            return dispute

    def payout(self, amount: int, currency: str = "cny") -> dict:
        """Stripe pays out to the bank account."""
        with self._lock:
            return self._move("payout", self.id("po"), -amount, 0, currency)

    # ---------- what stands behind ----------

    def now(self) -> int:
        return int(self.clock())

    def id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers):014d}"

    def _keep(self, thing: dict) -> dict:
        self.objects[thing["id"]] = thing
        return thing

    def _move(self, kind: str, source: str, amount: int, fee: int, currency: str) -> dict:
        moved = shapes.movement(self.id("txn"), self, kind, source, amount, fee, currency)
        self.balance.append(moved)
        return moved

    def tell(self, kind: str, thing: dict) -> dict:
        """Write an event with the object as it is now, and let the listener hear it."""
        event = shapes.event(self.id("evt"), self, kind, public(thing))
        self.events.append(event)
        self.on_event(event)
        return event

    def signed(self, event: dict, *, at: int | None = None, secret: str | None = None) -> tuple[bytes, dict[str, str]]:
        """The body and headers of the message that carries an event."""
        body = json.dumps(event, ensure_ascii=False, indent=2)
        header = WebhookSignature.generate_signature_header(body, secret or self.secret, at or self.now())
        return body.encode(), {"Stripe-Signature": header, "Content-Type": "application/json; charset=utf-8"}


def public(thing: dict) -> dict:
    """An object as it is given out: without what the fake notes for itself."""
    return copy.deepcopy({k: v for k, v in thing.items() if not k.startswith("_")})
