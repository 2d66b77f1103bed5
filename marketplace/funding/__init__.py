"""Funders, pools with their rules, pledges, allocation of matching money, releases. Every fen has one place."""
