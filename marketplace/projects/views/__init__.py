"""Pages of projects: the public list and page, the unit's desk, the editor."""

from marketplace.projects.views import desk, editor, listing, page
from marketplace.projects.views.blueprint import blueprint

__all__ = ["blueprint", "desk", "editor", "listing", "page"]
