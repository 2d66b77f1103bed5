"""Forms of funding: text to typed values."""
