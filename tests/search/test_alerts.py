"""Alerts: everything new is told once, and nothing twice, whatever happens in between."""

from datetime import date, timedelta

import pytest

from marketplace.accounts import operations as accounts
from marketplace.core.access import SYSTEM, Role
from marketplace.core.clock import at_beijing, beijing
from marketplace.core.db import db, transaction
from marketplace.core.publishing import public_changed
from marketplace.inbox.jobs.alerts import tell_alerts
from marketplace.inbox.rules import JOB_MAIL
from marketplace.projects import operations as projects
from marketplace.projects.queries import by_ref
from marketplace.search.jobs import catch_up, raise_alerts
from marketplace.search.operations import saved
from marketplace.search.queries.saved import by_ref as search_by_ref
from marketplace.search.rules.saved import JOB_ALERT, JOB_SEARCH_SAVED, Channel, Frequency, Wish
from marketplace.web.services import services
from tests.factories import NOW
from tests.factories.projects import Desk, make_desk, make_draft, make_published, make_unit
from tests.factories.saved import Clock, alerts_of, jobs, make_reader, make_search, told, waiting

MINUTE = timedelta(minutes=1)
LATER = at_beijing(date(2026, 12, 14), 17)


VISITS = {"title": "困难家庭探访服务", "body": "每周上门探访", "summary": "上门探访", "category_code": "A0501",
          "target_group": "困难家庭", "indicators": [{"name": "探访", "target": "600", "unit": "次", "evidence": "记录"}]}


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """The time as jobs see it: NOW, a Monday at ten in Beijing."""
    made = Clock()
    monkeypatch.setattr("marketplace.search.jobs.alerts.utc_now", made)
    monkeypatch.setattr("marketplace.inbox.jobs.alerts.utc_now", made)
    return made


def stage(*searches: dict, **person) -> tuple[int, list[str]]:
    """One reader with these searches; (id, references)."""
    with transaction() as session:
        reader = make_reader(session, **person)
        made = [make_search(session, reader, **search) for search in searches or ({},)]
        return reader.id, [one.ref for one in made]


def publish(**changes) -> tuple[Desk, str]:
    with transaction() as session:
        desk = make_desk(session)
        return desk, make_published(session, desk, **changes).ref


def amend(desk: Desk, ref: str, **more) -> None:
    with transaction() as session:
        projects.publish_addendum(session, actor=desk.handler, project=by_ref(session, ref), text="午餐改为两荤一素",
                                  now=NOW + timedelta(minutes=1), **more)


def test_what_is_published_is_told_once_with_its_facts_and_a_link(ctx, clock):
    person, [search] = stage()
    _, ref = publish()
    clock.work(clock.now + MINUTE)
    [message] = alerts_of(person)
    assert told(person) == [(ref, "new")]
    assert message.facts["groups"][0]["ref"] == search
    assert message.url == f"/my/searches/told/{message.ref}"
    [mail] = services().mailer.sent
    assert mail["subject"] == "“助餐机会”有新内容：桐浦街道长者助餐服务"
    for words in ("桐浦街道办事处", "368,000.00 元（36.80 万元）", "2026年12月7日（星期一）17:00", f"http://localhost/projects/{ref}"):
        assert words in mail["text"]


def test_jobs_that_run_again_tell_nothing_again(ctx, clock):
    person, [search] = stage()
    _, ref = publish()
    clock.work(clock.now + MINUTE)
    raise_alerts("project", ref)
    catch_up(search)
    with transaction() as session:
        public_changed(session, kind="project", ref=ref, now=NOW)
    clock.work(clock.now + MINUTE)
    clock.work(clock.now + timedelta(hours=1))
    assert told(person) == [(ref, "new")]
    assert len(services().mailer.sent) == 1


