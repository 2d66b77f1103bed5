"""Alarms for the people who keep the platform safe."""

from marketplace.accounts.queries import people_of
from marketplace.core.access import Role
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import transaction
from marketplace.core.text import N_
from marketplace.inbox.operations import send
from marketplace.inbox.rules import Kind, Letter


def warn_officers(person_ref: str, name: str, count: int) -> None:
    """Ask the security officers to look at an account that was refused again and again; once a day for each."""
    now = utc_now()
    with transaction() as session:
        for officer in people_of(session, None, (Role.SECURITY_OFFICER, Role.OPERATOR)):
            send(session, person=officer, now=now, letter=Letter(
                kind=Kind.SECURITY, subject=N_("账号“{name}”十分钟内被拒绝 {count} 次，请查看审计记录"),
                facts={"name": name, "count": count}, url="/ops",
                unique_key=f"refusals:{person_ref}:{beijing_date(now).isoformat()}"))
