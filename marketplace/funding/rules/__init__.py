"""Rules of funding: buckets of a pledge, funders, matching, landing. Pure."""
