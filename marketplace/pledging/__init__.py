"""Pledging events (举牌): guests, paddles, rounds, recorders, the hall screen. Pledges themselves belong to funding."""
