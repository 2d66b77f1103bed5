"""The matching views."""
