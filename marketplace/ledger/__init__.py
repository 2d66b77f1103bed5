"""The ledger: double entry in whole fen, append-only, sealed into a chain in batches. It knows no pledge and no pool."""
