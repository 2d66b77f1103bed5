"""The pages of pledging events: preparing, list, door, recorders, what comes after, the screen of the hall."""

from marketplace.pledging.views import after, door, guests, papers, prepare, recorder, screen
from marketplace.pledging.views.blueprint import blueprint

__all__ = ["after", "blueprint", "door", "guests", "papers", "prepare", "recorder", "screen"]
