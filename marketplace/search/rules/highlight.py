"""Where the words looked for stand in a text: one highlighter for pages, feeds and letters. Pure.

Words are compared in Simplified characters, half width and lower case; marks are set in the text as it was written,
also where the conversion made it shorter or longer.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

SNIPPET = 76                       # characters of a snippet
MOST_FORMS = 60
MOST_PLACES = 200                  # places of one word in one text that are looked at
MOST_TEXT = 20_000                 # characters of a text that are looked at
_LEAST_FORM = 2                    # one character alone says nothing, unless it is all that was asked
_EXACT = 600                       # characters of a text that are followed one by one through the conversion
_BACK = 24                         # how far a snippet begins before its first mark, at most
_PIECE = re.compile(r"[^，。；：！？、,.;:!?\s]+|[，。；：！？、,.;:!?\s]+")
_STOP = re.compile(r"[，。；：！？\n,;:!?]")
_SIGNS = [(sign, chr(ord(sign) - 0xFEE0)) for sign in "，：；（）！？"]      # those that every text has
_HALF = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}

Simplify = Callable[[str], str]
Span = tuple[int, int]


@dataclass(frozen=True)
class Piece:
    """A part of a text, as it was written."""

    text: str
    is_marked: bool = False


class Highlighter:
    """Marks forms (Simplified characters) in texts of any script."""

    def __init__(self, forms: Iterable[str], simplify: Simplify) -> None:
        self._simplify = simplify
        given = [form for form in (one.strip() for one in forms) if form and "\n" not in form]
        known = sorted({_plain(form).strip() for form in _changed(given, simplify)} - {""}, key=len, reverse=True)
        self._forms = tuple([form for form in known if len(form) >= _LEAST_FORM] or known)[:MOST_FORMS]

    def pieces(self, text: str) -> list[Piece]:
        """Return a whole text in pieces, marked and not."""
        text = text[:MOST_TEXT]
        if not self._forms or not text:
            return [Piece(text)] if text else []
        found, origin = self._seen(text)
        spans = _merged((origin[start][0], origin[end - 1][1]) for start, end, _ in _places(found, self._forms))
        return _cut(text, spans)

    def snippet(self, text: str, length: int = SNIPPET) -> list[Piece]:
        """Return the part of a text that holds the most of the words, in pieces; its beginning when it holds none."""
        text = " ".join(text[:MOST_TEXT].split())
        if len(text) <= length:
            return self.pieces(text)
        begin = self._begin(text, length)
        end = min(begin + length, len(text))
        inside = self.pieces(text[begin:end])
        return [*([Piece("…")] if begin else []), *inside, *([Piece("…")] if end < len(text) else [])]

    def holds(self, text: str) -> bool:
        """Say whether a text has any of the words."""
        return any(piece.is_marked for piece in self.pieces(text))

    def _begin(self, text: str, length: int) -> int:
        """Return where the best stretch of a text begins: most different words, then most letters of them."""
        plain = _plain(text)
        places = sorted(_places(plain, self._forms)) if len(plain) == len(text) else []
        if not places:
            found, origin = self._seen(text)
            places = sorted((origin[start][0], origin[end - 1][1], form)
                            for start, end, form in _places(found, self._forms))
        if not places:
            return 0
        first = max(range(len(places)), key=lambda number: (_worth(places, number, length), -number))
        begin = max(0, places[first][0] - _BACK)
        stops = [stop.end() for stop in _STOP.finditer(text, begin, places[first][0])]
        begin = stops[-1] if stops else begin
        return max(0, min(begin, len(text) - length))

    def _seen(self, text: str) -> tuple[str, list[Span]]:
        """Return a text as words are compared, and for each of its characters the stretch written there."""
        folded, origin = _folded(text)
        simple = self._simplify(folded)
        if self._is_letter_by_letter(folded, simple) or (len(simple) == len(folded) and len(text) > _EXACT):
            return simple, origin
        parts: list[str] = []
        spans: list[Span] = []
        at = 0
        for piece in _PIECE.findall(folded):
            changed = self._simplify(piece)
            parts.append(changed)
            written = origin[at:at + len(piece)]
            spans += written if self._is_letter_by_letter(piece, changed) else _aligned(piece, changed, written)
            at += len(piece)
        return "".join(parts), spans

    def _is_letter_by_letter(self, before: str, after: str) -> bool:
        """Say whether each character became the one that it becomes alone: then all stayed in their places."""
        return before == after or (len(before) == len(after) and all(
            one == other or _letter(self._simplify, one) == other for one, other in zip(before, after, strict=True)))


def _changed(lines: list[str], simplify: Simplify) -> list[str]:
    """Return lines in Simplified characters: all at once, then alone those that were not (few are)."""
    after = simplify("\n".join(lines)).split("\n")
    if len(after) != len(lines):
        return [simplify(line) for line in lines]
    return [line if line == changed else simplify(line) for line, changed in zip(lines, after, strict=True)]


@lru_cache(maxsize=20_000)
def _letter(simplify: Simplify, letter: str) -> str:
    """Return what one character becomes alone."""
    return simplify(letter)


def _half(text: str) -> str:
    """Return a text with its signs, letters and digits in half width."""
    for wide, half in _SIGNS:
        text = text.replace(wide, half)
    return text if unicodedata.is_normalized("NFKC", text) else text.translate(_HALF)


def _plain(text: str) -> str:
    """Return a text in half width and lower case."""
    text = _half(text).lower()
    return text if unicodedata.is_normalized("NFKC", text) else unicodedata.normalize("NFKC", text)


def _folded(text: str) -> tuple[str, list[Span]]:
    """Return a text in half width and lower case, and for each of its characters the one written there."""
    quick = _half(text).lower()
    if len(quick) == len(text) and unicodedata.is_normalized("NFKC", quick):
        return quick, list(zip(range(len(text)), range(1, len(text) + 1), strict=True))
    parts = [_plain(letter) for letter in text]
    return "".join(parts), [(number, number + 1) for number, part in enumerate(parts) for _ in part]


def _aligned(before: str, after: str, origin: Sequence[Span]) -> list[Span]:
    """Return for each character of the converted text the stretch of the written one."""
    if before == after:
        return list(origin)
    spans: list[Span] = []
    for kind, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if j - i == m - k:
            spans += origin[i:j]
        elif kind != "delete":
            whole = (origin[i][0], origin[j - 1][1]) if j > i else (origin[i - 1] if i else origin[0])
            spans += [whole] * (m - k)
    return spans


def _places(text: str, forms: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return (start, end, form) of the forms in a text; Latin ones only at the beginning of a word."""
    found = []
    for form in forms:
        if form not in text:
            continue
        start, seen = text.find(form), 0
        while start >= 0 and seen < MOST_PLACES:
            end = start + len(form)
            if not (form[0].isascii() and form[0].isalnum() and start and text[start - 1].isascii()
                    and text[start - 1].isalnum()):
                found.append((start, end, form))
                seen += 1
            start = text.find(form, end)
    return found


def _worth(places: Sequence[tuple[int, int, str]], first: int, length: int) -> int:
    """Return how many letters of different words stand in the stretch that begins with a place."""
    limit = places[first][0] + length - _BACK
    return sum({form: len(form) for start, end, form in places[first:first + MOST_PLACES] if end <= limit}.values())


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Return stretches in order, those that touch as one."""
    kept: list[Span] = []
    for start, end in sorted(spans):
        if kept and start <= kept[-1][1]:
            kept[-1] = (kept[-1][0], max(end, kept[-1][1]))
        else:
            kept.append((start, end))
    return kept


def _cut(text: str, spans: Sequence[Span]) -> list[Piece]:
    """Return a text in pieces."""
    pieces, last = [], 0
    for start, end in spans:
        if start > last:
            pieces.append(Piece(text[last:start]))
        pieces.append(Piece(text[start:end], is_marked=True))
        last = end
    return [*pieces, Piece(text[last:])] if last < len(text) else pieces