def test_a_worker_that_dies_between_hit_and_message_loses_nothing(ctx, clock, monkeypatch):
    person, _ = stage()
    _, ref = publish()
    clock.work(kinds=("public_changed", JOB_SEARCH_SAVED))
    assert [hit.ref for hit in waiting()] == [ref]
    assert len(jobs()) == 1

    def dies(*_args, **_more):
        raise SystemError

    monkeypatch.setattr("marketplace.search.operations.alerts.mark_told", dies)
    with pytest.raises(SystemError):
        tell_alerts(**jobs()[0][0])
    db.session.rollback()
    assert alerts_of(person) == [], "no message without its mark"
    monkeypatch.undo()
    clock.work(clock.now + timedelta(minutes=10))
    assert told(person) == [(ref, "new")]
    assert waiting() == []


def test_a_moved_deadline_and_an_addendum_are_news_of_what_was_told_before(ctx, clock):
    person, _ = stage()
    desk, ref = publish()
    clock.work(clock.now + MINUTE)
    amend(desk, ref)
    clock.work(clock.now + timedelta(minutes=10))
    amend(desk, ref, closes_at=LATER)
    clock.work(clock.now + timedelta(minutes=20))
    assert sorted(told(person)) == sorted([
        (ref, "new"), (ref, "addendum:1"), (ref, "addendum:2"), (ref, f"deadline:{LATER.isoformat()}")])
    subjects = [mail["subject"] for mail in services().mailer.sent]
    assert subjects[1:] == ["“助餐机会”有更新：桐浦街道长者助餐服务"] * 2
    text = services().mailer.sent[2]["text"]
    assert "截止时间改为 2026-12-14 17:00" in text
    assert "第 2 号澄清" in text
    assert "更新（1）" in text
    assert "新增" not in text.split("【")[1]


def test_what_was_taken_back_before_the_jobs_run_is_not_told(ctx, clock, monkeypatch):
    person, _ = stage()
    _, ref = publish()
    monkeypatch.setattr("marketplace.search.jobs.alerts.public_sources", dict)
    clock.work(clock.now + MINUTE)
    assert told(person) == []
    assert waiting() == []
    monkeypatch.undo()
    with transaction() as session:
        public_changed(session, kind="project", ref=ref, now=NOW)
    clock.work(kinds=("public_changed",))
    monkeypatch.setattr("marketplace.inbox.jobs.alerts.public_sources", dict)
    clock.work(clock.now + MINUTE)
    assert told(person) == []
    assert waiting() == [], "let go, so that it is told when it is public again"


def test_a_draft_is_never_told(ctx, clock):
    person, _ = stage()
    with transaction() as session:
        draft = make_draft(session, make_desk(session))
        public_changed(session, kind="project", ref=draft.ref, now=NOW)
    clock.work(clock.now + MINUTE)
    assert told(person) == []


def test_a_search_saved_after_the_news_hears_only_of_what_comes_later(ctx, clock):
    desk, ref = publish()
    person, _ = stage({"now": NOW + timedelta(seconds=30)})
    with transaction() as session:
        public_changed(session, kind="project", ref=ref, now=NOW)
    clock.work(clock.now + MINUTE)
    assert told(person) == []
    amend(desk, ref)
    clock.work(clock.now + MINUTE)
    assert told(person) == [(ref, "addendum:1")]


def test_what_changed_while_a_search_was_being_saved_is_caught_up(ctx, clock):
    _, ref = publish()
    clock.work(clock.now + MINUTE)                                         # the jobs of the change ran before the search was there
    person, _ = stage({"now": NOW - timedelta(seconds=1)})   # asked for before, committed after
    assert told(person) == []
    assert len(jobs(JOB_SEARCH_SAVED)) == 1
    clock.work(clock.now + MINUTE)
    assert told(person) == [(ref, "new")]


