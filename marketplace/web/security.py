"""CSRF, sessions, headers, limits: what every response and every form goes through."""

from flask import Flask
from flask_login import LoginManager
from flask_wtf import CSRFProtect

from marketplace.config import Config

csrf = CSRFProtect()
login_manager = LoginManager()


def init_security(app: Flask, config: Config) -> None:
    """Wire CSRF, sign-in, limits and headers."""
    app.config["SECRET_KEY"] = config.secret_key or config.load_secret_key()
    csrf.init_app(app)
    login_manager.init_app(app)
