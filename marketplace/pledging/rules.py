"""Rules of pledging events: footing, states, levels, what may be shown in the hall. Pure."""
