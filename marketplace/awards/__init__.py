"""Panel, scoring, ranking, award, official notices, objections."""