def test_a_search_that_changes_while_it_is_held_against_a_document_is_looked_at_again(ctx, clock, monkeypatch):
    from marketplace.search.jobs import alerts as jobs_of_search

    _, [search] = stage()
    _, ref = publish()
    real, calls = jobs_of_search.remember, []

    def changed_in_between(session, **more):
        if not calls:
            search_by_ref(session, search).version += 1
            session.flush()
        calls.append(more["matched"])
        return real(session, **more)

    monkeypatch.setattr(jobs_of_search, "remember", changed_in_between)
    raise_alerts("project", ref)
    assert len(calls) == 2
    assert [hit.ref for hit in waiting()] == [ref]


def test_paused_is_silent_and_what_waited_is_let_go(ctx, clock):
    person, [search] = stage({"frequency": Frequency.DAILY})
    _, first = publish()
    clock.work(clock.now + MINUTE)
    assert [hit.ref for hit in waiting()] == [first]
    with transaction() as session:
        saved.pause_search(session, actor=_actor(session, person), search=search_by_ref(session, search), now=NOW)
    publish(title="暂停期间的助餐服务")
    clock.work(NOW + timedelta(days=9))
    assert told(person) == []
    with transaction() as session:
        saved.resume_search(session, actor=_actor(session, person), search=search_by_ref(session, search),
                            now=NOW + timedelta(minutes=1))
        ref = make_published(session, make_desk(session), title="恢复之后的助餐服务", now=NOW + timedelta(minutes=2)).ref
    clock.work(clock.now + timedelta(days=1))
    assert told(person) == [(ref, "new")]


def _actor(session, person_id):
    from marketplace.accounts.queries import load_actor

    return load_actor(session, person_id)


def test_a_muted_thing_is_silent_and_the_rest_is_not(ctx, clock):
    person, [search] = stage()
    desk, ref = publish()
    clock.work(clock.now + MINUTE)
    with transaction() as session:
        saved.mute(session, search=search_by_ref(session, search), kind="project", ref=ref, now=NOW)
    amend(desk, ref)
    _, other = publish(title="白鹭街道长者助餐服务")
    clock.work(clock.now + timedelta(minutes=10))
    assert told(person) == [(ref, "new"), (other, "new")]
    with transaction() as session:
        saved.unmute(session, actor=_actor(session, person), search=search_by_ref(session, search), kind="project",
                     ref=ref, now=NOW)
    amend(desk, ref)
    clock.work(clock.now + timedelta(minutes=20))
    assert (ref, "addendum:2") in told(person)


def test_muting_what_was_never_found_is_refused(ctx, clock):
    from marketplace.core.errors import Invalid

    _, [search] = stage()
    with transaction() as session, pytest.raises(Invalid, match="没有提醒过"):
        saved.mute(session, search=search_by_ref(session, search), kind="project", ref="nothing", now=NOW)


def test_a_closed_account_hears_nothing(ctx, clock):
    from marketplace.accounts.models import Person

    person, _ = stage()
    with transaction() as session:
        session.get(Person, person).is_active = False
    publish()
    clock.work(clock.now + MINUTE)
    assert told(person) == []


def test_without_the_mandate_it_was_saved_for_nothing_is_told_not_even_what_waits(ctx, clock):
    with transaction() as session:
        unit = make_unit(session)
        reader = make_reader(session, role=Role.HANDLER, organization_id=unit.id)
        search = make_search(session, reader, frequency=Frequency.DAILY)
        person, mandate = reader.id, reader.mandates[0].ref
        assert search.organization_id == unit.id
    publish()
    clock.work(clock.now + MINUTE)
    assert len(waiting()) == 1
    with transaction() as session:
        accounts.revoke(session, actor=SYSTEM, mandate=_mandate(session, mandate), now=NOW)
    _, _ = publish(title="撤销之后的助餐服务")
    clock.work(NOW + timedelta(days=9))
    assert told(person) == []
    assert waiting() == []


def _mandate(session, ref):
    from marketplace.accounts.queries import mandate_by_ref

    return mandate_by_ref(session, ref)


