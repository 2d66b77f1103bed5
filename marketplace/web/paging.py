"""Pages of long lists. Knows no request: views hand in `request.args`, queries hand in a statement."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

T = TypeVar("T")
U = TypeVar("U")
SIZE = 20
SIZES = (20, 50, 100)
LAST_PAGE = 10_000  # nobody turns this many pages; an offset beyond it only costs the database
MOST_DIGITS = 9     # what every database takes as a whole number


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list: its items, the exact total, its number from 1, and how many a page holds."""

    items: Sequence[T]
    total: int
    number: int = 1
    size: int = SIZE

    @property
    def pages(self) -> int:
        """Return how many pages there are (at least one)."""
        return max(-(-self.total // self.size), 1)

    @property
    def first(self) -> int:
        """Return the place of this page's first item in the list, from 1; 0 when it is empty."""
        return (self.number - 1) * self.size + 1 if self.items else 0

    @property
    def last(self) -> int:
        """Return the place of this page's last item in the list."""
        return (self.number - 1) * self.size + len(self.items)

    @property
    def previous(self) -> int | None:
        """Return the number of the page before, if there is one."""
        return min(self.number - 1, self.pages) if self.number > 1 else None

    @property
    def next(self) -> int | None:
        """Return the number of the page after, if there is one."""
        return self.number + 1 if self.number < self.pages else None

    def map(self, change: Callable[[T], U]) -> "Page[U]":
        """Return the same page with every item changed."""
        return Page([change(item) for item in self.items], self.total, self.number, self.size)


def page_number(arguments: Mapping[str, str]) -> int:
    """Return the page asked for in the address; anything strange is page one."""
    asked = arguments.get("page", "1")
    is_number = asked.isascii() and asked.isdigit() and len(asked) <= len(str(LAST_PAGE))
    return min(max(int(asked), 1), LAST_PAGE) if is_number else 1


def whole(typed: str, *, otherwise: int) -> int:
    """Return the whole number that a hidden field brought back; `otherwise` for anything strange or too long."""
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= MOST_DIGITS else otherwise


def page_size(arguments: Mapping[str, str]) -> int:
    """Return the page size asked for: 20, 50 or 100."""
    asked = arguments.get("size_of_page", "")
    return int(asked) if asked in {str(size) for size in SIZES} else SIZE


def paginate(session: Session, statement: Select[Any], *, number: int = 1, size: int = SIZE,
             total: int | None = None) -> Page[Any]:
    """Run a statement that selects one thing a row, for one page; `total` may be given when it is known."""
    if total is None:
        total = session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
    items = session.scalars(statement.limit(size).offset((number - 1) * size)).unique().all()
    return Page(items, total, number, size)
