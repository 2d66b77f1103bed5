"""Draws by lot that anybody can repeat: an order made from a published seed and public references."""

import hashlib
import secrets
from collections.abc import Iterable
from string import ascii_uppercase


def new_seed() -> str:
    """Return a fresh seed: 128 random bits, so that nobody can steer the order."""
    return secrets.token_hex(16)


def draw_order(seed: str, refs: Iterable[str]) -> list[str]:
    """Return the refs in the order of the draw: ascending SHA-256 over seed and ref, however they came in."""
    return sorted(refs, key=lambda ref: hashlib.sha256(f"{seed}{ref}".encode()).hexdigest())


def aliases(seed: str, refs: Iterable[str]) -> dict[str, str]:
    """Return a letter for each bid (A, B, ... Z, AA), shuffled so that it does not tell who came first."""
    names = {}
    for number, ref in enumerate(draw_order(f"{seed}:alias:", refs)):
        rounds, letter = divmod(number, len(ascii_uppercase))
        names[ref] = ascii_uppercase[letter] * (rounds + 1)
    return names
