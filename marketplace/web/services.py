"""Gives views, jobs and commands the real things behind the ports."""

from flask import current_app

from marketplace.config import Config
from marketplace.core.ports import Services


def services() -> Services:
    """Return the services of the running app."""
    made: Services = current_app.extensions["marketplace.services"]
    return made


def config() -> Config:
    """Return the config of the running app."""
    made: Config = current_app.extensions["marketplace.config"]
    return made
