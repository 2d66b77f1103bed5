"""Home and desks: pages that show several slices."""
