"""People, sign-in, mandates."""
