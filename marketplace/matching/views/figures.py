"""The figures of a run in plain words: what each number is and what it means."""

from dataclasses import dataclass

from flask_babel import gettext

from marketplace.core.db import db
from marketplace.core.text import N_
from marketplace.matching.models import MatchingRun
from marketplace.matching.queries.changes import kept_bonus
from marketplace.matching.rules.metrics import RunMetrics, from_plain
from marketplace.matching.views.ops import rule_word
from marketplace.matching.views.tables import Head, Line, Table, decimal, per_cent, points


@dataclass(frozen=True)
class Headline:
    """The figures that lists and heads show."""

    matched: int
    places: int
    share: float | None
    total: int
    ratio: float


@dataclass(frozen=True)
class Meaning:
    """One figure: its word, its value as shown, and what it means."""

    word: str
    value: str
    meaning: str


def metrics_of(run: MatchingRun) -> RunMetrics | None:
    """Return the figures of a run; None before it is done."""
    return from_plain(run.metrics) if run.metrics else None


def headline(run: MatchingRun) -> Headline | None:
    """Return the figures that a list shows of a run; None before it is done."""
    found = metrics_of(run)
    return None if found is None else Headline(found.given, found.units, found.matched_share, found.total, found.ratio)


def rows(found: RunMetrics, *, bonus: int | None = None) -> list[tuple[str, str]]:
    """Return every figure with its word, in the order of the page; with a bonus (tenths) the total is taken apart."""
    apart = () if bonus is None else (
        (N_("其中保持原配对的加分"), points(bonus)), (N_("不含这项加分的总分"), points(found.total - bonus)))
    shown = (
        (N_("参加的项目"), str(found.needs)), (N_("需要的名额"), str(found.units)), (N_("配上的名额"), str(found.given)),
        (N_("配上的份额"), per_cent(found.matched_share)), (N_("总分"), points(found.total)), *apart,
        (N_("可以证明的上限"), points(found.bound)), (N_("与最优之比"), decimal(found.ratio, 4)),
        (N_("项目平均匹配度"), points(round(found.mean_score))), (N_("最低的百分之五"), points(round(found.p5_score))),
        (N_("双方都想换的配对"), str(found.blocking_pairs)), (N_("候选少于 3 家的项目"), str(found.few)),
        (N_("一家候选也没有的项目"), str(found.none)), (N_("基尼系数"), decimal(found.gini)),
        (N_("最忙的百分之一得到的份额"), per_cent(found.top_share)), (N_("新组织得到的份额"), per_cent(found.new_pairs)),
        (N_("新组织的名额份额"), per_cent(found.new_places)), (N_("由文字找到的配对"), str(found.text_pairs)),
        (N_("没填承接能力的组织"), str(found.assumed)),
        (N_("与上一个方案相比变动的配对"), "" if found.changed is None else str(found.changed)),
        (N_("每 100 对里人工改动的次数"), decimal(found.overrides_per_hundred, 1)))
    return [(gettext(word), value) for word, value in shown]


def meanings(found: RunMetrics) -> list[Meaning]:
    """Return the figures with what they mean, those that need explaining."""
    values = dict(rows(found))
    said = (
        (N_("与最优之比"), gettext("1 表示总分再高不了，这一点由价格证明；它说的是求解，不说评分对不对")),
        (N_("项目平均匹配度"), gettext("满分 100，加减分也算在内；没有组织的项目算 0 分")),
        (N_("最低的百分之五"), gettext("百分之九十五的项目都比它高，看最吃亏的项目")),
        (N_("双方都想换的配对"), gettext("项目和组织都更想要对方、但为了总分没有配在一起；占候选的 %(share)s",
                                     share=per_cent(found.blocking_share) or "—")),
        (N_("候选少于 3 家的项目"), gettext("选择很少，换一家就没有了；其中 %(none)s 个一家也没有", none=found.none)),
        (N_("基尼系数"), gettext("项目在组织之间分得匀不匀：0 是一样多，1 是一家全拿")),
        (N_("新组织得到的份额"), gettext("它们有 %(share)s 的名额；低很多时，可以提高新组织加分",
                                       share=per_cent(found.new_places) or "—")),
        (N_("由文字找到的配对"), gettext("类别填得不同，但写的内容相近；请人看一眼")),
        (N_("没填承接能力的组织"), gettext("先各按 1 个名额计算；请它们在组织资料里填写")),
        (N_("与上一个方案相比变动的配对"), gettext("换得越少，打扰的单位和组织越少")),
        (N_("每 100 对里人工改动的次数"), gettext("越多说明评分越不合大家的意思，应当改权重")))
    shown = [Meaning(gettext(word), values[gettext(word)], meaning) for word, meaning in said if values[gettext(word)]]
    if found.top_rule:
        times = gettext("%(n)s 次", n=found.top_rule_count)
        shown.append(Meaning(gettext("排除最多的规则"), times, rule_word(found.top_rule)))
    return shown


def metrics_table(run: MatchingRun) -> Table:
    """Return the figures of a run as a table."""
    found = metrics_of(run)
    return Table("metrics", gettext("指标"), [Head(gettext("指标")), Head(gettext("数值"), is_number=True)],
                 [Line([word, value]) for word, value in rows(found)] if found else [])


def side_table(run: MatchingRun, other: MatchingRun) -> Table:
    """Return the figures of two runs side by side; the total with and without the bonus for keeping pairs."""
    mine, theirs = _with_bonus(run), _with_bonus(other)
    before = dict(theirs)
    return Table(
        "side", gettext("两个方案的指标"),
        [Head(gettext("指标")), Head(gettext("第 %(n)s 号", n=other.number), is_number=True),
         Head(gettext("第 %(n)s 号", n=run.number), is_number=True)],
        [Line([word, before.get(word, ""), value]) for word, value in mine])


def _with_bonus(run: MatchingRun) -> list[tuple[str, str]]:
    """Return the figures of a run, its total taken apart: a run after the first earns points for changing nothing."""
    found = metrics_of(run)
    return rows(found, bonus=kept_bonus(db.session(), run)) if found else []
