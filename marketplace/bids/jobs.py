"""Outbox handlers of bids: the opening. News about bids becomes messages in the inbox."""

import logging

from sqlalchemy import select

from marketplace.bids import operations, rules
from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.core.errors import KeyMissing
from marketplace.core.outbox import enqueue
from marketplace.projects.models import Project
from marketplace.projects.rules import JOB_OPENING_DUE
from marketplace.web.services import services

log = logging.getLogger(__name__)


def open_due(project_ref: str) -> None:
    """Open a project's bids, or do nothing when the deadline moved or it was done.

    Without the outside key nothing changes and the job comes back every ten minutes until the key is there:
    an opening is late then, never lost, and never parked for too many attempts.
    """
    try:
        with transaction() as session:
            project = session.scalar(select(Project).where(Project.ref == project_ref))
            if project is not None:
                operations.open_bids(session, actor=SYSTEM, project=project, sealer=services().sealer, now=utc_now())
    except KeyMissing:
        log.exception("the opening of %s waits for the sealing key", project_ref)
        with transaction() as session:
            now = utc_now()
            enqueue(session, JOB_OPENING_DUE, now=now, due_at=now + rules.KEY_WAIT, project_ref=project_ref)


HANDLERS = {JOB_OPENING_DUE: open_due}
