"""What changes imports: upload, map, check, apply, undo. No verb commits."""

from marketplace.imports.operations.applying import (
    apply_chunk,
    fail_import,
    finish_import,
    rows_to_apply,
    start_import,
    undo_import,
)
from marketplace.imports.operations.checking import Checked, check_import, check_sheets, remember, upload

__all__ = [
    "Checked", "apply_chunk", "check_import", "check_sheets", "fail_import", "finish_import", "remember",
    "rows_to_apply", "start_import", "undo_import", "upload",
]
