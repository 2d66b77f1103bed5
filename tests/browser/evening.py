"""A running pledging event of the world's foundation, and one that is prepared: three guests, two recorders, one round."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from marketplace.core.access import SYSTEM, Role
from marketplace.core.money import Money
from marketplace.funding import operations as funding
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import OrganizationKind
from marketplace.pledging import operations
from marketplace.pledging.rules import EventFacts, Footing, Keyed, Recorder
from marketplace.projects.models import Project
from tests.factories.accounts import actor_of, make_person
from tests.factories.organizations import make_organization
from tests.factories.payments import make_account

GUESTS = ("南岸公益基金会", "云岭商会发展基金会", "恒屿建设集团有限公司")


def build_evening(session: Session, *, foundation: Organization, project: Project, host_id: int, now: datetime) -> dict[str, object]:
    """Return the references of the event, its second recorder, a guest and the prepared event."""
    from marketplace.accounts.queries import load_actor

    made = now - timedelta(days=60)
    host = load_actor(session, host_id)
    person = make_person(session, name="方二", role=Role.FUNDER, organization_id=foundation.id, now=made)
    second = actor_of(session, person)
    account = make_account(session, foundation, number="6200990012345678", now=made)
    project.takes_matching = True
    facts = EventFacts(title="银龄共餐认捐会", starts_at=now - timedelta(hours=1), place="区社会组织服务中心")
    event = operations.create_event(session, actor=host, host=foundation, account=account, facts=facts, now=made)
    operations.choose_footing(session, actor=host, event=event, footing=Footing.GUEST_LIST, now=made)
    guests = []
    for number, name in enumerate(GUESTS):
        kind = OrganizationKind.ENTERPRISE if number == 2 else OrganizationKind.FOUNDATION
        body = make_organization(session, name=name, kind=kind, now=made, legal_representative=f"理事{number}",
                                 contact_phone=f"1390000{number:04d}")
        funder = funding.register_funder(session, actor=SYSTEM, kind="firm" if number == 2 else "foundation",
                                         organization=body, now=made)
        funding.verify_funder(session, actor=SYSTEM, funder=funder, note="核对登记证书", now=made)
        guests.append(operations.add_guest(session, actor=host, event=event, funder=funder, now=made))
    operations.check_name(session, actor=second, guest=guests[0], now=made)
    operations.go_live(session, actor=host, event=event, now=now - timedelta(hours=1))
    for guest in guests[:2]:
        operations.check_in(session, actor=host, guest=guest, now=now - timedelta(minutes=50))
    operations.open_round(session, actor=host, event=event, project=project, level=Money.yuan(20_000), now=now - timedelta(minutes=30))
    for recorder, actor, paddles in ((Recorder.FIRST, host, (1, 2)), (Recorder.SECOND, second, (1,))):
        for paddle in paddles:
            operations.record_entry(session, actor=actor, event=event, recorder=recorder, now=now - timedelta(minutes=20),
                                    keyed=Keyed(f"world-{recorder}-{paddle}", paddle, None, 1))
    coming = operations.create_event(session, actor=host, host=foundation, account=account, now=made, facts=EventFacts(
        title="冬日送暖认捐会", starts_at=now + timedelta(days=30), place="区社会组织服务中心"))
    session.flush()
    return {"evening": event.ref, "evening_key": event.display_key, "evening_guest": guests[0].ref,
            "evening_coming": coming.ref, "funder_second": person.id}
