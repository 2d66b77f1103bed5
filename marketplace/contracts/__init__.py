"""Frozen terms, the contract PDF, signing state."""
