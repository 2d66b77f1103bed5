"""Reads of pledging events: lists and doors, what was keyed, the hall's screen, what is still to be signed."""
