"""The panel: who is in the pool, the draw by published seed, declarations and substitutes."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.accounts.queries import people_of
from marketplace.awards import policy
from marketplace.awards.models import ExpertProfile, Panel, PanelSeat
from marketplace.awards.queries.pool import eligible_experts
from marketplace.awards.rules import (
    JOB_SEATS_CHANGED,
    JOB_SHEETS_IN,
    SEAT_STEPS,
    SeatState,
    draw_order,
    new_seed,
)
from marketplace.core import audit
from marketplace.core.access import Actor, Role, require
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.organizations.models import Organization
from marketplace.procedures.queries import rule_set_of
from marketplace.procedures.rules import check_panel_size, experts_needed
from marketplace.projects.models import Project


def enrol_expert(session: Session, *, actor: Actor, person: Person, now: datetime, fields: Sequence[str] = (),
                 employer: str = "", employer_organization: Organization | None = None,
                 is_available: bool = True) -> ExpertProfile:
    """Put a person into the pool, or change what the pool knows: fields (A05), employer, availability."""
    require(policy.may_enrol_expert(actor))
    profile = session.get(ExpertProfile, person.id)
    if profile is None:
        profile = ExpertProfile(person_id=person.id)
        session.add(profile)
    profile.fields = list(fields)
    profile.employer = employer.strip() or (employer_organization.name if employer_organization else "")
    profile.employer_organization_id = employer_organization.id if employer_organization else None
    profile.is_available = is_available
    session.flush()
    audit.record(session, actor=actor, action="awards.enrol_expert", subject=("person", person.ref), now=now,
                 fields=list(fields), employer=profile.employer, is_available=is_available)
    return profile


def lock_project(session: Session, project: Project) -> None:
    """Hold the project's row until the end of the transaction and read it again: its state decides."""
    session.flush()
    session.execute(select(Project.id).where(Project.id == project.id).with_for_update())
    session.refresh(project)


def hold_seat(session: Session, seat: PanelSeat) -> None:
    """Hold the panel's row and read the seat again: two steps of one panel never cross."""
    session.flush()
    session.execute(select(Panel.id).where(Panel.id == seat.panel_id).with_for_update())
    session.refresh(seat.panel)
    session.refresh(seat)


def draw_panel(session: Session, *, actor: Actor, project: Project, now: datetime, seed: str | None = None,
               representatives: Sequence[Person] = ()) -> Panel:
    """Draw the panel by lot from the pool after the opening, when the conflicts are known (GPR 39).

    At most a third may be the buyer's own representatives; nobody who works or worked within three years for a
    bidder or the buyer is in the draw (GPR 9). Refuses a smaller panel than the project asks for: Conflict.
    """
    lock_project(session, project)
    require(policy.may_draw(actor, project))
    rules = rule_set_of(project.rule_set, project.rules_snapshot)
    size = project.panel_size
    check_panel_size(rules, size)
    if session.scalar(select(Panel.id).where(Panel.project_id == project.id)):
        raise Conflict(N_("评审小组已经抽取过。名单有空缺时请补抽"))
    _check_representatives(session, project, representatives, most=size - experts_needed(rules, size))
    wanted = size - len(representatives)
    experts = eligible_experts(session, project, now=now, at_least=wanted)
    if len(experts) < wanted:
        raise Conflict(N_("需要抽取 {wanted} 名专家，专家库里没有利害关系的只有 {found} 名。请联系平台补充专家库"),
                       wanted=wanted, found=len(experts))
    seed = seed or new_seed()
    by_ref = {person.ref: person for person in experts}
    order = draw_order(seed, by_ref)
    panel = Panel(project_id=project.id, size=size, seed=seed, pool=list(order), drawn_by=actor.person_id,
                  drawn_at=now)
    session.add(panel)
    members = [(by_ref[ref], True) for ref in order[:wanted]] + [(person, False) for person in representatives]
    for number, (person, is_expert) in enumerate(members, 1):
        panel.seats.append(PanelSeat(person_id=person.id, is_expert=is_expert, draw_order=number))
    session.flush()
    audit.record(session, actor=actor, action="awards.draw_panel", subject=("project", project.ref), now=now,
                 size=size, seed=seed, pool=order, representatives=[person.ref for person in representatives])
    enqueue(session, JOB_SEATS_CHANGED, now=now, project_ref=project.ref,
            seat_refs=[seat.ref for seat in panel.seats])
    return panel


def _check_representatives(session: Session, project: Project, people: Sequence[Person], *, most: int) -> None:
    """Refuse too many representatives, and anybody who does not work for the buyer."""
    if len(people) > most:
        raise Invalid(N_("采购人代表最多 {most} 人：专家须占三分之二以上"), field="representatives", most=most)
    staff = {one.id for one in people_of(session, project.buyer_id, [Role.HANDLER, Role.APPROVER])}
    if strangers := [person.name for person in people if person.id not in staff]:
        raise Invalid(N_("{name}不是采购人的工作人员，不能作采购人代表"), field="representatives", name=strangers[0])


