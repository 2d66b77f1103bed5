"""The demo world and the walk."""
