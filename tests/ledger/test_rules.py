"""The chart of accounts, postings, and what a journal's hash covers."""

import hashlib
import json

import pytest

from marketplace.core.money import Money
from marketplace.ledger.rules import AccountKind, Heading, Posting, account, journal_hash, kind_of, written
from tests.factories import NOW

HEADING = Heading("ref1", "key1", "pledge.promised", "pledge", "p1", written(NOW), 7, None)
LINES = [("commitment:f1", "promised:p1", 500)]


def test_a_code_names_its_kind_and_whose_it_is():
    assert account(AccountKind.HELD, "4b4w9mav6xbk") == "held:4b4w9mav6xbk"
    assert account(AccountKind.MILESTONE, "4b4w9mav6xbk", 2) == "milestone:4b4w9mav6xbk:2"
    assert kind_of("milestone:4b4w9mav6xbk:2") is AccountKind.MILESTONE


@pytest.mark.parametrize(("debit", "credit", "fen"), [
    ("held:a", "paid:a", 0), ("held:a", "paid:a", -1), ("held:a", "held:a", 5), ("pocket:a", "paid:a", 5), ("held:a", "", 5),
])
def test_a_posting_moves_a_positive_amount_between_two_accounts_of_the_chart(debit, credit, fen):
    with pytest.raises(ValueError, match=r"positive amount|AccountKind"):
        Posting(debit, credit, Money(fen))


def test_the_hash_is_that_of_a_canonical_text_that_others_can_make():
    text = '["ref1","key1","pledge.promised","pledge","p1","2026-11-23T02:00:00.000000+00:00",7,null,[["commitment:f1","promised:p1",500]]]'
    assert journal_hash(HEADING, LINES) == hashlib.sha256(text.encode()).hexdigest()
    assert json.loads(text)[-1] == [list(line) for line in LINES]


@pytest.mark.parametrize("change", [
    {"ref": "ref2"}, {"idem_key": "key2"}, {"kind": "x"}, {"subject_kind": "x"}, {"subject_ref": "x"}, {"at": "x"},
    {"actor_id": None}, {"reverses_ref": "ref0"},
])
def test_the_hash_covers_every_word_of_the_heading(change):
    assert journal_hash(HEADING._replace(**change), LINES) != journal_hash(HEADING, LINES)


@pytest.mark.parametrize("lines", [
    [("commitment:f1", "promised:p1", 501)], [("commitment:f1", "promised:p2", 500)], [("commitment:f2", "promised:p1", 500)],
    LINES * 2, [],
])
def test_the_hash_covers_every_transfer(lines):
    assert journal_hash(HEADING, lines) != journal_hash(HEADING, LINES)
