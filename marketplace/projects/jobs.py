"""What follows from the clock and from news of buyers: the public face of projects is looked at again."""

from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.core.publishing import public_changed
from marketplace.core.text import N_
from marketplace.imports.rules import ImportTarget
from marketplace.organizations.rules import JOB_BUYER_CHANGED
from marketplace.projects import policy, queries, rules
from marketplace.projects.operations import importing
from marketplace.projects.queries.public import public_refs_of


def refresh_public_face(project_ref: str, **_facts: object) -> None:
    """Tell the index about a project whose deadline passed: its status is another one now."""
    now = utc_now()
    with transaction() as session:
        project = queries.by_ref(session, project_ref)
        if project is not None and policy.is_public(project):
            public_changed(session, kind="project", ref=project_ref, now=now)


def follow_buyer(organization_ref: str) -> None:
    """Tell the index about the projects of a buyer that has another name, kind or place now."""
    now = utc_now()
    with transaction() as session:
        for ref in public_refs_of(session, organization_ref):
            public_changed(session, kind="project", ref=ref, now=now)


HANDLERS = {
    rules.JOB_DEADLINE_PASSED: refresh_public_face,
    rules.JOB_OPENING_DUE: refresh_public_face,
    JOB_BUYER_CHANGED: follow_buyer,
}

IMPORT_TARGETS = {"projects": ImportTarget(
    name="projects", title=N_("项目"), fields=importing.FIELDS, may_import=importing.may_import_projects,
    begin=importing.begin, plan=importing.plan, apply=importing.apply, undo=importing.undo,
    hint=N_("导入为本单位的项目草稿，保留来源编号；来源没有写的内容留空"), result_url=lambda _options: "/desk/projects",
)}
