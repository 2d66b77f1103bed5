"""Saved searches: when digests leave, what is kept of a question, what is said."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.clock import at_beijing, beijing
from marketplace.core.db import db
from marketplace.core.searching import Role, Sort
from marketplace.search.queries.languages import language_of
from marketplace.search.rules.question import Question
from marketplace.search.rules.saved import (
    FREQUENCY_LABELS,
    MARGIN,
    PROMISES,
    Channel,
    Frequency,
    frequencies_at,
    is_update,
    kept,
    new_token,
    news_sentence,
    next_digest,
    question_at,
    watched,
)
from marketplace.web.services import services

MOMENTS = st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2035, 12, 31), timezones=st.just(UTC))


@pytest.mark.parametrize(("frequency", "now", "due"), [
    (Frequency.DAILY, (23, 7, 49), (23, 8, 0)),       # a Monday
    (Frequency.DAILY, (23, 7, 55), (23, 8, 10)),      # too near: the digest of eight may be on its way
    (Frequency.DAILY, (23, 8, 0), (24, 8, 0)),
    (Frequency.DAILY, (23, 23, 59), (24, 8, 0)),
    (Frequency.WEEKLY, (23, 7, 0), (23, 8, 0)),
    (Frequency.WEEKLY, (23, 8, 0), (30, 8, 0)),
    (Frequency.WEEKLY, (29, 23, 0), (30, 8, 0)),
])
def test_digests_leave_at_eight_in_beijing(frequency, now, due):
    moment = at_beijing(date(2026, 11, now[0]), now[1], now[2])
    assert next_digest(frequency, moment) == at_beijing(date(2026, 11, due[0]), due[1], due[2])


@given(now=MOMENTS, frequency=st.sampled_from([Frequency.DAILY, Frequency.WEEKLY]))
def test_a_digest_is_never_nearer_than_the_margin_nor_farther_than_its_rhythm(now, frequency):
    due = next_digest(frequency, now)
    assert MARGIN <= due - now <= timedelta(days=7 if frequency == Frequency.WEEKLY else 1) + MARGIN
    assert (beijing(due).hour, beijing(due).minute) in {(8, 0), (8, 10)}
    assert frequency in frequencies_at(due), "the job of that moment tells it"


def test_who_wants_it_at_once_is_not_in_a_digest():
    assert frequencies_at(None) == (Frequency.AT_ONCE,)
    assert Frequency.AT_ONCE not in frequencies_at(at_beijing(date(2026, 11, 23), 8))


def test_what_moves_with_the_clock_is_not_kept():
    asked = Question(text="助餐", filters={"area": ("440605",)}, due_days=7, sort=Sort.CLOSING, amount_to=30000)
    assert kept(asked) == Question(text="助餐", filters={"area": ("440605",)}, amount_to=30000)
    assert question_at(kept(asked).address()) == kept(asked)
    assert kept(Question(plain=True, due_days=7)).is_empty


@pytest.mark.parametrize("text", ["！！！", "🙂", " - ", "“”"])
def test_signs_alone_are_not_kept(text: str):
    assert kept(Question(text=text, plain=True)).is_empty
    assert kept(Question(text=text, kinds=("project",))) == Question(kinds=("project",))


def test_everything_asked_is_demanded_even_what_the_index_has_never_seen(ctx):
    language = language_of(db.session(), services(), "")
    request = watched(Question(text="上海 助餐 探访"), language, at_beijing(date(2026, 11, 23), 10))
    counted = [clause for clause in request.clauses if clause.role == Role.COUNTED]
    assert request.least == len(counted) == 2
    assert [clause.role for clause in request.clauses].count(Role.MUST) == 1, "the place"
    assert request.facets == ()


@pytest.mark.parametrize(("key", "words"), [
    ("new", "新发布"), ("deadline:2026-12-14T09:00:00+00:00", "截止时间改为 2026-12-14 17:00"), ("addendum:2", "发布第 2 号澄清"),
    ("answer:abc", "公开答复了一条提问"), ("ended", "项目流标或终止"), ("something:else", "内容有更新"),
])
def test_each_kind_of_news_has_its_sentence(key, words):
    sentence, facts = news_sentence(key)
    assert sentence.format(**facts) == words


def test_news_that_begin_with_publication_are_new_and_others_updates():
    assert not is_update(["new", "addendum:1"])
    assert is_update(["deadline:x", "addendum:1"])


def test_every_choice_has_its_promise_and_tokens_are_long_and_different():
    assert set(PROMISES) == {(frequency, channel) for frequency in FREQUENCY_LABELS for channel in Channel}
    assert all("可随时关闭" in sentence for sentence in PROMISES.values())
    assert len({new_token() for _ in range(100)}) == 100
    assert min(len(new_token()) for _ in range(100)) >= 22
