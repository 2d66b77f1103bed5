"""The verbs of a project: drafted, reviewed, published, asked about, opened, awarded, contracted, ended."""

from marketplace.projects.operations.answering import answer, ask
from marketplace.projects.operations.drafting import (
    attach,
    detach,
    draft_from_line,
    draft_project,
    duplicate,
    save_draft,
)
from marketplace.projects.operations.publishing import (
    publish,
    publish_addendum,
    return_draft,
    submit_for_review,
    terminate,
)
from marketplace.projects.operations.steps import (
    fail,
    mark_awarded,
    mark_contracted,
    mark_opened,
    reopen_award,
)

__all__ = [
    "answer", "ask", "attach", "detach", "draft_from_line", "draft_project", "duplicate", "fail", "mark_awarded",
    "mark_contracted", "mark_opened", "publish", "publish_addendum", "reopen_award", "return_draft", "save_draft",
    "submit_for_review", "terminate",
]
