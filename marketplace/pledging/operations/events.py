"""An event from its preparation to its end: facts, footing, beginning, rounds, key of the screen, end."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.clock import beijing_date
from marketplace.core.db import new_ref
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding.models import CostLine
from marketplace.funding.rules import landing
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import Verification
from marketplace.payments.models import ReceivingAccount
from marketplace.pledging import policy, rules
from marketplace.pledging.models import PledgingEvent, PledgingRound
from marketplace.pledging.operations.reminders import remind_all
from marketplace.pledging.queries.recording import open_differences, taken_levels
from marketplace.pledging.rules import EVENT, EventFacts, EventState, Footing, Plan
from marketplace.projects.models import Project
from marketplace.projects.policy import is_public


def create_event(session: Session, *, actor: Actor, host: Organization, account: ReceivingAccount, facts: EventFacts,
                 now: datetime) -> PledgingEvent:
    """Prepare an event: the money goes to the holder of `account`, a verified organization, never to the platform."""
    require(policy.may_host(actor))
    _check_facts(facts)
    _check_account(account)
    event = PledgingEvent(host=host, receiver=account.organization, account_id=account.id, state=EventState.DRAFT,
                          title=facts.title.strip(), place=facts.place, starts_at=facts.starts_at,
                          sign_days=facts.sign_days, asks_two_recorders=facts.asks_two_recorders,
                          created_by=actor.person_id, created_at=now)
    session.add(event)
    session.flush()
    record(session, actor=actor, action="pledging.create", subject=("pledging_event", event.ref), now=now,
           title=event.title, host=host.ref, receiver=event.receiver.ref, account=account.ref)
    return event


def change_event(session: Session, *, actor: Actor, event: PledgingEvent, account: ReceivingAccount,
                 facts: EventFacts, now: datetime) -> None:
    """Change the facts before the event begins; another receiving body clears a footing that was its own."""
    event = locked(session, event)
    require(policy.may_change(actor, event))
    _check_facts(facts)
    _check_account(account)
    if event.receiver_id != account.organization_id:
        event.receiver = account.organization
        _clear_footing(event)
    event.account_id = account.id
    event.title, event.place, event.starts_at = facts.title.strip(), facts.place, facts.starts_at
    event.sign_days, event.asks_two_recorders = facts.sign_days, facts.asks_two_recorders
    if event.footing == Footing.FILED_PLAN:
        event.target = facts.target
        _check_plan_of(event)
    session.flush()
    record(session, actor=actor, action="pledging.change", subject=("pledging_event", event.ref), now=now,
           title=event.title, starts_at=event.starts_at.isoformat())


def choose_footing(session: Session, *, actor: Actor, event: PledgingEvent, footing: Footing, now: datetime,
                   plan: Plan | None = None, target: Money | None = None) -> None:
    """Choose the ground of the event: a closed list, or a filed plan of a charity that may raise from the public.

    A target belongs to a filed plan only: elsewhere no gap is ever shown (rulebook 4.2; CL 22 to 26).
    """
    event = locked(session, event)
    may = policy.may_raise_in_public if footing == Footing.FILED_PLAN else policy.may_change
    require(may(actor, event))
    _clear_footing(event)
    if footing == Footing.FILED_PLAN:
        checked = _checked_plan(event, plan or Plan("", None))
        if target is not None and target.fen <= 0:
            raise Invalid(N_("募捐目标要大于零；不设目标就留空"), field="target")
        event.plan_number, event.plan_filed_on, event.plan_url = checked.number, checked.filed_on, checked.url
        event.target = target
    event.footing = footing
    session.flush()
    record(session, actor=actor, action="pledging.footing", subject=("pledging_event", event.ref), now=now,
           footing=str(footing), plan=event.plan_number)


def go_live(session: Session, *, actor: Actor, event: PledgingEvent, now: datetime) -> None:
    """PledgingEvent: draft -> live. The footing is checked again; every guest must be a verified funder today."""
    event = locked(session, event)
    state = EVENT.after(EventState(event.state), "go_live")
    require(policy.may_go_live(actor, event))
    if event.footing == Footing.FILED_PLAN:
        _check_plan_of(event)
    if strangers := [guest.funder.name for guest in event.guests if guest.funder.verified_at is None]:
        raise Invalid(N_("名单里的“{name}”还不是已核验的资助方。请先核验，或从名单移除"), name=strangers[0])
    event.state, event.live_at = state, now
    session.flush()
    record(session, actor=actor, action="pledging.go_live", subject=("pledging_event", event.ref), now=now,
           footing=event.footing, plan=event.plan_number, guests=len(event.guests))


def open_round(session: Session, *, actor: Actor, event: PledgingEvent, project: Project, level: Money, now: datetime,
               cost_line: CostLine | None = None) -> PledgingRound:
    """Ask for one level for one listed project; the round before ends. Levels of a project go from high to low."""
    event = locked(session, event)
    require(policy.may_open_round(actor, event))
    if not is_public(project):
        raise Invalid(N_("这个项目没有公开，不能为它举牌"), field="project")
    if cost_line is not None and cost_line.project_id != project.id:
        raise Invalid(N_("这项费用不属于这个项目"), field="cost_line")
    landing.check(landing.Place(project.procedure, project.takes_matching, project.state), None,
                  cost_source=cost_line.source if cost_line else None)
    rules.check_level(level, taken_levels(session, event, project))
    _end_round(event, now)
    made = PledgingRound(event=event, number=len(event.rounds) + 1, project=project, level=level, opened_at=now,
                         cost_line_id=cost_line.id if cost_line else None)
    session.add(made)
    event.round_number = made.number
    session.flush()
    record(session, actor=actor, action="pledging.open_round", subject=("pledging_event", event.ref), now=now,
           number=made.number, project=project.ref, level=level.fen)
    return made


def close_round(session: Session, *, actor: Actor, event: PledgingEvent, now: datetime) -> None:
    """End the open round; without one, nothing happens."""
    event = locked(session, event)
    require(policy.may_open_round(actor, event))
    if not event.round_number:
        return
    number = event.round_number
    _end_round(event, now)
    session.flush()
    record(session, actor=actor, action="pledging.close_round", subject=("pledging_event", event.ref), now=now,
           number=number)


def renew_display_key(session: Session, *, actor: Actor, event: PledgingEvent, now: datetime) -> None:
    """Give the screen of the hall a new key; every address that carries the old one goes dark."""
    event = locked(session, event)
    require(policy.may_work(actor, event))
    event.display_key = new_ref()
    session.flush()
    record(session, actor=actor, action="pledging.renew_key", subject=("pledging_event", event.ref), now=now)


def close_event(session: Session, *, actor: Actor, event: PledgingEvent, now: datetime) -> int:
    """PledgingEvent: live -> closed, once both records agree; asks everybody who promised to sign. Returns how many."""
    event = locked(session, event)
    state = EVENT.after(EventState(event.state), "close")
    require(policy.may_close(actor, event))
    if event.asks_two_recorders and (count := len(open_differences(session, event))):
        raise Conflict(N_("两份记录还有 {count} 处不一致。请先在“核对”页逐处判断，再结束认捐会"), count=count)
    _end_round(event, now)
    event.state, event.closed_at = state, now
    session.flush()
    asked = remind_all(session, event=event, step="closed", now=now)
    record(session, actor=actor, action="pledging.close", subject=("pledging_event", event.ref), now=now, asked=asked)
    return asked


def locked(session: Session, event: PledgingEvent) -> PledgingEvent:
    """Return the event with its row locked and read again: steps of one event come one after the other."""
    found = session.scalar(select(PledgingEvent).where(PledgingEvent.id == event.id)
                           .with_for_update(of=PledgingEvent).execution_options(populate_existing=True))
    assert found is not None
    return found


def _end_round(event: PledgingEvent, now: datetime) -> None:
    """End the round that is open, if one is."""
    for each in event.rounds:
        if each.closed_at is None:
            each.closed_at = now
    event.round_number = 0


def _check_facts(facts: EventFacts) -> None:
    """Refuse an event without a name."""
    if not facts.title.strip():
        raise Invalid(N_("请填认捐会名称"), field="title")


def _check_account(account: ReceivingAccount) -> None:
    """Refuse an account that nobody checked, or whose holder is not a verified organization."""
    if account.verified_at is None or account.closed_at is not None:
        raise Invalid(N_("这个收款账户还没有核验，或已停用。请选接收方已核验的账户"), field="account")
    if account.organization.verification != Verification.VERIFIED:
        raise Invalid(N_("接收方“{name}”还没有通过核验，不能接收认捐"), field="account", name=account.organization.name)


def _checked_plan(event: PledgingEvent, plan: Plan) -> Plan:
    """Return the plan if the receiving body may raise from the public, and the plan is its own and in time."""
    if not (event.receiver.is_charity and event.receiver.may_fundraise):
        raise Invalid(N_("接收方“{name}”没有公开募捐资格，只能办定向邀请的认捐会（慈善法第二十二条）"), field="footing",
                      name=event.receiver.name)
    return rules.check_plan(plan, receiver_code=event.receiver.credit_code, starts_on=beijing_date(event.starts_at))


def _check_plan_of(event: PledgingEvent) -> None:
    """Check a chosen plan again: the day, or the receiving body's right, may have changed."""
    _checked_plan(event, Plan(event.plan_number, event.plan_filed_on, event.plan_url))


def _clear_footing(event: PledgingEvent) -> None:
    """Take the footing away with all that rests on it."""
    event.footing, event.plan_number, event.plan_filed_on = "", "", None
    event.plan_url, event.target = "", None
