"""Reads of funding for pages, papers and the search."""
