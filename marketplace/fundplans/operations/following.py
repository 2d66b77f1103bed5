"""A funder follows a project, or stops: one more row, never a changed one."""

from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.funding.models import Funder
from marketplace.fundplans import policy
from marketplace.fundplans.models import FundFollow
from marketplace.fundplans.queries.shortlist import follows
from marketplace.projects.models import Project


def follow(session: Session, *, actor: Actor, funder: Funder, project: Project, now: datetime, is_on: bool) -> bool:
    """Follow a published project, or stop; what holds already is left as it is. Return whether anything changed."""
    require(policy.may_look_behind(actor, funder))
    if project.published_at is None:
        raise Denied(N_("没有这个项目"), hidden=True)
    if (project.id in follows(session, funder)) == is_on:
        return False
    session.add(FundFollow(funder_id=funder.id, project_id=project.id, is_on=is_on, person_id=actor.person_id, at=now))
    session.flush()
    record(session, actor=actor, action="fundplans.follow" if is_on else "fundplans.unfollow",
           subject=("project", project.ref), now=now, funder=funder.ref)
    return True
