"""Rules of funding: buckets of a pledge, funders, matching, landing. Pure."""

from marketplace.funding.rules.pools import JOB_CAPTURE_DUE

__all__ = ["JOB_CAPTURE_DUE"]
