"""Texts as sparse rows: what two texts have in common, whatever words they use."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.matching.rules import grams
from marketplace.matching.rules.grams import MOST_CHARACTERS, MOST_REPEATS, PIECE_BITS, Reader
from marketplace.search.rules.dictionary import Entry, EntryKind

SMALL = Reader([Entry("老年人", "老年人"), Entry("长者", "老年人"), Entry("认知症", "认知症", EntryKind.CONCEPT, ("老年人",)),
                Entry("失智", "认知症"), Entry("服务", "服务", EntryKind.GENERIC), Entry("南海区", "南海区", EntryKind.PLACE)])
LETTERS = st.text(alphabet="老年人长者认知症失智服务南海区社工abc12，。 ", max_size=40)


def row(text, of=SMALL):
    found = of.rows([[(text, 1.0)]])
    return dict(zip(found.indices.tolist(), found.data.tolist(), strict=True))


def concepts(text, of=SMALL):
    base = 1 << PIECE_BITS
    return {(of.concepts[(column - base) // 2], (column - base) % 2 == 0) for column in row(text, of) if column >= base}


def test_words_for_the_same_thing_are_the_same_column():
    assert concepts("长者") == concepts("老年人") == {("老年人", True), ("老年人", False)}


def test_a_concept_counts_for_what_lies_above_it_and_not_the_other_way():
    assert concepts("失智") == {("认知症", True), ("认知症", False), ("老年人", False)}
    assert ("认知症", False) not in concepts("长者")


@pytest.mark.parametrize("text", ["服务", "南海区", "服务服务", "南海区服务", "12345", "，。！", "", " "])
def test_places_generic_words_and_marks_say_nothing(text):
    assert row(text) == {}


def test_a_piece_never_reaches_over_a_mark_or_another_text():
    joined, apart = row("义诊"), row("义，诊")
    assert joined
    assert not apart
    both = SMALL.rows([[("义", 1.0)], [("诊", 1.0)]])
    assert both.nnz == 0


def test_a_word_said_often_is_worth_no_more_than_a_few_times():
    assert max(row("义诊，" * 500).values()) == MOST_REPEATS
    assert row("义诊") != row("义诊，义诊")


def test_a_text_is_read_to_its_limit():
    assert row("。" * MOST_CHARACTERS + "义诊") == {}


def test_wide_letters_and_capitals_are_read_as_plain_ones():
    assert row("ＡＢＣ") == row("abc") == row("ABC")


def test_weights_of_parts_are_the_weights_of_their_pieces():
    found = SMALL.rows([[("义诊", 2.0), ("义剪", 0.5)]])
    assert sorted(set(found.data.tolist())) == [0.5, 2.0]


def test_an_unpaired_surrogate_and_signs_outside_the_plane_are_no_danger():
    assert SMALL.rows([[("\ud800义诊𠮷", 1.0)]]).nnz == 1


@settings(max_examples=80, deadline=None)
@given(texts=st.lists(LETTERS, min_size=1, max_size=8))
def test_a_batch_reads_each_text_as_it_would_alone(texts):
    together = SMALL.rows([[(text, 1.0)] for text in texts])
    for number, text in enumerate(texts):
        line = together[[number]]
        assert dict(zip(line.indices.tolist(), line.data.tolist(), strict=True)) == pytest.approx(row(text))


def test_chunks_are_put_together_in_order(monkeypatch):
    texts = [[(f"第{'一二三四五六七'[n % 7]}组义诊", 1.0)] for n in range(23)]
    whole = SMALL.rows(texts)
    monkeypatch.setattr(grams, "CHUNK", 5)
    cut = SMALL.rows(texts)
    assert (whole != cut).nnz == 0
    assert whole.shape == cut.shape


def test_no_texts_make_no_rows():
    assert SMALL.rows([]).shape == (0, SMALL.columns)


@settings(max_examples=60, deadline=None)
@given(one=LETTERS, other=LETTERS)
def test_shared_words_stand_in_both_texts_in_one_form_or_another(one, other):
    rows = SMALL.rows([[(one, 1.0)], [(other, 1.0)]])
    common = np.intersect1d(rows[[0]].indices, rows[[1]].indices)
    words = SMALL.shared(common, [one])
    if not len(common):
        assert words == ()
    forms = {"老年人": ("老年人", "长者", "认知症", "失智"), "认知症": ("认知症", "失智")}
    for word in words:
        assert any(form in grams.plain(one) for form in forms.get(word, (word,)))


def test_the_hash_of_a_form_is_that_of_the_text():
    for term in ("养老", "居家养老服务", "abc"):
        codes, _, _ = grams._code_points([[(term, 1.0)]])
        rolling = np.zeros(len(codes), np.uint64)
        for size in range(1, len(term) + 1):
            rolling = grams._step(rolling[:len(codes) - size + 1], codes[size - 1:])
        assert int(grams._mix(rolling)[0]) == grams._hash_of(term)
