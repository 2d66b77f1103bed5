"""Pages of the guiding catalogue and of the annual purchase lists."""

from marketplace.catalogs.views import catalogs, editor, lists
from marketplace.catalogs.views.blueprint import blueprint

__all__ = ["blueprint", "catalogs", "editor", "lists"]
