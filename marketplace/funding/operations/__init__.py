"""What changes money: pools, allocation, pledges, commitments, releases. Every verb is one operation."""
