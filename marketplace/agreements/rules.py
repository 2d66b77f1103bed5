"""Rules of donation agreements: states, terms, clauses (CL 39-42, 61; rulebook 6.3). Pure."""
