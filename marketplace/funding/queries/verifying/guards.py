"""Whether the database itself still refuses: guards and keys are there (I5, I9), and a trial is turned away."""

import contextlib

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from marketplace.funding.queries.verifying.reading import Reader
from marketplace.funding.queries.verifying.report import Findings

_GUARDS = {
    "journal": ("unchanged", "undeleted"), "transfer": ("unchanged", "undeleted", "unsealed"),
    "matching_rule": ("unchanged",), "commitment": ("unchanged",), "donation_agreement": ("unchanged",),
}
_ONLY_LITE = {("transfer", "undeleted")}                   # one trigger does both on PostgreSQL
_ONLY_POSTGRESQL = {("journal", "untruncated"), ("transfer", "untruncated")}
_TRIGGERS_LITE = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
_TRIGGERS_POSTGRESQL = """
SELECT t.tgname, p.prosrc FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND n.nspname = current_schema()
"""
_TRIALS = {
    "UPDATE journal": "UPDATE journal SET kind = kind WHERE id = (SELECT min(id) FROM journal)",
    "DELETE journal": "DELETE FROM journal WHERE id = (SELECT max(id) FROM journal)",
    "UPDATE transfer": "UPDATE transfer SET amount = amount WHERE id = (SELECT min(id) FROM transfer)",
    "DELETE transfer": "DELETE FROM transfer WHERE id = (SELECT min(id) FROM transfer)",
}
_UNIQUE = {   # what must stay unique: each is counted, whatever indexes say
    "reference of journals": "SELECT ref, count(*) FROM journal GROUP BY ref HAVING count(*) > 1",
    "reversal": """SELECT reverses_id, count(*) FROM journal WHERE reverses_id IS NOT NULL
        GROUP BY reverses_id HAVING count(*) > 1""",
    "client key of pledges": "SELECT client_key, count(*) FROM pledge GROUP BY client_key HAVING count(*) > 1",
    "code of pledges": "SELECT code, count(*) FROM pledge GROUP BY code HAVING count(*) > 1",
    "matched pledge of pool and project": """SELECT pool_id, count(*) FROM pledge WHERE kind = 'matched'
        GROUP BY pool_id, project_id HAVING count(*) > 1""",
    "key of allocations": "SELECT idem_key, count(*) FROM allocation GROUP BY idem_key HAVING count(*) > 1",
    "live claim of a pledge on a pool": """SELECT pledge_id, count(*) FROM allocation WHERE state <> 'returned'
        GROUP BY pool_id, pledge_id HAVING count(*) > 1""",
    "counter of a cap": """SELECT subject_ref, count(*) FROM pool_cap
        GROUP BY pool_id, scope, subject_ref HAVING count(*) > 1""",
    "sums of a project": """SELECT project_id, count(*) FROM funded_project
        GROUP BY project_id, kind HAVING count(*) > 1""",
    "key of releases": "SELECT idem_key, count(*) FROM milestone_release GROUP BY idem_key HAVING count(*) > 1",
    "event of Stripe": "SELECT event_id, count(*) FROM stripe_event GROUP BY event_id HAVING count(*) > 1",
    "line of a bank": "SELECT serial, count(*) FROM bank_line GROUP BY account_id, serial HAVING count(*) > 1",
    "key of charges": "SELECT ref, count(*) FROM charge GROUP BY ref HAVING count(*) > 1",
    "key of refunds": "SELECT ref, count(*) FROM refund GROUP BY ref HAVING count(*) > 1",
    "key of paddles": "SELECT device_key, count(*) FROM paddle_pledge GROUP BY device_key HAVING count(*) > 1",
    "pledge in agreements": "SELECT pledge_id, count(*) FROM agreement_item GROUP BY pledge_id HAVING count(*) > 1",
}


def check_guards(reader: Reader, findings: Findings) -> None:
    """Check that the guards are there and still refuse by their words, and that what must be unique is."""
    stored = dict(reader.rows(_TRIGGERS_LITE if reader.is_lite else _TRIGGERS_POSTGRESQL))
    wanted = {(table, name) for table, names in _GUARDS.items() for name in names}
    wanted = wanted if reader.is_lite else (wanted - _ONLY_LITE) | _ONLY_POSTGRESQL
    for table, name in sorted(wanted):
        body = stored.get(f"{table}_{name}")
        if body is None or "RAISE" not in body:
            findings.add("I9", "the database has lost a guard", f"trigger {table}_{name}", "refuses", body)
    for what, sql in _UNIQUE.items():
        for key, times in reader.rows(sql):
            findings.add("I5", f"a {what} more than once", str(key), 1, times)


def trial(session: Session) -> list[str]:
    """Try to change and delete what was posted, each in a savepoint that is rolled back; return what was not refused.

    Call it in a transaction of its own, before `verify`.
    """
    if not session.execute(text("SELECT count(*) FROM (SELECT 1 FROM transfer LIMIT 1) AS one")).scalar():
        return []
    taken = []
    for what, sql in _TRIALS.items():
        savepoint = session.begin_nested()
        with contextlib.suppress(DBAPIError):
            session.execute(text(sql))
            taken.append(what)
        savepoint.rollback()
    return taken
