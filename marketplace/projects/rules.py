"""Posted projects: states, steps, what a page calls them, and what must be true before one is published."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from marketplace.core.calendar import WorkCalendar
from marketplace.core.clock import at_beijing, beijing, beijing_date
from marketplace.core.errors import Invalid
from marketplace.core.lifecycle import Lifecycle
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.procedures.rules import RuleSet, ScoringMethod, check_panel_size, check_qualification, check_weights

JOB_PROJECT_PUBLISHED = "projects.published"
JOB_PROJECT_CHANGED = "projects.changed"
JOB_OPENING_DUE = "projects.opening_due"
JOB_DEADLINE_PASSED = "projects.deadline_passed"   # due at the deadline itself: the page calls it sealed from then on

OPENING_WAIT = timedelta(seconds=60)     # between the deadline and the opening (house.md 5)
CLOSE_OF_BUSINESS = 17                   # the last day of a period ends when offices close (CC 203)
QUESTIONS_CLOSE_BEFORE = timedelta(days=2)
MOST_QUESTIONS_PER_PERSON = 10
FULL = 100                               # points and per cent
MIN_TITLE, MAX_TITLE, MAX_TEXT, MAX_QUESTION = 4, 120, 20_000, 1_000
NUMBER_PREFIX = "LC"                     # LC-2026-0217; the place's own letters
SOLE_PERSON_MAY_APPROVE = True           # SEC-07: a unit with one person cannot have a second pair of eyes


class ProjectState(StrEnum):
    """Where a project stands in the database. "Closed" is no state: it is a fact of the clock."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    PUBLISHED = "published"
    OPENED = "opened"
    AWARDED = "awarded"
    CONTRACTED = "contracted"
    FAILED = "failed"
    TERMINATED = "terminated"


class Action(StrEnum):
    """The steps of a project."""

    SUBMIT = "submit"
    RETURN = "return"
    PUBLISH = "publish"
    OPEN = "open"
    AWARD = "award"
    REOPEN_AWARD = "reopen_award"
    CONTRACT = "contract"
    FAIL = "fail"
    TERMINATE = "terminate"


STATE_LABELS: Mapping[ProjectState, str] = {
    ProjectState.DRAFT: N_("草稿"), ProjectState.IN_REVIEW: N_("内部审核"), ProjectState.PUBLISHED: N_("已发布"),
    ProjectState.OPENED: N_("评审中"), ProjectState.AWARDED: N_("结果公示"), ProjectState.CONTRACTED: N_("已签约"),
    ProjectState.FAILED: N_("流标"), ProjectState.TERMINATED: N_("终止"),
}

LIFECYCLE = Lifecycle(
    {
        (ProjectState.DRAFT, Action.SUBMIT): ProjectState.IN_REVIEW,
        (ProjectState.IN_REVIEW, Action.RETURN): ProjectState.DRAFT,
        (ProjectState.IN_REVIEW, Action.PUBLISH): ProjectState.PUBLISHED,
        (ProjectState.PUBLISHED, Action.OPEN): ProjectState.OPENED,
        (ProjectState.OPENED, Action.AWARD): ProjectState.AWARDED,
        (ProjectState.AWARDED, Action.REOPEN_AWARD): ProjectState.OPENED,
        (ProjectState.AWARDED, Action.CONTRACT): ProjectState.CONTRACTED,
        (ProjectState.PUBLISHED, Action.FAIL): ProjectState.FAILED,
        (ProjectState.OPENED, Action.FAIL): ProjectState.FAILED,
        (ProjectState.DRAFT, Action.TERMINATE): ProjectState.TERMINATED,
        (ProjectState.IN_REVIEW, Action.TERMINATE): ProjectState.TERMINATED,
        (ProjectState.PUBLISHED, Action.TERMINATE): ProjectState.TERMINATED,
        (ProjectState.OPENED, Action.TERMINATE): ProjectState.TERMINATED,
        (ProjectState.AWARDED, Action.TERMINATE): ProjectState.TERMINATED,
    },
    STATE_LABELS,
)


