"""Sums of buckets that both databases add alike."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, func, type_coerce

from marketplace.core.money import Money
from marketplace.funding.rules.buckets import BUCKETS


def fen(column: Any) -> ColumnElement[int]:
    """Return the sum of an amount column in fen, zero for none. PostgreSQL gives a numeric: read it with int()."""
    return func.coalesce(func.sum(type_coerce(column, BigInteger)), 0)


def bucket_sums(model: Any) -> list[ColumnElement[int]]:
    """Return one sum for each bucket of pledges or funded projects, in the order of BUCKETS."""
    return [fen(getattr(model, bucket)) for bucket in BUCKETS]


def by_bucket(row: Sequence[Any]) -> dict[str, int]:
    """Return summed columns as bucket -> fen."""
    return {bucket: int(value) for bucket, value in zip(BUCKETS, row, strict=True)}


def fen_of(row: Any) -> dict[str, int]:
    """Return the buckets of one pledge or funded project as bucket -> fen."""
    return {bucket: getattr(row, bucket).fen for bucket in BUCKETS}


def money(value: Any) -> Money:
    """Return a summed amount as Money."""
    return Money(int(value))
