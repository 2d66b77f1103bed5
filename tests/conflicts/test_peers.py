"""Providers tied to each other: which two may not share a contract, found by index as by comparing every pair."""

from datetime import date

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.conflicts import operations, queries
from marketplace.conflicts.queries.facts import MANY
from marketplace.conflicts.rules import (
    GROUNDS,
    PEER_LABELS,
    Body,
    Declared,
    Declarer,
    Facts,
    Ground,
    PeerTie,
    Relation,
    Stated,
    Stating,
    barred_from,
    peer_ties,
)
from marketplace.conflicts.rules.facts import plain_key
from marketplace.conflicts.rules.ties import ABOVE, MANAGING
from marketplace.core.db import db
from marketplace.organizations.rules import RELATIONS
from tests.factories import NOW
from tests.factories.conflicts import TODAY, admin_of, relate
from tests.factories.organizations import make_organization
from tests.factories.projects import make_desk

DAY = date(2026, 11, 23)
ALPHA = Body(1, "晨光社会工作服务中心", "52440605MJ0000022B", "林晓")
BETA = Body(2, "同乐助老服务中心", "52440605MJ0000033C", "何秀")


def facts(*bodies, stating=(), declared=()):
    return Facts(bodies={one.key: one for one in bodies}, buyers=frozenset(), stating=stating, declared=declared, today=DAY)


def grounds(*bodies, **rest):
    return [(tie.one, tie.other, tie.ground) for tie in peer_ties(facts(*bodies, **rest))]


# ---- the rule ----

def test_every_kind_of_tie_has_words_and_the_strength_that_it_has_against_a_buyer():
    assert set(PEER_LABELS) < set(Ground)
    for ground, label in PEER_LABELS.items():
        tie = PeerTie(1, 2, ground)
        assert tie.label == label
        assert tie.strength == GROUNDS[ground].strength
    assert {one for one in PEER_LABELS if PeerTie(1, 2, one).bars} == {Ground.CONTROL, Ground.HOSTED, Ground.UNIT_TREE}


@pytest.mark.parametrize("relation", list(RELATIONS))
def test_a_related_party_by_code_bars_where_it_controls_manages_or_is_led_by_the_same_person(relation):
    said = Stating(2, "随便写的名称", ALPHA.credit_code, relation)
    expected = Ground.CONTROL if relation in MANAGING else Ground.OTHER_RELATED
    assert (1, 2, expected) in grounds(ALPHA, BETA, stating=[said])
    assert barred_from(peer_ties(facts(ALPHA, BETA, stating=[said]))) == (
        {1: {2}, 2: {1}} if relation in MANAGING else {})


def test_what_an_unverified_body_says_of_another_is_a_flag():
    weak = Body(2, BETA.name, BETA.credit_code, "何秀", is_verified=False)
    assert grounds(ALPHA, weak, stating=[Stating(2, "", ALPHA.credit_code, "controls")]) == [(1, 2, Ground.OTHER_RELATED)]


def test_a_name_is_never_more_than_a_flag_and_a_look_alike_is_nothing():
    assert grounds(ALPHA, BETA, stating=[Stating(1, f" {BETA.name}", None, "controls")]) == [(1, 2, Ground.NAMED_RELATED)]
    assert grounds(ALPHA, BETA, stating=[Stating(1, BETA.name[:-1], None, "controls")]) == []
    same = Body(3, "另一家", "52440605MJ0000044D", "林 晓")
    assert grounds(ALPHA, same) == [(1, 3, Ground.SAME_REPRESENTATIVE)]
    assert peer_ties(facts(ALPHA, same), only_bars=True) == []


def test_units_above_and_hosts_bar_and_a_shared_controller_is_a_flag():
    center = Body(4, "区养老服务中心", "12440605MJ0000055E", "赵强", (9, 4))
    branch = Body(5, "区养老服务中心桐浦站", None, "钱敏", (9, 4, 5))
    filed = Body(6, "邻里互助队", None, "孙梅", host=1)
    assert grounds(ALPHA, center, branch, filed) == [(1, 6, Ground.HOSTED), (4, 5, Ground.UNIT_TREE)]
    above = [Stating(1, "某集团", "91440605MJ0000066F", "controlled"), Stating(2, "某集团", "91440605MJ0000066F", "sponsor")]
    assert grounds(ALPHA, BETA, stating=above) == [(1, 2, Ground.SHARED_CONTROLLER)]


def declaration(relation=Relation.CONTROL, person="", until=None, declarer=Declarer.PROVIDER):
    return Declared(declarer, (2,), relation, ALPHA.name, ALPHA.credit_code, person_name=person, until=until)


@pytest.mark.parametrize(("said", "expected"), [
    (declaration(), [Ground.CONTROL]), (declaration(Relation.SPONSOR), [Ground.CONTROL]),
    (declaration(person="林晓"), [Ground.OTHER_RELATED]), (declaration(Relation.BOARD), [Ground.OTHER_RELATED]),
    (declaration(until=date(2023, 11, 23)), []), (declaration(declarer=Declarer.STAFF), [])])