class DisplayStatus(StrEnum):
    """What the page calls it: the state, seen at a moment."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    OPEN = "open"
    SEALED = "sealed"
    SCORING = "scoring"
    RESULT = "result"
    CONTRACTED = "contracted"
    FAILED = "failed"
    TERMINATED = "terminated"


STATUS_LABELS: Mapping[DisplayStatus, str] = {
    DisplayStatus.DRAFT: N_("草稿"), DisplayStatus.IN_REVIEW: N_("内部审核"), DisplayStatus.OPEN: N_("公开征集"),
    DisplayStatus.SEALED: N_("已截止·密封"), DisplayStatus.SCORING: N_("评审中"), DisplayStatus.RESULT: N_("结果公示"),
    DisplayStatus.CONTRACTED: N_("已签约"), DisplayStatus.FAILED: N_("流标"), DisplayStatus.TERMINATED: N_("终止"),
}
STATUS_LOOKS: Mapping[DisplayStatus, str] = {       # which of the looks of a state each one has on a page
    DisplayStatus.DRAFT: "plain", DisplayStatus.IN_REVIEW: "warn", DisplayStatus.OPEN: "info",
    DisplayStatus.SEALED: "sealed", DisplayStatus.SCORING: "warn", DisplayStatus.RESULT: "notice",
    DisplayStatus.CONTRACTED: "ok", DisplayStatus.FAILED: "bad", DisplayStatus.TERMINATED: "plain",
}
PUBLIC_STATUSES = (
    DisplayStatus.OPEN, DisplayStatus.SEALED, DisplayStatus.SCORING, DisplayStatus.RESULT,
    DisplayStatus.CONTRACTED, DisplayStatus.FAILED, DisplayStatus.TERMINATED,
)
_STORED = {
    ProjectState.DRAFT: DisplayStatus.DRAFT, ProjectState.IN_REVIEW: DisplayStatus.IN_REVIEW,
    ProjectState.OPENED: DisplayStatus.SCORING, ProjectState.AWARDED: DisplayStatus.RESULT,
    ProjectState.CONTRACTED: DisplayStatus.CONTRACTED, ProjectState.FAILED: DisplayStatus.FAILED,
    ProjectState.TERMINATED: DisplayStatus.TERMINATED,
}


def display_status(state: str, published_at: datetime | None, closes_at: datetime | None,
                   now: datetime) -> DisplayStatus:
    """Return what the page calls a project at `now`. Open is half-open: at the deadline itself it is sealed."""
    stored = ProjectState(state)
    if stored != ProjectState.PUBLISHED:
        return _STORED[stored]
    if published_at is not None and closes_at is not None and now < closes_at:
        return DisplayStatus.OPEN
    return DisplayStatus.SEALED


FAIR_TYPES = (
    N_("政府或职能部门中心工作"), N_("部门工作难题"), N_("社会热点难点问题"), N_("行业发展"), N_("社会服务专项领域发展"),
    N_("常规性项目"),
)


class BudgetBand(StrEnum):
    """The bands of the budget filter."""

    UNDER_20 = "0-20"
    FROM_20 = "20-50"
    FROM_50 = "50-100"
    FROM_100 = "100-"


BAND_LABELS: Mapping[BudgetBand, str] = {
    BudgetBand.UNDER_20: N_("20 万元以下"), BudgetBand.FROM_20: N_("20–50 万元"),
    BudgetBand.FROM_50: N_("50–100 万元"), BudgetBand.FROM_100: N_("100 万元以上"),
}
_BAND_ENDS = (
    (Money.yuan(200_000), BudgetBand.UNDER_20), (Money.yuan(500_000), BudgetBand.FROM_20),
    (Money.yuan(1_000_000), BudgetBand.FROM_50),
)
DUE_DAYS = (3, 7, 30)                    # "closes within"


def budget_band(budget: Money) -> BudgetBand:
    """Return the band of a budget; bands are half-open: 200,000.00 is in 20-50."""
    return next((band for end, band in _BAND_ENDS if budget < end), BudgetBand.FROM_100)


class Sort(StrEnum):
    """The orders of the public list."""

    NEWEST = "newest"
    CLOSING = "closing"                  # open ones first, the nearest deadline first
    BUDGET_UP = "budget"
    BUDGET_DOWN = "-budget"


SORT_LABELS: Mapping[Sort, str] = {
    Sort.NEWEST: N_("最新发布"), Sort.CLOSING: N_("最近截止"), Sort.BUDGET_UP: N_("预算从低到高"),
    Sort.BUDGET_DOWN: N_("预算从高到低"),
}


class ProjectChange(StrEnum):
    """What the news JOB_PROJECT_CHANGED is about."""

    SUBMITTED = "submitted"
    RETURNED = "returned"
    ADDENDUM = "addendum"
    ASKED = "asked"
    ANSWERED = "answered"
    FAILED = "failed"
    TERMINATED = "terminated"


class Section(StrEnum):
    """The parts of the editor, in the order in which a clerk fills them."""

    BASICS = "basics"
    REQUIREMENT = "requirement"
    INDICATORS = "indicators"
    SCORING = "scoring"
    PAYMENT = "payment"
    TIME = "time"
    FILES = "files"


SECTION_LABELS: Mapping[Section, str] = {
    Section.BASICS: N_("基本情况"), Section.REQUIREMENT: N_("服务需求"), Section.INDICATORS: N_("服务量指标"),
    Section.SCORING: N_("评审办法"), Section.PAYMENT: N_("付款安排"), Section.TIME: N_("时间与联系人"),
    Section.FILES: N_("附件"),
}


@dataclass(frozen=True)
class Draft:
    """What the checks before publishing look at; plain values of one project."""

    title: str = ""
    body: str = ""
    budget: Money | None = None
    ceiling: Money | None = None
    category_code: str | None = None
    area_code: str | None = None
    scoring_method: str = ScoringMethod.COMPREHENSIVE
    price_weight: int = 10
    panel_size: int = 5
    weights: Sequence[int] = ()
    percents: Sequence[int] = ()
    indicators: int = 0
    service_from: date | None = None
    service_to: date | None = None
    term_reason: str = ""
    contact_name: str = ""
    contact_phone: str = ""
    qualified_kinds: Sequence[str] = ()
    certified_min: int | None = None
    grade_min: int | None = None


@dataclass(frozen=True)
class Problem:
    """One thing that stops publishing: where to mend it, and a sentence that says how."""

    section: Section
    sentence: str
    field: str = ""
    facts: Mapping[str, object] = dataclasses.field(default_factory=dict)


def publish_problems(draft: Draft, *, categories: Mapping[str, str], rules: RuleSet) -> list[Problem]:
    """Return what must be mended before review and publishing, in the editor's order (the deadline apart)."""
    return [
        *_basics_problems(draft, categories), *_requirement_problems(draft, rules), *_scoring_problems(draft, rules),
        *_payment_problems(draft), *_term_problems(draft, rules), *_contact_problems(draft),
    ]


