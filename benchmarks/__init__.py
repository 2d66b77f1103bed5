"""One file a figure; each offers run(quick) -> list of {name, value, unit, ratio, to, bound, met}."""
