"""Verbs of contracts: draw up and print (drawing), sign, publish, file (signing)."""

from marketplace.contracts.operations.drawing import attach_paper, draw_up_contract, note_print_failure
from marketplace.contracts.operations.signing import publish_contract, record_filing, record_signing

__all__ = [
    "attach_paper", "draw_up_contract", "note_print_failure", "publish_contract", "record_filing", "record_signing",
]
