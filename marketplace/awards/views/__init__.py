"""The pages of judging: the expert's seat, the buyer's desk, results, objections, notices, the pool."""

from marketplace.awards.views import desk, experts, objections, public, seat
from marketplace.awards.views.blueprint import blueprint

__all__ = ["blueprint", "desk", "experts", "objections", "public", "seat"]
