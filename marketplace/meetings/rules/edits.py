"""Edits that a person proposes: a meeting pinned, forbidden or lifted, two exchanged, somebody away. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from marketplace.core.text import N_

MAX_REASON = 200


class EditKind(StrEnum):
    """What a person asks for."""

    PIN = "pin"
    FORBID = "forbid"
    SWAP = "swap"
    AWAY = "away"
    LIFT = "lift"


EDIT_LABELS: Mapping[EditKind, str] = {
    EditKind.PIN: N_("指定一场：这两方一定要谈"), EditKind.FORBID: N_("排除一场：这两方不谈"),
    EditKind.SWAP: N_("互换：同一轮里两桌的组织对调"), EditKind.AWAY: N_("改缺席：一方有几轮不在场"),
    EditKind.LIFT: N_("撤回指定或排除"),
}


@dataclass(frozen=True)
class Edit:
    """One edit. `pairs`: (project, organization) by key; of a swap the two new ones. `round`: from 1, None for any.

    An edit of absences names one side (`project` or `organization`) and all rounds that it misses.
    """

    kind: EditKind
    pairs: tuple[tuple[int, int], ...] = ()
    round: int | None = None
    project: int | None = None
    organization: int | None = None
    away: frozenset[int] = frozenset()
    reason: str = ""
