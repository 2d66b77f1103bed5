"""The whitelist of what may be indexed: frozen public documents that slices offer, and the one news about them."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.core.outbox import enqueue

PUBLIC_CHANGED = "public_changed"


@dataclass(frozen=True)
class PublicDocument:
    """What the public may find about one thing. Nothing that is not in here reaches an index."""

    kind: str                 # project, organization, catalog_item, purchase_list_item, notice, help
    ref: str
    title: str
    body: str = ""
    url: str = ""
    category: str = ""        # catalogue code
    area: str = ""            # area code
    status: str = ""
    buyer: str = ""
    amount_fen: int | None = None
    published_at: datetime | None = None
    deadline_at: datetime | None = None
    words: tuple[str, ...] = ()
    facets: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """Return a short digest of all that is indexed: equal when nothing changed."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


def public_changed(session: Session, *, kind: str, ref: str, now: datetime) -> None:
    """Tell the index, after the commit, that the public face of (kind, ref) may have changed or gone."""
    enqueue(session, PUBLIC_CHANGED, now=now, doc_kind=kind, ref=ref)
