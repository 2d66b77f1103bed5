"""Index upkeep and the search that lists use."""
