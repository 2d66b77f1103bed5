"""Declaring, superseding, settling; what is refused; rows that the database itself keeps."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from marketplace.conflicts import operations, queries
from marketplace.conflicts.models import TABLES, ConflictDeclaration, ConflictSettlement
from marketplace.conflicts.rules import STATEMENT, Clearing, Declarer, Ground, Kind, Outcome, Relation, Stated
from marketplace.core.access import SYSTEM, Role
from marketplace.core.audit import AuditEvent
from marketplace.core.errors import Conflict, Denied, Invalid
from tests.factories import NOW
from tests.factories.conflicts import TODAY, admin_of, make_flagged, make_operator, make_pair, relate


def events(session, action):
    return list(session.scalars(sa.select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.id)))


def kind(session, pair):
    found = queries.conflict_bits(session, [pair.project.id], [pair.provider.id], today=TODAY)
    return found[pair.project.id, pair.provider.id].kind if found else None


def the_flag(session):
    one, = queries.waiting(session, clearing=Clearing.LOOK, today=TODAY)
    return one.tie.key


def say_none(session, pair):
    return operations.declare(session, actor=admin_of(session, pair.provider), organization=pair.provider, stated=[],
                              says_none=True, now=NOW)


def test_a_declaration_keeps_who_when_what_and_the_sentence_signed(session):
    pair = make_pair(session)
    admin = admin_of(session, pair.provider)
    said = Stated(Relation.EMPLOYMENT, "桐浦街道办事处", f" {pair.buyer.credit_code.lower()} ", "何静", words="曾任项目主管")
    made = operations.declare(session, actor=admin, organization=pair.provider, stated=[said], says_none=False,
                              words=" 另见附件 ", now=NOW)
    kept = session.get(ConflictDeclaration, made.id)
    assert (kept.declared_by, kept.declared_at, kept.says_none, kept.person_id) == (admin.person_id, NOW, False, None)
    assert kept.statement == STATEMENT[Declarer.PROVIDER]
    assert kept.words == "另见附件"
    relation, = kept.relations
    assert (relation.body_code, relation.person_name, relation.words) == (pair.buyer.credit_code, "何静", "曾任项目主管")
    event, = events(session, "conflicts.declare")
    assert event.facts == {"declaration": made.ref, "says_none": False, "relations": ["employment"]}
    assert "何静" not in str(event.facts)


def test_a_members_declaration_is_his_own(session):
    pair = make_pair(session)
    made = operations.declare_own(session, actor=pair.desk.handler, stated=[], says_none=True, now=NOW)
    assert (made.person_id, made.organization_id) == (pair.desk.handler.person_id, pair.buyer.id)
    assert [one.id for one in queries.declarations_by(session, pair.desk.handler.person_id)] == [made.id]
    assert queries.declarations_by(session, pair.desk.approver.person_id) == []
    assert len(events(session, "conflicts.declare_own")) == 1


@pytest.mark.parametrize("code", ["52440605MJ000002", "52440605MJ00000221"])
def test_a_wrong_code_is_refused_beside_its_field(session, code):
    pair = make_pair(session)
    with pytest.raises(Invalid) as refused:
        operations.declare_own(session, actor=pair.desk.handler, says_none=False, now=NOW,
                               stated=[Stated(Relation.BOARD, "甲"), Stated(Relation.BOARD, "乙", code)])
    assert refused.value.field == "relations-1-code"
    assert queries.declarations_by(session, pair.desk.handler.person_id) == []


def test_both_none_and_some_or_too_many_words_are_refused(session):
    pair = make_pair(session)
    admin = admin_of(session, pair.provider)
    for more in ({"says_none": True, "stated": [Stated(Relation.BOARD, "甲")]}, {"says_none": False, "stated": []},
                 {"says_none": True, "stated": [], "words": "长" * 501}):
        with pytest.raises(Invalid):
            operations.declare(session, actor=admin, organization=pair.provider, now=NOW, **more)


def test_a_member_who_is_no_administrator_and_a_stranger_cannot_declare_for_a_provider(session):
    pair = make_pair(session)
    for actor in (admin_of(session, pair.provider, role=Role.PROVIDER_MEMBER), pair.desk.handler, SYSTEM):
        with pytest.raises(Denied):
            operations.declare(session, actor=actor, organization=pair.provider, stated=[], says_none=True, now=NOW)
    with pytest.raises(Denied):
        operations.declare_own(session, actor=admin_of(session, pair.provider), stated=[], says_none=True, now=NOW)


# ---- settling ----

def test_none_alone_lifts_no_flag_and_clearing_needs_the_declaration_first(session):
    pair, operator = make_flagged(session), make_operator(session)
    key = the_flag(session)

    def clear():
        return operations.settle(session, actor=operator, provider=pair.provider, tie_key=key,
                                 outcome=Outcome.CLEARED, reason="核对身份证件，不是同一人", now=NOW)

    with pytest.raises(Conflict, match="还没有声明"):
        clear()
    declared = say_none(session, pair)
    assert kind(session, pair) is Kind.DECLARE_FIRST
    made = clear()
    assert kind(session, pair) is None
    assert (made.declaration_id, made.settled_by, made.ground) == (declared.id, operator.person_id,
                                                                   Ground.SAME_REPRESENTATIVE)
    event, = events(session, "conflicts.settle")
    assert (event.facts["outcome"], event.facts["by_withdrawal"]) == ("cleared", False)


def test_a_confirmed_flag_bars_and_a_newer_finding_supersedes(session):
    pair, operator = make_flagged(session), make_operator(session)
    key = the_flag(session)
    operations.settle(session, actor=operator, provider=pair.provider, tie_key=key, outcome=Outcome.CONFIRMED,
                      reason="同一人", now=NOW)
    assert kind(session, pair) is Kind.CONFLICT
    barred = queries.bars(session, pair.project.id, pair.provider.id, TODAY)
    assert (barred.ground, barred.bars) == (Ground.SAME_REPRESENTATIVE, True)
    say_none(session, pair)
    operations.settle(session, actor=operator, provider=pair.provider, tie_key=key, outcome=Outcome.CLEARED,
                      reason="已换届，重新核对", now=NOW)
    assert kind(session, pair) is None
    assert [one.outcome for one in queries.history(session, key)] == [Outcome.CLEARED, Outcome.CONFIRMED]


def test_new_evidence_is_a_new_flag(session):
    pair = make_flagged(session)
    say_none(session, pair)
    operations.settle(session, actor=make_operator(session), provider=pair.provider, tie_key=the_flag(session),
                      outcome=Outcome.CLEARED, reason="不是同一人", now=NOW)
    pair.provider.legal_representative = pair.buyer.legal_representative = "另一位"
    session.flush()
    assert kind(session, pair) is Kind.DECLARE_FIRST


def test_what_the_register_says_cannot_be_cleared_by_hand(session):
    pair, operator = make_pair(session), make_operator(session)
    relate(session, pair.provider, pair.buyer)
    found = queries.explain(session, pair.project, pair.provider, TODAY)
    with pytest.raises(Conflict, match="不能人工排除"):
        operations.settle(session, actor=operator, provider=pair.provider, tie_key=found[0].tie_key,
                          outcome=Outcome.CLEARED, reason="没有关系", now=NOW)
    assert kind(session, pair) is Kind.CONFLICT


def test_a_settlement_needs_a_reason_a_tie_that_holds_and_an_operator_of_another_organization(session):
    pair, operator = make_flagged(session), make_operator(session)
    key = the_flag(session)

    def settle(actor=operator, tie_key=key, reason="同一人"):
        return operations.settle(session, actor=actor, provider=pair.provider, tie_key=tie_key,
                                 outcome=Outcome.CONFIRMED, reason=reason, now=NOW)

    for reason in ("", "  ", "长" * 501):
        with pytest.raises(Invalid):
            settle(reason=reason)
    with pytest.raises(Denied):
        settle(tie_key="0" * 32)
    for actor in (admin_of(session, pair.provider), pair.desk.handler, SYSTEM,
                  replace(operator, organization_id=pair.provider.id)):
        with pytest.raises(Denied):
            settle(actor=actor)
    assert session.scalar(sa.select(sa.func.count()).select_from(ConflictSettlement)) == 0


# ---- the database keeps every row ----

@pytest.fixture
def kept(session):
    """One row in each table."""
    pair = make_flagged(session)
    operations.declare(session, actor=admin_of(session, pair.provider), organization=pair.provider, says_none=False,
                       stated=[Stated(Relation.OTHER, "甲")], now=NOW)
    operations.settle(session, actor=make_operator(session), provider=pair.provider, tie_key=the_flag(session),
                      outcome=Outcome.CONFIRMED, reason="同一人", now=NOW)
    return session


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("verb", ["UPDATE {0} SET ref = ref", "DELETE FROM {0}"])
def test_the_database_refuses_to_change_or_delete_a_row(kept, table, verb):
    if table == "declared_relation":
        verb = verb.replace("ref = ref", "words = words")
    with pytest.raises(sa.exc.DBAPIError, match="what was declared or settled is never changed"), kept.begin_nested():
        kept.execute(sa.text(verb.format(table)))
    assert kept.scalar(sa.text(f"SELECT count(*) FROM {table}")) == 1


@pytest.mark.parametrize("table", TABLES)
def test_postgresql_refuses_to_empty_a_table(kept, engine, table):
    statement = f"TRUNCATE {table} CASCADE" if engine == "postgresql" else f"DELETE FROM {table}"
    with pytest.raises(sa.exc.DBAPIError, match="never changed"), kept.begin_nested():
        kept.execute(sa.text(statement))
    assert kept.scalar(sa.text(f"SELECT count(*) FROM {table}")) == 1


@pytest.mark.parametrize(("declarer", "has_person"), [("staff", False), ("provider", True), ("nobody", False)])
def test_staff_have_a_person_and_a_provider_has_none(session, declarer, has_person):
    pair = make_pair(session)
    person = pair.desk.handler.person_id
    session.add(ConflictDeclaration(
        declarer=declarer, organization_id=pair.provider.id, person_id=person if has_person else None, says_none=True,
        statement="x", declared_by=person, declared_at=NOW))
    with pytest.raises(sa.exc.IntegrityError):
        session.flush()
