"""News of matching: the same text to everybody above a line, invitations to those who were drawn or recommended."""

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.text import N_
from marketplace.inbox.jobs.audience import project_url, tell_organizations
from marketplace.inbox.rules import Kind, Letter
from marketplace.matching.queries import outreach as queries
from marketplace.projects.policy import is_open
from marketplace.web.formats import moment

BATCH = 100                              # organizations in one transaction


def tell_providers(telling_ref: str, **_facts: object) -> None:
    """Send one text to all whom the telling names, in batches; whoever has it already gets it no second time."""
    now = utc_now()
    telling = queries.telling_by_ref(db.session(), telling_ref)
    if telling is None or not is_open(telling.project, now):
        return                                   # too late: what is closed needs no more offers
    project = telling.project
    ids = queries.told_ids(db.session(), telling)
    letter = Letter(
        kind=Kind.PROJECT, subject=N_("“{title}”正在公开征集，{closes_at} 截止"),
        body=N_("{buyer}告知：{text}（同样的内容发给了匹配度 {line} 分以上的全部 {told} 家组织）"),
        facts={"title": project.title, "closes_at": moment(project.closes_at), "buyer": project.buyer.name,
               "text": telling.text, "line": telling.line, "told": telling.told},
        url=project_url(project), unique_key=f"told:{telling.ref}")
    for at in range(0, len(ids), BATCH):
        with transaction() as session:
            tell_organizations(session, ids[at:at + BATCH], letter=letter, now=now)


def invite_providers(list_ref: str, **_facts: object) -> None:
    """Send the invitations of a complete list; nobody learns who else was invited."""
    now = utc_now()
    with transaction() as session:
        sheet = queries.invitations_by_ref(session, list_ref)
        if sheet is None or sheet.complete_at is None or not is_open(sheet.project, now):
            return
        project = sheet.project
        tell_organizations(session, [row.organization_id for row in sheet.rows], now=now, letter=Letter(
            kind=Kind.PROJECT, subject=N_("邀请贵机构参加“{title}”，{closes_at} 截止"),
            body=N_("请在截止前提交响应文件。其他受邀组织在结果公布前不公开。"),
            facts={"title": project.title, "closes_at": moment(project.closes_at)}, url=project_url(project),
            unique_key=f"invited:{sheet.ref}"))
