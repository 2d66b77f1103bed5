"""Rules of contracts: states and clocks (card), the clauses (clauses), frozen terms (terms). Pure."""

from marketplace.contracts.rules.card import (
    CLOCK_LABELS,
    JOB_CONTRACT_DRAWN_UP,
    JOB_CONTRACT_ISSUED,
    JOB_CONTRACT_PUBLISHED,
    JOB_CONTRACT_SIGNED,
    LIFECYCLE,
    SIGN_DAYS,
    STATE_LABELS,
    Clock,
    ClockState,
    ContractState,
    clocks,
    publish_by,
    sign_by,
)
from marketplace.contracts.rules.clauses import BLANK, Clause, clause_number, clauses
from marketplace.contracts.rules.terms import (
    FORM,
    freeze,
    months_between,
    payment_plan,
    price_facts,
    printed_text,
    terms_bytes,
    terms_sha256,
)

__all__ = [
    "BLANK", "CLOCK_LABELS", "FORM", "JOB_CONTRACT_DRAWN_UP", "JOB_CONTRACT_ISSUED", "JOB_CONTRACT_PUBLISHED",
    "JOB_CONTRACT_SIGNED", "LIFECYCLE", "SIGN_DAYS", "STATE_LABELS", "Clause", "Clock", "ClockState", "ContractState",
    "clause_number", "clauses", "clocks", "freeze", "months_between", "payment_plan", "price_facts", "printed_text",
    "publish_by", "sign_by", "terms_bytes", "terms_sha256",
]
