"""What the outbox does for funding."""

from collections.abc import Callable

from marketplace.funding.jobs import following, matching, papers, settling, sweeping, verifying

HANDLERS: dict[str, Callable[..., None]] = {
    **following.HANDLERS, **matching.HANDLERS, **papers.HANDLERS, **settling.HANDLERS,
}
PERIODIC: dict[str, tuple[float, Callable[[], None]]] = {
    **matching.PERIODIC,
    **sweeping.PERIODIC,
    "funding.verify": (verifying.LOOK_EVERY, verifying.verify_hourly),
}
