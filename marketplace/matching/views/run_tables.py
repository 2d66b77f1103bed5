"""The tables of runs as files: the list of runs, pairs, projects without, edits, comparisons, weights; CSV and XLSX."""

from collections.abc import Callable, Mapping, Sequence

from flask import request
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.db import db
from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.matching.models import MatchingRun, Pairing, RunEdit, RunNeed
from marketplace.matching.queries import boards
from marketplace.matching.queries.changes import Change, Side, changed, pairs_of
from marketplace.matching.rules.runs import (
    EDIT_LABELS,
    NEED_LABELS,
    PAIRING_LABELS,
    PUBLICATION_LABELS,
    REASON_LABELS,
    EditKind,
    NeedState,
    PairingState,
    Publication,
    Reason,
    RunState,
)
from marketplace.matching.rules.runs import RUN_LABELS as STATES
from marketplace.matching.rules.weights import CRITERIA, CRITERION_LABELS, LIMITS
from marketplace.matching.views import figures
from marketplace.matching.views.ops import READERS, blueprint, code_names, rule_word, run_of
from marketplace.matching.views.runs import other_of, scope_name, wanted_now
from marketplace.matching.views.tables import Head, Line, Table, decimal, hand_out, points
from marketplace.matching.views.wish import ruled_table
from marketplace.web.access import for_roles
from marketplace.web.formats import moment
from marketplace.web.security import EXPORT_LIMIT, limiter

MOST_ROWS = 100_000
NO_TABLE = N_("没有这张表")


def _heads(*words: str, numbers: Sequence[int] = ()) -> list[Head]:
    """Return plain columns; `numbers`: those that hold numbers."""
    return [Head(gettext(word), place in numbers) for place, word in enumerate(words)]


def runs_table() -> Table:
    """Return the list of runs."""
    rows = []
    for run in db.session().scalars(boards.runs().limit(MOST_ROWS)):
        line = figures.headline(run)
        rows.append(Line([
            str(run.number), run.title, scope_name(run), str(run.weight_set.number),
            gettext(STATES[RunState(run.state)]),
            str(line.matched) if line else "", str(line.places) if line else "", points(line.total) if line else "",
            decimal(line.ratio, 4) if line else "", gettext(PUBLICATION_LABELS[Publication(run.publication)]),
            moment(run.created_at)]))
    return Table("runs", gettext("匹配方案"), _heads(
        N_("方案号"), N_("名称"), N_("范围"), N_("权重版本"), N_("计算"), N_("配上的名额"), N_("需要的名额"), N_("总分"),
        N_("与最优之比"), N_("发布情况"), N_("开始")), rows)


def weights_table() -> Table:
    """Return the versions of the weights."""
    rows = [Line([str(one.number), *(str(one.weights.points[key]) for key in CRITERIA),
                  *(str(getattr(one.weights, name)) for name in LIMITS), gettext(one.reason),
                  one.person.name if one.person else gettext("系统"), moment(one.created_at)])
            for one in db.session().scalars(boards.weight_sets())]
    heads = [gettext("版本"), *(gettext(CRITERION_LABELS[key]) for key in CRITERIA), gettext("新组织加分"), gettext("在手项目扣分"),
             gettext("保持原配对加分"), gettext("最低分"), gettext("理由"), gettext("经手"), gettext("时间")]
    return Table("weights", gettext("权重方案的历次版本"), [Head(word) for word in heads], rows)


def pairs_table(run: MatchingRun) -> Table:
    """Return the pairs of a run, with every contribution in a column: they add up to the total."""
    names, _ = code_names()
    found: Sequence[Pairing] = db.session().scalars(boards.pairs(run, wanted_now()).limit(MOST_ROWS)).unique().all()
    heads = [Head(gettext(word)) for word in (
        N_("项目编号"), N_("项目"), N_("采购单位"), N_("服务类别"), N_("组织"), N_("统一社会信用代码"))]
    heads += [Head(gettext(word), is_number=True) for word in (N_("匹配度"), *CRITERION_LABELS.values())]
    heads += [Head(gettext("状态")), Head(gettext("人工指定"))]
    return Table("pairs", gettext("配对"), heads, [Line([
        one.project.number or one.project.ref, one.project.title, one.project.buyer.name,
        names.get(one.project.category_code or "", ""), one.provider.name, one.provider.credit_code or "",
        points(one.total), *(points(one.contributions.get(str(key), 0)) for key in CRITERION_LABELS),
        gettext(PAIRING_LABELS[PairingState(one.state)]), gettext("是") if one.is_pinned else ""]) for one in found])


