"""Canonical data, codes, numbers found in files, verdicts."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.documents import rules
from marketplace.documents.rules import Verdict

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12)


@given(PLAIN)
def test_the_order_of_keys_never_changes_the_canonical_bytes(data: object) -> None:
    def turned(value: object) -> object:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(list(value))}
        return [turned(part) for part in value] if isinstance(value, list) else value

    assert rules.canonical_json(turned(data)) == rules.canonical_json(data)


def test_canonical_data_keeps_chinese_as_it_is_and_has_no_blanks() -> None:
    assert rules.canonical_json({"b": [1, None], "a": "张𠮷"}) == '{"a":"张𠮷","b":[1,null]}'.encode()


@pytest.mark.parametrize("data", [{"price": 1.5}, [[0.1]], {1: "one"}])
def test_what_could_print_differently_elsewhere_is_refused(data: object) -> None:
    with pytest.raises(TypeError):
        rules.canonical_json(data)


def test_codes_are_sixteen_readable_characters_and_do_not_repeat() -> None:
    codes = {rules.new_verify_code() for _ in range(2_000)}
    assert len(codes) == 2_000
    assert all(len(code) == 19 and code.count("-") == 3 for code in codes)
    assert not set("".join(codes)) & set("01lio")


@pytest.mark.parametrize("typed", ["7KQ4M2XD9TXYH3VP", " 7kq4 m2xd 9txy h3vp ", "7kq4-M2xd—9txy－h3vp"])
def test_a_code_is_understood_however_it_is_typed(typed: str) -> None:
    assert rules.tidy_code(typed) == "7kq4-m2xd-9txy-h3vp"


def test_the_number_is_found_in_the_clear_in_a_stream_and_in_half_a_stream() -> None:
    packed = zlib.compress(b'{"document_number":"LC-HT-2026-0143","x":"' + bytes(range(200)) * 40 + b'"}')
    assert rules.number_in(b"%PDF-1.7\n3 0 obj <</FAIR_Number (LC-HT-2026-0007)/N 3>>") == "LC-HT-2026-0007"
    assert rules.number_in(b"%PDF-1.7 junk stream\n" + packed + b"\nendstream") == "LC-HT-2026-0143"
    assert rules.number_in(b"%PDF-1.7 stream\r\n" + packed[: len(packed) // 2]) == "LC-HT-2026-0143"


@pytest.mark.parametrize("data", [
    b"", b"%PDF-1.7 nothing here", b"stream\nnot zlib at all", b"/FAIR_Number (x)", b"/FAIR_Number (a b<script>c)"])
def test_no_number_is_made_up(data: bytes) -> None:
    assert rules.number_in(data) is None


def test_a_bomb_in_a_stream_costs_four_megabytes_not_a_gigabyte() -> None:
    bomb = zlib.compress(b"\0" * 60_000_000, 9)
    assert rules.number_in(b"%PDF stream\n" + bomb) is None
    assert len(rules._unpack(bomb)) <= rules.STREAM_LIMIT


def test_each_kind_of_change_gets_its_own_verdict() -> None:
    issued = b"%PDF-1.7 paper %%EOF\n"
    assert rules.compare(issued[:-4], issued, "N-1").verdict is Verdict.TRUNCATED
    assert rules.compare(issued + b"more", issued, "N-1").verdict is Verdict.ALTERED
    assert rules.compare(issued.replace(b"paper", b"taper"), issued, "N-1").verdict is Verdict.ALTERED
    signed = rules.compare(issued + b"/ByteRange [0 1 2 3]", issued, "N-1")
    assert signed.verdict is Verdict.SIGNATURE_INVALID
    assert signed.signers == ()
