"""The blueprint of this slice, apart from the views so that each group of views stands in its own file."""

from flask import Blueprint

funding = Blueprint("funding", __name__)
