"""Plain functions that make valid things; one module a slice."""

from datetime import UTC, datetime

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # a Monday, 10:00 in Beijing
