"""Any clerk's sheet: upload, mapping, check, apply, undo; the targets are offered by other slices."""
