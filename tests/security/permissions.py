"""Who may open what, as data: one row for every route and method. A route without a row fails the build (SEC-01).

`PUBLIC`, `SIGNED_IN` or a set of roles says who passes the mark; `code` is the answer to those who pass when every
reference in the address names nothing and a form is empty. `but` holds other answers for single roles.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from werkzeug.routing import Rule

from marketplace.core.access import Role

PUBLIC = "public"
SIGNED_IN = "signed in"
NOTHING = "nothing22222"   # a reference that names nothing
VALUES: Mapping[str, object] = {"year": 2026, "number": 1, "line": 1, "position": 1, "kind": "csv", "scope": "all"}


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
        path = re.sub(rf"<(?:[^<>:]+:)?{name}>", value, path)
    return path


def only(*roles: Role) -> frozenset[Role]:
    """Return a set of roles."""
    return frozenset(roles)


UNIT = only(Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN)
EDITORS, APPROVERS = only(Role.HANDLER, Role.APPROVER), only(Role.APPROVER)
BIDDERS, FUNDERS = only(Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER), only(Role.FUNDER)
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
    # the dictionary of the search
    ("/ops/dictionary", "GET"): Row(OPERATOR),
    ("/ops/dictionary/new", "GET"): Row(OPERATOR),
    ("/ops/dictionary/new", "POST"): Row(OPERATOR, 422),
    ("/ops/dictionary/concepts/<name>", "GET"): Row(OPERATOR, 404),
    ("/ops/dictionary/concepts/<name>", "POST"): Row(OPERATOR, 404),
    ("/ops/dictionary/concepts/<name>/remove", "POST"): Row(OPERATOR, 404),
    ("/ops/dictionary/import", "GET"): Row(OPERATOR),
    ("/ops/dictionary/import", "POST"): Row(OPERATOR, 422),
    ("/ops/dictionary/export", "GET"): Row(OPERATOR),
    ("/ops/dictionary/changes", "GET"): Row(OPERATOR),
    ("/ops/dictionary/publish", "POST"): Row(OPERATOR, 422),
    ("/ops/dictionary/discard", "POST"): Row(OPERATOR, 409),
    ("/ops/dictionary/versions", "GET"): Row(OPERATOR),
    # saved searches: one's own; the token of a message opens the door of one search
    ("/my/searches", "GET"): Row(SIGNED_IN),
    ("/my/searches/new", "GET"): Row(SIGNED_IN),
    ("/my/searches/new", "POST"): Row(SIGNED_IN, 422),
    ("/my/searches/<ref>", "GET"): Row(SIGNED_IN, 404),
    ("/my/searches/<ref>/change", "GET"): Row(SIGNED_IN, 404),
    ("/my/searches/<ref>/change", "POST"): Row(SIGNED_IN, 404),
    ("/my/searches/<ref>/pause", "POST"): Row(SIGNED_IN, 404),
    ("/my/searches/<ref>/resume", "POST"): Row(SIGNED_IN, 404),
    ("/my/searches/<ref>/delete", "POST"): Row(SIGNED_IN, 404),
    ("/my/searches/<ref>/mute/<kind>/<item_ref>", "POST"): Row(SIGNED_IN, 404),
    ("/my/searches/<ref>/unmute/<kind>/<item_ref>", "POST"): Row(SIGNED_IN, 404),
    ("/my/searches/told/<message_ref>", "GET"): Row(SIGNED_IN, 404),
    ("/my/searches/off/<token>", "GET"): Row(PUBLIC, 404),
    ("/my/searches/off/<token>", "POST"): Row(PUBLIC, 404),
    ("/my/searches/off/<token>/<any(all):scope>", "GET"): Row(PUBLIC, 404),
    ("/my/searches/off/<token>/<any(all):scope>", "POST"): Row(PUBLIC, 404),
    ("/my/searches/off/<token>/<kind>/<item_ref>", "GET"): Row(PUBLIC, 404),
    ("/my/searches/off/<token>/<kind>/<item_ref>", "POST"): Row(PUBLIC, 404),
    # files
    ("/files/<ref>", "GET"): Row(PUBLIC, 404),
    # organizations
    ("/organizations", "GET"): Row(PUBLIC),
    ("/organizations/<ref>", "GET"): Row(PUBLIC, 404),
    ("/register", "GET"): Row(PUBLIC),
    ("/register", "POST"): Row(PUBLIC, 422),
    ("/organizations/<ref>/profile", "GET"): Row(SIGNED_IN, 404),
    ("/organizations/<ref>/profile", "POST"): Row(SIGNED_IN, 404),
    ("/organizations/<ref>/submit", "POST"): Row(SIGNED_IN, 404),
    ("/ops/organizations", "GET"): Row(OPERATOR),
    ("/ops/organizations/<ref>", "GET"): Row(OPERATOR, 404),
    ("/ops/organizations/<ref>/decision", "POST"): Row(OPERATOR, 404),
    ("/ops/organizations/<ref>/listings", "POST"): Row(OPERATOR, 404),
    # catalogues and lists
    ("/catalogs", "GET"): Row(PUBLIC),
    ("/catalogs/export.<kind>", "GET"): Row(PUBLIC, 404),
    ("/catalogs/editions", "GET"): Row(PUBLIC),
    ("/catalogs/editions", "POST"): Row(EDITORS | OPERATOR, 422),
    ("/catalogs/editions/<ref>", "GET"): Row(PUBLIC, 404),
    ("/catalogs/editions/<ref>", "POST"): Row(PUBLIC, 404),
    ("/catalogs/editions/<ref>/items", "GET"): Row(SIGNED_IN, 404),
    ("/catalogs/editions/<ref>/items", "POST"): Row(SIGNED_IN, 404),
    ("/catalogs/editions/<ref>/items/<code>/remove", "POST"): Row(SIGNED_IN, 404),
    ("/catalogs/<code>", "GET"): Row(PUBLIC, 404),
    ("/purchase-lists/mine", "GET"): Row(UNIT),
    ("/purchase-lists/mine", "POST"): Row(UNIT, 422),
    ("/purchase-lists/by-unit/<unit_ref>/<int:year>", "GET"): Row(UNIT, 404),
    ("/purchase-lists/<ref>/edit", "GET"): Row(EDITORS, 404),
    ("/purchase-lists/<ref>/lines/new", "GET"): Row(EDITORS, 404),
    ("/purchase-lists/<ref>/lines/new", "POST"): Row(EDITORS, 404),
    ("/purchase-lists/<ref>/lines/<line_ref>", "GET"): Row(EDITORS, 404),
    ("/purchase-lists/<ref>/lines/<line_ref>", "POST"): Row(EDITORS, 404),
    ("/purchase-lists/<ref>/lines/<line_ref>/remove", "POST"): Row(EDITORS, 404),
    ("/purchase-lists/<ref>/submit", "POST"): Row(EDITORS, 404),
    ("/purchase-lists/<ref>/publish", "POST"): Row(APPROVERS, 404),
    ("/purchase-lists/<ref>/return", "POST"): Row(APPROVERS, 404),
    ("/purchase-lists/<ref>/amend", "GET"): Row(EDITORS, 404),
    ("/purchase-lists/<ref>/amend", "POST"): Row(EDITORS, 404),
    ("/purchase-lists", "GET"): Row(PUBLIC),
    ("/purchase-lists/merged", "GET"): Row(PUBLIC),
    ("/purchase-lists/merged.xlsx", "GET"): Row(PUBLIC),
    ("/purchase-lists/<ref>", "GET"): Row(PUBLIC, 404),
    ("/purchase-lists/<ref>/export.xlsx", "GET"): Row(PUBLIC, 404),
    ("/purchase-lists/<ref>/changes", "GET"): Row(PUBLIC, 404),
    # sheets read in
    ("/imports", "GET"): Row(SIGNED_IN),
    ("/imports/new", "GET"): Row(EDITORS),
    ("/imports/new", "POST"): Row(EDITORS, 422),
    ("/imports/<ref>", "GET"): Row(SIGNED_IN, 404),
    ("/imports/<ref>/mapping", "POST"): Row(SIGNED_IN, 404),
    ("/imports/<ref>/apply", "POST"): Row(SIGNED_IN, 404),
    ("/imports/<ref>/undo", "POST"): Row(SIGNED_IN, 404),
    ("/imports/<ref>/errors.xlsx", "GET"): Row(SIGNED_IN, 404),
    # rules
    ("/rules", "GET"): Row(PUBLIC),
    ("/ops/rules", "GET"): Row(OPERATOR),
    ("/ops/rules", "POST"): Row(OPERATOR, 422),
    # papers
    ("/v", "GET"): Row(PUBLIC),
    ("/v/<code>", "GET"): Row(PUBLIC, 404),
    # projects, bids, panels
    ("/search", "GET"): Row(PUBLIC),
    ("/search/suggest", "GET"): Row(PUBLIC),
    ("/search.atom", "GET"): Row(PUBLIC),
    ("/search.rss", "GET"): Row(PUBLIC),
    ("/search.ics", "GET"): Row(PUBLIC),
    ("/search.<any(csv, xlsx):kind>", "GET"): Row(PUBLIC),
    ("/projects", "GET"): Row(PUBLIC),
    ("/projects.<any(csv, xlsx):kind>", "GET"): Row(PUBLIC),
    ("/projects/<ref>", "GET"): Row(PUBLIC, 404),
    ("/projects/<ref>/questions", "POST"): Row(SIGNED_IN, 404),
    ("/projects/<ref>.ics", "GET"): Row(PUBLIC, 404),
    ("/desk/projects", "GET"): Row(UNIT),
    ("/projects/drafts-from-lines", "POST"): Row(EDITORS, 303),
    ("/desk/projects/<ref>/review", "GET"): Row(UNIT, 404),
    ("/desk/projects/<ref>/publish", "POST"): Row(APPROVERS, 404),
    ("/desk/projects/<ref>/return", "POST"): Row(APPROVERS, 404),
    ("/desk/projects/<ref>/questions", "GET"): Row(UNIT, 404),
    ("/desk/projects/<ref>/questions/<enquiry_ref>", "POST"): Row(EDITORS, 404),
    ("/desk/projects/<ref>/addendum", "GET"): Row(EDITORS, 404),
    ("/desk/projects/<ref>/addendum", "POST"): Row(EDITORS, 404),
    ("/desk/projects/<ref>/terminate", "GET"): Row(EDITORS, 404),
    ("/desk/projects/<ref>/terminate", "POST"): Row(EDITORS, 404),
    ("/desk/projects/<ref>/submit", "POST"): Row(EDITORS, 404),
    ("/desk/projects/<ref>/copy", "POST"): Row(EDITORS, 404),
    ("/desk/projects/new", "GET"): Row(EDITORS),
    ("/desk/projects/new", "POST"): Row(EDITORS, 422),
    ("/desk/projects/<ref>/edit", "GET"): Row(EDITORS, 404),
    ("/desk/projects/<ref>/preview", "GET"): Row(EDITORS, 404),
    ("/desk/projects/<ref>/edit/<section>", "GET"): Row(EDITORS, 404),
    ("/desk/projects/<ref>/edit/<section>", "POST"): Row(EDITORS, 404),
    ("/desk/projects/<ref>/files", "POST"): Row(EDITORS, 404),
    ("/desk/projects/<ref>/files/<file_ref>/remove", "POST"): Row(EDITORS, 404),
    ("/projects/<ref>/opening", "GET"): Row(PUBLIC, 404),
    ("/projects/<ref>/bid", "GET"): Row(BIDDERS, 404),
    ("/projects/<ref>/bid/<part_name>", "GET"): Row(BIDDERS, 404),
    ("/projects/<ref>/bid/<part_name>", "POST"): Row(BIDDERS, 404),
    ("/projects/<ref>/bid/files", "GET"): Row(BIDDERS, 404),
    ("/projects/<ref>/bid/files", "POST"): Row(BIDDERS, 404),
    ("/projects/<ref>/bid/files/<sha256>/remove", "POST"): Row(BIDDERS, 404),
    ("/projects/<ref>/bid/files/<sha256>", "GET"): Row(BIDDERS, 404),
    ("/projects/<ref>/bid/check", "GET"): Row(BIDDERS, 404),
    ("/projects/<ref>/bid/check", "POST"): Row(BIDDERS, 404),
    ("/bids", "GET"): Row(BIDDERS),
    ("/bids/<ref>", "GET"): Row(BIDDERS, 404),
    ("/bids/<ref>/files/<sha256>", "GET"): Row(BIDDERS, 404),
    ("/bids/<ref>/receipt", "GET"): Row(BIDDERS, 404),
    ("/bids/<ref>/withdraw", "GET"): Row(BIDDERS, 404),
    ("/bids/<ref>/withdraw", "POST"): Row(BIDDERS, 404),
    ("/desk/projects/<ref>/panel", "GET"): Row(UNIT | AUDITOR, 404),
    ("/desk/projects/<ref>/panel", "POST"): Row(UNIT | AUDITOR, 404),
    ("/desk/projects/<ref>/panel/substitutes", "POST"): Row(EDITORS, 404),
    ("/desk/projects/<ref>/award", "GET"): Row(UNIT | AUDITOR, 404),
    ("/desk/projects/<ref>/award", "POST"): Row(EDITORS, 404),
    ("/desk/projects/<ref>/award/close", "POST"): Row(EDITORS, 404),
    ("/desk/projects/<ref>/award/validity", "POST"): Row(EDITORS, 404),
    ("/desk/projects/<ref>/offers/<bid_ref>", "GET"): Row(EDITORS | AUDITOR, 404),
    ("/desk/projects/<ref>/offers/<bid_ref>/files/<sha256>", "GET"): Row(EDITORS | AUDITOR, 404),
    ("/desk/projects/<ref>/award/revoke", "POST"): Row(EDITORS, 404),
    ("/desk/objections/<ref>", "POST"): Row(EDITORS, 404),
    ("/ops/experts", "GET"): Row(OPERATOR),
    ("/ops/experts", "POST"): Row(OPERATOR, 422),
    ("/projects/<ref>/objections", "GET"): Row(BIDDERS, 404),
    ("/projects/<ref>/objections", "POST"): Row(BIDDERS, 404),
    ("/projects/<ref>/result", "GET"): Row(PUBLIC, 404),
    ("/bids/<ref>/result", "GET"): Row(BIDDERS, 404),
    ("/notices", "GET"): Row(PUBLIC),
    ("/notices/<ref>", "GET"): Row(PUBLIC, 404),
    ("/panel", "GET"): Row(SIGNED_IN),
    ("/panel/<ref>", "GET"): Row(SIGNED_IN, 404),
    ("/panel/<ref>", "POST"): Row(SIGNED_IN, 404),
    ("/panel/<ref>/score/<int:number>", "GET"): Row(SIGNED_IN, 404),
    ("/panel/<ref>/score/<int:number>", "POST"): Row(SIGNED_IN, 404),
    ("/panel/<ref>/score/<int:number>/autosave", "POST"): Row(SIGNED_IN, 404),
    ("/panel/<ref>/score/<int:number>/files/<sha256>", "GET"): Row(SIGNED_IN, 404),
    ("/panel/<ref>/submit", "GET"): Row(SIGNED_IN, 404),
    ("/panel/<ref>/submit", "POST"): Row(SIGNED_IN, 404),
    # contracts
    ("/projects/<ref>/contract", "GET"): Row(PUBLIC, 404),
    ("/contracts", "GET"): Row(UNIT | BIDDERS | OPERATOR | AUDITOR),
    ("/contracts/<ref>", "GET"): Row(UNIT | BIDDERS | OPERATOR | AUDITOR, 404),
    ("/contracts/<ref>/paper", "GET"): Row(UNIT | BIDDERS | OPERATOR | AUDITOR, 404),
    ("/contracts/<ref>/signed-copy", "GET"): Row(UNIT | BIDDERS | OPERATOR | AUDITOR, 404),
    ("/contracts/<ref>/sign", "POST"): Row(EDITORS, 404),
    ("/contracts/<ref>/publish", "POST"): Row(EDITORS, 404),
    ("/contracts/<ref>/file", "POST"): Row(EDITORS, 404),
    # donation agreements: whoever receives, provides, gave, bought or oversees
    ("/agreements", "GET"): Row(UNIT | BIDDERS | FUNDERS | OPERATOR | AUDITOR),
    ("/agreements/draw-up/<ref>", "POST"): Row(BIDDERS | FUNDERS, 404),
    ("/agreements/<ref>", "GET"): Row(UNIT | BIDDERS | FUNDERS | OPERATOR | AUDITOR, 404),
    ("/agreements/<ref>/paper", "GET"): Row(UNIT | BIDDERS | FUNDERS | OPERATOR | AUDITOR, 404),
    ("/agreements/<ref>/signed-copy", "GET"): Row(UNIT | BIDDERS | FUNDERS | OPERATOR | AUDITOR, 404),
    ("/agreements/<ref>/sign", "POST"): Row(BIDDERS | FUNDERS, 404),
    # the inbox
    ("/my", "GET"): Row(SIGNED_IN),
    ("/my/<ref>/read", "POST"): Row(SIGNED_IN, 404),
    ("/my/read-all", "POST"): Row(SIGNED_IN, 303),
    ("/my/alive", "GET"): Row(SIGNED_IN, 204),
    # home and help
    ("/", "GET"): Row(PUBLIC),
    # projects, bids, panels
    ("/desk", "GET"): Row(UNIT),
    # home and help
    ("/org", "GET"): Row(BIDDERS),
    ("/fund", "GET"): Row(FUNDERS),
    ("/help", "GET"): Row(PUBLIC),
    ("/help/<topic>", "GET"): Row(PUBLIC, 404),
    ("/accessibility", "GET"): Row(PUBLIC),
    ("/privacy", "GET"): Row(PUBLIC),
    ("/robots.txt", "GET"): Row(PUBLIC),
}
