"""Rules of matching: facts, hard rules, weights, score, assignment. Pure."""

from marketplace.matching.rules.outreach import JOB_PROVIDERS_INVITED, JOB_PROVIDERS_TOLD
from marketplace.matching.rules.runs import JOB_RUN_PUBLISHED, JOB_RUN_STARTED

__all__ = ["JOB_PROVIDERS_INVITED", "JOB_PROVIDERS_TOLD", "JOB_RUN_PUBLISHED", "JOB_RUN_STARTED"]
