"""Forms of payments: text to typed values."""
