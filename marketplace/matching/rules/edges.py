"""Candidate pairs as columns: what a run stores, what the solver is given. Pure.

Rows are sorted by need, then total (highest first), then provider key: the same inputs give the same bytes.
"""

import io
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Ints32 = NDArray[np.int32]


@dataclass(frozen=True)
class Edges:
    """Candidate pairs; m pairs, n needs, p providers. Points are integers in tenths.

    `needs`, `providers`: for each pair the place in `need_keys` and `provider_keys`. `parts`: (m, 6) in the order of
    weights.CRITERIA. `known`: bit i is set where criterion i rests on a known fact. `channels`: 0 category, 1 text.
    Of each need: `wants` (providers asked for), `ruled_out` (n, number of rules in hard.RULES order: how many
    providers each removes). Of each provider: `is_new`, `running` (projects in hand), `free` (-1: it has not said).
    """

    need_keys: NDArray[np.int64]
    provider_keys: NDArray[np.int64]
    needs: Ints32
    providers: Ints32
    parts: NDArray[np.int16]
    known: NDArray[np.uint8]
    channels: NDArray[np.uint8]
    wants: Ints32
    ruled_out: Ints32
    is_new: NDArray[np.bool_]
    running: Ints32
    free: Ints32

    def base(self) -> Ints32:
        """Return the points of each pair before adjustments: the sum of its parts."""
        total: Ints32 = self.parts.sum(axis=1, dtype=np.int32)
        return total

    def as_bytes(self) -> bytes:
        """Return the columns as one compressed blob for a row."""
        out = io.BytesIO()
        np.savez_compressed(out, allow_pickle=False, **{one.name: getattr(self, one.name) for one in fields(self)})
        return out.getvalue()


def from_bytes(data: bytes) -> Edges:
    """Return the columns that `as_bytes` wrote."""
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        return Edges(**{one.name: stored[one.name] for one in fields(Edges)})
