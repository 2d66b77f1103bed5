"""What Stripe's events say of one charge, added up as a set: any order, any number of times, the same picture. Pure.

Nothing is counted up or down: a charge is what all events about it say together, so that a repeated or late event
changes nothing and an early one is not lost.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from marketplace.core.errors import Invalid
from marketplace.core.text import N_

JOB_CHARGE_SUCCEEDED = "payments.charge_succeeded"
JOB_REFUND_ASKED = "payments.refund_asked"
JOB_REFUND_SETTLED = "payments.refund_settled"
JOB_REFUND_FAILED = "payments.refund_failed"
JOB_DISPUTE_OPENED = "payments.dispute_opened"
JOB_DISPUTE_CLOSED = "payments.dispute_closed"

WAITING_LIFE = timedelta(days=7)     # an event about a payment that is none of ours (the account may have others)
MAX_EVENT_BYTES = 512 * 1024
PLEDGE = "pledge"

Event = Mapping[str, object]
_NEVER = datetime.max.replace(tzinfo=UTC)


class ChargeState(StrEnum):
    """Where a charge stands; later in this list wins."""

    REQUESTED = "requested"
    OPEN = "open"
    CANCELLED = "cancelled"
    FAILED = "failed"
    SUCCEEDED = "succeeded"


class RefundState(StrEnum):
    """Where a refund stands; later in this list wins: a bank may send back what had succeeded."""

    REQUESTED = "requested"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class DisputeState(StrEnum):
    """Where a dispute stands."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


CHARGE_LABELS: Mapping[ChargeState, str] = {
    ChargeState.REQUESTED: N_("正在打开付款页"), ChargeState.OPEN: N_("等待付款或确认"), ChargeState.CANCELLED: N_("付款页已关闭"),
    ChargeState.FAILED: N_("付款没有成功"), ChargeState.SUCCEEDED: N_("已付款"),
}
REFUND_LABELS: Mapping[RefundState, str] = {
    RefundState.REQUESTED: N_("已申请退回"), RefundState.PENDING: N_("退回途中"), RefundState.SUCCEEDED: N_("已退回"),
    RefundState.FAILED: N_("没有退成"),
}
DISPUTE_LABELS: Mapping[DisputeState, str] = {
    DisputeState.OPEN: N_("争议中"), DisputeState.WON: N_("争议胜出"), DisputeState.LOST: N_("争议败出"),
}

