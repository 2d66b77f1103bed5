"""Units (a tree), providers, foundations: registry, profile, credit."""
