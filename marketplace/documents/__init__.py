"""Numbers, render, store, verify: for every slice that issues paper."""
