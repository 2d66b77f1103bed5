"""A lifecycle is a table: (state, action) -> state. One method, no classes per state."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from marketplace.core.errors import IllegalStep
from marketplace.core.text import N_

S = TypeVar("S", bound=StrEnum)


class Lifecycle(Generic[S]):
    """The legal steps of one kind of thing."""

    def __init__(self, table: Mapping[tuple[S, str], S], labels: Mapping[S, str]) -> None:
        self.table = dict(table)
        self.labels = dict(labels)

    def after(self, state: S, action: str) -> S:
        """Return the state that `action` leads to; raises IllegalStep with a sentence where it does not."""
        try:
            return self.table[state, action]
        except KeyError:
            raise IllegalStep(
                N_("现在是“{state}”，不能做这一步。请刷新页面查看最新状态"), state=self.labels[state], action=action
            ) from None

    def allows(self, state: S, action: str) -> bool:
        """Say whether `action` is a step from `state`."""
        return (state, action) in self.table
