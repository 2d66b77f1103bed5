"""Reads for the matching views."""
