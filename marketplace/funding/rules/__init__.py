"""Rules of funding: buckets of a pledge, funders, matching, landing. Pure."""

from marketplace.funding.rules.news import (
    JOB_COMMITMENT_APPROVED,
    JOB_COMMITMENT_PREPARED,
    JOB_COMMITMENT_RETURNED,
    JOB_EXPIRY_NEAR,
    JOB_FLAG_DECIDED,
    JOB_FLAG_RAISED,
    JOB_MONEY_MOVED,
    JOB_RELEASE_DECIDED,
    JOB_RELEASE_PROPOSED,
    JOB_SIGN_REMINDER,
)
from marketplace.funding.rules.pools import JOB_CAPTURE_DUE

__all__ = [
    "JOB_CAPTURE_DUE",
    "JOB_COMMITMENT_APPROVED",
    "JOB_COMMITMENT_PREPARED",
    "JOB_COMMITMENT_RETURNED",
    "JOB_EXPIRY_NEAR",
    "JOB_FLAG_DECIDED",
    "JOB_FLAG_RAISED",
    "JOB_MONEY_MOVED",
    "JOB_RELEASE_DECIDED",
    "JOB_RELEASE_PROPOSED",
    "JOB_SIGN_REMINDER",
]
