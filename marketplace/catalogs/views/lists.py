"""Public pages of the purchase lists: the district with totals, all lines merged, one list, what changed."""

from flask import current_app, render_template, request
from werkzeug.wrappers import Response

from marketplace.catalogs import policy, queries, rules
from marketplace.catalogs.models import PurchaseListVersion
from marketplace.catalogs.queries.lists import merged_statement
from marketplace.catalogs.views.blueprint import blueprint, xlsx
from marketplace.core.clock import beijing, utc_now
from marketplace.core.db import db
from marketplace.core.errors import Denied
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.web.access import public
from marketplace.web.actor import current_actor
from marketplace.web.paging import page_number, paginate
from marketplace.web.security import EXPORT_LIMIT, limiter

PAGE = 50
DRAFTING = "projects.draft_from_lines"


def _year() -> int:
    """Return the year asked for, else the newest with a published list, else this year."""
    asked = request.args.get("year", "")
    if asked.isdigit() and len(asked) == 4:  # noqa: PLR2004 - a year
        return int(asked)
    known = queries.years(db.session())
    return known[0] if known else beijing(utc_now()).year


@blueprint.get("/purchase-lists")
@public
def lists() -> str:
    """Show the lists of a year merged over the district: totals by town, then by unit."""
    session, year, actor = db.session(), _year(), current_actor()
    totals = queries.list_totals(session, year)
    return render_template(
        "catalogs/lists.html", year=year, years=queries.years(session), places=queries.by_place(session, totals),
        totals=totals, budget=Money(sum(one.budget.fen for one in totals)), lines=sum(one.lines for one in totals),
        posted=sum(one.posted for one in totals), contracted=sum(one.contracted for one in totals),
        posted_budget=Money(sum(one.posted_budget.fen for one in totals)),
        contracted_budget=Money(sum(one.contracted_budget.fen for one in totals)),
        may_keep=policy.may_import_lists(actor) if actor.is_signed_in else None)


@blueprint.get("/purchase-lists/merged")
@public
def merged() -> str:
    """Show every published line of a year, by town, words and progress."""
    session, year = db.session(), _year()
    asked = {name: request.args.get(name, "").strip()[:40] for name in ("place", "q", "progress")}
    statement = merged_statement(year, place=asked["place"], text=asked["q"], progress=asked["progress"])
    page = paginate(session, statement, number=page_number(request.args), size=PAGE)
    return render_template(
        "catalogs/merged.html", year=year, years=queries.years(session), asked=asked, rules=rules,
        page=page.map(lambda item: queries.merged_lines(session, [item])[0]),
        places=queries.by_place(session, queries.list_totals(session, year)))


@blueprint.get("/purchase-lists/merged.xlsx")
@public
@limiter.limit(EXPORT_LIMIT)
def merged_export() -> Response:
    """Hand out the merged list in the usual columns."""
    session, year = db.session(), _year()
    statement = merged_statement(year, place=request.args.get("place", ""), text=request.args.get("q", "").strip(),
                                 progress=request.args.get("progress", ""))
    rows = queries.export_rows(session.scalars(statement).all(), with_unit=True)
    return xlsx(rows, name=f"{year}年度购买服务项目清单（合并）", sheet=f"{year}")


def _version(ref: str) -> PurchaseListVersion:
    """Return the version asked for (?version=), if the visitor may see it."""
    session = db.session()
    asked = request.args.get("version", "")
    return queries.version_of(session, queries.list_by_ref(session, ref), actor=current_actor(),
                              number=int(asked) if asked.isdigit() and len(asked) < 6 else None)  # noqa: PLR2004


@blueprint.get("/purchase-lists/<ref>")
@public
def purchase_list(ref: str) -> str:
    """Show one list: its lines with what became of each, its versions; its unit drafts projects from chosen lines."""
    version, actor = _version(ref), current_actor()
    one = version.purchase_list
    may_keep = policy.may_keep_list(actor, one.unit) if actor.is_signed_in else None
    return render_template(
        "catalogs/list.html", version=version, list=one, board=queries.board(version), rules=rules, may_keep=may_keep,
        versions=[v for v in reversed(one.versions) if policy.may_see_version(actor, v)],
        open_version=queries.open_version(one) if may_keep else None, categories=queries.category_names(db.session()),
        may_draft=bool(may_keep) and version.state == rules.VersionState.PUBLISHED
        and actor.organization_id == one.unit_id and DRAFTING in current_app.view_functions,
        drafting=DRAFTING)


@blueprint.get("/purchase-lists/<ref>/export.xlsx")
@public
@limiter.limit(EXPORT_LIMIT)
def export_list(ref: str) -> Response:
    """Hand out a version in the usual columns; importing it again changes nothing."""
    version = _version(ref)
    one = version.purchase_list
    return xlsx(queries.export_rows(version.items), sheet="清单", is_public=version.published_at is not None,
                name=f"{one.unit.name}{one.year}年度购买服务项目清单（第{version.number}版）")


@blueprint.get("/purchase-lists/<ref>/changes")
@public
def changes(ref: str) -> str:
    """Show how a version differs from the one before it."""
    version = _version(ref)
    one = version.purchase_list
    before = next((v for v in one.versions if v.number == version.number - 1), None)
    if before is None:
        raise Denied(N_("第一版没有可以比较的旧版"), hidden=True)
    found = rules.compare(queries.facts_by_line(before), queries.facts_by_line(version))
    return render_template(
        "catalogs/changes.html", list=one, version=version, before=before, rules=rules,
        changes=[c for c in found if c.change is not rules.Change.SAME],
        same=sum(c.change is rules.Change.SAME for c in found), labels={f.name: f.label for f in rules.LIST_FIELDS})
