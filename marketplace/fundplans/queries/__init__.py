"""Reads for plans of money and for the shortlist."""
