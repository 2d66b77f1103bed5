"""Gives views, jobs and commands the real things behind the ports."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from flask import current_app

from marketplace.config import Config
from marketplace.core.ports import SearchIndex, Services
from marketplace.core.publishing import PublicDocument


def services() -> Services:
    """Return the services of the running app."""
    made: Services = current_app.extensions["marketplace.services"]
    return made


def config() -> Config:
    """Return the config of the running app."""
    made: Config = current_app.extensions["marketplace.config"]
    return made


def search_engine(engine: str, folder: Path) -> SearchIndex:
    """Return an index of an engine in a folder, beside that of the site; raises Unavailable when it is not there."""
    made: SearchIndex = current_app.extensions["marketplace.search_engine"](engine, folder)
    return made


def public_sources() -> Mapping[str, Callable[..., Iterable[PublicDocument]]]:
    """Return every slice's source of public documents, as create_app gathered them."""
    made: Mapping[str, Callable[..., Iterable[PublicDocument]]] = current_app.extensions["marketplace.public_sources"]
    return made
