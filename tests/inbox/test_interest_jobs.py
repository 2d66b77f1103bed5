"""Who hears of declarations and findings about interests, and what nobody hears."""

from sqlalchemy import select

from marketplace.conflicts import operations, queries
from marketplace.conflicts.models import ConflictSettlement
from marketplace.conflicts.rules import GROUNDS, Clearing, Ground, Outcome
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.outbox import Job
from marketplace.inbox.jobs import interests
from marketplace.inbox.models import Message
from marketplace.organizations.models import Organization
from tests.factories import NOW
from tests.factories.conflicts import admin_of, make_flagged, make_operator, make_pair
from tests.inbox.test_jobs import messages, twice


def declared(session, pair):
    admin = admin_of(session, pair.provider)
    operations.declare(session, actor=admin, organization=pair.provider, stated=[], says_none=True, now=NOW)
    return admin


def news():
    return db.session.scalars(select(Job.kind).where(Job.kind.startswith("conflicts.")).order_by(Job.id)).all()


def test_a_declaration_asks_the_operators_to_look_and_the_finding_reaches_the_provider(ctx):
    with transaction() as session:
        pair, operator = make_flagged(session), make_operator(session)
        admin, ref = declared(session, pair), pair.provider.ref
    twice(interests.ask_to_settle, organization_ref=ref)
    assert messages() == [(operator.person_id, "核对“{name}”的利益关系", "核对", False)]
    with transaction() as session:
        provider = session.scalars(select(Organization).where(Organization.ref == ref)).one()
        one, = queries.waiting(session, clearing=Clearing.LOOK, today=beijing_date(utc_now()), provider=provider)
        made = operations.settle(session, actor=operator, provider=provider, tie_key=one.tie.key,
                                 outcome=Outcome.CLEARED, reason="核对身份证件，不是同一人", now=NOW)
        settlement = made.ref
    twice(interests.tell_settled, settlement_ref=settlement, organization_ref=ref)
    assert messages() == [(operator.person_id, "核对“{name}”的利益关系", "核对", True),
                          (admin.person_id, "利益关系已核对，可以配对：{label}", "", False)]
    assert news() == ["conflicts.declared", "conflicts.settled"]


def test_without_a_flag_nobody_is_asked(ctx):
    with transaction() as session:
        pair = make_pair(session)
        make_operator(session)
        declared(session, pair)
        ref = pair.provider.ref
    interests.ask_to_settle(organization_ref=ref)
    assert messages() == []


def test_a_finding_says_no_names_and_one_about_a_panel_says_nothing(ctx):
    with transaction() as session:
        pair, operator = make_flagged(session), make_operator(session)
        admin, ref = declared(session, pair), pair.provider.ref
        refs = []
        for ground in (Ground.STAFF_DECLARED, Ground.REVIEWER_UNSURE):
            row = ConflictSettlement(tie_key="k", ground=ground, provider_id=pair.provider.id, other_name="何静",
                                     outcome=Outcome.CONFIRMED, reason="何静曾任职", settled_by=operator.person_id,
                                     settled_at=NOW)
            session.add(row)
            session.flush()
            refs.append(row.ref)
    for settlement in refs:
        interests.tell_settled(settlement_ref=settlement, organization_ref=ref)
    assert messages() == [(admin.person_id, "利益关系已核对，不能配对：{label}", "", False)]
    kept = db.session.scalars(select(Message)).one()
    assert kept.facts == {"label": GROUNDS[Ground.STAFF_DECLARED].label}
    assert "何静" not in f"{kept.subject}{kept.body}{kept.facts}"
