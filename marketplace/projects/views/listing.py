"""The public list of projects, its filters, and what can be taken along: CSV and XLSX."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

from flask import redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db
from marketplace.projects import queries, rules
from marketplace.projects.forms import filters_from
from marketplace.projects.queries import Filters, Listing, Row
from marketplace.projects.rules import (
    BAND_LABELS,
    PUBLIC_STATUSES,
    STATUS_LABELS,
    STATUS_LOOKS,
    BudgetBand,
    DisplayStatus,
    Sort,
)
from marketplace.projects.views.blueprint import blueprint, facets
from marketplace.web.access import public
from marketplace.web.downloads import spreadsheet
from marketplace.web.facets import Chip, Option
from marketplace.web.formats import day, moment
from marketplace.web.paging import Page, page_number
from marketplace.web.security import EXPORT_LIMIT, limiter

PAGE = 20
MOST_EXPORTED = 2_000
GROUP = 3                          # length of the catalogue codes that head the tree
SEARCH = "/search"                 # words are looked for there, over all kinds
SEARCH_SORTS = {Sort.BUDGET_UP: "budget_low", Sort.BUDGET_DOWN: "budget_high", Sort.CLOSING: "closing"}


@blueprint.get("/projects")
@public
def index() -> str | Response:
    """Show the list; the same address serves script and no script. Words lead to the search page."""
    filters, now, number = filters_from(request.args), utc_now(), page_number(request.args)
    if text := request.args.get("q", "").strip():
        return redirect(_search_address(text, filters), 303)
    found = queries.browse(db.session(), facets(), filters, now=now, page=number, size=PAGE)
    return render_template(
        "projects/index.html", filters=filters, found=found, now=now, rules=rules,
        page=Page(found.rows, found.total, number, PAGE), options=_options(filters, found),
        chips=_chips(filters, found), looks=STATUS_LOOKS, address=urlencode(_arguments(filters)),
        due_days=rules.DUE_DAYS, kept=_search_arguments(filters),
        status_words={s: gettext(STATUS_LABELS[s]) for s in PUBLIC_STATUSES}, sorts=list(Sort))


def _search_arguments(filters: Filters) -> list[tuple[str, str]]:
    """Return the filters as the search page names them."""
    pairs = [(name, value) for name, value in _arguments(filters) if name != "sort"]
    wanted = SEARCH_SORTS.get(filters.sort)
    return [("kind", "project"), *pairs, *([("sort", wanted)] if wanted else [])]


def _search_address(text: str, filters: Filters) -> str:
    """Return where a text is looked for, among projects, with the filters chosen here."""
    return f"{SEARCH}?{urlencode([('q', text), *_search_arguments(filters)])}"


def _options(filters: Filters, found: Listing) -> Mapping[str, list[Option]]:
    """Return the values of the four facets in the order of the page; chosen ones stay even with nothing in them."""
    counts = found.counts
    return {
        "status": [Option(s, gettext(STATUS_LABELS[s]), counts["status"].get(s, 0), s in filters.statuses)
                   for s in PUBLIC_STATUSES],
        "category": list(_tree(filters.categories, counts["category"], found.categories)),
        "area": [Option(code, found.areas.get(code, code), count, code in filters.areas)
                 for code, count in sorted({**dict.fromkeys(filters.areas, 0), **counts["area"]}.items())],
        "budget": [Option(b, gettext(BAND_LABELS[b]), counts["budget"].get(b, 0), b in filters.bands)
                   for b in BudgetBand],
    }


def _tree(chosen: Sequence[str], counts: Mapping[str, int], names: Mapping[str, str]) -> Iterator[Option]:
    """Yield the heads of the catalogue, and below a chosen branch its parts."""
    for code in sorted({*counts, *chosen}):
        if code in chosen or (len(code) >= GROUP and counts.get(code)):
            yield Option(code, names.get(code, code), counts.get(code, 0), code in chosen,
                         depth=0 if len(code) <= GROUP else (len(code) - GROUP) // 2)


def _arguments(filters: Filters) -> list[tuple[str, str]]:
    """Return the filters as arguments of an address."""
    pairs = [(facet, str(value)) for facet, values in filters.chosen().items() for value in values]
    if filters.due_days:
        pairs.append(("due", str(filters.due_days)))
    if filters.sort != Sort.NEWEST:
        pairs.append(("sort", str(filters.sort)))
    return pairs


def _chips(filters: Filters, found: Listing) -> list[Chip]:
    """Return the conditions in force, each with the address that drops it."""
    words: dict[str, tuple[str, Callable[[str], str]]] = {
        "status": (gettext("状态"), lambda v: gettext(STATUS_LABELS[DisplayStatus(v)])),
        "category": (gettext("类别"), lambda v: found.categories.get(v, v)),
        "area": (gettext("地区"), lambda v: found.areas.get(v, v)),
        "budget": (gettext("预算"), lambda v: gettext(BAND_LABELS[BudgetBand(v)])),
        "due": (gettext("截止"), lambda v: gettext("%(days)s 天内", days=v)),
    }
    pairs = _arguments(filters)
    return [
        Chip(words[name][0], words[name][1](value),
             url_for("projects.index") + "?" + urlencode([pair for pair in pairs if pair != (name, value)]))
        for name, value in pairs if name in words
    ]


_HEADS = ("项目编号", "项目名称", "购买主体", "服务类别", "镇街", "预算（元）", "状态", "发布时间", "截止时间", "服务开始", "服务结束",
          "地址")


@blueprint.get("/projects.<any(csv, xlsx):kind>")
@public
@limiter.limit(EXPORT_LIMIT)
def export(kind: str) -> Response:
    """Hand out the list as filtered, at most 2,000 rows, as CSV or XLSX."""
    filters, now = filters_from(request.args), utc_now()
    found = queries.browse(db.session(), facets(), filters, now=now, size=MOST_EXPORTED)
    table = [list(_HEADS), *(_cells(row, found) for row in found.rows)]
    return spreadsheet(table, kind=kind, name=f"projects-{beijing_date(now):%Y%m%d}", sheet=gettext("公开项目"))


def _cells(row: Row, found: Listing) -> list[str]:
    """Return one line of the export."""
    return [row.number, row.title, row.buyer, found.categories.get(row.category, row.category),
            found.areas.get(row.area, row.area), row.budget.plain(), gettext(STATUS_LABELS[row.status]),
            _clock(row.published_at), _clock(row.closes_at), day(row.service_from), day(row.service_to),
            url_for("projects.page", ref=row.ref, _external=True)]


def _clock(value: datetime) -> str:
    """Return a moment in Beijing time."""
    return moment(value)
