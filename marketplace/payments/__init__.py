"""Money in and out: receiving accounts, bank statements, payment orders, card charges, receipts. Knows no pledge."""
