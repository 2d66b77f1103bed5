"""Accounts, mandates, slips, sign-in and sessions: every change to who may do what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.accounts import policy, queries, rules
from marketplace.accounts.models import ActivationSlip, Mandate, Person, SignIn, SignInFailure
from marketplace.core.access import Actor, Role, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.outbox import enqueue, put_back
from marketplace.core.text import N_

_WRONG_CODE = N_("账号或激活码不对，或激活码已过期、已用过。请核对激活单，或请单位管理员重新打印")
_DEVICE_LENGTH = 120


def _subject(person: Person) -> tuple[str, str]:
    """Return the person as the subject of an audit event."""
    return ("person", person.ref)


def open_account(session: Session, *, actor: Actor, login: str, name: str, now: datetime, email: str | None = None,
                 phone: str | None = None, title: str | None = None) -> Person:
    """Open an account that nobody can use until its slip is. Raises Conflict when the account name is taken."""
    require(policy.may_open_account(actor))
    login, name = rules.check_login(login), rules.check_name(name)
    if queries.by_login(session, login):
        raise Conflict(N_("账号“{login}”已经开通。可以直接给他授权"), login=login)
    person = Person(login=login, name=name, created_at=now, title=title or None,
                    email=email or (login if "@" in login else None),
                    phone=phone or (None if "@" in login else login))
    try:
        with session.begin_nested():
            session.add(person)
    except IntegrityError:
        raise Conflict(N_("账号“{login}”已经开通。可以直接给他授权"), login=login) from None
    record(session, actor=actor, action="account.opened", subject=_subject(person), now=now)
    return person


def grant(session: Session, *, actor: Actor, person: Person, organization_id: int | None, role: Role,
          now: datetime) -> Mandate:
    """Let a person act in a role for an organization (None: on the platform). Granting twice changes nothing.

    Raises Denied (nobody grants himself), Invalid (a role out of place), Conflict (two separated roles at once).
    """
    where = queries.place(session, organization_id)
    if organization_id is not None and where is None:
        raise Invalid(N_("没有找到这个单位。请重新选择"), field="organization")
    require(policy.may_change_mandate(actor, person_id=person.id, role=role, place=where))
    rules.check_place(role, where)
    session.execute(select(Person.id).where(Person.id == person.id).with_for_update())  # one grant at a time
    held = queries.live_mandates(session, person.id)
    if same := next((m for m in held if m.role == role and m.organization_id == organization_id), None):
        return same
    rules.check_separation((Role(m.role) for m in held), role)
    mandate = Mandate(person_id=person.id, organization_id=organization_id, role=role, granted_by=actor.person_id,
                      granted_at=now)
    session.add(mandate)
    session.flush()
    if not held:
        person.current_mandate_id = mandate.id
    record(session, actor=actor, action="mandate.granted", subject=_subject(person), now=now, role=role,
           organization=where.ref if where else None, mandate=mandate.ref)
    return mandate


def revoke(session: Session, *, actor: Actor, mandate: Mandate, now: datetime) -> None:
    """Take a mandate back; it ends with the person's next request. Mandate: live -> revoked."""
    role, where = Role(mandate.role), queries.place(session, mandate.organization_id)
    require(policy.may_change_mandate(actor, person_id=mandate.person_id, role=role, place=where))
    if role is Role.SECURITY_OFFICER:
        others = [p for p in queries.people_of(session, None, [role]) if p.id != mandate.person_id]
        if not others:
            raise Conflict(N_("这是最后一位安全管理员。请先授权另一位，再收回"))
    done = session.execute(
        update(Mandate).where(Mandate.id == mandate.id, Mandate.revoked_at.is_(None)).values(revoked_at=now))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这个身份已经收回了"))
    record(session, actor=actor, action="mandate.revoked", subject=_subject(mandate.person), now=now, role=role,
           organization=where.ref if where else None, mandate=mandate.ref)


def _require_manager(session: Session, actor: Actor, person: Person) -> None:
    """Require that the actor administers every place the person acts for."""
    held = queries.live_mandates(session, person.id)
    found = queries.places(session, (m.organization_id for m in held))
    require(policy.may_manage_person(actor, person_id=person.id,
                                     places=[found.get(m.organization_id or 0) for m in held]))


