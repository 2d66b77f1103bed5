"""Each project with a provider: hard rules, score, the best assignment, edits, and the views that show why."""
