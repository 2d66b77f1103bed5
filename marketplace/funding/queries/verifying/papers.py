"""Releases against the ledger and the plan, instalments, agreements: what papers say of money (I6, I8)."""

from marketplace.funding.queries.verifying.flows import OUTSIDE, Flows, Pair
from marketplace.funding.queries.verifying.reading import Reader
from marketplace.funding.queries.verifying.report import Findings

_RELEASES = """
SELECT p.ref, r.milestone, p.amount,
  sum(CASE WHEN r.state IN ('confirmed', 'disbursed') THEN r.amount ELSE 0 END),
  sum(CASE WHEN r.state = 'disbursed' THEN r.amount ELSE 0 END),
  (SELECT count(*) FROM planned_milestone m WHERE m.project_id = p.project_id)
FROM milestone_release r JOIN pledge p ON p.id = r.pledge_id
GROUP BY p.ref, r.milestone, p.amount, p.project_id ORDER BY p.ref, r.milestone
"""
_PAID_TWICE = """
SELECT l.subject_ref, count(*) FROM payment_order_line l
WHERE l.subject_kind = 'release' AND l.state = 'paid' GROUP BY l.subject_ref HAVING count(*) > 1
"""
_ORDERS = """
SELECT o.ref, o.total, coalesce(sum(l.amount), 0) FROM payment_order o
LEFT JOIN payment_order_line l ON l.order_id = o.id GROUP BY o.id, o.ref, o.total
HAVING o.total <> coalesce(sum(l.amount), 0)
"""
_INSTALMENTS = """
SELECT p.ref, p.amount, sum(i.amount) FROM instalment i JOIN pledge p ON p.id = i.pledge_id
GROUP BY p.id, p.ref, p.amount HAVING p.amount <> sum(i.amount)
"""
_AGREEMENTS = """
SELECT a.ref, a.amount, coalesce(sum(i.amount), 0) FROM donation_agreement a
LEFT JOIN agreement_item i ON i.agreement_id = a.id GROUP BY a.id, a.ref, a.amount
HAVING a.amount <> coalesce(sum(i.amount), 0)
"""
_ITEMS = """
SELECT p.ref, p.amount, i.amount FROM agreement_item i JOIN pledge p ON p.id = i.pledge_id WHERE i.amount > p.amount
"""
_COMMITMENTS = """
SELECT c.ref, c.amount, p.amount FROM commitment c JOIN pledge p ON p.id = c.pledge_id
WHERE c.state IN ('approved', 'issued') AND c.amount <> p.amount
"""


def check_papers(reader: Reader, flows: Flows, findings: Findings) -> None:
    """Check all papers that carry sums."""
    _releases(reader, flows, findings)
    for ref, times in reader.rows(_PAID_TWICE):
        findings.add("I6", "a release was paid twice", f"release {ref}", 1, times)
    for ref, total, lines in reader.rows(_ORDERS):
        findings.add("I8", "a payment order is not the sum of its lines", f"payment order {ref}", total, lines)
    for ref, amount, parts in reader.rows(_INSTALMENTS):
        findings.add("I8", "instalments do not add up to their pledge", f"pledge {ref}", amount, parts)
    for ref, amount, items in reader.rows(_AGREEMENTS):
        findings.add("I8", "an agreement is not the sum of its items", f"agreement {ref}", amount, items)
    for ref, amount, item in reader.rows(_ITEMS):
        findings.add("I8", "an agreement carries more than the pledge", f"pledge {ref}", amount, item)
    for ref, amount, pledged in reader.rows(_COMMITMENTS):
        findings.add("I8", "a signed commitment is not the pledge", f"commitment {ref}", amount, pledged)


def _releases(reader: Reader, flows: Flows, findings: Findings) -> None:
    """Check the releases of each pledge and milestone: what they say left and came is what the ledger says."""
    left = dict(flows.milestones)
    spent: dict[str, list[int]] = {}
    for pledge, milestone, amount, released, paid, planned in reader.rows(_RELEASES):
        where = f"pledge {pledge}, milestone {milestone}"
        moved: dict[Pair, int] = left.pop(f"{pledge}:{milestone}", {})
        came = moved.get(("held", "milestone"), 0) - moved.get(("milestone", "held"), 0)
        went = sum(moved.get(("milestone", outside), 0) for outside in OUTSIDE)
        findings.equal("I6", "released by the ledger is not what releases say", where, int(released), came)
        findings.equal("I6", "paid out by the ledger is not what releases say", where, int(paid), went)
        if not 1 <= milestone <= max(planned, 1):
            findings.add("I8", "a release for a milestone that the plan does not have", where, planned, milestone)
        mine = spent.setdefault(pledge, [amount + sum(flows.net(pledge, (outside, "held")) for outside in OUTSIDE), 0])
        mine[1] += int(released)
    for code, moved in left.items():
        findings.add("I6", "money at a milestone without a release", f"milestone {code}", 0, sum(moved.values()))
    for pledge, (most, released) in spent.items():
        if released > most:
            findings.add("I8", "more was released than pledged (and clawed back)", f"pledge {pledge}", most, released)
