"""Texts as sparse rows: pairs and triples of characters, and the concepts of the shared dictionary. Pure, numpy only.

All texts of a batch are read at once as one array of code points. A piece of n characters is known by a rolling hash;
forms of the dictionary are found by the same hash, whatever stands around them, and count as their concept (strong)
and all that lies above it (weaker). Place names and generic words (服务, 项目) are left out of the pieces: where a
project is done is judged by its area, and what everybody writes tells nobody apart. Cost: about 2 µs a character.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from marketplace.search.rules.dictionary import Entry, EntryKind, above, wider

PIECES = (2, 3)                          # lengths of the pieces that are compared
PIECE_BITS = 18
LONGEST_FORM, SHORTEST_PLACE, LEAST_LITERAL = 8, 3, 3
SAME, WIDER = 3.0, 1.5                   # weight of a concept beside a piece: itself, those above it
MOST_REPEATS = 3.0                       # a word said ten times is worth no more than one said three times
MOST_CHARACTERS = 4_000                  # of one text; a profile of 100,000 characters gains nothing by its length
CHUNK = 5_000                            # texts read at once: about 120 MB
_BASE = np.uint64(0x9E3779B97F4A7C15)
_FILTER_BITS = 22

Bits = NDArray[np.bool_]
Codes = NDArray[np.uint32]
Hashes = NDArray[np.uint64]


def plain(text: str) -> str:
    """Return a text in normal width and lower case, cut to what is compared."""
    return unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).lower()


@dataclass(frozen=True)
class _Forms:
    """Forms of one length: their hashes in order, which kind of entry each is, and its concepts as (start, end)."""

    hashes: Hashes
    is_silent: Bits                       # a place or a generic word
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


class Reader:
    """Reads texts with one dictionary. `columns` is the width of the rows it makes."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        kept = list(entries)
        direct = wider(kept)
        kinds = {one.concept: one.kind for one in kept}
        self.concepts = sorted({one.concept for one in kept if one.kind is EntryKind.CONCEPT}
                               | {over for one in kept for over in one.broader if kinds.get(over) is EntryKind.CONCEPT})
        self._place = {name: number for number, name in enumerate(self.concepts)}
        self._above = {name: [self._place[over] for over in above(name, direct) if over in self._place]
                       for name in self.concepts}
        self.columns = (1 << PIECE_BITS) + 2 * len(self.concepts)
        self._targets, self._values, self._forms = _table(kept, self._place, self._above)
        self._filter = np.zeros(1 << _FILTER_BITS, np.bool_)
        for forms in self._forms.values():
            self._filter[(forms.hashes >> np.uint64(64 - _FILTER_BITS)).astype(np.int64)] = True

    def rows(self, texts: Sequence[Sequence[tuple[str, float]]]) -> csr_array:
        """Return one row a text, each made of (part, weight): columns are pieces and concepts, values how much."""
        parts = [self._chunk(texts[at:at + CHUNK]) for at in range(0, len(texts), CHUNK)]
        return csr_array(vstack(parts, format="csr")) if parts else csr_array((0, self.columns), dtype=np.float32)

    def _chunk(self, texts: Sequence[Sequence[tuple[str, float]]]) -> csr_array:
        """Read some texts at once."""
        codes, owners, weights = _code_points(texts)
        valid = _is_letter(codes)
        hashes, found, silent = self._hashes(codes, valid)
        keys: list[NDArray[np.int64]] = []
        values: list[NDArray[np.float32]] = []
        for size in PIECES:
            fits = _all_valid(valid & ~silent, size)
            at = np.flatnonzero(fits)
            column = (hashes[size][at] >> np.uint64(64 - PIECE_BITS)).astype(np.int64)
            keys.append(owners[at] * self.columns + column)
            values.append(weights[at])
        for at, forms, which in found:
            many = forms.ends[which] - forms.starts[which]
            spread = np.repeat(np.arange(len(at)), many)
            within = np.arange(len(spread)) - np.repeat(np.cumsum(many) - many, many)
            target = forms.starts[which][spread] + within
            keys.append(owners[at][spread] * self.columns + self._targets[target])
            values.append(weights[at][spread] * self._values[target])
        return _sparse(np.concatenate(keys), np.concatenate(values), len(texts), self.columns)

    def _hashes(self, codes: Codes, valid: Bits) -> tuple[
            dict[int, Hashes], list[tuple[NDArray[np.int64], _Forms, NDArray[np.int64]]], Bits]:
        """Return the hashes of all pieces by length, the forms found, and which characters say nothing."""
        silent = np.zeros(len(codes), np.bool_)
        rolling = np.zeros(len(codes), np.uint64)
        hashes: dict[int, Hashes] = {}
        found = []
        for size in range(1, LONGEST_FORM + 1):
            many = len(codes) - size + 1
            if many <= 0:
                break
            rolling = _step(rolling[:many], codes[size - 1:])
            mixed = _mix(rolling)
            if size in PIECES:
                hashes[size] = mixed
            if (forms := self._forms.get(size)) is None:
                continue
            at = np.flatnonzero(self._filter[(mixed >> np.uint64(64 - _FILTER_BITS)).astype(np.int64)]
                                & _all_valid(valid, size))
            which = np.searchsorted(forms.hashes, mixed[at])
            which[which == len(forms.hashes)] = 0
            hit = forms.hashes[which] == mixed[at]
            at, which = at[hit], which[hit]
            quiet = forms.is_silent[which]
            for offset in range(size):
                silent[at[quiet] + offset] = True
            found.append((at[~quiet], forms, which[~quiet]))
        return {size: hashes.get(size, np.zeros(0, np.uint64)) for size in PIECES}, found, silent

    def shared(self, columns: NDArray[np.int32], text: Sequence[str], *, most: int = 4) -> tuple[str, ...]:
        """Return the words behind columns that two texts share, for a person.

        Concepts that both name come first, then literal words of `text`; only where there is neither, what lies above
        the concepts of both. A concept above another of them, and a word inside another, is left out.
        """
        base = 1 << PIECE_BITS
        meant = [int(column) - base for column in columns if column >= base]
        named = [number // 2 for number in meant if number % 2 == 0]
        wider = [number // 2 for number in meant if number % 2]
        over = {up for number in wider for up in self._above[self.concepts[number]]}
        words = sorted((self.concepts[number] for number in named if number not in over), key=_longest_first)
        literal = self._literal("\n".join(text), set(columns[columns < base].tolist()))
        words += [word for word in literal if len(word) >= LEAST_LITERAL]
        words = words or sorted((self.concepts[number] for number in wider if number not in over), key=_longest_first)
        return tuple(dict.fromkeys(
            word for word in words if not any(word in one and word != one for one in words)))[:most]

    def _literal(self, text: str, pieces: set[int]) -> list[str]:
        """Return the stretches of a text that consist of shared pieces, longest first."""
        size = min(PIECES)
        line = plain(text)
        found, start, end = set(), None, 0
        for at, column in enumerate(_columns_of(line, size)):
            if column not in pieces:
                continue
            if start is None or at > end:
                found.add(line[start:end].strip() if start is not None else "")
                start = at
            end = at + size
        found.add(line[start:end].strip() if start is not None else "")
        return sorted(found - {""}, key=_longest_first)


def _table(entries: Sequence[Entry], place: Mapping[str, int], over: Mapping[str, Sequence[int]]) -> tuple[
        NDArray[np.int64], NDArray[np.float32], dict[int, _Forms]]:
    """Return what each form stands for: columns and values one after the other, and the forms by length."""
    base = 1 << PIECE_BITS
    meant: dict[str, dict[int, float]] = {}
    quiet: set[str] = set()
    for entry in entries:
        term = plain(entry.term)
        if not 1 < len(term) <= LONGEST_FORM or (entry.kind is EntryKind.PLACE and len(term) < SHORTEST_PLACE):
            continue
        if entry.kind is not EntryKind.CONCEPT:
            quiet.add(term)
            continue
        columns = meant.setdefault(term, {})
        own = place[entry.concept]
        columns[base + 2 * own] = SAME
        for number in (own, *over[entry.concept]):
            columns.setdefault(base + 2 * number + 1, WIDER)
    targets: list[int] = []
    values: list[float] = []
    by_size: dict[int, list[tuple[int, bool, int, int]]] = {}
    for term in sorted(quiet | set(meant)):
        start = len(targets)
        columns = {} if term in quiet and term not in meant else meant[term]
        targets += columns
        values += columns.values()
        by_size.setdefault(len(term), []).append((_hash_of(term), not columns, start, len(targets)))
    forms = {}
    for size, rows in by_size.items():
        rows.sort()
        forms[size] = _Forms(np.array([row[0] for row in rows], np.uint64), np.array([row[1] for row in rows]),
                             np.array([row[2] for row in rows], np.int64), np.array([row[3] for row in rows], np.int64))
    return np.array(targets, np.int64), np.array(values, np.float32), forms


def _step(rolling: Hashes, codes: Codes) -> Hashes:
    """Return the hashes of pieces one character longer."""
    return (rolling * _BASE) + codes[:len(rolling)].astype(np.uint64) + np.uint64(1)


def _mix(rolling: Hashes) -> Hashes:
    """Return hashes whose high bits are as good as the low ones."""
    mixed = rolling ^ (rolling >> np.uint64(29))
    mixed = mixed * np.uint64(0xBF58476D1CE4E5B9)
    made: Hashes = mixed ^ (mixed >> np.uint64(32))
    return made


def _hash_of(term: str) -> int:
    """Return the hash of one form."""
    codes = np.frombuffer(term.encode("utf-32-le"), np.uint32)
    rolling = np.zeros(1, np.uint64)
    for code in codes:
        rolling = _step(rolling, np.array([code], np.uint32))
    return int(_mix(rolling)[0])


def _longest_first(word: str) -> tuple[int, str]:
    """Return the key by which words are ordered for a person."""
    return -len(word), word


@lru_cache(maxsize=256)
def _columns_of(line: str, size: int) -> tuple[int, ...]:
    """Return the column of the piece that begins at each character of a short text."""
    codes = np.frombuffer(line.encode("utf-32-le", "surrogatepass"), np.uint32)
    rolling = np.zeros(len(codes), np.uint64)
    for length in range(1, size + 1):
        rolling = _step(rolling[:max(len(codes) - length + 1, 0)], codes[length - 1:])
    return tuple((_mix(rolling) >> np.uint64(64 - PIECE_BITS)).tolist())


def _code_points(texts: Sequence[Sequence[tuple[str, float]]]) -> tuple[Codes, NDArray[np.int64], NDArray[np.float32]]:
    """Return all characters of all texts, whose text each is, and what it weighs; a line end closes each part."""
    joined, lengths, owners, weights = [], [], [], []
    for owner, parts in enumerate(texts):
        for part, weight in parts:
            line = plain(part) + "\n"
            joined.append(line)
            lengths.append(len(line))
            owners.append(owner)
            weights.append(weight)
    codes = np.frombuffer("".join(joined).encode("utf-32-le", "surrogatepass"), np.uint32)
    many = np.array(lengths, np.int64)
    return codes, np.repeat(np.array(owners, np.int64), many), np.repeat(np.array(weights, np.float32), many)


def _is_letter(codes: Codes) -> Bits:
    """Say which characters are Chinese or Latin letters: figures, marks and spaces end a piece."""
    return ((codes >= 0x3400) & (codes <= 0x9FFF)) | ((codes >= 0x61) & (codes <= 0x7A))  # noqa: PLR2004


def _all_valid(valid: Bits, size: int) -> Bits:
    """Say where a piece of `size` characters stands on letters alone."""
    many = len(valid) - size + 1
    fits = valid[:max(many, 0)].copy()
    for offset in range(1, size):
        fits &= valid[offset:offset + many]
    return fits


def _sparse(keys: NDArray[np.int64], values: NDArray[np.float32], rows: int, columns: int) -> csr_array:
    """Return a matrix of summed values, none above MOST_REPEATS, columns in order."""
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    first = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else np.zeros(0, np.int64)
    sums = np.minimum(np.add.reduceat(values, first), MOST_REPEATS) if len(first) else np.zeros(0, np.float32)
    owners = keys[first] // columns
    starts = np.searchsorted(owners, np.arange(rows + 1))
    return csr_array((sums.astype(np.float32), (keys[first] % columns).astype(np.int32), starts.astype(np.int64)),
                     shape=(rows, columns))
