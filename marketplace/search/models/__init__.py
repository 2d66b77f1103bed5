"""Tables of the search slice."""
