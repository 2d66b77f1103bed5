"""Forms of the matching views."""
