"""Who acts, and may they: Actor, Decision, require(). The fine rules stand in each slice's policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from marketplace.core.errors import Denied
from marketplace.core.text import N_


class Role(StrEnum):
    """What a person may do for an organization (or, for experts and operators, on the platform)."""

    HANDLER = "handler"            # 经办: drafts lists and projects of a unit
    APPROVER = "approver"          # 审核: approves and publishes for a unit
    UNIT_ADMIN = "unit_admin"      # 单位管理员: members of a unit, activation slips
    PROVIDER_ADMIN = "provider_admin"    # 社会组织管理员: profile, members, bids
    PROVIDER_MEMBER = "provider_member"  # 社会组织成员: writes bids
    FUNDER = "funder"              # 基金会项目官员
    EXPERT = "expert"              # 评审专家
    OPERATOR = "operator"          # 系统管理员: verifies organizations, runs the platform
    SECURITY_OFFICER = "security_officer"  # 安全管理员: grants roles, unlocks accounts
    AUDITOR = "auditor"            # 审计管理员: reads the audit, changes nothing


ROLE_LABELS: Mapping[Role, str] = {
    Role.HANDLER: N_("经办人"), Role.APPROVER: N_("审核人"), Role.UNIT_ADMIN: N_("单位管理员"),
    Role.PROVIDER_ADMIN: N_("社会组织管理员"), Role.PROVIDER_MEMBER: N_("社会组织成员"),
    Role.FUNDER: N_("基金会项目官员"), Role.EXPERT: N_("评审专家"), Role.OPERATOR: N_("系统管理员"),
    Role.SECURITY_OFFICER: N_("安全管理员"), Role.AUDITOR: N_("审计管理员"),
}


@dataclass(frozen=True)
class Actor:
    """Who does it: a person acting for one organization, the system, or nobody signed in.

    `unit_path` is the organization's place in the tree of units ("/1/4/"): a parent sees its children's work.
    """

    person_id: int | None = None
    name: str = ""
    organization_id: int | None = None
    unit_path: str = ""
    roles: frozenset[Role] = field(default_factory=frozenset)
    is_system: bool = False

    @property
    def is_signed_in(self) -> bool:
        """Say whether a person stands behind this."""
        return self.person_id is not None

    def has(self, *roles: Role) -> bool:
        """Say whether the actor holds one of `roles`."""
        return bool(self.roles.intersection(roles))

    def acts_for(self, organization_id: int | None, *roles: Role) -> bool:
        """Say whether the actor acts for that organization in one of `roles`."""
        return organization_id is not None and self.organization_id == organization_id and self.has(*roles)

    def oversees(self, path: str) -> bool:
        """Say whether the actor's unit is the unit at `path` or stands above it."""
        return bool(self.unit_path) and path.startswith(self.unit_path)


ANONYMOUS = Actor()
SYSTEM = Actor(name=N_("系统"), is_system=True)


@dataclass(frozen=True)
class Decision:
    """The answer of a policy: allowed, or denied with the reason a person can read."""

    allowed: bool
    reason: str = ""
    hidden: bool = False
    facts: Mapping[str, object] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.allowed


ALLOWED = Decision(allowed=True)


def denied(reason: str, *, hidden: bool = False, **facts: object) -> Decision:
    """Return a refusal with its reason (a Chinese message id)."""
    return Decision(allowed=False, reason=reason, hidden=hidden, facts=facts)


def require(decision: Decision) -> None:
    """Raise Denied unless the decision allows; the first beat of every operation."""
    if not decision.allowed:
        raise Denied(decision.reason, hidden=decision.hidden, **decision.facts)
