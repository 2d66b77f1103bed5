"""Uploads: owner, scan state, permission."""