def short_table(run: MatchingRun) -> Table:
    """Return the projects that got nobody or too few, with the reasons."""
    names, _ = code_names()
    found: Sequence[RunNeed] = db.session().scalars(boards.short(run, wanted_now()).limit(MOST_ROWS)).unique().all()
    return Table("short", gettext("没有合适组织的项目"), _heads(
        N_("项目编号"), N_("项目"), N_("采购单位"), N_("服务类别"), N_("结果"), N_("原因"), N_("候选"), N_("排除最多的规则"),
        N_("排除家数"), N_("最接近的组织"), N_("匹配度"), N_("名额给了"), N_("高多少分")), [Line([
            one.project.number or one.project.ref, one.project.title, one.project.buyer.name,
            names.get(one.project.category_code or "", ""), gettext(NEED_LABELS[NeedState(one.state)]),
            gettext(REASON_LABELS[Reason(one.reason)]), str(one.candidates), rule_word(one.top_rule),
            str(one.top_rule_count), one.best_provider.name if one.best_provider else "", points(one.best_total),
            one.rival.title if one.rival else "", points(one.gap)]) for one in found])


def edits_table(run: MatchingRun) -> Table:
    """Return who overruled what."""
    found: Sequence[RunEdit] = db.session().scalars(boards.edits(run).limit(MOST_ROWS)).unique().all()
    return Table("edits", gettext("人工调整记录"), _heads(
        N_("次序"), N_("调整"), N_("项目"), N_("组织"), N_("数量"), N_("理由"), N_("调整前总分"), N_("调整后总分"), N_("变动的配对"),
        N_("经手"), N_("时间")), [Line([
            str(one.number), gettext(EDIT_LABELS[EditKind(one.kind)]), one.project.title if one.project else "",
            one.provider.name if one.provider else "", "" if one.value is None else str(one.value), one.reason,
            points(one.total_before), points(one.total_after), str(one.changed), one.actor_name, moment(one.at)])
            for one in found])


def changes_table(run: MatchingRun) -> Table:
    """Return the projects whose providers differ between two runs."""
    other, session = other_of(run), db.session()
    found: list[Change] = changed(session, pairs_of(session, other), pairs_of(session, run)) if other else []
    return Table("changes", gettext("换了组织的项目"), _heads(
        N_("项目"), N_("采购单位"), N_("之前的组织"), N_("之后的组织"), N_("分差")), [Line([
            one.title, one.buyer, _said(one.before), _said(one.after), points(one.gain)]) for one in found])


def _said(sides: Sequence[Side]) -> str:
    """Return providers with their points, in one cell."""
    return "、".join(f"{one.name} {points(one.total)}" for one in sides)


def _side_table(run: MatchingRun) -> Table:
    """Return the figures of two runs."""
    other = other_of(run)
    if other is None:
        raise Denied(NO_TABLE, hidden=True)
    return figures.side_table(run, other)


OF_RUN: Mapping[str, Callable[[MatchingRun], Table]] = {
    "metrics": figures.metrics_table, "pairs": pairs_table, "short": short_table, "edits": edits_table,
    "side": _side_table, "changes": changes_table,
    "ruled": lambda run: ruled_table(run, request.args.get("project", "")),
}
OF_ALL: Mapping[str, Callable[[], Table]] = {"runs": runs_table, "weights": weights_table}


@blueprint.get("/ops/matching/<ref>/<table>.<any(csv, xlsx):kind>")
@for_roles(*READERS)
@limiter.limit(EXPORT_LIMIT)
def export(ref: str, table: str, kind: str) -> Response:
    """Hand out one table of a run, narrowed as the page is."""
    run = run_of(ref)
    if table not in OF_RUN:
        raise Denied(NO_TABLE, hidden=True)
    return hand_out(OF_RUN[table](run), kind)


@blueprint.get("/ops/matching/<any(runs, weights):table>.<any(csv, xlsx):kind>")
@for_roles(*READERS)
@limiter.limit(EXPORT_LIMIT)
def export_all(table: str, kind: str) -> Response:
    """Hand out the list of runs or the versions of the weights."""
    return hand_out(OF_ALL[table](), kind)