def issue_slip(session: Session, *, actor: Actor, person: Person, now: datetime) -> str:
    """Return a fresh one-time code for the printed slip, good for seven days; earlier codes stop working.

    For a person who has a password already, the code lets him set a new one: there is no other reset.
    """
    _require_manager(session, actor, person)
    if not person.is_active:
        raise Conflict(N_("这个账号已停用。请先由安全管理员恢复"))
    session.execute(
        update(ActivationSlip).where(ActivationSlip.person_id == person.id, ActivationSlip.used_at.is_(None),
                                     ActivationSlip.voided_at.is_(None)).values(voided_at=now))
    code = rules.new_slip_code()
    session.add(ActivationSlip(person_id=person.id, code_hash=rules.slip_hash(code), issued_by=actor.person_id or 0,
                               issued_at=now, expires_at=now + rules.SLIP_LIFE))
    session.flush()
    record(session, actor=actor, action="slip.issued", subject=_subject(person), now=now)
    return code


@dataclass(frozen=True)
class Invitation:
    """What came of an invitation: the person, and the code to print when he has no password yet."""

    person: Person
    code: str | None


def invite(session: Session, *, actor: Actor, login: str, name: str, organization_id: int | None,
           roles: Sequence[Role], now: datetime, title: str | None = None) -> Invitation:
    """Give a person roles, opening the account first when there is none; a new one gets a slip.

    Somebody who has an account keeps name and password; only the roles are added.
    """
    person = queries.by_login(session, rules.check_login(login))
    if person is None:
        person = open_account(session, actor=actor, login=login, name=name, title=title, now=now)
    for role in roles:
        grant(session, actor=actor, person=person, organization_id=organization_id, role=role, now=now)
    if person.activated_at is not None or not person.is_active:
        return Invitation(person, None)
    return Invitation(person, issue_slip(session, actor=actor, person=person, now=now))


def activate(session: Session, *, login: str, code: str, password: str, now: datetime) -> Person:
    """Set the password with a one-time code. Person: opened -> activated. Every session of the person ends.

    Raises Invalid with one sentence for a wrong account, a wrong, used, replaced or expired code alike.
    """
    person = queries.by_login(session, login)
    slip = session.scalar(select(ActivationSlip).where(
        ActivationSlip.person_id == (person.id if person else 0), ActivationSlip.code_hash == rules.slip_hash(code)))
    if person is None or slip is None or not person.is_active:
        raise Invalid(_WRONG_CODE, field="code")
    plain = rules.check_password(password, login=person.login, name=person.name)
    used = session.execute(
        update(ActivationSlip).where(ActivationSlip.id == slip.id, ActivationSlip.used_at.is_(None),
                                     ActivationSlip.voided_at.is_(None), ActivationSlip.expires_at > now)
        .values(used_at=now))
    if not used.rowcount:  # type: ignore[attr-defined]
        raise Invalid(_WRONG_CODE, field="code")
    first = person.activated_at is None
    person.password_hash, person.activated_at = rules.hash_password(plain), person.activated_at or now
    person.session_epoch += 1
    _forget_failures(session, person.login)
    record(session, actor=Actor(person_id=person.id, name=person.name), subject=_subject(person), now=now,
           action="account.activated" if first else "password.reset")
    return person


def note_failure(session: Session, *, login: str, address: str, now: datetime) -> datetime | None:
    """Count one failed sign-in of an account name from one address; return until when the pair is locked, if it is.

    The fifth failure within 15 minutes locks the pair for 15 minutes; other addresses are not touched, so a
    stranger cannot lock a bidder out on the day of the deadline.
    """
    key = rules.login_key(login)
    pair = (SignInFailure.login_key == key, SignInFailure.address == address)
    try:
        with session.begin_nested():
            session.add(SignInFailure(login_key=key, address=address, failures=0, first_at=now))
    except IntegrityError:
        stale = or_(SignInFailure.locked_until <= now, SignInFailure.first_at <= now - rules.LOCK_FOR)
        session.execute(update(SignInFailure).where(*pair, stale).values(failures=0, first_at=now, locked_until=None))
    session.execute(update(SignInFailure).where(*pair).values(failures=SignInFailure.failures + 1))
    session.execute(
        update(SignInFailure).where(*pair, SignInFailure.failures >= rules.LOCK_AFTER,
                                    SignInFailure.locked_until.is_(None)).values(locked_until=now + rules.LOCK_FOR))
    return queries.locked_until(session, login=login, address=address, now=now)


def _forget_failures(session: Session, login: str) -> None:
    """Forget the failures of an account name from every address."""
    session.execute(delete(SignInFailure).where(SignInFailure.login_key == rules.login_key(login)))


