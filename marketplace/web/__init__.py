"""All that is Flask and belongs to no slice."""