def _basics_problems(draft: Draft, categories: Mapping[str, str]) -> list[Problem]:
    """Look at title, money, category and area."""
    found = []
    if len(draft.title.strip()) < MIN_TITLE:
        found.append(Problem(Section.BASICS, N_("请填写项目名称，至少 {least} 个字"), "title", {"least": MIN_TITLE}))
    if draft.budget is None or draft.budget.fen <= 0:
        found.append(Problem(Section.BASICS, N_("请填写预算。预算须公开，大于零"), "budget"))
    elif draft.ceiling is not None and draft.ceiling > draft.budget:
        found.append(Problem(Section.BASICS, N_("最高限价不得超过预算"), "ceiling"))
    if not draft.category_code:
        found.append(Problem(Section.BASICS, N_("请选择服务类别。只能购买指导性目录里的服务"), "category_code"))
    elif draft.category_code not in categories:
        found.append(Problem(Section.BASICS, N_("类别 {code} 不在现行指导性目录里，请重新选择"), "category_code",
                             {"code": draft.category_code}))
    if not draft.area_code:
        found.append(Problem(Section.BASICS, N_("请选择服务所在镇街"), "area_code"))
    return found


def _requirement_problems(draft: Draft, rules: RuleSet) -> list[Problem]:
    """Look at what is to be done, and how it is counted."""
    found = []
    if not draft.body.strip():
        found.append(Problem(Section.REQUIREMENT, N_("请写明要做什么"), "body"))
    try:
        check_qualification(rules, kinds=draft.qualified_kinds, certified=draft.certified_min, grade=draft.grade_min)
    except Invalid as wrong:
        found.append(Problem(Section.REQUIREMENT, wrong.sentence, wrong.field or "", wrong.facts))
    if draft.indicators < 1:
        found.append(Problem(Section.INDICATORS, N_("请至少写一条服务量或质量指标，验收时逐条核对"), "indicators"))
    return found


