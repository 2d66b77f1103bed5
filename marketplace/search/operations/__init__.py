"""Verbs of the search slice."""
