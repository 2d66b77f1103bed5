"""Reads of funding for pages, papers and the search."""

from marketplace.funding.queries.public import public_documents

__all__ = ["public_documents"]
