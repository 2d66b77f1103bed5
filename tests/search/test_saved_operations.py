"""Verbs on saved searches, and the rules that the database holds by itself."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from marketplace.core.access import ANONYMOUS
from marketplace.core.audit import AuditEvent
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.outbox import Job
from marketplace.search.models import SavedSearch, SavedSearchHit, SavedSearchMute
from marketplace.search.operations import saved
from marketplace.search.queries import saved as queries
from marketplace.search.rules.question import Question
from marketplace.search.rules.saved import JOB_SEARCH_SAVED, MOST_SEARCHES, Channel, Frequency, Wish
from tests.factories import NOW
from tests.factories.accounts import actor_of
from tests.factories.saved import make_reader, make_search

WISH = Wish("助餐机会", Frequency.DAILY, Channel.EMAIL)


def save(session, actor, text="助餐", wish=WISH, **more):
    return saved.save_search(session, actor=actor, question=Question(text=text, **more), wish=wish, now=NOW)


def test_a_saved_search_keeps_what_was_asked_and_asks_for_a_look_back(session):
    person = make_reader(session)
    search = save(session, actor_of(session, person), filters={"area": ("440605",)}, due_days=7)
    assert search.question == "q=%E5%8A%A9%E9%A4%90&area=440605"
    assert (search.person_id, search.since, search.is_live) == (person.id, NOW, True)
    job = session.scalars(sa.select(Job).where(Job.kind == JOB_SEARCH_SAVED)).one()
    assert job.payload == {"saved_ref": search.ref}
    event = session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "search.save")).one()
    assert event.subject_ref == search.ref
    assert search.token not in str(event.facts)


def test_what_a_worker_wrote_while_a_search_was_paused_is_not_told_after_it_is_resumed(session):
    actor = actor_of(session, make_reader(session))
    search = save(session, actor)
    saved.pause_search(session, actor=actor, search=search, now=NOW)
    session.add(SavedSearchHit(saved_search_id=search.id, kind="project", ref="x", news_key="new", news_at=NOW, found_at=NOW))
    session.flush()
    saved.resume_search(session, actor=actor, search=search, now=NOW + timedelta(days=1))
    assert session.scalars(sa.select(SavedSearchHit)).all() == []


def test_a_change_that_somebody_else_made_meanwhile_is_counted_too(session):
    actor = actor_of(session, make_reader(session))
    search = save(session, actor)
    session.execute(sa.update(SavedSearch).values(version=SavedSearch.version + 1)
                    .execution_options(synchronize_session=False))
    saved.pause_search(session, actor=actor, search=search, now=NOW)
    assert search.version == 3, "two changes are never one: the sum of versions says whether anything changed"


def test_nobody_signed_in_saves_nothing(session):
    with pytest.raises(Denied):
        save(session, ANONYMOUS)


@pytest.mark.parametrize(("text", "name", "sentence"), [
    ("", "名", "请先写下要找的词"), ("助餐", "  ", "请给这个搜索起个名称"), ("助餐", "长" * 61, "最多 60 个字")])
def test_nothing_asked_or_no_fit_name_is_refused_with_a_sentence(session, text, name, sentence):
    actor = actor_of(session, make_reader(session))
    with pytest.raises(Invalid, match=sentence):
        save(session, actor, text, Wish(name))


def test_the_same_question_is_kept_once_until_it_is_deleted(session):
    actor = actor_of(session, make_reader(session))
    first = save(session, actor)
    with pytest.raises(Conflict, match="助餐机会"):
        save(session, actor, due_days=3)
    saved.end_search(session, actor=actor, search=first, now=NOW)
    assert save(session, actor).ref != first.ref


def test_a_person_keeps_at_most_fifty(session):
    actor = actor_of(session, make_reader(session))
    for number in range(MOST_SEARCHES):
        save(session, actor, f"助餐{number}")
    with pytest.raises(Invalid, match="最多保存 50 个"):
        save(session, actor)


def test_what_belongs_to_others_does_not_exist(session):
    search = make_search(session, make_reader(session))
    stranger = actor_of(session, make_reader(session, name="别人"))
    for verb in (saved.pause_search, saved.resume_search, saved.end_search):
        with pytest.raises(Denied) as refused:
            verb(session, actor=stranger, search=search, now=NOW)
        assert refused.value.hidden


def test_pausing_twice_is_once_and_resuming_needs_a_pause(session):
    person = make_reader(session)
    actor, search = actor_of(session, person), make_search(session, person)
    with pytest.raises(IllegalStep):
        saved.resume_search(session, actor=actor, search=search, now=NOW)
    saved.pause_search(session, actor=actor, search=search, now=NOW)
    version = search.version
    saved.pause_search(session, actor=actor, search=search, now=NOW + timedelta(hours=1))
    assert (search.paused_at, search.version) == (NOW, version)
    saved.resume_search(session, actor=actor, search=search, now=NOW + timedelta(hours=2))
    assert (search.paused_at, search.since) == (None, NOW + timedelta(hours=2))


def test_a_token_switches_one_off_or_all_of_its_owner_and_nobody_elses(session):
    person, other = make_reader(session), make_reader(session, name="别人")
    first, second = make_search(session, person), make_search(session, person, "q=探访")
    foreign = make_search(session, other)
    assert saved.switch_off(session, search=first, all_of_person=False, now=NOW) == 1
    assert (first.is_live, second.is_live) == (False, True)
    assert saved.switch_off(session, search=queries.by_token(session, second.token), all_of_person=True, now=NOW) == 2
    assert (second.is_live, foreign.is_live) == (False, True)
    assert queries.by_token(session, "x" * 32) is None


def write(session, row):
    with session.begin_nested():
        session.add(row)


def broken(session, row):
    with pytest.raises(IntegrityError):
        write(session, row)


@pytest.mark.parametrize("fault", [
    {"name": ""}, {"name": "长" * 61}, {"question": ""}, {"frequency": "hourly"}, {"channel": "sms"}, {"token": "short"},
    {"version": 0}, {"since": NOW - timedelta(days=1)}])
def test_the_database_refuses_a_search_that_breaks_a_rule(session, fault):
    person = make_reader(session)
    fits = {"person_id": person.id, "name": "名", "question": "q=x", "frequency": "daily", "channel": "email",
            "created_at": NOW, "since": NOW}
    broken(session, SavedSearch(**{**fits, **fault}))


def test_the_database_refuses_the_same_hit_mute_or_live_question_twice_and_half_told_hits(session):
    person = make_reader(session)
    search = make_search(session, person)
    fits = {"saved_search_id": search.id, "kind": "project", "ref": "p", "news_key": "new", "news_at": NOW, "found_at": NOW}
    session.add(SavedSearchHit(**fits))
    session.add(SavedSearchMute(saved_search_id=search.id, kind="project", ref="p", muted_at=NOW))
    session.flush()
    broken(session, SavedSearchHit(**fits))
    broken(session, SavedSearchHit(**{**fits, "news_key": "addendum:1", "told_at": NOW}))
    broken(session, SavedSearchHit(**{**fits, "news_key": "addendum:1", "message_ref": "m"}))
    broken(session, SavedSearchHit(**{**fits, "news_key": ""}))
    broken(session, SavedSearchMute(saved_search_id=search.id, kind="project", ref="p", muted_at=NOW))
    broken(session, SavedSearch(person_id=person.id, name="名", question=search.question, frequency="daily", channel="email",
                                created_at=NOW, since=NOW))
