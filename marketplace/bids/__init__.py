"""Drafts, sealed submission, opening."""
