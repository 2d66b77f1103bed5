"""Reads: the rule set in force on a day, local settings applied."""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.procedures.models import LocalSetting
from marketplace.procedures.rules import RuleSet, from_snapshot, rule_set, with_local


def local_settings(session: Session, procedure: str, day: date) -> list[LocalSetting]:
    """Return the setting in force on `day` for each number that this place has set."""
    rows = session.scalars(
        select(LocalSetting).where(LocalSetting.procedure == procedure, LocalSetting.effective_from <= day)
        .order_by(LocalSetting.effective_from, LocalSetting.id)
    )
    return list({row.key: row for row in rows}.values())


def all_local_settings(session: Session, procedure: str) -> list[LocalSetting]:
    """Return every local number ever recorded, newest day first."""
    return list(session.scalars(select(LocalSetting).where(LocalSetting.procedure == procedure)
                                .order_by(LocalSetting.effective_from.desc(), LocalSetting.id.desc())))


def effective_rule_set(session: Session, name: str, day: date) -> RuleSet:
    """Return the rule set `name` (version optional) as it applies here on `day`; raises KeyError."""
    rules = rule_set(name)
    rows = local_settings(session, name.partition("@")[0], day)
    return with_local(rules, {row.key: (row.value, row.source) for row in rows})


def rule_set_of(name: str, kept: Mapping[str, object]) -> RuleSet:
    """Return the rule set that was fixed when a project was published, or today's version before that."""
    return from_snapshot(kept) if kept else rule_set(name)
