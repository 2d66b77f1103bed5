"""News of purchase lists: review, return, publication."""


from marketplace.accounts.queries import people_of
from marketplace.core.access import Role
from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.core.text import N_
from marketplace.inbox.jobs.audience import BUYER_ROLES, people_by_id
from marketplace.inbox.operations import finish, send
from marketplace.inbox.rules import Kind, Letter
from marketplace.organizations import queries

News = dict[str, object]


def ask_for_review(list_ref: str, unit_ref: str, **news: object) -> None:
    """Ask the unit's approvers to review a version of the list."""
    now = utc_now()
    with transaction() as session:
        finish(session, todo_key=f"list-mend:{list_ref}", now=now)
        unit = queries.by_ref(session, unit_ref)
        for person in people_of(session, unit.id, (Role.APPROVER,)):
            send(session, person=person, now=now, letter=Letter(
                kind=Kind.PROJECT, subject=N_("审核 {year} 年度采购清单第 {number} 版"), facts=_facts(news),
                verb=N_("审核"), url=f"/purchase-lists/{list_ref}/edit", todo_key=f"list-review:{list_ref}",
                organization_id=unit.id))


def ask_to_mend(list_ref: str, unit_ref: str, created_by: int | None = None, **news: object) -> None:
    """Ask whoever drew up the version to mend it."""
    now = utc_now()
    with transaction() as session:
        finish(session, todo_key=f"list-review:{list_ref}", now=now)
        unit = queries.by_ref(session, unit_ref)
        staff = people_of(session, unit.id, BUYER_ROLES)
        drafter = [p for p in people_by_id(session, [created_by]) if p.id in {s.id for s in staff}]
        for person in drafter or staff:
            send(session, person=person, now=now, letter=Letter(
                kind=Kind.PROJECT, subject=N_("修改被退回的 {year} 年度采购清单第 {number} 版"),
                body=N_("退回理由：{reason}"), facts=_facts(news), verb=N_("修改"),
                url=f"/purchase-lists/{list_ref}/edit", todo_key=f"list-mend:{list_ref}",
                organization_id=unit.id))


def tell_published(list_ref: str, unit_ref: str, **news: object) -> None:
    """Tell the unit's people that the version is public."""
    now = utc_now()
    with transaction() as session:
        finish(session, todo_key=f"list-review:{list_ref}", now=now)
        unit = queries.by_ref(session, unit_ref)
        for person in people_of(session, unit.id, BUYER_ROLES):
            send(session, person=person, now=now, letter=Letter(
                kind=Kind.PROJECT, subject=N_("{year} 年度采购清单第 {number} 版已公布"), facts=_facts(news),
                url=f"/purchase-lists/{list_ref}", unique_key=f"list:{list_ref}:{news.get('number')}",
                organization_id=unit.id))


def _facts(news: News) -> News:
    """Return the facts that the sentences use."""
    return {name: news[name] for name in ("year", "number", "reason") if name in news}