def test_a_digest_has_every_item_of_every_search_new_and_updated_apart(ctx, clock):
    person, _ = stage({"frequency": Frequency.DAILY, "name": "助餐"},
                      {"address": "q=探访", "frequency": Frequency.DAILY, "name": "探访"})
    desk, first = publish(title="第一个助餐服务")
    clock.work(kinds=("public_changed", JOB_SEARCH_SAVED))
    clock.work(NOW + timedelta(days=1))
    for number in range(35):
        publish(title=f"长者助餐服务之{number}")
    publish(**VISITS)
    amend(desk, first)
    clock.work(NOW + timedelta(days=3))
    messages = alerts_of(person)
    assert len(messages) == 2
    text = services().mailer.sent[1]["text"]
    for number in range(35):
        assert f"长者助餐服务之{number}\n" in text
    assert "【助餐】" in text
    assert "【探访】" in text
    assert "新增（35）" in text
    assert "更新（1）" in text
    assert text.index("新增（35）") < text.index("更新（1）")
    assert services().mailer.sent[1]["subject"] == "您保存的搜索：新增 36 条，更新 1 条"


def test_a_thing_that_several_searches_found_stands_once_and_names_them_all(ctx, clock):
    person, _ = stage({"frequency": Frequency.DAILY, "name": "助餐"},
                      {"address": "q=长者", "frequency": Frequency.DAILY, "name": "长者"})
    _, ref = publish()
    clock.work(NOW + timedelta(days=3))
    assert told(person) == [(ref, "new")]
    text = services().mailer.sent[0]["text"]
    assert text.count("/projects/" + ref + "\n") == 1
    assert "也符合：长者" in text
    assert waiting() == []


def test_digests_leave_at_eight_in_beijing_and_weekly_ones_on_monday(ctx, clock):
    stage({"frequency": Frequency.DAILY}, {"address": "q=长者", "frequency": Frequency.WEEKLY, "name": "每周"})
    publish()
    clock.work(kinds=("public_changed", JOB_SEARCH_SAVED))
    assert [beijing(at).strftime("%a %Y-%m-%d %H:%M") for _, at in jobs()] == [
        "Tue 2026-11-24 08:00", "Mon 2026-11-30 08:00"]


def test_daily_and_weekly_make_one_message_on_monday(ctx, clock):
    person, _ = stage({"frequency": Frequency.DAILY, "name": "每天"},
                      {"address": "q=探访", "frequency": Frequency.WEEKLY, "name": "每周"})
    publish(title="长者助餐服务")
    publish(**VISITS)
    clock.work(kinds=("public_changed", JOB_SEARCH_SAVED))
    monday = max(at for _, at in jobs())
    with transaction() as session:
        ref = _person_ref(session, person)
    tell_alerts(person_ref=ref, due=monday.isoformat())
    tell_alerts(person_ref=ref, due=monday.isoformat())
    [message] = alerts_of(person)
    assert [group["name"] for group in message.facts["groups"]] == ["每天", "每周"]


def _person_ref(session, person_id):
    from marketplace.accounts.models import Person

    return session.get(Person, person_id).ref


def test_inbox_only_sends_no_mail_and_a_mail_leaves_such_searches_out(ctx, clock):
    person, _ = stage({"channel": Channel.INBOX})
    _, ref = publish()
    clock.work(clock.now + MINUTE)
    assert told(person) == [(ref, "new")]
    assert jobs(JOB_MAIL) == []
    assert services().mailer.sent == []


def test_a_mail_lists_what_wants_mail_and_the_page_lists_all(ctx, clock):
    person, _ = stage({"frequency": Frequency.DAILY, "name": "只在站内", "channel": Channel.INBOX},
                      {"address": "q=探访", "frequency": Frequency.DAILY, "name": "也要邮件"})
    publish(title="长者助餐服务")
    publish(**VISITS)
    clock.work(NOW + timedelta(days=3))
    [message] = alerts_of(person)
    assert [group["name"] for group in message.facts["groups"]] == ["也要邮件", "只在站内"]
    [mail] = services().mailer.sent
    assert "【也要邮件】" in mail["text"]
    assert "只在站内" not in mail["text"]


