"""Reads of projects: filters, counts, orders, the desk, the whitelist of the index."""

import random
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.access import ANONYMOUS, SYSTEM, Role
from marketplace.core.money import Money
from marketplace.projects import operations, queries
from marketplace.projects.models import Project
from marketplace.projects.queries import FacetIndex, Filters
from marketplace.projects.rules import BudgetBand, DisplayStatus, ProjectState, Sort, budget_band, display_status
from tests.factories import NOW
from tests.factories.projects import (
    AREA,
    CATEGORY,
    CLOSES,
    make_actor,
    make_desk,
    make_draft,
    make_published,
    make_submitted,
)

WHITE = "440605121"


def bare(session: Session, desk, number: int, **changes: object) -> Project:
    """A public project written straight into the table: many are needed, in every state."""
    values = {
        "title": f"项目 {number}", "buyer": desk.unit, "buyer_path": desk.unit.path, "number": f"LC-2026-{number:04}",
        "category_code": CATEGORY, "area_code": AREA, "budget": Money.yuan(368_000), "state": "published",
        "published_at": NOW - timedelta(days=20, minutes=number), "closes_at": NOW + timedelta(days=number % 9 - 3, hours=1),
        "created_at": NOW, "changed_at": NOW, **changes,
    }
    if values["state"] in ("opened", "awarded", "contracted"):
        values["opened_at"] = NOW
    if values["state"] in ("awarded", "contracted"):
        values["awarded_at"] = NOW
    if values["state"] == "contracted":
        values["contracted_at"] = NOW
    if values["state"] in ("failed", "terminated"):
        values["ended_at"] = NOW
    made = Project(**values)
    session.add(made)
    return made


def many(session: Session, count: int = 60) -> list[Project]:
    """Projects over all states, categories, towns and bands."""
    desk, dice = make_desk(session), random.Random(7)
    made = [bare(session, desk, n, state=dice.choice(["published", "published", "opened", "awarded", "contracted", "failed", "terminated"]),
                 category_code=dice.choice([CATEGORY, "A0402", "A0501", None]), area_code=dice.choice([AREA, WHITE, None]),
                 budget=Money.yuan(dice.choice([90_000, 200_000, 499_999, 500_000, 1_200_000]))) for n in range(count)]
    session.flush()
    return made


def found(session: Session, filters: Filters, **more: object):
    return queries.browse(session, FacetIndex(), filters, now=NOW, **{"size": 1_000, **more})


def by_hand(projects: list[Project], filters: Filters, but: str = "") -> list[Project]:
    """The same filters in plain Python over plain rows."""
    def matches(p: Project) -> bool:
        status = display_status(p.state, p.published_at, p.closes_at, NOW)
        return all((
            but == "status" or not filters.statuses or status in filters.statuses,
            but == "category" or not filters.categories or any((p.category_code or "").startswith(c) for c in filters.categories),
            but == "area" or not filters.areas or p.area_code in filters.areas,
            but == "budget" or not filters.bands or budget_band(p.budget) in filters.bands,
            filters.due_days is None or (status == "open" and p.closes_at <= NOW + timedelta(days=filters.due_days)),
        ))
    return [p for p in projects if matches(p)]


@pytest.mark.parametrize("filters", [
    Filters(), Filters(statuses=(DisplayStatus.OPEN,)), Filters(statuses=(DisplayStatus.SEALED, DisplayStatus.RESULT)),
    Filters(categories=("A04",)), Filters(categories=("A0402", "A0501")), Filters(areas=(AREA,)),
    Filters(bands=(BudgetBand.FROM_20,)), Filters(due_days=3), Filters(due_days=30, areas=(AREA, WHITE)),
    Filters(statuses=(DisplayStatus.OPEN, DisplayStatus.SEALED), categories=("A04",), areas=(WHITE,), bands=(BudgetBand.FROM_50, BudgetBand.FROM_100)),
    Filters(categories=("B",)),
])
def test_rows_and_counts_are_those_of_a_plain_count(session: Session, filters: Filters) -> None:
    projects = many(session)
    listing = found(session, filters)
    expected = by_hand(projects, filters)
    assert {row.ref for row in listing.rows} == {p.ref for p in expected}
    assert listing.total == len(expected)
    for status in DisplayStatus:
        hits = [p for p in by_hand(projects, filters, but="status") if display_status(p.state, p.published_at, p.closes_at, NOW) == status]
        assert listing.counts["status"].get(status, 0) == len(hits)
    for band in BudgetBand:
        assert listing.counts["budget"].get(band, 0) == sum(budget_band(p.budget) == band for p in by_hand(projects, filters, but="budget"))
    for area in (AREA, WHITE):
        assert listing.counts["area"].get(area, 0) == sum(p.area_code == area for p in by_hand(projects, filters, but="area"))
    for code in ("A", "A04", "A0402", CATEGORY, "A05", "A0501"):
        hits = [p for p in by_hand(projects, filters, but="category") if (p.category_code or "").startswith(code)]
        is_shown = len(code) <= 3 or any(chosen.startswith(code[:-2]) for chosen in filters.categories)
        assert listing.counts["category"].get(code, 0) == (len(hits) if is_shown else 0)


