"""Pages of funding: public pools, the desk of a funder, bank lines, releases."""

from marketplace.funding.views import building, card, commitments, funders, payouts, pledge, pledges, pools, reports
from marketplace.funding.views.blueprints import funding

__all__ = [
    "building", "card", "commitments", "funders", "funding", "payouts", "pledge", "pledges", "pools", "reports",
]
