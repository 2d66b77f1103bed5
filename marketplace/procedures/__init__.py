"""Rule sets as data: stages, timers, thresholds, committee and price rules, words."""
