"""News of bids: a receipt to the bidder alone, and the opening to everybody who took part. Never a price."""

from datetime import timedelta

from sqlalchemy import select

from marketplace.accounts.queries import people_of
from marketplace.bids.models import Opening, SealedBid
from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.core.text import N_
from marketplace.inbox.jobs.audience import (
    BIDDER_ROLES,
    BUYER_ROLES,
    bidders,
    desk_url,
    project_url,
    tell_organizations,
)
from marketplace.inbox.operations import send
from marketplace.inbox.rules import Kind, Letter
from marketplace.projects import queries
from marketplace.projects.rules import ProjectState
from marketplace.web.formats import moment_exact

DRAW_WITHIN = timedelta(days=2)


def acknowledge_bid(bid_ref: str, **_facts: object) -> None:
    """Tell the people of the bidder, and nobody else, that the bid lies sealed."""
    now = utc_now()
    with transaction() as session:
        bid = session.scalar(select(SealedBid).where(SealedBid.ref == bid_ref))
        if bid is None:
            return
        for person in people_of(session, bid.organization_id, BIDDER_ROLES):
            send(session, person=person, now=now, letter=Letter(
                kind=Kind.BID, subject=N_("“{title}”的响应文件已密封提交，回执 {number}"),
                body=N_("提交时间 {at}。截止前可以撤回或重新提交，以最后一次为准。"),
                facts={"title": bid.project.title, "number": bid.receipt_number, "at": moment_exact(bid.submitted_at)},
                url=f"/bids/{bid.ref}/receipt", unique_key=f"receipt:{bid.ref}",
                organization_id=bid.organization_id))


def tell_of_opening(project_ref: str, **_facts: object) -> None:
    """Ask the buyer to draw the panel; tell every bidder that the opening record is public."""
    now = utc_now()
    with transaction() as session:
        project = queries.by_ref(session, project_ref)
        if project is None:
            return
        opening = session.scalar(select(Opening).where(Opening.project_id == project.id))
        if opening is None:
            return
        facts: dict[str, object] = {"title": project.title, "count": opening.bids}
        tell_organizations(session, bidders(session, project), now=now, letter=Letter(
            kind=Kind.OPENING, subject=N_("“{title}”已启封，共 {count} 份响应文件"),
            body=N_("启封记录已公开，可以核对自己的摘要。"), facts=facts, url=project_url(project),
            unique_key=f"opened:{project.ref}"))
        if project.state != ProjectState.OPENED:
            return
        for person in people_of(session, project.buyer_id, BUYER_ROLES):
            send(session, person=person, now=now, letter=Letter(
                kind=Kind.PANEL, subject=N_("抽取“{title}”的评审小组"),
                body=N_("已启封 {count} 份响应文件。小组须为单数，社会专家不少于三分之二。"), facts=facts,
                verb=N_("抽取"), url=desk_url(project, "panel"), due_at=opening.opened_at + DRAW_WITHIN,
                todo_key=f"draw:{project.ref}", organization_id=project.buyer_id))
