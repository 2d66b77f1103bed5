"""Commands of funding: verify."""