def declare(session: Session, *, actor: Actor, seat: PanelSeat, has_conflict: bool, now: datetime,
            reason: str = "") -> PanelSeat:
    """Declare before scoring whether one must withdraw (GPR 9); also later, while the sheet is not in.

    Seat: drawn -> seated, or drawn, seated -> recused; then the next in the draw without a conflict is drawn. When
    the draw is used up the seat stays empty until `draw_substitutes`; scoring cannot be closed before.
    """
    panel = seat.panel
    hold_seat(session, seat)
    require(policy.may_sit(actor, seat))
    if has_conflict and not reason.strip():
        raise Invalid(N_("请写明回避的原因，例如“曾在该组织任理事”"), field="reason")
    seat.state = SEAT_STEPS.after(SeatState(seat.state), "recuse" if has_conflict else "accept")
    seat.declared_at = seat.declared_at or now
    seat.recusal_reason = reason.strip() if has_conflict else ""
    session.flush()
    drawn = _seat_next(session, panel, now=now) if has_conflict else None
    audit.record(session, actor=actor, action="awards.declare", subject=("project", panel.project.ref), now=now,
                 seat=seat.ref, has_conflict=has_conflict, next=drawn.person.ref if drawn else None)
    changed = [seat, *([drawn] if drawn else [])]
    enqueue(session, JOB_SEATS_CHANGED, now=now, project_ref=panel.project.ref,
            seat_refs=[one.ref for one in changed])
    tell_when_sheets_are_in(session, panel, now=now)
    return seat


def _seat_next(session: Session, panel: Panel, *, now: datetime) -> PanelSeat | None:
    """Seat the next person in the order of the draw who has no conflict today, or nobody."""
    taken = {seat.person_id for seat in panel.seats}
    free = {person.ref: person for person in eligible_experts(session, panel.project, now=now)
            if person.id not in taken}
    person = next((free[str(ref)] for ref in panel.pool if str(ref) in free), None)
    if person is None:
        return None
    return _add_seat(session, panel, person)


def _add_seat(session: Session, panel: Panel, person: Person) -> PanelSeat:
    """Give the person the next place of the draw."""
    seat = PanelSeat(person_id=person.id, is_expert=True, draw_order=1 + max(s.draw_order for s in panel.seats))
    panel.seats.append(seat)
    session.flush()
    return seat


def draw_substitutes(session: Session, *, actor: Actor, project: Project, now: datetime) -> list[PanelSeat]:
    """Fill empty seats: experts who joined the pool since are drawn with the same seed and put behind the order.

    Raises Conflict when no seat is empty, or the pool is still used up.
    """
    panel = session.scalars(select(Panel).where(Panel.project_id == project.id).with_for_update()
                            .execution_options(populate_existing=True)).one()
    require(policy.may_draw(actor, project))
    empty = panel.size - len(active_seats(panel))
    if panel.closed_at is not None or empty <= 0:
        raise Conflict(N_("评审小组没有空缺，不需要补抽"))
    known = {str(ref) for ref in panel.pool}
    fresh = [one.ref for one in eligible_experts(session, project, now=now) if one.ref not in known]
    panel.pool = [*panel.pool, *draw_order(panel.seed, fresh)]
    made: list[PanelSeat] = []
    while len(made) < empty and (seat := _seat_next(session, panel, now=now)):
        made.append(seat)
    if not made:
        raise Conflict(N_("抽取名单已用完，专家库里没有其他无利害关系的专家。请联系平台补充专家库"))
    audit.record(session, actor=actor, action="awards.draw_substitutes", subject=("project", project.ref), now=now,
                 pool=list(panel.pool), seats=[seat.ref for seat in made])
    enqueue(session, JOB_SEATS_CHANGED, now=now, project_ref=project.ref, seat_refs=[seat.ref for seat in made])
    return made


def active_seats(panel: Panel) -> list[PanelSeat]:
    """Return the seats that count: everybody who has not withdrawn."""
    return [seat for seat in panel.seats if seat.state != SeatState.RECUSED]


def sheets_are_in(panel: Panel) -> bool:
    """Say whether the panel is complete and every sheet submitted."""
    active = active_seats(panel)
    return len(active) == panel.size and all(seat.state == SeatState.SUBMITTED for seat in active)


def tell_when_sheets_are_in(session: Session, panel: Panel, *, now: datetime) -> None:
    """Tell the buyer once nothing is missing any more."""
    if sheets_are_in(panel):
        enqueue(session, JOB_SHEETS_IN, now=now, unique_key=f"sheets-in:{panel.ref}", project_ref=panel.project.ref)