def test_pages_of_every_order_follow_each_other_without_gap_or_double(session: Session) -> None:
    projects = many(session, 45)
    keys = {
        Sort.NEWEST: lambda p: (-p.published_at.timestamp(), -p.id), Sort.BUDGET_UP: lambda p: p.budget.fen,
        Sort.BUDGET_DOWN: lambda p: -p.budget.fen,
    }
    for sort in (Sort.NEWEST, Sort.CLOSING, Sort.BUDGET_UP, Sort.BUDGET_DOWN):
        refs = [row.ref for page in (1, 2, 3) for row in found(session, Filters(sort=sort), page=page, size=20).rows]
        assert len(refs) == len(set(refs)) == 45
        if sort in keys:
            order = {p.ref: keys[sort](p) for p in projects}
            assert [order[ref] for ref in refs] == sorted(order.values())
    assert found(session, Filters(), page=4, size=20).rows == []


def test_the_nearest_deadline_comes_first_and_closed_ones_last(session: Session) -> None:
    many(session)
    rows = found(session, Filters(sort=Sort.CLOSING)).rows
    is_open = [row.status == DisplayStatus.OPEN for row in rows]
    assert is_open == sorted(is_open, reverse=True)
    open_rows = [row.closes_at for row in rows if row.status == DisplayStatus.OPEN]
    assert open_rows
    assert open_rows == sorted(open_rows)


