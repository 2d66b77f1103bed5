"""Who may open what, as data: one row for every route and method. A route without a row fails the build (SEC-01).

`PUBLIC`, `SIGNED_IN` or a set of roles says who passes the mark; `code` is the answer to those who pass when every
reference in the address names nothing and a form is empty. `but` holds other answers for single roles.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from werkzeug.routing import Rule

from marketplace.core.access import Role

PUBLIC = "public"
SIGNED_IN = "signed in"
NOTHING = "nothing22222"   # a reference that names nothing
VALUES: Mapping[str, object] = {"year": 2026, "number": 1, "line": 1, "position": 1}


@dataclass(frozen=True)
class Row:
    """Who passes, and what they get."""

    who: str | frozenset[Role]
    code: int = 200
    but: Mapping[Role, int] = field(default_factory=dict)


def filled(rule: Rule) -> str:
    """Return the address of a rule with references that name nothing."""
    path = str(rule)
    for name in rule.arguments:
        value = str(VALUES.get(name, NOTHING))
        for converter in ("", "int:", "path:", "string:"):
            path = path.replace(f"<{converter}{name}>", value)
    return path


def only(*roles: Role) -> frozenset[Role]:
    """Return a set of roles."""
    return frozenset(roles)


UNIT = only(Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN)
OPERATOR, OFFICER, AUDITOR = only(Role.OPERATOR), only(Role.SECURITY_OFFICER), only(Role.AUDITOR)
ADMINS = OPERATOR | OFFICER | AUDITOR
MEMBERS = only(Role.UNIT_ADMIN, Role.PROVIDER_ADMIN)

ROWS: Mapping[tuple[str, str], Row] = {
    # the door, the own account
    ("/sign-in", "GET"): Row(PUBLIC, 200, dict.fromkeys(Role, 302)),   # who is in already is sent on
    ("/sign-in", "POST"): Row(PUBLIC, 422),
    ("/activate", "GET"): Row(PUBLIC),
    ("/activate", "POST"): Row(PUBLIC, 422),
    ("/sign-out", "POST"): Row(SIGNED_IN, 303),
    ("/my/account", "GET"): Row(SIGNED_IN),
    ("/my/account", "POST"): Row(SIGNED_IN, 422),
    ("/my/account/password", "POST"): Row(SIGNED_IN, 422),
    ("/my/account/acting", "POST"): Row(SIGNED_IN, 422),
    ("/my/account/sessions/end", "POST"): Row(SIGNED_IN, 303),
    # members
    ("/desk/members", "GET"): Row(MEMBERS),
    ("/desk/members/invite", "GET"): Row(MEMBERS),
    ("/desk/members/invite", "POST"): Row(MEMBERS, 422),
    ("/desk/people/<ref>/slip", "POST"): Row(MEMBERS | OFFICER, 404),
    ("/desk/people/<ref>/unlock", "POST"): Row(MEMBERS | OFFICER, 404),
    ("/desk/mandates/<ref>/revoke", "POST"): Row(MEMBERS | OFFICER, 404),
    # the platform
    ("/ops", "GET"): Row(ADMINS),
    ("/ops/people", "GET"): Row(OFFICER),
    ("/ops/people/new", "GET"): Row(OFFICER),
    ("/ops/people/new", "POST"): Row(OFFICER, 422),
    ("/ops/people/<ref>", "GET"): Row(OFFICER, 404),
    ("/ops/people/<ref>/grant", "POST"): Row(OFFICER, 404),
    ("/ops/people/<ref>/deactivate", "POST"): Row(OFFICER, 404),
    ("/ops/people/<ref>/reactivate", "POST"): Row(OFFICER, 404),
    ("/ops/people/<ref>/sessions/end", "POST"): Row(OFFICER, 404),
    ("/ops/audit", "GET"): Row(AUDITOR),
    ("/ops/jobs", "GET"): Row(OPERATOR),
    ("/ops/jobs/<ref>/retry", "POST"): Row(OPERATOR, 409),
    ("/audit-heads", "GET"): Row(PUBLIC),
    ("/healthz", "GET"): Row(PUBLIC),
    ("/readyz", "GET"): Row(PUBLIC),
}
