"""Verbs: record what the local rule says."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import audit
from marketplace.core.access import Actor, require
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.text import N_
from marketplace.procedures import policy
from marketplace.procedures.models import LocalSetting
from marketplace.procedures.queries import effective_rule_set
from marketplace.procedures.rules import with_local


def set_local(session: Session, *, actor: Actor, procedure: str, key: str, value: int, source: str,
              effective_from: date, now: datetime) -> LocalSetting:
    """Record one local number from a day on. Published projects keep the numbers they were published with.

    Raises Invalid for a number that the law fixes, one out of bounds, no document, or a day in the past.
    """
    require(policy.may_set_local(actor))
    if effective_from < beijing_date(now):
        raise Invalid(N_("生效日期不能早于今天"), field="effective_from")
    with_local(effective_rule_set(session, procedure, effective_from), {key: (value, source)})
    same_day = select(LocalSetting.id).where(LocalSetting.procedure == procedure, LocalSetting.key == key,
                                             LocalSetting.effective_from == effective_from)
    if session.scalar(same_day):
        raise Conflict(N_("这一天已有同一项设置。请换一个生效日期"))
    setting = LocalSetting(procedure=procedure, key=key, value=value, source=source.strip(),
                           effective_from=effective_from, set_by=actor.person_id, set_at=now)
    session.add(setting)
    session.flush()
    audit.record(session, actor=actor, action="procedures.set_local", subject=("local_setting", setting.ref),
                 now=now, procedure=procedure, key=key, value=value, source=source,
                 effective_from=effective_from.isoformat())
    return setting
