"""Who may do what in the search slice."""