def test_many_hits_are_met_in_the_kept_order_few_are_sorted(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    many(session)
    few = [row.ref for row in found(session, Filters(sort=Sort.BUDGET_UP)).rows]
    monkeypatch.setattr("marketplace.projects.queries.facets.FEW", 3)
    assert [row.ref for row in found(session, Filters(sort=Sort.BUDGET_UP)).rows] == few


def test_drafts_and_submitted_projects_are_in_no_public_list(session: Session) -> None:
    desk = make_desk(session)
    make_draft(session, desk), make_submitted(session, desk)
    discarded = make_draft(session, desk)
    operations.terminate(session, actor=desk.handler, project=discarded, reason="重复", now=NOW)
    listing = found(session, Filters())
    assert listing.total == 0
    assert list(queries.public_documents(session, None)) == []


def test_kept_sets_follow_what_happens_without_being_read_anew(session: Session) -> None:
    desk, index = make_desk(session), FacetIndex()
    first = make_published(session, desk)
    make_draft(session, desk)

    def counts(at=NOW) -> dict[str, int]:
        listing = queries.browse(session, index, Filters(), now=at)
        return {status: n for status, n in listing.counts["status"].items() if n}

    assert counts() == {"open": 1}
    second = make_published(session, desk, budget=Money.yuan(90_000), ceiling=Money.yuan(90_000))
    assert counts() == {"open": 2}
    operations.terminate(session, actor=desk.approver, project=second, reason="取消", now=NOW)
    assert counts() == {"open": 1, "terminated": 1}
    assert queries.browse(session, index, Filters(bands=(BudgetBand.UNDER_20,)), now=NOW).total == 1
    assert counts(CLOSES) == {"sealed": 1, "terminated": 1}
    operations.mark_opened(session, project=first, now=CLOSES)
    assert counts(CLOSES + timedelta(seconds=1)) == {"scoring": 1, "terminated": 1}


def test_a_moved_deadline_keeps_the_project_open_in_the_kept_sets(session: Session) -> None:
    desk, index = make_desk(session), FacetIndex()
    project = make_published(session, desk)
    queries.browse(session, index, Filters(), now=NOW)
    operations.publish_addendum(session, actor=desk.handler, project=project, text="推后", now=NOW, closes_at=CLOSES + timedelta(days=7))
    listing = queries.browse(session, index, Filters(), now=CLOSES)
    assert listing.counts["status"]["open"] == 1
    assert listing.rows[0].status == DisplayStatus.OPEN


def test_sets_that_do_not_add_up_are_read_anew_at_the_next_tick(session: Session) -> None:
    desk, index = make_desk(session), FacetIndex()
    make_published(session, desk)
    queries.browse(session, index, Filters(), now=NOW)
    bare(session, desk, 77)  # behind the back of the operations, as a restored backup would be
    session.flush()
    assert queries.browse(session, index, Filters(), now=NOW + timedelta(seconds=29)).total == 1
    assert queries.browse(session, index, Filters(), now=NOW + timedelta(seconds=30)).total == 2


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_the_sql_twin_says_what_the_rule_says(session: Session, offset: int) -> None:
    desk = make_desk(session)
    for number, (state, days) in enumerate(product(["published", "opened", "awarded", "contracted", "failed", "terminated"], (-1, 0, 1))):
        bare(session, desk, number, state=state, closes_at=NOW + timedelta(days=days))
    make_draft(session, desk), make_submitted(session, desk)
    now = NOW + timedelta(seconds=offset)
    projects = session.scalars(select(Project)).all()
    for status in DisplayStatus:
        twin = set(session.scalars(select(Project.id).where(queries.status_clause([status], now))))
        assert twin == {p.id for p in projects if display_status(p.state, p.published_at, p.closes_at, now) == status}
    assert list(session.scalars(select(Project.id).where(queries.status_clause([], now)))) == []


def test_the_desk_shows_own_work_and_what_units_below_handed_in_never_a_sibling(session: Session) -> None:
    parent = make_desk(session)
    desk, sibling = make_desk(session, parent=parent.unit), make_desk(session, parent=parent.unit)
    draft, waiting, published = make_draft(session, desk), make_submitted(session, desk), make_published(session, desk)
    discarded = make_draft(session, desk)
    operations.terminate(session, actor=desk.handler, project=discarded, reason="重复", now=NOW)

    def seen(actor) -> set[int]:
        return {p.id for p in session.scalars(queries.desk_projects(actor, now=NOW))}

    assert seen(desk.handler) == {draft.id, waiting.id, published.id, discarded.id}
    assert seen(parent.handler) == {waiting.id, published.id}
    assert seen(sibling.handler) == set()
    assert seen(make_actor(session, None, Role.AUDITOR)) == set()
    own = queries.desk_projects(parent.handler, now=NOW, own_only=True)
    assert list(session.scalars(own)) == []
    only = queries.desk_projects(desk.handler, now=NOW, statuses=[DisplayStatus.OPEN], text="助餐")
    assert [p.id for p in session.scalars(only)] == [published.id]
    counts = queries.desk_counts(session, desk.handler, NOW)
    assert {s: n for s, n in counts.items() if n} == {"draft": 1, "in_review": 1, "open": 1, "terminated": 1}
    assert queries.desk_counts(session, desk.handler, CLOSES)[DisplayStatus.SEALED] == 1


def test_waiting_questions_are_counted_for_the_own_unit(session: Session) -> None:
    desk, asker = make_desk(session), make_desk(session)
    project = make_published(session, desk)
    one = operations.ask(session, actor=asker.handler, project=project, question="一", now=NOW)
    operations.ask(session, actor=asker.handler, project=project, question="二", now=NOW)
    assert [(p.id, n) for p, n in queries.waiting_enquiries(session, desk.handler)] == [(project.id, 2)]
    operations.answer(session, actor=desk.handler, enquiry=one, answer="答", now=NOW)
    assert queries.waiting_enquiries(session, desk.handler)[0][1] == 1
    assert queries.waiting_enquiries(session, asker.handler) == []
    assert queries.waiting_enquiries(session, ANONYMOUS) == []


def test_questions_are_shown_to_whom_they_concern(session: Session) -> None:
    desk, asker, other = make_desk(session), make_desk(session), make_desk(session)
    project = make_published(session, desk)
    enquiry = operations.ask(session, actor=asker.handler, project=project, question="一", now=NOW)
    for who, sees in ((desk.handler, 1), (asker.handler, 1), (other.handler, 0), (ANONYMOUS, 0)):
        assert len(queries.enquiries_for(session, project, who)) == sees
    operations.answer(session, actor=desk.handler, enquiry=enquiry, answer="答", now=NOW)
    assert len(queries.enquiries_for(session, project, ANONYMOUS)) == 1
    assert queries.enquiry_by_ref(session, enquiry.ref).id == enquiry.id


def test_the_index_gets_public_facts_and_nothing_of_people(session: Session) -> None:
    desk = make_desk(session)
    project, hidden = make_published(session, desk), make_draft(session, desk)
    (document,) = queries.public_documents(session, [project.ref, hidden.ref])
    assert (document.kind, document.ref, document.url) == ("project", project.ref, f"/projects/{project.ref}")
    assert (document.category, document.area, document.amount_fen) == (CATEGORY, AREA, 36_800_000)
    assert "工作日午餐" in document.body
    assert project.contact_phone not in repr(document)
    assert project.contact_name not in repr(document)
    assert [d.ref for d in queries.public_documents(session, None)] == [project.ref]


def test_a_review_names_gaps_warnings_and_the_first_lawful_deadline(session: Session) -> None:
    project = make_draft(session, special_conditions="仅限本地注册的机构参加", indicators=[], closes_at=NOW)
    review = queries.review(session, project, NOW)
    assert {p.field for p in review.problems} == {"indicators", "closes_at"}
    assert [p.field for p in review.problems_of("time")] == ["closes_at"]
    assert {w.code for w in review.warnings} == {"location"}
    assert review.earliest > NOW + timedelta(days=6)


def test_the_rules_of_a_published_project_are_those_of_its_day(session: Session) -> None:
    project = make_published(session)
    snapshot = {**project.rules_snapshot, "min_bids": 4}
    project.rules_snapshot = snapshot
    session.flush()
    assert queries.rules_of(session, project, NOW).min_bids == 4
    assert queries.rules_of(session, make_draft(session), NOW).min_bids == 3


def test_look_ups_by_reference(session: Session) -> None:
    project = make_published(session)
    assert queries.by_ref(session, project.ref) is project
    assert queries.by_ref(session, "none") is None
    assert queries.by_refs(session, [project.ref, "none"]) == [project]
    assert project.state == ProjectState.PUBLISHED
    assert SYSTEM.is_system
