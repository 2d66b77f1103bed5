"""Telling everybody above a line, inviting by lot or by signed recommendation, following, declining."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.awards.rules import draw_order, new_seed
from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.matching.models.outreach import (
    Invitation,
    InvitationList,
    InvitationSignature,
    ProjectDecline,
    ProjectFollow,
    Telling,
    ToldProvider,
)
from marketplace.matching.policy import outreach as policy
from marketplace.matching.queries import market
from marketplace.matching.queries import outreach as queries
from marketplace.matching.queries.market import Tools
from marketplace.matching.rules import outreach as rules
from marketplace.matching.rules.outreach import Side, Way
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

EVERYBODY = 1_000_000                    # no list is cut before a line is drawn
_TODAY = N_("今天已经告知过。同一个项目一天只能告知一次")


def _lock(session: Session, project: Project) -> None:
    """Hold the project's row and read it again: its state and what was sent about it decide."""
    session.flush()
    session.execute(select(Project.id).where(Project.id == project.id).with_for_update())
    session.refresh(project)


def tell_providers(session: Session, *, actor: Actor, project: Project, line: int, text: str,
                   tools: Tools, now: datetime) -> Telling:
    """Send one text to every organization whose total reaches `line` points; public, at most once a project and day.

    The same text and line again on the same day gives the same telling; another one raises Conflict.
    """
    _lock(session, project)
    require(policy.may_tell(actor, project, now))
    text = _text(text, most=rules.MAX_TEXT, field="text", missing=N_("请写明要告知的内容"))
    day = beijing_date(now)
    if found := _told_on(session, project, day):
        return _same(found, line, text)
    ranking = market.rank_project(session, project, tools=tools, now=now, most=EVERYBODY)
    chosen = rules.check_line(ranking.rows, line)
    keys = [row.provider_key for row in chosen]
    made = Telling(project_id=project.id, told_on=day, line=line, text=text, told=len(chosen),
                   reached=len(queries.with_accounts(session, keys)), considered=max(ranking.considered, len(chosen)),
                   told_by=actor.person_id, told_at=now)
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError:                       # another one was quicker: UNIQUE (project_id, told_on)
        found = _told_on(session, project, day)
        assert found is not None
        return _same(found, line, text)
    session.add_all([ToldProvider(telling_id=made.id, organization_id=row.provider_key, total=row.total)
                     for row in chosen])
    session.flush()
    record(session, actor=actor, action="matching.tell", subject=("project", project.ref), now=now, line=line,
           told=made.told, telling=made.ref, text=text)
    enqueue(session, rules.JOB_PROVIDERS_TOLD, now=now, unique_key=f"told:{made.ref}", telling_ref=made.ref)
    return made


def _told_on(session: Session, project: Project, day: object) -> Telling | None:
    """Return what was sent that day."""
    return session.scalar(select(Telling).where(Telling.project_id == project.id, Telling.told_on == day))


def _same(found: Telling, line: int, text: str) -> Telling:
    """Return the day's telling when it is the one asked for; raises Conflict otherwise."""
    if (found.line, found.text) != (line, text):
        raise Conflict(_TODAY)
    return found


def _text(typed: str, *, most: int, field: str, missing: str) -> str:
    """Return a text without its edges; raises Invalid for none or too much of it."""
    text = typed.strip()
    if not text:
        raise Invalid(missing, field=field)
    if len(text) > most:
        raise Invalid(N_("最多 {most} 个字"), field=field, most=most)
    return text


def _qualified(session: Session, project: Project, tools: Tools, now: datetime) -> list[int]:
    """Return the ids of everybody whom no hard rule removes, whatever the points."""
    ranking = market.rank_project(session, project, tools=tools, now=now, most=EVERYBODY)
    return [row.provider_key for row in ranking.rows]


