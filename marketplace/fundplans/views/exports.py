"""What leaves a plan as a sheet: its lines, all its projects, its funds."""

from collections.abc import Callable, Sequence

from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.db import db
from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.fundplans import policy, rules
from marketplace.fundplans.models import FundPlan, FundPlanFund, FundPlanProject
from marketplace.fundplans.queries import plans as queries
from marketplace.fundplans.queries.inputs import costs_of, instance_of
from marketplace.fundplans.rules.gaps import BASIS_LABELS, Basis
from marketplace.fundplans.rules.instance import Instance
from marketplace.fundplans.rules.reach import WHY_LABELS, explained
from marketplace.fundplans.views.blueprint import FUND, OPS, READERS, blueprint, check_desk, plan_of
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.downloads import spreadsheet
from marketplace.web.names import area_names, category_names
from marketplace.web.security import EXPORT_LIMIT, limiter

Sheet = list[list[str]]
TABLE = "<any(lines, projects, funds):sheet>.<any(csv, xlsx):kind>"


@blueprint.get(f"/ops/fund-plans/<ref>/{TABLE}", defaults={"desk": OPS})
@blueprint.get(f"/fund/plans/<ref>/{TABLE}", defaults={"desk": FUND})
@for_roles(*READERS)
@limiter.limit(EXPORT_LIMIT)
def export(desk: str, ref: str, sheet: str, kind: str) -> Response:
    """Download one table of a plan."""
    check_desk(desk)
    found = plan_of(ref)
    if found.phase != rules.Phase.DONE:
        raise Invalid(N_("方案还没有算出来，没有可以导出的内容"))
    word, rows = SHEETS[sheet]
    return spreadsheet(rows(found), kind=kind, name=f"{found.title}-{gettext(word)}", sheet=gettext(word))


def _named(code: str, names: dict[str, str]) -> str:
    """Return the name of a code, or the code."""
    return names.get(code, code)


def _lines(plan: FundPlan) -> Sheet:
    """Return the lines of a plan."""
    actor = current_actor()
    heads = (N_("项目编号"), N_("项目"), N_("购买单位"), N_("资助方"), N_("资金池"), N_("建议认捐（元）"), N_("项目缺口（元）"),
             N_("支付哪项费用（元）"))
    rows = [[gettext(head) for head in heads]]
    for line in db.session().scalars(queries.lines(plan)):
        row, pool = line.project_row, line.fund_row.pool
        rows.append([row.project.number or "", row.project.title, row.project.buyer.name,
                     gettext(queries.shown_name(pool.funder, actor)), pool.name, line.amount.plain(),
                     row.gap.plain() if row.gap else "", gettext("；").join(
                         f"{part.name} {Money(part.fen).plain()}" for part in costs_of(line.parts))])
    return rows


def _projects(plan: FundPlan) -> Sheet:
    """Return all projects of a plan with what it does with them; an unknown gap is an empty cell, never 0."""
    categories, areas = dict(category_names()), dict(area_names())
    heads = (N_("项目编号"), N_("项目"), N_("购买单位"), N_("服务类别"), N_("地区"), N_("预算（元）"), N_("缺口（元）"), N_("缺口怎样算的"),
             N_("已起草待签（元）"), N_("分值"), N_("分值来自配对"), N_("结果"), N_("先到先得会不会安排"), N_("各资金池最多能给多少"))
    funds, instance = queries.funds(db.session(), plan), instance_of(db.session(), plan)
    sees = policy.is_own(current_actor(), plan) or current_actor().has(*policy.OVERSEERS)
    return [[gettext(head) for head in heads], *([
        row.project.number or "", row.project.title, row.project.buyer.name, _named(row.category, categories),
        _named(row.area, areas), row.budget.plain(), row.gap.plain() if row.gap else "",
        gettext(BASIS_LABELS[Basis(row.basis)]), row.drafted.plain() if sees else "", f"{row.value / rules.TENTHS:.1f}",
        gettext("是") if row.is_paired else gettext("否"), gettext(rules.OUTCOME_LABELS[rules.Outcome(row.outcome)]),
        gettext("是") if row.is_first else gettext("否"), _reasons(row, funds, instance)]
        for row in db.session().scalars(queries.projects(plan)))]


def _reasons(row: FundPlanProject, funds: Sequence[FundPlanFund], instance: Instance) -> str:
    """Return what each fund could give to a project without money, and what stands against the others."""
    found = None if row.outcome == rules.Outcome.FUNDED else explained(instance, row.project.ref)
    if found is None:
        return ""
    giving = [f"{funds[one.place].pool.name} {one.money.plain()}（{gettext(WHY_LABELS[one.why])}）"
              for one in found.giving]
    return gettext("；").join([*giving, *(
        gettext(WHY_LABELS[why]) + gettext("：%(n)s 个资金池", n=count) for why, count in found.barred.items())])


def _funds(plan: FundPlan) -> Sheet:
    """Return the funds of a plan."""
    actor = current_actor()
    heads = (N_("资助方"), N_("资金池"), N_("已起草待签（元）"), N_("已签未调低总额（元）"), N_("可用（元）"),
             N_("方案安排（元）"), N_("方案剩余（元）"), N_("先到先得用去（元）"),
             N_("每增加 1 万元多得的分"))
    return [[gettext(head) for head in heads], *([
        gettext(queries.shown_name(one.pool.funder, actor)), one.pool.name,
        *([sum_.plain() if policy.sees_papers(actor, one.pool.funder) else "" for sum_ in (one.drafted, one.signed)]),
        one.available.plain(), one.spent.plain(),
        one.unspent.plain(), one.first_spent.plain(), f"{one.price / 1000:.3f}"]
        for one in queries.funds(db.session(), plan))]


SHEETS: dict[str, tuple[str, Callable[[FundPlan], Sheet]]] = {
    "lines": (N_("逐笔安排"), _lines), "projects": (N_("项目"), _projects), "funds": (N_("资金池"), _funds),
}
