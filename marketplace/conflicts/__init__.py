"""Conflicts of interest: computed from verified identifiers, declared where nobody can know, kept with their source."""