def draw_invitations(session: Session, *, actor: Actor, project: Project, wanted: int, tools: Tools, now: datetime,
                     seed: str | None = None) -> InvitationList:
    """Draw by lot among all who qualify (GPL 34; 214号 art 6); the seed's digest is public at once, the seed later."""
    _lock(session, project)
    require(policy.may_draw(actor, project, now, holds_seat=queries.holds_seat(session, actor, project)))
    _none_yet(session, project)
    if not rules.LEAST_INVITED <= wanted <= rules.MOST_INVITED:
        raise Invalid(N_("邀请家数须在 {least} 到 {most} 之间"), field="wanted", least=rules.LEAST_INVITED,
                      most=rules.MOST_INVITED)
    ids = _qualified(session, project, tools, now)
    by_ref = {one.ref: one for one in session.scalars(select(Organization).where(Organization.id.in_(ids)))}
    if len(by_ref) < wanted:
        raise Conflict(N_("需要 {wanted} 家，符合条件的只有 {found} 家。请减少家数，或改用公开方式"), wanted=wanted,
                       found=len(by_ref))
    seed = seed or new_seed()
    order = draw_order(seed, by_ref)
    made = InvitationList(project_id=project.id, way=Way.DRAW, seed=seed, seed_sha256=rules.seed_digest(seed),
                          pool=list(order), made_by=actor.person_id, made_at=now, complete_at=now)
    _keep(session, made)
    for place, ref in enumerate(order[:wanted], 1):
        made.rows.append(Invitation(organization_id=by_ref[ref].id, place=place, side=Side.LOT))
    session.flush()
    record(session, actor=actor, action="matching.draw_invitations", subject=("project", project.ref), now=now,
           wanted=wanted, pool=len(order), seed_sha256=made.seed_sha256)
    _send(session, made, now)
    return made


def _none_yet(session: Session, project: Project) -> None:
    """Raise Conflict when the project has its list."""
    if session.scalar(select(InvitationList.id).where(InvitationList.project_id == project.id)):
        raise Conflict(N_("邀请名单已经产生，不能再产生一次"))


def _keep(session: Session, made: InvitationList) -> None:
    """Write the list; raises Conflict when another one was quicker."""
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError:
        raise Conflict(N_("邀请名单已经产生，不能再产生一次")) from None


def _send(session: Session, made: InvitationList, now: datetime) -> None:
    """Ask for the invitations to go out, once."""
    enqueue(session, rules.JOB_PROVIDERS_INVITED, now=now, unique_key=f"invited:{made.ref}", list_ref=made.ref)


def recommend(session: Session, *, actor: Actor, project: Project, opinions: Mapping[str, str],
              tools: Tools, now: datetime) -> InvitationList:
    """Sign one side's written recommendation: organization ref -> opinion. The list is complete with both sides.

    An approver signs for the buyer, an expert without ties or a seat for the experts (214号 art 6; Order 74 art 12).
    """
    _lock(session, project)
    side = _side(session, actor, project, now)
    chosen = _recommended(session, project, opinions, tools, now)
    sheet = session.scalar(select(InvitationList).where(InvitationList.project_id == project.id))
    if sheet is None:
        sheet = InvitationList(project_id=project.id, way=Way.RECOMMEND, made_by=actor.person_id, made_at=now)
        _keep(session, sheet)
    _check_signing(sheet, side, actor, chosen)
    first = 1 + len(sheet.rows)
    for place, one in enumerate(chosen, first):
        sheet.rows.append(Invitation(organization_id=one.id, place=place, side=side, opinion=opinions[one.ref].strip()))
    sheet.signatures.append(InvitationSignature(side=side, person_id=actor.person_id, signed_at=now))
    _complete(sheet, now)
    session.flush()
    record(session, actor=actor, action="matching.recommend", subject=("project", project.ref), now=now, side=side,
           providers=[one.ref for one in chosen])
    if sheet.complete_at is not None:
        _send(session, sheet, now)
    return sheet


def _side(session: Session, actor: Actor, project: Project, now: datetime) -> Side:
    """Return for whom the actor signs; raises Denied for anybody else."""
    seat = queries.holds_seat(session, actor, project)
    is_expert = policy.may_recommend_as_expert(
        actor, project, now, holds_seat=seat, is_eligible=queries.is_eligible_expert(session, actor, project, now=now))
    if is_expert:
        return Side.EXPERT
    require(policy.may_recommend(actor, project, now, holds_seat=seat))
    return Side.BUYER


