"""Rules of matching: facts, hard rules, weights, score, assignment. Pure."""
