"""Accounts of receiving bodies: the ledger's cash, suspense and fees are what statements and charges say (I12)."""

from typing import Any

from marketplace.funding.queries.verifying.flows import Flows
from marketplace.funding.queries.verifying.reading import Reader
from marketplace.funding.queries.verifying.report import Findings

_ACCOUNTS = "SELECT ref, kind FROM receiving_account ORDER BY id"
_LINES = """
SELECT a.ref, sum(CASE WHEN l.direction = 'in' THEN l.amount ELSE -l.amount END), sum(l.fee),
  sum(CASE WHEN l.state = 'returned' AND l.direction = 'in' THEN 0
           WHEN l.direction = 'in' THEN l.amount - l.settled ELSE l.settled - l.amount END)
FROM bank_line l JOIN receiving_account a ON a.id = l.account_id GROUP BY a.ref
"""
_PARTS = """
SELECT a.ref, CASE p.subject_kind WHEN 'payment_order_line' THEN coalesce(o.subject_kind, '?') ELSE p.subject_kind END,
  sum(p.amount)
FROM bank_line_part p JOIN bank_line l ON l.id = p.line_id JOIN receiving_account a ON a.id = l.account_id
LEFT JOIN payment_order_line o ON o.ref = p.subject_ref
WHERE p.undone_at IS NULL GROUP BY 1, 2
"""
_TORN = """
SELECT l.ref, l.settled, coalesce(sum(p.amount), 0) FROM bank_line l
LEFT JOIN bank_line_part p ON p.line_id = l.id AND p.undone_at IS NULL
GROUP BY l.id, l.ref, l.settled HAVING l.settled <> coalesce(sum(p.amount), 0)
"""


def check_accounts(reader: Reader, flows: Flows, findings: Findings) -> None:
    """Check every account of a receiving body against its statement lines."""
    lines: dict[str, tuple[Any, ...]] = {row[0]: row[1:] for row in reader.rows(_LINES)}
    parts: dict[str, dict[str, int]] = {}
    for ref, kind, fen in reader.rows(_PARTS):
        parts.setdefault(ref, {})[kind] = int(fen)
    seen = set()
    for ref, kind in reader.rows(_ACCOUNTS):
        seen.add(ref)
        if kind == "bank":
            _bank(flows, findings, ref, lines.get(ref, (0, 0, 0)), parts.get(ref, {}))
    for ref in flows.accounts.keys() - seen:
        findings.add("I10", "the ledger knows an account that is not there", f"account {ref}", "a row", None)
    for ref, settled, fen in reader.rows(_TORN):
        findings.add("I10", "a bank line is not the sum of its parts", f"bank line {ref}", int(fen), settled)


def _bank(flows: Flows, findings: Findings, ref: str, line: tuple[Any, ...], parts: dict[str, int]) -> None:
    """Check one bank account: what is there, what belongs to nobody yet, and what each kind of part moved."""
    net, fees, rest = (int(fen) for fen in line)
    where, moved = f"account {ref}", flows.accounts.get(ref, {})
    get = moved.get
    findings.equal("I12", "cash is not what the statements say", where, net - fees,
                   -flows.balances.get(f"cash-bank:{ref}", 0))
    findings.equal("I12", "money that belongs to nobody is not what the lines leave", where, rest,
                   flows.balances.get(f"suspense:{ref}", 0))
    findings.equal("I12", "fees are not what the statements say", where, fees + parts.get("fee", 0),
                   -flows.balances.get(f"fee:{ref}", 0))
    for kind, what, fen in (
            ("pledge", "arrived for pledges", get(("suspense", "paid"), 0) - get(("paid", "suspense"), 0)),
            ("release", "paid out", get(("milestone", "suspense"), 0)),
            ("clawback", "clawed back", get(("suspense", "held"), 0)),
            ("refund", "returned to payers", get(("refund", "suspense"), 0))):
        findings.equal("I12", f"“{what}” is not what parts of lines say", where, parts.get(kind, 0), fen)
