"""The foundation's view (F3): projects for its purpose, area and remaining duty, with co-funders and gap."""

from collections.abc import Sequence

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.access import require
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.text import N_
from marketplace.funding.models import Funder
from marketplace.funding.rules.payout import BASE_LABELS
from marketplace.fundplans import operations, policy
from marketplace.fundplans.forms import FilterForm
from marketplace.fundplans.queries.shortlist import Filters, Row, Shortlist, project_by_ref, shortlist
from marketplace.fundplans.rules import TENTHS
from marketplace.fundplans.rules.gaps import BASIS_LABELS, Basis
from marketplace.fundplans.rules.shortlist import PART_LABELS, PART_NOTES, POINTS
from marketplace.fundplans.views.blueprint import OFFICERS, blueprint, my_funder, own_funders
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.downloads import spreadsheet
from marketplace.web.names import area_names, category_names
from marketplace.web.paging import Page, page_number, page_size
from marketplace.web.security import EXPORT_LIMIT, limiter

MOST_SHARED = 50
REF_LENGTH = 12
KEPT = ("fund", "q", "category", "area", "followed", "known", "only", "page")   # of the address, after a step


def _filters(form: FilterForm) -> Filters:
    """Return the filters that the address names."""
    only = [ref for ref in request.args.get("only", "").split(",") if ref.isalnum() and len(ref) <= REF_LENGTH]
    return Filters(category=form.category.data or "", area=form.area.data or "", is_followed=bool(form.followed.data),
                   is_known=bool(form.known.data), text=form.q.data or "", only=frozenset(only[:MOST_SHARED]))


def _found(funder: Funder, form: FilterForm) -> Shortlist:
    """Return the list as it is filtered; the form gets its choices from the unfiltered one."""
    session, today = db.session(), beijing_date(utc_now())
    categories, areas = category_names(), area_names()
    every = shortlist(session, funder, filters=Filters(), today=today)
    form.offer(categories={code: categories.get(code, code) for code in every.categories},
               areas={code: areas.get(code, code) for code in every.areas}, every=gettext("全部"))
    wanted = _filters(form)
    return Shortlist([row for row in every.rows if wanted.keeps(row)], every.purpose, every.payout, every.total,
                     every.categories, every.areas)


@blueprint.get("/fund/shortlist")
@for_roles(*OFFICERS)
def shortlist_page() -> str:
    """Show the projects for a funder, the nearest first; to whoever is no verified funder, what to do to become one."""
    funder = my_funder()
    may_look = policy.may_look_behind(current_actor(), funder)
    if funder is None or not may_look:
        return render_template("fundplans/closed.html", funder=funder, only=request.args.get("only", ""))
    form = FilterForm(request.args)
    found = _found(funder, form)
    number, size = page_number(request.args), page_size(request.args)
    rows = found.rows[(number - 1) * size:number * size]
    followed = [row.project.ref for row in found.rows if row.is_followed]
    return render_template(
        "fundplans/shortlist.html", funder=funder, own=own_funders(), found=found, form=form,
        page=Page(rows, len(found.rows), number, size), ties=_ties(found.rows), parts=PART_LABELS, notes=PART_NOTES,
        points=POINTS, basis=BASIS_LABELS, base_labels=BASE_LABELS, categories=category_names(), areas=area_names(),
        kept=_kept(), is_narrowed=len(found.rows) < found.total, only=request.args.get("only", ""),
        share_url=url_for("fundplans.shortlist_page", only=",".join(followed[:MOST_SHARED]), _external=True)
        if followed else "")


def _kept() -> dict[str, str]:
    """Return the filters of the address, and nothing else of it: other names steer url_for."""
    return {name: value for name in KEPT if (value := request.args.get(name))}


def _ties(rows: Sequence[Row]) -> dict[int, tuple[int, int]]:
    """Return the first and last place of each group that holds more than one."""
    places: dict[int, list[int]] = {}
    for place, row in enumerate(rows, 1):
        places.setdefault(row.scored.group, []).append(place)
    return {group: (found[0], found[-1]) for group, found in places.items()}


@blueprint.get("/fund/shortlist.<any(csv, xlsx):kind>")
@for_roles(*OFFICERS)
@limiter.limit(EXPORT_LIMIT)
def shortlist_export(kind: str) -> Response:
    """Download the list as it is filtered; what is not known is an empty cell, never 0."""
    funder = my_funder()
    require(policy.may_look_behind(current_actor(), funder))
    assert funder is not None
    found = _found(funder, FilterForm(request.args))
    heads = [N_("项目编号"), N_("项目"), N_("购买单位"), N_("服务类别"), N_("地区"), N_("预算（元）"), N_("缺口（元）"), N_("缺口怎样算的"),
             N_("我们的资金池可给（元）"), N_("已签（元）"), N_("共同资助方"), N_("关注"), *PART_LABELS.values(), N_("合计分"), N_("未知、按一半计的分项")]
    rows = [[gettext(head) for head in heads], *(_cells(row) for row in found.rows)]
    return spreadsheet(rows, kind=kind, name=f"{funder.name}-{gettext('选项目')}", sheet=gettext("选项目"))


def _cells(row: Row) -> list[str]:
    """Return one project as text."""
    project, gap = row.project, row.gap.money
    unnamed = row.co_count - len(row.co_funders)
    names = gettext("、").join([*row.co_funders, *([gettext("另有 %(n)s 家", n=unnamed)] if unnamed else [])])
    return [
        project.number or "", project.title, project.buyer.name,
        category_names().get(project.category_code or "", project.category_code or ""),
        area_names().get(project.area_code or "", project.area_code or ""),
        project.budget.plain() if project.budget else "", gap.plain() if gap else "",
        gettext(BASIS_LABELS[Basis(row.gap.basis)]), row.room.plain() if row.room is not None else "",
        row.signed.plain(), names, gettext("是") if row.is_followed else "",
        *(f"{one.tenths / TENTHS:.1f}" for one in row.scored.parts), f"{row.scored.total / TENTHS:.1f}",
        gettext("、").join(gettext(PART_LABELS[one.part]) for one in row.scored.parts if not one.is_known)]


@blueprint.post("/fund/shortlist/<ref>/<any(follow, unfollow):verb>")
@for_roles(*OFFICERS)
def follow(ref: str, verb: str) -> Response:
    """Follow a project, or stop; back to the list as it was filtered."""
    funder = my_funder()
    require(policy.may_look_behind(current_actor(), funder))
    assert funder is not None
    with transaction() as session:
        operations.follow(session, actor=current_actor(), funder=session.get_one(Funder, funder.id),
                          project=project_by_ref(session, ref), now=utc_now(), is_on=verb == "follow")
    flash(gettext("已关注。新的变化请回到这里看") if verb == "follow" else gettext("已取消关注"), "ok")
    return redirect(url_for("fundplans.shortlist_page", _anchor=f"p-{ref}", **_kept()), 303)  # type: ignore[arg-type]
