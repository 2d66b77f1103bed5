"""What the outbox does for funding."""

from collections.abc import Callable

HANDLERS: dict[str, Callable[..., None]] = {}
PERIODIC: dict[str, tuple[float, Callable[[], None]]] = {}
