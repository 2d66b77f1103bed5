"""The blueprint of payments."""

from flask import Blueprint

blueprint = Blueprint("payments", __name__)
