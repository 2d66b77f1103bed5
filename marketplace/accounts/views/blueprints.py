"""The blueprints of this slice, apart from the views so that each group of views stands in its own file."""

from flask import Blueprint

accounts = Blueprint("accounts", __name__)
platform = Blueprint("ops", __name__)
healths = Blueprint("health", __name__)
