"""News of a matching run in force: each unit that buys hears which of its projects have suggestions. It is no award."""

from sqlalchemy import func, select

from marketplace.accounts.queries import people_of
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.text import N_
from marketplace.inbox.jobs.audience import BUYER_ROLES
from marketplace.inbox.operations import send
from marketplace.inbox.rules import Kind, Letter
from marketplace.matching.models import MatchingRun, Pairing
from marketplace.matching.rules.runs import PairingState, Publication
from marketplace.projects.models import Project

SUBJECT = N_("第 {number} 号匹配方案：{projects} 个项目有建议的承接组织")
CHANGED = N_("第 {number} 号匹配方案有调整：{projects} 个项目的建议变了")


def tell_units(run_ref: str, edit: int | None = None, **_facts: object) -> None:
    """Tell the units whose projects have suggestions, once; after an edit only those whose projects it touched.

    Nothing once the run is withdrawn.
    """
    now = utc_now()
    session = db.session()
    run = session.scalar(select(MatchingRun).where(MatchingRun.ref == run_ref))
    if run is None or run.publication != Publication.PUBLISHED:
        return
    number, since = run.number, run.published_at
    wanted = Pairing.state != PairingState.REMOVED if edit is None else Pairing.since_edit == edit
    counts = session.execute(
        select(Project.buyer_id, func.count(Project.id.distinct())).join(Pairing, Pairing.project_id == Project.id)
        .where(Pairing.run_id == run.id, wanted)
        .group_by(Project.buyer_id).order_by(Project.buyer_id)).all()
    for unit, projects in counts:
        letter = Letter(
            kind=Kind.PROJECT, subject=SUBJECT if edit is None else CHANGED,
            body=N_("请在各项目的“推荐承接单位”页查看理由和其他候选。方案只是建议，由您单位按规定的采购方式决定，不是中选结果。"),
            facts={"number": number, "projects": projects}, url="/desk/projects",
            unique_key=f"matching-run:{run_ref}:{since}:{edit}:{unit}", organization_id=unit)
        with transaction() as writing:
            for person in people_of(writing, unit, BUYER_ROLES):
                send(writing, person=person, letter=letter, now=now)
