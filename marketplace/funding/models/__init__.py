"""Tables of funding: funders, pools, pledges, releases."""

from marketplace.funding.models.funders import Funder
from marketplace.funding.models.pledges import (
    Commitment,
    CostLine,
    FundedProject,
    Instalment,
    OwnContribution,
    Pledge,
)
from marketplace.funding.models.pools import Allocation, MatchingPool, MatchingRule, PoolCap
from marketplace.funding.models.releases import MoneyFlag, Release
from marketplace.funding.models.verifying import VerifyRun

__all__ = [
    "Allocation", "Commitment", "CostLine", "FundedProject", "Funder", "Instalment", "MatchingPool", "MatchingRule",
    "MoneyFlag", "OwnContribution", "Pledge", "PoolCap", "Release", "VerifyRun",
]