def _recommended(session: Session, project: Project, opinions: Mapping[str, str], tools: Tools,
                 now: datetime) -> list[Organization]:
    """Return the recommended organizations; each must qualify and come with a written opinion."""
    if not opinions:
        raise Invalid(N_("请至少推荐一家，并写明推荐意见"), field="providers")
    if len(opinions) > rules.MOST_INVITED:
        raise Invalid(N_("一次最多推荐 {most} 家"), field="providers", most=rules.MOST_INVITED)
    for opinion in opinions.values():
        _text(opinion, most=rules.MAX_OPINION, field="providers", missing=N_("每一家都要写明推荐意见"))
    qualified = set(_qualified(session, project, tools, now))
    chosen = queries.by_refs(session, list(opinions))
    if len(chosen) < len(opinions) or any(one.id not in qualified for one in chosen):
        raise Invalid(N_("只能推荐符合条件的组织。请从列表中选择"), field="providers")
    return chosen


def _check_signing(sheet: InvitationList, side: Side, actor: Actor, chosen: Sequence[Organization]) -> None:
    """Refuse a second signature of a side or person, the same organization twice, and a list drawn by lot."""
    if sheet.way != Way.RECOMMEND:
        raise Conflict(N_("邀请名单已经产生，不能再产生一次"))
    if any(one.side == side or one.person_id == actor.person_id for one in sheet.signatures):
        raise Conflict(N_("这一方已经签署推荐意见，不能再改"))
    taken = {row.organization_id for row in sheet.rows}
    if again := next((one for one in chosen if one.id in taken), None):
        raise Invalid(N_("“{name}”另一方已经推荐，请换一家"), field="providers", name=again.name)


def _complete(sheet: InvitationList, now: datetime) -> None:
    """Close the list once both sides have signed; raises Invalid when the shares are not lawful."""
    if {one.side for one in sheet.signatures} != {Side.BUYER, Side.EXPERT}:
        return
    counts = {side: sum(row.side == side for row in sheet.rows) for side in (Side.BUYER, Side.EXPERT)}
    rules.check_shares(buyer=counts[Side.BUYER], expert=counts[Side.EXPERT])
    sheet.complete_at = now


def follow(session: Session, *, actor: Actor, project: Project, now: datetime) -> None:
    """Keep an eye on a project for the own organization; twice is once."""
    require(policy.may_follow(actor, project))
    if queries.is_followed(session, project, actor.organization_id):
        return
    try:
        with session.begin_nested():
            session.add(ProjectFollow(project_id=project.id, organization_id=actor.organization_id,
                                      followed_by=actor.person_id, followed_at=now))
            session.flush()
    except IntegrityError:                       # a colleague was quicker
        return
    record(session, actor=actor, action="matching.follow", subject=("project", project.ref), now=now)


def unfollow(session: Session, *, actor: Actor, project: Project, now: datetime) -> None:
    """Stop following; twice is once."""
    require(policy.may_follow(actor, project))
    gone = session.execute(delete(ProjectFollow).where(
        ProjectFollow.project_id == project.id, ProjectFollow.organization_id == actor.organization_id))
    if gone.rowcount:  # type: ignore[attr-defined]
        record(session, actor=actor, action="matching.unfollow", subject=("project", project.ref), now=now)


def decline(session: Session, *, actor: Actor, project: Project, reason: str, now: datetime) -> ProjectDecline:
    """Say for the own organization that it will not take a project; it is no longer proposed for it."""
    require(policy.may_decline(actor, project, now))
    reason = _text(reason, most=rules.MAX_REASON, field="reason", missing=N_("请写明不承接的理由"))
    if found := queries.standing_decline(session, project, actor.organization_id):
        return found
    made = ProjectDecline(project_id=project.id, organization_id=actor.organization_id, reason=reason,
                          declined_by=actor.person_id, declined_at=now)
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError:
        found = queries.standing_decline(session, project, actor.organization_id)
        assert found is not None
        return found
    record(session, actor=actor, action="matching.decline", subject=("project", project.ref), now=now, reason=reason)
    return made


def withdraw_decline(session: Session, *, actor: Actor, project: Project, now: datetime) -> None:
    """Take that back; nothing to take back is no error."""
    require(policy.may_decline(actor, project, now))
    found = queries.standing_decline(session, project, actor.organization_id)
    if found is None:
        return
    found.withdrawn_at = now
    session.flush()
    record(session, actor=actor, action="matching.withdraw_decline", subject=("project", project.ref), now=now)
