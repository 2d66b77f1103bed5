"""What leaves the desk: the computation of a pool, the board's report, 360Giving, tables (F6, F8)."""

import json
from collections.abc import Iterator
from datetime import date
from urllib.parse import urlsplit

from flask import current_app, render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.access import require
from marketplace.core.clock import beijing, beijing_date, utc_now
from marketplace.core.db import db
from marketplace.core.text import N_
from marketplace.funding import policy
from marketplace.funding.models import Funder
from marketplace.funding.queries import computation as lines
from marketplace.funding.queries.giving360 import Publisher, package, plain
from marketplace.funding.queries.portfolio import Portfolio, PortfolioRow, pools_of, portfolio
from marketplace.funding.queries.public_money import pool_by_ref, with_figures
from marketplace.funding.queries.verifying import latest
from marketplace.funding.rules.buckets import STATE_LABELS
from marketplace.funding.rules.matching import LIMIT_LABELS, Limit
from marketplace.funding.rules.payout import BASE_LABELS
from marketplace.funding.rules.pools import ALLOCATION_STATE_LABELS, POOL_STATE_LABELS, AllocationState
from marketplace.funding.rules.reports import COLUMNS, SOURCE
from marketplace.funding.views.blueprints import funding
from marketplace.funding.views.shared import OFFICERS, needed_funder, sentence_of
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.downloads import attachment, spreadsheet
from marketplace.web.formats import day
from marketplace.web.names import area_names, category_names
from marketplace.web.security import EXPORT_LIMIT, limiter
from marketplace.web.services import config, services

Row = list[str]


@funding.get("/fund/pools/<ref>/computation")
@for_roles(*OFFICERS)
def computation(ref: str) -> str:
    """Show line by line how a pool's matching money came to be."""
    pool = pool_by_ref(db.session(), ref)
    require(policy.may_manage_pool(current_actor(), pool))
    state = request.args.get("state", "")
    state = state if state in ALLOCATION_STATE_LABELS else ""
    rows, after = lines.page(db.session(), pool, state=state, after=request.args.get("after", "")[:12])
    return render_template(
        "funding/computation.html", pool=pool, rows=rows, after=after, state=state, states=ALLOCATION_STATE_LABELS,
        limits=LIMIT_LABELS, reason=lambda line: lines.reason(line, gettext))


@funding.get("/fund/pools/<ref>/computation.<any(csv, xlsx):kind>")
@for_roles(*OFFICERS)
@limiter.limit(EXPORT_LIMIT)
def computation_export(ref: str, kind: str) -> Response:
    """Download the computation."""
    pool = pool_by_ref(db.session(), ref)
    require(policy.may_manage_pool(current_actor(), pool))
    heads = (N_("认捐人"), N_("项目编号"), N_("项目"), N_("认捐（元）"), N_("规则版本"), N_("应配（元）"), N_("受限于"), N_("实配（元）"),
             N_("退回（元）"), N_("状态"), N_("预留时间"), N_("确认时间"), N_("怎样算的"))
    rows = [[gettext(head) for head in heads], *(_computed(line) for line in lines.every_line(db.session(), pool))]
    return spreadsheet(rows, kind=kind, name=f"{pool.name}-{gettext('逐笔计算')}", sheet=gettext("逐笔计算"))


def _computed(line: lines.Line) -> Row:
    """Return one allocation as a row of text."""
    one = line.allocation
    return [line.funder.name, line.project.number or "", line.project.title, line.pledge.amount.plain(),
            str(line.rule.version), one.asked.plain(),
            gettext(LIMIT_LABELS[Limit(one.limited_by)]) if one.limited_by else "",
            one.amount.plain(), one.returned.plain(), gettext(ALLOCATION_STATE_LABELS[AllocationState(one.state)]),
            day(one.reserved_at), day(one.captured_at) if one.captured_at else "", lines.reason(line, gettext)]


