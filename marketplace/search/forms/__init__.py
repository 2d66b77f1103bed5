"""Forms of the search slice."""
