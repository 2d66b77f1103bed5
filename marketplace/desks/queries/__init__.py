"""Reads that show several slices on one page: home, and the desks of unit, organization, funder."""

from marketplace.desks.queries.frame import organization_name
from marketplace.desks.queries.fund import FundDesk, fund_desk
from marketplace.desks.queries.help import example_place, glossary, public_documents
from marketplace.desks.queries.home import Home, home
from marketplace.desks.queries.provider import ProviderDesk, provider_desk
from marketplace.desks.queries.unit import UnitDesk, unit_desk

__all__ = [
    "FundDesk", "Home", "ProviderDesk", "UnitDesk", "example_place", "fund_desk", "glossary", "home",
    "organization_name", "provider_desk", "public_documents", "unit_desk",
]
