"""Grounds, what may settle them, what a declaration may say, and ties found by index as by comparing every pair."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.conflicts import rules
from marketplace.conflicts.rules import (
    GROUNDS,
    Backer,
    Body,
    Clearing,
    Declared,
    Declarer,
    Facts,
    Ground,
    Hat,
    Outcome,
    Relation,
    Reviewer,
    Side,
    Stated,
    Stating,
    Strength,
    ties,
)
from marketplace.conflicts.rules.facts import plain_key
from marketplace.conflicts.rules.ties import ABOVE, MANAGING
from marketplace.core.errors import Invalid
from marketplace.organizations.rules import RELATIONS

TODAY = date(2026, 11, 23)
BUYER = Body(1, "桐浦街道办事处", "11440605MJ0000011A", "梁主任", (9, 1), is_provider=False)
ROOT = Body(9, "澜川区人民政府", None, "", (9,), is_provider=False)
ALPHA = Body(2, "晨光社会工作服务中心", "52440605MJ0000022B", "林晓")
OF_PEOPLE = {Ground.STAFF_MANDATE, Ground.STAFF_DECLARED, Ground.STAFF_UNSURE, Ground.REVIEWER_EMPLOYER,
             Ground.REVIEWER_MANDATE, Ground.REVIEWER_UNSURE}


def world(*bodies, **facts):
    """Facts with the buyer, its root and the given bodies."""
    every = {one.key: one for one in (BUYER, ROOT, *bodies)}
    return Facts(bodies=every, **{"buyers": frozenset({1}), "today": TODAY, **facts})


def found(facts):
    """The ties as (ground, provider, side, anchor)."""
    return {(tie.ground, tie.provider, tie.side, tie.anchor) for tie in ties(facts)}


# ---- grounds ----

def test_every_ground_has_words_a_source_and_places_that_can_be_filled():
    assert set(GROUNDS) == set(Ground)
    for text in GROUNDS.values():
        assert text.label
        assert text.source
        for sentence in (text.sentence, text.told):
            assert sentence.format(provider="甲", other="乙", detail="丙")
        assert "{provider}" in text.sentence


def test_what_the_provider_reads_names_no_person_of_the_other_side():
    for ground in OF_PEOPLE:
        assert not re.search(r"\{(other|detail)\}", GROUNDS[ground].told), ground


def test_the_provider_does_not_learn_who_funds_in_secret():
    assert "{other}" not in GROUNDS[Ground.FUNDER_RELATED].told + GROUNDS[Ground.FUNDER_UNSURE].told


@pytest.mark.parametrize("ground", list(Ground))
@pytest.mark.parametrize("outcome", [None, *Outcome])
def test_what_is_left_of_a_ground_after_a_look(ground, outcome):
    text = GROUNDS[ground]
    left = rules.strength_after(ground, outcome)
    if text.clearing is Clearing.NEVER or outcome is None:
        assert left is text.strength
    else:
        assert left is (Strength.BARS if outcome is Outcome.CONFIRMED else None)


def test_flags_are_lifted_by_a_look_and_bars_never_or_by_withdrawal():
    for ground, text in GROUNDS.items():
        if ground is Ground.IDENTITY:
            assert text.clearing is Clearing.NEVER
        elif text.strength is Strength.FLAG:
            assert text.clearing is Clearing.LOOK
        else:
            assert text.clearing in (Clearing.NEVER, Clearing.WITHDRAWAL)
        assert rules.is_bar(ground) is (text.strength is Strength.BARS)


# ---- the three years ----

@pytest.mark.parametrize(("since", "until", "counts"), [
    (None, None, True), (date(2001, 1, 1), None, True), (TODAY, None, True), (TODAY + timedelta(1), None, False),
    (None, date(2023, 11, 23), False), (None, date(2023, 11, 24), True), (None, date(2030, 1, 1), True),
    (date(2027, 1, 1), date(2028, 1, 1), False),
])
def test_a_relation_counts_for_three_years_after_its_end(since, until, counts):
    assert rules.counts_on(since, until, TODAY) is counts


def test_three_years_before_a_leap_day_is_the_last_of_february():
    assert rules.years_before(date(2028, 2, 29), 3) == date(2025, 2, 28)
    assert rules.years_before(date(2028, 2, 29), 4) == date(2024, 2, 29)


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_an_ended_relation_never_counts_again(until, today):
    if not rules.counts_on(None, until, today):
        assert not rules.counts_on(None, until, today + timedelta(days=1))


# ---- what a declaration may say ----

SAID = Stated(Relation.EMPLOYMENT, "桐浦街道办事处")


@pytest.mark.parametrize(("declarer", "stated", "says_none", "field"), [
    (Declarer.PROVIDER, [], False, "says_none"), (Declarer.PROVIDER, [SAID], True, "says_none"),
    (Declarer.PROVIDER, [SAID] * 21, False, "says_none"),
    (Declarer.PROVIDER, [SAID, replace(SAID, body="")], False, "relations-1-body"),
    (Declarer.PROVIDER, [replace(SAID, since=TODAY + timedelta(1))], False, "relations-0-since"),
    (Declarer.PROVIDER, [replace(SAID, since=TODAY, until=TODAY - timedelta(1))], False, "relations-0-until"),
    (Declarer.STAFF, [replace(SAID, relation=Relation.SPONSOR)], False, "relations-0-relation"),
    (Declarer.STAFF, [replace(SAID, relation=Relation.REQUIREMENT)], False, "relations-0-relation"),
])
def test_a_declaration_that_nobody_could_check_is_refused_beside_its_field(declarer, stated, says_none, field):
    with pytest.raises(Invalid) as refused:
        rules.check_stated(declarer, stated, says_none=says_none, today=TODAY)
    assert refused.value.field == field


@pytest.mark.parametrize("declarer", list(Declarer))
def test_none_or_some_is_accepted(declarer):
    assert rules.check_stated(declarer, [], says_none=True, today=TODAY) is None
    assert rules.check_stated(declarer, [SAID] * 20, says_none=False, today=TODAY) is None


# ---- ties with the buyer ----

def test_two_strangers_have_no_tie():
    assert found(world(ALPHA)) == set()


def test_the_buyer_itself_and_the_units_above_and_below_it_are_barred():
    below = Body(3, "桐浦社区服务中心", path=(9, 1, 3))
    beside = Body(4, "白鹭街道办事处", path=(9, 4))
    facts = world(below, beside, replace(BUYER, is_provider=True), replace(ROOT, is_provider=True))
    assert found(facts) == {(Ground.BUYER_ITSELF, 1, Side.BUYER, 1), (Ground.UNIT_TREE, 3, Side.BUYER, 1),
                            (Ground.UNIT_TREE, 9, Side.BUYER, 1)}


def test_a_filed_body_and_its_host_are_tied_both_ways():
    assert found(world(replace(ALPHA, host=1))) == {(Ground.HOSTED, 2, Side.BUYER, 1)}
    assert found(world(ALPHA, replace(BUYER, host=2))) == {(Ground.HOSTED, 2, Side.BUYER, 1)}


@pytest.mark.parametrize(("name", "is_flag"), [
    ("梁主任", True), ("梁 主任", True), ("梁主仼", False), ("", False), ("梁主任任", False),
])
def test_the_same_name_of_the_representative_is_a_flag_and_a_look_alike_is_nothing(name, is_flag):
    wanted = {(Ground.SAME_REPRESENTATIVE, 2, Side.BUYER, 1)} if is_flag else set()
    assert found(world(replace(ALPHA, representative=name))) == wanted


@pytest.mark.parametrize("relation", sorted(RELATIONS))
@pytest.mark.parametrize("by_provider", [True, False])
def test_a_related_party_by_code_bars_where_it_controls_or_manages(relation, by_provider):
    said = Stating(2, "写错的名称", BUYER.credit_code, relation) if by_provider else Stating(1, "", ALPHA.credit_code, relation)
    ground = Ground.CONTROL if relation in MANAGING else Ground.OTHER_RELATED
    assert found(world(ALPHA, stating=[said])) == {(ground, 2, Side.BUYER, 1)}


def test_a_related_party_without_a_code_is_a_flag():
    assert found(world(ALPHA, stating=[Stating(2, BUYER.name, None, "controlled")])) == {
        (Ground.NAMED_RELATED, 2, Side.BUYER, 1)}
    assert found(world(ALPHA, stating=[Stating(1, ALPHA.name, None, "controls")])) == {
        (Ground.NAMED_RELATED, 2, Side.BUYER, 1)}


def test_an_unverified_body_cannot_bar_another_by_naming_it():
    facts = world(ALPHA, replace(BUYER, is_verified=False), stating=[Stating(1, "", ALPHA.credit_code, "controls")])
    assert found(facts) == {(Ground.OTHER_RELATED, 2, Side.BUYER, 1)}


def test_one_controller_of_both_is_a_flag_and_one_subsidiary_of_both_is_nothing():
    code = "91440605MJ0000033C"
    both = [Stating(1, "集团", code, "controlled"), Stating(2, "集团", code, "sponsor")]
    assert found(world(ALPHA, stating=both)) == {(Ground.SHARED_CONTROLLER, 2, Side.BUYER, 1)}
    down = [replace(one, relation="controls") for one in both]
    assert found(world(ALPHA, stating=down)) == set()


# ---- ties with funders ----

FOUND = Body(5, "望江基金会", "53440605MJ0000055D", "陶理事", is_provider=False)


def funded(*bodies, backer=None, **facts):
    """Facts of a project that a foundation stands behind."""
    return world(FOUND, *bodies, backers=[backer or Backer(77, 5, name="望江基金会·助老基金")], **facts)


def test_a_funder_may_not_carry_out_what_it_funds():
    assert found(funded(replace(FOUND, is_provider=True))) == {(Ground.FUNDER_ITSELF, 5, Side.FUNDER, 77)}


@pytest.mark.parametrize("relation", sorted(RELATIONS))
def test_the_interested_party_of_a_funder_is_barred_by_code(relation):
    ground = Ground.FUNDER_RELATED if relation in MANAGING else Ground.FUNDER_UNSURE
    assert found(funded(ALPHA, stating=[Stating(2, "", FOUND.credit_code, relation)])) == {(ground, 2, Side.FUNDER, 77)}


def test_by_name_alone_a_funder_is_a_flag():
    wanted = {(Ground.FUNDER_UNSURE, 2, Side.FUNDER, 77)}
    assert found(funded(replace(ALPHA, representative="陶理事"))) == wanted
    assert found(funded(ALPHA, stating=[Stating(2, FOUND.name, None, "sponsor")])) == wanted
    person = Backer(77, None, "林晓", "林晓")
    assert found(funded(ALPHA, backer=person)) == wanted


def test_a_body_hosted_by_the_funder_is_barred_and_two_funds_of_one_foundation_are_two_anchors():
    assert found(funded(replace(ALPHA, host=5))) == {(Ground.FUNDER_RELATED, 2, Side.FUNDER, 77)}
    facts = world(FOUND, replace(ALPHA, host=5), backers=[Backer(77, 5), Backer(78, 5)])
    assert {anchor for _, _, _, anchor in found(facts)} == {77, 78}


def test_a_foundation_that_runs_projects_and_names_itself_is_one_ground_and_a_stranger_tells_nothing():
    facts = funded(replace(FOUND, is_provider=True), ALPHA, stating=[
        Stating(5, FOUND.name, FOUND.credit_code, "branch"), Stating(404, "", ALPHA.credit_code, "controls")])
    assert found(facts) == {(Ground.FUNDER_ITSELF, 5, Side.FUNDER, 77)}
    assert found(funded(ALPHA, backer=Backer(77, 404))) == set()


# ---- ties of people ----

def test_who_buys_and_acts_for_the_provider_bars():
    assert found(world(ALPHA, hats=[Hat(1, 31, "何静", 2)])) == {(Ground.STAFF_MANDATE, 2, Side.BUYER, 1)}
    assert found(world(replace(BUYER, is_provider=True), hats=[Hat(1, 31, "何静", 1)])) == {
        (Ground.BUYER_ITSELF, 1, Side.BUYER, 1)}


@pytest.mark.parametrize(("reviewer", "ground"), [
    (Reviewer(70, 41, "专家", employer=2), Ground.REVIEWER_EMPLOYER),
    (Reviewer(70, 41, "专家", employer_name="晨光社会工作服务中心"), Ground.REVIEWER_UNSURE),
    (Reviewer(70, 41, "专家", acted_for=frozenset({2})), Ground.REVIEWER_MANDATE),
    (Reviewer(70, 41, "专家", employer=1, employer_name="晨光社会工作服务中心"), None),
    (Reviewer(70, 41, "专家", employer_name="别的单位"), None), (Reviewer(70, 41, "专家", employer=404), None),
])
def test_the_employer_of_a_reviewer_is_tied_to_that_project_only(reviewer, ground):
    wanted = {(ground, 2, Side.PROJECT, 70)} if ground else set()
    assert found(world(ALPHA, reviewers=[reviewer])) == wanted


# ---- ties from declarations ----

def declared(declarer, relation, *, code=None, name="", **more):
    owners = (2,) if declarer is Declarer.PROVIDER else (1,)
    return Declared(declarer, owners, relation, name, code, **more)


@pytest.mark.parametrize("relation", rules.STAFF_RELATIONS)
@pytest.mark.parametrize("by_code", [True, False])
def test_what_staff_declare_bars_by_code_and_flags_by_name(relation, by_code):
    one = declared(Declarer.STAFF, relation, code=ALPHA.credit_code if by_code else None, name=ALPHA.name, person=31)
    ground = Ground.STAFF_DECLARED if by_code and relation is not Relation.OTHER else Ground.STAFF_UNSURE
    assert found(world(ALPHA, declared=[one])) == {(ground, 2, Side.BUYER, 1)}


def test_staff_who_name_a_code_that_nobody_has_tie_nobody_even_when_the_name_fits():
    one = declared(Declarer.STAFF, Relation.BOARD, code="52440605MJ0000099X", name=ALPHA.name, person=31)
    assert found(world(ALPHA, declared=[one])) == set()


PROVIDER_SAYS = {
    (Relation.EMPLOYMENT, ""): Ground.PROVIDER_DECLARED, (Relation.BOARD, ""): Ground.PROVIDER_DECLARED,
    (Relation.KIN, "何静"): Ground.PROVIDER_DECLARED, (Relation.CONTROL, ""): Ground.CONTROL,
    (Relation.SPONSOR, ""): Ground.CONTROL, (Relation.CONTROL, "何静"): Ground.PROVIDER_DECLARED,
    (Relation.REQUIREMENT, ""): Ground.PROVIDER_UNSURE, (Relation.OTHER, ""): Ground.PROVIDER_UNSURE,
}


@pytest.mark.parametrize(("said", "ground"), PROVIDER_SAYS.items(), ids=str)
def test_what_a_provider_declares_about_the_buyer(said, ground):
    relation, person = said
    sure = declared(Declarer.PROVIDER, relation, code=BUYER.credit_code, name=BUYER.name, person_name=person)
    assert found(world(ALPHA, declared=[sure])) == {(ground, 2, Side.BUYER, 1)}
    unsure = replace(sure, code=None)
    assert found(world(ALPHA, declared=[unsure])) == {(Ground.PROVIDER_UNSURE, 2, Side.BUYER, 1)}


@pytest.mark.parametrize("relation", list(Relation))
def test_what_a_provider_declares_about_a_funder(relation):
    owning = relation in (Relation.CONTROL, Relation.SPONSOR, Relation.BOARD)
    one = declared(Declarer.PROVIDER, relation, code=FOUND.credit_code, name=FOUND.name)
    assert found(funded(ALPHA, declared=[one])) == {
        (Ground.FUNDER_RELATED if owning else Ground.FUNDER_UNSURE, 2, Side.FUNDER, 77)}
    named = declared(Declarer.PROVIDER, relation, name="林晓")
    assert found(funded(ALPHA, backer=Backer(77, None, "林 晓", "林晓"), declared=[named])) >= {
        (Ground.FUNDER_UNSURE, 2, Side.FUNDER, 77)}


def test_a_declared_relation_that_ended_three_years_ago_ties_nobody():
    one = declared(Declarer.PROVIDER, Relation.BOARD, code=BUYER.credit_code, name=BUYER.name)
    old = replace(one, until=date(2023, 11, 23))
    assert found(world(ALPHA, declared=[old])) == set()
    assert found(world(ALPHA, declared=[replace(one, until=date(2023, 11, 24))])) != set()


# ---- the key of a tie ----

def test_a_tie_has_another_key_when_its_evidence_changes():
    same = [tie.key for name in ("梁主任", "梁 主任") for tie in ties(world(replace(ALPHA, representative=name)))]
    other = [tie.key for tie in ties(world(replace(ALPHA, representative="张伟"), replace(BUYER, representative="张伟")))]
    assert same[0] == same[1]
    assert len({*same, *other}) == 2
    assert re.fullmatch(r"[0-9a-f]{32}", same[0])


# ---- found by index as by comparing every pair ----

CODES, NAMES, PEOPLE = ("A", "B", "C", "D"), ("甲", "乙", "丙"), ("", "王", "李")


@st.composite
def worlds(draw):
    """Small worlds in which codes, names and people meet often."""
    size = draw(st.integers(1, 7))
    codes = draw(st.permutations([*CODES, None, None, None]))
    paths, bodies = {}, {}
    for key in range(1, size + 1):
        above = draw(st.sampled_from([None, *range(1, key)]))
        paths[key] = (*paths.get(above, ()), key) if draw(st.booleans()) and (above is None or paths[above]) else ()
        bodies[key] = Body(key, draw(st.sampled_from(NAMES)), codes[key - 1], draw(st.sampled_from(PEOPLE)), paths[key],
                           draw(st.sampled_from([None, *range(1, size + 1)])), draw(st.booleans()), draw(st.booleans()))
    keys = st.sampled_from(sorted(bodies))
    stating = draw(st.lists(st.builds(Stating, keys, st.sampled_from(NAMES), st.sampled_from([None, *CODES]),
                                      st.sampled_from(sorted(RELATIONS))), max_size=6))
    return Facts(bodies=bodies, buyers=frozenset(draw(st.sets(keys, max_size=3))), stating=stating, today=TODAY)


def between(facts, provider, buyer):
    """The grounds between one provider and one buyer, by the definition: each looked at by itself."""
    if provider.key == buyer.key:
        return {Ground.BUYER_ITSELF} | ({Ground.HOSTED} if provider.host == buyer.key else set())
    grounds = set()
    if buyer.key in provider.path or provider.key in buyer.path:
        grounds.add(Ground.UNIT_TREE)
    if provider.host == buyer.key or buyer.host == provider.key:
        grounds.add(Ground.HOSTED)
    if provider.representative and provider.representative == buyer.representative:
        grounds.add(Ground.SAME_REPRESENTATIVE)
    for said in facts.stating:
        grounds |= said_between(said, provider, buyer)
    above = [{said.code for said in facts.stating if said.by == one.key and said.code and said.relation in ABOVE}
             for one in (provider, buyer)]
    return grounds | ({Ground.SHARED_CONTROLLER} if above[0] & above[1] else set())


def said_between(said, provider, buyer):
    """The ground of one stated relation between the two."""
    for by, other in ((provider, buyer), (buyer, provider)):
        if said.by != by.key:
            continue
        if said.code is None:
            return {Ground.NAMED_RELATED} if plain_key(said.name) == plain_key(other.name) else set()
        if said.code == other.credit_code:
            is_known = by is provider or buyer.is_verified
            return {Ground.CONTROL if is_known and said.relation in MANAGING else Ground.OTHER_RELATED}
    return set()


@settings(max_examples=400, deadline=None)
@given(worlds())
def test_the_index_finds_what_comparing_every_pair_finds(facts):
    wanted = {(ground, provider.key, Side.BUYER, buyer)
              for provider in facts.bodies.values() if provider.is_provider for buyer in facts.buyers
              for ground in between(facts, provider, facts.bodies[buyer])}
    assert found(facts) == wanted


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_ties_do_not_depend_on_the_order_of_the_facts(facts):
    turned = replace(facts, bodies=dict(reversed(facts.bodies.items())), stating=facts.stating[::-1])
    assert {tie.key for tie in ties(facts)} == {tie.key for tie in ties(turned)}