def sign_in(session: Session, *, login: str, address: str, device: str, is_right: bool, tried_hash: str | None,
            now: datetime) -> str | None:
    """End one sign-in attempt: return the token of the new session, or None when it failed or the pair is locked.

    `is_right` is the answer of rules.password_fits, asked outside any transaction because it takes 0.1 s;
    `tried_hash` is the hash it was asked about, so that a password changed meanwhile refuses.
    """
    person = queries.by_login(session, login)
    if queries.locked_until(session, login=login, address=address, now=now):
        return None
    if not is_right or person is None or not person.is_active or person.password_hash != tried_hash:
        until = note_failure(session, login=login, address=address, now=now)
        if person is not None:
            record(session, actor=Actor(name=N_("未登录")), action="sign_in.failed", subject=_subject(person), now=now,
                   address=address, locked=until is not None)
        return None
    session.execute(delete(SignInFailure).where(SignInFailure.login_key == rules.login_key(login),
                                                SignInFailure.address == address))
    person.last_sign_in_at = now
    return start_session(session, person=person, address=address, device=device, now=now)


def step_up(session: Session, *, actor: Actor, address: str, is_right: bool, tried_hash: str | None, step: str,
            now: datetime) -> tuple[bool, datetime | None]:
    """End one asking for the password before a weighty step: (may go on, locked until).

    `is_right` is the answer of rules.password_fits, asked outside any transaction. A wrong one counts as a failed
    sign-in of the account from that address; the right one forgets those failures.
    """
    person = session.get(Person, actor.person_id)
    if person is None:
        return False, None
    until = queries.locked_until(session, login=person.login, address=address, now=now)
    if until is not None:
        return False, until
    if not is_right or not person.is_active or person.password_hash != tried_hash:
        until = note_failure(session, login=person.login, address=address, now=now)
        record(session, actor=actor, action="step_up.failed", subject=_subject(person), now=now, step=step,
               locked=until is not None)
        return False, until
    session.execute(delete(SignInFailure).where(SignInFailure.login_key == rules.login_key(person.login),
                                                SignInFailure.address == address))
    record(session, actor=actor, action="step_up.succeeded", subject=_subject(person), now=now, step=step)
    return True, None


def start_session(session: Session, *, person: Person, address: str, device: str, now: datetime) -> str:
    """Begin a session for a person whose identity is proved; return its token, which only the cookie keeps."""
    token = rules.new_token()
    session.add(SignIn(person_id=person.id, token_hash=rules.token_hash(token), epoch=person.session_epoch,
                       started_at=now, address=address, device=device[:_DEVICE_LENGTH]))
    session.flush()
    record(session, actor=Actor(person_id=person.id, name=person.name), action="sign_in.succeeded",
           subject=_subject(person), now=now, address=address)
    return token


def renew_token(session: Session, *, token: str) -> str:
    """Give a running session a new token (after a change of powers); the old one stops working."""
    fresh = rules.new_token()
    session.execute(update(SignIn).where(SignIn.token_hash == rules.token_hash(token), SignIn.ended_at.is_(None))
                    .values(token_hash=rules.token_hash(fresh)))
    return fresh


def sign_out(session: Session, *, actor: Actor, token: str, now: datetime) -> None:
    """End this session for good: a copy of its cookie is worth nothing afterwards."""
    session.execute(update(SignIn).where(SignIn.token_hash == rules.token_hash(token), SignIn.ended_at.is_(None))
                    .values(ended_at=now))
    if (person := session.get(Person, actor.person_id)) is not None:
        record(session, actor=actor, action="sign_in.ended", subject=_subject(person), now=now)


def end_other_sessions(session: Session, *, actor: Actor, person: Person, token: str, now: datetime) -> None:
    """End the person's sessions in every other browser."""
    require(policy.may_change_own(actor, person_id=person.id))
    session.execute(update(SignIn).where(SignIn.person_id == person.id, SignIn.ended_at.is_(None),
                                         SignIn.token_hash != rules.token_hash(token)).values(ended_at=now))
    record(session, actor=actor, action="sessions.others_ended", subject=_subject(person), now=now)


def end_sessions(session: Session, *, actor: Actor, person: Person, now: datetime) -> None:
    """End every session of a person at once."""
    require(policy.may_end_sessions(actor, person_id=person.id))
    person.session_epoch += 1
    record(session, actor=actor, action="sessions.ended", subject=_subject(person), now=now)


