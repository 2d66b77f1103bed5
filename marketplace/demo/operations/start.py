"""Says whether a database may hold a demo world, marks it as one, and settles the news of the simulated past."""

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.awards.rules import JOB_OBJECTIONS_OVER
from marketplace.bids.models import OrganizationKey
from marketplace.catalogs.models import Catalog
from marketplace.contracts.rules import JOB_CONTRACT_DRAWN_UP
from marketplace.core.access import SYSTEM
from marketplace.core.audit import AuditEvent, record
from marketplace.core.errors import Conflict
from marketplace.core.outbox import Job, JobState
from marketplace.core.publishing import PUBLIC_CHANGED
from marketplace.core.text import N_
from marketplace.organizations.models import Organization
from marketplace.projects.rules import JOB_DEADLINE_PASSED, JOB_OPENING_DUE

MARK = "demo.begin"
NEWS_DAYS = 10               # what is older is no news any more
PRINTED_AT_ONCE = 3
DONE_BY_BUILD = ("projects.refresh_public_face", "awards.announce_selection", "awards.announce_change")
PRINT_EVERY = timedelta(seconds=15)


def is_empty(session: Session) -> bool:
    """Say whether nobody and nothing is in the database."""
    return all(session.scalar(select(table).limit(1)) is None
               for table in (Person.id, Organization.id, Catalog.id, OrganizationKey.organization_id))


def is_demo(session: Session) -> bool:
    """Say whether the database began as a demo world."""
    return session.scalar(select(AuditEvent.id).where(AuditEvent.action == MARK).limit(1)) is not None


def refuse_real_data(session: Session) -> None:
    """Raise Conflict for a database that holds anything but a demo world."""
    if not is_empty(session) and not is_demo(session):
        raise Conflict(N_("数据库里有正式数据。演示数据只能放进空库，或先前的演示库"))


def mark(session: Session, *, now: datetime, **facts: object) -> None:
    """Note for good that this database holds invented data."""
    if not is_demo(session):
        record(session, actor=SYSTEM, action=MARK, subject=("demo", "world"), now=now, **facts)


def settle_news(session: Session, *, now: datetime) -> int:
    """Take away the news of a past that never had readers; return how many stay for the worker.

    Openings and contracts of the past were played by the build; the index is built anew after it; messages about
    events of last spring would bury the to-dos of today. Papers are printed one by one, the first few at once.
    """
    session.execute(delete(Job).where(
        or_(Job.kind == PUBLIC_CHANGED, Job.handler.in_(DONE_BY_BUILD)), Job.due_at <= now))
    session.execute(delete(Job).where(
        Job.kind.in_((JOB_DEADLINE_PASSED, JOB_OPENING_DUE, JOB_OBJECTIONS_OVER)), Job.due_at <= now))
    session.execute(delete(Job).where(
        Job.kind.not_in((JOB_CONTRACT_DRAWN_UP, JOB_DEADLINE_PASSED, JOB_OPENING_DUE, JOB_OBJECTIONS_OVER)),
        Job.created_at < now - timedelta(days=NEWS_DAYS)))
    papers = session.scalars(select(Job.id).where(Job.kind == JOB_CONTRACT_DRAWN_UP).order_by(Job.id.desc())).all()
    for place, job_id in enumerate(papers[PRINTED_AT_ONCE:], 1):
        session.execute(update(Job).where(Job.id == job_id).values(due_at=now + PRINT_EVERY * place))
    # what stays is due from today on: the age of the oldest job is the alarm, and nothing here is late
    left = session.execute(update(Job).where(Job.state == JobState.WAITING, Job.due_at <= now).values(due_at=now))
    return int(left.rowcount)  # type: ignore[attr-defined]
