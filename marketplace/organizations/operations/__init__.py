"""What changes organizations: register, edit the profile, submit, verify, return. No verb commits."""

from marketplace.organizations.operations.profile import LISTS, PLAIN_FIELDS
from marketplace.organizations.operations.registry import register, register_unit, register_with_administrator
from marketplace.organizations.operations.verification import (
    return_profile,
    submit_for_verification,
    update_profile,
    verify,
)

__all__ = ["LISTS", "PLAIN_FIELDS", "register", "register_unit", "register_with_administrator", "return_profile",
           "submit_for_verification", "update_profile", "verify"]
