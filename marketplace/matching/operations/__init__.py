"""What people do with weight sets, runs, edits and suggestions."""
