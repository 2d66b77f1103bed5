"""Offers, windows, canonical bytes, commitments, padding, receipts, what is missing."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.bids import rules
from marketplace.bids.rules import BidOffer, BidState, Part, PartState
from marketplace.core.errors import IllegalStep, Invalid
from marketplace.core.money import Money
from tests.factories import NOW
from tests.factories.bids import an_offer
from tests.factories.projects import CLOSES

ACTIONS = ("replace", "withdraw", "open", "mark_unreadable")
CEILING = Money.yuan(368_000)
TEXTS = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=200)


@pytest.mark.parametrize("state", BidState)
@pytest.mark.parametrize("action", ACTIONS)
def test_only_a_sealed_bid_goes_anywhere(state, action):
    if state is BidState.SEALED:
        assert rules.LIFECYCLE.after(state, action) is not BidState.SEALED
    else:
        with pytest.raises(IllegalStep):
            rules.LIFECYCLE.after(state, action)


def test_an_offer_never_prints_what_it_holds():
    offer = an_offer(price=Money(31_415_926), plan="秘密方案")
    for shown in (repr(offer), str(offer), f"{offer}", f"{[offer]}", f"{offer!r}"):
        assert "31415926" not in shown
        assert "秘密" not in shown
    error = Invalid("x", offer=offer)
    assert "秘密" not in repr(error.facts)


@pytest.mark.parametrize(("at", "is_open"), [
    (NOW - timedelta(microseconds=1), False), (NOW, True), (CLOSES - timedelta(microseconds=1), True), (CLOSES, False)])
def test_the_window_holds_its_beginning_and_not_its_end(at, is_open):
    assert rules.bidding_is_open(NOW, CLOSES, at) is is_open


@pytest.mark.parametrize(("published", "closes"), [(None, CLOSES), (NOW, None)])
def test_without_both_ends_there_is_no_window_and_no_opening(published, closes):
    assert not rules.bidding_is_open(published, closes, NOW)
    assert not rules.opening_is_due(None, NOW)
    assert rules.opens_at(None) is None


def test_the_opening_waits_exactly_a_minute():
    assert rules.opens_at(CLOSES) == CLOSES + timedelta(seconds=60)
    assert not rules.opening_is_due(CLOSES, CLOSES + timedelta(seconds=60) - timedelta(microseconds=1))
    assert rules.opening_is_due(CLOSES, CLOSES + timedelta(seconds=60))


@given(plan=TEXTS, team=TEXTS, fen=st.integers(0, 10**15), promises=st.lists(st.sampled_from(list(rules.PROMISES))))
def test_canonical_bytes_come_back_as_the_same_offer(plan, team, fen, promises):
    offer = an_offer(price=Money(fen), plan=plan, team=team, answers={"promises": promises})
    data = rules.canonical_bytes(offer)
    again = rules.read_canonical(data)
    assert rules.canonical_bytes(again) == data
    assert again.price == offer.price


def test_canonical_bytes_do_not_depend_on_the_order_of_answers_nor_on_composed_letters():
    one = an_offer(plan="caf\u00e9", answers={"a": 1, "b": 2})
    other = an_offer(plan="cafe\u0301", answers={"b": 2, "a": 1})
    assert rules.canonical_bytes(one) == rules.canonical_bytes(other)


def test_every_field_of_an_offer_is_in_its_canonical_bytes():
    offer = an_offer()
    seen = {rules.canonical_bytes(offer)}
    for name in rules.TEXT_FIELDS:
        seen.add(rules.canonical_bytes(replace(offer, **{name: "changed"})))
    seen.add(rules.canonical_bytes(replace(offer, price=Money(1))))
    seen.add(rules.canonical_bytes(replace(offer, answers={})))
    assert len(seen) == len(BidOffer.__dataclass_fields__) + 1


@pytest.mark.parametrize("junk", [b"", b"{}", b"\xff", b"[]", b'{"price_fen": "1"}', json.dumps({"price_fen": 1}).encode()])
def test_anything_else_is_no_offer(junk):
    with pytest.raises(ValueError):
        rules.read_canonical(junk)


def test_the_commitment_is_sha256_over_nonce_and_bytes_and_tells_every_change():
    nonce, data = bytes(range(32)), rules.canonical_bytes(an_offer())
    promised = rules.commitment(nonce, data)
    assert promised == hashlib.sha256(nonce + data).hexdigest()
    assert rules.commitment_holds(promised, nonce, data)
    assert not rules.commitment_holds(promised, nonce, data + b" ")
    assert not rules.commitment_holds(promised, bytes(32), data)
    with pytest.raises(ValueError, match="32"):
        rules.commitment(nonce[:31], data)


@given(st.binary(max_size=70_000), st.sampled_from([16, rules.PAD_STEP, rules.FILE_PAD_STEP]))
def test_padding_hides_the_length_and_gives_the_data_back(data, step):
    padded = rules.pad(data, step)
    assert len(padded) % step == 0
    assert len(padded) - len(data) - 4 < step
    assert rules.unpad(padded) == data


@pytest.mark.parametrize("junk", [b"", b"\0\0", b"\xff\xff\xff\xff1234"])
def test_what_was_not_padded_is_refused(junk):
    with pytest.raises(ValueError):
        rules.unpad(junk)


def test_a_receipt_number_carries_the_day_in_beijing_and_no_count():
    assert rules.receipt_number(NOW.replace(hour=23), "7k3m9qxw") == "R-20261124-7K3M9QXW"


def refuse(offer, words, field, **more):
    with pytest.raises(Invalid, match=words) as refused:
        rules.check_offer(offer, **{"ceiling": CEILING} | more)
    assert refused.value.field == field


def test_a_complete_offer_at_the_ceiling_passes():
    rules.check_offer(an_offer(price=CEILING), ceiling=CEILING)
    rules.check_offer(an_offer(price=CEILING), ceiling=None)
    rules.check_offer(an_offer(price=CEILING), ceiling=CEILING, fixed_price=CEILING)


@pytest.mark.parametrize("name", rules.REQUIRED_TEXTS)
def test_a_required_text_of_spaces_is_missing(name):
    refuse(an_offer(**{name: " \n"}), "请填写", name)


@pytest.mark.parametrize(("name", "limit"), rules.LIMITS.items())
def test_a_text_above_its_limit_says_both_lengths(name, limit):
    rules.check_offer(an_offer(**{name: "字" * limit}), ceiling=CEILING)
    refuse(an_offer(**{name: "字" * (limit + 1)}), f"最多 {limit} 字，现在是 {limit + 1} 字", name)


@pytest.mark.parametrize("key", rules.PROMISES)
def test_each_promise_must_be_ticked(key):
    left = [one for one in rules.PROMISES if one != key]
    refuse(an_offer(answers={"promises": left}), rules.PROMISES[key], "promises")


def test_answers_without_promises_are_no_promises():
    refuse(an_offer(answers={"promises": "true"}), "请勾选", "promises")


def test_prices_are_above_nothing_at_most_the_ceiling_and_the_fixed_one():
    refuse(an_offer(price=Money(0)), "大于 0", "price")
    refuse(an_offer(price=CEILING + Money(1)), "超过最高限价", "price")
    refuse(an_offer(), "固定价格", "price", fixed_price=CEILING)


def test_a_draft_becomes_an_offer_and_an_offer_a_draft():
    offer = an_offer(answers={"promises": list(rules.PROMISES), "files": [{"name": "a.pdf", "sha256": "0"}]})
    assert rules.offer_of(rules.fields_of(offer)) == offer
    with pytest.raises(Invalid, match="不是金额"):
        rules.offer_of({"price": "很多"})
    assert rules.offer_of({"price": "35.6万"}).price == Money.yuan(356_000)


@pytest.mark.parametrize(("part", "fields", "state"), [
    (Part.PRICE, {}, PartState.EMPTY), (Part.PRICE, {"price": "1"}, PartState.DONE),
    (Part.PLAN, {"summary": "x"}, PartState.STARTED), (Part.PLAN, {"plan": "x"}, PartState.DONE),
    (Part.CONTACT, {"contact_name": "x"}, PartState.STARTED), (Part.CONTACT, {"contact_name": "x", "contact_phone": "1"}, PartState.DONE),
    (Part.TRACK_RECORD, {}, PartState.EMPTY), (Part.TRACK_RECORD, {"track_record": "x"}, PartState.DONE),
    (Part.FILES, {"files": [{}]}, PartState.DONE), (Part.PROMISES, {"promises": ["true"]}, PartState.STARTED),
    (Part.PROMISES, rules.all_promises(), PartState.DONE), (Part.PROMISES, {"promises": ["other"]}, PartState.EMPTY)])
def test_how_far_a_part_is(part, fields, state):
    assert rules.part_state(part, fields) is state


def test_what_is_missing_comes_in_the_order_of_the_task_list_and_leaves_out_the_optional():
    assert rules.missing_parts({}) == [Part.PRICE, Part.PLAN, Part.TEAM, Part.CONTACT, Part.PROMISES]
    assert rules.missing_parts(rules.fields_of(an_offer())) == []


def test_every_state_part_and_verdict_has_a_word():
    assert set(rules.STATE_LABELS) == set(BidState)
    assert set(rules.PART_LABELS) == set(rules.PART_FIELDS) == set(Part)
    assert set(rules.PART_STATE_LABELS) == set(PartState)
    assert set(rules.VERDICT_LABELS) == set(rules.Verdict)
