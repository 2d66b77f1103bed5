"""Romanizer by the tables of pypinyin (MIT): how Chinese is spoken, without tones.

Its tables are read, not its functions: those take four times as long, and a dictionary has 15,000 terms.
"""

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LONGEST_PHRASE = 4
_DIAERESIS = "\u0308"


class PypinyinRomanizer:
    """Says words; the tables are read on first use, words said before are remembered."""

    def syllables(self, word: str) -> tuple[str, ...]:
        """Return one syllable a character (重庆: chong, qing); what is not Chinese comes back as it is."""
        return _syllables(word)


@lru_cache(maxsize=50_000)
def _syllables(word: str) -> tuple[str, ...]:
    """Say a word: the longest phrases of the table from the left, the rest by its characters."""
    phrases, characters = _tables()
    found: list[str] = []
    while len(found) < len(word):
        at = len(found)
        longest = range(min(_LONGEST_PHRASE, len(word) - at), 1, -1)
        said = next((phrases[word[at:at + n]] for n in longest if word[at:at + n] in phrases), None)
        if said is None:
            said = [[characters.get(ord(word[at]), word[at]).split(",")[0]]]
        found += (_toneless(one[0]) for one in said)
    return tuple(found)


@lru_cache(maxsize=1)
def _tables() -> tuple["Mapping[str, Sequence[Sequence[str]]]", "Mapping[int, str]"]:
    """Return the phrases with a syllable for each character, and the readings of characters by code point."""
    from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

    return PHRASES_DICT, PINYIN_DICT


@lru_cache(maxsize=5_000)
def _toneless(syllable: str) -> str:
    """Return a syllable as it is typed: zhǎng becomes zhang, nǚ becomes nv."""
    parts = unicodedata.normalize("NFD", syllable.replace("ü", "v").replace("ɡ", "g"))
    typed = "".join(one for one in parts if not unicodedata.combining(one) or one == _DIAERESIS)
    return typed.replace("u" + _DIAERESIS, "v")
