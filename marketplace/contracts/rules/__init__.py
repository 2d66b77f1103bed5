"""Rules of contracts: states and clocks (card), the clauses (clauses), frozen terms (terms). Pure."""

from marketplace.contracts.rules.card import (
    CLOCK_LABELS,
    NEWS_CONTRACT_DRAWN_UP,
    NEWS_CONTRACT_ISSUED,
    NEWS_CONTRACT_SIGNED,
    LIFECYCLE,
    SIGN_DAYS,
    STATE_LABELS,
    Clock,
    ClockState,
    ContractState,
    clocks,
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
    "BLANK", "CLOCK_LABELS", "FORM", "NEWS_CONTRACT_DRAWN_UP", "NEWS_CONTRACT_ISSUED", "NEWS_CONTRACT_SIGNED",
    "LIFECYCLE", "SIGN_DAYS", "STATE_LABELS", "Clause", "Clock", "ClockState", "ContractState", "clause_number",
    "clauses", "clocks", "freeze", "months_between", "payment_plan", "price_facts", "printed_text", "sign_by",
    "terms_bytes", "terms_sha256",
]