def test_what_a_provider_declares_of_another_by_code(said, expected):
    assert [ground for _, _, ground in grounds(ALPHA, BETA, declared=[said])] == expected


def test_nobody_is_tied_to_itself():
    own = [Stating(1, ALPHA.name, ALPHA.credit_code, "controls"), Stating(1, ALPHA.name, None, "other")]
    assert grounds(ALPHA, stating=own) == []


@st.composite
def worlds(draw):
    """A few bodies with everything between them, codes and names shared on purpose."""
    keys = range(1, draw(st.integers(2, 6)) + 1)
    bodies = [Body(key, f"名{draw(st.integers(1, 3))}", draw(st.sampled_from([None, f"C{key}"])),
                   draw(st.sampled_from(["", "张三", "李四"])), tuple(draw(st.lists(st.integers(1, 6), max_size=2))),
                   draw(st.sampled_from([None, 1, 2, 99])), draw(st.booleans()), draw(st.booleans())) for key in keys]
    some = st.builds(Stating, st.integers(1, 7), st.sampled_from(["名1", "名2", "外"]),
                     st.sampled_from([None, "C1", "C2", "C3", "CX"]), st.sampled_from(list(RELATIONS)))
    return facts(*bodies, stating=draw(st.lists(some, max_size=8)))


def by_comparing(one, other, world):
    """Whether two are barred from one contract, by the words of the rule alone."""
    for mine, theirs in ((one, other), (other, one)):
        if theirs.key in mine.path or mine.host == theirs.key:
            return True
        if any(said.by == mine.key and said.code and said.code == theirs.credit_code and mine.is_verified
               and said.relation in MANAGING for said in world.stating):
            return True
    return False


def flagged(one, other, world):
    """Whether anything at all stands between two."""
    codes = [{said.code for said in world.stating if said.by == body.key and said.code and said.relation in ABOVE}
             for body in (one, other)]
    stated = any(said.by == mine.key and (said.code == theirs.credit_code if said.code
                                          else plain_key(said.name) == plain_key(theirs.name))
                 for mine, theirs in ((one, other), (other, one)) for said in world.stating)
    return bool(codes[0] & codes[1]) or stated or bool(one.representative and one.representative == other.representative)


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_the_index_finds_what_comparing_every_pair_finds(world):
    bodies = [one for one in world.bodies.values() if one.is_provider]
    pairs = [(one, other) for one in bodies for other in bodies if one.key < other.key]
    barred = {(one.key, other.key) for one, other in pairs if by_comparing(one, other, world)}
    every = barred | {(one.key, other.key) for one, other in pairs if flagged(one, other, world)}
    found = peer_ties(world)
    assert {(tie.one, tie.other) for tie in found if tie.bars} == barred
    assert {(tie.one, tie.other) for tie in found} == every
    assert peer_ties(world, only_bars=True) == [tie for tie in found if tie.bars]
    assert barred_from(found) == {key: frozenset({*(b for a, b in barred if a == key), *(a for a, b in barred if b == key)})
                                  for key in {key for pair in barred for key in pair}}


# ---- the reading ----

def test_ties_are_read_from_the_register_and_from_declarations(session):
    one, other, third, stranger = (make_organization(session, legal_representative=name) for name in ("陈甲", "林乙", "何丙", "黄丁"))
    relate(session, one, other)
    operations.declare(session, actor=admin_of(session, third), organization=third, says_none=False, now=NOW, stated=[
        Stated(Relation.CONTROL, other.name, other.credit_code)])
    keys = [body.id for body in (one, other, third, stranger)]
    assert queries.barred_together(session, keys, today=TODAY) == {
        one.id: {other.id}, other.id: {one.id, third.id}, third.id: {other.id}}
    assert queries.barred_together(session, [one.id, third.id, stranger.id], today=TODAY) == {}
    assert queries.barred_together(session, [one.id], today=TODAY) == {}
    assert {(tie.one, tie.other, tie.bars) for tie in queries.ties_together(session, keys, today=TODAY)} == {
        (one.id, other.id, True), (other.id, third.id, True)}


def test_the_strongest_tie_of_two_is_told_once(session):
    one, other = make_organization(session, legal_representative="黎振华"), make_organization(session, legal_representative="黎振华")
    assert [tie.ground for tie in queries.ties_together(session, [one.id, other.id], today=TODAY)] == [Ground.SAME_REPRESENTATIVE]
    relate(session, other, one, "legal_representative")
    assert [tie.ground for tie in queries.ties_together(session, [one.id, other.id], today=TODAY)] == [Ground.CONTROL]


def test_the_number_of_statements_does_not_grow_with_the_providers(session):
    make_desk(session)
    few = [make_organization(session).id for _ in range(3)]
    many = [*few, *(make_organization(session).id for _ in range(9))]

    def statements(keys):
        session.flush()
        said = []
        engine = db.engine
        note = lambda *args: said.append(args[2])  # noqa: E731
        sa.event.listen(engine, "before_cursor_execute", note)
        queries.barred_together(session, keys, today=TODAY)
        sa.event.remove(engine, "before_cursor_execute", note)
        return len(said)

    assert statements(few) == statements(many) == statements([*many, *range(10**6, 10**6 + MANY)]) <= 4
