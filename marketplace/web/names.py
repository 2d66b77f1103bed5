"""Names of catalogue and area codes, for pages of slices that lie below the one that keeps them."""

from collections.abc import Callable, Mapping

from flask import current_app
from sqlalchemy.orm import Session

from marketplace.core.db import db

NameSource = Callable[[Session], Mapping[str, str]]


def category_names() -> Mapping[str, str]:
    """Return the names of the catalogue codes in force (code -> name)."""
    return _names("category_names")


def area_names() -> Mapping[str, str]:
    """Return the names of the areas (code -> name)."""
    return _names("area_names")


def _names(what: str) -> Mapping[str, str]:
    """Return what the slice that keeps these codes says, as create_app gathered it."""
    sources: Mapping[str, NameSource] = current_app.extensions["marketplace.names"]
    return sources[what](db.session()) if what in sources else {}
