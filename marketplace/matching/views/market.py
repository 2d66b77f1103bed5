"""The whole market on one page: coverage, who got nobody, load, newcomers, runs over time; a table to each chart."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace

from flask import render_template
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.db import db
from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.matching.queries import boards
from marketplace.matching.queries.overview import Market, acceptance, edges_of, market_of_run, past_runs
from marketplace.matching.queries.previews import shortage_of
from marketplace.matching.rules.candidates import MOST
from marketplace.matching.rules.overview import Cell
from marketplace.matching.rules.runs import (
    NEED_LABELS,
    PUBLICATION_LABELS,
    REASON_LABELS,
    NeedState,
    Publication,
    Reason,
)
from marketplace.matching.rules.shortage import Shortage
from marketplace.matching.views import figures
from marketplace.matching.views.ops import READERS, blueprint, code_names, exports, is_live_size
from marketplace.matching.views.tables import Head, Line, Table, decimal, hand_out, per_cent, points
from marketplace.web.access import for_roles
from marketplace.web.formats import day
from marketplace.web.security import EXPORT_LIMIT, limiter
from marketplace.web.services import services

TINTS = 5
NO_TABLE = N_("没有这张表")


def _market() -> Market | None:
    """Return the market through the run in force, else the newest; None before the first run is done."""
    session = db.session()
    run = boards.newest_done(session, published_first=True)
    edges = edges_of(session, run) if run else None
    return market_of_run(session, run, edges) if run and edges else None


def coverage(found: Market) -> Table:
    """Return the cells of the market, those with least choice first."""
    categories, areas = code_names()
    cells = sorted(found.cells, key=lambda cell: (-cell.few / cell.projects, -cell.projects, cell.category, cell.area))
    return Table(
        "coverage", gettext("类别和区域的覆盖"),
        [Head(gettext("服务类别")), *(Head(gettext(word), is_number=True, is_bar=bar) for word, bar in (
            (N_("项目"), False), (N_("候选组织"), False), (N_("候选少于 3 家的项目"), True), (N_("一家也没有的项目"), False),
            (N_("没有配上的项目"), False)))],
        [Line([_name(categories, cell.category, gettext("未填类别")), str(cell.projects), str(cell.providers),
               str(cell.few), str(cell.nobody), str(cell.unmatched)], sub=_name(areas, cell.area, gettext("未填区域")),
              bar=cell.few / cell.projects) for cell in cells], sub_word=gettext("区域"))


def _name(names: Mapping[str, str], code: str, otherwise: str) -> str:
    """Return what a code is called."""
    return names.get(code, code) or otherwise


def _grid(found: Market) -> SimpleNamespace:
    """Return the cells as rows of categories and columns of areas; a tint says how many have hardly a choice."""
    categories, areas = code_names()
    by_place = {(cell.category, cell.area): cell for cell in found.cells}
    columns = sorted({cell.area for cell in found.cells})
    return SimpleNamespace(
        areas=[_name(areas, one, gettext("未填区域")) for one in columns],
        rows=[SimpleNamespace(word=_name(categories, category, gettext("未填类别")),
                              cells=[_tinted(by_place.get((category, area))) for area in columns])
              for category in sorted({cell.category for cell in found.cells})])


def _tinted(cell: Cell | None) -> SimpleNamespace | None:
    """Return a cell with its tint, t1 to t5."""
    if cell is None:
        return None
    tint = min(int(cell.few / cell.projects * TINTS) + 1, TINTS)
    return SimpleNamespace(tint=f"t{tint}", projects=cell.projects, providers=cell.providers, few=cell.few,
                           nobody=cell.nobody)


def reasons(found: Market) -> Table:
    """Return how many projects got nobody or too few, by reason."""
    counted = Counter(boards.reasons(db.session(), found.run))
    most = max(counted.values(), default=1)
    return Table(
        "reasons", gettext("没有合适组织的原因"),
        [Head(gettext("原因")), Head(gettext("结果")), Head(gettext("项目"), is_number=True, is_bar=True)],
        [Line([gettext(REASON_LABELS[Reason(reason)]), gettext(NEED_LABELS[NeedState(state)]), str(many)],
              bar=many / most)
         for (reason, state), many in counted.most_common()])


def load(found: Market) -> Table:
    """Return how many organizations got how many projects."""
    most = max((many for _, many in found.steps), default=1)
    return Table(
        "load", gettext("每家得到几个项目"),
        [Head(gettext("得到的项目")), Head(gettext("组织"), is_number=True, is_bar=True)],
        [Line([gettext("得到 %(n)s 个项目", n=pairs), str(many)], bar=many / most) for pairs, many in found.steps])


def newcomers(found: Market) -> Table:
    """Return newcomers' shares of organizations, of places and of pairs."""
    metrics = figures.metrics_of(found.run)
    shown = ((N_("占候选组织"), found.new_share), (N_("占名额"), metrics.new_places if metrics else None),
             (N_("占得到的项目"), metrics.new_pairs if metrics else None))
    return Table(
        "newcomers", gettext("新组织的份额"),
        [Head(gettext("份额")), Head(gettext("新组织"), is_number=True, is_bar=True)],
        [Line([gettext(word), per_cent(share)], bar=share) for word, share in shown])


