"""News of pledging events: what was promised by raising a paddle has yet to be signed."""

from sqlalchemy import select

from marketplace.accounts.queries import people_of
from marketplace.core.access import Role
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import transaction
from marketplace.core.text import N_
from marketplace.funding.models import Pledge
from marketplace.inbox.operations import send
from marketplace.inbox.rules import Kind, Letter
from marketplace.pledging.rules import days_left

SIGNERS = (Role.FUNDER, Role.PROVIDER_ADMIN, Role.HANDLER, Role.APPROVER)


def ask_to_sign(pledge_ref: str, step: str, event_title: str) -> None:
    """Remind the funder's people of a verbal pledge: once for each step; nothing once it is signed or gone."""
    now = utc_now()
    with transaction() as session:
        pledge = session.scalar(select(Pledge).where(Pledge.ref == pledge_ref))
        if pledge is None or not pledge.is_verbal or pledge.open.fen == 0 or pledge.funder.organization_id is None:
            return
        left = days_left(pledge.expires_at, now)
        facts = {"title": event_title, "project": pledge.project.title, "amount": pledge.open.grouped(),
                 "days": max(left or 0, 0), "day": str(beijing_date(pledge.expires_at)) if pledge.expires_at else "—"}
        for person in people_of(session, pledge.funder.organization_id, SIGNERS):
            send(session, person=person, now=now, letter=Letter(
                kind=Kind.PROJECT, subject=N_("您在“{title}”口头认捐 {amount} 元，请签署认捐书"),
                body=N_("认捐项目：{project}。请在 {day} 前签署认捐书（还有 {days} 天）；逾期未签，口头认捐自动失效。"),
                facts=facts, url=f"/fund/pledges/{pledge.ref}", due_at=pledge.expires_at,
                unique_key=f"sign-pledge:{pledge.ref}:{step}", organization_id=pledge.funder.organization_id))