_PAID = frozenset({"checkout.session.completed", "checkout.session.async_payment_succeeded"})
_SESSION = _PAID | {"checkout.session.async_payment_failed", "checkout.session.expired"}
_INTENT = frozenset({"payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled"})
_REFUND = frozenset({"refund.created", "refund.updated", "refund.failed"})
_DISPUTE = frozenset({f"charge.dispute.{what}" for what in
                      ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")})
HANDLED = _SESSION | _INTENT | _REFUND | _DISPUTE | {"charge.refunded"}

_KEPT = ("id", "object", "amount", "amount_received", "amount_refunded", "amount_total", "charge",
         "client_reference_id", "created", "currency", "failure_reason", "latest_charge", "livemode", "payment_intent",
         "payment_status", "reason", "status", "metadata")
_REFUND_STATES = {"succeeded": RefundState.SUCCEEDED, "failed": RefundState.FAILED, "canceled": RefundState.FAILED}
_DISPUTE_STATES = {"won": DisputeState.WON, "warning_closed": DisputeState.WON, "lost": DisputeState.LOST}


@dataclass(frozen=True)
class Told:
    """One event in the words we use: what it is about, and the parts of that object that we keep.

    Payers' names, addresses, mail and cards are not among them: Stripe keeps those, we have no use for them.
    """

    event_id: str
    type: str
    at: datetime
    is_live: bool
    about: Event

    @property
    def object_id(self) -> str:
        """Return the id of the object that the event is about."""
        return _text(self.about, "id")

    @property
    def charge_ref(self) -> str:
        """Return our own reference where the object carries it."""
        metadata = self.about.get("metadata")
        own = _text(metadata, "charge") if isinstance(metadata, Mapping) else ""
        return own or _text(self.about, "client_reference_id")

    @property
    def refund_ref(self) -> str:
        """Return our own reference of a refund where the object carries it."""
        metadata = self.about.get("metadata")
        return _text(metadata, "refund") if isinstance(metadata, Mapping) else ""

    @property
    def page_id(self) -> str:
        """Return the id of the Checkout page, of an event about one."""
        return self.object_id if self.type in _SESSION else ""

    @property
    def intent_id(self) -> str:
        """Return the id of the payment that the object is, or belongs to."""
        return self.object_id if self.type in _INTENT else _text(self.about, "payment_intent")

    @property
    def stripe_charge_id(self) -> str:
        """Return the id of Stripe's charge that the object is, belongs to, or led to."""
        if self.type == "charge.refunded":
            return self.object_id
        return _text(self.about, "latest_charge") or _text(self.about, "charge")

    @property
    def currency(self) -> str:
        """Return the currency in capitals; empty where the object has none."""
        return _text(self.about, "currency").upper()


@dataclass
class RefundPicture:
    """What all events say of one refund."""

    refund_id: str
    ref: str = ""
    amount: int = 0
    state: RefundState = RefundState.PENDING
    has_succeeded: bool = False
    failure: str = ""
    at: datetime = _NEVER
    settled_at: datetime | None = None


@dataclass
class DisputePicture:
    """What all events say of one dispute. `withdrawn`, `reinstated`: what Stripe took from the balance, gave back."""

    dispute_id: str
    amount: int = 0
    reason: str = ""
    state: DisputeState = DisputeState.OPEN
    opened_at: datetime = _NEVER
    closed_at: datetime | None = None
    withdrawn: int = 0
    reinstated: int = 0


@dataclass
class Picture:
    """What all events say of one charge."""

    state: ChargeState = ChargeState.REQUESTED
    page_id: str = ""
    intent_id: str = ""
    stripe_charge_id: str = ""
    received: int = 0
    failure: str = ""
    settled_at: datetime | None = None
    refunds: dict[str, RefundPicture] = field(default_factory=dict)
    disputes: dict[str, DisputePicture] = field(default_factory=dict)


def read(event: Event) -> Told:
    """Return an event in our words; raises Invalid for one that has not the shape of an event."""
    data = event.get("data")
    about = data.get("object") if isinstance(data, Mapping) else None
    event_id, created = _text(event, "id"), event.get("created")
    if not (isinstance(about, Mapping) and event_id and type(created) is int and isinstance(about.get("id"), str)):
        raise Invalid(N_("这条消息缺少应有的内容，没有采用"))
    kept = {name: about[name] for name in _KEPT if name in about}
    for name in ("charge", "payment_intent", "latest_charge"):
        if isinstance(kept.get(name), Mapping):
            kept[name] = _text(kept[name], "id")
    error = about.get("last_payment_error")
    if isinstance(error, Mapping):
        kept["failure_reason"] = _text(error, "decline_code") or _text(error, "code")
    return Told(event_id, _text(event, "type"), _moment(created), event.get("livemode") is True, kept)


def add_up(told: Iterable[Told]) -> Picture:
    """Return what a set of events says of one charge, whatever their order."""
    picture = Picture()
    for one in sorted(told, key=lambda each: (each.at, each.event_id)):
        picture.page_id = picture.page_id or one.page_id
        picture.intent_id = picture.intent_id or one.intent_id
        picture.stripe_charge_id = _last_charge(picture, one)
        if one.type in _SESSION:
            _add_page(picture, one)
        elif one.type in _INTENT:
            _add_intent(picture, one)
        elif one.type in _REFUND:
            _add_refund(picture, one)
        elif one.type in _DISPUTE:
            _add_dispute(picture, one)
    if picture.state is ChargeState.SUCCEEDED:
        picture.failure = ""
    return picture


def later(old: str, new: ChargeState) -> ChargeState:
    """Return the further one of two states of a charge."""
    states = list(ChargeState)
    return max(ChargeState(old), new, key=states.index)


def later_refund(old: str, new: RefundState) -> RefundState:
    """Return the further one of two states of a refund."""
    states = list(RefundState)
    return max(RefundState(old), new, key=states.index)


def arrival_key(charge_ref: str) -> str:
    """Return the ledger's key of the step that gives a charge's money to its subject."""
    return f"charge:{charge_ref}:arrived"


def _last_charge(picture: Picture, one: Told) -> str:
    """Return Stripe's charge of the payment: that of the success; before it, each failed attempt has one of its own."""
    said = one.stripe_charge_id
    if one.type == "payment_intent.payment_failed":
        return picture.stripe_charge_id
    return said or picture.stripe_charge_id


def _add_page(picture: Picture, one: Told) -> None:
    """Add an event about the Checkout page."""
    if one.type in _PAID and one.about.get("payment_status") == "paid":
        _add_success(picture, one, _number(one.about, "amount_total"))
    elif one.type == "checkout.session.async_payment_failed":
        picture.state = later(picture.state, ChargeState.FAILED)
    elif one.type == "checkout.session.expired":
        picture.state = later(picture.state, ChargeState.CANCELLED)
    else:
        picture.state = later(picture.state, ChargeState.OPEN)


def _add_intent(picture: Picture, one: Told) -> None:
    """Add an event about the payment; a failed attempt leaves the page open for another."""
    if one.type == "payment_intent.succeeded":
        _add_success(picture, one, _number(one.about, "amount_received"))
    elif one.type == "payment_intent.canceled":
        picture.state = later(picture.state, ChargeState.CANCELLED)
    else:
        picture.state = later(picture.state, ChargeState.OPEN)
        picture.failure = _text(one.about, "failure_reason")


def _add_success(picture: Picture, one: Told, received: int) -> None:
    """Add what was received: the most that any event says, at the first moment that one says so."""
    if received > 0:
        picture.state = ChargeState.SUCCEEDED
        picture.received = max(picture.received, received)
        picture.settled_at = min(picture.settled_at or one.at, one.at)


def _add_refund(picture: Picture, one: Told) -> None:
    """Add an event about a refund."""
    refund = picture.refunds.setdefault(one.object_id, RefundPicture(one.object_id))
    refund.ref = refund.ref or one.refund_ref
    refund.amount = max(refund.amount, _number(one.about, "amount"))
    state = _REFUND_STATES.get(_text(one.about, "status"), RefundState.PENDING)
    refund.state = later_refund(refund.state, state)
    refund.at = min(refund.at, one.at)
    if state is RefundState.SUCCEEDED:
        refund.has_succeeded = True
        refund.settled_at = min(refund.settled_at or one.at, one.at)
    refund.failure = _text(one.about, "failure_reason") or refund.failure


def _add_dispute(picture: Picture, one: Told) -> None:
    """Add an event about a dispute; an inquiry (warning) takes no money."""
    dispute = picture.disputes.setdefault(one.object_id, DisputePicture(one.object_id))
    dispute.amount = max(dispute.amount, _number(one.about, "amount"))
    dispute.reason = _text(one.about, "reason") or dispute.reason
    created = one.about.get("created")
    dispute.opened_at = min(dispute.opened_at, _moment(created) if type(created) is int else one.at)
    if one.type == "charge.dispute.closed":
        dispute.state = _DISPUTE_STATES.get(_text(one.about, "status"), DisputeState.LOST)
        dispute.closed_at = one.at
    elif one.type == "charge.dispute.funds_withdrawn":
        dispute.withdrawn = max(dispute.withdrawn, _number(one.about, "amount"))
    elif one.type == "charge.dispute.funds_reinstated":
        dispute.reinstated = max(dispute.reinstated, _number(one.about, "amount"))


def _moment(seconds: int) -> datetime:
    """Return Stripe's seconds as a moment."""
    return datetime.fromtimestamp(seconds, tz=UTC)


def _text(thing: object, name: str) -> str:
    """Return a text of an object; empty when it is missing or something else."""
    value = thing.get(name) if isinstance(thing, Mapping) else None
    return value if isinstance(value, str) else ""


def _number(thing: Event, name: str) -> int:
    """Return a whole number of an object; 0 when it is missing or something else."""
    value = thing.get(name)
    return value if type(value) is int else 0