def _scoring_problems(draft: Draft, rules: RuleSet) -> list[Problem]:
    """Look at weights and panel, as the rule set has them."""
    found = []
    try:
        check_weights(rules, method=draft.scoring_method, price_weight=draft.price_weight, weights=draft.weights)
    except Invalid as wrong:
        found.append(Problem(Section.SCORING, wrong.sentence, wrong.field or "", wrong.facts))
    try:
        check_panel_size(rules, draft.panel_size)
    except Invalid as wrong:
        found.append(Problem(Section.SCORING, wrong.sentence, wrong.field or "", wrong.facts))
    return found


def _payment_problems(draft: Draft) -> list[Problem]:
    """Count the steps of payment: 100 per cent."""
    total = sum(draft.percents)
    if total == FULL:
        return []
    return [Problem(Section.PAYMENT, N_("付款比例合计应为百分之百，现在是百分之 {total}"), "milestones", {"total": total})]


def months_end(start: date, months: int) -> date:
    """Return the last day of a term of `months` that begins on `start`: 2027-01-01 + 12 is 2027-12-31."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    for day in (start.day, 30, 29, 28):
        try:
            return date(year, month + 1, day) - timedelta(days=1 if day == start.day else 0)
        except ValueError:
            continue
    raise AssertionError  # pragma: no cover - every month has a 28th


def _term_problems(draft: Draft, rules: RuleSet) -> list[Problem]:
    """Look at the service period: normally a year; up to three with a reason (Order 102, art 24)."""
    start, end = draft.service_from, draft.service_to
    if start is None or end is None:
        return [Problem(Section.TIME, N_("请填写服务期的起止日期"), "service_to")]
    if end <= start:
        return [Problem(Section.TIME, N_("服务期的结束日期须晚于开始日期"), "service_to")]
    if end > months_end(start, rules.term_months_max):
        return [Problem(Section.TIME, N_("服务期最长 {most} 个月"), "service_to", {"most": rules.term_months_max})]
    if end > months_end(start, rules.term_months) and not draft.term_reason.strip():
        sentence = N_("服务期超过 {usual} 个月须写明理由：预算有保障、内容固定、资金稳定、价格变化小")
        return [Problem(Section.TIME, sentence, "term_reason", {"usual": rules.term_months})]
    return []


def _contact_problems(draft: Draft) -> list[Problem]:
    """Look for somebody who answers the phone."""
    found = []
    if not draft.contact_name.strip():
        found.append(Problem(Section.TIME, N_("请填写联系人"), "contact_name"))
    if not draft.contact_phone.strip():
        found.append(Problem(Section.TIME, N_("请填写联系电话"), "contact_phone"))
    return found


def earliest_deadline(now: datetime, workdays: int, calendar: WorkCalendar) -> datetime:
    """Return the first lawful deadline: the close of business on the last day of the notice period.

    The day of publishing is not counted (CC 201); the last day ends when offices close (CC 203).
    """
    return at_beijing(calendar.add_workdays(beijing_date(now), workdays), CLOSE_OF_BUSINESS)


def deadline_problem(closes_at: datetime | None, *, now: datetime, workdays: int,
                     calendar: WorkCalendar) -> Problem | None:
    """Return what is wrong with a deadline: too early after `now`, or on a day off."""
    if closes_at is None:
        return Problem(Section.TIME, N_("请填写截止时间"), "closes_at")
    first = earliest_deadline(now, workdays, calendar)
    if closes_at < first:
        sentence = N_("截止时间太早：至少留 {days} 个工作日，最早 {first}")
        return Problem(Section.TIME, sentence, "closes_at",
                       {"days": workdays, "first": beijing(first).strftime("%Y-%m-%d %H:%M")})
    if not calendar.is_workday(beijing_date(closes_at)):
        return Problem(Section.TIME, N_("截止时间不能落在休息日（{day}），请改到工作日"), "closes_at",
                       {"day": beijing_date(closes_at).isoformat()})
    return None


def questions_close_at(closes_at: datetime) -> datetime:
    """Return until when questions may be asked (exclusive), so that an answer still helps."""
    return closes_at - QUESTIONS_CLOSE_BEFORE


def may_skip_second_person(people: int) -> bool:
    """Say whether the drafter may approve, in a unit with `people` who draft or approve (SEC-07)."""
    return SOLE_PERSON_MAY_APPROVE and people <= 1