def columns_of(row: PortfolioRow) -> Row:
    """Return one project in the columns of the yearly report."""
    project, year = row.project, row.year
    return [
        project.title, project.number or "", category_names().get((project.category_code or "")[:5], ""),
        area_names().get(project.area_code or "", ""), project.target_group,
        "" if project.beneficiaries is None else str(project.beneficiaries),
        day(project.service_from) if project.service_from else "",
        day(project.service_to) if project.service_to else "",
        "、".join(row.receivers), row.promised.plain(), year.given.plain() if year else "0.00",
        year.spent.plain() if year else "0.00", row.figures.paid.plain(), row.figures.disbursed.plain(),
        (row.figures.paid - row.figures.disbursed).plain()]


def _today() -> date:
    """Return today in Beijing."""
    return beijing_date(utc_now())


@funding.get("/fund/reports")
@for_roles(*OFFICERS)
def reports() -> str:
    """Show what can be handed out, the reports that are due, and the yearly table."""
    funder = needed_funder()
    found = portfolio(db.session(), funder, today=_today())
    return render_template(
        "funding/reports.html", funder=funder, portfolio=found, columns=COLUMNS, source=SOURCE,
        table=list(_lines_of(found)))


@funding.get("/fund/reports/portfolio.<any(csv, xlsx):kind>")
@for_roles(*OFFICERS)
@limiter.limit(EXPORT_LIMIT)
def report_table(kind: str) -> Response:
    """Download the yearly table."""
    funder = needed_funder()
    found = portfolio(db.session(), funder, today=_today())
    rows = [[gettext(label) for _, label in COLUMNS], *(columns_of(row) for row in found.rows)]
    return spreadsheet(rows, kind=kind, name=f"{funder.name}-{found.year}", sheet=str(found.year))


@funding.get("/fund/reports/360giving.json")
@for_roles(*OFFICERS)
@limiter.limit(EXPORT_LIMIT)
def giving360() -> Response:
    """Download the funder's signed grants in the 360Giving Data Standard."""
    funder, site = needed_funder(), config()
    publisher = Publisher(site.base_url, urlsplit(site.base_url).hostname or "localhost", site.site_name, site.currency)
    made = package(db.session(), funder, publisher=publisher, now=utc_now())
    body = json.dumps(plain(made), ensure_ascii=False, indent=1).encode()
    return attachment(body, name=f"360giving-{_today().isoformat()}.json", media_type="application/json")


@funding.get("/fund/reports/board.pdf")
@for_roles(*OFFICERS)
@limiter.limit(EXPORT_LIMIT)
def board_report() -> Response:
    """Print the board's report: sums, the year's duty, projects in the yearly columns, pools with their rules."""
    funder, now = needed_funder(), utc_now()
    found = portfolio(db.session(), funder, today=beijing_date(now))
    html = board_html(funder, found, now_text=beijing(now).strftime("%Y-%m-%d %H:%M"))
    rendered = services().pdf.render(html, identifier=f"board-{funder.ref}-{found.year}")
    return attachment(rendered.data, name=f"{funder.name}-{gettext('理事会报告')}-{found.year}.pdf",
                      media_type="application/pdf")


def board_html(funder: Funder, found: Portfolio, *, now_text: str) -> str:
    """Return the page that is printed."""
    session = db.session()
    pools = [row for row in with_figures(session, pools_of(session, funder)) if row.pool.state != "draft"]
    return current_app.jinja_env.get_template("pdf/board_report.html").render(
        funder=funder, portfolio=found, columns=COLUMNS, table=list(_lines_of(found)), pools=pools,
        base_labels=BASE_LABELS, states=STATE_LABELS, pool_states=POOL_STATE_LABELS, sentence_of=sentence_of,
        check=latest(session), site_name=config().site_name, now_text=now_text)


def _lines_of(found: Portfolio) -> Iterator[dict[str, str]]:
    """Yield each project as column -> text."""
    names = [name for name, _ in COLUMNS]
    for row in found.rows:
        yield dict(zip(names, columns_of(row), strict=True))