def change_password(session: Session, *, actor: Actor, person: Person, current: str, password: str,
                    now: datetime) -> None:
    """Change one's own password; the current one is asked, and every session of the person ends."""
    require(policy.may_change_own(actor, person_id=person.id))
    if not rules.password_fits(current, person.password_hash):
        raise Invalid(N_("现在的密码不对。忘记了请找单位管理员重新打印激活单"), field="current")
    plain = rules.check_password(password, login=person.login, name=person.name)
    person.password_hash = rules.hash_password(plain)
    person.session_epoch += 1
    record(session, actor=actor, action="password.changed", subject=_subject(person), now=now)


def update_profile(session: Session, *, actor: Actor, person: Person, profile: rules.Profile, now: datetime) -> None:
    """Change one's own contact data, language and text size. The account name stays."""
    require(policy.may_change_own(actor, person_id=person.id))
    if profile.locale not in rules.LOCALES:
        raise Invalid(N_("请选择列出的语言"), field="locale")
    if profile.text_size not in rules.TEXT_SIZES:
        raise Invalid(N_("请选择标准或大字"), field="text_size")
    if len(profile.title) > rules.MAX_TITLE:
        raise Invalid(N_("职务最多 {most} 个字"), field="title", most=rules.MAX_TITLE)
    person.name = rules.check_name(profile.name)
    person.phone, person.email, person.title = profile.phone or None, profile.email or None, profile.title or None
    person.locale, person.text_size = profile.locale, profile.text_size
    record(session, actor=actor, action="profile.changed", subject=_subject(person), now=now)


def act_for(session: Session, *, actor: Actor, person: Person, mandate: Mandate, now: datetime) -> None:
    """Choose the mandate the person acts in from now on."""
    require(policy.may_change_own(actor, person_id=person.id))
    if mandate.person_id != person.id or mandate.revoked_at is not None:
        raise Invalid(N_("这个身份不是您的，或已收回。请重新选择"), field="mandate")
    person.current_mandate_id = mandate.id
    record(session, actor=actor, action="mandate.chosen", subject=_subject(person), now=now, mandate=mandate.ref)


def deactivate(session: Session, *, actor: Actor, person: Person, reason: str, now: datetime) -> None:
    """Close an account; its sessions end with their next request. Person: active -> inactive."""
    require(policy.may_deactivate(actor, person_id=person.id))
    if not reason.strip():
        raise Invalid(N_("请写明停用的原因，例如“调离”"), field="reason")
    person.is_active = False
    person.session_epoch += 1
    record(session, actor=actor, action="account.deactivated", subject=_subject(person), now=now, reason=reason.strip())


def reactivate(session: Session, *, actor: Actor, person: Person, now: datetime) -> None:
    """Open a closed account again. Person: inactive -> active."""
    require(policy.may_deactivate(actor, person_id=person.id))
    person.is_active = True
    record(session, actor=actor, action="account.reactivated", subject=_subject(person), now=now)


def unlock(session: Session, *, actor: Actor, person: Person, now: datetime) -> None:
    """Forget the failed sign-ins of a person, so that he may try again at once."""
    _require_manager(session, actor, person)
    _forget_failures(session, person.login)
    record(session, actor=actor, action="account.unlocked", subject=_subject(person), now=now)


def note_refusal(session: Session, *, actor: Actor, path: str, reason: str, now: datetime) -> None:
    """Write a refused access into the audit; the twentieth by one account in ten minutes makes a to-do (ASVS 16.3)."""
    since = now - rules.REFUSALS_WINDOW
    count = queries.refusals_since(session, actor.person_id or 0, since)
    if count >= rules.REFUSALS_ALERT * 5:
        return  # enough evidence; a loop must not fill the audit
    record(session, actor=actor, action="access.refused", subject=("page", path[:200]), now=now, reason=reason)
    if count + 1 == rules.REFUSALS_ALERT and (person := session.get(Person, actor.person_id)) is not None:
        enqueue(session, rules.JOB_REFUSALS_PILED_UP, now=now, person_ref=person.ref, name=person.name,
                count=count + 1)


def retry_job(session: Session, *, actor: Actor, ref: str, now: datetime) -> None:
    """Put a parked job back into the queue, due now, with all its attempts."""
    require(policy.may_run_platform(actor))
    if not put_back(session, ref=ref, now=now):
        raise Conflict(N_("这项任务已经不在停放中。请刷新页面"))
    record(session, actor=actor, action="job.retried", subject=("job", ref), now=now)
