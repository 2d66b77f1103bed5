"""The ledger: double entry in whole fen, append-only, sealed in batches. It knows no pledge and no pool."""
