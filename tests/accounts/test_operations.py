"""Accounts: opening, granting, slips, the lock, sessions. Every refusal leaves things as they were."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.accounts import operations, queries, rules
from marketplace.accounts.models import Mandate, SignInFailure
from marketplace.core.access import ANONYMOUS, SYSTEM, Actor, Role
from marketplace.core.audit import AuditEvent
from marketplace.core.errors import Conflict, Denied, Invalid
from marketplace.core.outbox import Job, JobState
from marketplace.organizations import operations as registry
from tests.factories import NOW
from tests.factories.accounts import PASSWORD, actor_of, make_person, with_password

OFFICER = Actor(person_id=9_001, name="安全员", roles=frozenset({Role.SECURITY_OFFICER}))
OPERATOR = Actor(person_id=9_002, name="系统员", roles=frozenset({Role.OPERATOR}))


def unit(session, name="桐浦街道办事处", parent=None):
    made = registry.register_unit(session, actor=SYSTEM, name=name, parent=parent, area_code="000001", now=NOW)
    session.flush()
    return made


def actions(session, person):
    return list(session.scalars(select(AuditEvent.action).where(AuditEvent.subject_ref == person.ref).order_by(AuditEvent.id)))


# ---------- accounts and mandates ----------

def test_an_account_is_opened_with_its_contact_data(session):
    by_phone = operations.open_account(session, actor=SYSTEM, login="138 0000 0001", name="周敏", now=NOW)
    by_mail = operations.open_account(session, actor=OFFICER, login="Fang@Example.cn", name="方静", title="科长", phone="0000-1234", now=NOW)
    assert (by_phone.login, by_phone.phone, by_phone.email) == ("13800000001", "13800000001", None)
    assert (by_mail.login, by_mail.email, by_mail.phone, by_mail.title) == ("fang@example.cn", "fang@example.cn", "0000-1234", "科长")
    assert actions(session, by_phone) == ["account.opened"]


def test_a_taken_account_name_is_refused(session):
    make_person(session, login="13800000001")
    with pytest.raises(Conflict, match="已经开通"):
        operations.open_account(session, actor=SYSTEM, login="138-0000-0001", name="别人", now=NOW)


def test_a_stranger_opens_no_account(session):
    with pytest.raises(Denied):
        operations.open_account(session, actor=ANONYMOUS, login="13800000001", name="周敏", now=NOW)


def test_the_first_role_is_the_one_acted_in_and_granting_twice_changes_nothing(session):
    place = unit(session)
    person = make_person(session)
    first = operations.grant(session, actor=SYSTEM, person=person, organization_id=place.id, role=Role.HANDLER, now=NOW)
    assert operations.grant(session, actor=SYSTEM, person=person, organization_id=place.id, role=Role.HANDLER, now=NOW) is first
    operations.grant(session, actor=SYSTEM, person=person, organization_id=place.id, role=Role.APPROVER, now=NOW)
    actor = actor_of(session, person)
    assert (actor.organization_id, actor.unit_path, actor.roles) == (place.id, place.path, {Role.HANDLER, Role.APPROVER})
    assert actions(session, person).count("mandate.granted") == 2


def test_an_actor_acts_for_one_organization_at_a_time(session):
    here, there = unit(session), unit(session, "白鹭街道办事处")
    person = make_person(session, role=Role.HANDLER, organization_id=here.id)
    second = operations.grant(session, actor=SYSTEM, person=person, organization_id=there.id, role=Role.UNIT_ADMIN, now=NOW)
    operations.grant(session, actor=SYSTEM, person=person, organization_id=None, role=Role.EXPERT, now=NOW)
    assert actor_of(session, person).roles == {Role.HANDLER}
    operations.act_for(session, actor=actor_of(session, person), person=person, mandate=second, now=NOW)
    assert (actor_of(session, person).organization_id, actor_of(session, person).roles) == (there.id, {Role.UNIT_ADMIN})


def test_a_role_in_an_unknown_or_wrong_place_is_refused(session):
    person = make_person(session)
    with pytest.raises(Invalid, match="没有找到"):
        operations.grant(session, actor=SYSTEM, person=person, organization_id=987, role=Role.HANDLER, now=NOW)
    with pytest.raises(Invalid, match="请选择"):
        operations.grant(session, actor=SYSTEM, person=person, organization_id=None, role=Role.HANDLER, now=NOW)
    with pytest.raises(Invalid, match="平台"):
        operations.grant(session, actor=SYSTEM, person=person, organization_id=unit(session).id, role=Role.AUDITOR, now=NOW)
    assert actor_of(session, person).roles == frozenset()


def test_one_person_is_never_two_of_the_three_administrators(session):
    person = make_person(session, role=Role.OPERATOR)
    for role in (Role.SECURITY_OFFICER, Role.AUDITOR):
        with pytest.raises(Conflict, match="兼任"):
            operations.grant(session, actor=OFFICER, person=person, organization_id=None, role=role, now=NOW)
    operations.revoke(session, actor=OFFICER, mandate=queries.live_mandates(session, person.id)[0], now=NOW)
    operations.grant(session, actor=OFFICER, person=person, organization_id=None, role=Role.AUDITOR, now=NOW)
    assert actor_of(session, person).roles == {Role.AUDITOR}


def test_nobody_grants_himself(session):
    officer = make_person(session, role=Role.SECURITY_OFFICER)
    with pytest.raises(Denied, match="不能给自己"):
        operations.grant(session, actor=actor_of(session, officer), person=officer, organization_id=None, role=Role.EXPERT, now=NOW)


def test_the_last_security_officer_stays(session):
    only = make_person(session, role=Role.SECURITY_OFFICER)
    mandate = queries.live_mandates(session, only.id)[0]
    with pytest.raises(Conflict, match="最后一位"):
        operations.revoke(session, actor=SYSTEM, mandate=mandate, now=NOW)
    second = make_person(session, role=Role.SECURITY_OFFICER)
    operations.revoke(session, actor=actor_of(session, second), mandate=mandate, now=NOW)
    assert queries.people_of(session, None, [Role.SECURITY_OFFICER]) == [second]


def test_a_role_is_taken_back_once(session):
    person = make_person(session, role=Role.EXPERT)
    mandate = queries.live_mandates(session, person.id)[0]
    operations.revoke(session, actor=OFFICER, mandate=mandate, now=NOW)
    with pytest.raises(Conflict, match="已经收回"):
        operations.revoke(session, actor=OFFICER, mandate=mandate, now=NOW)
    assert actor_of(session, person).roles == frozenset()
    assert session.get(Mandate, mandate.id).revoked_at == NOW


def test_a_role_taken_back_can_be_given_again(session):
    person = make_person(session, role=Role.EXPERT)
    operations.revoke(session, actor=OFFICER, mandate=queries.live_mandates(session, person.id)[0], now=NOW)
    operations.grant(session, actor=OFFICER, person=person, organization_id=None, role=Role.EXPERT, now=NOW)
    assert actor_of(session, person).roles == {Role.EXPERT}


def test_a_mandate_of_somebody_else_or_taken_back_is_not_chosen(session):
    mine, other = make_person(session, role=Role.EXPERT), make_person(session, role=Role.EXPERT)
    foreign = queries.live_mandates(session, other.id)[0]
    with pytest.raises(Invalid):
        operations.act_for(session, actor=actor_of(session, mine), person=mine, mandate=foreign, now=NOW)
    own = queries.live_mandates(session, mine.id)[0]
    operations.revoke(session, actor=OFFICER, mandate=own, now=NOW)
    session.refresh(own)
    with pytest.raises(Invalid):
        operations.act_for(session, actor=actor_of(session, mine), person=mine, mandate=own, now=NOW)


# ---------- slips ----------

def test_a_slip_opens_the_account_once(session):
    person = make_person(session)
    code = operations.issue_slip(session, actor=SYSTEM, person=person, now=NOW)
    operations.activate(session, login=person.login, code=code, password=PASSWORD, now=NOW)
    assert person.activated_at == NOW
    assert rules.password_fits(PASSWORD, person.password_hash)
    with pytest.raises(Invalid, match="激活码"):
        operations.activate(session, login=person.login, code=code, password="another plain phrase", now=NOW)
    assert actions(session, person)[-1] == "account.activated"


def test_a_slip_resets_a_forgotten_password_and_keeps_the_first_activation(session):
    person = with_password(session, make_person(session))
    later = NOW + timedelta(days=30)
    code = operations.issue_slip(session, actor=SYSTEM, person=person, now=later)
    operations.activate(session, login=person.login, code=code, password="another plain phrase", now=later)
    assert person.activated_at == NOW
    assert rules.password_fits("another plain phrase", person.password_hash)
    assert actions(session, person)[-1] == "password.reset"


def test_a_new_slip_voids_the_earlier_one(session):
    person = make_person(session)
    first = operations.issue_slip(session, actor=SYSTEM, person=person, now=NOW)
    second = operations.issue_slip(session, actor=SYSTEM, person=person, now=NOW)
    with pytest.raises(Invalid):
        operations.activate(session, login=person.login, code=first, password=PASSWORD, now=NOW)
    assert operations.activate(session, login=person.login, code=second, password=PASSWORD, now=NOW) is person


@pytest.mark.parametrize(("after", "works"), [(timedelta(days=7) - timedelta(seconds=1), True), (timedelta(days=7), False)])
def test_a_slip_lives_seven_days(session, after, works):
    person = make_person(session)
    code = operations.issue_slip(session, actor=SYSTEM, person=person, now=NOW)
    if works:
        operations.activate(session, login=person.login, code=code, password=PASSWORD, now=NOW + after)
    else:
        with pytest.raises(Invalid):
            operations.activate(session, login=person.login, code=code, password=PASSWORD, now=NOW + after)


def test_a_weak_password_does_not_use_the_slip_up(session):
    person = make_person(session)
    code = operations.issue_slip(session, actor=SYSTEM, person=person, now=NOW)
    with pytest.raises(Invalid) as refused:
        operations.activate(session, login=person.login, code=code, password="12345678", now=NOW)
    assert refused.value.field == "password"
    operations.activate(session, login=person.login, code=code, password=PASSWORD, now=NOW)


def test_a_closed_account_gets_no_slip_and_cannot_be_activated(session):
    person = make_person(session)
    code = operations.issue_slip(session, actor=SYSTEM, person=person, now=NOW)
    operations.deactivate(session, actor=OFFICER, person=person, reason="调离", now=NOW)
    with pytest.raises(Conflict, match="停用"):
        operations.issue_slip(session, actor=OFFICER, person=person, now=NOW)
    with pytest.raises(Invalid):
        operations.activate(session, login=person.login, code=code, password=PASSWORD, now=NOW)


def test_an_administrator_prints_slips_in_his_reach_only(session):
    bureau, town = unit(session, "区民政局"), None
    town = unit(session, "桐浦街道办事处", bureau)
    admin = actor_of(session, make_person(session, role=Role.UNIT_ADMIN, organization_id=bureau.id))
    member = make_person(session, role=Role.HANDLER, organization_id=town.id)
    outsider = make_person(session, role=Role.EXPERT)
    assert operations.issue_slip(session, actor=admin, person=member, now=NOW)
    with pytest.raises(Denied) as refused:
        operations.issue_slip(session, actor=admin, person=outsider, now=NOW)
    assert refused.value.hidden
    operations.grant(session, actor=SYSTEM, person=member, organization_id=None, role=Role.EXPERT, now=NOW)
    with pytest.raises(Denied) as refused:
        operations.issue_slip(session, actor=admin, person=member, now=NOW)
    assert not refused.value.hidden


def test_an_invitation_opens_grants_and_prints_in_one(session):
    place = unit(session)
    made = operations.invite(session, actor=SYSTEM, login="13800000001", name="周敏", organization_id=place.id, roles=[Role.HANDLER, Role.APPROVER], now=NOW)
    assert actor_of(session, made.person).roles == {Role.HANDLER, Role.APPROVER}
    assert operations.activate(session, login="13800000001", code=made.code, password=PASSWORD, now=NOW) is made.person
    again = operations.invite(session, actor=SYSTEM, login="13800000001", name="别名", organization_id=None, roles=[Role.EXPERT], now=NOW)
    assert (again.person, again.code, again.person.name) == (made.person, None, "周敏")


def test_an_invitation_of_a_closed_account_prints_nothing(session):
    person = make_person(session)
    operations.deactivate(session, actor=OFFICER, person=person, reason="调离", now=NOW)
    made = operations.invite(session, actor=OFFICER, login=person.login, name="周敏", organization_id=None, roles=[Role.EXPERT], now=NOW)
    assert made.code is None


# ---------- the door ----------

def attempt(session, login, *, right, now=NOW, address="10.0.0.1", tried=None):
    stored = tried or queries.door(session, login=login, address=address, now=now).password_hash
    return operations.sign_in(session, login=login, address=address, device="test", is_right=right, tried_hash=stored, now=now)


def test_the_fifth_failure_locks_the_pair_for_fifteen_minutes_and_no_other(session):
    person = with_password(session, make_person(session))
    for _ in range(5):
        assert attempt(session, person.login, right=False) is None
    assert queries.locked_until(session, login=person.login, address="10.0.0.1", now=NOW) == NOW + rules.LOCK_FOR
    assert attempt(session, person.login, right=True) is None
    assert attempt(session, person.login, right=True, address="10.0.0.2")
    assert attempt(session, person.login, right=True, now=NOW + rules.LOCK_FOR)


def test_failures_older_than_the_window_do_not_count(session):
    person = with_password(session, make_person(session))
    for _ in range(4):
        attempt(session, person.login, right=False)
    attempt(session, person.login, right=False, now=NOW + rules.LOCK_FOR)
    assert queries.locked_until(session, login=person.login, address="10.0.0.1", now=NOW + rules.LOCK_FOR) is None
    assert session.scalar(select(SignInFailure.failures)) == 1


def test_a_lock_that_ended_begins_a_new_count(session):
    for _ in range(5):
        operations.note_failure(session, login="13800000009", address="a", now=NOW)
    later = NOW + rules.LOCK_FOR
    assert operations.note_failure(session, login="13800000009", address="a", now=later) is None
    for _ in range(4):
        until = operations.note_failure(session, login="138 0000 0009", address="a", now=later)
    assert until == later + rules.LOCK_FOR


def test_unknown_accounts_are_counted_and_locked_alike(session):
    for _ in range(5):
        assert attempt(session, "13900000009", right=False) is None
    assert queries.locked_until(session, login="13900000009", address="10.0.0.1", now=NOW)


def test_a_password_changed_while_it_was_tried_refuses(session):
    person = with_password(session, make_person(session))
    assert attempt(session, person.login, right=True, tried="$argon2id$old") is None


def test_a_closed_or_never_activated_account_does_not_sign_in(session):
    closed, fresh = with_password(session, make_person(session)), make_person(session)
    operations.deactivate(session, actor=OFFICER, person=closed, reason="调离", now=NOW)
    assert queries.door(session, login=closed.login, address="a", now=NOW).password_hash is None
    assert attempt(session, closed.login, right=True) is None
    assert queries.door(session, login=fresh.login, address="a", now=NOW).password_hash is None


def test_an_unlock_forgets_every_address(session):
    person = make_person(session, role=Role.EXPERT)
    for address in ("a", "b"):
        for _ in range(5):
            operations.note_failure(session, login=person.login, address=address, now=NOW)
    assert queries.locks_of(session, [person], now=NOW) == {person.id: NOW + rules.LOCK_FOR}
    operations.unlock(session, actor=OFFICER, person=person, now=NOW)
    assert queries.locks_of(session, [person], now=NOW) == {}


# ---------- sessions, password, profile ----------

def start(session, person):
    return operations.start_session(session, person=person, address="a", device="x" * 500, now=NOW)


def test_a_session_ends_by_sign_out_epoch_and_renewal(session):
    person = with_password(session, make_person(session))
    actor = actor_of(session, person)
    first, second = start(session, person), start(session, person)
    assert queries.signed_in(session, first).person_id == person.id
    operations.sign_out(session, actor=actor, token=first, now=NOW)
    assert queries.signed_in(session, first) is None
    renewed = operations.renew_token(session, token=second)
    assert queries.signed_in(session, second) is None
    assert queries.signed_in(session, renewed)
    operations.end_sessions(session, actor=OFFICER, person=person, now=NOW)
    session.flush()
    assert queries.signed_in(session, renewed) is None


def test_signing_out_after_the_account_is_gone_from_the_actor_does_no_harm(session):
    operations.sign_out(session, actor=Actor(person_id=404), token="none", now=NOW)


def test_other_sessions_end_and_this_one_stays(session):
    person = make_person(session)
    here, there = start(session, person), start(session, person)
    operations.end_other_sessions(session, actor=actor_of(session, person), person=person, token=here, now=NOW)
    assert queries.signed_in(session, here)
    assert queries.signed_in(session, there) is None
    assert len(queries.sessions_of(session, person.id, since=NOW - timedelta(hours=1))) == 1


def test_the_password_is_changed_with_the_current_one_only(session):
    person = with_password(session, make_person(session))
    token = start(session, person)
    actor = actor_of(session, person)
    with pytest.raises(Invalid) as refused:
        operations.change_password(session, actor=actor, person=person, current="wrong", password="a fresh phrase of mine", now=NOW)
    assert refused.value.field == "current"
    with pytest.raises(Invalid):
        operations.change_password(session, actor=actor, person=person, current=PASSWORD, password="short", now=NOW)
    with pytest.raises(Denied):
        operations.change_password(session, actor=OFFICER, person=person, current=PASSWORD, password="a fresh phrase of mine", now=NOW)
    operations.change_password(session, actor=actor, person=person, current=PASSWORD, password="a fresh phrase of mine", now=NOW)
    session.flush()
    assert queries.signed_in(session, token) is None
    assert rules.password_fits("a fresh phrase of mine", person.password_hash)


@pytest.mark.parametrize(("change", "field"), [
    ({"locale": "fr"}, "locale"), ({"text_size": "huge"}, "text_size"), ({"title": "长" * 61}, "title"), ({"name": ""}, "name"),
])
def test_a_profile_out_of_bounds_is_refused(session, change, field):
    person = make_person(session)
    data = {"name": "周敏", "phone": "", "email": "", "title": "", "locale": "en", "text_size": "large"} | change
    with pytest.raises(Invalid) as refused:
        operations.update_profile(session, actor=actor_of(session, person), person=person, profile=rules.Profile(**data), now=NOW)
    assert refused.value.field == field


def test_a_closed_account_opens_again(session):
    person = make_person(session, role=Role.EXPERT)
    with pytest.raises(Invalid, match="原因"):
        operations.deactivate(session, actor=OFFICER, person=person, reason=" ", now=NOW)
    operations.deactivate(session, actor=OFFICER, person=person, reason="调离", now=NOW)
    assert actor_of(session, person) == ANONYMOUS
    assert queries.people_of(session, None, [Role.EXPERT]) == []
    operations.reactivate(session, actor=OFFICER, person=person, now=NOW)
    assert actor_of(session, person).roles == {Role.EXPERT}


# ---------- refusals and jobs ----------

def test_refusals_are_written_and_stop_at_a_hundred(session):
    person = make_person(session)
    actor = actor_of(session, person)
    for _ in range(110):
        operations.note_refusal(session, actor=actor, path="/ops/" + "x" * 300, reason="no", now=NOW)
    assert queries.refusals_since(session, person.id, NOW - timedelta(minutes=10)) == 100
    alarms = session.scalars(select(Job).where(Job.kind == rules.JOB_REFUSALS_PILED_UP)).all()
    assert {job.payload["count"] for job in alarms} == {20}


def test_old_refusals_raise_no_alarm(session):
    actor = actor_of(session, make_person(session))
    for number in range(40):
        operations.note_refusal(session, actor=actor, path="/x", reason="no", now=NOW + timedelta(minutes=number))
    assert session.scalars(select(Job).where(Job.kind == rules.JOB_REFUSALS_PILED_UP)).all() == []


def test_the_alarm_is_written_into_the_log_without_the_name(caplog):
    from marketplace.accounts.jobs import HANDLERS

    HANDLERS[rules.JOB_REFUSALS_PILED_UP](person_ref="abc", name="周敏", count=20)
    assert "abc was refused 20 times" in caplog.text
    assert "周敏" not in caplog.text


def test_only_the_operator_puts_a_parked_job_back(session):
    job = Job(kind="k", handler="h", payload={}, state=JobState.PARKED, attempts=8, due_at=NOW, created_at=NOW)
    session.add(job)
    session.flush()
    with pytest.raises(Denied):
        operations.retry_job(session, actor=OFFICER, ref=job.ref, now=NOW)
    operations.retry_job(session, actor=OPERATOR, ref=job.ref, now=NOW)
    session.refresh(job)
    assert (job.state, job.attempts) == (JobState.WAITING, 0)
    with pytest.raises(Conflict):
        operations.retry_job(session, actor=OPERATOR, ref=job.ref, now=NOW)


def test_a_profile_is_saved_and_empty_boxes_are_nothing(session):
    person = make_person(session)
    profile = rules.Profile(name=" 周  敏 ", phone="", email="a@b.cn", title="科员", locale="en", text_size="large")
    operations.update_profile(session, actor=actor_of(session, person), person=person, profile=profile, now=NOW)
    assert (person.name, person.phone, person.email, person.title) == ("周 敏", None, "a@b.cn", "科员")
    assert (person.locale, person.text_size) == ("en", "large")
    assert actions(session, person)[-1] == "profile.changed"
