"""What follows from news about projects: the public face of a project is looked at again."""

from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.core.publishing import public_changed
from marketplace.core.text import N_
from marketplace.imports.rules import ImportTarget
from marketplace.projects import policy, queries, rules
from marketplace.projects.operations import importing


def refresh_public_face(project_ref: str, **_facts: object) -> None:
    """Tell the index about a project that changed, or whose deadline passed: its status is another one now."""
    now = utc_now()
    with transaction() as session:
        project = queries.by_ref(session, project_ref)
        if project is not None and policy.is_public(project):
            public_changed(session, kind="project", ref=project_ref, now=now)


HANDLERS = {
    rules.JOB_PROJECT_PUBLISHED: refresh_public_face,
    rules.JOB_PROJECT_CHANGED: refresh_public_face,
    rules.JOB_OPENING_DUE: refresh_public_face,
}

IMPORT_TARGETS = {"projects": ImportTarget(
    name="projects", title=N_("项目"), fields=importing.FIELDS, may_import=importing.may_import_projects,
    begin=importing.begin, plan=importing.plan, apply=importing.apply, undo=importing.undo,
    hint=N_("导入为本单位的项目草稿，保留来源编号；来源没有写的内容留空"), result_url=lambda _options: "/desk/projects",
)}
