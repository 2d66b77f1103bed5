"""Stripe accounts of receiving bodies: the ledger's cash and fees are what charges, refunds and days say (I12)."""

from marketplace.funding.queries.verifying.flows import Flows
from marketplace.funding.queries.verifying.reading import Reader
from marketplace.funding.queries.verifying.report import Findings

_MOVED = """
SELECT ref, sum(fen) FROM (
  SELECT a.ref AS ref, c.received AS fen FROM charge c JOIN receiving_account a ON a.id = c.account_id
  UNION ALL
  SELECT a.ref, -r.amount FROM refund r JOIN charge c ON c.id = r.charge_id
  JOIN receiving_account a ON a.id = c.account_id
  WHERE r.state = 'succeeded'
  UNION ALL
  SELECT a.ref, d.reinstated - d.withdrawn FROM dispute d JOIN charge c ON c.id = d.charge_id
  JOIN receiving_account a ON a.id = c.account_id
) moved GROUP BY ref
"""
_DAYS = """
SELECT a.ref,
  sum(b.fee_fen - CASE WHEN b.type IN ('stripe_fee', 'stripe_fx_fee', 'tax_fee') THEN b.amount_fen ELSE 0 END),
  sum(CASE WHEN b.type IN ('payout', 'payout_cancel', 'payout_failure') THEN -b.amount_fen ELSE 0 END)
FROM balance_transaction b JOIN receiving_account a ON a.id = b.account_id
WHERE EXISTS (SELECT 1 FROM journal j WHERE j.idem_key = 'stripe:' || b.stripe_id) GROUP BY a.ref
"""
_OVER = """
SELECT c.ref, c.received, sum(r.amount) FROM refund r JOIN charge c ON c.id = r.charge_id
WHERE r.state = 'succeeded' GROUP BY c.ref, c.received HAVING sum(r.amount) > c.received
"""


def check_cards(reader: Reader, flows: Flows, findings: Findings) -> None:
    """Check every Stripe account: cash is what came less what went, fees are what days say, nothing over-refunded."""
    moved = {ref: int(fen) for ref, fen in reader.rows(_MOVED)}
    days = {ref: (int(fees), int(payouts)) for ref, fees, payouts in reader.rows(_DAYS)}
    for ref in sorted(moved.keys() | days.keys()):
        fees, payouts = days.get(ref, (0, 0))
        findings.equal("I12", "cash at Stripe is not what charges and days say", f"account {ref}",
                       moved.get(ref, 0) - fees - payouts, -flows.balances.get(f"cash-stripe:{ref}", 0))
        findings.equal("I12", "fees are not what the days say", f"account {ref}", fees,
                       -flows.balances.get(f"fee:{ref}", 0))
    for ref, received, fen in reader.rows(_OVER):
        findings.add("I7", "more went back than came", f"charge {ref}", int(received), int(fen))
