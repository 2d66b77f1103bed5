"""Pages of funding: public pools, the desk of a funder, bank lines, releases."""

from marketplace.funding.views import (
    arrived,
    bank,
    building,
    card,
    commitments,
    extras,
    funders,
    orders,
    payouts,
    pledge,
    pledges,
    pools,
    receipts,
    reports,
    statements,
)
from marketplace.funding.views.blueprints import funding

__all__ = [
    "arrived", "bank", "building", "card", "commitments", "extras", "funders", "funding", "orders", "payouts", "pledge",
    "pledges", "pools", "receipts", "reports", "statements",
]
