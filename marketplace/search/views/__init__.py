"""Pages of the search slice."""
