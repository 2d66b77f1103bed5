"""What changes the catalogue and the purchase lists. No verb commits."""

from marketplace.catalogs.operations.catalogs import (
    draft_edition,
    item_facts,
    load_areas,
    publish_catalog,
    remove_item,
    save_item,
)
from marketplace.catalogs.operations.lists import (
    add_line,
    add_lines,
    amend,
    change_line,
    facts_of,
    known_codes,
    mark_line_contracted,
    mark_line_posted,
    open_list,
    publish_version,
    remove_line,
    return_version,
    set_reason,
    submit_version,
)

__all__ = [
    "add_line", "add_lines", "amend", "change_line", "draft_edition", "facts_of", "item_facts", "known_codes",
    "load_areas", "mark_line_contracted", "mark_line_posted", "open_list", "publish_catalog", "publish_version",
    "remove_item", "remove_line", "return_version", "save_item", "set_reason", "submit_version",
]