def top(found: Market) -> Table:
    """Return who got most projects."""
    most = max((one.pairs for one in found.loaded), default=1)
    return Table(
        "top", gettext("得到项目最多的组织"),
        [Head(gettext("组织")), *(Head(gettext(word), is_number=True, is_bar=bar) for word, bar in (
            (N_("得到的项目"), True), (N_("在手的项目"), False), (N_("自报还能接"), False)))],
        [Line([one.provider.name, str(one.pairs), str(one.running), "" if one.free is None else str(one.free)],
              sub=gettext("还没有完成过项目") if one.is_new else "", url=f"/organizations/{one.provider.ref}",
              bar=one.pairs / most)
         for one in found.loaded], sub_word=gettext("说明"))


def past(_found: Market) -> Table:
    """Return the runs over time, oldest first."""
    rows = []
    for one in past_runs(db.session()):
        metrics = figures.metrics_of(one.run)
        rows.append(Line([
            gettext("第 %(n)s 号", n=one.run.number), gettext("第 %(n)s 版", n=one.run.weight_set.number),
            per_cent(metrics.matched_share) if metrics else "", points(metrics.total) if metrics else "",
            decimal(metrics.gini) if metrics else "", per_cent(metrics.new_pairs) if metrics else "",
            decimal(one.per_hundred, 1), gettext(PUBLICATION_LABELS[Publication(one.run.publication)])],
            sub=f"{day(one.run.finished_at)} {one.run.title}", bar=metrics.matched_share if metrics else None))
    return Table(
        "past", gettext("历次方案"),
        [Head(gettext("方案号")), Head(gettext("权重")), *(Head(gettext(word), is_number=True, is_bar=bar) for word, bar in (
            (N_("配上的份额"), True), (N_("总分"), False), (N_("基尼系数"), False), (N_("新组织得到的份额"), False),
            (N_("每 100 对人工改动"), False))), Head(gettext("发布情况"))], rows, sub_word=gettext("说明"))


def accepted(_found: Market) -> Table:
    """Return of each tenth of the scores how many decided pairs were confirmed, lowest first."""
    return Table(
        "acceptance", gettext("按分数段看接受率"),
        [Head(gettext("匹配度")), *(Head(gettext(word), is_number=True, is_bar=bar) for word, bar in (
            (N_("有了结果的配对"), False), (N_("接受"), False), (N_("接受率"), True)))],
        [Line([f"{points(one.low)}–{points(one.high)}", str(one.decided), str(one.taken), per_cent(one.rate)],
              bar=one.rate)
         for one in acceptance(db.session())])


TABLES: Mapping[str, Callable[[Market], Table]] = {
    "coverage": coverage, "reasons": reasons, "load": load, "newcomers": newcomers, "top": top, "past": past,
    "acceptance": accepted,
}


@blueprint.get("/ops/matching/market")
@for_roles(*READERS)
def market() -> str:
    """Show the whole market through one run."""
    found = _market()
    if found is None:
        return render_template("matching/market.html", run=None)
    tables = {name: make(found) for name, make in TABLES.items()}
    return render_template(
        "matching/market.html", run=found.run, market=found, tables=tables, grid=_grid(found), **_titles(found),
        chart=_columns(tables["past"].rows), shortage=_shortage(found), most_candidates=MOST,
        unmatched=sum(cell.unmatched for cell in found.cells),
        exports=exports(endpoint="matching_ops.market_export"))


def _shortage(found: Market) -> Shortage | None:
    """Return what stands against a full pairing; a large run says it on a page of its own."""
    return shortage_of(db.session(), found.run, flows=services().flows) if is_live_size(found.run) else None


def _titles(found: Market) -> dict[str, str]:
    """Return titles that say what was found."""
    thin, metrics = sum(1 for cell in found.cells if cell.few), figures.metrics_of(found.run)
    assert metrics is not None
    return {
        "cells_title": gettext("%(n)s 个类别和区域的组合里，有项目的候选少于 3 家", n=thin) if thin
        else gettext("每个类别和区域的项目都至少有 3 家候选"),
        "load_title": gettext("%(used)s 家得到项目，最多的得到 %(most)s 个，基尼系数 %(gini)s", used=found.load.used,
                              most=found.load.most, gini=decimal(metrics.gini, 2)),
        "new_title": gettext("新组织有 %(places)s 的名额，得到 %(pairs)s 的项目", places=per_cent(metrics.new_places) or "—",
                             pairs=per_cent(metrics.new_pairs) or "—")}


def _columns(rows: Sequence[Line]) -> list[SimpleNamespace]:
    """Return the columns of the runs over time; nothing to draw for a single one."""
    return [SimpleNamespace(word=row.cells[0], share=row.bar) for row in rows] if len(rows) > 1 else []


@blueprint.get("/ops/matching/market/<table>.<any(csv, xlsx):kind>")
@for_roles(*READERS)
@limiter.limit(EXPORT_LIMIT)
def market_export(table: str, kind: str) -> Response:
    """Hand out one table of the market."""
    found = _market()
    if table not in TABLES or found is None:
        raise Denied(NO_TABLE, hidden=True)
    return hand_out(TABLES[table](found), kind)
