"""Rules of payments: accounts, statements and their layouts, lines, orders, receipts. Pure."""
