"""What the outbox does for funding."""

from collections.abc import Callable

from marketplace.funding.jobs import settling, verifying

HANDLERS: dict[str, Callable[..., None]] = {**settling.HANDLERS}
PERIODIC: dict[str, tuple[float, Callable[[], None]]] = {
    "funding.verify": (verifying.LOOK_EVERY, verifying.verify_hourly),
}