def test_a_mail_can_be_signed_off_by_the_mail_program(ctx, clock):
    _, [search] = stage()
    publish()
    clock.work(clock.now + MINUTE)
    token = search_by_ref(db.session(), search).token
    assert services().mailer.headers == [{
        "List-Unsubscribe": f"<http://localhost/my/searches/off/{token}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}]
    assert f"http://localhost/my/searches/off/{token}" in services().mailer.sent[0]["text"]


def test_many_changes_within_a_minute_make_two_messages_and_lose_nothing(ctx, clock):
    person, _ = stage()
    refs = [publish(title=f"长者助餐服务之{number}")[1] for number in range(6)]
    clock.work(clock.now + MINUTE)
    assert sorted(told(person)) == sorted((ref, "new") for ref in refs)
    assert len(alerts_of(person)) <= 2


def test_a_change_of_frequency_takes_along_what_waits(ctx, clock):
    person, [search] = stage({"frequency": Frequency.WEEKLY})
    _, ref = publish()
    clock.work(kinds=("public_changed", JOB_SEARCH_SAVED))
    with transaction() as session:
        saved.change_search(session, actor=_actor(session, person), search=search_by_ref(session, search), now=NOW,
                            wish=Wish("助餐机会", Frequency.AT_ONCE, Channel.EMAIL))
    clock.work(clock.now + MINUTE)
    assert told(person) == [(ref, "new")]


def test_alerts_need_no_index(ctx, clock):
    person, _ = stage()
    services().search_index.clear()
    _, ref = publish()
    clock.work(kinds=("public_changed", JOB_SEARCH_SAVED, JOB_ALERT))
    assert told(person) == [(ref, "new")]


def test_traditional_characters_and_other_words_for_the_same_are_understood(ctx, clock):
    person, _ = stage({"address": "q=長者助餐", "name": "繁体"})
    _, ref = publish(title="老年人助餐服务")
    clock.work(clock.now + MINUTE)
    assert told(person) == [(ref, "new")]


@pytest.mark.parametrize("typed", ["zhucan", "zhangzhe zhucan", "zhu can"])
def test_words_that_were_typed_by_sound_are_told_of(ctx, clock, typed):
    person, _ = stage({"address": f"q={typed}", "name": "拼音"})
    other, _ = stage({"address": f"q={typed} feixingqi", "name": "飞行器"}, name="乙")
    _, ref = publish()
    clock.work(clock.now + MINUTE)
    assert told(person) == [(ref, "new")]
    assert told(other) == [], "letters that stand for nothing are demanded as they are"


def test_what_was_published_but_not_yet_to_be_seen_while_a_search_was_saved_is_told(ctx, clock):
    person, _ = stage({"now": NOW + timedelta(seconds=20)})
    later, _ = stage({"now": NOW + MINUTE}, name="后来的")
    _, ref = publish()
    clock.work(clock.now + 2 * MINUTE)
    assert told(person) == [(ref, "new")], "its transaction ended after the search was saved"
    assert told(later) == [], "it stood on the page"


def test_filters_amounts_and_excluded_words_are_kept_to(ctx, clock):
    wanted, _ = stage({"address": "kind=project&max=400000", "name": "四十万以内"}, name="甲")
    too_dear, _ = stage({"address": "kind=project&max=300000", "name": "三十万以内"}, name="乙")
    other_kind, _ = stage({"address": "q=助餐&kind=organization", "name": "组织"}, name="丙")
    without, _ = stage({"address": "q=助餐 -长者", "name": "不要长者"}, name="丁")
    _, ref = publish()
    clock.work(clock.now + MINUTE)
    assert told(wanted) == [(ref, "new")]
    assert told(too_dear) == told(other_kind) == told(without) == []


def test_the_job_of_an_alert_of_somebody_unknown_does_nothing(ctx, clock):
    tell_alerts(person_ref="nobody")
    catch_up("nothing")
    assert jobs() == []
